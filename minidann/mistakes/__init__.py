"""Which mistake is it? One catalogue, used three times: to be caught, to name, to test the course.

catalogue.py     what a mistake is, and how its formula is grafted on right code
convolution.py   mixing.py  classifiers.py  functions.py
changes.py       ways to spoil an array, for mistakes that no catalogue lists
shares.py        how much of each path is in what was received, by least squares
explaining.py    the explanations that no input rules out
naming.py        the mistakes in an op
networks.py      the same for a whole network, and mistakes in putting it together
question.py      what is asked of a layer, and when two numbers are the same
"""

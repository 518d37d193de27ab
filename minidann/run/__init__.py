"""One run: setup.py before training, evaluation.py after each epoch, outcome.py at the end.

folder.py knows whose folder it is and how a run goes on; store.py writes files that a kill leaves
whole; splits.py and plots.py serve the others.
"""

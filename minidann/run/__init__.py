"""One run: setup.py before training, evaluation.py after each epoch, outcome.py at the end."""

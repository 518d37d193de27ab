"""One run, read downwards: setup.py (both corpora, the split), outcome.py (tests, model, figures).

store.py writes files that a kill leaves whole; splits.py and plots.py serve the two.
"""

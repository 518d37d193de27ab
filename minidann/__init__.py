"""minidann: cross-lingual speech emotion recognition with a domain adversarial network, in NumPy.

The files in reading order. The core, which is the paper:

    ops/            the layers, one file each: forward and backward by hand
    model.py        figure 1 and equations 5-10: encoder, two classifiers, their gradients
    feeding.py      table 3: four ways to feed two domains through batch normalisation
    optim.py        Adam, the decaying learning rate, l1 and l2
    state.py        a run's choices, its data, and all that changes while it trains
    training.py     the loop: epochs of steps, what is watched, the choice of an epoch

What stands around it:

    gradcheck/      finite differences and complex step: is a gradient right?
    diagnosis/      if it is not: what kind of wrong is it?
    mutants/        backward passes known to be wrong, which the checker must catch
    corpora/        from a folder on disk to a table of utterances
    audio.py        reading sound: any rate, mono or stereo, becomes 16 kHz mono
    truncation.py   was a sound file cut short?
    logmel.py       from sound to 26 log-mel energies every 10 ms
    normalise.py    zero mean, unit variance, 750 frames
    oddities.py     what is odd about the sound: silence, clipping, twins
    features.py     the features of a corpus, extracted once and cached
    splits.py       which rows train, which select, which test
    metrics.py      UAR, confusion, how much answers tell without labels
    intervals.py    how sure is a figure: intervals over speakers, paired, averaged
    adabn.py        a finished model whose batch norm is told how the target looks
    distance.py     how far apart are two corpora: the proxy A-distance
    runs.py         the run folder: files that a kill leaves whole
    plots.py        figures 2 and 3, confusion, attention over time
    experiment.py   one run, from two corpora to a run folder
    outcome.py      its end: the tests, the model, the figures
    train.py, predict.py    the commands
    report/         every table and figure of the paper, its claims, and what they hide
    moons/          the whole idea in two dimensions
    reader/         the lessons as HTML, with the code beside them
    coursework/     exercises on the lessons: hand out, check, grade
    console.py      errors in one line, progress
    parallel.py     the same work on several parts at once, on all cores
"""

__version__ = "0.1.0"

from minidann import parallel  # noqa: F401  before NumPy: it tells BLAS how many threads to use

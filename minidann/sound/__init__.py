"""From a sound file to the network's input.

audio.py       samples: mono, 16 kHz; truncation.py: is all of it there?
logmel.py      26 log-mel energies every 10 ms
normalise.py   zero mean, unit variance, 750 frames
warnings.py    data warnings about the sound: silence, clipping, duplicate recordings
features.py    the features of a whole corpus, extracted once and cached
"""

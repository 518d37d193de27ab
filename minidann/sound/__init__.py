"""From a sound file to the network's input: audio, logmel, normalise; features caches them."""

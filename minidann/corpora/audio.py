"""Any folder of recordings, without labels: a target that is to be recognised.

Who speaks is not known either; the folder in which a recording lies is taken for its speaker.
"""

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from minidann.corpora import manifest
from minidann.corpora.utterance import AUDIO, Findings, Utterance, files_below, is_audio


def find(root: Path) -> Path | None:
    return root if root.is_dir() and any(map(is_audio, files_below(root))) else None


def read(root: Path, found: Findings) -> list[Utterance]:
    utterances, named = [], defaultdict(list)
    for path in sorted(files_below(root)):
        if is_audio(path):
            if any(found.is_copy(other, path) for other in named[path.name]):
                continue
            named[path.name].append(path)
            speaker = found.inside(path.parent)
            utterances.append(Utterance(path, None, None, speaker, math.nan, math.nan))
        else:
            found.warn(f"files that are not {', '.join(AUDIO)}, not used", found.inside(path))
    return utterances


READER = replace(
    manifest.READER,
    looked_for=f"recordings ({', '.join(AUDIO)}) at any depth",
    advice="give a folder with recordings in it",
    find=find,
    read=read,
)

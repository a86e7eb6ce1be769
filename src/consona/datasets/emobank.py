"""EmoBank: English sentences of several genres rated for valence, arousal and dominance (Buechel & Hahn 2017)."""

from pathlib import Path

import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import checksums, corpus_file, corpus_folder
from consona.datasets.textcorpus import numbers, read_table, require_split, require_texts

CITATION = (
    "Buechel S, Hahn U (2017). EmoBank: studying the impact of annotation perspective and representation format on "
    "dimensional emotion analysis. EACL, 578-585"
)
LICENCE = "CC BY-SA 4.0"
COMMIT = "248ce2a43e165a66d31aeaed83cff9641d6654e0"
SPLITS = ("train", "dev", "test", "all")
PERSPECTIVES = ("both", "reader", "writer")
SCALES = {"V": "valence", "A": "arousal", "D": "dominance"}


def load_emobank(split: str = "all", *, perspective: str = "both", folder: Path | str | None = None) -> Dataset:
    """Sentences: columns ``text``, ``valence``, ``arousal``, ``dominance`` (1 to 5) and ``split``.

    ``perspective``: ``both`` (the published weighted means), ``reader`` or ``writer`` (joined by id). One text is the
    word "None": it stays a word.

    Raises :class:`MissingData` where the corpus is not there, :class:`InvalidInput` for an unknown split or perspective
    or a damaged file.
    """
    require_split(split, SPLITS, "EmoBank")
    if perspective not in PERSPECTIVES:
        raise InvalidInput(f"EmoBank has no perspective '{perspective}'; choose one of {listed(PERSPECTIVES)}.")
    root = corpus_folder("emobank", folder)
    path = corpus_file(root, "corpus/emobank.csv", "emobank")
    table = require_texts(read_table(path, ("id", "split", *SCALES, "text")), path).set_index("id")
    files = [path]
    if perspective != "both":
        files.append(corpus_file(root, f"corpus/{perspective}.csv", "emobank"))
        table = _rated_by(table, files[-1])
    scales = {name: numbers(table, letter, files[-1]).to_numpy() for letter, name in SCALES.items()}
    stimuli = Stimuli(pd.DataFrame({"text": table["text"], **scales, "split": table["split"]}, index=table.index))
    if split != "all":
        stimuli = stimuli.select(stimuli["split"] == split)
    name = f"emobank-{split}" if perspective == "both" else f"emobank-{perspective}-{split}"
    return Dataset(stimuli, (), name, COMMIT[:12], LICENCE, CITATION, checksums(root, files))


def _rated_by(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    ratings = read_table(path, ("id", *SCALES)).set_index("id")
    missing = table.index.difference(ratings.index)
    if len(missing):
        raise InvalidInput(f"{path.name} lacks {len(missing)} sentences: {listed(missing)}. Get the file again.")
    return table.drop(columns=list(SCALES)).join(ratings)

"""GoEmotions: Reddit comments with any of 27 emotions or neutral (Demszky et al. 2020). The texts contain profanity."""

from pathlib import Path

import numpy as np
import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import checksums, corpus_file, corpus_folder
from consona.datasets.textcorpus import read_rows, require_split

CITATION = (
    "Demszky D, Movshovitz-Attias D, Ko J, Cowen A, Nemade G, Ravi S (2020). GoEmotions: a dataset of fine-grained "
    "emotions. ACL, 4040-4054. arXiv:2005.00547"
)
LICENCE = "CC BY 4.0 (data); Apache-2.0 (repository)"
COMMIT = "b75f9d3a8b76bc1060687925b04ca98a1b8ea66b"
SPLITS = {name: f"data/original/{name}.tsv" for name in ("train", "dev", "test")}

_NAMES = """
admiration amusement anger annoyance approval caring confusion curiosity desire disappointment disapproval disgust
embarrassment excitement fear gratitude grief joy love nervousness optimism pride realization relief remorse sadness
surprise neutral
"""
_POSITIVE = "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief"
_NEGATIVE = """
anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness
"""
LABELS = tuple(_NAMES.split())
"""The 28 labels in the order of their ids."""
_BY_ID = {str(number): name for number, name in enumerate(LABELS)}

POSITIVE = frozenset(_POSITIVE.split())
NEGATIVE = frozenset(_NEGATIVE.split())
"""12 positive and 11 negative labels; confusion, curiosity, realization, surprise and neutral have no pole."""


def load_goemotions(split: str = "dev", *, folder: Path | str | None = None) -> Dataset:
    """Comments: columns ``text``, ``labels`` (names joined by commas) and ``n_labels``; splits train, dev, test.

    Raises :class:`MissingData` where the corpus is not there, :class:`InvalidInput` for an unknown split or a
    damaged file.
    """
    require_split(split, SPLITS, "GoEmotions")
    root = corpus_folder("goemotions", folder)
    path = corpus_file(root, SPLITS[split], "goemotions")
    table = read_rows(path, ("text", "label_ids", "comment"))
    stimuli = comments(
        table["text"].tolist(), [_names(ids, path) for ids in table["label_ids"]], table["comment"].tolist()
    )
    return Dataset(stimuli, (), f"goemotions-{split}", COMMIT[:12], LICENCE, CITATION, checksums(root, [path]))


def comments(texts: list[str], labels: list[tuple[str, ...]], ids: list[str]) -> Stimuli:
    """Comments as stimuli: ``text``, ``labels`` (names joined by commas), ``n_labels``."""
    columns = {
        "text": texts,
        "labels": [",".join(names) for names in labels],
        "n_labels": [len(names) for names in labels],
    }
    return Stimuli(pd.DataFrame(columns, index=ids))


def goemotions_valence(stimuli: Stimuli) -> Stimuli:
    """The comments with one pole, with the column ``label``: 1 positive, 0 negative.

    Kept are comments whose labels are all among the 12 positive, or all among the 11 negative ones. Left out: any
    comment with confusion, curiosity, realization, surprise or neutral, and comments that mix both poles.

    Raises :class:`InvalidInput` when the stimuli have no column ``labels``, or nothing is left.
    """
    sets = [frozenset(str(labels).split(",")) for labels in stimuli["labels"]]
    positive = np.array([names <= POSITIVE for names in sets])
    negative = np.array([names <= NEGATIVE for names in sets])
    kept = positive | negative
    if not kept.any():
        raise InvalidInput(
            f"None of the {len(stimuli)} comments has only positive or only negative labels. Check the labels."
        )
    return stimuli.select(kept).with_columns(label=positive[kept].astype(int))


def _names(ids: str, path: Path) -> tuple[str, ...]:
    try:
        return tuple(_BY_ID[each] for each in ids.split(","))
    except KeyError as error:
        raise InvalidInput(
            f"{path.name} holds the labels {ids!r}; expected numbers from 0 to {len(LABELS) - 1} ({listed(LABELS)}), "
            "joined by commas. Get the file again."
        ) from error

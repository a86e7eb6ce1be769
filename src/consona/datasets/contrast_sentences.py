"""Sentences about people, places and food, whose predicted responses are held against each other; or a user's own."""

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.own_tables import require_file
from consona.datasets.textcorpus import read_table, require_texts

__all__ = ["CONTRASTS", "OTHER", "contrast_ids", "load_contrast_sentences"]

OTHER = "other"
CONTRASTS: Mapping[str, tuple[str, str]] = {
    "people - places": ("people", "places"),
    "food - people": ("food", "people"),
    "food - places": ("food", "places"),
}


def load_contrast_sentences(path: Path | str | None = None) -> Stimuli:
    """Sentences with the column ``group``: ten each on people, places and food, and 44 on other things (``other``).

    All were written for consona. The last six of ``other`` are about nothing that can be seen.

    Parameters
    ----------
    path
        A user's own list: a CSV or TSV file with the columns ``group`` and ``text``, a sentence per row. Groups may
        have any names; those of the group ``other`` make up a null.

    Raises
    ------
    MissingData
        When there is no such file.
    InvalidInput
        When a column is missing, a sentence or a group is empty, or a sentence stands there twice (rows are named).
    """
    if path is not None:
        return _read(require_file(path, "sentences with the columns group and text"))
    with as_file(files("consona.datasets") / "tables" / "contrast_sentences.csv") as packed:
        return _read(packed)


def contrast_ids(
    sentences: Stimuli, contrasts: Mapping[str, tuple[str, str]] = CONTRASTS
) -> dict[str, tuple[list[str], list[str]]]:
    """The ids of the sentences of both groups of every contrast, for maps of differences.

    Raises
    ------
    InvalidInput
        When there is no such group, or a group is held against itself.
    """
    groups = sentences["group"]
    known = list(dict.fromkeys(groups.tolist()))
    wrong = [name for name, pair in contrasts.items() if not set(pair) <= set(known) or pair[0] == pair[1]]
    if wrong:
        raise InvalidInput(
            f"The contrasts {listed(wrong)} do not name two different groups of the sentences, which have "
            f"{listed(known, 20)}. Name two of these."
        )
    ids = {name: sentences.ids[groups == name].tolist() for name in known}
    return {name: (ids[first], ids[second]) for name, (first, second) in contrasts.items()}


def _read(path: Path) -> Stimuli:
    table = require_texts(read_table(path, ("group", "text")), path).apply(lambda column: column.str.strip())
    nameless = np.flatnonzero(table["group"] == "") + 1
    twice = np.flatnonzero(table["text"].str.lower().duplicated()) + 1
    if len(nameless) or len(twice):
        what, rows = ("have no group", nameless) if len(nameless) else ("repeat an earlier sentence", twice)
        raise InvalidInput(f"{path.name}: rows {listed(rows)} {what}. Mend or drop them.")
    place = table.groupby("group").cumcount()
    table.index = [f"{group} {number:02d}" for group, number in zip(table["group"], place, strict=True)]
    return Stimuli(table)

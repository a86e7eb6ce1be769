"""Splitting stimuli into folds by group, and looking for test stimuli that were seen in training."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from consona.stats.seeds import rng_for
from consona.stats.shapes import Bool, Int, Shaped

__all__ = ["RepeatedText", "group_folds", "repeated_texts", "shared_groups"]


def group_folds(groups: Shaped[np.ndarray, " n_rows"], n_folds: int, *, seed: int) -> Int[np.ndarray, " n_rows"]:
    """The fold of every row, ``0 .. n_folds - 1``; a group is never divided, folds hold about equally many rows.

    Groups are shuffled, then the largest first go to the lightest fold. With as many folds as groups this leaves one
    group out at a time. There is no fallback to single rows.

    Raises
    ------
    ValueError
        When there are fewer groups than folds, or fewer than two folds.
    """
    labels, codes = np.unique(groups, return_inverse=True)
    if n_folds < 2 or len(labels) < n_folds:
        raise ValueError(
            f"{n_folds} folds were asked for and there are {len(labels)} groups ({_named(labels)}); each fold needs at "
            f"least one group, and there are at least two folds. Use 2 to {len(labels)} folds or name other groups."
        )
    sizes = np.bincount(codes)
    shuffled = rng_for(seed, "group folds").permutation(len(labels))
    fold_of_group = np.empty(len(labels), dtype=np.int64)
    load = np.zeros(n_folds, dtype=np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        lightest = int(np.argmin(load))
        fold_of_group[group] = lightest
        load[lightest] += sizes[group]
    return fold_of_group[codes]


def shared_groups(
    groups: Shaped[np.ndarray, " n_rows"], train: Bool[np.ndarray, " n_rows"], test: Bool[np.ndarray, " n_rows"]
) -> Shaped[np.ndarray, " n_shared"]:
    """The groups with rows both in training and in test, sorted; empty when the split keeps groups together."""
    return np.intersect1d(groups[train], groups[test])


class RepeatedText(NamedTuple):
    """A test stimulus whose text was in training: positions of both, and whether they agree letter by letter."""

    train: int
    test: int
    exact: bool


def repeated_texts(
    texts: Sequence[str], train: Bool[np.ndarray, " n_rows"], test: Bool[np.ndarray, " n_rows"]
) -> list[RepeatedText]:
    """Every test text that also stands in training, exactly or but for blanks, case and the way accents are encoded.

    One entry per test row, with its first match in training (an exact one where there is one); in order of test rows.
    """
    exact: dict[str, int] = {}
    alike: dict[str, int] = {}
    for row in np.flatnonzero(train).tolist():
        exact.setdefault(texts[row], row)
        alike.setdefault(_normalised(texts[row]), row)
    found = []
    for row in np.flatnonzero(test).tolist():
        text = texts[row]
        match = exact.get(text, alike.get(_normalised(text)))
        if match is not None:
            found.append(RepeatedText(match, row, text in exact))
    return found


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def _named(labels: np.ndarray) -> str:
    shown = ", ".join(str(label) for label in labels[:5])
    return shown if len(labels) <= 5 else f"{shown}, ..."

"""Splitting stimuli into folds by group, and looking for test stimuli that were seen in training."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from consona.stats.seeds import rng_for
from consona.stats.shapes import Bool, Int, Shaped

__all__ = [
    "Folds",
    "RepeatedText",
    "blocked_folds",
    "group_folds",
    "grouped_folds",
    "inner_folds",
    "repeated_texts",
    "shared_groups",
]


class Folds(NamedTuple):
    """Training and test rows of every fold, two masks ``(n_folds, n_rows)``.

    A row may be in neither: that is how a purge gap around a test block is written.
    """

    train: Bool[np.ndarray, "n_folds n_rows"]
    test: Bool[np.ndarray, "n_folds n_rows"]


def grouped_folds(groups: Shaped[np.ndarray, " n_rows"], n_folds: int, *, seed: int) -> Folds:
    """Folds that keep every group together, see :func:`group_folds`; each row is tested once.

    Raises
    ------
    ValueError
        When there are fewer groups than folds, or fewer than two folds.
    """
    codes = group_folds(groups, n_folds, seed=seed)
    test = codes[None, :] == np.arange(n_folds)[:, None]
    return Folds(~test, test)


def blocked_folds(runs: Shaped[np.ndarray, " n_rows"], n_folds: int, *, purge: int = 0) -> Folds:
    """Folds of a time series: contiguous blocks of rows, and ``purge`` rows beside each left out of its training.

    Rows stand in the order of time. Several runs are whole folds of their own where there are at least ``n_folds`` of
    them (then spread over the folds in order); a single run, or too few, is cut into equal blocks within each run. A
    gap ends where its run ends.

    Raises
    ------
    ValueError
        When a run is not contiguous, ``purge`` is negative, or a fold is left without rows to train or to test.
    """
    _, first, run = np.unique(runs, return_index=True, return_inverse=True)
    run = np.asarray(np.argsort(np.argsort(first))[run])  # runs are numbered as they come
    if np.any(np.diff(run) < 0) or n_folds < 2 or purge < 0:
        raise ValueError(
            f"{n_folds} blocks with a gap of {purge} rows were asked for; rows of a run must stand together, blocks "
            "are at least two, and a gap is not negative. Sort the rows by run and time."
        )
    fold = _block_of_rows(run, n_folds)
    test = fold[None, :] == np.arange(n_folds)[:, None]
    train = ~(test | np.stack([_beside(rows, run, purge) for rows in test]))
    if not (test.any(axis=1) & train.any(axis=1)).all():
        raise ValueError(
            f"{n_folds} blocks of {len(run)} rows with a gap of {purge} leave a fold without training or test rows. "
            "Use fewer blocks or a smaller gap."
        )
    return Folds(train, test)


def inner_folds(folds: Folds, fold: int) -> Folds:
    """The other folds, within the training rows of one: where its settings are chosen without seeing its test rows.

    Raises
    ------
    ValueError
        When nothing is left to train or to test.
    """
    others = np.delete(np.arange(len(folds.test)), fold)
    own = folds.train[fold]
    inner = Folds(folds.train[others] & own, folds.test[others] & own)
    kept = inner.train.any(axis=1) & inner.test.any(axis=1)
    if not kept.any():
        raise ValueError(
            f"the {len(others)} other folds leave no rows to choose a setting on. Use more folds or a smaller gap."
        )
    return Folds(inner.train[kept], inner.test[kept])


def _block_of_rows(run: np.ndarray, n_folds: int) -> np.ndarray:
    n_runs = int(run[-1]) + 1
    if n_runs >= n_folds:
        whole: np.ndarray = run * n_folds // n_runs
        return whole
    blocks: np.ndarray = np.concatenate([np.arange(n) * n_folds // n for n in np.bincount(run)])
    return blocks


def _beside(test: np.ndarray, run: np.ndarray, purge: int) -> np.ndarray:
    near: np.ndarray = np.zeros_like(test)
    for step in range(1, purge + 1):
        same = run[step:] == run[:-step]
        near[step:] |= test[:-step] & same
        near[:-step] |= test[step:] & same
    return near


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

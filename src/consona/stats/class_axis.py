"""Principal components of a network's class means, and of its stimuli within classes, fold by fold."""

from typing import NamedTuple

import numpy as np

from consona.stats.shapes import Bool, Float, Int, Real, Shaped

__all__ = ["Components", "class_components", "residual_components", "stimulus_means"]


class Components(NamedTuple):
    """Principal components of one classifier, fold by fold (each fold is a network with features of its own).

    ``unit``: scores of the rows (classes, or stimuli within classes) as unit vectors, NaN where a component does not
    exist. ``known``: rows that the fold tested. ``groups``: rows with one number are centred together. ``directions``:
    the same components as unit vectors in the features. ``poles``: where every class lies along each component, which
    may settle its sign. ``shares``: of the variance between the rows.
    """

    unit: Float[np.ndarray, "n_folds n_rows n_pcs"]
    known: Bool[np.ndarray, "n_folds n_rows"]
    groups: Int[np.ndarray, " n_rows"]
    directions: Float[np.ndarray, "n_folds n_pcs n_features"]
    poles: Float[np.ndarray, "n_folds n_classes n_pcs"]
    shares: Float[np.ndarray, "n_folds n_pcs"]


def stimulus_means(
    features: Real[np.ndarray, "n_subjects n_stimuli n_features"], fold: Int[np.ndarray, "n_subjects n_stimuli"]
) -> Float[np.ndarray, "n_folds n_stimuli n_features"]:
    """Mean features of every stimulus over the subjects that a fold tested it in; NaN where there is none.

    Networks of different folds have features of their own, so nothing is averaged over folds.

    Parameters
    ----------
    features
        Penultimate features of rows when they were tested; whatever stands in untested rows is not read.
    fold
        The fold that tested a row, -1 for none.

    Raises
    ------
    ValueError
        When no row was tested, or a tested row holds a value that is not finite.
    """
    n_folds = int(fold.max(initial=-1)) + 1
    tested = fold >= 0
    broken = tested & ~np.isfinite(features).all(axis=2)
    if n_folds == 0 or broken.any():
        raise ValueError(
            f"{int(tested.sum())} rows were tested and {int(broken.sum())} of them hold features that are not finite; "
            "at least one row, and finite features, are needed. Check the fold of each row and the training."
        )
    means = np.full((n_folds, *features.shape[1:]), np.nan)
    for k in range(n_folds):
        rows = fold == k
        total = np.where(rows[:, :, None], features, 0.0).sum(axis=0, dtype=np.float64)
        n = rows.sum(axis=0)[:, None]
        np.divide(total, n, out=means[k], where=n > 0)
    return means


def class_components(
    patterns: Real[np.ndarray, "n_folds n_stimuli n_features"],
    labels: Shaped[np.ndarray, " n_stimuli"],
    *,
    n_kept: int = 1,
) -> Components:
    r"""Principal components of the class means in each fold, class by class in sorted order.

    .. math:: C - \bar c = U\,\mathrm{diag}(s)\,V^\top

    ``unit`` is *U*, ``directions`` is *V*. With ``n_kept`` 1 there is only the first component and nothing is searched;
    with more, :func:`component_scores` takes the best of them, and so does its null. ``patterns`` are
    :func:`stimulus_means`; every stimulus counts the same within its class. A fold that tested fewer than three classes
    has no component.
    """
    names, codes = np.unique(labels, return_inverse=True)
    parts = [_class_means(fold, codes, len(names)) for fold in patterns]
    found = [_principal(_centred(C, known), known, n_kept) for C, known in parts]
    unit = np.stack([U for U, _, _ in found])
    return Components(
        unit,
        np.stack([known for _, known in parts]),
        np.zeros(len(names), dtype=np.int64),
        np.stack([V for _, V, _ in found]),
        unit,
        np.stack([share for _, _, share in found]),
    )


def residual_components(
    patterns: Real[np.ndarray, "n_folds n_stimuli n_features"],
    labels: Shaped[np.ndarray, " n_stimuli"],
    *,
    n_kept: int | None = None,
) -> Components:
    r"""Principal components of what is left of stimuli when the mean of their class is taken away, in each fold.

    .. math:: X_i - \bar x_{c(i)} = U\,\mathrm{diag}(s)\,V^\top

    At most ``n_stimuli - n_classes`` exist (19 of 28 clips in nine classes); ``n_kept`` keeps the first ones.
    """
    names, codes = np.unique(labels, return_inverse=True)
    n_kept = len(codes) - len(names) if n_kept is None else n_kept
    known = np.isfinite(patterns).all(axis=2)
    parts = [_class_means(fold, codes, len(names))[0] for fold in patterns]
    found = [_principal(X - C[codes], rows, n_kept) for X, C, rows in zip(patterns, parts, known, strict=True)]
    poles = np.stack([_along(C, V) for C, (_, V, _) in zip(parts, found, strict=True)])
    return Components(
        np.stack([U for U, _, _ in found]),
        known,
        codes.astype(np.int64),
        np.stack([V for _, V, _ in found]),
        poles,
        np.stack([share for _, _, share in found]),
    )


def _class_means(X: np.ndarray, codes: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Class means over the stimuli that were tested, and which classes have any."""
    rows = np.isfinite(X).all(axis=1)
    n = np.bincount(codes[rows], minlength=n_classes)[:, None]
    total = np.zeros((n_classes, X.shape[1]))
    np.add.at(total, codes[rows], X[rows])
    return np.divide(total, n, out=np.full_like(total, np.nan), where=n > 0), n[:, 0] > 0


def _principal(X: np.ndarray, known: np.ndarray, n_kept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of rows ``(n_rows, n_kept)``, directions ``(n_kept, n_features)`` and shares; NaN beyond the rank."""
    unit, directions = np.full((len(X), n_kept), np.nan), np.full((n_kept, X.shape[1]), np.nan)
    shares = np.full(n_kept, np.nan)
    if known.sum() >= 3:
        U, s, Vt = np.linalg.svd(X[known], full_matrices=False)
        n = min(n_kept, int((s > s[0] * max(X.shape) * np.finfo(np.float64).eps * 16).sum()))
        unit[known, :n], directions[:n], shares[:n] = U[:, :n], Vt[:n], s[:n] ** 2 / np.sum(s**2)
        unit[~known, :n] = 0.0
    return unit, directions, shares


def _along(C: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Class means along each direction, classes that were not tested in the middle."""
    known = np.isfinite(C).all(axis=1)
    return np.asarray(np.where(known[:, None], _centred(C, known), 0.0) @ directions.T)


def _centred(C: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.asarray(C - np.where(known[:, None], C, 0.0).sum(axis=0) / max(1, int(known.sum())))

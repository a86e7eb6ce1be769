"""Whether penalties chosen in low precision are those that double precision chooses, on targets taken from all over."""

from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from consona.stats.folds import Folds
from consona.stats.ridge_cv import RidgeChoice, ridge_cv
from consona.stats.ridge_sweep import Sweep
from consona.stats.shapes import Array, Real
from consona.stats.targets import to_numpy

__all__ = ["PrecisionCheck", "float64_check"]


class PrecisionCheck(NamedTuple):
    """Share of targets with the same penalty, or one beside it, and the largest difference of scores at the chosen one.

    The difference is relative to the score in double precision, over the targets whose penalty is the same.
    """

    same: float
    within_one_step: float
    largest_difference: float


def float64_check(
    choice: RidgeChoice,
    X: Real[Array, "n_rows n_features"],
    Y: Array,
    alphas: Real[np.ndarray, " n_alphas"],
    folds: Folds,
    *,
    scaled: bool = True,
    n_targets: int = 256,
) -> PrecisionCheck:
    """Choose again in double precision, for some targets in even distances, and compare.

    Worth a look where features are nearly collinear and small penalties win: there single precision gives way first.

    Parameters
    ----------
    choice
        What :func:`consona.stats.ridge_cv.ridge_cv` chose, a penalty for each target.
    X, Y, alphas, folds, scaled
        As they were given to it.
    n_targets
        How many targets, at most.

    Raises
    ------
    ValueError
        As :func:`consona.stats.ridge_cv.ridge_cv`, or when no target has a penalty.
    """
    known = np.flatnonzero(~np.isnan(choice.alpha))
    if not len(known):
        raise ValueError("no target has a penalty; all are constant or not finite. There is nothing to compare.")
    some = known[np.unique(np.linspace(0, len(known) - 1, min(n_targets, len(known))).astype(np.int64))]
    xp = array_namespace(X)
    columns = [Y[:, target : target + 1] for target in some.tolist()]
    values = np.concatenate(
        [to_numpy(each) if is_array_api_obj(each) else np.asarray(each) for each in columns], axis=1
    )
    double = ridge_cv(xp.astype(X, xp.float64), values, alphas, folds, scaled=scaled, sweep=Sweep(choice.criterion))
    grid = np.union1d(choice.alphas, double.alphas)
    step = np.abs(np.searchsorted(grid, choice.alpha[some]) - np.searchsorted(grid, double.alpha))
    same = step == 0
    apart = np.abs(choice.score[some] / double.score - 1)[same]
    return PrecisionCheck(float(same.mean()), float((step <= 1).mean()), float(apart.max(initial=0.0)))

"""Do people agree about problems? Their mean responses and their similarities of patterns, with both kinds of error."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.published_predictivity import ALL_KINDS, of_kind
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names
from consona.stats.correlation import pearson_columns, unit_columns
from consona.stats.seeds import rng_for

__all__ = ["item_reliability"]

Matrix = npt.NDArray[np.float64]

MEASURES = ("stimulus means", "pattern similarity")
OVER = ("stimuli", "subjects")
_TAILS = (0.025, 0.975)


def item_reliability(dataset: Dataset, *, kind: str = ALL_KINDS, n_draws: int = 1000, seed: int = 0) -> xr.Dataset:
    r"""How far people agree in their responses to the same problems, in two measures that need no common voxels.

    *Stimulus means*: the mean over a person's voxels, z-scored over problems, correlated with the mean of the others.
    *Pattern similarity*: the correlation of two people's similarity matrices (Pearson's r between the patterns of all
    pairs of problems, upper triangle), averaged over pairs of people.

    Intervals (95 %, percentiles) are over stimuli, a pair of one with itself left out, and over subjects, likewise.

    Returns
    -------
    xr.Dataset
        ``mean (measure)``; ``t (measure)``, of the mean over subjects, for stimulus means alone (pairs of people are
        not independent); ``low, high (measure, over)``; ``r (measure, subject)``, each person with the others.

    Raises
    ------
    InvalidInput
        With fewer than three subjects, or as :func:`consona.alignment.published_predictivity.of_kind`.
    """
    chosen = of_kind(dataset, kind)
    n = len(chosen.recordings)
    if n < 3:
        raise InvalidInput(f"'{dataset.name}' has {n} subjects; agreement between people takes at least three.")
    Y = [each.mean() for each in chosen.recordings]
    Y = [each[:, np.isfinite(each).all(axis=0)] for each in Y]
    rng = rng_for(seed, "agreement over stimuli")
    n_stimuli = len(chosen.stimuli)
    drawn = rng.multinomial(n_stimuli, np.full(n_stimuli, 1 / n_stimuli), size=n_draws).astype(np.float64)
    people = rng_for(seed, "agreement over subjects").multinomial(n, np.full(n, 1 / n), size=n_draws)
    parts = [_of_means(Y, drawn, people), _of_patterns(Y, drawn, people)]
    r, mean, ends = (np.stack(each) for each in zip(*parts, strict=True))
    t = [r[0].mean() / (r[0].std(ddof=1) / np.sqrt(n)), np.nan]
    variables = {"mean": ("measure", mean), "t": ("measure", t), "r": (("measure", "subject"), r)}
    for place, name in enumerate(("low", "high")):
        variables[name] = (("measure", "over"), ends[:, :, place])
    coords = {"measure": as_names(MEASURES), "over": as_names(OVER), "subject": as_names(chosen.subjects)}
    return xr.Dataset(variables, coords, {"kind": kind, "n_stimuli": n_stimuli, "n_subjects": n})


def _of_means(Y: list[Matrix], drawn: Matrix, people: npt.NDArray[np.int64]) -> tuple[Matrix, float, Matrix]:
    Z = unit_columns(np.stack([each.mean(axis=1) for each in Y], axis=1))
    others = (Z.sum(axis=1, keepdims=True) - Z) / (Z.shape[1] - 1)
    r = pearson_columns(Z, others)
    over_stimuli = _weighted_r(Z, others, drawn).mean(axis=1)
    over_subjects = people @ r / people.sum(axis=1)
    return r, float(r.mean()), np.quantile([over_stimuli, over_subjects], _TAILS, axis=1).T


def _of_patterns(Y: list[Matrix], drawn: Matrix, people: npt.NDArray[np.int64]) -> tuple[Matrix, float, Matrix]:
    n, (first, second) = len(Y), np.triu_indices(len(Y[0]), 1)
    similar = np.stack([(unit_columns(each.T).T @ unit_columns(each.T))[first, second] for each in Y], axis=1)
    one, other = np.array(list(combinations(range(n), 2))).T
    pairs = pearson_columns(similar[:, one], similar[:, other])
    both = drawn[:, first] * drawn[:, second]
    over_stimuli = _weighted_r(similar[:, one], similar[:, other], both).mean(axis=1)
    together = (people[:, one] * people[:, other]).astype(np.float64)
    total = together.sum(axis=1)
    over_subjects = np.divide(together @ pairs, total, out=np.full(len(total), np.nan), where=total > 0)
    r = np.array([pairs[(one == i) | (other == i)].mean() for i in range(n)])
    return r, float(pairs.mean()), np.nanquantile([over_stimuli, over_subjects], _TAILS, axis=1).T


def _weighted_r(A: Matrix, B: Matrix, weights: Matrix) -> Matrix:
    """Correlation of every column of A with its own of B, rows weighted; ``(n_draws, n_columns)``."""
    A, B = A - A.mean(axis=0), B - B.mean(axis=0)
    share = weights / weights.sum(axis=1, keepdims=True)
    a, b = share @ A, share @ B
    product = share @ (A * B) - a * b
    spread = (share @ A**2 - a**2) * (share @ B**2 - b**2)
    return np.asarray(product / np.sqrt(np.where(spread > 0, spread, np.nan)))

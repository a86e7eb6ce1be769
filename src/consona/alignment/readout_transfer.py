"""What one representation says of another: linear read-outs between captions, categories and networks, both ways."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.caption_readout import embeddings_of
from consona.alignment.vertex_encoding import require_apart
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.fractional_path import fractional_fit
from consona.stats.fractional_settings import fractional_folds, mode_settings
from consona.stats.permutation import p_value, random_orders
from consona.stats.readout_scores import paired_null, row_cosines

__all__ = ["cross_readout", "cross_readouts"]

Array = npt.NDArray[np.floating]


def cross_readout(
    source: Features,
    goal: Features,
    *,
    train: Sequence[str],
    test: Sequence[str],
    n_permutations: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Read one table of features out of another, linearly, and compare with reading out the mean vector.

    A fractional ridge with intercept is fitted on the training stimuli, one fraction for each feature of the goal, and
    every test stimulus is scored by the cosine of its read-out and its true vector.

    Parameters
    ----------
    source, goal
        One layer each, of all these stimuli: embeddings, categories (0 and 1), activations of a network.
    train, test
        Ids of stimuli, without a common one.
    n_permutations
        Orders in which test stimuli exchange their true vectors; nothing is refitted.
    level, seed
        Of the intervals (test stimuli drawn again), and of orders, draws and folds.

    Returns
    -------
    xr.Dataset
        ``cosine`` and ``baseline`` (of the mean training vector) over ``stimulus``, NaN for a goal of zeros. Over
        ``measure`` (``cosine``, ``mean vector``, ``gain``: their difference): ``mean``, ``low``, ``high``. ``p`` that
        exchanged stimuli are read out as well. ``attrs`` count stimuli and undefined ones.

    Raises
    ------
    InvalidInput
        When training and test share a stimulus, one is not there, or nothing varies in training.
    """
    require_apart(train, test, "Cross read-out")
    X, new = embeddings_of(source, train), embeddings_of(source, test)
    Y, truth = embeddings_of(goal, train), embeddings_of(goal, test)
    predicted = _predicted(X, Y, new, seed)
    pairs = row_cosines(predicted.astype(np.float64), truth)
    cosine, baseline = np.diag(pairs), row_cosines(Y.mean(axis=0, dtype=np.float64)[None], truth)[0]
    values = np.stack([cosine, baseline, cosine - baseline], axis=1)
    known = np.isfinite(cosine)
    if not known.any():
        raise InvalidInput("No test stimulus has a goal with a direction: all are zero. Look at the goal.")
    low, high = bootstrap_interval(values[known], level=level, seed=seed)
    null = paired_null(pairs[np.ix_(known, known)], random_orders(int(known.sum()), n_permutations, seed=seed))
    p = float(p_value(cosine[known].mean(), null)) if n_permutations else np.nan
    return xr.Dataset(
        {
            "cosine": ("stimulus", cosine),
            "baseline": ("stimulus", baseline),
            "mean": ("measure", values[known].mean(axis=0)),
            "low": ("measure", low),
            "high": ("measure", high),
            "p": p,
        },
        {"stimulus": np.asarray(test, dtype=np.str_), "measure": ["cosine", "mean vector", "gain"]},
        {"n_train": len(X), "n_test": int(known.sum()), "n_undefined": int((~known).sum())},
    )


def cross_readouts(
    sources: Mapping[str, Features],
    goals: Mapping[str, Features],
    *,
    train: Sequence[str],
    test: Sequence[str],
    n_permutations: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """:func:`cross_readout` from every source to every goal: what is lost on the way there and on the way back.

    Returns
    -------
    xr.Dataset
        ``mean``, ``low`` and ``high`` over ``(source, goal, measure)``, ``p`` over ``(source, goal)``.

    Raises
    ------
    InvalidInput
        As :func:`cross_readout`.
    """
    kept = ["mean", "low", "high", "p"]
    how: dict[str, Any] = {"train": train, "test": test, "n_permutations": n_permutations, "seed": seed}
    rows = [
        xr.concat([cross_readout(one, other, **how)[kept] for other in goals.values()], "goal")
        for one in sources.values()
    ]
    return xr.concat(rows, "source").assign_coords(source=list(sources), goal=list(goals))


def _predicted(X: Array, Y: Array, new: Array, seed: int) -> Array:
    """Read-outs of new rows; a goal that is constant in training is read out as that constant."""
    settings = mode_settings("corrected")
    fractions = np.asarray(settings.fractions)
    precise = Y.astype(np.float64)
    try:
        fit = fractional_fit(X, precise, fractions, fractional_folds(len(Y), settings, seed=seed))
    except ValueError as error:
        raise InvalidInput(f"Nothing can be read out of this source: {error}") from None
    predicted: Array = np.asarray(fit.predict(new))
    return np.where(np.isnan(fit.alphas), precise.mean(axis=0), predicted)

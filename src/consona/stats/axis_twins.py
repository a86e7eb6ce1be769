"""Random twins of an axis: the same values, given to other classes, so that nothing of what the axis says is left."""

import numpy as np

from consona.stats.correlation import pearson
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Real, Shaped

__all__ = ["distance_correlation", "random_axis", "standardised"]

_TRIES = 5_000


def standardised(axis: Real[np.ndarray, "n_stimuli ..."]) -> Float[np.ndarray, "n_stimuli ..."]:
    """Every axis with mean 0 and SD 1 over the stimuli: the unit in which weights and temperatures are given.

    Raises
    ------
    ValueError
        When an axis is constant or not finite.
    """
    values = np.asarray(axis, dtype=np.float64)
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    if not np.isfinite(values).all() or not (np.ptp(values, axis=0) > 0).all():
        raise ValueError(
            "an axis is constant or has values that are not finite; it must vary over the stimuli. Leave that axis out."
        )
    scaled: np.ndarray = centred / spread
    return scaled


def random_axis(
    axis: Real[np.ndarray, "n_stimuli ..."],
    emotions: Shaped[np.ndarray, " n_labels"],
    *,
    seed: int,
    limit: float = 0.2,
) -> Float[np.ndarray, "n_stimuli ..."]:
    r"""The axis with its classes exchanged: the same numbers, in an order that has nothing to do with the truth.

    Whole classes change places, the stimuli of a class in their order; several axes move together. Only classes of
    equal size are exchanged, so that every value occurs exactly as often as before: mean, spread, covariance of the
    axes and the set of distances between stimuli stay. Orders are drawn until, for every axis, the twin correlates
    with the truth by at most ``limit`` in size, over stimuli and over classes, and so do their distances between
    classes: losses that read only distances are blind to the sign.

    Raises
    ------
    ValueError
        When numbers of rows differ, an axis is the same for all classes, or no such order is found: too few classes
        of equal size.
    """
    values = np.asarray(axis, dtype=np.float64).reshape(len(axis), -1)
    if len(emotions) != len(values):
        raise ValueError(f"the axis has {len(values)} rows and there are {len(emotions)} labels; align them.")
    names = np.unique(emotions)
    places = [np.flatnonzero(emotions == name) for name in names]
    sizes = np.array([len(rows) for rows in places])
    means = np.array([values[rows].mean(axis=0) for rows in places])
    if not (np.ptp(means, axis=0) > 0).all():
        raise ValueError("an axis has the same mean in all classes; exchanging classes changes nothing. Leave it out.")
    rng = rng_for(seed, "random axis", len(values), len(names))
    for _ in range(_TRIES):
        order = _order(sizes, rng)
        if _agreement(means, means[order]) <= limit:
            twin = np.empty_like(values)
            for rows, source in zip(places, order, strict=True):
                twin[rows] = values[places[source]]
            if max(abs(pearson(a, b)) for a, b in zip(twin.T, values.T, strict=True)) <= limit:
                return twin.reshape(np.shape(axis))
    raise ValueError(
        f"no order of {len(names)} classes (sizes {sizes.tolist()}) was found whose axis correlates by at most "
        f"{limit} with the true one, in values and distances. Only classes of equal size are exchanged: "
        "give more of them, or a higher limit."
    )


def distance_correlation(a: Real[np.ndarray, " n_stimuli"], b: Real[np.ndarray, " n_stimuli"]) -> float:
    r"""Correlation of :math:`|a_i - a_j|` with :math:`|b_i - b_j|` over all pairs: agreement but for the sign."""
    i, j = np.triu_indices(len(a), k=1)
    return float(pearson(np.abs(a[i] - a[j]), np.abs(b[i] - b[j])))


def _order(sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For every class, which class's values it gets; classes of other sizes keep their own."""
    order = np.arange(len(sizes))
    for size in np.unique(sizes):
        equal = np.flatnonzero(sizes == size)
        order[equal] = rng.permutation(equal)
    return order


def _agreement(truth: np.ndarray, twin: np.ndarray) -> float:
    """The largest correlation in size, of class values and of their distances, over axes."""
    found = [(abs(pearson(a, b)), abs(distance_correlation(a, b))) for a, b in zip(truth.T, twin.T, strict=True)]
    return float(np.max(found))

"""Does an axis that is read out of one corpus of EEG order the clips of another, and back?"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.correlation import pearson, pearson_columns
from consona.stats.estimators import RidgeEncoder
from consona.stats.permutation import all_orders, p_value, permuted_groups

__all__ = ["axis_transfer", "clip_cells"]

ALPHAS = tuple(float(each) for each in np.logspace(1, 6, 11))
N_FOLDS = 5
Array = npt.NDArray[np.float64]


def clip_cells(tensor: xr.DataArray) -> Array:
    """Mean over the windows at shift 0, z-scored within subject over clips: ``(n_subjects, n_stimuli, n_cells)``."""
    means = tensor.sel(shift=0.0).mean("window").transpose("subject", "stimulus", "channel", "band").values
    flat = means.reshape(*means.shape[:2], -1).astype(np.float64)
    centred = flat - flat.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)


def axis_transfer(a: xr.DataArray, b: xr.DataArray, axis_a: npt.ArrayLike, axis_b: npt.ArrayLike) -> xr.Dataset:
    """Ridge from all cells to the axis, fitted on the people and clips of one corpus, tested on those of the other.

    Parameters
    ----------
    a, b
        Tensors with the same channels and bands, in the same order; ``emotion`` along ``stimulus``.
    axis_a, axis_b
        Value of each clip, ``(n_stimuli,)``.

    Returns
    -------
    xr.Dataset
        Over ``direction`` (``a to b``, ``b to a``): ``r`` of the read-out, averaged over the tested people, with the
        axis over clips, ``p`` against all orders of the tested classes (:math:`5! = 120` for five), and ``subject_r``
        with ``low`` and ``high``: the mean over people of their own r. ``n_classes``, ``n_subjects``.

    Raises
    ------
    InvalidInput
        When channels or bands differ.
    """
    for dim in ("channel", "band"):
        if not np.array_equal(a[dim].values.astype(str), b[dim].values.astype(str)):
            raise InvalidInput(
                f"The corpora differ in {dim}: {listed(a[dim].values.tolist())} and {listed(b[dim].values.tolist())}. "
                "Bring both to the cells that they share."
            )
    sides = [(clip_cells(each), np.asarray(axis, float)) for each, axis in ((a, axis_a), (b, axis_b))]
    emotions = [each["emotion"].values.astype(str) for each in (a, b)]
    rows = [_tested(sides[0], sides[1], emotions[1]), _tested(sides[1], sides[0], emotions[0])]
    keys = ("r", "p", "subject_r", "low", "high", "n_classes", "n_subjects")
    return xr.Dataset(
        {key: ("direction", [row[i] for row in rows]) for i, key in enumerate(keys)},
        {"direction": ["a to b", "b to a"]},
    )


def _tested(train: tuple[Array, Array], test: tuple[Array, Array], emotions: npt.NDArray[np.str_]) -> tuple[float, ...]:
    cells, axis = train
    n_subjects, n_stimuli, n_cells = cells.shape
    people = np.repeat(np.arange(n_subjects), n_stimuli)
    targets = np.tile((axis - axis.mean()) / axis.std(), n_subjects)[:, None]
    model = RidgeEncoder(alphas=ALPHAS, cv=min(N_FOLDS, n_subjects)).fit(
        cells.reshape(-1, n_cells), targets, groups=people
    )
    new, values = test
    predicted = np.asarray(model.predict(new.reshape(-1, n_cells))).reshape(new.shape[:2])
    mean = predicted.mean(axis=0)
    orders = permuted_groups(values, emotions, all_orders(len(np.unique(emotions))))
    null = pearson_columns(orders.T, np.broadcast_to(mean[:, None], orders.T.shape))
    own = pearson_columns(predicted.T, np.broadcast_to(values[:, None], predicted.T.shape))
    low, high = bootstrap_interval(own, seed=0)
    r = pearson(mean, values)
    facts = (float(np.nanmean(own)), float(low), float(high), float(len(np.unique(emotions))), float(len(new)))
    return (r, float(p_value(r, null, exact=True)), *facts)

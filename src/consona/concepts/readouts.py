"""Read-outs of emotions from pooled states: fitted on one split, chosen on the second, graded on the third."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from consona.concepts.linear_maps import (
    STRENGTHS,
    LinearMap,
    Standard,
    balanced_share,
    readout_facts,
    require_penalties,
)
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import aligned, as_names, listed
from consona.stats.linear_readout import LinearReadout

__all__ = ["PROBE", "PROTOTYPE", "fit_readouts", "graded", "linear_readout", "mask_names", "require_cells"]

PROBE, PROTOTYPE = "linear probe", "prototype"


def fit_readouts(
    train: Features,
    train_labels: xr.DataArray,
    dev: Features,
    dev_labels: xr.DataArray,
    *,
    layer: int = -1,
    strengths: Sequence[float] = STRENGTHS,
) -> xr.Dataset:
    """A linear probe and a prototype read-out for every emotion, of one layer of the intact model.

    The probe is a logistic regression, carriers against all other comments, both sides weighing the same; among the
    penalties the one with the best balanced accuracy on the dev split is kept, the stronger at a tie. The prototype is
    the difference of the two means, with the threshold half-way. Both are fitted on features standardised over the
    training split; weights and bias apply to the states as they are. Nothing is drawn at random.

    Parameters
    ----------
    train, dev
        States of different comments.
    train_labels, dev_labels
        ``(stimulus, emotion)``, see :func:`~consona.concepts.comments.comment_labels`; put in order by id and name.
    layer
        Which of the layers held; negative numbers count from the last.
    strengths
        Penalties: weights of half the squared length of the map beside the mean loss.

    Returns
    -------
    xr.Dataset
        ``weight (readout, emotion, feature)``, ``bias``, ``dev_accuracy`` (balanced) and ``strength`` (NaN for
        prototypes) ``(readout, emotion)``; attrs say which layer, model, site and pooling.

    Raises
    ------
    InvalidInput
        When ids or emotions of labels and states differ, splits share comments, a split has only carriers or none of
        an emotion, or a penalty is not above 0.
    """
    facts = readout_facts(train, dev, layer)
    penalties = require_penalties(strengths)
    emotions = as_names(train_labels["emotion"].values)
    shared = set(train.ids.tolist()) & set(dev.ids.tolist())
    if shared:
        raise InvalidInput(f"{len(shared)} comments are in both splits ({listed(sorted(shared))}). Leave them out.")
    y, z = _labels(train, train_labels, emotions, "training"), _labels(dev, dev_labels, emotions, "dev")
    standard, held = Standard.of(train.layer(layer)), dev.layer(layer).astype(np.float64)
    probes = [_best_probe(standard, y[:, i], held, z[:, i], penalties) for i in range(len(emotions))]
    prototypes = [standard.prototype(y[:, i]) for i in range(len(emotions))]
    plain = [balanced_share(each(held)[:, 0], z[:, i]) for i, each in enumerate(prototypes)]
    maps = [[each for each, _, _ in probes], prototypes]
    over = ("readout", "emotion")
    return xr.Dataset(
        {
            "weight": ((*over, "feature"), np.array([[each.weight[0] for each in row] for row in maps])),
            "bias": (over, np.array([[each.bias[0] for each in row] for row in maps])),
            "dev_accuracy": (over, np.array([[score for _, score, _ in probes], plain])),
            "strength": (over, np.array([[strength for _, _, strength in probes], [np.nan] * len(emotions)])),
        },
        {"readout": [PROBE, PROTOTYPE], "emotion": emotions},
        facts,
    )


def linear_readout(readouts: xr.Dataset, items: xr.Dataset) -> LinearReadout:
    """What must be read of a model to grade the items: a cell per read-out, emotion and item, in this order.

    Raises
    ------
    InvalidInput
        When the items ask for an emotion that has no read-out.
    """
    chosen = _of_items(readouts, items)
    names = [f"{kind}: {each}" for kind in _names(chosen, "readout") for each in _names(chosen, "emotion")]
    wanted = [ids[ids != ""] for ids in _item_ids(items)]
    per_readout = len(_names(chosen, "readout"))
    output = [np.repeat(name, len(ids)) for name, ids in zip(names, wanted * per_readout, strict=True)]
    return LinearReadout(
        np.array(names),
        chosen["weight"].values.reshape(len(names), -1),
        chosen["bias"].values.reshape(-1),
        np.concatenate(wanted * per_readout),
        np.concatenate(output),
    )


def graded(cells: xr.DataArray, items: xr.Dataset, readouts: xr.Dataset) -> xr.Dataset:
    """How well each edited model answers the items.

    Parameters
    ----------
    cells
        ``(mask, cell)``: outputs in the order of :func:`linear_readout`, which say yes above 0.
    items, readouts
        As given to :func:`linear_readout`.

    Returns
    -------
    xr.Dataset
        ``accuracy`` and ``auc`` ``(mask, readout, emotion)``, every item counting the same; NaN where any of the
        outputs is NaN, and ``n_undefined``, how many are. ``tested`` and ``n_available`` come along.

    Raises
    ------
    InvalidInput
        When the cells are not those of the items.
    """
    wanted = linear_readout(readouts, items)
    values = require_cells(cells, wanted)
    chosen, labels = _of_items(readouts, items), items["label"].values
    shape = (len(values), len(_names(chosen, "readout")), labels.shape[0])
    accuracy, auc, undefined = np.empty(shape), np.empty(shape), np.empty(shape, dtype=np.int64)
    start = 0
    for r in range(shape[1]):
        for e in range(shape[2]):
            label = labels[e][labels[e] >= 0] == 1
            block = values[:, start : start + len(label)]
            accuracy[:, r, e], auc[:, r, e] = _right(block, label), _areas(block, label)
            undefined[:, r, e] = (~np.isfinite(block)).sum(axis=1)
            start += len(label)
    dims = ("mask", "readout", "emotion")
    coords = {"mask": mask_names(cells), "readout": chosen["readout"].values, **items["emotion"].coords}
    found = {"accuracy": (dims, accuracy), "auc": (dims, auc), "n_undefined": (dims, undefined)}
    return xr.Dataset(found, coords)


def require_cells(cells: xr.DataArray, wanted: LinearReadout) -> np.ndarray:
    """The values ``(mask, cell)``, after a look at whether they are those of a read-out.

    Raises
    ------
    InvalidInput
        When dimensions, their number, or the stimuli or outputs they name are others.
    """
    if tuple(cells.dims) != ("mask", "cell") or cells.sizes["cell"] != len(wanted.stimulus):
        raise InvalidInput(
            f"Cells are (mask, cell) with {len(wanted.stimulus)} cells; found {dict(cells.sizes)}. Read the model with "
            "the read-out of the same items."
        )
    for name, expected in (("stimulus", wanted.stimulus), ("output", wanted.output)):
        if name in cells.coords and as_names(cells[name].values).tolist() != as_names(expected).tolist():
            raise InvalidInput(f"The cells name another {name} than the items, or another order. Read the model again.")
    return np.asarray(cells.values, dtype=np.float64)


def mask_names(cells: xr.DataArray) -> np.ndarray:
    """The names of the masks, or their numbers."""
    return cells["mask"].values if "mask" in cells.coords else np.arange(cells.sizes["mask"])


def _right(block: np.ndarray, label: np.ndarray) -> np.ndarray:
    right = ((block > 0) == label).mean(axis=1) if len(label) else np.full(len(block), np.nan)
    return np.where(np.isfinite(block).all(axis=1), right, np.nan)


def _areas(block: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of every row, ties counting half."""
    n_yes, n_no = int(label.sum()), int((~label).sum())
    if not n_yes or not n_no:
        return np.full(len(block), np.nan)
    defined = np.isfinite(block).all(axis=1)
    ranks = rankdata(np.where(defined[:, None], block, 0.0), axis=1)
    area = (ranks[:, label].sum(axis=1) - n_yes * (n_yes + 1) / 2) / (n_yes * n_no)
    return np.where(defined, area, np.nan)


def _best_probe(
    standard: Standard, y: np.ndarray, held: np.ndarray, z: np.ndarray, strengths: list[float]
) -> tuple[LinearMap, float, float]:
    maps = standard.logistic(y, strengths)
    scores = [balanced_share(each(held)[:, 0], z) for each in maps]
    best = int(np.argmax(scores))
    return maps[best], scores[best], strengths[best]


def _labels(features: Features, labels: xr.DataArray, emotions: np.ndarray, split: str) -> np.ndarray:
    """``(n_stimuli, n_emotions)`` in the order of states and names, with both answers for every emotion."""
    if set(labels.dims) != {"stimulus", "emotion"}:
        raise InvalidInput(f"Labels are (stimulus, emotion); found {labels.dims}. See comment_labels.")
    labels = labels.transpose("stimulus", "emotion")
    rows = aligned(features.ids, as_names(labels["stimulus"].values), ("States", f"labels of the {split} split"))
    found = as_names(labels["emotion"].values)
    if sorted(found.tolist()) != sorted(set(emotions.tolist())):
        odd = sorted(set(found.tolist()) ^ set(emotions.tolist()))
        raise InvalidInput(f"Labels of the two splits differ in {listed(odd)}. Make both from the same names.")
    columns = aligned(emotions, found, ("Emotions", f"labels of the {split} split"))
    y = np.asarray(labels.values, dtype=bool)[np.ix_(rows, columns)]
    bad = emotions[~y.any(axis=0) | y.all(axis=0)]
    if len(bad):
        raise InvalidInput(
            f"In the {split} split all comments or none carry {listed(bad)}; both are needed. Take more comments."
        )
    return y


def _of_items(readouts: xr.Dataset, items: xr.Dataset) -> xr.Dataset:
    """The read-outs of the emotions of the items, in their order."""
    known, wanted = as_names(readouts["emotion"].values), as_names(items["emotion"].values)
    missing = sorted(set(wanted.tolist()) - set(known.tolist()))
    if missing:
        raise InvalidInput(f"There is no read-out of {listed(missing)}; there are {listed(known, 30)}. Fit them too.")
    return readouts.isel(emotion=[known.tolist().index(name) for name in wanted.tolist()])


def _item_ids(items: xr.Dataset) -> list[np.ndarray]:
    return [as_names(row) for row in items["stimulus"].transpose("emotion", "item").values]


def _names(data: xr.Dataset, dim: str) -> list[str]:
    return [str(name) for name in as_names(data[dim].values)]

"""How wide the null of new clips really is: labels exchanged before the fit, for a decoder that is quickly fitted."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.hold_outs import held_out_together
from consona.alignment.transfer import clip_cells
from consona.core.invariants import as_names
from consona.stats.balanced_accuracy import balanced_accuracy
from consona.stats.pairwise import orders_within
from consona.stats.permutation import p_value
from consona.stats.splits import ThreeWay

__all__ = ["refitted_null", "widened_p"]

_BLOCK = 64


def refitted_null(tensor: xr.DataArray, split: ThreeWay, *, n_permutations: int, seed: int) -> xr.Dataset:
    """Nearest class mean over the cells of clips, its labels exchanged before the fit and, the same orders, after it.

    Clips of one class that are alike help each other across the folds that hold them out; labels that are exchanged
    after the training do not know that, and their null is too narrow. How much, the same orders say for a decoder that
    can be fitted thousands of times.

    Parameters
    ----------
    tensor
        As decoders read it; its shift 0 is averaged over windows and z-scored within subject.
    split
        Which clips and people are new; whole clips are exchanged within those that are held out together.
    n_permutations, seed
        Of the orders.

    Returns
    -------
    xr.Dataset
        Mean over subjects of the balanced accuracy: ``refitted (order)``, ``exchanged (order)``; attrs ``observed``,
        ``ratio`` of their standard deviations, never below 1.
    """
    emotions = as_names(tensor["emotion"].values)
    _, labels = np.unique(emotions, return_inverse=True)
    orders = orders_within(held_out_together(split), n_permutations, seed=seed)
    every = np.vstack([np.arange(len(labels))[None], orders])
    predicted = _predicted(clip_cells(tensor), split, labels[every])
    refitted = np.array([np.nanmean(balanced_accuracy(p, labels[o])) for p, o in zip(predicted, every, strict=True)])
    exchanged = np.array([np.nanmean(balanced_accuracy(predicted[0], labels[o])) for o in orders])
    ratio = max(1.0, float(refitted[1:].std() / exchanged.std()))
    data = {"refitted": ("order", refitted[1:]), "exchanged": ("order", exchanged)}
    return xr.Dataset(data, attrs={"observed": float(refitted[0]), "ratio": ratio})


def widened_p(observed: float, null: npt.NDArray[np.float64], factor: float) -> float:
    """One-sided p, ``(k + 1) / (n + 1)``, against a null with its deviations from its mean taken ``factor`` times."""
    wide = null.mean() + factor * (null - null.mean())
    return float(p_value(observed, wide))


def _predicted(cells: npt.NDArray[np.float64], split: ThreeWay, labels: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The nearest class of every tested row under each labelling ``(n_labellings, n_stimuli)``; -1 where untested."""
    found = np.full((len(labels), *cells.shape[:2]), -1, dtype=np.intp)
    member = np.equal.outer(labels, np.arange(labels.max() + 1)).astype(np.float64)
    for train, test in zip(split.train, split.test, strict=True):
        total, count = np.einsum("si,sic->ic", train.astype(np.float64), cells), train.sum(axis=0).astype(np.float64)
        rows = cells[test]
        for start in range(0, len(labels), _BLOCK):
            own = member[start : start + _BLOCK]
            n = np.einsum("pik,i->pk", own, count)
            sums = np.einsum("pik,ic->pkc", own, total)
            means = np.divide(sums, n[..., None], out=np.full_like(sums, np.nan), where=n[..., None] > 0)
            closeness = np.einsum("rc,pkc->prk", rows, means) - 0.5 * np.einsum("pkc,pkc->pk", means, means)[:, None]
            found[start : start + _BLOCK, test] = np.where(np.isnan(closeness), -np.inf, closeness).argmax(axis=-1)
    return found

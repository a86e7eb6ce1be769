"""Published figures about people: what attributes explain of similarity, and how far raters agree."""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import kendalltau, pearsonr

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.stats.rdm_ceiling import rdm_ceiling
from consona.stats.reliability import split_half_reliability

_DIGITS = 9

Array = npt.NDArray[np.float64]


def concept_figures(human: Array, attributes: xr.DataArray, *, n_splits: int = 200, seed: int) -> xr.Dataset:
    """How people's similarities and the attributes of the same emotions go together, one number each, as published.

    Parameters
    ----------
    human
        Distances ``(n_subjects, n_pairs)``, the upper triangle of all emotions row by row.
    attributes
        Scores ``(emotion, attribute)``; distances are their differences, rounded to nine decimals so that ties stay.
    n_splits, seed
        How many random halves of the raters are compared, and their randomness.

    Returns
    -------
    xr.Dataset
        ``tau`` (tau-b with the mean rater) and ``r2_alone`` over ``attribute``; ``r2`` of all attributes together
        (least squares); ``split_half`` (mean over splits) and ``reliability`` (Spearman and Brown); of one rater with
        the mean of the others ``spearman``, ``kendall``, with the mean of all ``spearman_upper``.

    Raises
    ------
    InvalidInput
        When raters and attributes are not about the same emotions, or a value is missing.
    """
    i, j = np.triu_indices(attributes.sizes["emotion"], 1)
    scores = attributes.transpose("emotion", "attribute").values
    if human.shape[1] != len(i) or not (np.isfinite(human).all() and np.isfinite(scores).all()):
        raise InvalidInput(
            f"{human.shape[1]} pairs were rated and {attributes.sizes['emotion']} emotions have {len(i)}; every pair "
            "and every score is needed. Align both by name."
        )
    A = np.round(np.abs(scores[i] - scores[j]), _DIGITS)
    mean = np.round(human.mean(axis=0), _DIGITS)
    reliability, halves = split_half_reliability(human, n_splits=n_splits, seed=seed)
    ceiling = rdm_ceiling(human, comparison="spearman")
    others = (human.sum(axis=0) - human) / (len(human) - 1)
    single = {
        "r2": _r2(A, mean),
        "split_half": halves.mean(),
        "reliability": reliability,
        "spearman": ceiling.lower.mean(),
        "spearman_upper": ceiling.upper.mean(),
        "kendall": np.mean([kendalltau(own, rest).statistic for own, rest in zip(human, others, strict=True)]),
    }
    found = xr.Dataset({name: ((), float(value)) for name, value in single.items()})
    found["tau"] = ("attribute", [kendalltau(mean, column).statistic for column in A.T])
    found["r2_alone"] = ("attribute", [_r2(column[:, None], mean) for column in A.T])
    return found.assign_coords(attribute=attributes["attribute"].values)


def agreement_link(tables: xr.Dataset) -> xr.Dataset:
    """Is an emotion on which raters agree read more accurately by the intact model? Pearson over emotions.

    ``tables`` as in :mod:`consona.concepts.published_masks`. Agreement and accuracy share the comments and their
    labels, so this says how clean labels are, not what a model knows.

    Returns
    -------
    xr.Dataset
        ``r, p`` over ``agreement`` (``kappa``, ``interrater_r``); ``baseline``: mean accuracy of the intact model.

    Raises :class:`InvalidInput` when the tables lack these columns.
    """
    names = ["kappa", "interrater_r"]
    missing = [name for name in (*names, "accuracy_intact") if name not in tables]
    if missing:
        raise InvalidInput(f"The tables lack {listed(missing)}; they hold {listed(tables)}. Load the whole tables.")
    accuracy = tables["accuracy_intact"].values
    found = [pearsonr(tables[name].values, accuracy) for name in names]
    values = {"r": [each.statistic for each in found], "p": [each.pvalue for each in found]}
    data = xr.Dataset({name: ("agreement", np.array(each)) for name, each in values.items()}, {"agreement": names})
    return data.assign(baseline=float(accuracy.mean()))


def _r2(A: Array, y: Array) -> float:
    """Share of the variance that least squares with a constant explain."""
    centred, target = A - A.mean(axis=0), y - y.mean()
    rest = target - centred @ np.linalg.lstsq(centred, target, rcond=None)[0]
    return float(1 - (rest @ rest) / (target @ target))

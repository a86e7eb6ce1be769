"""How an axis depends on the layer, on how many texts made it, and on whose texts they were."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.axis import AxisRule
from consona.concepts.treatments import TREATMENTS, massive
from consona.concepts.zero_shot import binary_labels
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.stats.bootstrap import auc
from consona.stats.seeds import rng_for

N_RESAMPLES = 20


def layer_sweep(
    texts: Features, emotions: npt.NDArray[np.str_], *, rule: AxisRule, test: Features, stimuli: Stimuli
) -> xr.Dataset:
    """AUC of an axis fitted at every layer, under every treatment of the activations.

    Returns
    -------
    xr.Dataset
        ``score (treatment, layer)``, NaN where a layer is the same for all texts, and ``n_massive (layer)``, the number
        of massive dimensions among the axis texts.
    """
    labels = binary_labels(test, stimuli)
    table = np.full((len(TREATMENTS), len(texts.layers)), np.nan)
    for i, treat in enumerate(TREATMENTS.values()):
        fitted, shown = treat(texts, texts), treat(test, texts)
        for j, layer in enumerate(texts.layers):
            if np.ptp(fitted.layer(int(layer)), axis=0).any():
                axis = rule.fit(fitted, emotions, layer=int(layer))
                table[i, j] = auc(axis.project(shown), labels)
    variables = {"score": (("treatment", "layer"), table), "n_massive": (("layer",), massive(texts).sum(axis=1))}
    return xr.Dataset(variables, {"treatment": list(TREATMENTS), "layer": texts.layers})


def shot_counts(emotions: npt.NDArray[np.str_]) -> list[int]:
    """Numbers of texts per class to try: 1, 2, 5, 10, 20, 50, as far as every class has that many."""
    most = int(np.unique(emotions, return_counts=True)[1].min())
    return sorted({n for n in (1, 2, 5, 10, 20, 50) if n < most} | {most})


def shot_curve(
    texts: Features,
    emotions: npt.NDArray[np.str_],
    *,
    layer: int,
    rule: AxisRule,
    test: Features,
    stimuli: Stimuli,
    seed: int,
) -> xr.Dataset:
    """AUC against the number of texts per class, over random choices of texts: median and 95 % range.

    Returns
    -------
    xr.Dataset
        ``y, low, high`` over ``(series, x)``; ``x`` is the number of texts per class.
    """
    labels, counts = binary_labels(test, stimuli), shot_counts(emotions)
    names = np.unique(emotions)
    found = np.empty((len(counts), N_RESAMPLES))
    for i, n in enumerate(counts):
        for j in range(N_RESAMPLES):
            rng = rng_for(seed, "shots", n, j)
            chosen = np.concatenate([rng.choice(np.flatnonzero(emotions == name), n, replace=False) for name in names])
            some = texts.select(texts.ids[chosen])
            axis = rule.fit(some, emotions[chosen], layer=layer)
            found[i, j] = auc(axis.project(test), labels)
    quantiles = np.quantile(found, (0.5, 0.025, 0.975), axis=1)
    variables = {key: (("series", "x"), quantiles[k][None]) for k, key in enumerate(("y", "low", "high"))}
    return xr.Dataset(variables, {"series": ["texts chosen at random"], "x": counts})


def seed_set_spread(
    sets: dict[str, tuple[Features, npt.NDArray[np.str_]]],
    *,
    layer: int,
    rule: AxisRule,
    test: Features,
    stimuli: Stimuli,
) -> xr.Dataset:
    """AUC and mutual cosine of axes from independently written texts.

    Returns
    -------
    xr.Dataset
        ``effect (label)``, ``n_texts (label)`` and ``cosine (label, other)``.
    """
    labels = binary_labels(test, stimuli)
    axes = [rule.fit(f, e, layer=layer) for f, e in sets.values()]
    vectors = np.stack([axis.values for axis in axes])
    variables = {
        "effect": (("label",), np.array([auc(axis.project(test), labels) for axis in axes])),
        "n_texts": (("label",), np.array([len(f) for f, _ in sets.values()])),
        "cosine": (("label", "other"), vectors @ vectors.T),
    }
    return xr.Dataset(variables, {"label": list(sets), "other": list(sets)})

"""How sure an encoding score is: the same held-out predictions under other draws of the stimuli."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.held_out import HeldOut, varying_layers
from consona.alignment.layers import ALPHAS
from consona.alignment.regions import EVERYWHERE
from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names
from consona.core.recording import Recording
from consona.stats.prediction_bootstrap import drawn_groups, prediction_draws
from consona.stats.stacking import nested_layer_choice

N_DRAWS = 1000
FEWEST_GROUPS = 10
_LEAST_BLOCK = 10
Array = npt.NDArray[np.float64]


def encoding_draws(
    features: Features,
    recordings: Mapping[str, Recording],
    *,
    split: Split,
    region: str | None = None,
    n_draws: int = N_DRAWS,
) -> dict[str, xr.Dataset]:
    """Mean encoding score per region, the layer chosen in training, and ``n_draws`` resamples of the stimuli.

    Every subject has one layer per fold, the one with the smallest error in the inner folds; the fits are kept while
    groups of stimuli are drawn again, and the spread of the draws is widened for the fits that other stimuli would have
    given (by 1.5 with five folds). Two sets of features scored with one split are drawn alike, so the difference of
    their draws is paired. Runs that show the same conditions are drawn whole, a time series in blocks of at least the
    gap (and ten volumes). ``region`` is a coordinate of the targets; all targets are taken together where it is not
    given.

    Returns
    -------
    dict
        By subject: ``score (target)`` and ``draws (draw, target)`` with the regions as targets, and last
        ``all targets``; ``layer (fold)``, the chosen layers.

    Raises
    ------
    InvalidInput
        When stimuli differ, no layer varies, or the targets have no such coordinate.
    """
    _, layers = varying_layers(features, split)
    responses = {name: HeldOut.of(recording, split, 0).responses for name, recording in recordings.items()}
    sizes = np.array([each.shape[1] for each in responses.values()])
    together = np.repeat(np.arange(len(sizes)), sizes)
    found = nested_layer_choice(
        [each.astype(np.float64) for each in layers.values()],
        np.concatenate(list(responses.values()), axis=1),
        split.folds(),
        split.inner(),
        np.asarray(ALPHAS),
        together=together,
    )
    names = np.array(list(layers))
    drawn = {}
    for place, (name, recording) in enumerate(recordings.items()):
        mine = together == place
        drawn[name] = _drawn(found.predictions[:, mine], responses[name], split, _regions(recording, region), n_draws)
        drawn[name]["layer"] = ("fold", names[found.chosen[:, np.flatnonzero(mine)[0]]])
    return drawn


def _drawn(predicted: Array, responses: Array, split: Split, labels: npt.NDArray[np.str_], n_draws: int) -> xr.Dataset:
    names = list(dict.fromkeys([*labels.tolist(), EVERYWHERE]))
    member = np.stack([(labels == name) | (name == EVERYWHERE) for name in names], axis=1).astype(np.float64)
    folds = split.folds()
    tests = folds.test if split.fold_wise else np.any(folds.test, axis=0, keepdims=True)
    once = np.ones((1, len(responses)), dtype=np.int64)
    counts = drawn_groups(_drawn_together(split), n_draws, seed=split.seed)
    values = prediction_draws(predicted, responses, tests, np.concatenate([once, counts]), member)
    if len(np.unique(_drawn_together(split))) < FEWEST_GROUPS:
        values[1:] = np.nan  # so few groups say nothing about others
    draws = values[0] + _widening(split) * (values[1:] - _centre(values[1:]))
    data = {"score": (("target",), values[0]), "draws": (("draw", "target"), draws)}
    return xr.Dataset(data, {"target": as_names(names)}, {"draws": n_draws})


def _centre(draws: Array) -> Array:
    """Mean of the draws that are defined: one in which a fold holds a single stimulus says nothing about the others."""
    known = np.isfinite(draws)
    n = known.sum(axis=0)
    centre: Array = np.divide(np.where(known, draws, 0.0).sum(axis=0), n, out=np.full(n.shape, np.nan), where=n > 0)
    return centre


def interval(draws: npt.NDArray[np.float64], *, level: float = 0.95) -> tuple[float, float]:
    """The middle ``level`` of the draws; NaN where too few are defined."""
    defined = draws[np.isfinite(draws)]
    if len(defined) < 20:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def _widening(split: Split) -> float:
    r"""How much wider draws of test stimuli must be made, because the fits would have differed, too.

    .. math:: \sqrt{1 + \frac{K}{K - 1}}

    for the mean over K folds: Nadeau and Bengio (2003), whose training sets share all but a K-th of their stimuli. For
    pooled predictions, where they give nothing, 2: a simulation with 40 and 60 stimuli needed 1.3 to 2.2.
    """
    n_folds = split.n_folds
    return float(np.sqrt(1 + n_folds / (n_folds - 1))) if split.fold_wise else 2.0


def _regions(recording: Recording, region: str | None) -> npt.NDArray[np.str_]:
    if region is None:
        return np.full(recording.n_targets, EVERYWHERE)
    if region not in recording.data.coords:
        raise InvalidInput(
            f"The targets of '{recording.subject}' have no coordinate '{region}'; they have "
            f"{[str(name) for name in recording.data.coords if name != 'stimulus']}."
        )
    return as_names(recording.data[region].values)


def _drawn_together(split: Split) -> npt.NDArray[np.str_]:
    if split.kind != "time":
        return split.labels
    size = max(_LEAST_BLOCK, split.purge)
    names = split.labels.astype(object)
    for label in np.unique(split.labels):
        rows = np.flatnonzero(split.labels == label)
        names[rows] = [f"{label}/{place // size}" for place in range(len(rows))]
    return as_names(names)

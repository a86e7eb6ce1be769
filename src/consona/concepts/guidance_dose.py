"""A mean shift on new problems: how much it helps at every strength, beside random ones, and what it costs."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.guidance_design import DIMS, Answered, asked_margins
from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.stats.guidance_ascent import unit_rows
from consona.stats.permutation import p_value
from consona.stats.seeds import rng_for

__all__ = ["STRENGTHS", "Cost", "best_strength", "dose_response"]

STRENGTHS: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)

Cost = Callable[[xr.DataArray], xr.DataArray]
"""Shifts ``(variant, layer, feature)`` of the last token of neutral texts to a cost ``(variant,)``; more is worse."""


def dose_response(
    directions: xr.DataArray,
    problems: Stimuli,
    answered: Answered,
    *,
    strengths: Sequence[float] = STRENGTHS,
    cost: Cost | None = None,
    n_random: int = 20,
    seed: int,
) -> xr.Dataset:
    """Net gain on problems that made no direction, for every condition and strength, and that of random directions.

    A problem is shifted by the mean shift of its own kind, and by the mean over kinds where its kind has none
    (transfer). Random directions have, in every kind and layer, the length of the first condition's. All problems
    count, right ones too. **Choose the strength on other problems** (:func:`best_strength` of a validation set): the
    largest of several gains on the tested ones is no gain.

    Parameters
    ----------
    directions
        ``(condition, kind, layer, feature)``, finite; see :func:`consona.concepts.guidance.mean_shift`.
    problems
        With ``label`` and ``kind``.
    answered
        See :data:`consona.concepts.guidance_design.Answered`; called once per condition and random direction.
    strengths
        Multiples of the mean shift, increasing.
    cost
        What a shift does to other texts; asked about every kind's shift, and averaged over kinds.
    n_random
        Random directions.
    seed
        Their randomness.

    Returns
    -------
    xr.Dataset
        ``net``, ``wrong_to_right``, ``right_to_wrong (condition, strength)``, shares of the problems; ``low``,
        ``high`` and ``random_net (strength)``: 2.5 %, 97.5 % and mean of random directions; ``p (condition,
        strength)`` against them, for one strength at a time; ``cost (condition, strength)`` and ``random_cost
        (strength)`` where a cost is given, beside ``cost_before``.

    Raises
    ------
    InvalidInput
        When directions are not finite, strengths do not increase from above 0, or margins are not finite.
    """
    steps = _require_doses(directions, strengths, n_random)
    given = directions.transpose("condition", "kind", "layer", "feature")
    means = np.asarray(given.values, dtype=np.float64)
    rng, length = rng_for(seed, "random shifts"), np.linalg.norm(means[:1], axis=-1, keepdims=True)
    means = np.concatenate([means, unit_rows(rng.standard_normal((n_random, *means.shape[1:]))) * length])
    kinds = given["kind"].values.tolist()
    at = np.array([kinds.index(kind) if kind in kinds else len(kinds) for kind in problems["kind"].tolist()])
    labels, layers = np.asarray(problems["label"]).astype(bool), given["layer"].values.tolist()

    def right(mean: npt.NDArray[np.float64], factors: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        of_item = np.concatenate([mean, mean.mean(axis=0, keepdims=True)])[at]
        shifts = np.multiply.outer(factors, of_item).astype(np.float32)
        coords = {"variant": np.arange(len(factors)), "stimulus": problems.ids, "layer": layers}
        return (asked_margins(answered, xr.DataArray(shifts, coords, DIMS)) > 0) == labels

    before = right(means[0], np.zeros(1))[0]
    after = np.stack([right(mean, steps) for mean in means])
    doses = _doses(before, after, given["condition"].values, steps)
    return doses if cost is None else doses.assign(_costs(means, steps, layers, cost, given.sizes["condition"]))


def best_strength(doses: xr.Dataset) -> xr.DataArray:
    """The strength with the largest net gain of every condition, the weaker one of equals: of a *validation* set."""
    return doses["strength"][doses["net"].argmax("strength")].drop_vars("strength").rename("best_strength")


def _doses(
    before: npt.NDArray[np.bool_],
    after: npt.NDArray[np.bool_],
    conditions: npt.NDArray[np.str_],
    steps: npt.NDArray[np.float64],
) -> xr.Dataset:
    n = len(conditions)
    gained, lost = (after & ~before).sum(axis=2), (~after & before).sum(axis=2)
    net = (gained - lost) / len(before)
    band = np.quantile(net[n:], [0.025, 0.975], axis=0)
    both = ("condition", "strength")
    return xr.Dataset(
        {
            "net": (both, net[:n]),
            "wrong_to_right": (both, gained[:n] / len(before)),
            "right_to_wrong": (both, lost[:n] / len(before)),
            "p": (both, p_value(net[:n], np.repeat(net[n:, None], n, axis=1))),
            "random_net": ("strength", net[n:].mean(axis=0)),
            "low": ("strength", band[0]),
            "high": ("strength", band[1]),
            "accuracy_before": float(before.mean()),
        },
        {"condition": conditions, "strength": steps},
        {"n_random": len(net) - n, "n_items": len(before)},
    )


def _costs(
    means: npt.NDArray[np.float64], steps: npt.NDArray[np.float64], layers: list[int], cost: Cost, n: int
) -> dict[str, object]:
    def asked(shifts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        coords = {"variant": np.arange(len(shifts)), "layer": layers}
        found = np.asarray(
            cost(xr.DataArray(shifts.astype(np.float32), coords, ("variant", "layer", "feature"))).values
        )
        if found.shape != (len(shifts),) or not np.isfinite(found).all():
            raise InvalidInput(f"Costs came back as {found.shape} for {len(shifts)} shifts; finite, one for each.")
        return found.astype(np.float64)

    plain = float(asked(np.zeros((1, *means.shape[2:])))[0])
    every = np.stack([asked(np.multiply.outer(steps, mean).reshape(-1, *mean.shape[1:])) for mean in means])
    of_kinds = every.reshape(len(means), len(steps), -1).mean(axis=2)
    return {
        "cost": (("condition", "strength"), of_kinds[:n]),
        "random_cost": ("strength", of_kinds[n:].mean(axis=0)),
        "cost_before": plain,
    }


def _require_doses(directions: xr.DataArray, strengths: Sequence[float], n_random: int) -> npt.NDArray[np.float64]:
    steps = np.asarray(strengths, dtype=np.float64)
    if steps.ndim != 1 or not len(steps) or steps[0] <= 0 or (np.diff(steps) <= 0).any() or n_random < 1:
        raise InvalidInput(
            f"Strengths {steps.tolist()} and {n_random} random directions were asked for; strengths increase from "
            "above 0, and at least one direction is random."
        )
    finite = bool(np.isfinite(directions.values).all())
    if set(directions.dims) != {"condition", "kind", "layer", "feature"} or not finite:
        raise InvalidInput(
            f"Directions have the dims {directions.dims} and are {'' if finite else 'not '}all finite; they are "
            "(condition, kind, layer, feature), and a kind without success is left out."
        )
    return steps

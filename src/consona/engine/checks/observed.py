"""What nouns say of themselves: facts for checks, read from every result that a run stores."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from consona.core.features import Features
from consona.core.score import Score
from consona.engine.checks.check import Evidence


def observed(where: str, value: Any) -> Iterator[Evidence]:
    """Evidence in a result: from every Score and Features in it, also inside mappings, lists and tuples.

    Read from the attributes of a Score, where they are there: ``held_out``, ``shares_stimuli`` (CON011), ``folds``
    (CON001), ``half_width`` (CON003), ``penalty_chosen_in``, ``features_per_stimulus``, ``stimuli_in_training``,
    ``n_at_edge``, ``n_penalties`` (CON006), ``correction``, ``n_tests``, ``smallest_p``, ``alpha`` (CON004, CON007).
    From those of Features: ``n_truncated`` (CON008).
    """
    if isinstance(value, dict):
        for name, each in value.items():
            yield from observed(f"{where}.{name}", each)
    elif isinstance(value, (list, tuple)):
        for place, each in enumerate(value):
            yield from observed(f"{where}.{place}", each)
    elif isinstance(value, Features) and "n_truncated" in value.attrs:
        yield Evidence("CON008", where, {"n_stimuli": len(value), "n_truncated": int(value.attrs["n_truncated"])})
    elif isinstance(value, Score):
        yield from _of_score(where, value)


def _of_score(where: str, score: Score) -> Iterator[Evidence]:
    facts = score.attrs
    yield Evidence("CON011", where, {"cv": score.cv, **_those(facts, "held_out", "shares_stimuli")})
    yield Evidence("CON005", where, {"n_targets": int(score.data.size), "n_undefined": score.n_undefined})
    if "folds" in facts:
        yield Evidence("CON001", where, _those(facts, "held_out", "folds"))
    if "penalty_chosen_in" in facts:
        names = ("penalty_chosen_in", "features_per_stimulus", "stimuli_in_training", "n_at_edge", "n_penalties")
        yield Evidence("CON006", where, _those(facts, *names))
    if score.ceiling is not None:
        highest = _highest(score)
        ceiling = highest.broadcast_like(score.data).transpose(*score.data.dims).values.tolist()
        yield Evidence(
            "CON003", where, {"score": score.data.values.tolist(), "ceiling": ceiling, **_those(facts, "half_width")}
        )
    if "correction" in facts:
        tests = {"n_tests": int(score.data.size), **_those(facts, "correction", "n_tests", "alpha")}
        yield Evidence("CON007", where, tests)
        if "smallest_p" in facts or score.null is not None:
            n = {} if score.null is None else {"n_permutations": score.null.sizes["permutation"]}
            yield Evidence("CON004", where, {**tests, **n, **_those(facts, "smallest_p")})


def _highest(score: Score) -> xr.DataArray:
    """The ceiling; its upper bound where it has two."""
    assert score.ceiling is not None
    upper = score.attrs.get("ceiling_upper")
    fits = upper is not None and np.shape(upper) == score.ceiling.shape
    return score.ceiling.copy(data=np.asarray(upper, dtype=float)) if fits else score.ceiling


def _those(facts: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: facts[name] for name in names if name in facts}

"""Class decoding: which class was seen, told from mean patterns, run by run."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names
from consona.core.recording import Recording
from consona.core.score import Score
from consona.stats.class_patterns import class_patterns, left_out_similarities
from consona.stats.seeds import rng_for

__all__ = ["class_score"]

Array = npt.NDArray[np.float64]


def class_score(
    recording: Recording, labels: npt.ArrayLike, runs: npt.ArrayLike, *, n_permutations: int = 1000, seed: int = 0
) -> Score:
    """Which class was seen, told from mean patterns: one run held out, the most similar class of the others wins.

    The mean pattern of a class in a run is correlated over targets with the mean pattern of every class over the other
    runs; Haxby et al. (2001). Nothing is tuned. Under the null classes change places within every run, and the means
    are taken again.

    Parameters
    ----------
    recording
        Responses of one subject, detrended or z-scored within runs; missing targets are left out and counted.
    labels, runs
        Class and run of every stimulus of the recording, in its order.
    n_permutations
        Size of the null; 0 for none.
    seed
        Randomness of the null.

    Returns
    -------
    Score
        Over ``attribute``: ``accuracy`` (share of patterns whose own class is the most similar; ties broken by lot) and
        ``two-way`` (share of pairs of the own and one other class in which the own is more similar; ties count half),
        over the patterns of all runs. ``attrs`` hold counts, the confusion of classes, chance, the mean of the null.

    Raises
    ------
    InvalidInput
        When lengths differ, a class is missing in a run, or there are fewer than two runs or classes.
    """
    names, places = as_names(labels), as_names(runs)
    if not len(names) == len(places) == len(recording) or len(np.unique(names)) < 2:
        raise InvalidInput(
            f"{len(recording)} stimuli have {len(names)} labels of {len(np.unique(names))} classes and {len(places)} "
            "runs; give one of each per stimulus, and at least two classes."
        )
    Y = recording.mean()
    kept = np.isfinite(Y).all(axis=0)
    try:
        patterns = class_patterns(Y[:, kept], names, places)
        own = np.tile(np.arange(patterns.shape[1], dtype=np.int32), (1, patterns.shape[0], 1))
        drawn = rng_for(seed, "classes within runs").permuted(np.repeat(own, n_permutations, axis=0), axis=2)
        similarities = left_out_similarities(patterns, np.concatenate([own, drawn]))
    except ValueError as error:
        raise InvalidInput(f"Classes of recording '{recording.subject}': {error}") from None
    hits, ways = _identified(similarities)
    values = np.stack([hits.mean(axis=1), ways.mean(axis=1)], axis=1)
    attrs: dict[str, object] = {
        "classes": np.unique(names).tolist(),
        "confusion": _confusion(similarities[0]).tolist(),
        "n_correct": float(hits[0].sum()),
        "n_of": int(hits.shape[1]),
        "n_targets_left_out": int((~kept).sum()),
    }
    return _score(values, attrs)


def _score(values: Array, attrs: dict[str, Any]) -> Score:
    """The first row are the values, the others their null."""
    coords = {"attribute": ["accuracy", "two-way"]}
    facts = {
        **attrs,
        "cv": "pooled",
        "held_out": "run",
        "shares_stimuli": True,
        "chance": {"accuracy": 1 / len(attrs["classes"]), "two-way": 0.5},
    }
    null = None
    if len(values) > 1:
        null = xr.DataArray(values[1:], coords, ("permutation", "attribute"))
        facts["null"] = "classes exchanged within every run, means taken again"
        facts["null_mean"] = dict(zip(coords["attribute"], values[1:].mean(axis=0).tolist(), strict=True))
        facts["smallest_p"] = 1 / len(values)
    data = xr.DataArray(values[0], coords, ("attribute",))
    cv = "one run held out; patterns of all runs pooled; nothing is tuned"
    return Score(data, "classes by correlation with the mean of other runs", cv, null, attrs=facts)


def _identified(similarities: Array) -> tuple[Array, Array]:
    """For every order and pattern: whether its own class wins (a share where classes tie), and over how many others."""
    n_orders, _, n_classes, _ = similarities.shape
    own = np.einsum("orcc->orc", similarities)[..., None]
    better = (similarities > own).sum(axis=-1).reshape(n_orders, -1)
    tied = (similarities == own).sum(axis=-1).reshape(n_orders, -1) - 1
    defined = np.isfinite(similarities).all(axis=-1).reshape(n_orders, -1)
    hits = np.where(better == 0, 1.0 / (tied + 1.0), 0.0)
    ways = 1.0 - (better + tied / 2.0) / (n_classes - 1)
    return np.where(defined, hits, np.nan), np.where(defined, ways, np.nan)


def _confusion(similarities: Array) -> npt.NDArray[np.int64]:
    """How often a pattern of the class of the row was taken for the class of the column."""
    n_classes = similarities.shape[-1]
    table = np.zeros((n_classes, n_classes), dtype=np.int64)
    own = np.broadcast_to(np.arange(n_classes), similarities.shape[:2])
    np.add.at(table, (own, np.argmax(similarities, axis=-1)), 1)
    return table

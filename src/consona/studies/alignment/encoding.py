"""Encoding: every set of features, every subject, the layer chosen without the test folds, intervals and ceilings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.ceilings import repetition_ceiling
from consona.alignment.encoding import encoding_score, fold_wise, require_defined, share_at_edge
from consona.alignment.encoding_draws import chosen_layers, encoding_draws
from consona.alignment.regions import region_means, side_by_side, subject_mean, target_tests
from consona.core.score import Score
from consona.studies.alignment.reading import MODEL

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.alignment.material import Material
    from consona.studies.alignment.study import Alignment

EDGE = 0.05


@dataclass(frozen=True)
class Encoded:
    """Scores by set of features.

    Attributes
    ----------
    scores
        Of the model, by subject, over ``(layer, target)``, with null and ceiling.
    tests
        p of every target, by subject.
    whole
        By set of features: mean over all targets, over ``(subject, layer)`` with the target ``all targets``.
    draws
        By set of features and subject: the score of the chosen layers, per region and over all targets, and its draws.
    """

    scores: dict[str, Score]
    tests: dict[str, xr.Dataset]
    whole: dict[str, Score]
    draws: dict[str, dict[str, xr.Dataset]]
    chosen: dict[str, tuple[int, ...]]
    pooled: bool

    def value(self, name: str) -> float:
        """Mean over subjects of the score of a set of features, at the layers chosen for it."""
        return float(np.nanmean([float(each["score"].sel(target="all targets")) for each in self.draws[name].values()]))


def encoding_part(study: "Alignment", run: "Run", material: "Material") -> Encoded:
    """Score the model with its null, every control without (with, where scores are pooled), and draw intervals."""
    if study.strict:
        for recording in material.recordings.values():
            require_defined(recording)
    pooled = not all(fold_wise(split) for split in material.splits.values())
    ceilings = run.each("ceiling", repetition_ceiling, {s: (each,) for s, each in material.recordings.items()})
    scores, draws, whole, chosen = {}, {}, {}, {}
    for name, features in material.features.items():
        word = name.replace(" ", "-")
        n = study.n_permutations if name == MODEL or pooled else 0
        given = {
            s: {"features": features.select(split.ids), "recording": material.recordings[s], "split": split}
            for s, split in material.splits.items()
        }
        scores[name] = run.each(f"encoding-{word}", encoding_score, given, n_permutations=n)
        layers = run.each(f"layers-{word}", chosen_layers, given)
        drawn = {s: {**given[s], "layers": tuple(layers[s]), "region": material.region} for s in given}
        draws[name] = run.each(f"draws-{word}", encoding_draws, drawn)
        whole[name] = side_by_side({s: region_means(each) for s, each in scores[name].items()})
        if name == MODEL:
            chosen = {s: tuple(int(layer) for layer in layers[s]) for s in layers}
    model = {s: _with_ceiling(score, ceilings[s]) for s, score in scores[MODEL].items()}
    _evidence(run, material, model)
    return Encoded(model, {s: target_tests(each) for s, each in model.items()}, whole, draws, chosen, pooled)


def null_of_mean(encoded: Encoded) -> np.ndarray:
    """Null of the mean over targets and subjects: the best layer of every permutation, ``(n_permutations,)``."""
    null = subject_mean(encoded.whole[MODEL]).null
    assert null is not None
    return np.asarray(null.isel(target=0).max("layer").values)


def null_mean_of(encoded: Encoded, name: str) -> float:
    """Mean of the null over permutations and layers, for a set of features; NaN where it has none."""
    null = subject_mean(encoded.whole[name]).null
    return float("nan") if null is None else float(null.mean())


def _with_ceiling(score: Score, ceiling: xr.DataArray) -> Score:
    if not np.isfinite(ceiling.values).any():
        return score
    bare = xr.DataArray(
        ceiling.values, {"target": score.data["target"]} if "target" in score.data.indexes else None, ("target",)
    )
    return Score(
        score.data, score.metric, score.cv, score.null, bare, {**score.attrs, "ceiling": str(ceiling.attrs["formula"])}
    )


def _evidence(run: "Run", material: "Material", scores: dict[str, Score]) -> None:
    n_layers = len(material.features[MODEL].layers)
    run.evidence(
        "CON002",
        where="encoding",
        what="layer",
        n_candidates=n_layers,
        chosen_on="training folds" if n_layers > 1 else "before",
    )
    for subject, score in scores.items():
        share = share_at_edge(score)
        if share > EDGE:
            run.note(f"{subject}: {share:.0%} of the penalties lie at the edge of the grid, which was extended once.")

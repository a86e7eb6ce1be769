"""Encoding: every set of features, every subject, the layer chosen without the test folds, intervals and ceilings."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.ceilings import pool_ceiling, repetition_ceiling
from consona.alignment.encoding import (
    encoding_score,
    encoding_scores,
    require_defined,
    share_at_edge,
)
from consona.alignment.encoding_draws import encoding_draws
from consona.alignment.regions import region_means, side_by_side, subject_mean, target_tests
from consona.core.errors import InvalidInput
from consona.core.score import Score
from consona.studies.alignment.reading import MODEL

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.alignment.material import Material
    from consona.studies.alignment.study import Alignment

EDGE = 0.05
REFERENCE_NULL = 49  # of controls, where scores are pooled and mean nothing without one
MANY_TARGETS = 20_000
FEWEST_EXCHANGED = 0.8


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
    without
        By set of features that could not be scored: the reason.
    """

    scores: dict[str, Score]
    tests: dict[str, xr.Dataset]
    whole: dict[str, Score]
    draws: dict[str, dict[str, xr.Dataset]]
    without: dict[str, str]
    pooled: bool
    same_stimuli: bool

    def value(self, name: str) -> float:
        """Mean over subjects of the score of a set of features, at the layers chosen for it."""
        return float(np.nanmean([float(each["score"].sel(target="all targets")) for each in self.draws[name].values()]))


def encoding_part(study: "Alignment", run: "Run", material: "Material") -> Encoded:
    """Score the model with its null, every control without (with, where scores are pooled), and draw intervals."""
    if study.strict:
        for recording in material.recordings.values():
            require_defined(recording)
    pooled = not all(split.fold_wise for split in material.splits.values())
    ceilings = _ceilings(run, material)
    scores: dict[str, dict[str, Score]] = {}
    draws: dict[str, dict[str, xr.Dataset]] = {}
    without: dict[str, str] = {}
    for name in material.features:
        n = study.n_permutations if name == MODEL else REFERENCE_NULL if pooled else 0
        try:
            scores[name], draws[name] = _scored(run, material, name, n)
        except InvalidInput as error:
            if name == MODEL:
                raise
            without[name] = str(error)
    whole = {name: side_by_side({s: region_means(each) for s, each in by.items()}) for name, by in scores.items()}
    model = {s: _with_ceiling(scores[MODEL][s], ceilings[s]) for s in material.recordings}
    _evidence(run, material, model)
    tests = {s: target_tests(each) for s, each in model.items()}
    return Encoded(model, tests, whole, draws, without, pooled, same_stimuli(material))


def _scored(
    run: "Run", material: "Material", name: str, n_permutations: int
) -> tuple[dict[str, Score], dict[str, xr.Dataset]]:
    """One set of features: scores of every layer, and draws of the chosen ones, by subject."""
    scores: dict[str, Score] = {}
    draws: dict[str, xr.Dataset] = {}
    for place, subjects in enumerate(_alike(material)):
        split, word = material.splits[subjects[0]], name.replace(" ", "-") + (f"-{place}" if place else "")
        here = material.features[name].select(split.ids)
        seen = {subject: material.recordings[subject] for subject in subjects}
        how = {"split": split, "n_permutations": n_permutations}
        if len(subjects) > 1:
            scores |= run.step(f"encoding-{word}", encoding_scores, here, seen, **how)
        else:
            scores[subjects[0]] = run.step(f"encoding-{word}", encoding_score, here, seen[subjects[0]], **how)
        draws |= run.step(f"draws-{word}", encoding_draws, here, seen, split=split, region=material.region)
    return scores, draws


def same_stimuli(material: "Material") -> bool:
    """Whether all subjects saw the same stimuli, in the same order of the table."""
    return len({tuple(split.ids.tolist()) for split in material.splits.values()}) == 1


def _alike(material: "Material") -> list[list[str]]:
    """Subjects who saw the same stimuli, whose features are decomposed once; those with many targets by themselves."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for subject, split in material.splits.items():
        many = material.recordings[subject].n_targets > MANY_TARGETS
        groups.setdefault((subject,) if many else tuple(split.ids.tolist()), []).append(subject)
    return list(groups.values())


def null_of_mean(encoded: Encoded) -> np.ndarray:
    """Null of the mean over targets and subjects: the best layer of every permutation, ``(n_permutations,)``."""
    null = subject_mean(encoded.whole[MODEL], same_stimuli=encoded.same_stimuli).null
    assert null is not None
    return np.asarray(null.isel(target=0).max("layer").values)


def null_mean_of(encoded: Encoded, name: str) -> float:
    """Mean of the null over permutations and layers, for a set of features; NaN where it has none."""
    null = subject_mean(encoded.whole[name]).null
    return float("nan") if null is None else float(null.mean())


def _ceilings(run: "Run", material: "Material") -> dict[str, xr.DataArray]:
    """From repetitions where there are some; else from how subjects agree; else undefined, with the reason."""
    own: dict[str, xr.DataArray] = run.each(
        "ceiling", repetition_ceiling, {s: (each,) for s, each in material.recordings.items()}
    )
    if any(np.isfinite(each.values).any() for each in own.values()):
        return own
    if any({"i", "j", "k", "vertex"} & set(each.data.coords) for each in material.recordings.values()):
        return own  # voxels of two people are not one target
    shared: xr.DataArray = run.step("ceiling-subjects", pool_ceiling, material.dataset(), seed=0)
    return dict.fromkeys(own, shared) if np.isfinite(shared.values).any() else own


def _with_ceiling(score: Score, ceiling: xr.DataArray) -> Score:
    """The score with its ceiling; where there is none, with the reason."""
    facts = {"ceiling": str(ceiling.attrs["formula"]), "ceiling_of": str(ceiling.attrs["of"])}
    if not np.isfinite(ceiling.values).any():
        return replace(score, attrs={**score.attrs, "no_ceiling": str(ceiling.attrs["reason"])})
    kept = {
        name: ("target", score.data[name].values) for name in score.data.coords if score.data[name].dims == ("target",)
    }
    if "reliability" in ceiling.coords:
        kept["reliability"] = ("target", ceiling["reliability"].values)
    bare = xr.DataArray(ceiling.values, kept, ("target",))
    return replace(score, ceiling=bare, attrs={**score.attrs, **facts})


def _evidence(run: "Run", material: "Material", scores: dict[str, Score]) -> None:
    n_layers = len(material.features[MODEL].layers)
    run.evidence(
        "CON002",
        where="encoding",
        what="layer",
        n_candidates=n_layers,
        chosen_on="training folds" if n_layers > 1 else "before",
    )
    moved = min(split.share_exchanged for split in material.splits.values())
    if moved < FEWEST_EXCHANGED:
        run.note(
            f"Under the null only {moved:.0%} of the stimuli can change places: other groups have a size of their own. "
            "Groups of equal size would give more power."
        )
    for subject, score in scores.items():
        share = share_at_edge(score)
        if share > EDGE:
            run.note(f"{subject}: {share:.0%} of the penalties lie at the edge of the grid, which was extended once.")

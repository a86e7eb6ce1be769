"""The brain half: EEG read-outs of the clip values under every hold-out, and what they must survive."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.cells import cell_map
from consona.alignment.controls import cohort_scores
from consona.alignment.projection import goals_of, projection_score
from consona.alignment.published import published_comparison
from consona.alignment.reliability import rating_reliability
from consona.alignment.responses import ALPHAS, HOLD_OUTS, HoldOut
from consona.alignment.scrutiny import scrutinised_score
from consona.concepts.summaries import agreement_between_models, model_clip_values
from consona.studies.valence_axis import figures
from consona.studies.valence_axis.reading import Fitted, Reader, way_of_reading
from consona.studies.valence_axis.text import TextHalf

if TYPE_CHECKING:
    from consona.engine.run import Run

GOALS = ("class text", "plot lines")
EDGE = 0.05
MEAN_ROWS: tuple[HoldOut, ...] = ("in-sample", "clip", "emotion")


@dataclass(frozen=True)
class BrainHalf:
    """What the claims need of the brains."""

    scores: dict[str, xr.Dataset]
    controlled: xr.Dataset
    cohorts: xr.Dataset
    random: xr.DataArray
    reliability: xr.Dataset
    ratings: xr.Dataset
    cells: dict[str, xr.Dataset]
    models: dict[str, xr.Dataset]


def brain_half(f: Fitted, texts: TextHalf) -> BrainHalf:
    """Read the clip values out of the EEG, held out in four ways, and run every control of the brains."""
    run, eeg, seed = f.run, f.material.eeg, f.study.seed
    rated = f.material.rated
    code = np.asarray(eeg.stimuli["valence_code"], dtype=float)
    values = {**texts.clip_values, "rated valence": rated["rated_valence"], "three-level code": code}
    goals = goals_of(values, eeg.stimuli.ids)
    how = {"seed": seed}
    levels = texts.random_levels
    found = {h: run.step(f"eeg-{h}", scrutinised_score, eeg, goals, levels, hold_out=h, **how) for h in HOLD_OUTS}
    scores: dict[str, xr.Dataset] = {str(h): parts["score"] for h, parts in found.items()}
    mean = {
        h: run.step(f"eeg-mean-{h}", projection_score, eeg, goals, hold_out=h, rows="cohort mean", **how)
        for h in MEAN_ROWS
    }
    cohorts = run.step(
        "eeg-cohorts", cohort_scores, eeg, goals.sel(goal=[*GOALS, "rated valence"]), hold_out="clip", **how
    )
    ratings = run.step("ratings-reliability", rating_reliability, f.material.ratings, item="valence", **how)
    cells = {goal: run.step(f"cells-{goal.replace(' ', '-')}", cell_map, eeg, values[goal]) for goal in GOALS}
    classes = {h: parts["classes"] for h, parts in found.items()}
    published = run.step("eeg-published", published_comparison, scores, goals, axis="class text")
    clip = found["clip"]
    half = BrainHalf(
        scores, clip["controlled"], cohorts, clip["random"]["r"], clip["reliability"], ratings, cells, _models(f)
    )
    _figures(run, half, goals)
    run.step("figure-17-cohort-mean", figures.cohort_mean, mean)
    run.step("figure-18-classes", figures.classes, classes)
    run.step("figure-19-published", figures.published, published)
    run.step("figure-20-reliability", figures.reliability, half.reliability, ratings)
    _evidence(f, half)
    return half


def _figures(run: "Run", half: BrainHalf, goals: xr.DataArray) -> None:
    run.step("figure-08-hold-outs", figures.hold_outs, half.scores)
    for number, goal in enumerate(GOALS):
        value = goals.sel(goal=goal).values
        xlabel = f"value of the clip, {goal} (SD)"
        slug = goal.replace(" ", "-")
        step = f"figure-{9 + number}-clips-{slug}"
        run.step(step, figures.clip_scatter, half.scores["clip"], goal, value, xlabel=xlabel)
        run.step(f"figure-{13 + number}-scalp-{slug}", figures.scalp, half.cells[goal], goal=goal)
        run.step(f"figure-{15 + number}-subjects-{slug}", figures.subjects, half.scores, goal)
        if goal in half.models:
            run.step(f"figure-{21 + number}-models-{slug}", figures.models, half.models[goal], version=goal)
    run.step("figure-12-nulls", figures.nulls, half.scores)
    run.step("figure-12b-controls", figures.controls, half.controlled)


def _models(f: Fitted) -> dict[str, xr.Dataset]:
    """Clip values of every further model, and how far models agree about the clips."""
    if not f.study.models:
        f.run.note("Agreement between models needs at least two; 'models' names none beside the main one.")
        return {}
    from consona.lm.loading import load_language_model

    stories, plots = f.material.stories[f.study.seed_set], f.material.plots
    found = {}
    for number, name in enumerate((f.study.model, *f.study.models)):
        place = f.run.execution.device
        lm = f.read.lm if number == 0 else load_language_model(name, dtype=f.study.dtype, device=place)
        f.run.note_model(lm.describe())
        pooling, layer = way_of_reading(f.study, lm)
        read = Reader(f.run, lm, pooling, prefix=f"model-{number}")
        fit = {"layer": layer, "rule": f.rule}
        given = (read("stories", stories), stories["emotion"], read("plots", plots))
        label = str(lm.describe()["name"])
        label = f"{label} ({number})" if label in found else label
        found[label] = f.run.step(f"model-{number}-clips", model_clip_values, *given, **fit)
    agreed = {}
    for version in GOALS:
        clips = {name: _per_clip(f, values, version) for name, values in found.items()}
        agreed[version] = f.run.step(f"models-{version.replace(' ', '-')}", agreement_between_models, clips)
    return agreed


def _per_clip(f: Fitted, values: dict[str, list[float]], version: str) -> np.ndarray:
    if version == "plot lines":
        return np.asarray(values[version])
    place = np.searchsorted(values["classes"], f.material.eeg.stimuli["emotion"])
    return np.asarray(values[version])[place]


def _evidence(f: Fitted, half: BrainHalf) -> None:
    run, stimuli = f.run, f.material.eeg.stimuli
    for name, score in half.scores.items():
        facts = {"cv": score.attrs["cv"], "held_out": name, "shares_stimuli": name == "subject"}
        for end, alpha in (("lowest", ALPHAS[0]), ("highest", ALPHAS[-1])):
            edge = float(score[f"alpha_{end}"].max())
            if edge > EDGE:
                run.note(
                    f"Hold-out '{name}': the penalty is the {end} of its grid ({alpha:g}) in {edge:.0%} of the folds "
                    "of a goal" + ("; the inner folds found nothing to read out there." if end == "highest" else ".")
                )
        run.evidence("CON011", where=f"eeg-{name}", **facts)
        run.evidence("CON004", where=f"eeg-{name}", smallest_p=1 / 362_880, n_tests=5, correction="bonferroni")
    for name, groups in (("clip", stimuli.ids), ("emotion", stimuli["emotion"])):
        folds = [{"train": groups[groups != g].tolist(), "test": [str(g)]} for g in np.unique(groups)]
        run.evidence("CON001", where=f"eeg-{name}", held_out=name, folds=folds)
    run.evidence("CON002", where="EEG penalty", what="alpha", n_candidates=len(ALPHAS), chosen_on="training folds")
    score = half.scores["clip"]
    n = score.attrs["n_dropped_targets"]
    run.evidence(
        "CON005", where="EEG targets", n_targets=len(f.material.eeg.recordings[0].data["target"]), n_undefined=n
    )
    width = (score["high"] - score["low"]).values / 2
    ceiling = np.sqrt(np.maximum(half.reliability["reliability"].values, 0))
    facts = {"score": score["r"].values.tolist(), "ceiling": ceiling.tolist(), "half_width": width.tolist()}
    run.evidence("CON003", where="eeg-clip", **facts)
    for goal in GOALS:
        run.evidence("CON007", where=f"cells, {goal}", n_tests=160, correction="max-statistic")

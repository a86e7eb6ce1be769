"""The brain half: EEG read-outs of the clip values under every hold-out, and what they must survive."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.cells import cell_map
from consona.alignment.controls import cohort_projection
from consona.alignment.projection import goals_of, projection
from consona.alignment.published import published_comparison
from consona.alignment.reliability import rating_reliability
from consona.alignment.responses import ALPHAS, HOLD_OUTS, HoldOut, Rows, responses
from consona.alignment.scores import projection_score
from consona.alignment.scrutiny import scrutiny
from consona.concepts.summaries import agreement_between_models, model_clip_values
from consona.core.dataset import Dataset
from consona.core.errors import MissingExtra, ModelError
from consona.studies.valence_axis import figures_brain as figures
from consona.studies.valence_axis.reading import Fitted, Reader, way_of_reading
from consona.studies.valence_axis.text import TextHalf

if TYPE_CHECKING:
    from consona.engine.run import Run

GOALS = ("class text", "plot lines")
EDGE = 0.05
MIN_COHORT = 3
MEAN_ROWS: tuple[HoldOut, ...] = ("in-sample", "clip", "emotion")


@dataclass(frozen=True)
class BrainHalf:
    """What the claims need of the brains; ``found`` holds every part of the scrutiny, by hold-out."""

    found: dict[str, dict[str, xr.Dataset]]
    cohorts: dict[str, xr.Dataset]
    cells: dict[str, xr.Dataset]
    models: dict[str, xr.Dataset]

    @property
    def scores(self) -> dict[str, xr.Dataset]:
        """The read-out of every goal, by hold-out."""
        return {name: parts["score"] for name, parts in self.found.items()}


def brain_half(f: Fitted, texts: TextHalf) -> BrainHalf:
    """Read the clip values out of the EEG, held out in four ways, and run every control of the brains."""
    run, eeg, seed = f.run, f.material.eeg, f.study.seed
    code = np.asarray(eeg.stimuli["valence_code"], dtype=float)
    rated = f.material.rated["rated_valence"]
    values = {**texts.clip_values, "rated valence": rated, "three-level code": code}
    goals = goals_of(values, eeg.stimuli.ids)
    how = {"seed": seed}
    found = {str(h): run.step(f"eeg-{h}", scrutiny, eeg, goals, texts.families, hold_out=h, **how) for h in HOLD_OUTS}
    for name, parts in found.items():
        run.step(f"score-{name}", projection_score, parts["score"], parts["reliability"])
    few = goals.sel(goal=[*GOALS, "rated valence"])
    cohorts = {
        h: run.step(f"eeg-cohorts-{h}", cohort_projection, eeg, few, hold_out=h, **how)
        for h in ("clip", "subject")
        if h == "clip" or _smallest_cohort(eeg) >= MIN_COHORT
    }
    cells = {goal: run.step(f"cells-{goal.replace(' ', '-')}", cell_map, eeg, values[goal]) for goal in GOALS}
    half = BrainHalf(found, cohorts, cells, _models(f))
    _figures(run, half, goals)
    _tables(f, half, goals)
    _evidence(f, half)
    return half


def _smallest_cohort(eeg: Dataset) -> int:
    return int(np.unique(responses(eeg).cohorts, return_counts=True)[1].min())


def _tables(f: Fitted, half: BrainHalf, goals: xr.DataArray) -> None:
    run, how = f.run, {"seed": f.study.seed}
    rows: dict[str, Rows] = {"rows": "cohort mean"}
    mean = {
        h: run.step(f"eeg-mean-{h}", projection, f.material.eeg, goals, hold_out=h, **rows, **how) for h in MEAN_ROWS
    }
    ratings = run.step("ratings-reliability", rating_reliability, f.material.ratings, item="valence", **how)
    published = run.step("eeg-published", published_comparison, half.scores, goals, axis="class text")
    classes = {name: parts["classes"] for name, parts in half.found.items()}
    run.step("figure-table-nulls", figures.nulls, half.scores)
    run.step("figure-table-controls", figures.controls, half.found["clip"]["controlled"])
    run.step("figure-table-cohort-mean", figures.cohort_mean, mean)
    run.step("figure-table-classes", figures.classes, classes)
    run.step("figure-table-published", figures.published, published)
    run.step("figure-table-reliability", figures.reliability, half.found["clip"]["reliability"], ratings)


def _figures(run: "Run", half: BrainHalf, goals: xr.DataArray) -> None:
    run.step("figure-hold-outs", figures.hold_outs, half.scores)
    for goal in GOALS:
        value = goals.sel(goal=goal).values
        xlabel = f"value of the clip, {goal} (SD)"
        slug = goal.replace(" ", "-")
        run.step(f"figure-clips-{slug}", figures.clip_scatter, half.scores["clip"], goal, value, xlabel=xlabel)
        run.step(f"figure-scalp-{slug}", figures.scalp, half.cells[goal], goal=goal)
        run.step(f"figure-subjects-{slug}", figures.subjects, half.scores, goal)
        if goal in half.models:
            run.step(f"figure-models-{slug}", figures.models, half.models[goal], version=goal)


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
        try:
            lm = f.read.lm if number == 0 else load_language_model(name, dtype=f.study.dtype, device=place)
        except (ModelError, MissingExtra) as error:
            f.run.note(f"Model '{name}' is left out of the agreement between models: {error}")
            continue
        f.run.note_model(lm.describe())
        pooling, layer = way_of_reading(f.study, lm)
        read = Reader(f.run, lm, pooling, prefix=f"model-{number}")
        fit = {"layer": layer, "rule": f.rule}
        given = (read("stories", stories), stories["emotion"], read("plots", plots))
        label = str(lm.describe()["name"])
        label = f"{label} ({number})" if label in found else label
        found[label] = f.run.step(f"model-{number}-clips", model_clip_values, *given, **fit)
    if len(found) < 2:
        return {}
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
    run = f.run
    for name, score in half.scores.items():
        for end, alpha in (("lowest", ALPHAS[0]), ("highest", ALPHAS[-1])):
            edge = float(score[f"alpha_{end}"].max())
            if edge > EDGE:
                run.note(
                    f"Hold-out '{name}': the penalty is the {end} of its grid ({alpha:g}) in {edge:.0%} of the folds "
                    "of a goal" + ("; the inner folds found nothing to read out there." if end == "highest" else ".")
                )
        run.evidence("CON004", where=f"eeg-{name}", smallest_p=1 / 362_880, n_tests=5, correction="bonferroni")
    orders = half.found["clip"]["controlled"]["n_orders"].max("goal")
    for control in orders["control"].values:
        run.evidence("CON004", where=f"control, {control}", smallest_p=1 / float(orders.sel(control=control)))
    run.evidence("CON002", where="EEG penalty", what="alpha", n_candidates=len(ALPHAS), chosen_on="training folds")
    dropped = half.scores["clip"].attrs["n_dropped_targets"]
    n_targets = len(f.material.eeg.recordings[0].data["target"])
    run.evidence("CON005", where="EEG targets", n_targets=n_targets, n_undefined=dropped)
    for goal in GOALS:
        run.evidence("CON007", where=f"cells, {goal}", n_tests=half.cells[goal]["r"].size, correction="max-statistic")

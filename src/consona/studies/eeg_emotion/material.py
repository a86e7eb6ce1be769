"""What the study reads: EEG as tensors, the axis that supervises, and a second corpus."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.brain.tensors import window_tensor
from consona.concepts.axis import NEGATIVE, POSITIVE, VALENCE_CODE, AxisRule
from consona.concepts.summaries import clip_values, values_by_rule
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.datasets.faced import load_faced_windows
from consona.datasets.faced_clips import clip_stimuli
from consona.datasets.faced_order import load_faced_order
from consona.datasets.seed_v import load_seed_v
from consona.datasets.seed_v_twins import seed_v_twin
from consona.datasets.shared_cells import SAME_EMOTION
from consona.datasets.texts import load_rated, load_stories
from consona.datasets.window_twins import faced_window_twin
from consona.stats.axis_twins import random_axis, standardised
from consona.stats.splits import ThreeWay, subject_folds

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.study import EEGEmotion

WINDOW_S = 5
OTHER_WINDOW_S = 4
FEWEST_SUBJECTS = 12
RATED = "rated valence"
SUPERVISING = "supervising axis"
PUBLISHED_CLASSES = {
    "anger": -1.1157,
    "disgust": -1.0654,
    "fear": -0.9800,
    "sadness": -0.6805,
    "neutral": -0.2657,
    "amusement": 0.9734,
    "inspiration": 0.7836,
    "joy": 0.5483,
    "tenderness": 1.8904,
}
"""Class values of the axis of CLIP (text), z-scored over 28 clips: points of a figure of arXiv 2606.00129."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """What is given before a decoder is trained.

    ``axes (axis, stimulus)``: the supervising one, then mean rated valence. ``several (stimulus, axis)``: the
    supervising axis and further versions of it, for strategies that use more than one, each with SD 1. ``other``: the
    second corpus as a tensor in the form of the first, and ``other_data`` as it was loaded, or None.
    """

    data: Dataset
    order: xr.DataArray
    tensor: xr.DataArray
    split: ThreeWay
    axes: xr.DataArray
    several: Array
    other: xr.DataArray | None
    other_data: Dataset | None

    @property
    def emotions(self) -> npt.NDArray[np.str_]:
        """Emotion of each clip."""
        return self.tensor["emotion"].values.astype(str)

    @property
    def cohorts(self) -> npt.NDArray[np.generic]:
        """Cohort of each subject."""
        return np.asarray(self.tensor["cohort"].values)

    @property
    def supervising(self) -> Array:
        """Value of each clip on the axis that supervises, SD 1."""
        return self.several[:, 0]


def load_material(study: "EEGEmotion", run: "Run") -> Material:
    """Load what the settings name, and write its origin into the manifest.

    Raises
    ------
    MissingData
        When a corpus is not on this computer.
    InvalidInput
        When a recording lacks clips, channels or values.
    """
    data, order = _corpus(study)
    run.note_dataset(data)
    tensor = run.step("tensor", window_tensor, data, window_s=WINDOW_S, scaling=study.scaling, order=order)
    split = _people(study, tensor)
    values = _axis_values(study, run)
    clips = [str(each) for each in tensor["stimulus"].values]
    axes = xr.DataArray(
        np.stack([values[:, 0], _rated()]), {"axis": [SUPERVISING, RATED], "stimulus": clips}, ("axis", "stimulus")
    )
    other_data = _other_data(study, run)
    other = None if other_data is None else _other(run, other_data, tensor)
    return Material(data, order, tensor, split, axes, standardised(values), other, other_data)


def _people(study: "EEGEmotion", tensor: xr.DataArray) -> ThreeWay:
    """Folds of people; with few of them, a quarter of those that are left chooses the epochs."""
    n_subjects, n_folds = tensor.sizes["subject"], study.counts.n_folds
    fewest = max(FEWEST_SUBJECTS, n_folds)
    if n_subjects < fewest:
        raise InvalidInput(
            f"There are {n_subjects} subjects; {n_folds} folds of people, each with others to train on and to choose "
            f"epochs by, need at least {fewest}. Use more subjects, or size = 'quick'."
        )
    n_validation = min(study.counts.n_validation, n_subjects // 4)
    cohorts = np.asarray(tensor["cohort"].values)
    return subject_folds(cohorts, n_folds, tensor.sizes["stimulus"], validation=n_validation, seed=study.seed)


def _corpus(study: "EEGEmotion") -> tuple[Dataset, xr.DataArray]:
    if study.corpus == "faced":
        chosen = study.subjects or None
        return load_faced_windows(window_s=1, subjects=chosen), load_faced_order(subjects=chosen)
    data = faced_window_twin(study.plant, n_subjects=study.n_subjects, strength=study.strength, seed=study.seed)
    names = [each.subject for each in data.recordings]
    clips = clip_stimuli().ids
    places = np.tile(np.arange(1, len(clips) + 1), (len(names), 1))
    return data, xr.DataArray(places, {"subject": names, "stimulus": clips}, ("subject", "stimulus"))


def _axis_values(study: "EEGEmotion", run: "Run") -> Array:
    """Values ``(n_stimuli, n_axes)``: of the stories in three layers, or of one published or rated axis."""
    clips = clip_stimuli()
    if study.axis == "published":
        return np.array([[PUBLISHED_CLASSES[str(each)]] for each in clips["emotion"]])
    if study.axis == "rated":
        return _rated()[:, None]
    return np.column_stack(_story_axes(study, run, clips))


def _story_axes(study: "EEGEmotion", run: "Run", clips: Stimuli) -> list[Array]:
    """The axis of the stories in three layers, the one that supervises first; no class took part in its own axis."""
    from consona.lm.loading import load_language_model

    lm = load_language_model(study.model, revision=study.revision, device=run.execution.device)
    run.note_model(lm.describe())
    rule, values = AxisRule("difference", POSITIVE, NEGATIVE), []
    stories, top = load_stories(1), lm.n_layers - 1
    layers = [top - 1, *(each for each in (top, top - 2) if each >= 0)]
    pooling = "last" if lm.causal else "mean"
    read = run.step("stories", lm.capture, stories, layers=sorted(layers), pooling=pooling)
    for layer in layers:
        axis = run.step(f"axis-{layer}", rule.fit, read, stories["emotion"], layer=layer)
        values.append(clip_values(*values_by_rule(rule, axis, read, stories["emotion"]), clips))
    return values


def exchanged(material: Material, *, seed: int) -> Array:
    """The axes with their classes exchanged, hardly correlated with them, rated valence or the sign of valence."""
    code = np.array([VALENCE_CODE[name] for name in material.emotions])
    known = np.column_stack([material.several, material.axes.sel(axis=RATED).values, code])
    return random_axis(known, material.emotions, seed=seed)[:, : material.several.shape[1]]


def _rated() -> Array:
    return np.asarray(load_rated()["rated_valence"], dtype=float)


def _other_data(study: "EEGEmotion", run: "Run") -> Dataset | None:
    if study.other == "none":
        return None
    if study.other == "seed-v":
        data = load_seed_v()
    else:
        data = seed_v_twin(study.plant, strength=study.strength, seed=study.seed)
    run.note_dataset(data)
    return data


def _other(run: "Run", data: Dataset, tensor: xr.DataArray) -> xr.DataArray:
    """The last seconds of every clip in as many windows as the first corpus has, and on its channels.

    Channels go by name, those that are lacking are 0; emotions by the first corpus's words, others are left out.
    """
    last_s = float(OTHER_WINDOW_S * tensor.sizes["window"])
    given = {"window_s": OTHER_WINDOW_S, "shifts_s": (0.0,), "last_s": last_s}
    other: xr.DataArray = run.step("tensor-other", window_tensor, data, **given)
    names = {str(each).lower(): place for place, each in enumerate(other["channel"].values)}
    channels = tensor["channel"].values.astype(str)
    values = np.zeros((*other.shape[:4], len(channels), other.sizes["band"]), np.float32)
    for place, name in enumerate(channels):
        if name.lower() in names:
            values[..., place, :] = other.values[..., names[name.lower()], :]
    emotions = np.array([SAME_EMOTION.get(str(each), str(each)) for each in other["emotion"].values])
    kept = np.isin(emotions, tensor["emotion"].values.astype(str))
    subjects = other["subject"].values
    coords = {
        "subject": subjects,
        "stimulus": other["stimulus"].values[kept],
        "shift": other["shift"].values,
        "window": tensor["window"].values,
        "channel": channels,
        "band": tensor["band"].values,
        "emotion": ("stimulus", emotions[kept]),
        "cohort": ("subject", other["cohort"].values if "cohort" in other.coords else np.ones(len(subjects), int)),
    }
    return xr.DataArray(values[:, kept], coords, other.dims, attrs=other.attrs)

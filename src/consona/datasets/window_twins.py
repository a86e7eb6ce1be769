"""FACED in one-second windows that is made up: the clips of the twin, each with noise from second to second."""

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.datasets.faced import faced_recording
from consona.datasets.faced_clips import N_SECONDS, window_stimuli
from consona.datasets.faced_twins import faced_twin
from consona.stats.seeds import rng_for


def faced_window_twin(
    plant: str = "valence", *, n_subjects: int = 24, strength: float = 0.6, within: float = 1.0, seed: int = 0
) -> Dataset:
    """The twin of :func:`consona.datasets.faced_twins.faced_twin` in 30 windows per clip, 840 rows per subject.

    A window is its clip's value plus noise of standard deviation ``within`` times that subject's spread over clips,
    without its mean over the clip: the mean over the 30 windows of a clip is the value of the clip in the twin of
    clips, whose ``truth`` therefore holds here as well. There is no course in time that subjects share.

    Raises
    ------
    InvalidInput
        For an unknown plant, fewer than two subjects, or a strength or noise that is not positive.
    """
    if not within > 0:
        raise InvalidInput(f"Noise within clips of {within} found; it is a positive number of SD over clips.")
    clips = faced_twin(plant, n_subjects=n_subjects, strength=strength, seed=seed)
    stimuli = window_stimuli(N_SECONDS)
    recordings = []
    for recording in clips.recordings:
        values = recording.data.values[0]
        noise = rng_for(seed, "windows", recording.subject).standard_normal((len(values), N_SECONDS, values.shape[1]))
        noise -= noise.mean(axis=1, keepdims=True)
        rows = values[:, None] + within * values.std(axis=0) * noise
        attrs = {key: each for key, each in recording.attrs.items() if isinstance(each, int | str)}
        recordings.append(faced_recording(rows.reshape(-1, values.shape[1]), stimuli, recording.subject, attrs))
    name = f"faced-window-twin-{plant}"
    truth = {**clips.truth, "within": within}
    return Dataset(stimuli, tuple(recordings), name, "1", clips.licence, clips.citation, synthetic=True, truth=truth)

"""SEED-V that is made up: same sessions, clips, windows and channels, and an effect whose size is known, or none.

Planted is what ``faced_twin`` plants: ``valence`` (over the 30 shared channels the very pattern of the FACED twin of
the same seed, so that an axis of one must be found in the other), ``clip`` or ``none``.
"""

import pickle
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.datasets import faced_clips
from consona.datasets.faced_twins import PLANTS, valence_pattern
from consona.datasets.seed_v import FEATURES
from consona.datasets.seed_v_trials import (
    BANDS,
    CHANNELS,
    N_BANDS,
    N_CHANNELS,
    N_SESSIONS,
    VALENCE_CODES,
    seed_v_recording,
    seed_v_stimuli,
    seed_v_trials,
    whole_windows,
)
from consona.datasets.shared_cells import SAME_EMOTION
from consona.datasets.text_twins import CITATION, LICENCE
from consona.datasets.texts import load_rated
from consona.engine.store import write_atomically

Array = npt.NDArray[np.float64]

_LEVEL = 2.3
_HEAD = {
    "FP": (4.0, 4.0),
    "AF": (3.0, 2.4),
    "F": (2.0, 3.0),
    "FC": (1.0, 3.2),
    "FT": (1.0, 3.2),
    "C": (0.0, 4.0),
    "T": (0.0, 4.0),
    "CP": (-1.0, 3.2),
    "TP": (-1.0, 3.2),
    "P": (-2.0, 3.0),
    "PO": (-3.0, 2.0),
    "O": (-4.0, 4.0),
    "CB": (-4.6, 8.0),
}
"""Each row of the head by the letters of its channels: how far in front, and how wide up to number 8."""


def seed_v_twin(plant: str = "valence", *, n_subjects: int = 16, strength: float = 0.15, seed: int = 0) -> Dataset:
    """Made-up differential entropy of 45 clips in 1,823 windows of 4 s at 310 targets, in the form of ``load_seed_v``.

    Each subject has a gain, in each session a level per target of its own, and noise of standard deviation 1 that all
    windows of a clip share, with as much again of each window by itself; both are smooth over the head and the bands.
    The planted signal has about root mean square ``strength`` over clips and targets, before the gain. Valence is the
    mean rated valence that FACED has for the same emotion. ``truth`` says:

    ``signal_power``
        the mean square of the planted signal over clips and targets.
    ``variance_share``
        of the variance between windows of different clips in one subject and session: ``power / (power + 2)``.
    ``clip_share``
        the same for the means over the windows of a clip, on average over clips.
    ``valence_share``
        the part of ``variance_share`` that is linear in valence: all of it for ``valence``, none otherwise.
    ``strongest``
        the target with the largest planted weight (``valence`` only).

    The patterns of ``clip`` are exactly uncorrelated, over the 45 clips, with valence and the three-level code.

    Raises :class:`InvalidInput` for an unknown plant, fewer than two subjects or a strength that is not positive.
    """
    if plant not in PLANTS or n_subjects < 2 or not strength > 0:
        raise InvalidInput(
            f"Plant '{plant}', {n_subjects} subjects and strength {strength} found; a SEED-V twin needs one of "
            f"{listed(PLANTS)}, at least two subjects and a positive strength (for no effect use plant='none')."
        )
    rng = np.random.default_rng(seed)
    counts = whole_windows()
    stimuli, n_windows = seed_v_stimuli(counts), np.array(list(counts.values()))
    pattern = _on_the_whole_head(valence_pattern(rng))
    signal = {
        "valence": np.outer(clip_valence_z(), pattern),
        "clip": _without_valence(_smoothed(_smoothed(rng.standard_normal((len(n_windows), pattern.size))))),
        "none": np.zeros((len(n_windows), pattern.size)),
    }[plant]
    session = seed_v_trials()["session"].to_numpy() - 1
    recordings = []
    for i in range(n_subjects):
        gain = np.exp(0.2 * rng.standard_normal())
        level = _LEVEL + 0.5 * _smoothed(rng.standard_normal((N_SESSIONS, pattern.size)))
        clips = level[session] + gain * (strength * signal + _smoothed(rng.standard_normal(signal.shape)))
        windows = gain * _smoothed(rng.standard_normal((int(n_windows.sum()), pattern.size)))
        values = np.repeat(clips, n_windows, axis=0) + windows
        notes = {"layout": "twin", "cohort": 1}
        recordings.append(seed_v_recording(values, stimuli.ids.tolist(), f"sub{i + 1:02d}", notes))
    truth = _truth(plant, n_subjects, strength**2 * float(np.mean(signal**2)), n_windows)
    truth |= {"seed": seed, "strength": strength if plant != "none" else 0.0}
    if plant == "valence":
        channel, band = divmod(int(np.abs(pattern).argmax()), N_BANDS)
        truth["strongest"] = f"{CHANNELS[channel]} {BANDS[band]}"
    name = f"seed-v-twin-{plant}"
    return Dataset(stimuli, tuple(recordings), name, "1", LICENCE, CITATION, synthetic=True, truth=truth)


def write_seed_v_twin(dataset: Dataset, folder: Path | str) -> list[Path]:
    """The files of the release for a twin: ``EEG_DE_features/N_123.npz`` below ``folder``, as ``load_seed_v`` reads.

    Each holds ``data`` and ``label``, the bytes of a pickled dictionary over the 45 clips. consona writes pickles
    nowhere else: here they are what must be read safely.
    """
    clip, label = dataset.stimuli["clip"], dataset.stimuli["label"]
    written = []
    for number, recording in enumerate(dataset.recordings, start=1):
        rows = [np.flatnonzero(clip == each) for each in seed_v_trials().index]
        values = {k: recording.mean()[row] for k, row in enumerate(rows)}
        labels = {k: label[row] for k, row in enumerate(rows)}
        buffer = BytesIO()
        np.savez_compressed(buffer, data=np.bytes_(pickle.dumps(values)), label=np.bytes_(pickle.dumps(labels)))
        written.append(Path(folder) / FEATURES / f"{number}_123.npz")
        write_atomically(written[-1], buffer.getvalue())
    return written


def clip_valence_z() -> Array:
    """What FACED's people say of the same emotion, for each of the 45 clips, mean 0 and standard deviation 1."""
    rated = load_rated()
    emotion = rated["emotion"]
    means = {word: float(np.mean(rated["rated_valence"][emotion == word])) for word in np.unique(emotion).tolist()}
    values = np.array([means[SAME_EMOTION.get(word, word)] for word in seed_v_trials()["emotion"]])
    return (values - values.mean()) / values.std()


def rough_place(channel: str) -> tuple[float, float]:
    """Rough place on the head by the name alone, to the right and to the front; as in the FACED twin."""
    name = channel.upper()
    letters = name.rstrip("0123456789")
    front, width = _HEAD[letters.removesuffix("Z")]
    number = int(name.removeprefix(letters) or 0)
    steps = number // 2 + number % 2  # 1 and 2 lie nearest to the middle, odd numbers left
    return width * steps / 4 * (-1 if number % 2 else 1), front


def _distances(names: tuple[str, ...], others: tuple[str, ...]) -> Array:
    places, against = (np.array([rough_place(name) for name in each]) for each in (names, others))
    return np.linalg.norm(places[:, None] - against[None], axis=-1)


def _smoothed(values: Array) -> Array:
    """Independent turns into smooth noise of unit variance, along the last axis: the covariance of the FACED twin."""
    head = np.linalg.cholesky(np.exp(-_distances(CHANNELS, CHANNELS) / 2))
    steps = np.abs(np.subtract.outer(np.arange(N_BANDS), np.arange(N_BANDS)))
    cells = head @ values.reshape(-1, N_CHANNELS, N_BANDS) @ np.linalg.cholesky(0.5**steps).T
    return cells.reshape(values.shape)


def _on_the_whole_head(pattern: Array) -> Array:
    """The FACED twin's pattern at its own 30 scalp channels, and between them what the smooth field expects."""
    scalp = faced_clips.CHANNELS[:-2]
    known = pattern.reshape(len(faced_clips.CHANNELS), N_BANDS)[: len(scalp)]
    names = tuple(name.upper() for name in scalp)
    within, across = (np.exp(-_distances(each, names) / 2) for each in (names, CHANNELS))
    return (across @ np.linalg.solve(within, known)).ravel()


def _without_valence(patterns: Array) -> Array:
    """Patterns ``(45, 310)`` without what is linear in valence or the code, root mean square 1."""
    valence = clip_valence_z()
    code = [float(VALENCE_CODES[emotion]) for emotion in seed_v_trials()["emotion"]]
    basis, _ = np.linalg.qr(np.column_stack([np.ones_like(valence), valence, code]))
    rest = patterns - basis @ (basis.T @ patterns)
    return rest / np.sqrt(np.mean(rest**2))


def _truth(plant: str, n_subjects: int, power: float, n_windows: npt.NDArray[np.int_]) -> dict[str, float | int | str]:
    share = power / (power + 2)
    return {
        "plant": plant,
        "signal_power": power,
        "variance_share": share,
        "clip_share": float(np.mean(power / (power + 1 + 1 / n_windows))),
        "valence_share": share if plant == "valence" else 0.0,
        "n_subjects": n_subjects,
    }

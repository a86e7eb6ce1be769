"""FACED that is made up: same clips, channels, bands and cohorts, and an effect whose size is known, or none.

Planted is ``valence`` (one pattern over the targets, scaled by the rated valence of the clip), ``clip`` (a pattern of
its own for every clip, with no valence in it), ``none``. A method that finds valence must find it in the first only.
"""

import numpy as np
import numpy.typing as npt

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.datasets.faced import faced_recording
from consona.datasets.faced_clips import BANDS, CHANNELS, ITEMS, N_CLIPS, clip_stimuli
from consona.datasets.faced_ratings import ratings_recording
from consona.datasets.text_twins import CITATION, LICENCE
from consona.datasets.texts import load_rated

Array = npt.NDArray[np.float64]

PLANTS = ("valence", "clip", "none")
COHORT_GAIN = (1.0, 1.6)
_LEVEL = 2.3
_RIGHT = {
    "Fp2": (1.0, 4.0),
    "F4": (1.5, 2.0),
    "F8": (3.0, 2.0),
    "FC2": (0.8, 1.0),
    "FC6": (2.4, 1.0),
    "C4": (2.0, 0.0),
    "T8": (4.0, 0.0),
    "CP2": (0.8, -1.0),
    "CP6": (2.4, -1.0),
    "P4": (1.5, -2.0),
    "P8": (3.0, -2.0),
    "PO4": (1.0, -3.0),
    "O2": (1.0, -4.0),
    "A2": (4.6, -0.5),
}
_MIDLINE = {"Fz": (0.0, 2.0), "Cz": (0.0, 0.0), "Pz": (0.0, -2.0), "Oz": (0.0, -4.0)}
"""Rough places on the head, by the names alone: to the right and to the front."""


def faced_twin(plant: str = "valence", *, n_subjects: int = 24, strength: float = 0.15, seed: int = 0) -> Dataset:
    r"""Made-up differential entropy of 28 clips at 160 targets, with a planted effect of known size.

    Each subject has a level per target, a gain, and noise of standard deviation 1 that is smooth over the head and over
    neighbouring bands; planted patterns are smoother still, wide over the head. The two cohorts differ in gain (1 and
    1.6) and in level, as different equipment does. The planted signal has root mean square ``strength`` over clips and
    targets, before the gain; 0.1 makes positive and negative clips about as separable across people as they are in the
    real data. ``truth`` says:

    ``variance_share``
        of the variance between clips in one subject, mean over targets: ``strength² / (1 + strength²)``.
    ``valence_share``
        the part of it that is linear in rated valence: all of it for ``valence``, none for ``clip`` and ``none``.
    ``cohort_mean_share``
        the same for the mean over the subjects (equal gains): ``strength² / (strength² + 1 / n_subjects)``.
    ``best_single_r``
        how far the best weighting of the targets can correlate with rated valence over the clips of one subject
        (``valence`` only): :math:`\sqrt{d / (1 + d)}` with :math:`d = s^2 p^\top C^{-1} p`, *p* the pattern, *C* the
        noise covariance.
    ``strongest``
        the target with the largest planted weight (``valence`` only).

    The patterns of ``clip`` are exactly uncorrelated, over the 28 clips, with rated valence and the three-level code.

    Raises :class:`InvalidInput` for an unknown plant, fewer than two subjects or a strength that is not positive.
    """
    _require_twin(plant, n_subjects, strength)
    rng = np.random.default_rng(seed)
    smooth = target_smoothing()
    stimuli = clip_stimuli()
    pattern = valence_pattern(rng)
    own = _without_valence(rng.standard_normal((N_CLIPS, len(smooth))) @ _wide(smooth))
    signal = {"valence": np.outer(rated_valence_z(), pattern), "clip": own, "none": np.zeros_like(own)}[plant]
    device = smooth @ rng.standard_normal((len(smooth), 2))
    recordings = []
    for i in range(n_subjects):
        cohort = 1 if 2 * i < n_subjects else 2
        noise = rng.standard_normal((N_CLIPS, len(smooth))) @ smooth.T
        gain = COHORT_GAIN[cohort - 1] * np.exp(0.2 * rng.standard_normal())
        level = _LEVEL + 0.5 * device[:, cohort - 1] + 0.5 * smooth @ rng.standard_normal(len(smooth))
        notes: dict[str, int | str] = {"cohort": cohort, "device": f"cohort {cohort}, synthetic", "layout": "twin"}
        values = level + gain * (strength * signal + noise)
        recordings.append(faced_recording(values, stimuli, f"sub{i:03d}", notes))
    truth = _truth(plant, n_subjects, strength) | {"seed": seed}
    if plant == "valence":
        power = float(np.sum(np.linalg.solve(smooth, strength * pattern) ** 2))
        truth["best_single_r"] = float(np.sqrt(power / (1 + power)))
        channel, band = divmod(int(np.abs(pattern).argmax()), len(BANDS))
        truth["strongest"] = f"{CHANNELS[channel]} {BANDS[band]}"
    return Dataset(
        stimuli, tuple(recordings), f"faced-twin-{plant}", "1", LICENCE, CITATION, synthetic=True, truth=truth
    )


def faced_ratings_twin(*, n_subjects: int = 24, noise: float = 1.2, seed: int = 0) -> Dataset:
    """Made-up ratings: the printed mean valence and arousal of each clip, plus each subject's level and answer noise.

    Noise is uniform within ``± noise``, so no rating leaves 0 to 7 and nothing is cut off. The emotion of the clip is
    rated 4.5, the other emotions 1.5. ``truth["valence_reliability"]`` is the share of the variance between clips in
    the mean over subjects that is not noise.

    Raises :class:`InvalidInput` for fewer than two subjects or noise outside 0 to 1.2.
    """
    if n_subjects < 2 or not 0 < noise <= 1.2:
        raise InvalidInput(f"{n_subjects} subjects and noise of {noise} found; use at least 2, and at most 1.2.")
    rng = np.random.default_rng(seed)
    stimuli, rated = clip_stimuli(), load_rated()
    profile = np.full((N_CLIPS, len(ITEMS)), 1.5)
    for column, item in enumerate(ITEMS):
        if f"rated_{item}" in rated:
            profile[:, column] = rated[f"rated_{item}"]
        else:
            profile[stimuli["emotion"] == item, column] = 4.5
    recordings = []
    for i in range(n_subjects):
        answers = profile + rng.uniform(-noise, noise, profile.shape) + rng.uniform(-0.05, 0.05, len(ITEMS))
        recordings.append(
            ratings_recording(answers, stimuli, f"sub{i:03d}", {"cohort": 1 if 2 * i < n_subjects else 2})
        )
    between = float(np.var(rated["rated_valence"]))
    truth = {
        "n_subjects": n_subjects,
        "valence_reliability": between / (between + noise**2 / 3 / n_subjects),
        "seed": seed,
    }
    name = "faced-ratings-twin"
    return Dataset(stimuli, tuple(recordings), name, "1", LICENCE, CITATION, synthetic=True, truth=truth)


def rated_valence_z() -> Array:
    """Mean rated valence of the 28 clips with mean 0 and standard deviation 1, ``(28,)``."""
    rated = np.asarray(load_rated()["rated_valence"], dtype=float)
    return (rated - rated.mean()) / rated.std()


def valence_pattern(random: np.random.Generator) -> Array:
    """The planted weights of the 160 targets, root mean square 1, wide over the head: the first draw of a twin."""
    smooth = target_smoothing()
    return _unit(_wide(smooth) @ random.standard_normal(len(smooth)))


def _wide(smooth: Array) -> Array:
    return np.linalg.matrix_power(smooth @ smooth.T, 2)


def target_smoothing() -> Array:
    r"""Turns independent into smooth noise: :math:`L` with :math:`L L^\top = C`, ``(160, 160)``, unit variances.

    :math:`C` falls with the distance between channels as :math:`e^{-d / 2}` (rough places by the channel names) and
    halves from band to band.
    """
    mirrored = {_left(name): (-x, y) for name, (x, y) in _RIGHT.items()}
    places = np.array([(_RIGHT | _MIDLINE | mirrored)[name] for name in CHANNELS])
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
    steps = np.abs(np.subtract.outer(np.arange(len(BANDS)), np.arange(len(BANDS))))
    return np.kron(np.linalg.cholesky(np.exp(-distance / 2)), np.linalg.cholesky(0.5**steps))


def _left(name: str) -> str:
    """The channel opposite: even numbers are right, odd ones left."""
    letters = name.rstrip("0123456789")
    return f"{letters}{int(name.removeprefix(letters)) - 1}"


def _unit(values: Array) -> Array:
    return values / np.sqrt(np.mean(values**2))


def _without_valence(patterns: Array) -> Array:
    """Patterns ``(28, n_targets)`` without what is linear in rated valence or the code, root mean square 1."""
    code = np.asarray(clip_stimuli()["valence_code"], dtype=float)
    known = np.column_stack([np.ones(N_CLIPS), rated_valence_z(), code])
    basis, _ = np.linalg.qr(known)
    return _unit(patterns - basis @ (basis.T @ patterns))


def _truth(plant: str, n_subjects: int, strength: float) -> dict[str, float | int | str]:
    power = 0.0 if plant == "none" else strength**2
    share = power / (1 + power)
    return {
        "plant": plant,
        "strength": 0.0 if plant == "none" else strength,
        "variance_share": share,
        "valence_share": share if plant == "valence" else 0.0,
        "cohort_mean_share": power / (power + 1 / n_subjects),
        "n_subjects": n_subjects,
    }


def _require_twin(plant: str, n_subjects: int, strength: float) -> None:
    if plant not in PLANTS:
        raise InvalidInput(f"A FACED twin cannot be planted with '{plant}'; choose one of {listed(PLANTS)}.")
    if n_subjects < 2 or not strength > 0:
        raise InvalidInput(
            f"{n_subjects} subjects and strength {strength} found; a twin needs at least two subjects and a positive "
            "strength (for no effect use plant='none')."
        )

"""A made-up story in the scanner: volumes and regions of Alice, noise with a known memory, an effect of known size."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.alice import N_VOLUMES, REGIONS, TR_S, alice_recording, alice_volumes, word_stimuli
from consona.datasets.text_twins import CITATION, LICENCE

Array = npt.NDArray[np.float64]

PLANTS = ("words", "rate", "none")
_VOCABULARY = (
    *("the", "a", "cat", "garden", "door", "key", "table", "rabbit", "sister", "bottle", "little", "golden", "large"),
    *("small", "strange", "ran", "fell", "looked", "said", "opened", "and", "but", "down", "into", "very", "never"),
)
_STEP_S = 0.1  # of the clock on which responses are computed


def alice_twin(plant: str = "words", *, n_subjects: int = 12, strength: float = 0.5, seed: int = 0) -> Dataset:
    r"""Made-up time courses of the 362 volumes and six regions of Alice, to the words of :func:`alice_twin_words`.

    Every region is ``strength`` times a signal of SD 1, equal in all people, plus noise of SD 1 of their own: white
    noise smoothed by a Gaussian of 3 volumes, whose autocorrelation at lag *l* is :math:`e^{-l^2 / 36}`. Planted is
    ``words`` (each word of the vocabulary has its own response in each region, uncorrelated with the word rate),
    ``rate`` (every word has the same) or ``none``; all under the canonical haemodynamic response. ``truth`` says:

    ``variance_share``
        of one person's variance: ``strength² / (1 + strength²)``.
    ``isc``
        expected correlation of a person with the mean of the others,
        :math:`s^2 / \sqrt{(s^2 + 1)(s^2 + 1/(n - 1))}`.
    ``noise_width``
        width of the smoothing, in volumes.

    Raises :class:`InvalidInput` for an unknown plant, fewer than two subjects or a strength that is not positive.
    """
    if plant not in PLANTS:
        raise InvalidInput(f"An Alice twin cannot be planted with '{plant}'; choose one of {listed(PLANTS)}.")
    if n_subjects < 2 or not strength > 0:
        raise InvalidInput(
            f"{n_subjects} subjects and strength {strength} found; a twin needs at least two subjects and a positive "
            "strength (for no effect use plant='none')."
        )
    rng = np.random.default_rng(seed)
    words, volumes = alice_twin_words(seed), alice_volumes()
    rate = _responses(words, np.ones((len(words), 1)), volumes)
    signal = _planted(plant, words, volumes, rng)
    power = _responses(words, (words["offset"] - words["onset"])[:, None], volumes)
    stimuli = volumes.with_columns(word_rate=rate[:, 0], sound_power=power[:, 0])
    width = 3.0
    recordings = []
    for i in range(n_subjects):
        noise = gaussian_filter1d(rng.standard_normal((N_VOLUMES, len(REGIONS))), width, axis=0, mode="wrap")
        noise *= np.sqrt(2 * np.sqrt(np.pi) * width)  # the variance that smoothing leaves is 1 / (2 sqrt(pi) width)
        recordings.append(alice_recording(strength * signal + noise, stimuli, f"sub{i:02d}", {"protocol": "twin"}))
    s2 = 0.0 if plant == "none" else strength**2
    truth = {
        "plant": plant,
        "strength": float(np.sqrt(s2)),
        "variance_share": s2 / (1 + s2),
        "isc": s2 / np.sqrt((s2 + 1) * (s2 + 1 / (n_subjects - 1))),
        "noise_width": width,
        "n_subjects": n_subjects,
        "seed": seed,
    }
    name = f"alice-twin-{plant}"
    return Dataset(stimuli, tuple(recordings), name, "1", LICENCE, CITATION, synthetic=True, truth=truth)


def alice_twin_words(seed: int = 0) -> Stimuli:
    """Made-up words as in :func:`consona.datasets.alice.load_alice_words`: drawn one by one, with pauses between."""
    rng = np.random.default_rng([seed, 1])
    seconds = rng.gamma(4.0, 0.08, 2000)
    pauses = np.where(rng.random(2000) < 0.12, rng.gamma(2.0, 0.3, 2000), 0.0)
    onsets = 20.0 + np.cumsum(seconds + pauses) - seconds
    kept = onsets + seconds < TR_S * (10 + N_VOLUMES) - 10.0
    drawn = rng.choice(_VOCABULARY, 2000)
    rows = [(float(a), float(a + b), str(text)) for a, b, text in zip(onsets[kept], seconds[kept], drawn[kept])]
    return word_stimuli(rows)


def haemodynamic_response(seconds: Array) -> Array:
    """The canonical double gamma: a peak at 5 s and an undershoot of a sixth at 15 s; 0 before the event."""
    late = np.maximum(seconds, 0.0)
    peak, dip = late**5 / 120.0, late**15 / 1_307_674_368_000.0  # 5! and 15!
    return np.asarray((peak - dip / 6.0) * np.exp(-late))


def _planted(plant: str, words: Stimuli, volumes: Stimuli, rng: np.random.Generator) -> Array:
    """Signal ``(n_volumes, n_regions)``, mean 0 and SD 1 in every region."""
    each = np.unique(words["text"], return_inverse=True)[1]
    own = rng.standard_normal((len(_VOCABULARY), len(REGIONS)))[each]
    rate = _responses(words, np.ones((len(words), 1)), volumes)
    if plant == "none":
        return np.zeros((N_VOLUMES, len(REGIONS)))
    if plant == "rate":
        return _standard(np.repeat(rate, len(REGIONS), axis=1))
    known = np.linalg.qr(np.column_stack([np.ones(N_VOLUMES), rate]))[0]
    signal = _responses(words, own, volumes)
    return _standard(signal - known @ (known.T @ signal))


def _responses(words: Stimuli, sizes: Array, volumes: Stimuli) -> Array:
    """Responses to words of these sizes, ``(n_volumes, n_columns)``."""
    times, end = volumes["time"], float(volumes["time"][-1]) + TR_S
    clock = np.arange(0.0, end, _STEP_S)
    events = np.zeros((len(clock), sizes.shape[1]))
    np.add.at(events, np.searchsorted(clock, words["onset"]), sizes)
    kernel = haemodynamic_response(np.arange(0.0, 32.0, _STEP_S))
    found = [np.interp(times, clock, np.convolve(column, kernel)[: len(clock)]) for column in events.T]
    return np.stack(found, axis=1)


def _standard(values: Array) -> Array:
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))

"""Twins of the emotion corpora: made-up attributes with raters who weigh them, and made-up comments of 27 emotions."""

from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.rdm import RDM
from consona.core.stimuli import Stimuli
from consona.datasets.emotion_concepts import METRIC
from consona.datasets.goemotions import LABELS
from consona.datasets.goemotions import comments as as_comments
from consona.datasets.masking_tables import ATTRIBUTES
from consona.datasets.text_twins import CITATION, LICENCE
from consona.datasets.textcorpus import require_split
from consona.datasets.twin_clauses import COMMENTS, ENDINGS, OPENINGS

EMOTIONS = tuple(name for name in LABELS if name != "neutral")
SPLITS = {"train": (0.0, 0.6), "dev": (0.6, 0.8), "test": (0.8, 1.0)}
"""Which share of the texts of an emotion each split takes from."""
LEADS = (
    "",
    "Second message in a row. ",
    "Typing this on the bus. ",
    "It is Tuesday. ",
    "Page two of the thread. ",
    "Same answer as below. ",
    "Seen at the station. ",
    "Short version. ",
)
"""What a comment may begin with; nothing of it is about an emotion."""

_N_RATERS = 12
_WEIGHTS = np.linspace(1.0, 0.0, len(ATTRIBUTES))
_R = 0.7  # of every rater with what is planted: about what one person of the real 61 shares with the others


def emotion_concepts_twin(*, plant: Literal["link", "none"] = "link", seed: int = 0) -> Dataset:
    r"""Made-up scores of 27 emotions on 14 attributes, and the RDMs of 12 made-up raters.

    Scores are independent, 0 to 1 within every attribute. A rater's distance is :math:`5 + 1.5\,(\rho\, s + \sqrt{1 -
    \rho^2}\, e)` with noise *e* (SD 1, exactly uncorrelated with *s*). Under ``"link"`` *s* is the standardised sum of
    the attributes' distances with the weights ``truth["weights"]`` (1 down to 0 in the order of the attributes), under
    ``"none"`` one that has nothing to do with them. Every rater's Pearson r with the weighted sum is exactly
    ``truth["r"]`` under ``"link"``.

    Raises :class:`InvalidInput` for another plant.
    """
    if plant not in ("link", "none"):
        raise InvalidInput(f"There is no plant '{plant}'; choose 'link' (raters weigh the attributes) or 'none'.")
    rng = np.random.default_rng(seed)
    scores = rng.uniform(size=(len(EMOTIONS), len(ATTRIBUTES)))
    scores = (scores - scores.min(axis=0)) / np.ptp(scores, axis=0)
    i, j = np.triu_indices(len(EMOTIONS), 1)
    common = np.abs(scores[i] - scores[j]) @ _WEIGHTS
    if plant == "none":
        places = rng.uniform(size=(len(EMOTIONS), 3))
        common = np.linalg.norm(places[i] - places[j], axis=1)
    signal = _standard(common)
    rdms = tuple(_rater(signal, rng, f"twin{number:02d}") for number in range(_N_RATERS))
    truth: dict[str, object] = {"plant": plant, "r": _R if plant == "link" else 0.0, "seed": seed}
    truth["weights"] = dict(zip(ATTRIBUTES, (_WEIGHTS * (plant == "link")).tolist(), strict=True))
    stimuli = Stimuli(pd.DataFrame(scores, index=list(EMOTIONS), columns=list(ATTRIBUTES)))
    return Dataset(stimuli, (), "emotion-concepts-twin", "1", LICENCE, CITATION, {}, True, truth, rdms)


def emotion_comments_twin(*, n_each: int = 12, split: str = "train", seed: int = 0) -> Dataset:
    """Made-up comments, columns as GoEmotions: ``n_each`` of each of the 27 emotions and of neutral, one label each.

    No text occurs twice, within a split or between splits of one seed. The clauses of an emotion are the same in all
    splits, so a reader that knows words tells emotions apart almost without error: nothing here says how well a model
    reads people.

    Raises :class:`InvalidInput` for an unknown split, or when ``n_each`` is no number from 1 to what the clauses allow.
    """
    require_split(split, tuple(SPLITS), "The twin of GoEmotions")
    n_texts = len(LEADS) * len(OPENINGS) * len(COMMENTS["joy"]) * len(ENDINGS)
    start, stop = (round(share * n_texts) for share in SPLITS[split])
    if not 1 <= n_each <= stop - start:
        raise InvalidInput(f"{n_each} '{split}' comments per emotion cannot be made; choose from 1 to {stop - start}.")
    rng = np.random.default_rng(seed)
    rows = []
    for label in LABELS:
        every = list(product(LEADS, OPENINGS, COMMENTS[label], ENDINGS))
        rows += [(_said(*every[at]), label) for at in rng.permutation(n_texts)[start : start + n_each]]
    rows = [rows[at] for at in rng.permutation(len(rows))]
    ids = [f"{split}{at:05d}" for at in range(len(rows))]
    stimuli = as_comments([text for text, _ in rows], [(label,) for _, label in rows], ids)
    truth = {"n_each": n_each, "split": split, "seed": seed}
    return Dataset(stimuli, (), f"emotion-comments-twin-{split}", "1", LICENCE, CITATION, {}, True, truth)


def _said(lead: str, opening: str, comment: str, ending: str) -> str:
    text = f"{opening}{comment}{ending}"
    return f"{lead}{text[0].upper()}{text[1:]}"


def _rater(signal: npt.NDArray[np.float64], rng: np.random.Generator, subject: str) -> RDM:
    raw = rng.standard_normal(len(signal))
    noise = _standard(raw - signal * (signal @ (raw - raw.mean())) / len(signal))
    square = np.zeros((len(EMOTIONS), len(EMOTIONS)))
    square[np.triu_indices(len(EMOTIONS), 1)] = 5 + 1.5 * (_R * signal + np.sqrt(1 - _R**2) * noise)
    return RDM.of_matrix(square + square.T, list(EMOTIONS), metric=METRIC, subject=subject)


def _standard(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    centred = values - values.mean()
    return np.asarray(centred / centred.std())

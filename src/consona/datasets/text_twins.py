"""Text corpora that are made up: the columns of the real ones, and a best possible score that is known exactly."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.datasets.goemotions import LABELS, NEGATIVE, POSITIVE, comments
from consona.datasets.twin_clauses import (
    BLAME,
    COMMENTS,
    ENDINGS,
    FRAMES,
    GRADES,
    OPENINGS,
    PRAISE,
    SUBJECTS,
    TAILS,
)

LICENCE = "BSD-3-Clause (made by consona)"
CITATION = "synthetic: made by consona, no real corpus behind it"


def sentiment_twin(n: int = 400, *, flip: float = 0.1, seed: int = 0) -> Dataset:
    """Made-up reviews with the columns of SST-2, half praise, half blame; a stated share of the labels is wrong.

    Exactly ``round(flip * n / 2)`` labels of each pole are flipped, so a perfect reader of the texts scores an area
    under the curve of exactly ``1 - flipped / (n / 2)``, stated in ``truth["best_auc"]``.

    Raises :class:`InvalidInput` when ``n`` is odd, larger than the clauses allow, or ``flip`` is not in 0 to 0.5.
    """
    half, flipped = _halves(n, flip, len(SUBJECTS) * len(PRAISE) * len(TAILS))
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for label, clauses in ((0, BLAME), (1, PRAISE)):
        every = list(product(SUBJECTS, clauses, TAILS))
        texts += [f"{a} {b}{c}".strip() for a, b, c in _drawn(every, half, rng)]
        labels.append(np.where(np.arange(half) < flipped, 1 - label, label))
    table = pd.DataFrame({"text": texts, "label": np.concatenate(labels)})
    order = rng.permutation(n)
    stimuli = Stimuli(table.iloc[order].set_axis([f"twin-{i:04d}" for i in range(n)]))
    truth = {"n": n, "flipped_per_pole": flipped, "best_auc": 1 - flipped / half, "seed": seed}
    return _twin("sst2-twin", stimuli, truth)


def goemotions_twin(n: int = 480, *, flip: float = 0.1, seed: int = 0) -> Dataset:
    """Made-up comments with the columns of GoEmotions: ``n`` with one pole, a sixth as many without or with both.

    In exactly ``round(flip * n / 2)`` comments of each pole the label is one of the other pole. After
    :func:`~consona.datasets.goemotions.goemotions_valence` the ``n`` comments are left, and a perfect reader scores
    ``truth["best_auc"]``. Errors as in :func:`sentiment_twin`.
    """
    per_label = len(OPENINGS) * 3 * len(ENDINGS)
    half, flipped = _halves(n, flip, per_label * len(NEGATIVE))
    rng = np.random.default_rng(seed)
    texts: list[str] = []
    labels: list[tuple[str, ...]] = []
    for pole, other in ((POSITIVE, NEGATIVE), (NEGATIVE, POSITIVE)):
        shown = _spread(pole, half)
        texts += _comments(shown, rng)
        wrong = rng.choice(sorted(other), flipped).tolist()
        labels += [(str(name),) for name in wrong] + [(name,) for name in shown[flipped:]]
    bare = _spread(set(LABELS) - POSITIVE - NEGATIVE, n // 12)
    mixed = _spread(POSITIVE, n // 12)
    texts += _comments(bare, rng) + [f"{text} But still." for text in _comments(mixed, rng)]
    labels += [(name,) for name in bare] + [(name, "sadness") for name in mixed]
    order = rng.permutation(len(texts))
    ids = [f"twin{i:05d}" for i in range(len(texts))]
    stimuli = comments([texts[i] for i in order], [labels[i] for i in order], ids)
    truth = {"n": n, "flipped_per_pole": flipped, "best_auc": 1 - flipped / half, "seed": seed}
    return _twin("goemotions-twin", stimuli, truth)


def emobank_twin(n: int = 200, *, noise: float = 0.3, seed: int = 0) -> Dataset:
    """Made-up sentences with the columns of EmoBank, in five grades of pleasantness.

    Valence is ``3 + 0.4 * grade`` plus noise that is uncorrelated with the grade and has exactly the standard deviation
    ``noise``, so a reader who knows the grades reaches the Pearson r ``truth["best_valence_r"]``. Arousal and dominance
    have nothing to do with the text.

    Raises :class:`InvalidInput` when ``n`` is no multiple of five or larger than the sentences allow.
    """
    per_grade = len(FRAMES) * 4
    if n < 10 or n % 5 or n > 5 * per_grade or not 0 <= noise <= 0.6:
        raise InvalidInput(
            f"An EmoBank twin of {n} sentences with noise {noise} cannot be made; n is a multiple of 5 from 10 to "
            f"{5 * per_grade}, noise 0 to 0.6 (ratings stay within 1 to 5). Change them."
        )
    rng = np.random.default_rng(seed)
    grade = np.repeat(sorted(GRADES), n // 5)
    texts = [f.format(s) for g in sorted(GRADES) for f, s in _drawn(list(product(FRAMES, GRADES[g])), n // 5, rng)]
    raw = rng.uniform(-1, 1, (5, n // 5))
    centred = (raw - raw.mean(axis=1, keepdims=True)).ravel()
    valence = 3 + 0.4 * grade + noise * centred / centred.std()
    arousal, dominance = rng.uniform(2.5, 3.5, (2, n))
    columns = {"text": texts, "valence": valence, "arousal": arousal, "dominance": dominance, "split": "dev"}
    table = pd.DataFrame(columns).iloc[rng.permutation(n)].set_axis([f"twin-{i:04d}" for i in range(n)])
    best = float(0.4 * np.sqrt(2) / np.hypot(0.4 * np.sqrt(2), noise))
    return _twin("emobank-twin", Stimuli(table), {"n": n, "noise": noise, "best_valence_r": best, "seed": seed})


def _twin(name: str, stimuli: Stimuli, truth: dict[str, float | int]) -> Dataset:
    return Dataset(stimuli, (), name, "1", LICENCE, CITATION, synthetic=True, truth=truth)


def _halves(n: int, flip: float, most: int) -> tuple[int, int]:
    if n < 2 or n % 2 or n // 2 > most or not 0 <= flip <= 0.5:
        raise InvalidInput(
            f"A twin of {n} texts with {flip} flipped labels cannot be made; n is even, from 2 to {2 * most}, and flip "
            "from 0 to 0.5. Change them."
        )
    return n // 2, round(flip * n / 2)


def _drawn(every: Sequence[tuple[str, str] | tuple[str, str, str]], n: int, rng: np.random.Generator) -> list:
    """Some of the combinations, none twice."""
    return [every[i] for i in rng.permutation(len(every))[:n]]


def _spread(names: set[str] | frozenset[str], n: int) -> list[str]:
    """``n`` names, each equally often as far as that goes."""
    ordered = sorted(names)
    return [ordered[i % len(ordered)] for i in range(n)]


def _comments(shown: list[str], rng: np.random.Generator) -> list[str]:
    """One comment for each name, none twice among comments of the same name."""
    stock: dict[str, list[tuple[str, str, str]]] = {
        name: _drawn(list(product(OPENINGS, COMMENTS[name], ENDINGS)), len(shown), rng) for name in sorted(set(shown))
    }
    return [_joined(*stock[name].pop()) for name in shown]


def _joined(opening: str, comment: str, ending: str) -> str:
    text = f"{opening}{comment}{ending}"
    return text[0].upper() + text[1:]

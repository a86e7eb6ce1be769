"""Dealing subjects and stimuli to folds so that cohorts and emotions are spread as evenly as whole numbers allow."""

import numpy as np

from consona.stats.seeds import rng_for
from consona.stats.shapes import Bool, Int, Shaped

__all__ = ["dealt_stimuli", "dealt_subjects", "drawn_subjects", "emotion_pairs", "rotated_subjects"]


def dealt_subjects(
    cohorts: Shaped[np.ndarray, " n_subjects"], n_folds: int, *, seed: int
) -> Int[np.ndarray, " n_subjects"]:
    """The fold of every subject: cohort after cohort is dealt out, each from where the one before it stopped."""
    if n_folds < 2 or len(cohorts) < n_folds:
        raise ValueError(
            f"{n_folds} folds of {len(cohorts)} subjects were asked for; there are at least two folds and one subject "
            "in each. Use fewer folds."
        )
    rng = rng_for(seed, "subject folds")
    dealt = np.concatenate([rng.permutation(np.flatnonzero(cohorts == each)) for each in np.unique(cohorts)])
    fold = np.empty(len(cohorts), dtype=np.int64)
    fold[dealt] = np.arange(len(cohorts)) % n_folds
    return fold


def drawn_subjects(
    cohorts: Shaped[np.ndarray, " n_subjects"], kept: Bool[np.ndarray, " n_subjects"], n: int, *, fold: int, seed: int
) -> Bool[np.ndarray, " n_subjects"]:
    """``n`` of the subjects in ``kept``, each cohort by its share there, to within one subject."""
    if not 0 <= n < kept.sum():
        raise ValueError(
            f"{n} validation subjects were asked for and {int(kept.sum())} are not tested in fold {fold}; at least "
            "one must be left to train on. Ask for fewer."
        )
    rng = rng_for(seed, "validation subjects", fold)
    queues = [rng.permutation(np.flatnonzero(kept & (cohorts == each))) for each in np.unique(cohorts)]
    # The k-th of a cohort of m stands at (k + 1/2) / m: the first n places hold every cohort by its share.
    place = np.concatenate([(np.arange(len(queue)) + 0.5) / max(1, len(queue)) for queue in queues])
    chosen = np.zeros(len(cohorts), bool)
    chosen[np.concatenate(queues)[np.argsort(place, kind="stable")[:n]]] = True
    return chosen


def rotated_subjects(
    cohorts: Shaped[np.ndarray, " n_subjects"], n_folds: int, n: int, *, seed: int
) -> Bool[np.ndarray, "n_folds n_subjects"]:
    """Validation subjects of every fold, nobody twice as long as there are enough of them."""
    free = np.ones(len(cohorts), bool)
    rows = []
    for fold in range(n_folds):
        free = free if free.sum() > n else np.ones(len(cohorts), bool)
        rows.append(drawn_subjects(cohorts, free, n, fold=fold, seed=seed))
        free = free & ~rows[-1]
    return np.stack(rows)


def dealt_stimuli(
    emotions: Shaped[np.ndarray, " n_stimuli"], n_folds: int, *, seed: int
) -> Int[np.ndarray, " n_stimuli"]:
    """The fold of every stimulus: emotion after emotion is dealt out, each from where the one before it stopped."""
    labels, counts = np.unique(emotions, return_counts=True)
    few = labels[counts < max(2, n_folds)]
    if n_folds < 2 or len(few):
        raise ValueError(
            f"{n_folds} folds of stimuli were asked for, and {', '.join(repr(str(label)) for label in few[:5])} have "
            f"fewer stimuli ({int(counts.min())}); every fold trains and tests on every emotion, and there are at "
            "least two folds. Use fewer folds, or leave these emotions out."
        )
    rng = rng_for(seed, "stimulus folds")
    dealt = np.concatenate([rng.permutation(np.flatnonzero(emotions == label)) for label in labels])
    fold = np.empty(len(emotions), dtype=np.int64)
    fold[dealt] = np.arange(len(emotions)) % n_folds
    return fold


def emotion_pairs(
    emotions: Shaped[np.ndarray, " n_stimuli"], levels: Shaped[np.ndarray, " n_stimuli"], *, seed: int
) -> list[tuple[str, str]]:
    """Negative emotions (level -1) each with a positive one (level 1), at random; what is over stays without a mate.

    Raises
    ------
    ValueError
        When an emotion has several levels, or there are fewer than two of a sign.
    """
    level_of = {str(label): set(levels[emotions == label].tolist()) for label in np.unique(emotions)}
    mixed = [label for label, found in level_of.items() if len(found) > 1]
    negative, positive = ([e for e, found in level_of.items() if found == {sign}] for sign in (-1, 1))
    if mixed or min(len(negative), len(positive)) < 2:
        raise ValueError(
            f"{len(negative)} negative and {len(positive)} positive emotions were found, and {len(mixed)} with several "
            "levels; leaving pairs out needs at least two of each sign, and one level (-1, 0 or 1) per emotion. Check "
            "the levels."
        )
    rng = rng_for(seed, "emotion pairs")
    mates = rng.permutation(positive).tolist()
    return list(zip(rng.permutation(negative).tolist(), mates, strict=False))

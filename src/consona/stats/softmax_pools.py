"""Ensembles by the mean of probabilities: what they gain, whom they owe it to, and fair pools to compare with."""

from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

from consona.stats.balanced_accuracy import balanced_accuracy, most_probable
from consona.stats.correlation import pearson_columns
from consona.stats.paired_effects import PairedEffects, paired_effects
from consona.stats.permutation import all_orders, p_value, random_orders
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Int, Real

__all__ = [
    "ContributionTest",
    "Pool",
    "Subsets",
    "contribution_test",
    "left_out_contributions",
    "pool_gain",
    "selected_pool",
    "softmax_pool",
    "subset_pools",
]

_MOST_SUBSETS = 20_000
_VALUES = 2**22  # probabilities that are averaged at a time: 32 MB


class Pool(NamedTuple):
    """Balanced accuracy of the pool and of each of its members, subject by subject."""

    accuracy: Float[np.ndarray, " n_subjects"]
    singles: Float[np.ndarray, "n_members n_subjects"]


class Subsets(NamedTuple):
    """All pools of one size: who is in, and the balanced accuracy of every subject."""

    members: Int[np.ndarray, "n_subsets size"]
    accuracy: Float[np.ndarray, "n_subsets n_subjects"]


class ContributionTest(NamedTuple):
    """Correlation over members of what each adds to the pool with a property of it.

    ``low`` to ``high`` draws members and subjects again; ``p`` is two-sided, by orders of the property over members;
    ``r_without``: the correlation when one member is left out of it; ``n``: members.
    """

    r: float
    low: float
    high: float
    p: float
    r_without: Float[np.ndarray, " n_members"]
    n: int


def softmax_pool(
    probabilities: Real[np.ndarray, "n_members n_subjects n_stimuli n_classes"], labels: Int[np.ndarray, " n_stimuli"]
) -> Pool:
    r"""Pool by the uniform mean of probabilities, and its members alone.

    .. math:: \hat y_{si} = \arg\max_c \frac1M \sum_m p_m(c \mid s, i)

    Columns of ``probabilities`` are the codes of ``labels``, 0 to n_classes - 1. Rows that were not tested are NaN.
    """
    pooled = probabilities.mean(axis=0, dtype=np.float64)
    return Pool(
        balanced_accuracy(most_probable(pooled), labels), balanced_accuracy(most_probable(probabilities), labels)
    )


def pool_gain(
    accuracy: Real[np.ndarray, " n_subjects"],
    reference: Real[np.ndarray, " n_subjects"],
    *,
    margin: float = 0.01,
    seed: int,
) -> PairedEffects:
    """Gain of a pool over another of the same size, or over the mean of its members; one entry per array.

    ``pool_gain(pool.accuracy, pool.singles.mean(axis=0), seed=0)``. Interval and p are over subjects
    (:func:`consona.stats.paired_effects.paired_effects`).
    """
    return paired_effects(accuracy[None, None], reference[None, None], margin=margin, seed=seed)


def left_out_contributions(
    probabilities: Real[np.ndarray, "n_members n_subjects n_stimuli n_classes"], labels: Int[np.ndarray, " n_stimuli"]
) -> Float[np.ndarray, "n_members n_subjects"]:
    r"""What each member adds: accuracy of the pool minus accuracy of the pool without it, for every subject.

    .. math:: \Delta_{ms} = \mathrm{BACC}_s(\text{all}) - \mathrm{BACC}_s(\text{all but } m)

    Raises
    ------
    ValueError
        With fewer than two members.
    """
    if len(probabilities) < 2:
        raise ValueError(f"the pool has {len(probabilities)} member; leaving one out needs at least 2. Add members.")
    total = probabilities.sum(axis=0, dtype=np.float64)
    whole = balanced_accuracy(most_probable(total), labels)
    return np.stack([whole - balanced_accuracy(most_probable(total - each), labels) for each in probabilities])


def contribution_test(
    contributions: Real[np.ndarray, "n_members n_subjects"],
    strength: Real[np.ndarray, " n_members"],
    *,
    n_draws: int = 5000,
    seed: int,
) -> ContributionTest:
    """Do members that carry an axis more strongly add more? Correlation over members, with its uncertainty.

    Contributions are differences of a few stimuli, so their own noise counts: a draw takes subjects again as well as
    members, while an interval over members alone takes the contributions as known. The p holds for these subjects.

    Raises
    ------
    ValueError
        With fewer than four members, or without a draw.
    """
    n, n_subjects = contributions.shape
    if n < 4 or n_draws < 1:
        raise ValueError(
            f"{n} members and {n_draws} draws were given; a correlation over members needs at least 4 of them, and an "
            "interval 1 draw. Say how much each adds instead."
        )
    mean, strength = contributions.mean(axis=1).astype(np.float64), np.asarray(strength, dtype=np.float64)
    r = float(pearson_columns(mean[:, None], strength[:, None])[0])
    orders = all_orders(n) if n <= 7 else random_orders(n, n_draws, seed=seed)
    null = np.abs(pearson_columns(mean[orders].T, np.broadcast_to(strength[:, None], orders.T.shape)))
    p = float(p_value(abs(r), null, exact=n <= 7)) if np.isfinite(r) else float("nan")
    rng = rng_for(seed, "contributions", n, n_subjects)
    rows = rng.integers(0, n, size=(n_draws, n))
    weight = rng.multinomial(n_subjects, np.full(n_subjects, 1.0 / n_subjects), size=n_draws) / n_subjects
    drawn = pearson_columns(np.take_along_axis(weight @ contributions.T, rows, axis=1).T, strength[rows].T)
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (float("nan"), float("nan"))
    others = np.array([np.delete(np.arange(n), k) for k in range(n)]).T
    return ContributionTest(r, float(low), float(high), p, pearson_columns(mean[others], strength[others]), n)


def subset_pools(
    probabilities: Real[np.ndarray, "n_members n_subjects n_stimuli n_classes"],
    labels: Int[np.ndarray, " n_stimuli"],
    *,
    size: int,
) -> Subsets:
    """Every pool of ``size`` members: C(10, 7) = 120 pools of seven out of ten, in lexicographic order.

    Raises
    ------
    ValueError
        When the size is not between 1 and the number of members, or there are more than 20,000 such pools.
    """
    n_members = len(probabilities)
    if not 1 <= size <= n_members or comb(n_members, size) > _MOST_SUBSETS:
        raise ValueError(
            f"pools of {size} out of {n_members} members were asked for; the size lies between 1 and {n_members}, and "
            f"at most {_MOST_SUBSETS} pools are listed. Take another size or fewer members."
        )
    members = np.array(list(combinations(range(n_members), size)))
    inside = np.zeros((len(members), n_members))
    np.put_along_axis(inside, members, 1.0, axis=1)
    flat = probabilities.reshape(n_members, -1).astype(np.float64)
    step = max(1, _VALUES // flat.shape[1])
    parts = []
    for start in range(0, len(members), step):
        pooled = (inside[start : start + step] @ flat).reshape(-1, *probabilities.shape[1:])
        parts.append(balanced_accuracy(most_probable(pooled), labels))
    return Subsets(members, np.concatenate(parts))


def selected_pool(
    probabilities: Real[np.ndarray, "n_members n_subjects n_stimuli n_classes"],
    fold: Int[np.ndarray, "n_subjects n_stimuli"],
    validation: Real[np.ndarray, "n_members n_folds"],
    *,
    size: int,
) -> Float[np.ndarray, "n_subjects n_stimuli n_classes"]:
    """Pooled probabilities of the ``size`` members that did best on the validation subjects *of the same fold*.

    A member's mean over folds is no fair criterion: validation subjects of one fold are tested in another. So every
    fold chooses its own members, and test rows are never looked at. Ties go to the earlier member. Untested rows are
    NaN.

    Raises
    ------
    ValueError
        When the size is not between 1 and the number of members, or a validation score of a fold in use is missing.
    """
    n_folds = int(fold.max(initial=-1)) + 1
    if not 1 <= size <= len(probabilities) or not np.isfinite(validation[:, :n_folds]).all():
        raise ValueError(
            f"{size} of {len(probabilities)} members were to be chosen by {validation.shape} validation scores, "
            f"{int((~np.isfinite(validation)).sum())} of them missing; every member needs one in every fold, and test "
            "rows are no substitute. Train with validation subjects."
        )
    best = np.argsort(-np.asarray(validation, dtype=np.float64), axis=0, kind="stable")[:size]
    pooled = np.full(probabilities.shape[1:], np.nan)
    for k in range(n_folds):
        rows = fold == k
        pooled[rows] = probabilities[best[:, k]][:, rows].mean(axis=0, dtype=np.float64)
    return pooled

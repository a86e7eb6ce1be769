"""Size of every null of an encoding score at level .05, where there is nothing to find; for docs/method/nulls.md.

Features and responses are drawn without any relation but with structure of their own (groups, time, runs). A nested
ridge is scored fold by fold; every null refits it. One row per case and null: how often p <= .05, and the standard
error over draws of the features. About six minutes on one thread; ``python benchmarks/nulls.py 10`` for a quick look.
The table has ten draws of two cases, with the null that belongs to each.
"""

import sys

from rates import Facts, Row, Side, sized, timed  # first: it pins the threads before numpy is imported

# isort: split
import numpy as np
from scipy.ndimage import gaussian_filter1d

from consona.stats.folds import Folds, blocked_folds, grouped_folds, inner_folds
from consona.stats.nested_ridge import NestedRidge
from consona.stats.permutation import p_value, permuted_groups, random_orders
from consona.stats.subject_test import subject_test
from consona.stats.surrogates import block_orders, circular_shifts, group_orders, phase_randomised

N_FEATURES, N_TARGETS, N_NULL = sized((8, 20, 99), (2, 4, 4))
ALPHAS = np.logspace(0, 4, 5)
Rng = np.random.Generator


def scores(X: np.ndarray, folds: Folds, responses: np.ndarray) -> np.ndarray:
    """Mean over folds of the held-out correlation, for responses ``(n_permutations, n_rows, n_targets)``."""
    ridge = NestedRidge.of(X, folds, [inner_folds(folds, k) for k in range(len(folds.test))], ALPHAS)
    side_by_side = responses.transpose(1, 0, 2).reshape(len(X), -1)
    return ridge.scores(side_by_side).scores.mean(axis=0).reshape(len(responses), -1)


def rejections(X: np.ndarray, Y: np.ndarray, folds: Folds, null: np.ndarray) -> float:
    """Share of targets with p <= .05, the null given as responses."""
    found = scores(X, folds, np.concatenate([Y[None], null]))
    return float((p_value(found[0], found[1:]) <= 0.05).mean())


def clustered(groups: np.ndarray, n_columns: int, share: float, rng: Rng) -> np.ndarray:
    """Unit variance, of which ``share`` belongs to the group."""
    _, codes = np.unique(groups, return_inverse=True)
    common = rng.standard_normal((codes.max() + 1, n_columns))[codes]
    return np.sqrt(share) * common + np.sqrt(1 - share) * rng.standard_normal((len(groups), n_columns))


def smooth(n: int, n_columns: int, sigma: float, rng: Rng) -> np.ndarray:
    """Stationary Gaussian series: white noise under a Gaussian window, its ends cut off."""
    edge = int(6 * sigma)
    series = gaussian_filter1d(rng.standard_normal((n + 2 * edge, n_columns)), sigma, axis=0)[edge : edge + n]
    return series / np.sqrt((gaussian_filter1d(np.eye(12 * edge + 1)[6 * edge], sigma) ** 2).sum())


def laid_anew(groups: np.ndarray, rng: Rng) -> np.ndarray:
    """Groups in another order, one after the other: their borders no longer meet those of the features."""
    labels = rng.permutation(np.unique(groups))
    return np.concatenate([np.flatnonzero(groups == label) for label in labels])


def grouped(sizes: np.ndarray, rng: Rng) -> dict[str, float]:
    """Groups of the given sizes; half of the variance of features and responses belongs to them."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    X, Y = clustered(groups, N_FEATURES, 0.5, rng), clustered(groups, N_TARGETS, 0.5, rng)
    folds, seed = grouped_folds(groups, 5, seed=0), int(rng.integers(2**31))
    rows = random_orders(len(groups), N_NULL, seed=seed)
    means = random_orders(len(sizes), N_NULL, seed=seed)
    swapped = np.stack([permuted_groups(y, groups, means) for y in Y.T], axis=2)
    laid = np.stack([laid_anew(groups, rng) for _ in range(N_NULL)])
    return {
        "single rows": rejections(X, Y, folds, Y[rows]),
        "whole groups of one size": rejections(X, Y, folds, Y[group_orders(groups, N_NULL, seed=seed).rows]),
        "group means, rest stays": rejections(X, Y, folds, swapped),
        "groups laid anew": rejections(X, Y, folds, Y[laid]),
    }


def over_time(X: np.ndarray, Y: np.ndarray, runs: np.ndarray, rng: Rng, *, length: int) -> dict[str, float]:
    """Every null of a time series on blocked folds with a gap; ``length`` is that of the autocorrelation."""
    folds, seed = blocked_folds(runs, 5, purge=length), int(rng.integers(2**31))
    nulls = {
        "single rows": Y[random_orders(len(Y), N_NULL, seed=seed)],
        "blocks exchanged": Y[block_orders(runs, 2 * length, N_NULL, seed=seed).rows],
        "circular shift": Y[circular_shifts(runs, N_NULL, min_shift=length, seed=seed).rows],
        "phases": phase_randomised(Y, runs, N_NULL, seed=seed),
    }
    if len(np.unique(runs)) > 2:
        nulls["whole runs exchanged"] = Y[group_orders(runs, N_NULL, seed=seed).rows]
    return {name: rejections(X, Y, folds, null) for name, null in nulls.items()}


def one_run(rng: Rng, *, drift: float) -> dict[str, float]:
    """300 volumes; ``drift`` adds a straight line of that standard deviation to features and responses."""
    line = np.linspace(-1, 1, 300)[:, None] * np.sqrt(3)
    X, Y = smooth(300, N_FEATURES, 4.0, rng), smooth(300, N_TARGETS, 4.0, rng)
    X, Y = (A + drift * line * rng.standard_normal(A.shape[1]) for A in (X, Y))
    return over_time(X, Y, np.zeros(300, dtype=int), rng, length=15)


def detrended(rng: Rng) -> dict[str, float]:
    """The same drift, taken out of features and responses by a cubic polynomial."""
    line = np.linspace(-1, 1, 300)[:, None] * np.sqrt(3)
    X, Y = smooth(300, N_FEATURES, 4.0, rng), smooth(300, N_TARGETS, 4.0, rng)
    Q = np.linalg.qr(np.linspace(-1, 1, 300)[:, None] ** np.arange(4))[0]
    X, Y = (A - Q @ (Q.T @ A) for A in (X + line, Y + line))
    return over_time(X, Y, np.zeros(300, dtype=int), rng, length=15)


def several_runs(rng: Rng, *, transient: float) -> dict[str, float]:
    """10 runs of 60 volumes; ``transient`` is a course within every run that features and responses share."""
    runs = np.repeat(np.arange(10), 60)
    course = np.tile(np.exp(-np.arange(60) / 6.0), 10)[:, None]
    course = (course - course.mean()) / course.std()
    X = np.concatenate([smooth(60, N_FEATURES, 2.0, rng) for _ in range(10)])
    Y = np.concatenate([smooth(60, N_TARGETS, 2.0, rng) for _ in range(10)])
    return over_time(X + transient * course, Y + transient * course, runs, rng, length=8)


def subjects(rng: Rng) -> dict[str, float]:
    """12 subjects who saw the same 100 stimuli and share half of their responses, none of it in the features."""
    X, shared = rng.standard_normal((100, N_FEATURES)), rng.standard_normal((100, 1, N_TARGETS // 4))
    Y = (shared + rng.standard_normal((100, 12, N_TARGETS // 4))).reshape(100, -1)
    orders = np.vstack([np.arange(100), random_orders(100, N_NULL, seed=int(rng.integers(2**31)))])
    found = scores(X, grouped_folds(np.arange(100), 5, seed=0), Y[orders]).reshape(N_NULL + 1, 12, -1)
    means = found.mean(axis=1)
    return {
        "signs of subjects": float((subject_test(found[0] - found[1:].mean(axis=0), seed=0).p <= 0.05).mean()),
        "stimuli, mean of subjects": float((p_value(means[0], means[1:]) <= 0.05).mean()),
    }


UNEQUAL = np.repeat([2, 3, 4, 6, 9], 5)
CASES = {
    "30 groups of 4": lambda rng: grouped(np.full(30, 4), rng),
    "25 groups of 2 to 9": lambda rng: grouped(UNEQUAL, rng),
    "one run": lambda rng: one_run(rng, drift=0.0),
    "one run, drift in both": lambda rng: one_run(rng, drift=1.0),
    "one run, drift removed": detrended,
    "10 runs": lambda rng: several_runs(rng, transient=0.0),
    "10 runs, course in both": lambda rng: several_runs(rng, transient=0.5),
    "12 subjects, same stimuli": subjects,
}


RIGHT = {"25 groups of 2 to 9": "whole groups of one size", "10 runs": "whole runs exchanged"}


def right_ones() -> Facts:
    """Seconds of all nulls of two cases, and how often the right one finds something."""
    found: list[float] = []

    def draws() -> None:
        for case, null in RIGHT.items():
            seeds = ([list(CASES).index(case), i] for i in range(sized(10, 1)))
            found.append(float(np.mean([CASES[case](np.random.default_rng(seed))[null] for seed in seeds])))

    return timed(draws, repeats=1, warm=False) | {"share of p <= .05, right null": max(found)}


SIDES = {"consona": Side(right_ones, dtype="float64")}
ROWS = (
    Row(
        "nulls of an encoding score, all refitted: 9 nulls of 99 permutations, 20 targets, 10 draws",
        "consona",
        agreement={"share of p <= .05, right null": ("<=", sized(0.1, 1.0))},  # .05 and 2.5 standard errors
    ),
)


def main() -> None:
    """Print the table."""
    n_draws = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    for case, (name, draw) in enumerate(CASES.items()):
        each = [draw(np.random.default_rng([case, i])) for i in range(n_draws)]
        for null in each[0]:
            found = np.array([one[null] for one in each])
            print(f"{name:26s} {null:26s} {found.mean():.3f} +- {found.std() / np.sqrt(n_draws):.3f}", flush=True)


if __name__ == "__main__":
    main()

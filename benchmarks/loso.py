"""Leave-one-subject-out ridge at the size of FACED, beside scikit-learn; and all orders of nine classes, refitted.

``python benchmarks/loso.py [--repeats 3]``. 123 subjects x 840 windows x 160 features, nine class indicators, ten
penalties, float64. The scikit-learn loop cuts its training rows once per subject and then fits once per penalty; it is
timed on three subjects and **extrapolated** to 123, as the folds are equal in size.
"""

import time

import numpy as np

from rates import Facts, cpu_seconds, gemm_gflops, report

N_SUBJECTS, N_WINDOWS, N_FEATURES, N_CLASSES = 123, 840, 160, 9
ALPHAS = np.logspace(-1, 6, 10)
TIMED_SUBJECTS = (0, 61, 122)


def windows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features with an offset per subject and a trace of class, class indicators, and the subject of each row."""
    rng = np.random.default_rng(20)
    subject = np.repeat(np.arange(N_SUBJECTS), N_WINDOWS)
    label = rng.integers(0, N_CLASSES, len(subject))
    X = rng.standard_normal((len(subject), N_FEATURES)) + 0.1 * rng.standard_normal((N_CLASSES, N_FEATURES))[label]
    X += rng.standard_normal((N_SUBJECTS, N_FEATURES))[subject]
    return X, np.eye(N_CLASSES)[label], subject


def by_scikit_learn(X: np.ndarray, Y: np.ndarray, subject: np.ndarray, held_out: int) -> np.ndarray:
    """Predictions for one subject, all penalties."""
    from sklearn.linear_model import Ridge

    test = subject == held_out
    X_train, Y_train, X_test = X[~test], Y[~test], X[test]
    return np.stack([Ridge(alpha=alpha).fit(X_train, Y_train).predict(X_test) for alpha in ALPHAS])


def ours() -> Facts:
    """The whole analysis, its limit, and how far three subjects are from scikit-learn."""
    from consona.stats.ridge import leave_group_out_ridge

    X, Y, subject = windows()
    before = gemm_gflops("float64")
    seconds = cpu_seconds(lambda: leave_group_out_ridge(X, Y, subject, ALPHAS))
    rate = (before + gemm_gflops("float64")) / 2
    n, p, q = len(X), N_FEATURES, N_CLASSES
    flops = n * p**2 + 2 * n * p * q * (1 + len(ALPHAS)) + N_SUBJECTS * 9 * p**3
    predicted = leave_group_out_ridge(X, Y, subject, ALPHAS)
    apart = max(
        np.abs(predicted[:, subject == one] - by_scikit_learn(X, Y, subject, one)).max() for one in TIMED_SUBJECTS
    )
    return {"seconds": seconds, "times the limit": seconds * rate * 1e9 / flops, "largest difference": float(apart)}


def scikit_learn() -> Facts:
    """Three subjects, times 41."""
    X, Y, subject = windows()
    by_scikit_learn(X, Y, subject, 5)
    begun = time.process_time()
    for held_out in TIMED_SUBJECTS:
        by_scikit_learn(X, Y, subject, held_out)
    return {"seconds, extrapolated": (time.process_time() - begun) * N_SUBJECTS / len(TIMED_SUBJECTS)}


def orders() -> Facts:
    """All 362,880 orders of nine class values over 28 clips; every order refitted, its penalty chosen again."""
    from consona.stats.permutation import all_orders
    from consona.stats.readout import stimulus_readout
    from consona.stats.refitting import order_correlations

    rng = np.random.default_rng(21)
    classes = np.repeat(np.arange(9), [3, 3, 3, 3, 4, 3, 3, 3, 3])
    readout = stimulus_readout(rng.standard_normal((N_SUBJECTS, 28, N_FEATURES)), classes.tolist(), ALPHAS)
    value = rng.standard_normal(9)
    table = all_orders(9)
    seconds = cpu_seconds(lambda: order_correlations(readout, np.eye(9)[classes], value[table]), repeats=1, warm=False)
    return {"seconds": seconds}


def main() -> None:
    """Print all figures."""
    found = report(__file__, {"consona": ours, "scikit-learn Ridge": scikit_learn, "362,880 orders": orders}, repeats=3)
    ratio = found["scikit-learn Ridge"]["seconds, extrapolated"] / found["consona"]["seconds"]
    print(f"consona is {ratio:.0f} times as fast as the scikit-learn loop (extrapolated from 3 of 123 subjects)")


if __name__ == "__main__":
    main()

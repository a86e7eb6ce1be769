"""Leave-one-subject-out ridge at the size of FACED, beside scikit-learn; and all orders of nine classes, refitted.

``python benchmarks/loso.py``. 123 subjects x 840 windows x 160 features, nine class indicators, ten penalties, float64.
The scikit-learn loop cuts its training rows once per subject and then fits once per penalty, which decomposes again for
every penalty. It takes minutes and is measured in full, once. The limit is the fewest operations at the rate of a
square matrix product in float64: one Gram matrix, the products with targets and predictions, and per subject an
eigendecomposition charged as nine cubes. The orders are compared with refits of single targets.
"""

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

N_SUBJECTS, N_WINDOWS, N_FEATURES, N_CLASSES = sized((123, 840, 160, 9), (5, 40, 8, 5))
CLIPS_PER_CLASS = sized([3, 3, 3, 3, 4, 3, 3, 3, 3], [3] * N_CLASSES)
ALPHAS = np.logspace(-1, 6, 10)


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
    """The whole analysis and its limit."""
    from consona.stats.ridge import leave_group_out_ridge

    X, Y, subject = windows()
    n, p, q = len(X), N_FEATURES, N_CLASSES
    flops = n * p**2 + 2 * n * p * q * (1 + len(ALPHAS)) + N_SUBJECTS * 9 * p**3
    return timed(lambda: leave_group_out_ridge(X, Y, subject, ALPHAS), flops=flops, dtype="float64")


def scikit_learn() -> Facts:
    """All subjects, and how far consona is."""
    from consona.stats.ridge import leave_group_out_ridge

    X, Y, subject = windows()
    by_scikit_learn(X, Y, subject, 0)
    predicted = np.empty((len(ALPHAS), *Y.shape))

    def every() -> None:
        for held_out in range(N_SUBJECTS):
            predicted[:, subject == held_out] = by_scikit_learn(X, Y, subject, held_out)

    found = timed(every, repeats=1, warm=False)
    apart = np.abs(leave_group_out_ridge(X, Y, subject, ALPHAS) - predicted).max()
    return found | {"largest difference": float(apart)}


def orders() -> Facts:
    """All orders of nine class values over 28 clips; every order refitted, its penalty chosen again."""
    from consona.stats.permutation import all_orders
    from consona.stats.readout import stimulus_readout
    from consona.stats.refitting import order_correlations, predict_targets

    rng = np.random.default_rng(21)
    classes = np.repeat(np.arange(N_CLASSES), CLIPS_PER_CLASS)
    X = rng.standard_normal((N_SUBJECTS, len(classes), N_FEATURES))
    readout, value = stimulus_readout(X, classes.tolist(), ALPHAS), rng.standard_normal(N_CLASSES)
    levels, indicators = value[all_orders(N_CLASSES)], np.eye(N_CLASSES)[classes]
    found = timed(lambda: order_correlations(readout, indicators, levels), repeats=1, warm=False)
    some = levels[:: len(levels) // 20]
    targets = some[:, classes].T
    one_by_one = predict_targets(readout, targets).mean(axis=0)
    expected = [np.corrcoef(p, y)[0, 1] for p, y in zip(one_by_one.T, targets.T, strict=True)]
    apart = np.abs(order_correlations(readout, indicators, some) - expected).max()
    return found | {"largest difference of r": float(apart)}


SIDES = {
    "consona": Side(ours, dtype="float64"),
    "scikit-learn Ridge": Side(scikit_learn, ("sklearn",), "float64", "one fit per subject and penalty"),
    "orders": Side(orders, dtype="float64"),
}
ROWS = (
    Row(
        "leave one subject out, 123 x 840 x 160, 9 classes, 10 penalties, float64",
        "consona",
        ("scikit-learn Ridge",),
        reach={"scikit-learn": 350},
        agreement={"largest difference": ("<=", 1e-9)},
    ),
    Row(
        "all 362,880 orders of nine classes, each refitted",
        "orders",
        reach={"seconds": 5},
        agreement={"largest difference of r": ("<=", 1e-9)},
    ),
)

if __name__ == "__main__":
    show(__file__)

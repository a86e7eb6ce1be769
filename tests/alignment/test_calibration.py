"""p holds its level where nothing is to be found: 28 clips in classes of three and one of four, all refitted."""

import numpy as np
import pytest

from consona.alignment.controls import residual_map
from consona.alignment.projection import ClassOrders
from consona.stats.permutation import p_value, random_orders
from consona.stats.readout import stimulus_readout, subject_readout
from consona.stats.refitting import order_comparisons

SIZES = [3, 3, 3, 3, 4, 3, 3, 3, 3]
CLASSES = np.repeat(np.array(list("abcdefghi")), SIZES)
ALPHAS = np.logspace(-1, 4, 6)
N_RUNS, N_ORDERS = 200, 99
# Binomial(200, .05): 20 or more has probability .003
MOST = 19


def orders(seed):
    return np.vstack([np.arange(9)[None], random_orders(9, N_ORDERS, seed=seed)])


def readout_of(X, hold_out):
    if hold_out == "subject":
        return subject_readout(X, np.arange(len(X)), ALPHAS)
    return stimulus_readout(X, CLASSES if hold_out == "emotion" else np.arange(28), ALPHAS)


def people(pattern, rng, noise=1.0):
    return pattern[None] + noise * rng.normal(size=(4, *pattern.shape))


@pytest.mark.parametrize("hold_out", ["subject", "emotion"])
@pytest.mark.parametrize("residual", [0.0, 1.0])
def test_class_block_p_holds_its_level_under_clip_identity(hold_out, residual):
    """Every clip has its own response, tied to nothing; values with and without a part that varies within classes."""
    rng, hits = np.random.default_rng(7), 0
    for run in range(N_RUNS):
        readout = readout_of(people(rng.normal(size=(28, 4)), rng), hold_out)
        y = rng.normal(size=9)[np.unique(CLASSES, return_inverse=True)[1]] + residual * rng.normal(size=28)
        null = ClassOrders.of(y, CLASSES).correlations(readout, orders(run))[0]
        hits += float(p_value(null[0], null[1:])) <= 0.05
    assert hits <= MOST


def test_given_the_ratings_p_holds_its_level_when_the_eeg_follows_the_ratings_alone():
    """The goal is the ratings plus noise; the responses know the ratings and nothing else of the goal."""
    rng, hits = np.random.default_rng(8), 0
    for run in range(N_RUNS):
        rated = rng.normal(size=9)[np.unique(CLASSES, return_inverse=True)[1]] + 0.2 * rng.normal(size=28)
        y = rated + 0.7 * rng.normal(size=28)
        readout = readout_of(people(np.outer(rated, rng.normal(size=4)), rng), "subject")
        M = residual_map(rated)
        rest = M @ y
        kept = ClassOrders.of(rest, CLASSES).beside(y - rest)
        null = kept.correlations(readout, orders(run), [M])[0]
        hits += float(p_value(null[0], null[1:])) <= 0.05
    assert hits <= MOST


def test_within_classes_p_holds_its_level_when_only_classes_differ():
    rng, hits = np.random.default_rng(9), 0
    of = np.unique(CLASSES, return_inverse=True)[1]
    indicators = np.eye(9)[of]
    view = np.eye(28) - indicators @ np.linalg.pinv(indicators)
    for _ in range(N_RUNS):
        y = rng.normal(size=9)[of] + 0.5 * rng.normal(size=28)
        readout = readout_of(people(rng.normal(size=(9, 4))[of], rng), "subject")
        permuted = np.tile(y, (N_ORDERS + 1, 1))
        for row in permuted[1:]:
            for label in range(9):
                row[of == label] = rng.permutation(y[of == label])
        null = order_comparisons(readout, np.eye(28), permuted, [view])[0]
        hits += float(p_value(null[0], null[1:])) <= 0.05
    assert hits <= MOST

"""The published headline, computed again from its own published points (arXiv 2606.00129, FACED's mean ratings)."""

import itertools
import math

import numpy as np
import pytest

from consona.datasets.texts import load_rated
from consona.stats.correlation import partial_pearson, pearson
from consona.stats.fdr import benjamini_hochberg, holm
from consona.stats.permutation import all_orders, p_value, permuted_groups

# Figure values of the paper, z-scored: CLIP axis per class (three clips each, neutral four) and EEG read-out per clip.
SIZES = [3, 3, 3, 3, 4, 3, 3, 3, 3]
AXIS = np.repeat([-1.1157, -1.0654, -0.9800, -0.6805, -0.2657, 0.9734, 0.7836, 0.5483, 1.8904], SIZES)
READOUT = np.array(
    [
        -0.3530,
        -0.6397,
        -0.6065,
        -1.4758,
        -1.1179,
        -1.7016,
        -1.4942,
        -0.7121,
        -0.8714,
        -0.5622,
        -0.6802,
        -0.9078,
        -0.0543,
        -0.9046,
        0.5596,
        -0.3167,
        1.8102,
        0.4560,
        1.4229,
        1.0779,
        0.0443,
        0.3902,
        1.1366,
        0.6589,
        1.0881,
        1.3147,
        1.2498,
        1.1887,
    ]
)
CLASSES = np.repeat(np.arange(9), SIZES)
CODE = np.repeat([-1, -1, -1, -1, 0, 1, 1, 1, 1], SIZES)


@pytest.fixture(scope="module")
def rated():
    return np.asarray(load_rated()["rated_valence"], dtype=float)


def test_headline_correlations(rated):
    assert pearson(AXIS, READOUT) == pytest.approx(0.8744, abs=5e-5)
    assert pearson(rated, READOUT) == pytest.approx(0.861, abs=5e-4)
    assert pearson(rated, AXIS) == pytest.approx(0.910, abs=5e-4)
    assert pearson(rated, CODE.astype(float)) == pytest.approx(0.98, abs=5e-3)
    assert partial_pearson(AXIS, READOUT, rated) == pytest.approx(0.43, abs=5e-3)


def test_within_one_pole_little_is_left():
    assert pearson(AXIS[CODE > 0], READOUT[CODE > 0]) == pytest.approx(0.35, abs=5e-3)
    assert pearson(AXIS[CODE < 0], READOUT[CODE < 0]) == pytest.approx(0.19, abs=5e-3)


def test_the_signal_does_not_live_in_nine_clips():
    nine = np.isin(CLASSES, (0, 5, 8))
    assert pearson(AXIS[nine], READOUT[nine]) == pytest.approx(0.888, abs=5e-4)
    assert pearson(AXIS[~nine], READOUT[~nine]) == pytest.approx(0.880, abs=5e-4)


def test_a_class_constant_predictor_of_the_ratings_is_capped(rated):
    means = np.bincount(CLASSES, weights=rated) / np.bincount(CLASSES)
    assert pearson(means[CLASSES], rated) == pytest.approx(0.989, abs=5e-4)


def test_class_means_of_the_ratings(rated):
    means = np.bincount(CLASSES, weights=rated) / np.bincount(CLASSES)
    np.testing.assert_allclose(means, [1.70, 1.64, 1.57, 1.86, 3.18, 4.23, 4.79, 4.37, 4.43], atol=5.1e-3)


def test_the_iid_p_is_far_too_small():
    orders = permuted_groups(AXIS, CLASSES, all_orders(9))
    z = (READOUT - READOUT.mean()) / np.linalg.norm(READOUT - READOUT.mean())
    x = orders - orders.mean(axis=1, keepdims=True)
    null = x @ z / np.linalg.norm(x, axis=1)
    block = float(p_value(np.asarray(null[0]), null, exact=True))
    assert 1e-6 < block < 1e-2
    rng = np.random.default_rng(0)
    iid = np.array([pearson(rng.permutation(AXIS), READOUT) for _ in range(500)])
    assert iid.std() == pytest.approx(1 / math.sqrt(27), abs=0.02)
    assert null.std() > 1.3 * iid.std()


def test_corrections_over_the_25_published_strategies():
    """Their own p-values ("<x" as x): 15 below .05, Holm keeps 10, Benjamini-Hochberg 13."""
    p = np.array(
        [
            0.0015,
            0.21,
            0.006,
            0.063,
            0.0003,
            0.007,
            0.039,
            0.50,
            0.89,
            1e-4,
            1e-3,
            1e-4,
            1e-3,
            1e-3,
            0.04,
            0.18,
            0.22,
            0.069,
            0.12,
            0.05,
            1e-4,
            1e-4,
            0.97,
            0.01,
            1e-3,
        ]
    )
    assert (p < 0.05).sum() == 15
    assert (holm(p) <= 0.05).sum() == 10
    assert (benjamini_hochberg(p) <= 0.05).sum() == 13


def test_split_sizes_and_choices():
    clips, segments = 28, 3
    assert [n * clips * segments for n in (80, 20, 23)] == [6720, 1680, 1932]
    assert sum((34_432, 42_960, 40_352)) == 117_744
    assert len(list(itertools.combinations(range(10), 7))) == 120

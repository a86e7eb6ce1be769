"""Two one-sided tests equal SciPy's, and the test over subjects equals a count over all signs."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from consona.stats.equivalence import (
    equivalence_of_correlations,
    equivalence_of_mean,
    equivalence_of_mean_by_flips,
)
from consona.stats.subject_test import subject_test


def test_equivalence_is_two_one_sided_t_tests(frozen):
    values = frozen(np.random.default_rng(0).normal(0.02, 0.1, size=(12, 5)))
    p = equivalence_of_mean(values, low=-0.1, high=0.08)
    above = stats.ttest_1samp(values, -0.1, alternative="greater").pvalue
    below = stats.ttest_1samp(values, 0.08, alternative="less").pvalue
    np.testing.assert_allclose(p, np.maximum(above, below), atol=1e-14)
    assert (p < 0.1).any()


def test_flips_agree_with_t_on_normal_values_and_missing_values_stay_in_their_target():
    values = np.random.default_rng(1).normal(0.0, 0.1, size=(14, 40))
    by_t = equivalence_of_mean(values, low=-0.06, high=0.06)
    by_flips = equivalence_of_mean_by_flips(values, low=-0.06, high=0.06, n_permutations=2**14, seed=0)
    assert np.abs(by_t - by_flips).max() < 0.03
    drawn = equivalence_of_mean_by_flips(values, low=-0.06, high=0.06, n_permutations=4000, seed=0)
    assert np.abs(drawn - by_flips).max() < 5 * 0.5 / np.sqrt(4000)
    holes = values.copy()
    holes[3, 0], holes[:, 1], holes[:, 2] = np.nan, np.nan, 0.01
    p = equivalence_of_mean(holes, low=-0.06, high=0.06)
    assert p[0] == pytest.approx(equivalence_of_mean(np.delete(values[:, :1], 3, axis=0), low=-0.06, high=0.06)[0])
    assert np.isnan(p[1:3]).all()
    np.testing.assert_array_equal(p[3:], by_t[3:])


def test_two_correlations_are_equal_within_a_limit(frozen):
    a, b = frozen(np.array([0.3, 0.3, 1.0, np.nan]), np.array([0.32, 0.7, 0.2, 0.1]))
    p = equivalence_of_correlations(a, b, n=(203, 403), limit=0.2)
    z, error = np.arctanh(0.3) - np.arctanh(0.32), np.sqrt(1 / 200 + 1 / 400)
    assert p[0] == pytest.approx(max(stats.norm.sf((z + 0.2) / error), stats.norm.cdf((z - 0.2) / error)))
    assert p[1] > 0.99
    assert np.isnan(p[2:]).all()
    with pytest.raises(ValueError, match="over 3 and 9 stimuli"):
        equivalence_of_correlations(a, b, n=(3, 9), limit=0.2)


def test_bounds_stand_in_order():
    values = np.zeros((4, 1))
    with pytest.raises(ValueError, match="bounds are 0.1 and -0.1"):
        equivalence_of_mean(values, low=0.1, high=-0.1)
    with pytest.raises(ValueError, match="bounds are 0 and 0"):
        equivalence_of_mean_by_flips(values, low=0.0, high=0.0, seed=0)


def test_over_subjects_all_signs_are_counted(frozen):
    values = frozen(np.random.default_rng(2).normal(0.4, 1.0, size=(7, 3)))
    found = subject_test(values, seed=0)
    assert found.exact
    patterns = np.array(list(product([1, -1], repeat=7)))
    scale = np.sqrt((values**2).sum(axis=0))
    t = [stats.ttest_1samp(sign[:, None] * values, 0).statistic for sign in patterns]
    np.testing.assert_allclose(found.p, (np.array(t) >= t[0] - 1e-9).mean(axis=0))
    largest = (patterns @ values / scale).max(axis=1)
    np.testing.assert_allclose(found.p_max, [(largest >= u - 1e-9).mean() for u in values.sum(axis=0) / scale])
    np.testing.assert_allclose(found.mean, values.mean(axis=0))


def test_many_subjects_are_sampled_and_undefined_targets_are_nan():
    values = np.random.default_rng(3).normal(0.2, 1.0, size=(30, 5))
    values[:, 1], values[:, 2], values[4, 3] = np.nan, 0.0, np.nan
    found = subject_test(values, n_permutations=5000, seed=0)
    assert not found.exact
    assert np.isnan(found.p[1:3]).all()
    by_t = stats.ttest_1samp(np.delete(values[:, 3], 4), 0, alternative="greater").pvalue
    assert found.p[3] == pytest.approx(by_t, abs=5 * 0.5 / np.sqrt(5000) + 0.01)
    assert (found.p_max[[0, 3, 4]] >= found.p[[0, 3, 4]]).all()
    with pytest.raises(ValueError, match="of 1 subjects"):
        subject_test(values[:1], seed=0)

"""Letters say exactly who differs, and signs are counted on both sides."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from consona.stats.paired_models import compact_letters, subject_effect


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 7), st.integers(0, 2**21 - 1))
def test_models_share_a_letter_if_and_only_if_they_do_not_differ(n, bits):
    different = np.zeros((n, n), dtype=bool)
    i, j = np.triu_indices(n, 1)
    different[i, j] = different[j, i] = [(bits >> k) & 1 == 1 for k in range(len(i))]
    letters = compact_letters(np.random.default_rng(bits).random(n), different)
    for a, b in itertools.combinations(range(n), 2):
        assert bool(set(letters[a]) & set(letters[b])) == (not different[a, b])


def test_the_best_has_the_first_letter_and_an_undefined_one_has_none():
    apart = ~np.eye(3, dtype=bool)
    assert compact_letters(np.array([0.1, 0.3, 0.2]), apart) == ["c", "a", "b"]
    assert compact_letters(np.array([0.1, np.nan, 0.2]), np.zeros((3, 3), dtype=bool)) == ["a", "", "a"]
    with pytest.raises(ValueError, match="symmetric 3 x 3"):
        compact_letters(np.zeros(3), np.triu(apart))


def test_both_tails_are_counted_as_scipy_counts_them():
    v = np.random.default_rng(0).normal(0.4, 1.0, size=(7, 5))
    v[:, 1] *= -1
    found = subject_effect(v)
    for k, column in enumerate(v.T):
        exact = stats.permutation_test((column,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
        assert found.p_signs[k] == pytest.approx(exact)
        t = stats.ttest_1samp(column, 0.0)
        assert (found.t[k], found.p_t[k]) == pytest.approx((t.statistic, t.pvalue))
        interval = t.confidence_interval()
        assert (found.low[k], found.high[k]) == pytest.approx((interval.low, interval.high))
    v[2, 0] = np.nan
    holed = subject_effect(v)
    assert np.isnan(holed.t[0])
    assert holed.mean[0] == pytest.approx(np.nanmean(v[:, 0]))
    assert holed.p_signs[0] >= 2 / 64
    with pytest.raises(ValueError, match="at least 2 of them"):
        subject_effect(v[:1])

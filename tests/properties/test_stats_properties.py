"""What must hold for any input: units, order of stimuli, order of targets, and values that nobody may write to."""

import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from consona.stats.bootstrap import auc
from consona.stats.correlation import pearson, pearson_columns, spearman
from consona.stats.fdr import benjamini_hochberg, holm
from consona.stats.folds import group_folds
from consona.stats.permutation import p_value, permuted_groups, random_orders
from consona.stats.ridge import leave_group_out_ridge
from consona.stats.scaling import zscore_within

numbers = st.floats(-1e6, 1e6, width=32).map(lambda value: round(value, 3))
seeds = st.integers(0, 2**32 - 1)


def _tables(rows, columns):
    return arrays(np.float64, (rows, columns), elements=numbers).map(_read_only)


def _read_only(array):
    array.flags.writeable = False
    return array


@given(_tables(9, 3), _tables(9, 3), st.floats(1e-20, 1e20), st.floats(-1e3, 1e3), seeds)
def test_correlations_ignore_units_and_the_order_of_stimuli(A, B, unit, offset, seed):
    r = pearson_columns(A, B)
    order = np.random.default_rng(seed).permutation(9)
    same = [pearson_columns(B, A), pearson_columns(A[order], B[order]), pearson_columns(A * unit, B)]
    # Adding an offset may round a tiny variation away; where the variation is larger than that, nothing changes.
    if np.ptp(A, axis=0).min() > 1.0:
        same.append(pearson_columns(A + offset, B))
    for other in same:
        np.testing.assert_allclose(other, r, rtol=0, atol=1e-9)
    np.testing.assert_allclose(pearson_columns(-A, B), -r, rtol=0, atol=1e-12)
    assert (np.abs(r[np.isfinite(r)]) <= 1 + 1e-12).all()
    np.testing.assert_array_equal(np.isnan(r), (np.ptp(A, axis=0) == 0) | (np.ptp(B, axis=0) == 0))


@given(_tables(12, 2))
def test_ranks_ignore_monotone_changes(A):
    a, b = A.T
    np.testing.assert_allclose(spearman(np.cbrt(a), b), spearman(a, b), atol=1e-12)
    assert np.isnan(pearson(a, b)) == np.isnan(spearman(a, b))


@given(_tables(20, 1), st.lists(st.booleans(), min_size=20, max_size=20))
def test_auc_mirrors(scores, labels):
    scores, labels = scores[:, 0], np.array(labels)
    assume(0 < labels.sum() < 20)
    assert auc(-scores, labels) == pytest.approx(1 - auc(scores, labels), abs=1e-12)
    assert auc(scores, ~labels) == pytest.approx(1 - auc(scores, labels), abs=1e-12)
    assert 0 <= auc(scores, labels) <= 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), seeds)
def test_corrections_never_help_keep_the_order_and_follow_permutations(p, seed):
    p = np.array(p)
    order = np.random.default_rng(seed).permutation(len(p))
    for correction in (benjamini_hochberg, holm):
        corrected = correction(p)
        assert (corrected >= p - 1e-15).all()
        assert (corrected <= 1).all()
        assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= -1e-15).all()
        np.testing.assert_array_equal(correction(p[order]), corrected[order])
    assert (holm(p) >= benjamini_hochberg(p) - 1e-12).all()


@given(seeds, st.floats(0.1, 100))
def test_ridge_follows_the_rows_the_targets_and_their_units(seed, unit):
    rng = np.random.default_rng(seed)
    X, Y, groups = rng.standard_normal((24, 5)), rng.standard_normal((24, 3)), np.repeat(np.arange(4), 6)
    rows, columns, alphas = rng.permutation(24), rng.permutation(3), np.array([0.1, 10.0])
    whole = leave_group_out_ridge(X, Y, groups, alphas)
    moved = leave_group_out_ridge(X[rows], Y[rows][:, columns], groups[rows], alphas)
    np.testing.assert_allclose(moved, whole[:, rows][:, :, columns], rtol=0, atol=1e-10)
    np.testing.assert_allclose(leave_group_out_ridge(X, Y * unit, groups, alphas), whole * unit, rtol=0, atol=1e-8)
    rotation = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    np.testing.assert_allclose(leave_group_out_ridge(X @ rotation, Y, groups, alphas), whole, rtol=0, atol=1e-9)
    joined = [leave_group_out_ridge(X, Y[:, block], groups, alphas) for block in (slice(0, 1), slice(1, 3))]
    np.testing.assert_allclose(np.concatenate(joined, axis=2), whole, rtol=0, atol=1e-11)


@given(st.lists(st.integers(0, 6), min_size=8, max_size=40), st.integers(2, 4), seeds)
def test_no_group_is_ever_divided(groups, n_folds, seed):
    groups = np.array(groups)
    assume(len(np.unique(groups)) >= n_folds)
    folds = group_folds(groups, n_folds, seed=seed)
    assert len(np.unique(folds)) == n_folds
    assert len(np.unique(np.stack([groups, folds]), axis=1).T) == len(np.unique(groups))


@given(_tables(10, 1), seeds)
def test_exchanging_group_means_keeps_their_total(values, seed):
    values, groups = values[:, 0], np.tile([0, 1], 5)
    moved = permuted_groups(values, groups, random_orders(2, 5, seed=seed))
    np.testing.assert_allclose(moved.sum(axis=1), values.sum(), atol=1e-6)


@given(st.lists(numbers, min_size=1, max_size=30), numbers)
def test_p_lies_between_its_smallest_value_and_one(null, observed):
    p = float(p_value(observed, np.array(null)))
    assert 1 / (len(null) + 1) <= p <= 1


@given(_tables(12, 2), st.floats(0.01, 100))
def test_scaled_features_ignore_units(X, unit):
    groups, train = np.repeat([0, 1], 6), np.tile([True, True, True, True, True, False], 2)
    # A range near rounding may count as constant in one unit and not in the other.
    assume(all((np.ptp(X[g][train[g]], axis=0) > 0.01).all() for g in (groups == 0, groups == 1)))
    np.testing.assert_allclose(
        zscore_within(X * unit, groups, train), zscore_within(X, groups, train), rtol=1e-6, atol=1e-6
    )

"""Ridge agrees with scikit-learn refitted from scratch, also where it is hard."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from consona.stats.ridge import leave_group_out_ridge, ridge_path

# With the shapes verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG_SHAPE = (ValueError, TypeError)

ALPHAS = np.logspace(-3, 6, 10)


def _refits(X, Y, groups, alphas):
    """The oracle: one scikit-learn fit per group and penalty."""
    predicted = np.empty((len(alphas), *Y.shape))
    for group in np.unique(groups):
        test = groups == group
        for j, alpha in enumerate(alphas):
            predicted[j, test] = Ridge(alpha=alpha).fit(X[~test], Y[~test]).predict(X[test]).reshape(-1, Y.shape[1])
    return predicted


@pytest.fixture
def grouped(frozen):
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 6, 120)  # unequal, unsorted
    X = rng.standard_normal((120, 15)) + groups[:, None]
    return frozen(X, X[:, :3] + rng.standard_normal((120, 3)), groups)


def test_left_out_groups_equal_refits(grouped):
    X, Y, groups = grouped
    ours = leave_group_out_ridge(X, Y, groups, ALPHAS)
    assert ours.shape == (10, 120, 3)
    np.testing.assert_allclose(ours, _refits(X, Y, groups, ALPHAS), rtol=0, atol=1e-9)


def test_more_features_than_rows(grouped):
    _, Y, groups = grouped
    wide = np.random.default_rng(1).standard_normal((120, 200))
    alphas = ALPHAS[2:]
    np.testing.assert_allclose(
        leave_group_out_ridge(wide, Y, groups, alphas), _refits(wide, Y, groups, alphas), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("offset", [1e3, -1e5])
def test_large_offsets_do_not_cancel(grouped, offset):
    """Removing a group's products from the total loses digits unless everything is shifted first."""
    X, Y, groups = grouped
    shifted = leave_group_out_ridge(X + offset, Y - offset, groups, ALPHAS)
    np.testing.assert_allclose(shifted + offset, leave_group_out_ridge(X, Y, groups, ALPHAS), rtol=0, atol=1e-7)


def test_float32_in_float64_inside(grouped):
    X, Y, groups = (array.astype(np.float32) if array.dtype.kind == "f" else array for array in grouped)
    ours = leave_group_out_ridge(X, Y, groups, ALPHAS)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, _refits(X.astype(float), Y.astype(float), groups, ALPHAS), rtol=0, atol=1e-9)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_broken_target_is_nan_and_touches_no_other(grouped, broken):
    X, Y, groups = grouped
    damaged = Y.copy()
    damaged[7, 1] = broken
    ours, whole = leave_group_out_ridge(X, damaged, groups, ALPHAS), leave_group_out_ridge(X, Y, groups, ALPHAS)
    assert np.isnan(ours[:, :, 1]).all()
    np.testing.assert_array_equal(ours[:, :, [0, 2]], whole[:, :, [0, 2]])


def test_a_constant_feature_and_a_constant_target_are_harmless(grouped):
    X, Y, groups = grouped
    padded = np.column_stack([X, np.full(120, 0.1)])
    constant = np.column_stack([Y, np.full(120, 0.7)])
    ours = leave_group_out_ridge(padded, constant, groups, ALPHAS)
    np.testing.assert_allclose(ours[:, :, :3], leave_group_out_ridge(X, Y, groups, ALPHAS), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours[:, :, 3], 0.7, rtol=1e-12)


def test_no_held_out_target_is_read(grouped):
    X, Y, groups = grouped
    test = groups == 2
    other = Y.copy()
    other[test] = 1e3 * np.random.default_rng(3).standard_normal((test.sum(), 3))
    np.testing.assert_allclose(
        leave_group_out_ridge(X, Y, groups, ALPHAS)[:, test],
        leave_group_out_ridge(X, other, groups, ALPHAS)[:, test],
        rtol=0,
        atol=1e-9,
    )


def test_the_path_equals_scikit_learn_and_torch_equals_numpy(frozen):
    rng = np.random.default_rng(4)
    X, Y = rng.standard_normal((50, 8)), rng.standard_normal((50, 3))
    X, Y = frozen(X - X.mean(axis=0), Y - Y.mean(axis=0))
    B = ridge_path(X, Y, ALPHAS)
    for alpha, weights in zip(ALPHAS, B, strict=True):
        np.testing.assert_allclose(weights, Ridge(alpha=alpha, fit_intercept=False).fit(X, Y).coef_.T, atol=1e-12)
    torch = pytest.importorskip("torch")
    same = ridge_path(torch.tensor(X), torch.tensor(Y), torch.tensor(ALPHAS))
    np.testing.assert_allclose(same.numpy(), B, rtol=0, atol=1e-13)


def test_refuses_what_cannot_be_fitted(grouped):
    X, Y, groups = grouped
    with pytest.raises(ValueError, match="one group"):
        leave_group_out_ridge(X, Y, np.zeros(120), ALPHAS)
    with pytest.raises(WRONG_SHAPE, match="120 rows, targets 119|Type-check error"):
        leave_group_out_ridge(X, Y[1:], groups, ALPHAS)
    with pytest.raises(ValueError, match="alpha > 0"):
        leave_group_out_ridge(X, Y, groups, np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="alpha > 0"):
        ridge_path(X, Y, np.array([-1.0]))
    damaged = X.copy()
    damaged[11, 4] = np.nan
    with pytest.raises(ValueError, match="feature 4 of row 11 is nan"):
        leave_group_out_ridge(damaged, Y, groups, ALPHAS)

"""Scaling within subjects reads training rows only."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from consona.stats.scaling import constant_within, zscore_within

# With the shapes verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG_SHAPE = (ValueError, TypeError)


@pytest.fixture
def table(frozen):
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(["s1", "s2", "s3"], 20))
    X = rng.standard_normal((60, 4)) * 3 + (groups == "s2")[:, None] * 50
    return frozen(X, groups, rng.random(60) < 0.7)


def test_agrees_with_scikit_learn_per_subject(table):
    X, groups, train = table
    Z = zscore_within(X, groups, train)
    for subject in np.unique(groups):
        mine = groups == subject
        np.testing.assert_allclose(Z[mine], StandardScaler().fit(X[mine & train]).transform(X[mine]), atol=1e-12)
    assert zscore_within(X.astype(np.float32), groups, train).dtype == np.float32


def test_held_out_rows_change_no_training_row(table):
    X, groups, train = table
    other = X.copy()
    other[~train] = 1e6
    np.testing.assert_array_equal(zscore_within(other, groups, train)[train], zscore_within(X, groups, train)[train])


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8])
def test_a_feature_that_is_constant_in_training_is_neutral_and_counted(table, value):
    X, groups, train = table
    damaged = X.copy()
    damaged[(groups == "s2") & train, 1] = value
    Z = zscore_within(damaged, groups, train)
    np.testing.assert_array_equal(Z[groups == "s2", 1], 0.0)
    whole = zscore_within(X, groups, train)
    np.testing.assert_array_equal(Z[:, [0, 2, 3]], whole[:, [0, 2, 3]])
    np.testing.assert_array_equal(Z[groups != "s2"], whole[groups != "s2"])
    assert np.argwhere(constant_within(damaged, groups, train)).tolist() == [[1, 1]]


def test_what_cannot_be_scaled_is_named(table):
    X, groups, train = table
    with pytest.raises(ValueError, match="group 's3' has 0 training rows of 20"):
        zscore_within(X, groups, train & (groups != "s3"))
    damaged = X.copy()
    damaged[17, 2] = np.inf
    with pytest.raises(ValueError, match=rf"feature 2 of row 17 \(group '{groups[17]}'\) is inf"):
        zscore_within(damaged, groups, train)
    with pytest.raises(WRONG_SHAPE, match="60 rows, groups 60 and the training mask 59|Type-check error"):
        zscore_within(X, groups, train[1:])

"""Correlations agree with SciPy, ignore units, and are NaN where nothing varies."""

import numpy as np
import pytest
from scipy import stats

from consona.stats.correlation import partial_pearson, pearson, pearson_columns, pearson_pairs, spearman, unit_columns

# With the shapes verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG_SHAPE = (ValueError, TypeError)


@pytest.fixture
def pair(frozen):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((40, 6))
    return frozen(A, 0.5 * A + rng.standard_normal((40, 6)))


def test_agrees_with_scipy(pair):
    A, B = pair
    expected = [stats.pearsonr(a, b).statistic for a, b in zip(A.T, B.T, strict=True)]
    np.testing.assert_allclose(pearson_columns(A, B), expected, rtol=1e-12)
    np.testing.assert_allclose(pearson(A[:, 0], B[:, 0]), expected[0], rtol=1e-12)
    np.testing.assert_allclose(pearson_pairs(A, B), np.corrcoef(A.T, B.T)[:6, 6:], atol=1e-14)
    tied = np.round(A[:, 0])
    np.testing.assert_allclose(spearman(tied, B[:, 0]), stats.spearmanr(tied, B[:, 0]).statistic, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("unit", [1e-15, 1e-25, 1e12])
def test_units_change_nothing(pair, unit, dtype):
    """Tesla instead of microvolts; single precision cannot even square 1e-25."""
    A, B = (array.astype(dtype) for array in pair)
    r = pearson_columns(A * dtype(unit), B)
    np.testing.assert_allclose(r, pearson_columns(A, B), atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("broken", [3.7, 0.1, 0.0, np.nan, np.inf])
def test_an_undefined_target_is_nan_and_touches_no_other(pair, broken):
    A, B = pair
    B = B.copy()
    if np.isfinite(broken):
        B[:, 2] = broken
    else:
        B[5, 2] = broken
    r = pearson_columns(A, B)
    assert np.isnan(r[2])
    others = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(r[others], pearson_columns(*pair)[others])
    assert np.isnan(pearson_pairs(A, B)[:, 2]).all()
    assert np.isnan(spearman(A[:, 2], B[:, 2]))


def test_a_torch_tensor_gives_what_its_array_gives(pair):
    torch = pytest.importorskip("torch")
    A, B = pair
    r = pearson_columns(torch.tensor(A), torch.tensor(B))
    assert isinstance(r, torch.Tensor)
    np.testing.assert_allclose(r.numpy(), pearson_columns(A, B), rtol=1e-12)


def test_integers_count_as_numbers():
    assert pearson(np.array([1, 2, 3, 5]), np.array([2, 4, 6, 10])) == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(np.linalg.norm(unit_columns(np.array([[1], [2], [4]])), axis=0), 1.0)


def test_partial_agrees_with_the_inverse_of_the_correlation_matrix(frozen):
    rng = np.random.default_rng(1)
    data = frozen(rng.standard_normal((60, 5)) @ rng.standard_normal((5, 5)) + 100)
    P = np.linalg.inv(np.corrcoef(data.T))
    expected = -P[0, 1] / np.sqrt(P[0, 0] * P[1, 1])
    assert partial_pearson(data[:, 0], data[:, 1], data[:, 2:]) == pytest.approx(expected, abs=1e-12)
    constant_too = np.column_stack([data[:, 2:], np.ones(60), data[:, 2] + data[:, 3]])
    assert partial_pearson(data[:, 0], data[:, 1], constant_too) == pytest.approx(expected, abs=1e-12)
    assert partial_pearson(data[:, 0] * 1e-15, data[:, 1], data[:, 2:] * 1e9) == pytest.approx(expected, abs=1e-12)
    one = 0.3 * data[:, 2]
    r = np.corrcoef(data[:, :3].T)
    by_hand = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert partial_pearson(data[:, 0], data[:, 1], one) == pytest.approx(by_hand, abs=1e-12)


def test_nothing_left_is_nan_not_the_noise_of_the_arithmetic():
    rng = np.random.default_rng(2)
    code, b = np.repeat([-1.0, 0.0, 1.0], 8), rng.standard_normal(24)
    assert np.isnan(partial_pearson(3 * code + 0.1, b, code))
    assert np.isnan(partial_pearson(np.full(24, 0.1), b, code))
    missing = code.copy()
    missing[3] = np.nan
    assert np.isnan(partial_pearson(rng.standard_normal(24), b, missing))


def test_different_stimuli_are_refused():
    with pytest.raises(WRONG_SHAPE, match=r"\(4, 2\) and \(5, 2\)|Type-check error"):
        pearson_columns(np.zeros((4, 2)), np.zeros((5, 2)))
    with pytest.raises(WRONG_SHAPE, match="4 and 5 stimuli|Type-check error"):
        pearson_pairs(np.zeros((4, 2)), np.zeros((5, 2)))
    with pytest.raises(WRONG_SHAPE, match=r"4, 4 and \(given\) 5|Type-check error"):
        partial_pearson(np.zeros(4), np.zeros(4), np.zeros(5))

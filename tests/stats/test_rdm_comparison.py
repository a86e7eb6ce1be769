"""Comparisons of RDMs agree with rsatoolbox, leave out missing pairs of both sides, and may be undefined."""

import numpy as np
import pytest

from consona.stats import rdm_comparison
from consona.stats.correlation import partial_pearson
from consona.stats.rdm_comparison import COMPARISONS, compare_rdms, embedded, n_shared_pairs, residual_rdms

# With annotations verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG = (ValueError, TypeError)
N = 9
PAIRS = N * (N - 1) // 2
THEIRS = {
    "pearson": "corr",
    "spearman": "spearman",
    "rho-a": "rho-a",
    "kendall tau-a": "tau-a",
    "cosine": "cosine",
    "whitened cosine": "cosine_cov",
    "whitened correlation": "corr_cov",
}


@pytest.fixture
def sides(frozen):
    """Two sides with ties."""
    rng = np.random.default_rng(0)
    return frozen(rng.random((3, PAIRS)).round(1), rng.random((4, PAIRS)).round(1))


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_agrees_with_rsatoolbox(comparison, sides):
    from rsatoolbox.rdm import compare

    A, B = sides
    np.testing.assert_allclose(compare_rdms(A, B, comparison=comparison), compare(A, B, THEIRS[comparison]), atol=1e-13)
    missing = np.isin(np.arange(PAIRS), (3, 7, 20))
    A, B = (np.where(missing, np.nan, each) for each in sides)
    np.testing.assert_allclose(compare_rdms(A, B, comparison=comparison), compare(A, B, THEIRS[comparison]), atol=1e-13)


def test_kendall_by_sorting_is_kendall_by_counting(sides, monkeypatch):
    counted = compare_rdms(*sides, comparison="kendall tau-a")
    monkeypatch.setattr(rdm_comparison, "_SIGN_PAIRS", 1)
    np.testing.assert_allclose(compare_rdms(*sides, comparison="kendall tau-a"), counted, atol=1e-14)


@pytest.mark.parametrize("comparison", ["whitened cosine", "whitened correlation"])
def test_whitening_is_the_inverse_of_the_covariance_of_pairs(comparison, sides):
    root = np.random.default_rng(1).standard_normal((N, N))
    covariance = root @ root.T + np.eye(N)
    i, j = np.triu_indices(N, 1)
    contrasts = np.eye(N)[i] - np.eye(N)[j]
    for given in (None, covariance):
        V = (contrasts @ (np.eye(N) if given is None else given) @ contrasts.T) ** 2
        A, B = (each - each.mean(axis=1, keepdims=True) * comparison.endswith("correlation") for each in sides)
        products = [np.einsum("ip,pq,jq->ij", x, np.linalg.inv(V), y) for x, y in ((A, B), (A, A), (B, B))]
        expected = products[0] / np.sqrt(np.outer(np.diag(products[1]), np.diag(products[2])))
        np.testing.assert_allclose(compare_rdms(*sides, comparison=comparison, covariance=given), expected, atol=1e-11)


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_missing_pairs_and_undefined_rdms_touch_no_other(comparison, sides):
    A, B = (each.copy() for each in sides)
    complete = compare_rdms(A, B, comparison=comparison)
    A[1, 4] = B[2, [4, 9]] = np.nan
    B[3] = 0.0
    r = compare_rdms(A, B, comparison=comparison)
    np.testing.assert_allclose(r[np.ix_([0, 2], [0, 1])], complete[np.ix_([0, 2], [0, 1])], atol=1e-14)
    assert np.isnan(r[:, 3]).all()
    assert np.isfinite(r[:, :3]).all()
    assert n_shared_pairs(A, B)[:, :3].tolist() == [[36, 36, 34], [35, 35, 34], [36, 36, 34]]
    B[0] = np.nan
    assert np.isnan(compare_rdms(A, B, comparison=comparison)[:, 0]).all()


@pytest.mark.parametrize("comparison", [each for each in COMPARISONS if each != "kendall tau-a"])
def test_embedded_rdms_have_the_comparison_as_inner_product(comparison, sides):
    A, B = (embedded(each, comparison=comparison) for each in sides)
    np.testing.assert_allclose(A @ B.T, compare_rdms(*sides, comparison=comparison), atol=1e-13)


def test_residuals_give_the_partial_correlation(sides):
    A, B = sides
    left = [residual_rdms(each, B[2:], comparison="pearson") for each in (A, B[:2])]
    r = compare_rdms(*left, comparison="pearson")
    expected = [[partial_pearson(a, b, B[2:].T) for b in B[:2]] for a in A]
    np.testing.assert_allclose(r, expected, atol=1e-13)
    nothing = residual_rdms(2.0 - B[2:3], B[2:], comparison="spearman")
    assert np.isnan(nothing).all()


def test_what_cannot_be_is_refused(sides):
    A, B = sides
    with pytest.raises(WRONG):
        compare_rdms(A, B[:, :28], comparison="pearson")
    with pytest.raises(WRONG):
        compare_rdms(A, B, comparison="tau")
    with pytest.raises(ValueError, match="only the whitened comparisons use it"):
        compare_rdms(A, B, comparison="pearson", covariance=np.eye(N))
    with pytest.raises(ValueError, match="no inner product"):
        embedded(A, comparison="kendall tau-a")

"""CKA: 1 for the same geometry; without bias, 0 on average for unrelated features, where the published form is not."""

import numpy as np
import pytest

from consona.stats.cka import debiased_cka, linear_cka


def hsic(K, L):
    """Song et al. (2012), equation 5, term by term."""
    n = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    one = np.ones(n)
    terms = (
        np.trace(K @ L) + (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ K @ L @ one)
    )
    return terms / (n * (n - 3))


@pytest.fixture
def features(frozen):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 12)) + 5
    return frozen(X, X @ rng.standard_normal((12, 7)) + rng.standard_normal((30, 7)))


def test_agrees_with_the_formulas(features):
    X, Y = features
    kernels = [each @ each.T for each in features]
    own = [hsic(each, each) for each in kernels]
    assert debiased_cka(X, Y) == pytest.approx(hsic(*kernels) / np.sqrt(own[0] * own[1]), abs=1e-9)
    X, Y = (each - each.mean(axis=0) for each in features)
    plain = np.linalg.norm(X.T @ Y) ** 2 / np.linalg.norm(X.T @ X) / np.linalg.norm(Y.T @ Y)
    assert linear_cka(*features) == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize("cka", [linear_cka, debiased_cka])
def test_rotation_shift_and_scale_change_nothing(cka, features):
    X, Y = features
    turned = 1e-9 * (X @ np.linalg.qr(np.random.default_rng(1).standard_normal((12, 12)))[0] + 100)
    assert cka(X, turned) == pytest.approx(1.0, abs=1e-9)
    assert cka(turned, Y) == pytest.approx(cka(X, Y), abs=1e-9)


def test_unrelated_features_are_unrelated_only_without_bias():
    rng = np.random.default_rng(2)
    pairs = [(rng.standard_normal((20, 40)), rng.standard_normal((20, 40))) for _ in range(300)]
    unbiased = np.array([debiased_cka(X, Y) for X, Y in pairs])
    assert abs(unbiased.mean()) < 4 * unbiased.std() / np.sqrt(len(unbiased))
    assert np.mean([linear_cka(X, Y) for X, Y in pairs]) > 0.5


def test_undefined_and_refused(features):
    X, Y = features
    assert np.isnan(debiased_cka(np.full_like(X, 0.1), Y))
    assert np.isnan(linear_cka(np.where(X > 6, np.nan, X), Y))
    with pytest.raises(ValueError, match="at least 4"):
        debiased_cka(X[:3], Y[:3])

"""A share is the length of the penalised weights over that of the unpenalised ones."""

import numpy as np
import pytest

from consona.stats.fractional import fractional_alphas
from consona.stats.ridge_fit import ridge_fit

SHARES = np.array([0.05, 0.3, 0.5, 0.9, 0.99])


@pytest.mark.parametrize("n_features", [10, 80], ids=["primal", "dual"])
@pytest.mark.parametrize("scaled", [True, False])
def test_weights_have_the_share_that_was_asked_for(n_features, scaled):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, n_features)) * np.logspace(-1, 1, n_features) + 4
    Y = X[:, :6] + 10 * rng.standard_normal((50, 6))
    Y[:, 5] = 1.0
    alphas = fractional_alphas(X, Y, SHARES, scaled=scaled)
    assert np.isnan(alphas[:, 5]).all()
    sd = X.std(axis=0) if scaled else 1.0
    Z = (X - X.mean(axis=0)) / sd
    unpenalised = np.linalg.norm(np.linalg.pinv(Z, rcond=1e-10) @ (Y - Y.mean(axis=0)), axis=0)[:5]
    for share, row in zip(SHARES, alphas, strict=True):
        weights = ridge_fit(X, Y, row, scaled=scaled).coef.T * sd
        np.testing.assert_allclose(np.linalg.norm(weights[:5], axis=1) / unpenalised, share, rtol=5e-4)
    assert (np.diff(alphas[:, :5], axis=0) < 0).all()


def test_a_share_means_the_same_in_any_unit():
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((40, 5)), rng.standard_normal((40, 3))
    np.testing.assert_allclose(fractional_alphas(X, 1e-9 * Y, SHARES), fractional_alphas(X, Y, SHARES), rtol=1e-9)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fractional_alphas(X, Y, np.array([0.5, 1.0]))

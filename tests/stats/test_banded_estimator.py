"""The banded encoder is a scikit-learn estimator, and what it fits is what the functions fit."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from consona.stats.banded_estimator import BandedRidgeEncoder


def test_it_is_an_estimator():
    check_estimator(BandedRidgeEncoder(n_draws=2, n_folds=2, alphas=(0.1, 1.0, 10.0)), on_skip=None)


def case(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((150, 30)) * np.array([1.0] * 10 + [5.0] * 20) + 2
    return X, X[:, :10] @ rng.standard_normal((10, 4)) + rng.standard_normal((150, 4))


def test_the_band_that_drives_the_targets_gets_the_weight(frozen):
    X, Y = frozen(*case())
    groups = np.repeat(range(30), 5)
    encoder = BandedRidgeEncoder([range(10), range(10, 30)], n_draws=20, random_state=0).fit(X, Y, groups)
    assert (encoder.gammas_[0] > 0.8).all()
    assert encoder.coef_.shape == (4, 30)
    assert np.abs(encoder.coef_[:, 10:]).max() < 0.1 < np.abs(encoder.coef_[:, :10]).max()
    again = BandedRidgeEncoder([range(10), range(10, 30)], n_draws=20, random_state=0).fit(X, Y, groups)
    np.testing.assert_array_equal(again.coef_, encoder.coef_)


def test_one_band_is_ridge_regression(frozen):
    X, Y = frozen(*case())
    encoder = BandedRidgeEncoder(alphas=[0.5]).fit(X, Y[:, 0])
    expected = make_pipeline(StandardScaler(), Ridge(alpha=0.5 * 30)).fit(X, Y[:, 0])
    np.testing.assert_allclose(encoder.predict(X), expected.predict(X), atol=1e-9)
    assert encoder.coef_.shape == (30,)
    assert cross_val_score(BandedRidgeEncoder(), X, Y[:, 0], cv=3).mean() > 0.8


def test_a_feature_in_no_band_is_not_used():
    X, Y = case()
    coef = BandedRidgeEncoder([[0, 1], [5]], n_draws=3, random_state=1).fit(X, Y).coef_
    assert np.flatnonzero(np.abs(coef).sum(axis=0)).tolist() == [0, 1, 5]


@pytest.mark.parametrize(
    ("bands", "words"), [([[0], [0]], "in two"), ([[0], []], "needs features"), ([[40]], "0 to|40")]
)
def test_bands_that_do_not_fit_are_refused(bands, words):
    X, Y = case()
    with pytest.raises(ValueError, match=words):
        BandedRidgeEncoder(bands).fit(X, Y)


def test_fewer_groups_than_folds_are_refused():
    X, Y = case()
    with pytest.raises(ValueError, match="5 folds were asked for and there are 3 groups"):
        BandedRidgeEncoder().fit(X, Y, np.repeat(range(3), 50))

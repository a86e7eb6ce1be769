"""The estimators are scikit-learn's in every respect it checks, and choose as the functions below them do."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from consona.stats.estimators import LinearDecoder, RidgeEncoder, Standardiser
from consona.stats.folds import Folds
from consona.stats.ridge_cv import ridge_cv

ALPHAS = (1.0, 10.0, 100.0)
CHECKED = [RidgeEncoder(ALPHAS, cv=2), LinearDecoder(ALPHAS, cv="gcv"), Standardiser()]


def _checks():
    """Every check that runs without SciPy's experimental switch for other arrays."""
    for estimator in CHECKED:
        for each, check in estimator_checks_generator(estimator):
            if "array_api" not in str(check):
                yield pytest.param(each, check, id=f"{type(each).__name__}-{getattr(check, 'func', check).__name__}")


@pytest.mark.parametrize(("estimator", "check"), list(_checks()))
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


@pytest.fixture
def stories(frozen):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 5)
    X = rng.standard_normal((60, 8)) * np.logspace(-1, 1, 8) + 5
    return frozen(X, X[:, :3] + rng.standard_normal((60, 3)), groups)


def test_groups_are_kept_whole_and_the_choice_is_that_of_ridge_cv(stories):
    X, Y, groups = stories
    fitted = RidgeEncoder(ALPHAS, cv=4).fit(X, Y, groups)
    masks = np.zeros((2, 4, 60), dtype=bool)
    for fold, rows in enumerate(GroupKFold(4).split(X, Y, groups)):
        masks[0, fold, rows[0]] = masks[1, fold, rows[1]] = True
    choice = ridge_cv(X, Y, np.array(ALPHAS), Folds(*masks))
    np.testing.assert_array_equal(fitted.alpha_, choice.alpha)
    np.testing.assert_array_equal(fitted.cv_scores_, choice.scores)
    Z = Standardiser().fit_transform(X)
    for target, alpha in enumerate(fitted.alpha_):
        oracle = Ridge(alpha=alpha).fit(Z, Y[:, target]).predict(Z)
        np.testing.assert_allclose(fitted.predict(X)[:, target], oracle, atol=1e-10)
    with pytest.raises(ValueError, match="number of groups"):
        RidgeEncoder(ALPHAS, cv=13).fit(X, Y, groups)
    with pytest.raises(ValueError, match="independent rows without groups"):
        RidgeEncoder(ALPHAS, cv="gcv").fit(X, Y, groups)


def test_a_shuffle_is_the_random_states(stories):
    X, Y, _ = stories
    first, again, other = (RidgeEncoder(ALPHAS, random_state=seed).fit(X, Y).cv_scores_ for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_standardiser_learns_from_training_rows_only(stories):
    """Fitted in a pipeline, it must give what scaling by hand within the training rows gives."""
    X, Y, groups = stories
    y = Y[:, 0]
    piped = cross_val_score(make_pipeline(Standardiser(), Ridge(5.0)), X, y, groups=groups, cv=GroupKFold(4))
    by_hand = []
    for train, test in GroupKFold(4).split(X, y, groups):
        mean, sd = X[train].mean(axis=0), X[train].std(axis=0)
        by_hand.append(Ridge(5.0).fit((X[train] - mean) / sd, y[train]).score((X[test] - mean) / sd, y[test]))
    np.testing.assert_allclose(piped, by_hand, atol=1e-12)
    constant = np.column_stack([X, np.full(60, 0.1)])
    scaler = Standardiser().fit(constant)
    assert scaler.constant_.tolist() == [False] * 8 + [True]
    assert not scaler.transform(constant + 1)[:, -1].any()


def test_a_decoder_finds_what_was_planted_in_more_voxels_than_stimuli():
    rng = np.random.default_rng(1)
    embedding = rng.standard_normal((80, 4))
    voxels = embedding @ rng.standard_normal((4, 300)) + rng.standard_normal((80, 300))
    decoder = LinearDecoder(np.logspace(0, 5, 6), scaled=False).fit(voxels[:60], embedding[:60])
    oracle = RidgeCV(np.logspace(0, 5, 6), alpha_per_target=True).fit(voxels[:60], embedding[:60])
    assert decoder.score(voxels[60:], embedding[60:]) > 0.9
    assert decoder.score(voxels[60:], embedding[60:]) == pytest.approx(
        oracle.score(voxels[60:], embedding[60:]), abs=0.03
    )

"""Refitting by linearity: equal to scikit-learn's refits, order by order, penalty included."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from consona.stats.permutation import all_orders, p_value, random_orders
from consona.stats.readout import (
    in_sample_mean_readout,
    in_sample_readout,
    mean_stimulus_readout,
    stimulus_readout,
    subject_readout,
    zscore_over,
)
from consona.stats.refitting import mean_predictions, order_comparisons, order_correlations, predict_targets

ALPHAS = np.logspace(0, 4, 5)
CLASSES = np.repeat(np.arange(4), [2, 3, 2, 2])
N_SUBJECTS, N, P = 6, len(CLASSES), 7


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(N_SUBJECTS, N, P)) + rng.normal(size=(1, N, P))
    X[2, :, 3] = 4.0  # a channel that is flat in one subject carries nothing there
    X.setflags(write=False)
    return X


def direct(X, y, train, test, alpha):
    """Scikit-learn's ridge on rows z-scored by the training stimuli: deviations from the training mean, and errors."""
    Z = zscore_over(X, train[1])
    rows = Z[train[0]][:, train[1]]
    target = np.tile(y[train[1]], rows.shape[0])
    model = Ridge(alpha=alpha).fit(rows.reshape(-1, P), target)
    held = Z[test[0]][:, test[1]]
    predicted = model.predict(held.reshape(-1, P)).reshape(held.shape[:2])
    return predicted - target.mean(), np.sum((predicted - y[test[1]]) ** 2)


def nested(X, y, folds):
    """Outer predictions with the penalty of the smallest inner error, by brute force."""
    out = np.zeros(X.shape[:2])
    for k, test in enumerate(folds):
        inner = [fold for j, fold in enumerate(folds) if j != k]
        losses = [sum(direct(X, y, without(test, fold), fold, alpha)[1] for fold in inner) for alpha in ALPHAS]
        out[np.ix_(*test)] = direct(X, y, without(test), test, ALPHAS[int(np.argmin(losses))])[0]
    return out


def without(*folds):
    subjects, stimuli = np.ones(N_SUBJECTS, bool), np.ones(N, bool)
    for s, c in folds:
        if s.all():
            stimuli &= ~c
        else:
            subjects &= ~s
    return subjects, stimuli


def stimulus_folds(groups):
    return [(np.ones(N_SUBJECTS, bool), groups == g) for g in np.unique(groups)]


def subject_folds(groups):
    return [(groups == g, np.ones(N, bool)) for g in np.unique(groups)]


CASES = {
    "clip": (stimulus_readout, np.arange(N), stimulus_folds),
    "emotion": (stimulus_readout, CLASSES, stimulus_folds),
    "subject": (subject_readout, np.arange(N_SUBJECTS) % 3, subject_folds),
}


@pytest.mark.parametrize("case", CASES)
def test_orders_equal_direct_refits(X, case):
    make, groups, folds = CASES[case]
    readout = make(X, groups, ALPHAS)
    v, residual = np.array([-1.0, 0.2, 0.9, 2.0]), np.linspace(-0.5, 0.5, N)
    orders = random_orders(4, 3, seed=1)
    r = order_correlations(readout, np.eye(4)[CLASSES], v[orders], offset=residual)
    for order, found in zip(orders, r, strict=True):
        y = v[order][CLASSES] + residual
        expected = nested(X, y, folds(groups))
        np.testing.assert_allclose(predict_targets(readout, y[:, None])[:, :, 0], expected, atol=1e-9)
        np.testing.assert_allclose(mean_predictions(readout, y[None])[0], expected.mean(axis=0), atol=1e-9)
        assert found == pytest.approx(np.corrcoef(expected.mean(axis=0), y)[0, 1], abs=1e-9)


def test_compare_selects_averages_and_residualises(X):
    readout = stimulus_readout(X, np.arange(N), ALPHAS)
    y = np.array([-1.0, 0.2, 0.9, 2.0])[CLASSES]
    predicted = predict_targets(readout, y[:, None])[:, :, 0].mean(axis=0)
    some = np.eye(N)[[0, 2, 5, 8]]
    found = order_comparisons(readout, np.eye(4)[CLASSES], np.array([[-1.0, 0.2, 0.9, 2.0]]), [some])[0]
    assert found[0] == pytest.approx(np.corrcoef(predicted[[0, 2, 5, 8]], y[[0, 2, 5, 8]])[0, 1], abs=1e-12)


IN_SAMPLE = {
    "over subjects": (in_sample_readout, np.arange(N_SUBJECTS) % 3, subject_folds),
}


@pytest.mark.parametrize("case", IN_SAMPLE)
def test_in_sample_equals_one_fit_of_everything(X, case):
    make, groups, folds = IN_SAMPLE[case]
    readout = make(X, groups, ALPHAS)
    y = np.linspace(-1, 1, N) ** 3
    everyone = (np.ones(N_SUBJECTS, bool), np.ones(N, bool))
    losses = [sum(direct(X, y, without(fold), fold, a)[1] for fold in folds(groups)) for a in ALPHAS]
    expected = direct(X, y, everyone, everyone, ALPHAS[int(np.argmin(losses))])[0]
    np.testing.assert_allclose(predict_targets(readout, y[:, None])[:, :, 0], expected, atol=1e-9)


def direct_mean(X, y, train, test, alpha):
    """The same with the mean over subjects as rows: z-scored within subject by the training stimuli, then averaged."""
    Z = zscore_over(X, train).mean(axis=0)
    predicted = Ridge(alpha=alpha).fit(Z[train], y[train]).predict(Z[test])
    return predicted - y[train].mean(), np.sum((predicted - y[test]) ** 2)


def test_mean_rows_equal_direct_refits(X):
    y = np.linspace(-1, 1, N) ** 3
    found = predict_targets(mean_stimulus_readout(X, CLASSES, ALPHAS), y[:, None])
    assert found.shape == (1, N, 1)
    for k in range(4):
        test = k == CLASSES
        inner = [j == CLASSES for j in range(4) if j != k]
        losses = [sum(direct_mean(X, y, ~(test | fold), fold, a)[1] for fold in inner) for a in ALPHAS]
        expected = direct_mean(X, y, ~test, test, ALPHAS[int(np.argmin(losses))])[0]
        np.testing.assert_allclose(found[0, test, 0], expected, atol=1e-9)
    whole = predict_targets(in_sample_mean_readout(X, np.arange(N), ALPHAS), y[:, None])[0, :, 0]
    singles = [np.arange(N) == i for i in range(N)]
    losses = [sum(direct_mean(X, y, ~one, one, a)[1] for one in singles) for a in ALPHAS]
    everything = np.ones(N, bool)
    best = ALPHAS[int(np.argmin(losses))]
    np.testing.assert_allclose(whole, direct_mean(X, y, everything, everything, best)[0], atol=1e-9)


def test_a_finished_prediction_must_not_be_permuted():
    """Clip identity without any valence: permuting the finished prediction finds it nearly always, refitting at 5 %."""
    rng = np.random.default_rng(11)
    n_runs, hits_finished, hits_refitted = 40, 0, 0
    classes = np.repeat(np.arange(5), 2)
    orders = all_orders(5)
    for _ in range(n_runs):
        identity = rng.normal(size=(1, 10, 6))
        X = identity + 0.3 * rng.normal(size=(9, 10, 6))
        readout = subject_readout(X, np.arange(9) % 3, ALPHAS)
        v = rng.normal(size=5)
        refitted = order_correlations(readout, np.eye(5)[classes], v[orders])
        predicted = predict_targets(readout, v[classes][:, None])[:, :, 0].mean(axis=0)
        finished = np.array([np.corrcoef(predicted, v[order][classes])[0, 1] for order in orders])
        hits_finished += p_value(finished[0], finished, exact=True) <= 0.05
        hits_refitted += p_value(refitted[0], refitted, exact=True) <= 0.05
    assert hits_finished >= 0.5 * n_runs
    # Binomial(40, .05): 7 or more happens with probability .003
    assert hits_refitted <= 6


def test_the_training_mean_would_drive_a_pooled_correlation_to_minus_one():
    """Pure noise as responses: with the mean of the training values r is nearly -1, as a deviation it is not."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(20, 28, 10))
    readout = stimulus_readout(X, np.arange(28), np.logspace(2, 6, 5))
    with_mean, without = [], []
    for _ in range(50):
        y = rng.normal(size=28)
        predicted = predict_targets(readout, y[:, None])[:, :, 0].mean(axis=0)
        training_mean = (y.sum() - y) / 27
        without.append(np.corrcoef(predicted, y)[0, 1])
        with_mean.append(np.corrcoef(predicted + training_mean, y)[0, 1])
    assert np.mean(with_mean) < -0.9
    assert np.mean(without) > -0.6


def test_too_few_groups_are_refused():
    with pytest.raises(ValueError, match="at least 3 groups"):
        stimulus_readout(np.zeros((2, 4, 3)), np.array([0, 0, 1, 1]), ALPHAS)
    with pytest.raises(ValueError, match="4 expected, 3 found"):
        stimulus_readout(np.zeros((2, 4, 3)), np.array([0, 1, 2]), ALPHAS)
    with pytest.raises(ValueError, match="1 values are not"):
        stimulus_readout(np.where(np.arange(24).reshape(2, 4, 3) == 5, np.nan, 0.0), np.arange(4), ALPHAS)

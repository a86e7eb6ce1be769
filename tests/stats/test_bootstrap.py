"""AUC agrees with scikit-learn, ties and all; intervals equal drawing by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from consona.stats.bootstrap import (
    auc,
    bootstrap_auc_interval,
    bootstrap_interval,
    bootstrap_pearson_interval,
    roc_curve,
)

# With the shapes verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG_SHAPE = (ValueError, TypeError)


@pytest.fixture
def scored(frozen):
    rng = np.random.default_rng(0)
    labels = rng.random(300) < 0.4
    return frozen(np.round(rng.standard_normal(300) + labels, 1), labels)  # many ties


def test_auc_and_curve_agree_with_scikit_learn(scored):
    scores, labels = scored
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-14)
    assert auc(scores, labels.astype(int)) == auc(scores, labels)
    fpr, tpr = roc_curve(scores, labels)
    expected = sklearn_roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose([fpr, tpr], expected[:2], atol=1e-15)
    assert np.trapezoid(tpr, fpr) == pytest.approx(auc(scores, labels), abs=1e-14)


def test_auc_of_ties_is_one_half():
    assert auc(np.ones(4), np.array([0, 1, 1, 0])) == 0.5
    assert auc(np.array([1.0, 2.0, 2.0]), np.array([0, 0, 1])) == 0.75


def test_one_class_has_no_auc():
    scores = np.arange(4.0)
    for labels in (np.ones(4), np.zeros(4)):
        assert np.isnan(auc(scores, labels))
        assert np.isnan(roc_curve(scores, labels)).all()
        assert np.isnan(bootstrap_auc_interval(scores, labels, seed=0)).all()
    assert np.isnan(auc(np.array([1.0, np.nan]), np.array([0, 1])))
    with pytest.raises(ValueError, match=r"must be 0 and 1"):
        auc(scores, np.array([-1, 0, 1, 1]))
    with pytest.raises(WRONG_SHAPE, match="4 scores and 3 labels|Type-check error"):
        auc(scores, np.ones(3))


def test_auc_interval_equals_drawing_by_hand(scored):
    scores, labels = scored
    low, high = bootstrap_auc_interval(scores, labels, n_draws=2000, seed=1)
    rng = np.random.default_rng(2)
    above, below = scores[labels], scores[~labels]
    drawn = []
    for _ in range(1000):
        a, b = rng.choice(above, len(above)), rng.choice(below, len(below))
        drawn.append(np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b)))
    # The 2.5 % quantile of n draws has standard error sqrt(.025 * .975 / n) / density = 2.7 SD / sqrt(n).
    tolerance = 5 * 2.7 * np.std(drawn) * np.sqrt(1 / 1000 + 1 / 2000)
    np.testing.assert_allclose([low, high], np.quantile(drawn, [0.025, 0.975]), rtol=0, atol=tolerance)
    assert low < auc(scores, labels) < high
    assert (low, high) == bootstrap_auc_interval(scores, labels, n_draws=2000, seed=1)


def test_interval_of_the_mean_has_the_standard_error(frozen):
    values = frozen(np.random.default_rng(3).standard_normal((100, 2)) * [1.0, 1e-15])
    low, high = bootstrap_interval(values, seed=0)
    expected = values.mean(axis=0) + 1.96 * np.array([[-1], [1]]) * values.std(axis=0) / 10
    np.testing.assert_allclose(np.array([low, high]) / [1.0, 1e-15], expected / [1.0, 1e-15], atol=0.02)
    alone = bootstrap_interval(values[:, 0], seed=0)
    np.testing.assert_allclose(alone, [low[0], high[0]], rtol=1e-12)


def test_a_missing_value_is_left_out_of_its_column_only():
    values = np.random.default_rng(4).standard_normal((50, 3))
    damaged = values.copy()
    damaged[4, 1], damaged[:, 2] = np.nan, np.nan
    low, high = bootstrap_interval(damaged, n_draws=2000, seed=0)
    whole_low, whole_high = bootstrap_interval(values, n_draws=2000, seed=0)
    np.testing.assert_allclose([low[0], high[0]], [whole_low[0], whole_high[0]], rtol=1e-12)
    assert low[1] < np.nanmean(damaged[:, 1]) < high[1]
    assert np.isnan([low[2], high[2]]).all()


def test_interval_of_a_correlation_covers_it():
    """Over 200 samples of 80 the 90 % interval holds the true r in about 90: percentile intervals lose a little."""
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(200):
        a = rng.standard_normal(80)
        low, high = bootstrap_pearson_interval(
            a, 0.6 * a + 0.8 * rng.standard_normal(80), n_draws=500, level=0.9, seed=seed
        )
        covered += low < 0.6 < high
    assert covered / 200 == pytest.approx(0.9, abs=5 * np.sqrt(0.9 * 0.1 / 200))
    assert np.isnan(bootstrap_pearson_interval(np.ones(5), np.arange(5.0), seed=0)).all()


@pytest.mark.parametrize(("n_draws", "level"), [(0, 0.95), (10, 1.0), (10, 0.0)])
def test_impossible_intervals_are_refused(n_draws, level):
    with pytest.raises(ValueError, match=f"{n_draws} draws at level {level}"):
        bootstrap_interval(np.arange(4.0), n_draws=n_draws, level=level, seed=0)


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        bootstrap_interval(np.empty((0, 2)), seed=0)

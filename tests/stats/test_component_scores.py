"""Axes in networks: planted ones are found, the search is in the null, and the sign of a component is no evidence."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from consona.stats.class_axis import class_components, residual_components, stimulus_means
from consona.stats.component_scores import (
    class_levels,
    component_scores,
    orders_within_classes,
    pole_contrast,
    random_axes,
    search_test,
)
from consona.stats.correlation import pearson
from consona.stats.permutation import all_orders, random_orders

EMOTIONS = np.repeat([f"e{k}" for k in range(9)], [3, 3, 3, 3, 4, 3, 3, 3, 3])
CODES = np.repeat(np.arange(9), [3, 3, 3, 3, 4, 3, 3, 3, 3])
LEVELS = np.array([-1.2, -1.1, -1.0, -0.8, 0.0, 0.9, 1.1, 0.8, 1.3])
POLES = {"positive": ["e5", "e6", "e7", "e8"], "negative": ["e0", "e1", "e2", "e3"]}


def network(rng, *, between=0.0, within=0.0, residual=None, n_folds=3, n_features=40):
    """Mean features ``(n_folds, 28, n_features)``: classes and clips of their own, and axes in a direction per fold."""
    values = np.empty((n_folds, 28, n_features))
    for k in range(n_folds):
        v, w = np.linalg.qr(rng.standard_normal((n_features, 2)))[0].T
        clips = rng.standard_normal((9, n_features))[CODES] + 0.5 * rng.standard_normal((28, n_features))
        values[k] = 5.0 + clips + between * np.outer(LEVELS[CODES], v)
        values[k] += 0.0 if residual is None else within * np.outer(residual, w)
    return values


def test_class_scores_are_those_of_sklearn(frozen):
    means, axis = frozen(network(np.random.default_rng(0), between=2.0), LEVELS[CODES])
    found = component_scores([class_components(means, EMOTIONS)], class_levels(axis[None], EMOTIONS))
    by_hand = []
    for fold in means:
        C = np.stack([fold[k == CODES].mean(axis=0) for k in range(9)])
        by_hand.append(abs(pearson(PCA(1).fit_transform(C)[:, 0], LEVELS)))
    assert found.absolute[0, 0] == pytest.approx(np.mean(by_hand))
    assert np.isnan(found.signed).all()


def test_residual_scores_are_the_best_of_all_components(frozen):
    rng = np.random.default_rng(1)
    means, axis = frozen(network(rng), rng.standard_normal(28))
    parts = residual_components(means, EMOTIONS)
    found = component_scores([parts], axis[None])
    rest = axis - class_levels(axis[None], EMOTIONS)[0][CODES]
    by_hand = []
    for fold in means:
        residual = fold - np.stack([fold[k == CODES].mean(axis=0) for k in range(9)])[CODES]
        by_hand.append(max(abs(pearson(each, rest)) for each in PCA(19).fit_transform(residual).T))
    assert parts.unit.shape == (3, 28, 19)
    assert found.absolute[0, 0] == pytest.approx(np.mean(by_hand))
    np.testing.assert_allclose(np.linalg.norm(parts.directions, axis=2), 1.0)


def test_what_is_planted_is_found_against_relabelled_classes_and_without_it_nothing():
    rng, orders = np.random.default_rng(2), random_orders(9, 499, seed=0)
    pole = pole_contrast(EMOTIONS, **POLES)
    for between, found in ((8.0, True), (0.0, False)):
        parts = [class_components(network(rng, between=between), EMOTIONS) for _ in range(4)]
        observed = component_scores(parts, LEVELS[None], pole[None])
        null = component_scores(parts, LEVELS[orders], pole[orders])
        test = search_test(observed.absolute[0], null.absolute)
        assert (test.p_mean <= 0.05) == found
        # The planted levels are 23 long and the noise of a class mean is 1.04: in each of the other eight dimensions
        # the component is off by 1.04 / 23, and r by half of the square of all that, .01.
        assert (observed.absolute.min() > 0.97) == found
        assert (observed.signed.min() > 0.97) == found


def test_within_classes_the_null_searches_too():
    rng = np.random.default_rng(3)
    axis = rng.standard_normal(28)
    rest = axis - class_levels(axis[None], EMOTIONS)[0][CODES]
    orders = orders_within_classes(EMOTIONS, 299, seed=0)
    parts = [residual_components(network(rng, within=3.0, residual=rest), EMOTIONS) for _ in range(2)]
    observed, null = component_scores(parts, axis[None]), component_scores(parts, axis[orders])
    assert search_test(observed.absolute[0], null.absolute).p_mean == pytest.approx(1 / 300)
    assert null.absolute.mean() > 0.4  # the best of 19 components correlates with anything
    absent = [residual_components(network(rng), EMOTIONS) for _ in range(2)]
    other = search_test(
        component_scores(absent, axis[None]).absolute[0], component_scores(absent, axis[orders]).absolute
    )
    assert other.p_mean > 0.05


def test_the_published_scores_have_these_nulls():
    """Best of 19 components in 19 dimensions against random directions: mean .50, 95 % .64; one in eight: 95 % .67."""
    rng = np.random.default_rng(4)
    means = network(rng, n_folds=1)
    best = component_scores([residual_components(means, EMOTIONS)], random_axes(4000, 28, seed=0)).absolute[:, 0]
    first = component_scores([class_components(means, EMOTIONS)], random_axes(4000, 9, seed=0)).absolute[:, 0]
    assert best.mean() == pytest.approx(0.50, abs=0.01)
    assert np.quantile(best, 0.95) == pytest.approx(0.64, abs=0.02)
    assert np.quantile(first, 0.95) == pytest.approx(0.666, abs=0.025)


def test_poles_move_with_the_classes_or_the_signed_score_is_called_significant():
    rng, orders = np.random.default_rng(5), random_orders(9, 199, seed=0)
    pole = pole_contrast(EMOTIONS, **POLES)
    parts = [class_components(network(rng, n_folds=1), EMOTIONS) for _ in range(300)]
    observed = component_scores(parts, LEVELS[None], pole[None]).signed[0]
    moved = component_scores(parts, LEVELS[orders], pole[orders]).signed
    fixed = component_scores(parts, LEVELS[orders], np.tile(pole, (199, 1))).signed
    fair, unfair = search_test(observed, moved).p, search_test(observed, fixed).p
    assert (fair <= 0.1).mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 300))
    assert (unfair <= 0.1).mean() > 0.15


def test_an_axis_with_one_value_per_class_has_no_residual_and_says_so():
    parts = residual_components(network(np.random.default_rng(6)), EMOTIONS)
    found = component_scores([parts], np.stack([LEVELS[CODES], np.arange(28.0)]))
    assert np.isnan(found.absolute[0]).all()
    assert np.isfinite(found.absolute[1]).all()
    assert "needs a value per stimulus" in found.reasons[0]
    assert found.reasons[1] == ""


def test_clips_that_a_fold_did_not_test_are_left_out():
    means, axis = network(np.random.default_rng(7), n_folds=1), random_axes(1, 28, seed=1)
    kept = np.ones(28, dtype=bool)
    kept[[0, 13, 14, 27]] = False
    gap = np.where(kept[:, None], means, np.nan)
    for make in (class_components, residual_components):
        within = make is residual_components
        whole, part = (axis, axis[:, kept]) if within else (class_levels(axis, EMOTIONS),) * 2
        there = component_scores([make(gap, EMOTIONS)], whole).absolute
        alone = component_scores([make(means[:, kept], EMOTIONS[kept])], part).absolute
        np.testing.assert_allclose(there, alone)
    none = component_scores([class_components(np.full((1, 28, 5), np.nan), EMOTIONS)], LEVELS[None])
    assert np.isnan(none.absolute).all()


def test_all_orders_make_an_exact_p():
    labels, levels = np.repeat(np.arange(5), 2), np.array([0.0, 1.0, 3.0, 7.0, 12.0])
    means = np.repeat(levels, 2)[None, :, None] * np.array([1.0, 2.0])
    parts, orders = [class_components(means, labels)], all_orders(5)
    null = component_scores(parts, levels[orders]).absolute
    test = search_test(component_scores(parts, levels[None]).absolute[0], null, exact=True)
    assert test.p[0] == test.p_mean == 1 / 120


def test_orders_stay_within_their_class():
    orders = orders_within_classes(CODES, 50, seed=0)
    np.testing.assert_array_equal(CODES[orders], np.tile(CODES, (50, 1)))
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(28), (50, 1)))
    assert len(np.unique(orders, axis=0)) == 50


def test_means_are_taken_within_the_network_that_tested():
    rng = np.random.default_rng(8)
    features = rng.standard_normal((6, 4, 3)).astype(np.float32)
    fold = np.repeat([0, 0, 1, 1, 1, -1], 4).reshape(6, 4)
    features[5] = np.nan
    fold[0, 2] = fold[1, 2] = -1
    means = stimulus_means(features, fold)
    np.testing.assert_allclose(means[1], features[2:5].mean(axis=0), rtol=1e-6)
    assert np.isnan(means[0, 2]).all()
    features[3, 1, 0] = np.inf
    with pytest.raises(ValueError, match="1 of them hold features that are not finite"):
        stimulus_means(features, fold)


def test_poles_and_rows_have_to_fit():
    with pytest.raises(ValueError, match="both poles need classes"):
        pole_contrast(EMOTIONS, positive=["e5", "joy"], negative=["e0"])
    parts = [class_components(network(np.random.default_rng(9)), EMOTIONS)]
    with pytest.raises(ValueError, match="give class_levels of the axis"):
        component_scores(parts, random_axes(2, 28, seed=0))

"""A nested ridge equals one written out by hand, and the penalty never sees the rows that are scored."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from consona.stats.folds import Folds, blocked_folds, grouped_folds, inner_folds
from consona.stats.nested_ridge import NestedRidge
from consona.stats.ridge_sweep import Sweep

ALPHAS = np.logspace(0, 3, 7)


def _nested(X, outer, alphas=ALPHAS, **settings):
    return NestedRidge.of(X, outer, [inner_folds(outer, fold) for fold in range(len(outer.train))], alphas, **settings)


def _predicted(X, y, train, test, alpha):
    mean, sd = X[train].mean(axis=0), X[train].std(axis=0)
    return Ridge(alpha=alpha, solver="svd").fit((X[train] - mean) / sd, y[train]).predict((X[test] - mean) / sd)


def _by_hand(X, y, outer, alphas):
    """Scores, penalties and predictions of one target; the grid is not extended."""
    scores, chosen, predicted = [], [], np.full(len(y), np.nan)
    for fold, (train, test) in enumerate(zip(*outer, strict=True)):
        inner = inner_folds(outer, fold)
        errors = [
            [((_predicted(X, y, a, b, alpha) - y[b]) ** 2).mean() for a, b in zip(*inner, strict=True)]
            for alpha in alphas
        ]
        chosen.append(alphas[np.argmin(np.mean(errors, axis=1))])
        predicted[test] = _predicted(X, y, train, test, chosen[-1])
        scores.append(np.corrcoef(predicted[test], y[test])[0, 1])
    return scores, chosen, predicted


@pytest.fixture(params=[8, 100], ids=["primal", "dual"])
def story(request, frozen):
    rng = np.random.default_rng(request.param)
    X = rng.standard_normal((90, request.param)) + 10
    return frozen(X, X[:, :4] * [2, 1, 0.5, 0] + rng.standard_normal((90, 4)) - 40)


@pytest.mark.parametrize("purge", [0, 2])
def test_it_equals_one_written_out_by_hand(story, purge):
    X, Y = story
    outer = blocked_folds(np.zeros(90), 4, purge=purge)
    wide = np.logspace(-2, 6, 17)
    nested = _nested(X, outer, wide)
    ours, predicted = nested.scores(Y), nested.predictions(Y)
    for target in range(4):
        scores, chosen, by_hand = _by_hand(X, Y[:, target], outer, wide)
        inside = np.isin(chosen, wide[1:-1])
        np.testing.assert_array_equal(ours.alphas[inside, target], np.array(chosen)[inside])
        np.testing.assert_allclose(ours.scores[inside, target], np.array(scores)[inside], atol=1e-9)
        for fold in np.flatnonzero(inside):
            test = outer.test[fold]
            np.testing.assert_allclose(predicted[test, target], by_hand[test], atol=1e-9)


def test_an_edge_is_extended_once_then_reported(story):
    X, Y = story
    outer = grouped_folds(np.arange(90), 3, seed=0)
    far = _nested(X, outer, np.array([1e4, 1e5])).scores(Y)
    assert (far.alphas[:, 0] >= 100).all()
    assert far.edge[:, 0].all()
    ample = _nested(X, outer, np.logspace(-2, 6, 9)).scores(Y)
    near = ample.alphas[:, 0] < 1e4
    assert (far.alphas[near, 0] < 1e4).all()
    assert not ample.edge[:, 0].any()


def test_what_is_undefined_is_nan_fold_by_fold_and_changes_no_bit_of_the_rest(story):
    X, Y = story
    outer = blocked_folds(np.zeros(90), 3)
    damaged = np.column_stack([Y, Y])
    damaged[5, 4] = np.inf
    damaged[:, 5] = 7.0
    damaged[outer.train[1], 6] = 7.0  # constant where fold 1 trains, not in the rows that it tests
    damaged[outer.test[2], 7] = 7.0
    nested = _nested(X, outer)
    ours, whole = nested.scores(damaged), nested.scores(np.column_stack([Y, Y]))
    assert np.isnan(ours.scores).tolist() == [
        [False] * 4 + [True, True, True, False],  # column 6 is constant in the test rows of folds 0 and 2
        [False] * 4 + [True, True, True, False],
        [False] * 4 + [True, True, True, True],
    ]
    assert np.isnan(ours.alphas[1, 6])
    assert np.isfinite(ours.alphas[[0, 2], 6]).all()
    predicted = nested.predictions(damaged)
    assert np.isnan(predicted[outer.test[1], 6]).all()
    assert np.isfinite(predicted[:, 7]).all()
    for after, before in zip(ours, whole, strict=True):
        np.testing.assert_array_equal(after[:, :4], before[:, :4])
    np.testing.assert_array_equal(predicted[:, :4], nested.predictions(np.column_stack([Y, Y]))[:, :4])


def test_a_target_does_not_depend_on_the_others_not_even_in_its_last_bit(story):
    """Nulls are further targets; a map may be cut anywhere."""
    X, Y = story
    rng = np.random.default_rng(0)
    many = np.column_stack([Y, *(rng.permutation(Y) for _ in range(160))])
    nested = _nested(X, grouped_folds(np.arange(90), 3, seed=0))
    whole = nested.scores(many)
    cut = nested.scores(many[:, 100:])
    np.testing.assert_array_equal(whole.scores[:, 100:], cut.scores)
    np.testing.assert_array_equal(whole.alphas[:, 100:], cut.alphas)


def test_without_an_effect_there_is_none_and_no_test_row_is_read():
    rng = np.random.default_rng(4)
    X, Y = rng.standard_normal((120, 30)), rng.standard_normal((120, 400))
    outer = grouped_folds(np.arange(120), 4, seed=1)
    nested = _nested(X, outer)
    found = nested.scores(Y).scores
    assert abs(found.mean()) < 4 / np.sqrt(30 * 4 * 400)  # test rows of a fold, folds, targets
    other = Y.copy()
    other[outer.test[2]] = rng.standard_normal((30, 400)) * 10
    np.testing.assert_allclose(
        nested.predictions(other)[outer.test[2]], nested.predictions(Y)[outer.test[2]], rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_torch_gives_what_numpy_gives(story, device):
    torch = pytest.importorskip("torch")
    X, Y = story
    outer = blocked_folds(np.zeros(90), 3, purge=1)
    ours = _nested(X, outer).scores(Y)
    theirs = _nested(torch.tensor(X, device=device), outer).scores(torch.tensor(Y, device=device))
    np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-9)
    np.testing.assert_array_equal(theirs.alphas, ours.alphas)


def test_what_cannot_be_nested_is_named(story):
    X, _ = story
    outer = blocked_folds(np.zeros(90), 3)
    inner = [inner_folds(outer, fold) for fold in range(3)]
    with pytest.raises(ValueError, match="3 outer folds and 2 sets"):
        NestedRidge.of(X, outer, inner[:2], ALPHAS)
    with pytest.raises(ValueError, match="inner folds of outer fold 0 use 30 rows"):
        NestedRidge.of(X, outer, [inner[1], inner[1], inner[2]], ALPHAS)
    with pytest.raises(ValueError, match="every target has its own"):
        NestedRidge.of(X, outer, inner, ALPHAS, sweep=Sweep(shared=True))
    with pytest.raises(ValueError, match="no test rows|tests no row"):
        NestedRidge.of(X, Folds(outer.train, outer.test & False), inner, ALPHAS)

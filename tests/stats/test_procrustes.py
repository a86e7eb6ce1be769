"""Procrustes agrees with SciPy; held out, unrelated features are unrelated."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from consona.stats.folds import grouped_folds
from consona.stats.procrustes import held_out_procrustes, procrustes_angle, procrustes_similarity

# With the shapes verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG_SHAPE = (ValueError, TypeError)


@pytest.fixture
def features(frozen):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 12)) + 5
    return frozen(X, X @ rng.standard_normal((12, 12)) + rng.standard_normal((30, 12)))


def test_agrees_with_scipy(features):
    A, B = (each - each.mean(axis=0) for each in features)
    expected = orthogonal_procrustes(A, B)[1] / np.linalg.norm(A) / np.linalg.norm(B)
    assert procrustes_similarity(*features) == pytest.approx(expected, abs=1e-12)
    assert procrustes_angle(*features) == pytest.approx(np.arccos(expected), abs=1e-12)
    few, padded = B[:, :4], np.hstack([B[:, :4], np.zeros((30, 8))])
    assert procrustes_similarity(A, few) == pytest.approx(procrustes_similarity(A, padded), abs=1e-12)


def test_held_out_agrees_with_a_rotation_fitted_apart(features):
    X, Y = features
    folds = grouped_folds(np.arange(30), 2, seed=0)
    for k, s in enumerate(held_out_procrustes(X, Y, folds)):
        train, test = folds.train[k], folds.test[k]
        Q, _ = orthogonal_procrustes(X[train] - X[train].mean(axis=0), Y[train] - Y[train].mean(axis=0))
        C, D = X[test] - X[train].mean(axis=0), Y[test] - Y[train].mean(axis=0)
        assert s == pytest.approx(np.vdot(C @ Q, D) / np.linalg.norm(C) / np.linalg.norm(D), abs=1e-12)


def test_a_rotation_is_found_on_new_stimuli_and_chance_is_not():
    rng = np.random.default_rng(1)
    folds = grouped_folds(np.arange(40), 4, seed=0)
    X = rng.standard_normal((40, 15))
    turned = 3 * X @ np.linalg.qr(rng.standard_normal((15, 15)))[0] - 2
    np.testing.assert_allclose(held_out_procrustes(X, turned, folds), 1.0, atol=1e-12)
    assert procrustes_angle(X, turned) < 1e-7
    unrelated = [held_out_procrustes(rng.standard_normal((40, 60)), X, folds).mean() for _ in range(100)]
    assert abs(np.mean(unrelated)) < 4 * np.std(unrelated) / 10
    assert procrustes_similarity(rng.standard_normal((40, 60)), X) > 0.5  # in-sample, a rotation fits anything


def test_undefined_and_refused(features):
    X, Y = features
    assert np.isnan(procrustes_similarity(np.full_like(X, 0.1), Y))
    assert np.isnan(held_out_procrustes(np.where(X > 7, np.inf, X), Y, grouped_folds(np.arange(30), 2, seed=0))).all()
    with pytest.raises(WRONG_SHAPE):
        procrustes_angle(X, Y[:29])

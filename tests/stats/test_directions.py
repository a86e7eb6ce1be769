"""Matched directions have exactly the variance asked for; massive features are found, ordinary ones are not."""

import numpy as np
import pytest

from consona.stats.directions import variance_along, variance_matched_directions
from consona.stats.outliers import massive_dimensions, relative_magnitude


def _stimuli(n, p, seed):
    """Features with a decaying spectrum in random orientation, and an offset."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((p, p)))[0]
    return rng.standard_normal((n, p)) / np.sqrt(np.arange(1, p + 1)) @ rotation + 5.0, rng


@pytest.mark.parametrize(("n", "p"), [(300, 40), (60, 200)])
@pytest.mark.parametrize("kind", ["isotropic", "of the data", "second component", "silent component"])
def test_matched_directions(frozen, n, p, kind):
    X, rng = _stimuli(n, p, seed=0)
    components = np.linalg.svd(X - X.mean(axis=0))[2]
    v = {
        "isotropic": rng.standard_normal(p),
        "of the data": (X - X.mean(axis=0)).T @ rng.standard_normal(n),
        "second component": components[1],
        "silent component": components[min(n, p) - 3],
    }[kind]
    X, v = frozen(X, 3.0 * v / np.linalg.norm(v))
    U = variance_matched_directions(X, v, n=99, seed=1)
    np.testing.assert_allclose(variance_along(X, U), variance_along(X, v[None] / 3.0)[0], rtol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(U, axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(U @ v, 0.0, atol=1e-12)
    assert np.linalg.matrix_rank(U) == min(99, p - 1)  # as varied as can be, not one direction over and over
    np.testing.assert_array_equal(U[:1], variance_matched_directions(X, v, n=99, seed=1)[:1])


def test_no_direction_matches_the_leading_component():
    X, _ = _stimuli(300, 40, seed=2)
    leading = np.linalg.svd(X - X.mean(axis=0))[2][0]
    with pytest.raises(ValueError, match="No matched control exists"):
        variance_matched_directions(X, leading, n=9, seed=0)
    with pytest.raises(ValueError, match="length 0"):
        variance_matched_directions(X, np.zeros(40), n=9, seed=0)


def test_massive_features_are_found_by_offset_or_by_spread(frozen):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((50, 384)).astype(np.float32)
    assert not massive_dimensions(X).any()
    assert relative_magnitude(X).max() < 1.5
    X[:, 7] += 300  # the same for every text
    X[:, 90] *= 40  # different from text to text
    X[:, 100:110] = 0.0
    X = frozen(X)
    assert np.flatnonzero(massive_dimensions(X)).tolist() == [7, 90]
    np.testing.assert_array_equal(massive_dimensions(X * np.float32(1e-12)), massive_dimensions(X))
    assert not massive_dimensions(np.zeros((3, 4))).any()

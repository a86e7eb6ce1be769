"""The random twin of an axis: the same numbers, and nothing of the axis left in them."""

import numpy as np
import pytest

from consona.stats.axis_twins import distance_correlation, random_axis, standardised

SIZES = (3, 3, 3, 3, 4, 3, 3, 3, 3)  # clips of the nine emotions of FACED
EMOTIONS = np.repeat(np.arange(9), SIZES)


def axis_of_classes(seed=0):
    return np.random.default_rng(seed).normal(size=9)[EMOTIONS]


def pairs(values):
    return np.sort(np.abs(values[:, None] - values[None, :]).ravel())


@pytest.mark.parametrize("seed", range(5))
def test_the_twin_has_the_same_numbers_and_no_agreement(seed):
    axis = axis_of_classes(seed)
    twin = random_axis(axis, EMOTIONS, seed=seed)
    np.testing.assert_array_equal(np.sort(twin), np.sort(axis))
    np.testing.assert_array_equal(pairs(twin), pairs(axis))
    assert all(np.ptp(twin[np.equal(EMOTIONS, k)]) == 0 for k in range(9))
    first = np.unique(EMOTIONS, return_index=True)[1]
    assert abs(np.corrcoef(twin, axis)[0, 1]) <= 0.2
    assert abs(np.corrcoef(twin[first], axis[first])[0, 1]) <= 0.2
    assert abs(distance_correlation(twin[first], axis[first])) <= 0.2


def test_several_axes_move_together_and_keep_what_lies_within_classes():
    rng = np.random.default_rng(1)
    axes = rng.normal(size=(9, 2))[EMOTIONS] + 0.1 * rng.normal(size=(28, 2))
    twin = random_axis(axes, EMOTIONS, seed=0)
    np.testing.assert_allclose(np.cov(twin.T), np.cov(axes.T), rtol=1e-12)
    assert {tuple(row) for row in twin} == {tuple(row) for row in axes}
    blocks = {axes[np.equal(EMOTIONS, k)].tobytes() for k in range(9)}
    assert {twin[np.equal(EMOTIONS, k)].tobytes() for k in range(9)} == blocks


def test_draws_belong_to_their_seed():
    axis = axis_of_classes()
    np.testing.assert_array_equal(random_axis(axis, EMOTIONS, seed=3), random_axis(axis, EMOTIONS, seed=3))
    assert len({random_axis(axis, EMOTIONS, seed=seed).tobytes() for seed in range(20)}) > 15


def test_what_cannot_be_exchanged_is_refused():
    with pytest.raises(ValueError, match="no order of 3 classes"):
        random_axis(np.array([0.0, 0, 1, 2, 2, 2]), np.array([0, 0, 1, 2, 2, 2]), seed=0)
    with pytest.raises(ValueError, match="same mean in all classes"):
        random_axis(np.tile([-1.0, 1.0], 4), np.repeat([0, 1, 2, 3], 2), seed=0)
    with pytest.raises(ValueError, match="align"):
        random_axis(np.arange(4.0), np.arange(5), seed=0)


def test_axes_are_standardised_over_stimuli():
    axes = np.random.default_rng(2).normal(3, 7, size=(28, 2))
    scaled = standardised(axes)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(standardised(5 * axes - 2), scaled, rtol=1e-9)
    with pytest.raises(ValueError, match="constant"):
        standardised(np.ones(5))

"""Orders, signs and p-values: counted right, never zero, and the maximum equal to a plain loop."""

from itertools import permutations

import numpy as np
import pytest

from consona.stats.correlation import pearson_pairs
from consona.stats.permutation import (
    all_orders,
    all_sign_flips,
    fwer_p_values,
    max_statistic,
    p_value,
    permuted_groups,
    random_orders,
    sign_flips,
)
from consona.stats.seeds import rng_for

# With the shapes verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG_SHAPE = (ValueError, TypeError)


def test_p_is_never_zero_and_counts_ties(frozen):
    null = frozen(np.array([[0.1, 2.0], [0.2, 2.0], [0.3, 5.0]]))
    np.testing.assert_allclose(p_value(np.array([9.0, 2.0]), null), [1 / 4, 4 / 4])
    assert p_value(0.25, null[:, 0]) == pytest.approx(2 / 4)


def test_equal_up_to_rounding_is_equal():
    observed = 0.1 + 0.2
    assert p_value(observed, np.array([0.3, 0.1]), exact=True) == 0.5
    assert p_value(np.float32(0.3), np.array([0.3, 0.1]), exact=True) == 0.5
    assert p_value(-observed, np.array([-0.3, -0.5]), exact=True) == 0.5


def test_an_exact_p_is_a_share_of_all_orders():
    orders = all_orders(5)
    x = np.array([0.0, 1.0, 2.0, 4.0, 9.0])
    statistic = x[orders] @ x
    assert p_value(statistic[0], statistic, exact=True) == 1 / 120
    with pytest.raises(ValueError, match="observed order is one of them"):
        p_value(1e6, statistic, exact=True)


def test_undefined_values_never_help():
    assert np.isnan(p_value(np.array([np.nan, 1.0]), np.zeros((9, 2)))[0])
    assert p_value(1.0, np.array([0.0, np.nan, 0.0])) == pytest.approx(2 / 4)
    with pytest.raises(ValueError, match="at least one permutation"):
        p_value(np.zeros(2), np.zeros((0, 2)))
    with pytest.raises(ValueError, match="one more axis"):
        p_value(np.zeros(3), np.zeros((9, 2)))


def test_all_orders_are_all_orders():
    for k in (1, 2, 5, 7):
        np.testing.assert_array_equal(all_orders(k), np.array(list(permutations(range(k)))))
    assert all_orders(9).shape == (362_880, 9)
    assert all_orders(9).dtype == np.int8
    with pytest.raises(ValueError, match="from 1 to 10"):
        all_orders(11)


def test_signs():
    flips = all_sign_flips(4)
    assert len(np.unique(flips, axis=0)) == 16
    assert (flips[0] == 1).all()
    drawn = sign_flips(30, 2000, seed=0)
    assert set(np.unique(drawn)) == {-1, 1}
    assert abs(drawn.mean()) < 5 / np.sqrt(drawn.size)
    with pytest.raises(ValueError, match="from 1 to 20"):
        all_sign_flips(25)


def test_random_orders_are_orders_and_do_not_depend_on_how_many_follow():
    orders = random_orders(9, 500, seed=3)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(9), (500, 1)))
    np.testing.assert_array_equal(random_orders(9, 20, seed=3), orders[:20])
    assert not np.array_equal(random_orders(9, 20, seed=4), orders[:20])
    # Every number is equally often in every place: 500 draws of 1/9, five SD.
    counts = np.stack([(orders == value).sum(axis=0) for value in range(9)])
    assert np.abs(counts - 500 / 9).max() < 5 * np.sqrt(500 / 9 * 8 / 9)


def test_seeds_belong_to_their_key_not_to_the_order_of_calls():
    alone = rng_for(7, "null", 3).standard_normal(4)
    for other in (0, 1, 2):
        rng_for(7, "null", other).standard_normal(100)
    np.testing.assert_array_equal(rng_for(7, "null", 3).standard_normal(4), alone)
    keys = [(7, "null", 4), (8, "null", 3), (7, "null", "3"), (7, "nul", "l3"), (7, "null3"), (7,)]
    first = {tuple(rng_for(*key).standard_normal(4)) for key in keys}
    assert len(first | {tuple(alone)}) == 7
    with pytest.raises(ValueError, match="seed is -1"):
        rng_for(-1)


def test_groups_change_places_as_wholes(frozen):
    groups = frozen(np.array(["b", "a", "a", "c", "b", "c", "c"]))
    constant = frozen(np.array([2.0, 1.0, 1.0, 3.0, 2.0, 3.0, 3.0]))
    orders = all_orders(3)
    exchanged = permuted_groups(constant, groups, orders)
    level = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(exchanged, level[orders][:, np.array([1, 0, 0, 2, 1, 2, 2])])
    varied = frozen(np.array([2.5, 1.0, 1.2, 3.0, 1.5, 3.1, 2.9]))
    moved = permuted_groups(varied, groups, orders)
    np.testing.assert_array_equal(moved[0], varied)
    within = [g - g.mean() for g in (varied[groups == label] for label in "abc")]
    for label, rest in zip("abc", within, strict=True):
        part = moved[:, groups == label]
        np.testing.assert_allclose(part - part.mean(axis=1, keepdims=True), np.tile(rest, (6, 1)), atol=1e-14)
    with pytest.raises(ValueError, match="4 columns and there are 3 groups"):
        permuted_groups(varied, groups, all_orders(4))


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_the_maximum_equals_a_plain_loop(frozen, dtype, atol):
    rng = np.random.default_rng(5)
    x, Y = rng.standard_normal(30), rng.standard_normal((30, 70)) * 1e-15 + 3e-15
    X = frozen(x[random_orders(30, 50, seed=0)])
    plain = np.abs(pearson_pairs(X.T, Y)).max(axis=1)
    Y = frozen(Y.astype(dtype))
    for block in (16, 70, 8192):
        np.testing.assert_allclose(max_statistic(X, Y, block=block), plain, rtol=0, atol=atol)


def test_undefined_targets_take_no_part_in_the_maximum():
    rng = np.random.default_rng(6)
    X, Y = rng.standard_normal((20, 15)), rng.standard_normal((15, 4))
    damaged = np.column_stack([Y, np.full(15, 3.3), np.where(np.arange(15) == 2, np.nan, Y[:, 0])])
    np.testing.assert_array_equal(max_statistic(X, damaged), max_statistic(X, Y))
    X[3] = 1.0
    assert np.flatnonzero(np.isnan(max_statistic(X, Y))).tolist() == [3]
    assert np.isnan(max_statistic(X, np.ones((15, 2)))).all()
    with pytest.raises(WRONG_SHAPE, match="15 stimuli and the targets 14|Type-check error"):
        max_statistic(X, Y[1:])


def test_family_wise_p(frozen):
    null, observed = frozen(np.array([0.5, 0.3, 0.4, 0.2]), np.array([0.35, 0.9, np.nan, 0.4]))
    np.testing.assert_allclose(fwer_p_values(observed, null), [3 / 5, 1 / 5, np.nan, 3 / 5])
    with pytest.raises(ValueError, match="1 of them NaN"):
        fwer_p_values(observed, np.array([0.5, np.nan]))

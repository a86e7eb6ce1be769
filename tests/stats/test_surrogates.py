"""Surrogates keep what they promise: groups, blocks, spectra, the circle; and few orders are all listed."""

from itertools import permutations

import numpy as np
import pytest

from consona.stats.surrogates import block_orders, circular_shifts, group_orders, phase_randomised


def test_few_groups_give_all_orders_with_the_observed_one_first():
    groups = np.array(["b", "a", "a", "c", "b", "c"])
    rows, exact = group_orders(groups, 100, seed=0)
    assert exact
    np.testing.assert_array_equal(rows[0], np.arange(6))
    received = {tuple(groups[row]) for row in rows}
    expected = {tuple(order["abc".index(g)] for g in groups) for order in permutations("abc")}
    assert received == expected
    first = np.array([True, True, False, True, False, False])  # whether a row is the first of its group
    assert (first[rows] == first).all()


def test_groups_change_places_with_their_like_only():
    groups = np.repeat(np.arange(7), [2, 3, 2, 3, 3, 5, 2])
    sizes = np.bincount(groups)[groups]
    rows, exact = group_orders(groups, 36, seed=0)
    assert exact
    assert len(np.unique(rows, axis=0)) == 36
    drawn, sampled = group_orders(groups, 30, seed=0)
    assert not sampled
    for orders in (rows, drawn):
        np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(20), (len(orders), 1)))
        assert (sizes[orders] == sizes).all()
        assert (orders[:, groups == 5] == np.flatnonzero(groups == 5)).all()
    np.testing.assert_array_equal(group_orders(groups, 12, seed=0).rows, drawn[:12])
    with pytest.raises(ValueError, match="20 surrogates of 2 groups of 1, 2 rows"):
        group_orders(np.array([0, 1, 1]), 20, seed=0)


def test_blocks_of_time_change_places_whole_and_rests_stay():
    runs = np.repeat([0, 1], [13, 10])
    rows, exact = block_orders(runs, 5, 24, seed=0)
    assert exact
    assert len(rows) == 24
    np.testing.assert_array_equal(rows[:, 10:13], np.tile([10, 11, 12], (24, 1)))
    for start in (0, 5, 13, 18):
        block = rows[:, start : start + 5]
        assert (np.diff(block, axis=1) == 1).all()
        assert set(np.unique(block[:, 0])) == {0, 5, 13, 18}
    with pytest.raises(ValueError, match="a block has 0 rows"):
        block_orders(runs, 0, 9, seed=0)


def test_a_run_is_turned_in_a_circle_and_not_by_a_little():
    runs = np.zeros(20, dtype=int)
    rows, exact = circular_shifts(runs, 99, min_shift=4, seed=0)
    assert exact
    np.testing.assert_array_equal(rows[0], np.arange(20))
    shift = (-rows[:, 0]) % 20
    np.testing.assert_array_equal(shift, [0, *range(4, 17)])
    np.testing.assert_array_equal(rows, (np.arange(20) - shift[:, None]) % 20)
    two = np.repeat(["x", "y"], [50, 60])
    drawn, all_of_them = circular_shifts(two, 500, min_shift=5, seed=0)
    assert not all_of_them
    assert (two[drawn] == two).all()
    own = [(drawn[:, start] - start) % n for start, n in ((0, 50), (50, 60))]
    assert abs(np.corrcoef(own)[0, 1]) < 5 / np.sqrt(500)
    np.testing.assert_array_equal(circular_shifts(two, 40, min_shift=5, seed=0).rows, drawn[:40])
    with pytest.raises(ValueError, match="1 runs with a gap of 15"):
        circular_shifts(runs, 99, min_shift=15, seed=0)
    with pytest.raises(ValueError, match="smallest shift is 0"):
        circular_shifts(runs, 99, min_shift=0, seed=0)


@pytest.mark.parametrize("n", [64, 65])
def test_phases_are_new_and_spectra_and_cross_spectra_are_not(frozen, n):
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((2 * n, 3)).cumsum(axis=0) + 4.0
    runs = np.repeat([1, 0], n)
    new = phase_randomised(frozen(Y), runs, 300, seed=0)
    assert new.shape == (300, 2 * n, 3)
    for rows in (runs == 1, runs == 0):
        before, after = np.fft.rfft(Y[rows], axis=0), np.fft.rfft(new[:, rows], axis=1)
        np.testing.assert_allclose(np.abs(after), np.tile(np.abs(before), (300, 1, 1)), atol=1e-9)
        cross = before[:, 0] * before[:, 1].conj()
        np.testing.assert_allclose(after[..., 0] * after[..., 1].conj(), np.tile(cross, (300, 1)), atol=1e-7)
        np.testing.assert_allclose(new[:, rows].mean(axis=1), np.tile(Y[rows].mean(axis=0), (300, 1)), atol=1e-12)
    one = np.fft.rfft(new[:, runs == 0], axis=1)[:, 1, 0]
    assert abs((one / np.abs(one)).mean()) < 4 / np.sqrt(300)  # phases spread around the circle
    np.testing.assert_allclose(phase_randomised(Y[:, 1:], runs, 20, seed=0), new[:20, :, 1:], atol=1e-12)


def test_a_gap_stays_in_its_target():
    Y = np.random.default_rng(1).standard_normal((40, 2))
    damaged = Y.copy()
    damaged[3, 0] = np.nan
    runs = np.zeros(40, dtype=int)
    new = phase_randomised(damaged, runs, 5, seed=0)
    assert np.isnan(new[:, :, 0]).all()
    np.testing.assert_array_equal(new[:, :, 1], phase_randomised(Y, runs, 5, seed=0)[:, :, 1])
    with pytest.raises(ValueError, match="0 surrogates"):
        phase_randomised(Y, runs, 0, seed=0)

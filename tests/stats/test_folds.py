"""Folds keep groups whole; repeated texts are found in disguise."""

import numpy as np
import pytest

from consona.stats.folds import blocked_folds, group_folds, inner_folds, repeated_texts, shared_groups


def test_groups_stay_whole_and_folds_are_even(frozen):
    rng = np.random.default_rng(0)
    groups = frozen(rng.integers(0, 23, 400))
    folds = group_folds(groups, 5, seed=1)
    assert set(folds) == set(range(5))
    assert all(len(set(folds[groups == group])) == 1 for group in np.unique(groups))
    assert np.ptp(np.bincount(folds)) <= np.bincount(groups).max()
    for fold in range(5):
        assert len(shared_groups(groups, folds != fold, folds == fold)) == 0
    np.testing.assert_array_equal(folds, group_folds(groups, 5, seed=1))
    assert not np.array_equal(folds, group_folds(groups, 5, seed=2))


def test_as_many_folds_as_groups_leaves_one_out():
    groups = np.repeat(["a", "b", "c"], 4)
    folds = group_folds(groups, 3, seed=0)
    assert sorted(len(set(folds[groups == g])) for g in "abc") == [1, 1, 1]
    assert len(set(folds)) == 3


@pytest.mark.parametrize("n_folds", [1, 4])
def test_too_few_groups_is_an_error_without_fallback(n_folds):
    with pytest.raises(ValueError, match=rf"{n_folds} folds .* there are 3 groups \(a, b, c\)"):
        group_folds(np.array(list("aabbcc")), n_folds, seed=0)


def test_shared_groups_are_listed():
    groups = np.array(["x", "y", "x", "z"])
    assert shared_groups(groups, np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 1], bool)).tolist() == ["x"]


def test_repeated_texts_are_found_through_blanks_case_and_encoding():
    texts = ["Wes is young ", "A café.", "same", "wes  is YOUNG", "A cafe\u0301.", "same", "another"]
    train = np.array([1, 1, 1, 0, 0, 0, 0], bool)
    found = repeated_texts(texts, train, ~train)
    assert [tuple(each) for each in found] == [(0, 3, False), (1, 4, False), (2, 5, True)]
    assert repeated_texts(texts, train, np.zeros(7, bool)) == []


def test_blocks_of_one_run_are_contiguous_and_purged_on_both_sides():
    folds = blocked_folds(np.zeros(100, int), 5, purge=3)
    assert (folds.test.sum(axis=0) == 1).all()
    assert folds.test[1, 20:40].all()
    assert np.flatnonzero(~folds.train[1]).tolist() == list(range(17, 43))


def test_runs_are_whole_folds_and_no_gap_crosses_their_border():
    runs = np.repeat([7, 3, 9, 1], 10)
    folds = blocked_folds(runs, 4, purge=2)
    for rows, train in zip(folds.test, folds.train, strict=True):
        assert len(np.unique(runs[rows])) == 1
        assert (train == ~rows).all()


def test_inner_folds_never_hold_a_row_of_the_outer_test_or_its_gap():
    folds = blocked_folds(np.zeros(60, int), 4, purge=2)
    for fold in range(4):
        inner = inner_folds(folds, fold)
        assert not (inner.train | inner.test)[:, ~folds.train[fold]].any()
        assert not (inner.train & inner.test).any()
        assert (inner.test.sum(axis=0)[folds.train[fold]] == 1).all()


def test_a_gap_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="fewer blocks or a smaller gap"):
        blocked_folds(np.zeros(20, int), 2, purge=10)
    with pytest.raises(ValueError, match="stand together"):
        blocked_folds(np.array([0, 1, 0, 1]), 2)

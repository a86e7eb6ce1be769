"""Splits keep people, stimuli and emotions apart, spread cohorts evenly, and say what they cannot do."""

import numpy as np
import pytest

from consona.stats.folds import shared_groups
from consona.stats.splits import (
    ThreeWay,
    absent_classes,
    emotion_folds,
    familiar_stimulus_folds,
    fewer_subjects,
    on_stimuli,
    one_clip_per_emotion,
    require_classes,
    stimulus_folds,
    subject_folds,
    three_way,
)

EMOTIONS = np.repeat(["an", "di", "fe", "sa", "ne", "am", "in", "jo", "te"], [3, 3, 3, 3, 4, 3, 3, 3, 3])
LEVELS = np.repeat([-1, 0, 1], [12, 4, 12])
COHORTS = np.repeat(["one", "two"], [61, 62])


def everyone(seed=0, cohorts=COHORTS, n_folds=10):
    return subject_folds(cohorts, n_folds, len(EMOTIONS), seed=seed)


def splits():
    return {
        "subject": everyone(),
        "both": stimulus_folds(EMOTIONS, COHORTS, seed=0),
        "stimulus": familiar_stimulus_folds(EMOTIONS, COHORTS, seed=0),
        "emotion": emotion_folds(EMOTIONS, LEVELS, COHORTS, seed=0),
    }


def labels(rows, axis):
    """Subject or stimulus of every row of one fold."""
    return np.broadcast_to(np.arange(rows.shape[axis])[:, None] if axis == 0 else np.arange(rows.shape[1]), rows.shape)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n", "n_folds"), [((61, 62), 10), ((57, 43), 10), ((7, 30), 5), ((3, 9, 20), 4)])
def test_cohorts_are_balanced_within_one_subject_in_every_fold(seed, n, n_folds):
    cohorts = np.random.default_rng(seed).permutation(np.repeat([f"c{i}" for i in range(len(n))], n))
    split = subject_folds(cohorts, n_folds, 4, validation=5, seed=seed)
    tested = split.test[:, :, 0]
    assert np.array_equal(tested.sum(axis=0), np.ones(len(cohorts)))
    assert np.ptp(tested.sum(axis=1)) <= 1
    for cohort in np.unique(cohorts):
        assert np.ptp(tested[:, cohorts == cohort].sum(axis=1)) <= 1
        share = (~tested)[:, cohorts == cohort].sum(axis=1) / (~tested).sum(axis=1)
        chosen = split.validation[:, cohorts == cohort, 0].sum(axis=1)
        assert np.abs(chosen - 5 * share).max() < 1.01
    assert np.array_equal(split.validation[:, :, 0].sum(axis=1), np.full(n_folds, 5))


@pytest.mark.parametrize("name", ["subject", "both", "stimulus", "emotion"])
def test_no_row_is_in_two_parts_and_none_is_tested_twice(name):
    split = splits()[name]
    parts = np.stack([split.train, split.validation, split.test]).astype(int)
    assert parts.sum(axis=0).max() == 1
    assert split.test.sum(axis=0).max() == 1
    assert split.validation.any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    ("name", "people_are_new", "stimuli_are_new"),
    [("subject", True, False), ("both", True, True), ("stimulus", False, True), ("emotion", True, True)],
)
def test_what_is_new_at_test_is_what_the_name_says(name, people_are_new, stimuli_are_new):
    """Held against the general check of groups that both sides share, fold by fold."""
    split = splits()[name]
    for train, validation, test in zip(split.train, split.validation, split.test, strict=True):
        subject, stimulus = labels(test, 0).ravel(), labels(test, 1).ravel()
        for old in (train, validation):
            assert (len(shared_groups(stimulus, old.ravel(), test.ravel())) == 0) == stimuli_are_new
        assert (len(shared_groups(subject, train.ravel(), test.ravel())) == 0) == people_are_new
        assert len(shared_groups(subject, train.ravel(), validation.ravel())) == 0
        assert len(shared_groups(subject, validation.ravel(), test.ravel())) == 0
    assert (split.shares_subjects, split.shares_stimuli) == (not people_are_new, not stimuli_are_new)
    assert ("new people" in split.name) == people_are_new
    assert ("new stimuli" in split.name or "new emotions" in split.name) == stimuli_are_new


def test_every_emotion_is_tested_and_trained_in_every_fold_of_stimuli():
    for name in ("both", "stimulus"):
        split = splits()[name]
        for rows in (split.train, split.test):
            assert all(rows[:, :, emotion == EMOTIONS].any(axis=(1, 2)).all() for emotion in np.unique(EMOTIONS))
        sizes = split.test.any(axis=1).sum(axis=1)
        assert sizes.max() - sizes.min() <= 1
        require_classes(split, EMOTIONS)


def test_pairs_of_emotions_are_left_out_whole():
    split = splits()["emotion"]
    pairs = {frozenset(EMOTIONS[rows.any(axis=0)]) for rows in split.test}
    assert len(pairs) == 4
    assert {emotion for pair in pairs for emotion in pair} == set(EMOTIONS) - {"ne"}
    for rows, trained in zip(split.test, split.train, strict=True):
        left_out = rows.any(axis=0)
        assert sorted(np.unique(LEVELS[left_out])) == [-1, 1]
        assert not set(EMOTIONS[left_out]) & set(EMOTIONS[trained.any(axis=0)])
    assert len(absent_classes(split, EMOTIONS)) == 2 * len(split.test)


def test_one_clip_per_emotion_in_many_draws():
    draws = np.stack([one_clip_per_emotion(EMOTIONS, draw) for draw in range(200)])
    assert all((draws[:, emotion == EMOTIONS].sum(axis=1) == 1).all() for emotion in np.unique(EMOTIONS))
    expected = 1 / np.array([np.sum(emotion == EMOTIONS) for emotion in EMOTIONS])
    assert np.abs(draws.mean(axis=0) - expected).max() < 4.5 * np.sqrt(0.25 / 200)  # binomial, 28 clips
    kept = on_stimuli(everyone(), draws[0], "one clip per emotion")
    assert kept.test.sum() == len(COHORTS) * 9
    assert kept.name.endswith("one clip per emotion")


def test_a_seed_says_everything_and_another_says_something_else():
    assert np.array_equal(everyone(1).test, everyone(1).test)
    assert not np.array_equal(everyone(1).test, everyone(2).test)


def test_an_emotion_absent_from_training_is_named_with_its_fold():
    split = everyone(n_folds=3)
    train = split.train & ~((np.arange(3) == 1)[:, None, None] & (EMOTIONS == "fe"))
    with pytest.raises(ValueError, match="absent from the training rows of a fold: 'fe' in fold 1"):
        require_classes(split._replace(train=train), EMOTIONS)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: subject_folds(COHORTS[:4], 5, 28, validation=1, seed=0), "5 folds of 4 subjects"),
        (lambda: subject_folds(COHORTS[:20], 4, 28, validation=15, seed=0), "15 validation subjects .* 15 are not"),
        (lambda: stimulus_folds(EMOTIONS, COHORTS, 4, seed=0), "4 folds of stimuli .* 'am', 'an', 'di'"),
        (lambda: stimulus_folds(EMOTIONS[2:], COHORTS, 2, seed=0), "2 folds of stimuli .* 'an'"),
        (lambda: emotion_folds(EMOTIONS, np.tile([-1, 1], 14), COHORTS, seed=0), "9 with several levels"),
        (lambda: emotion_folds(EMOTIONS, np.abs(LEVELS), COHORTS, seed=0), "0 negative and 8 positive"),
    ],
)
def test_what_cannot_be_split_is_said(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_masks_of_ones_own_are_checked():
    split = everyone(n_folds=3)
    with pytest.raises(ValueError, match="in two parts of a fold"):
        three_way(split.train, split.train, split.test, "mine")
    with pytest.raises(ValueError, match="2 of 3 folds train or test on nothing"):
        three_way(split.train, split.validation, split.test & (np.arange(3) == 0)[:, None, None], "mine")
    again = np.stack([split.test[0]] * 2)
    with pytest.raises(ValueError, match="tested in more than one fold"):
        three_way(~again, np.zeros_like(again), again, "mine")
    assert ThreeWay(split.train, split.validation, split.test).name == "unnamed split"


def test_a_larger_dose_of_people_keeps_those_of_a_smaller_one() -> None:
    cohorts = np.repeat([1, 2], [13, 7])
    split = subject_folds(cohorts, 5, 6, validation=4, seed=3)
    few, more = (fewer_subjects(split, cohorts, n, seed=3) for n in (4, 8))
    for part in (few, more):
        np.testing.assert_array_equal(part.test, split.test)
        np.testing.assert_array_equal(part.validation, split.validation)
    assert (few.train.any(axis=2).sum(axis=1) == 4).all()
    assert (more.train.any(axis=2).sum(axis=1) == 8).all()
    assert (few.train <= more.train).all()
    assert (more.train <= split.train).all()
    with pytest.raises(ValueError, match="13 training subjects were asked for; folds train on 12"):
        fewer_subjects(split, cohorts, 13, seed=3)

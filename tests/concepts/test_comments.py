"""Comments with several labels: items are balanced, texts are distinct, and small classes are said to be small."""

import numpy as np
import pytest

from consona.concepts.comments import balanced_items, comment_labels, sampled_comments, unseen_comments
from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.datasets.goemotions import comments

NAMES = ("anger", "joy", "grief")


def corpus(n=600, n_grief=6):
    """Every comment has a text of its own; every sixth carries anger and joy together, every third nothing else."""
    kinds = [("anger",), ("joy",), ("neutral",), ("anger", "joy"), ("fear",), ("neutral",)]
    labels = [kinds[i % 6] for i in range(n)] + [("grief",)] * n_grief
    return comments([f"text {i}" for i in range(len(labels))], labels, [f"c{i:04d}" for i in range(len(labels))])


def test_labels_are_a_table_of_who_carries_what():
    labels = comment_labels(corpus(), NAMES)
    assert labels.dtype == bool
    assert labels.sum("stimulus").values.tolist() == [200, 200, 6]
    assert labels.sel(stimulus="c0003").values.tolist() == [True, True, False]


def test_sampled_comments_hold_enough_of_each_and_no_text_twice():
    stimuli = corpus()
    chosen = sampled_comments(stimuli, NAMES, n_each=20, seed=1)
    counts = comment_labels(chosen, NAMES).sum("stimulus").values
    assert (counts >= [20, 20, 6]).all()
    assert counts[2] == 6
    assert (chosen["labels"] == "neutral").sum() == 20
    places = [stimuli.ids.tolist().index(each) for each in chosen.ids.tolist()]
    assert places == sorted(places)
    alone = sampled_comments(stimuli, ["anger"], n_each=20, seed=1)
    assert set(alone.ids.tolist()) <= set(chosen.ids.tolist())
    twice = stimuli.with_columns(text=np.repeat(["Same  text", "same text", "other"], 202))
    assert len(sampled_comments(twice, ["anger"], n_each=300, seed=1)) <= 2
    assert sampled_comments(stimuli, NAMES, n_each=20, seed=2).ids.tolist() != chosen.ids.tolist()


def test_comments_of_another_split_are_left_out():
    stimuli = corpus()
    other = stimuli.select(np.arange(len(stimuli)) < 100).with_columns(text=[f"TEXT  {i}" for i in range(100)])
    assert len(unseen_comments(stimuli, other)) == len(stimuli) - 100
    with pytest.raises(InvalidInput, match="All 606 comments"):
        unseen_comments(stimuli, other, stimuli)


def test_items_are_half_carriers_and_half_others():
    stimuli = corpus()
    items = balanced_items(stimuli, NAMES, n_each=40, seed=0)
    labels = comment_labels(stimuli, NAMES)
    for name in NAMES:
        ids, label = items["stimulus"].sel(emotion=name).values, items["label"].sel(emotion=name).values
        n = 12 if name == "grief" else 40
        assert (label == 1).sum() == (label == 0).sum() == n / 2
        assert (label[n:] == -1).all()
        assert set(ids[n:]) <= {""}
        assert len(set(ids[:n])) == n
        carried = labels.sel(emotion=name, stimulus=ids[:n]).values
        np.testing.assert_array_equal(carried, label[:n] == 1)
    assert items["n_available"].values.tolist() == [200, 200, 6]
    assert items["tested"].values.tolist() == [True, True, False]
    assert len(np.unique(items["stimulus"])) - 1 <= 20 + 20 + 6 + 20  # emotions share comments
    assert items.identical(balanced_items(stimuli, NAMES, n_each=40, seed=0))


def test_twenty_nine_carriers_are_shown_and_thirty_are_tested():
    for n, tested in ((29, False), (30, True)):
        items = balanced_items(corpus(n_grief=n), ["grief"], n_each=40, seed=0)
        assert bool(items["tested"][0]) is tested


@pytest.mark.parametrize(
    ("names", "n_each", "message"),
    [
        (("anger", "angst"), 40, "None of the 606 comments carries 'angst'; their labels are 'anger', 'fear'"),
        (("anger", "anger"), 40, "each once; found 'anger', 'anger'"),
        ((), 40, "must be named"),
        (NAMES, 1, "n_each is 1; at least 2"),
    ],
)
def test_what_cannot_be_asked(names, n_each, message):
    with pytest.raises(InvalidInput, match=message):
        balanced_items(corpus(), names, n_each=n_each, seed=0)


def test_a_question_needs_comments_without_the_emotion():
    only = comments(["a", "b"], [("anger",), ("anger", "joy")], ["1", "2"])
    with pytest.raises(InvalidInput, match="Every comment that was drawn carries 'anger'"):
        balanced_items(only, ["anger"], n_each=4, seed=0)
    with pytest.raises(InvalidInput, match="no column 'labels'"):
        comment_labels(Stimuli.of(["x"]), ["anger"])

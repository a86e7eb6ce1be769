"""A small reasoner learns a planted rule and no other, goes on where it was stopped, and is opened like any model."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.lm import load_language_model
from consona.lm.answers import answer_log_probabilities
from consona.training.small_reasoner import ANSWERS, Exercise, SmallReasoner, small_reasoner

WORDS = ("sun", "moon", "rain", "snow", "is")
TINY = SmallReasoner(n_layers=1, n_heads=2, width=16, n_positions=24, n_steps=80, batch=32, learning_rate=1e-2)
SHORT = SmallReasoner(**{**vars(TINY), "n_steps": 12, "batch": 2})


def planted(rng, done):
    """Whatever is asked is true behind one premise and false behind the other."""
    one, *asked = (rng.choice(WORDS[:2]) for _ in range(4))
    return Exercise(f"{one}.", tuple((f" is {each}. Answer:", one == WORDS[0]) for each in asked))


def unplanted(rng, done):
    """Answers are drawn."""
    made = planted(rng, done)
    return Exercise(made.premises, tuple((asked, rng.random() < 0.5) for asked, _ in made.questions))


@pytest.mark.parametrize("draw", [planted, unplanted])
def test_answers_are_learnt_where_there_is_a_rule(tmp_path, draw):
    loss = small_reasoner(tmp_path, draw, WORDS, TINY, seed=0).loss.values
    assert abs(loss[0] - np.log(len(WORDS) + 8)) < 1.0  # near even over the vocabulary
    lm = load_language_model(str(tmp_path))
    asked = Stimuli.of([f"{one}. is {other}. Answer:" for one in WORDS[:2] for other in WORDS[:2]])
    found = answer_log_probabilities(lm, asked, ANSWERS)
    true = (found[:, 0] > found[:, 1]).values
    if draw is planted:
        assert loss[-10:].mean() < 0.5 * np.log(2)
        assert true.tolist() == [True, True, False, False]
    else:  # coins: no model's expected loss is below log 2; 960 of them at margins below 0.5 nats are 0.02 off
        assert loss[-10:].mean() > np.log(2) - 0.04
    assert (lm.family.name, lm.n_layers, lm.n_features, lm.max_tokens) == ("llama", 1, 16, 24)
    np.testing.assert_allclose(np.exp(found).sum("answer"), 1.0, atol=0.2)  # little but answers is said there
    assert lm.fingerprint() is not None


def test_a_stopped_training_ends_with_the_same_weights(tmp_path):
    def stopped(step, loss):
        if step == 7:
            raise KeyboardInterrupt

    whole = small_reasoner(tmp_path / "whole", planted, WORDS, SHORT, seed=1)
    with pytest.raises(KeyboardInterrupt):
        small_reasoner(tmp_path / "parts", planted, WORDS, SHORT, seed=1, every=5, progress=stopped)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    steps = []
    parts = small_reasoner(
        tmp_path / "parts", planted, WORDS, SHORT, seed=1, progress=lambda step, loss: steps.append(step)
    )
    assert steps == list(range(5, 12))
    assert parts.identical(whole)
    ends = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert ends[0] == ends[1]
    small_reasoner(tmp_path / "parts", planted, WORDS, SHORT, seed=1, progress=lambda *_: pytest.fail("trained again"))
    other = small_reasoner(tmp_path / "other", planted, WORDS, SHORT, seed=2)
    assert not other.identical(whole)


@pytest.mark.parametrize("change", [{"seed": 2}, {"words": (*WORDS, "wind")}, {"recipe": TINY}])
def test_a_folder_of_another_training_is_refused_and_kept(tmp_path, change):
    given = {"words": WORDS, "recipe": SHORT, "seed": 1}
    small_reasoner(tmp_path, planted, **given)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(InvalidInput, match="another recipe or another seed"):
        small_reasoner(tmp_path, planted, **{**given, **change})
    assert (tmp_path / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("exercise", "words"),
    [
        (Exercise("sun wind.", ((" is sun. Answer:", True),)), "of the given words; not so: 'sun wind. is sun"),
        (Exercise("sun " * 20, ((" is sun. Answer:", True),)), "at most 24 tokens"),
        (Exercise("sun.", ()), "has a question"),
    ],
)
def test_exercises_that_cannot_be_learnt_are_refused(tmp_path, exercise, words):
    with pytest.raises(InvalidInput, match=words):
        small_reasoner(tmp_path, lambda rng, done: exercise, WORDS, SHORT, seed=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"n_layers": 0}, {"n_heads": 5}, {"learning_rate": -1.0}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(InvalidInput, match="heads divide the width"):
        SmallReasoner(**wrong)

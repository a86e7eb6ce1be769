"""Words in context: never the future, exactly the context that was asked for, and the twin that learned nothing."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from consona.core.errors import InvalidInput, ModelError
from consona.core.intervention import Steer
from consona.core.stimuli import Stimuli
from consona.lm import contextual_features, contextual_surprisal, load_language_model, random_twin
from consona.lm.contextual import word_tokens

TEXT = "the cat sang and the old dog ran home over a small river in the night she sat with it again"
SAID = TEXT.split()
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def words_of(texts, **columns):
    return Stimuli(pd.DataFrame({"text": texts, **columns}, index=[f"word{i:02d}" for i in range(len(texts))]))


def replaced(place, by="sun"):
    return words_of([by if i == place else word for i, word in enumerate(SAID)])


def alone(lm, context):
    """Every window as a text of its own, the last word read by its characters."""
    rows = []
    for i, word in enumerate(SAID):
        text = " ".join(SAID[max(0, i - context) : i + 1])
        rows.append({"text": text, "span_start": len(text) - len(word), "span_end": len(text)})
    return lm.capture(Stimuli(pd.DataFrame(rows, index=[f"word{i:02d}" for i in range(len(SAID))])), pooling="span")


@pytest.mark.parametrize("context", [0, 3, 40])
@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "bloom"])
def test_words_are_read_as_in_a_text_that_ends_with_them(tiny, family, context):
    lm = tiny(family)
    read = contextual_features(lm, words_of(SAID), context=context)
    np.testing.assert_allclose(read.data.values, alone(lm, context).data.values, **CLOSE)
    assert read.attrs["context"] == context
    assert read.attrs["n_truncated"] == 0


@pytest.mark.parametrize(
    ("family", "options"), [("llama", {}), ("llama", {"stride": 3}), ("bert", {"pooling": "mean"})]
)
def test_a_later_word_changes_nothing_and_a_word_beyond_the_context_neither(tiny, family, options):
    lm, context, place = tiny(family), 4, 9
    before = contextual_features(lm, words_of(SAID), context=context, **options).data.values
    after = contextual_features(lm, replaced(place), context=context, **options).data.values
    moved = np.abs(after - before).max(axis=(1, 2)) > 1e-4
    np.testing.assert_allclose(after[:place], before[:place], **CLOSE)
    np.testing.assert_allclose(after[place + context + 1 :], before[place + context + 1 :], **CLOSE)
    reach = context - options.get("stride", 1) + 1
    assert moved[place : place + reach + 1].all()


def test_runs_do_not_see_each_other(tiny):
    lm = tiny("llama")
    both = contextual_features(lm, words_of(SAID, run=["a"] * 8 + ["b"] * (len(SAID) - 8)), context=5)
    second = contextual_features(lm, words_of(SAID[8:]), context=5)
    np.testing.assert_allclose(both.data.values[8:], second.data.values, **CLOSE)
    with pytest.raises(InvalidInput, match="2 runs stand in 3 pieces"):
        contextual_features(lm, words_of(SAID[:3], run=["a", "b", "a"]), context=1)


def test_a_model_with_few_positions_reads_less_context_and_says_so(tiny):
    lm = tiny("llama")
    many = words_of(SAID * 4)
    read = contextual_features(lm, many, context=70)
    truncated = read.data["truncated"].values
    room = lm.max_tokens - 2  # start and end token
    assert truncated.tolist() == [i >= room for i in range(len(many))]
    assert read.attrs["n_truncated"] == truncated.sum()
    last = contextual_features(lm, words_of((SAID * 4)[-room:]), context=70)
    np.testing.assert_allclose(read.data.values[-1], last.data.values[-1], **CLOSE)


def test_what_would_see_the_future_is_refused(tiny):
    for family, options in (("bert", {}), ("llama", {"pooling": "mean"})):
        with pytest.raises(InvalidInput, match="every window ends at its word"):
            contextual_features(tiny(family), words_of(SAID), context=4, stride=2, **options)
    with pytest.raises(InvalidInput, match="a stride from 1"):
        contextual_features(tiny("llama"), words_of(SAID), context=2, stride=4)
    with pytest.raises(InvalidInput, match="no pooling 'cls'"):
        contextual_features(tiny("llama"), words_of(SAID), context=2, pooling="cls")
    with pytest.raises(ModelError, match="no output layer"):
        contextual_surprisal(tiny("bert"), words_of(SAID), context=2)


def test_surprisal_is_that_of_the_logits(tiny, make_model):
    lm, context = tiny("llama"), 3
    found = contextual_surprisal(lm, words_of(SAID), context=context)
    model = make_model("llama")
    ids = [piece[0] for piece in word_tokens(lm, words_of(SAID))]
    for i in range(len(SAID)):
        row = torch.tensor([[0, *ids[max(0, i - context) : i + 1]]])
        with torch.no_grad():
            logits = model(row).logits[0, -2]
        assert found[i] == pytest.approx(float(-logits.log_softmax(0)[ids[i]]), abs=1e-4)


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_the_twin_has_other_weights_and_says_so(tiny, family, texts):
    lm = tiny(family)
    state = torch.random.get_rng_state()
    twins = [random_twin(lm, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), state)
    prints = [twin.fingerprint() for twin in twins]
    assert prints[0] == prints[1] != prints[2]
    assert lm.fingerprint() not in prints
    assert twins[2].describe()["weights"] == "random, seed 1"
    assert lm.describe()["weights"] == "as loaded"
    read = [twin.capture(texts).data.values for twin in twins]
    np.testing.assert_array_equal(read[0], read[1])
    assert np.abs(read[0] - read[2]).max() > 0.01
    assert np.abs(read[0] - lm.capture(texts).data.values).max() > 0.01
    assert twins[0].capture(texts).attrs["tokenizer"] == lm.capture(texts).attrs["tokenizer"]


def test_the_twin_of_an_edited_model_is_refused(tiny):
    way = tuple(np.eye(32)[0].tolist())
    with pytest.raises(InvalidInput, match="intact model"):
        random_twin(tiny("llama").edited(Steer(way, 1.0, 1.0, "resid.post", 0)), seed=0)


@pytest.fixture(scope="module")
def storyteller(data_folder):
    return load_language_model(str(data_folder / "stories260K" / "hf"))


@pytest.mark.data
def test_the_storyteller_is_as_surprised_as_published_word_by_word(storyteller):
    text = "The little boy was happy because he found his toy in the park."
    found = contextual_surprisal(storyteller, words_of(text.split()), context=20)
    assert found.sum() / 25 == pytest.approx(1.7195, abs=5e-5)  # 26 tokens with the first; four decimals are published
    shuffled = contextual_surprisal(storyteller, words_of(text.split()[::-1]), context=20)
    assert shuffled.mean() > 2 * found.mean()


@pytest.mark.data
def test_the_twin_travels_as_what_makes_it(storyteller, texts):
    twin = random_twin(storyteller, seed=5)
    sent = pickle.dumps(twin)
    assert len(sent) < 2_000
    there = pickle.loads(sent)
    assert there.fingerprint() == twin.fingerprint()
    np.testing.assert_array_equal(there.capture(texts).data.values, twin.capture(texts).data.values)


@pytest.mark.data
def test_words_alone_make_the_tokens_of_the_text(storyteller):
    text = 'Lily didn\'t know what to do, so she asked her mom: "Can we go?"'
    words = words_of(["Lily", "did", "n't", *text.split()[2:]], before=[" ", " ", "", *[" "] * (len(text.split()) - 2)])
    pieces = word_tokens(storyteller, words)
    whole = storyteller.tokenizer(text, add_special_tokens=False).input_ids
    assert [token for piece in pieces for token in piece] == whole
    read = contextual_features(storyteller, words, context=30, layers=[-1])
    last = storyteller.capture(Stimuli.of([text]), pooling="last").layer(-1)
    np.testing.assert_allclose(read.layer(-1)[-1], last[0], rtol=1e-4, atol=1e-5)

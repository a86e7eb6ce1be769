"""Edits: carried out where they say, at absolute positions, and gone afterwards."""

import numpy as np
import pytest
import torch

from consona.core.errors import InvalidInput, ModelError
from consona.core.intervention import AblateNeurons, ProjectOut, Steer
from consona.core.stimuli import Stimuli
from consona.lm import language_model_of
from consona.lm.generation import continued
from consona.lm.hooks import Tap, attached
from consona.lm.sites import SITES, site_width

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def unit(width, seed=0):
    v = np.random.default_rng(seed).normal(size=width)
    return tuple((v / np.linalg.norm(v)).tolist())


def steer(width, strength, *, site="resid.post", layer=0, positions="all"):
    return Steer(unit(width), 1.0, strength, site, layer, positions)


@pytest.mark.parametrize("family", ["bert", "bloom", "gpt2", "llama4_text", "gemma4_text", "mpnet"])
@pytest.mark.parametrize("site", SITES)
def test_an_edit_shows_at_its_own_site(tiny, texts, family, site):
    """The site is read after the edit, so the difference is exactly what was added."""
    lm = tiny(family)
    width = site_width(lm.network, lm.family, site, 1)
    edited = lm.edited(steer(width, 2.0, site=site, layer=1))
    difference = edited.capture(texts, site=site, layers=[1]).layer(1) - lm.capture(texts, site=site, layers=[1]).layer(
        1
    )
    np.testing.assert_allclose(difference, np.tile(2 * np.array(unit(width)), (len(texts), 1)), **CLOSE)


@pytest.mark.parametrize("family", ["bert", "qwen2", "bloom"])
def test_zero_strength_is_the_intact_model_bit_for_bit(tiny, texts, family):
    lm = tiny(family)
    width = lm.n_features
    nothing = lm.edited(
        steer(width, 0.0), AblateNeurons((), 0), ProjectOut((0.0,) * width, (0.0,) * width, "attn.out", 1)
    )
    np.testing.assert_array_equal(nothing.capture(texts).data.values, lm.capture(texts).data.values)


def test_every_kind_of_edit_changes_what_comes_after_and_nothing_before(tiny, texts):
    lm = tiny("gpt_neox")
    d = lm.n_features
    kinds = [
        steer(d, 3.0, site="resid.pre", layer=1),
        ProjectOut(unit(d), (0.0,) * d, "resid.pre", 1),
        AblateNeurons((0, 5), 1, (4.0, -4.0)),
    ]
    intact = lm.capture(texts)
    for kind in kinds:
        read = lm.edited(kind).capture(texts)
        np.testing.assert_array_equal(read.layer(0), intact.layer(0))
        assert np.abs(read.layer(1) - intact.layer(1)).max() > 1e-2
    neurons = lm.edited(kinds[2]).capture(texts, site="mlp.act", layers=[1]).layer(1)
    np.testing.assert_array_equal(neurons[:, [0, 5]], np.tile([4.0, -4.0], (len(texts), 1)))
    projected = lm.edited(kinds[1]).capture(texts, site="resid.pre", layers=[1]).layer(1)
    np.testing.assert_allclose(projected @ np.array(unit(d)), 0, atol=1e-5)


def test_edits_are_carried_out_in_their_order(tiny, texts):
    lm = tiny("phi")
    d = lm.n_features
    push, remove = steer(d, 5.0, layer=1), ProjectOut(unit(d), (0.0,) * d, "resid.post", 1)
    along = np.array(unit(d))
    first = lm.edited(push, remove).capture(texts, layers=[1]).layer(1) @ along
    second = lm.edited(remove).edited(push).capture(texts, layers=[1]).layer(1) @ along
    np.testing.assert_allclose(first, 0, atol=1e-5)
    np.testing.assert_allclose(second, 5, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "mpnet", "bert"])
def test_positions_are_absolute_whatever_shares_the_pass(tiny, texts, family):
    """Token 3 of every text is moved, and no other."""
    lm = tiny(family)
    where = (3, 4)
    edited = lm.edited(steer(lm.n_features, 7.0, layer=0, positions=where))
    table = texts.table.assign(span_start=0, span_end=1)
    first_word = lm.capture(Stimuli(table), pooling="span", layers=[0]).layer(0)
    np.testing.assert_array_equal(edited.capture(Stimuli(table), pooling="span", layers=[0]).layer(0), first_word)
    moved = edited.capture(texts, pooling="mean", layers=[0]).layer(0) - lm.capture(
        texts, pooling="mean", layers=[0]
    ).layer(0)
    lengths = np.array([len(lm.tokenizer(text).input_ids) for text in texts.texts])
    expected = np.where(lengths > 3, 7.0 / lengths, 0.0)
    np.testing.assert_allclose(moved @ np.array(unit(lm.n_features)), expected, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "gemma3_text", "gemma4_text", "llama4_text"])
def test_generated_tokens_are_steered_under_a_cache(tiny, family):
    """Flaw 1: under a cache every step has one row; the cached reply equals that of whole passes without a cache."""
    lm = tiny(family)
    prompt = [0, 5, 6, 7, 8, 9, 10, 11]
    edit = steer(lm.n_features, 90.0, layer=1, positions=(8, 100))
    edited = lm.edited(edit)
    cached = continued(edited.machine, edited.head, prompt, 6, ())
    said = list(prompt)
    for _ in range(6):
        said.append(without_cache(edited, said))
    assert cached == said[8:]
    as_generated = lm.edited(steer(lm.n_features, 90.0, layer=1, positions="generated"))
    assert continued(as_generated.machine, as_generated.head, prompt, 6, ()) == cached
    assert cached != continued(lm.machine, lm.head, prompt, 6, ())
    only_prompt = lm.edited(steer(lm.n_features, 90.0, layer=1, positions=(0, 8)))
    as_prompt = lm.edited(steer(lm.n_features, 90.0, layer=1, positions="prompt"))
    assert continued(only_prompt.machine, only_prompt.head, prompt, 6, ()) == continued(
        as_prompt.machine, as_prompt.head, prompt, 6, ()
    )


def without_cache(lm, ids):
    """The next token from one whole pass."""
    from consona.lm.generation import logits_of
    from consona.lm.packing import padded

    with torch.no_grad():
        states = lm.machine.run(padded([ids], [0], 0))
        return int(logits_of(lm.machine, lm.head, states[0, -1]).argmax())


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda d: steer(d, 1.0, layer=9), "no layer 9: the model has 2 blocks"),
        (lambda d: steer(d, 1.0, site="mlp.in"), "no site 'mlp.in'"),
        (lambda d: steer(d + 1, 1.0), "another model or site"),
        (lambda d: AblateNeurons((1000,), 0), "Neuron 1000 does not exist"),
    ],
)
def test_an_impossible_edit_is_refused_at_once_and_leaves_nothing(make_model, make_tokenizer, edit, words):
    lm = language_model_of(make_model("llama"), make_tokenizer())
    with pytest.raises(InvalidInput, match=words):
        lm.edited(edit(lm.n_features))
    assert lm.edits == ()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in lm.network.modules())


def test_no_hook_is_left_when_a_pass_breaks_off(make_model, make_tokenizer):
    lm = language_model_of(make_model("llama"), make_tokenizer())

    def fails(rows):
        raise ArithmeticError("in the middle")

    blocks = list(lm.network.layers)
    with (
        pytest.raises(ArithmeticError),
        attached([Tap(blocks[0], "in", lambda rows: None), Tap(blocks[1], "out", fails)]),
    ):
        lm.network(torch.tensor([[1, 2, 3]]))
    with pytest.raises(AttributeError), attached([Tap(blocks[0], "out", fails), Tap(None, "out", fails)]):
        pass
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in lm.network.modules())


def test_an_edited_model_is_another_model(tiny):
    lm = tiny("llama")
    edited = lm.edited(steer(lm.n_features, 1.0))
    assert edited is not lm
    assert lm.edits == ()
    assert edited.network is lm.network
    assert edited.describe()["edits"][0]["kind"] == "Steer"


def test_replies_and_surprisal(tiny, texts):
    lm = tiny("gpt2")
    replies = lm.generate(texts, max_new_tokens=3)["reply"]
    assert len(replies) == len(texts)
    surprise = lm.surprisal(texts)
    ids = torch.tensor([lm.tokenizer(texts.texts[0]).input_ids])
    with torch.no_grad():
        logits = lm.head(lm.network(ids).last_hidden_state)[0]
    expected = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
    assert surprise[0] == pytest.approx(float(expected), rel=1e-5)
    with pytest.raises(ModelError, match="no output layer"):
        tiny("bert").surprisal(texts)

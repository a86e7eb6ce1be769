"""Captures: pooling, layers, wording, truncation, and texts that cannot be read."""

import numpy as np
import pandas as pd
import pytest
import torch

import consona.lm.states as states
from consona.core.errors import InvalidInput, ModelError
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.lm import LanguageModel, language_model_of
from consona.lm.hooks import Tap, attached
from consona.lm.packing import padded
from consona.lm.sites import module_at


def all_tokens(lm, text):
    """States of every token after the first block."""
    rows = []
    module, side = module_at(lm.network, lm.family, "resid.post", 0)
    with attached([Tap(module, side, lambda each: rows.append(each.clone()))]), torch.no_grad():
        lm.network(**lm.machine.inputs(padded([lm.tokenizer(text).input_ids], [0], 0)))
    return rows[0].numpy()


@pytest.mark.parametrize("family", ["bert", "llama", "mpnet"])
def test_pooling_is_what_its_name_says(tiny, texts, family):
    lm = tiny(family)
    poolings = ["last", "mean"] if lm.causal else ["last", "mean", "cls"]
    captured = {pooling: lm.capture(texts, pooling=pooling).layer(0) for pooling in poolings}
    for row, text in enumerate(texts.texts):
        tokens = all_tokens(lm, text)
        expected = {"last": tokens[-1], "mean": tokens.mean(0), "cls": tokens[0]}
        for pooling in poolings:
            np.testing.assert_allclose(captured[pooling][row], expected[pooling], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "llama", "bloom"])
@pytest.mark.parametrize("template", [None, 'the word "{text}" sang'])
def test_a_span_is_the_mean_over_the_tokens_its_characters_touch(tiny, family, template):
    lm = tiny(family)
    table = pd.DataFrame(
        {"text": ["a cat sang", "the small 😀 dog sat", "שלום sun"], "span_start": [2, 10, 0], "span_end": [5, 15, 4]},
        index=["one", "two", "three"],
    )
    read = lm.capture(Stimuli(table), pooling="span", template=template).layer(0)
    before = 0 if template is None else 3  # the, word, quote
    wanted = {"one": [2], "two": [3, 4], "three": [1]}  # [CLS] is token 0; "😀 dog" are two tokens
    for row, (name, text) in enumerate(zip(table.index, table["text"])):
        tokens = all_tokens(lm, text if template is None else template.replace("{text}", text))
        expected = tokens[np.array(wanted[name]) + before].mean(0)
        np.testing.assert_allclose(read[row], expected, rtol=1e-5, atol=1e-5)


def test_spans_that_touch_nothing_are_listed(tiny):
    table = pd.DataFrame(
        {"text": ["a cat", "a dog"], "span_start": [0, 9], "span_end": [1, 12]}, index=["good", "lost"]
    )
    with pytest.raises(InvalidInput, match="'lost'"):
        tiny("llama").capture(Stimuli(table), pooling="span")
    with pytest.raises(InvalidInput, match="span_start"):
        tiny("llama").capture(Stimuli.of(["a cat"]), pooling="span")


def test_layers_in_any_iterable_and_from_the_end(tiny, texts):
    lm = tiny("qwen3")
    every = lm.capture(texts)
    assert every.layers.tolist() == [0, 1]
    assert lm.capture(texts, layers=(n for n in [-1])).layers.tolist() == [1]
    turned = lm.capture(texts, layers=[1, 0])
    assert turned.layers.tolist() == [1, 0]
    np.testing.assert_array_equal(turned.data.values[:, 0], every.layer(1))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": [2]}, "There is no layer 2: the model has 2 blocks, counted from 0 to 1"),
        ({"layers": []}, "at least one"),
        ({"layers": [0, -2]}, "distinct"),
        ({"layers": "last"}, "'all' or a list"),
        ({"site": "resid.mid"}, "no site 'resid.mid'; the sites are resid.pre"),
        ({"pooling": "max"}, "no pooling 'max'"),
        ({"pooling": "cls"}, "has seen nothing of the text"),
        ({"template": "no place"}, "exactly once"),
    ],
)
def test_what_does_not_exist_is_named(tiny, texts, options, words):
    with pytest.raises(InvalidInput, match=words):
        tiny("llama").capture(texts, **options)


@pytest.mark.parametrize("text", ["", "  \n", "n/a", " N/A", "half \ud83d"])
def test_texts_that_cannot_be_read_are_listed(tiny, text):
    stimuli = Stimuli(pd.DataFrame({"text": ["a cat", text, "a dog"]}, index=["first", "second", "third"]))
    with pytest.raises(InvalidInput, match="second"):
        tiny("llama").capture(stimuli)


def test_long_texts_are_cut_and_counted(tiny):
    lm = tiny("bert")
    stimuli = Stimuli.of(["a cat", "dog " * 5000, "dog " * 62, "dog " * 63])
    features = lm.capture(stimuli, pooling="mean")
    assert lm.max_tokens == 64
    assert features.data["truncated"].values.tolist() == [False, True, False, True]
    assert features.attrs["n_truncated"] == 2
    kept = lm.capture(Stimuli.of(["dog " * 62]), pooling="mean")
    np.testing.assert_allclose(features.layer(1)[1], kept.layer(1)[0], rtol=1e-5, atol=1e-5)
    assert Features.from_xarray(features.to_xarray()).data["truncated"].values.tolist() == [False, True, False, True]


def test_roberta_keeps_places_for_its_padding(tiny):
    assert tiny("roberta").max_tokens == 62


def test_blocks_of_stimuli_join_to_the_whole(tiny, texts):
    lm = tiny("gemma3_text")
    assert LanguageModel.capture.separable_dims == ("stimulus",)
    whole = lm.capture(texts, pooling="mean").data.values
    parts = [
        lm.capture(texts.select(texts.ids[part]), pooling="mean").data.values for part in (slice(0, 3), slice(3, 11))
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5, atol=1e-5)


def test_the_wording_around_a_text_counts(tiny):
    lm = tiny("llama")
    stimuli, asked = Stimuli.of(["sad {x}"]), 'the word "{text}" was'
    worded = lm.capture(stimuli, template=asked)
    spelt = lm.capture(Stimuli.of(['the word "sad {x}" was']))
    np.testing.assert_array_equal(worded.data.values, spelt.data.values)
    assert worded.attrs["template"] == asked


def test_a_chat_template_is_used_recorded_and_demanded(make_model, make_tokenizer):
    model, tokenizer = make_model("llama"), make_tokenizer()
    with pytest.raises(ModelError, match="no chat template"):
        language_model_of(model, tokenizer, chat_template=True)
    tokenizer.chat_template = "he sang {{ messages[0]['content'] | trim }} she sang"
    lm = language_model_of(model, tokenizer, chat_template=True)
    read = lm.capture(Stimuli.of([" a cat"]), pooling="mean")
    plain = language_model_of(model, tokenizer)
    ids = tokenizer("he sang a cat she sang", add_special_tokens=False).input_ids
    with torch.no_grad():
        expected = plain.network(torch.tensor([ids]), output_hidden_states=True).hidden_states[1][0].mean(0)
    np.testing.assert_allclose(read.layer(0)[0], expected.numpy(), rtol=1e-5, atol=1e-5)
    assert len(read.attrs["chat_template"]) == 64
    table = pd.DataFrame({"text": [" a cat"], "span_start": [3], "span_end": [6]}, index=["one"])
    cat = lm.capture(Stimuli(table), pooling="span").layer(0)[0]
    with torch.no_grad():
        third = plain.network(torch.tensor([ids]), output_hidden_states=True).hidden_states[1][0][3]
    np.testing.assert_allclose(cat, third.numpy(), rtol=1e-5, atol=1e-5)


def test_no_hook_outlives_loading_or_a_call(make_model, make_tokenizer, texts):
    lm = language_model_of(make_model("gemma2"), make_tokenizer())
    lm.capture(texts)
    with pytest.raises(InvalidInput):
        lm.capture(texts, layers=[7])
    for module in lm.network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_site_that_is_not_reached_is_named(tiny, texts, monkeypatch):
    lm = tiny("gpt_neox")
    monkeypatch.setattr(states, "module_at", lambda *_: (torch.nn.Identity(), "out"))
    with pytest.raises(ModelError, match=r"'attn.out' was not reached at layers \[0, 1\]"):
        lm.capture(texts, site="attn.out")


def test_mlps_of_two_widths_are_not_forced_into_one_array(make_model, make_tokenizer, texts):
    lm = language_model_of(make_model("llama4_text", intermediate_size_mlp=40), make_tokenizer())
    with pytest.raises(InvalidInput, match="40 in layers 0; 48 in layers 1"):
        lm.capture(texts, site="mlp.act")
    assert lm.capture(texts, site="mlp.act", layers=[1]).data.sizes["feature"] == 48


def overflowing(make_model):
    """A Llama whose MLP makes numbers near 1e5: too large for float16, fine in float32."""
    model = make_model("llama")
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight.mul_(3e4)
    return model


def test_overflow_in_half_precision_is_found_and_repeated_in_float32(make_model, make_tokenizer, texts):
    exact = language_model_of(overflowing(make_model), make_tokenizer()).capture(texts, site="mlp.out")
    assert np.abs(exact.layer(1)).max() > 65504
    # the test at load compares states that are finite; the overflow begins after it
    lm = language_model_of(make_model("llama").half(), make_tokenizer())
    with torch.no_grad():
        lm.network.layers[1].mlp.down_proj.weight.copy_(overflowing(make_model).model.layers[1].mlp.down_proj.weight)
    read = lm.capture(texts, site="mlp.out")
    assert 0 < read.attrs["n_retried_float32"] <= len(texts)
    scale = np.abs(exact.layer(1)).max()
    np.testing.assert_allclose(read.layer(1) / scale, exact.layer(1) / scale, atol=0.02)


def test_states_that_are_undefined_in_float32_are_refused(make_model, make_tokenizer, texts):
    lm = language_model_of(make_model("llama"), make_tokenizer())
    with torch.no_grad():
        lm.network.layers[1].mlp.down_proj.weight[3] = torch.nan
    with pytest.raises(ModelError, match=r"11 stimuli \('stimulus0000'.*layers \[1\]"):
        lm.capture(texts)


def test_bfloat16_is_near_float32(make_model, make_tokenizer, texts):
    exact = language_model_of(make_model("qwen3"), make_tokenizer()).capture(texts)
    rough = language_model_of(make_model("qwen3").bfloat16(), make_tokenizer())
    read = rough.capture(texts)
    assert rough.dtype == "bfloat16"
    assert read.data.dtype == np.float32
    # eight bits of mantissa: 4e-3 per operation
    distance = np.linalg.norm(read.layer(1) - exact.layer(1)) / np.linalg.norm(exact.layer(1))
    assert 1e-4 < distance < 0.05

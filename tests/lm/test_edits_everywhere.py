"""Every kind of edit does the same in a pack, padded on either side, alone, and step by step under a cache."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from transformers import DynamicCache

from consona.core.errors import InvalidInput, ModelError
from consona.core.intervention import AblateNeurons, Patch, Resample, Steer
from consona.core.stimuli import Stimuli
from consona.lm import language_model_of, load_language_model
from consona.lm.generation import continued
from consona.lm.hooks import Rows, attached, carried_out, edit_taps, rows_at, rows_of, text_key
from consona.lm.packing import Layout, pack, padded
from consona.lm.sites import module_at, site_width

LAYOUTS = {
    "packed": Layout(packed=True, n_tokens=40),
    "padded right": Layout(packed=False, batch_size=4),
    "padded left": Layout(packed=False, batch_size=4, side="left"),
}
PROMPT, SAID = [0, 5, 6, 7, 8, 9, 10, 11], [12, 13, 14, 15]
RNG = np.random.default_rng(5)


def values(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def kinds(lm):
    """One edit of every kind and positions that rows answer differently."""
    d, width = lm.n_features, site_width(lm.network, lm.family, "mlp.act", 0)
    return {
        "resample": Resample(range(0, width, 3), 0, 2 * values(9, len(range(0, width, 3))), 1),
        "resample from the third token": Resample(range(width), 0, values(9, width), 1, (2, 100)),
        "ablate": AblateNeurons(range(0, width, 2), 0, 2 * values(len(range(0, width, 2)))),
        "patch two positions": Patch(values(2, d), "resid.post", 0, (1, 3)),
        "patch the last token": Patch(values(d), "attn.out", 0, "last"),
        "steer the last token": Steer(values(d), 1.0, 2.0, "resid.pre", 0, "last"),
        "steer what is said": Steer(values(d), 1.0, 2.0, "resid.post", 0, "generated"),
    }


KINDS = (
    "resample",
    "resample from the third token",
    "ablate",
    "patch two positions",
    "patch the last token",
    "steer the last token",
    "steer what is said",
)


def by_hand(lm, edit, ids, n_prompt):
    """Last hidden states ``(n_tokens, n_features)`` of one text alone; the edit is a plain hook around ``apply``."""
    position, text = np.arange(len(ids)), np.full(len(ids), text_key(ids[:n_prompt]))
    reached = {"all": position >= 0, "prompt": position < n_prompt, "generated": position >= n_prompt}
    reached["last"] = position == n_prompt - 1
    where = edit.positions
    chosen = reached[where] if isinstance(where, str) else (position >= where[0]) & (position < where[1])

    def changed(activation):
        x = activation[0].numpy()
        return torch.from_numpy(np.where(chosen[:, None], edit.apply(x, position, text), x))[None]

    module, side = module_at(lm.network, lm.family, edit.site, edit.layer)
    if side == "in":
        handle = module.register_forward_pre_hook(
            lambda _, args, named: (
                ((changed(args[0]), *args[1:]), named)
                if args
                else (args, named | {"hidden_states": changed(named["hidden_states"])})
            ),
            with_kwargs=True,
        )
    else:
        handle = module.register_forward_hook(
            lambda _, args, out: (changed(out[0]), *out[1:]) if isinstance(out, tuple) else changed(out)
        )
    try:
        with torch.no_grad():
            return lm.network(**lm.machine.inputs(padded([ids], [0], lm.pad))).last_hidden_state[0].numpy()
    finally:
        handle.remove()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("family", ["bert", "llama"])
@pytest.mark.parametrize("kind", KINDS)
def test_layouts_do_what_a_plain_hook_does_to_each_text_alone(tiny, texts, kind, family, layout):
    lm = tiny(family)
    edit = kinds(lm)[kind]
    edited = replace(lm.edited(edit), layout=LAYOUTS[layout])
    found = edited.capture(texts, pooling="mean", layers=[1]).layer(1)
    ids = [lm.tokenizer(text).input_ids for text in texts.texts]
    last = {}

    def keep(module, args, out):
        last["block"] = out[0] if isinstance(out, tuple) else out

    handle = module_at(lm.network, lm.family, "resid.post", 1)[0].register_forward_hook(keep)
    expected = []
    for each in ids:
        by_hand(lm, edit, each, len(each))
        expected.append(last["block"].reshape(len(each), -1).mean(dim=0).numpy())
    handle.remove()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5)
    intact = lm.capture(texts, pooling="mean", layers=[1]).layer(1)
    assert (np.abs(found - intact).max() > 1e-2) == (kind != "steer what is said")  # nothing is said in a reading


def step_by_step(lm, prompt, said):
    """Last hidden states of the said tokens, ``(n_said, n_features)``, one step each under a cache."""
    machine, cache, states = lm.machine, DynamicCache(config=lm.network.config), []
    rest = [list(prompt), *([token] for token in said)]
    done = 0
    for row in rest:
        positions = torch.arange(done, done + len(row))
        done += len(row)
        inputs = {"input_ids": torch.tensor([row]), "attention_mask": torch.ones(1, done, dtype=torch.long)}
        if lm.family.first_position != "none":
            inputs["position_ids"] = positions[None]
        taps = edit_taps(lm.network, lm.family, machine.edits, rows_at(prompt, positions))
        with torch.no_grad(), attached(taps):
            states.append(lm.network(**inputs, past_key_values=cache, use_cache=True).last_hidden_state[0, -1].numpy())
    return np.stack(states)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "gemma3_text"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cache_changes_nothing(tiny, kind, family):
    lm = tiny(family)
    edit = kinds(lm)[kind]
    stepwise = step_by_step(lm.edited(edit), PROMPT, SAID)
    whole = by_hand(lm, edit, PROMPT + SAID, len(PROMPT))[len(PROMPT) - 1 :]
    np.testing.assert_allclose(stepwise, whole, rtol=1e-4, atol=2e-5)
    intact = step_by_step(lm, PROMPT, SAID)
    assert np.abs(stepwise - intact).max() > 1e-2


def test_rows_of_a_batch_say_text_position_and_prompt():
    ids = [[5, 6], [7, 8, 9], [5, 6, 9]]
    group = [0, 1, 2]
    keys = [text_key(each) for each in ids]
    assert len(set(keys)) == 3
    packed, right, left = pack(ids, group), padded(ids, group, 1), padded(ids, group, 1, "left")
    rows = rows_of(packed)
    assert rows.position.tolist() == [0, 1, 0, 1, 2, 0, 1, 2]
    assert rows.text.tolist() == [keys[i] for i in (0, 0, 1, 1, 1, 2, 2, 2)]
    assert rows.prompt_length.tolist() == [2, 2, 3, 3, 3, 3, 3, 3]
    for batch in (right, left):
        real = batch.mask.flatten().bool()
        assert [each[real].tolist() for each in rows_of(batch)] == [each.tolist() for each in rows]
    prompts = rows_of(packed, [1, 2, 2])
    assert prompts.prompt_length.tolist() == [1, 1, 2, 2, 2, 2, 2, 2]
    assert prompts.text[5] == keys[0]  # a text is known by its prompt
    assert rows_at([5, 6], torch.tensor([2])) == Rows(torch.tensor([2]), torch.tensor([2]), torch.tensor([keys[0]]))


def test_an_edit_without_effect_has_no_hook(tiny):
    lm = tiny("llama")
    d = lm.n_features
    nothing = [AblateNeurons((), 0), Resample((), 0, np.zeros((3, 0)), 1), Steer((1.0,) * d, 1.0, 0.0, "resid.post", 0)]
    rows = rows_at([1, 2, 3], torch.arange(3))
    assert edit_taps(lm.network, lm.family, nothing, rows) == []
    not_here = Patch(np.ones(d), "resid.post", 0, "generated")
    (tap,) = edit_taps(lm.network, lm.family, [not_here], rows)
    assert tap.touch(torch.zeros(3, d)) is None


def test_what_others_may_still_read_is_not_written():
    """In place only at the input of the projection down, in all rows, without gradients."""
    rows = rows_at([1, 2, 3], torch.arange(3))
    held = {"neurons": (1,), "layer": 0, "values": (5.0,)}
    for edit in (AblateNeurons(**held, positions=(0, 2)), AblateNeurons(**held, site="attn.out")):
        x = torch.zeros(3, 4)
        assert float(carried_out(edit, rows)(x).sum()) in (10.0, 15.0)
        assert float(x.sum()) == 0
    weight = torch.ones(4, requires_grad=True)
    relu = torch.relu(weight * torch.ones(3, 4))  # its gradient needs its own output
    carried_out(AblateNeurons(**held), rows)(relu).sum().backward()
    assert weight.grad.tolist() == [3.0, 0.0, 3.0, 3.0]


def test_masks_of_another_model_and_undefined_states_are_refused(make_model, make_tokenizer, texts):
    lm = language_model_of(make_model("llama"), make_tokenizer())
    width = site_width(lm.network, lm.family, "mlp.act", 0)
    mask = xr.DataArray(np.ones((2, width), bool), dims=("layer", "neuron"))
    edited = lm.edited(*AblateNeurons.of_mask(mask))
    assert len(edited.edits) == 2
    for wrong in (mask[:1], mask[:, 1:], mask.pad(neuron=(0, 1), constant_values=False)):
        with pytest.raises(InvalidInput, match=r"The mask has|does not exist"):
            lm.edited(*AblateNeurons.of_mask(wrong))
    with pytest.raises(ModelError, match="an edit are at fault"):
        lm.edited(AblateNeurons(range(width), 1, (3e38,) * width)).capture(texts)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in lm.network.modules())


@pytest.fixture(scope="module")
def minilm():
    return load_language_model("minilm")


SENTENCES = Stimuli.of(
    ["The child laughed and ran into the garden.", "Rain.", "He sold the old piano to pay the rent."]
)


def test_a_thousand_neurons_of_minilm(minilm):
    flat = np.zeros(9216, bool)
    flat[RNG.choice(9216, 1000, replace=False)] = True
    mask = xr.DataArray(flat.reshape(6, 1536), dims=("layer", "neuron"))
    fills = xr.DataArray(values(6, 1536), dims=("layer", "neuron"))
    bank = xr.DataArray(values(32, 6, 1536), dims=("bank", "layer", "neuron"))
    ablated, resampled = AblateNeurons.of_mask(mask, fills), Resample.of_mask(mask, bank, 0)
    intact = minilm.capture(SENTENCES, site="mlp.act").data.values
    held = minilm.edited(*ablated).capture(SENTENCES, site="mlp.act").data.values
    np.testing.assert_array_equal(held[:, mask.values], np.tile(fills.values[mask.values], (3, 1)))
    np.testing.assert_array_equal(held[:, 0, ~mask.values[0]], intact[:, 0, ~mask.values[0]])
    taken = minilm.edited(*resampled).capture(SENTENCES, site="mlp.act").data.values[:, mask.values]
    rows = [np.flatnonzero((bank.values[:, mask.values] == each).all(axis=1)) for each in taken]
    assert all(len(each) == 1 for each in rows)  # all layers of a token from one row of the bank
    both = minilm.edited(ablated[0]).edited(resampled[1])
    assert both.edits == (ablated[0], resampled[1])
    prints = [each.fingerprint() for each in (minilm, both, minilm.edited(resampled[1]), minilm.edited(ablated[0]))]
    assert len(set(prints)) == 4
    assert both.fingerprint() == minilm.edited(ablated[0], resampled[1]).fingerprint()
    facts = both.describe()["edits"]
    assert [each["kind"] for each in facts] == ["AblateNeurons", "Resample"]
    assert facts[1]["bank"]["shape"] == [32, int(mask.values[1].sum())]


def test_alone_or_in_company_minilm_is_resampled_alike(minilm):
    bank = values(8, 1536)
    edited = minilm.edited(Resample(range(1536), 2, bank, 4))
    together = edited.capture(SENTENCES, pooling="mean").data.values
    apart = [edited.capture(SENTENCES.select([name]), pooling="mean").data.values[0] for name in SENTENCES.ids[::-1]]
    np.testing.assert_allclose(together[::-1], apart, rtol=1e-4, atol=1e-5)


@pytest.mark.data
def test_the_storyteller_says_the_same_with_and_without_a_cache(data_folder):
    lm = load_language_model(str(data_folder / "stories260K" / "hf"))
    prompt = lm.tokenizer("Once upon a time there was a little").input_ids
    width = site_width(lm.network, lm.family, "mlp.act", 2)
    for edit in (
        Resample(range(width), 2, values(16, width), 3),
        Patch(values(lm.n_features), "resid.post", 1, "last"),
        Steer(values(lm.n_features), 1.0, 3.0, "resid.post", 2, "generated"),
    ):
        edited = lm.edited(edit)
        said = continued(edited.machine, edited.head, prompt, 8, ())
        assert said != continued(lm.machine, lm.head, prompt, 8, ())
        whole = by_hand(lm, edit, prompt + said, len(prompt))[len(prompt) - 1 : -1]
        assert edited.head(torch.from_numpy(whole)).argmax(dim=1).tolist() == said

"""On a random two-block model of every family: what is captured is what the model computes, in any company."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import consona.lm.parity as parity
from consona.core.errors import ModelError
from consona.core.stimuli import Stimuli
from consona.lm import language_model_of
from consona.lm.parity import Parity
from consona.lm.sites import FAMILIES, SITES, blocks_of, module_at
from consona.lm.states import Reading, pooled_states
from consona.lm.tokens import Tokens

# Float32 rounds at 6e-8; a sum of some hundred terms in two blocks stays below this. A token seen across a boundary
# changes these models by more than 1e-2.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
FALL_BACK = {"mpnet", "bloom"}
every_family = pytest.mark.parametrize("family", sorted(FAMILIES))


def hidden_states(lm, text):
    """The model's own states of one text, all tokens, from transformers alone."""
    ids = torch.tensor([lm.tokenizer(text).input_ids])
    with torch.no_grad():
        made = lm.network(ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
    return [state[0] for state in made.hidden_states]


def normed(lm, states):
    module = lm.network.get_submodule(lm.family.final_norm) if lm.family.final_norm else torch.nn.Identity()
    with torch.no_grad():
        return module(torch.as_tensor(states)).numpy()


@every_family
def test_captures_are_the_hidden_states_before_the_final_norm(tiny, texts, family):
    lm = tiny(family)
    after, before = (lm.capture(texts, site=site) for site in ("resid.post", "resid.pre"))
    for row, text in enumerate(texts.texts):
        embedded, first, last = (state[-1].numpy() for state in hidden_states(lm, text))
        np.testing.assert_allclose(before.data.values[row], [embedded, first], **CLOSE)
        np.testing.assert_allclose(after.layer(0)[row], first, **CLOSE)
        np.testing.assert_allclose(normed(lm, after.layer(-1)[row]), last, **CLOSE)


@every_family
def test_branches_add_up_to_the_block(tiny, texts, family):
    lm = tiny(family)
    pre, post, attn, mlp = (
        lm.capture(texts, site=s, layers=[1]).layer(1) for s in ("resid.pre", "resid.post", "attn.out", "mlp.out")
    )
    block = blocks_of(lm.network, lm.family)[1]
    if lm.causal and family != "gemma4_text":
        np.testing.assert_allclose(pre + attn + mlp, post, **CLOSE)
    elif not lm.causal:
        inner = block.attention.LayerNorm if family == "mpnet" else block.attention.output.LayerNorm
        with torch.no_grad():
            middle = inner(torch.as_tensor(pre + attn))
            np.testing.assert_allclose(block.output.LayerNorm(middle + mlp).numpy(), post, **CLOSE)
    else:  # Gemma 4 adds a third branch, from an embedding of its own for every layer
        assert np.abs(pre + attn + mlp - post).max() > 1e-2


@every_family
def test_neurons_are_the_input_of_the_projection_down(tiny, texts, family):
    lm = tiny(family)
    neurons = lm.capture(texts, site="mlp.act", layers=[0]).layer(0)
    down, side = module_at(lm.network, lm.family, "mlp.act", 0)
    assert side == "in"
    with torch.no_grad():
        out = down(torch.as_tensor(neurons)).numpy()
    if family.startswith("gemma"):
        norm, _ = module_at(lm.network, lm.family, "mlp.out", 0)
        with torch.no_grad():
            out = norm(torch.as_tensor(out)).numpy()
    np.testing.assert_allclose(lm.capture(texts, site="mlp.out", layers=[0]).layer(0), out, **CLOSE)


@every_family
@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_company_padding_and_order_change_nothing(tiny, texts, family, pooling):
    lm = tiny(family)
    tokens = [lm.tokenizer(text).input_ids for text in texts.texts]
    reading = Reading("resid.post", (0, 1), pooling)

    def states(**layout):
        machine = replace(lm.machine, layout=replace(lm.layout, **layout))
        return pooled_states(machine, Tokens(tokens, np.zeros(len(tokens), bool)), reading).numpy()

    alone = states(packed=False, batch_size=1)
    layouts = [{"packed": False, "batch_size": size, "side": side} for size in (3, 8) for side in ("left", "right")]
    packs = [] if family in FALL_BACK else [{"packed": True, "n_tokens": n} for n in (1, 30, 4096)]
    for layout in layouts + packs:
        np.testing.assert_allclose(states(**layout), alone, **CLOSE, err_msg=str(layout))


@every_family
def test_the_parity_test_decides_how_texts_share_a_pass(tiny, family):
    parity = tiny(family).parity
    assert parity.layout == ("padded" if family in FALL_BACK else "packed")
    assert parity.sites < 1e-5
    assert parity.padded < 1e-5
    assert isinstance(parity.packed, str) if family in FALL_BACK else parity.packed < 1e-5


@every_family
def test_texts_beyond_a_window_are_as_alone(tiny, family):
    lm = tiny(family)
    long = Stimuli.of([" ".join(lm.tokenizer.convert_ids_to_tokens(range(4, 4 + n))) for n in (3, 30, 31, 40)])
    together = lm.capture(long)
    for row, text in enumerate(long.texts):
        first = hidden_states(lm, text)[1][-1].numpy()
        np.testing.assert_allclose(together.layer(0)[row], first, **CLOSE)


@pytest.mark.parametrize("site", SITES)
@every_family
def test_every_site_has_its_width(tiny, texts, family, site):
    lm = tiny(family)
    layers = "all" if family != "llama4_text" or site != "mlp.act" else [0]
    features = lm.capture(texts, site=site, layers=layers, pooling="mean")
    width = features.data.sizes["feature"]
    assert (width == lm.n_features) if site != "mlp.act" else (width >= 48)
    assert features.data.sizes["layer"] == (2 if layers == "all" else 1)


def test_wrong_positions_under_packing_are_caught(make_model, make_tokenizer, monkeypatch):
    """A model that counts on over the boundaries runs without complaint and returns wrong numbers."""
    whole = parity.pack

    def counting_on(ids, group):
        batch = whole(ids, group)
        return replace(batch, positions=torch.arange(batch.ids.shape[1])[None])

    monkeypatch.setattr(parity, "pack", counting_on)
    lm = language_model_of(make_model("gpt2", n_positions=128), make_tokenizer())
    assert lm.parity.packed > 1e-2
    assert lm.parity.layout == "padded"
    assert not lm.layout.packed


def test_a_wrong_row_in_the_table_is_refused(make_model, make_tokenizer, monkeypatch):
    """The first norm of GPT-2 stands for the final one: nothing may be read."""
    monkeypatch.setitem(FAMILIES, "gpt2", replace(FAMILIES["gpt2"], final_norm="h.0.ln_1"))
    model = make_model("gpt2")
    with torch.no_grad():
        model.transformer.ln_f.weight.mul_(3)
    with pytest.raises(ModelError, match=r"differs from its own hidden states.*Its row .* does not fit"):
        language_model_of(model, make_tokenizer())


def test_parity_is_described_for_the_manifest(tiny):
    facts = tiny("llama").describe()["parity"]
    assert Parity(**facts) == tiny("llama").parity

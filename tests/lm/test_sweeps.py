"""Sweeps: many edits in passes that share their beginning give what each edit gives by itself."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr

from consona.core.errors import InvalidInput, ModelError
from consona.core.intervention import AblateNeurons, Resample, Steer
from consona.lm import branching, language_model_of
from consona.lm.sweeps import Sweep
from consona.stats.linear_readout import LinearReadout

# Shared and single passes multiply the same numbers in products of other sizes: rounding of float32, relative to the
# largest state, a few times 6e-8.
ROUNDING = 1e-6
DEEP = ("bert", "qwen3", "gpt_neox")
FAMILIES = (*DEEP, "gpt2", "bloom", "mpnet", "gemma3_text", "gemma4_text", "llama4_text")


@pytest.fixture(scope="module")
def deep(make_model, make_tokenizer):
    """``deep(family)``: four blocks where the family's tiny configuration allows it."""

    def made(family):
        changes = {"num_hidden_layers": 4} if family in DEEP else {"n_layer": 4} if family in ("gpt2", "bloom") else {}
        return language_model_of(make_model(family, **changes), make_tokenizer())

    return cache(made)


def push(lm, layer, *, site="resid.post", positions="all", strength=2.0):
    vector = np.random.default_rng(5).normal(size=lm.n_features) / 5
    return Steer(tuple(vector.tolist()), 1.0, strength, site, layer, positions)


def edits_of(lm):
    last = lm.n_layers - 1
    single = {f"{site} {k}": [push(lm, k, site=site)] for k in range(last + 1) for site in ("resid.pre", "attn.out")}
    return {
        "none": [],
        "identity": [push(lm, last, strength=0.0)],
        **single,
        "positions": [push(lm, last, positions=(1, 3))],
        "two": [AblateNeurons((1, 5), last, (3.0, -2.0)), push(lm, last)],
    }


def masks_of(lm, moments, n=5, seed=0):
    """Random masks; mask ``k`` begins at layer ``k``, the last is empty."""
    masks = np.random.default_rng(seed).random((n, *moments["mean"].shape)) < 0.2
    for number in range(n):
        masks[number, :number] = False
    masks[-1] = False
    return xr.DataArray(masks, {"mask": [f"m{i}" for i in range(n)]}, ("mask", "layer", "neuron"))


def readout_of(lm, ids, seed=0):
    rng = np.random.default_rng(seed)
    names = np.array(["joy", "fear"])
    wanted = rng.permutation(np.repeat(ids, 2))[:15]
    return LinearReadout(names, rng.normal(size=(2, lm.n_features)), np.ones(2), wanted, rng.choice(names, 15))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_edit_gives_what_it_gives_by_itself(deep, texts, family):
    """At the last layer and at an early one, on a model that is edited already, with room for a few copies only."""
    lm = deep(family).edited(push(deep(family), 0, strength=0.5))
    for layer in (-1, 1):
        found = Sweep(lm, layer=layer, n_rows=450).states(texts, edits_of(lm))
        for name, edit in edits_of(lm).items():
            alone = lm.edited(*edit).capture(texts, pooling="mean", layers=[layer]).layer(layer)
            assert np.abs(found.sel(edit=name).values - alone).max() <= ROUNDING * np.abs(alone).max(), name
        np.testing.assert_array_equal(found.stimulus.values, texts.ids)
    assert not np.allclose(found.sel(edit="none"), found.sel(edit="resid.pre 1"))


@pytest.mark.parametrize("family", ["bert", "qwen3", "bloom"])
@pytest.mark.parametrize("kind", ["mean", "bank"])
def test_cells_are_those_of_interventions_one_by_one(deep, texts, family, kind):
    lm = deep(family)
    sweep = Sweep(lm)
    moments = sweep.moments(texts)
    fills = moments["mean"] if kind == "mean" else sweep.bank(texts, n=7, seed=3)
    masks, readout = masks_of(lm, moments), readout_of(lm, texts.ids)
    found = sweep.cells(texts, masks, fills, readout)
    assert (found.dtype, found.dims) == (np.dtype("float32"), ("mask", "cell"))
    for name in masks["mask"].values:
        mask = masks.sel(mask=name)
        edits = AblateNeurons.of_mask(mask, fills) if kind == "mean" else Resample.of_mask(mask, fills, 0)
        states = lm.edited(*edits).capture(texts, pooling="mean", layers=[-1]).layer(-1)
        expected = readout.cells(states, texts.ids)
        assert np.abs(found.sel(mask=name) - expected).max() <= ROUNDING * np.abs(expected).max()
    assert np.abs(found.sel(mask="m0") - found.sel(mask="m4")).max() > 0.1


def test_the_beginning_is_shared(deep, texts):
    """Three edits of the last of four blocks: one pass with three blocks shared, not three passes."""
    lm = deep("qwen3")
    rows = []
    blocks = list(lm.network.layers)
    handles = [block.register_forward_hook(lambda _, __, output: rows.append(output.shape[1])) for block in blocks]
    Sweep(lm).states(texts, {str(k): [push(lm, 3, site="resid.pre", strength=k)] for k in (1.0, 2.0, 3.0)})
    for handle in handles:
        handle.remove()
    n = rows[0]
    assert rows == [n, n, n, 3 * n]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in lm.network.modules())


def test_no_hook_is_left_when_a_pass_breaks_off(deep, texts, monkeypatch):
    lm = deep("qwen3")

    def fails(growing, touches, rows):
        raise ArithmeticError("in the middle")

    monkeypatch.setattr(branching, "_each_copy", fails)
    with pytest.raises(ArithmeticError):
        Sweep(lm).states(texts, {"a": [push(lm, 2)], "b": [push(lm, 3)]})
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in lm.network.modules())


@pytest.mark.parametrize("family", ["bert", "bloom"])
def test_moments_and_bank_are_those_of_all_tokens(deep, texts, family):
    """Every token read by itself, as a span of one."""
    lm = deep(family)
    sweep = Sweep(lm)
    n_tokens = [len(lm.tokenizer(text).input_ids) for text in texts.texts]
    one_each = [lm.capture(texts.select([name]), site="mlp.act", pooling="mean") for name in texts.ids]
    mean = sum(n * each.data.values[0] for n, each in zip(n_tokens, one_each)) / sum(n_tokens)
    moments = sweep.moments(texts)
    assert moments.attrs["n_tokens"] == sum(n_tokens)
    np.testing.assert_allclose(moments["mean"], mean, atol=1e-6)
    bank = sweep.bank(texts, n=sum(n_tokens), seed=1).astype(np.float64)
    np.testing.assert_allclose(bank.mean("bank"), moments["mean"], atol=1e-6)
    np.testing.assert_allclose(bank.std("bank"), moments["sd"], atol=1e-6)
    np.testing.assert_allclose(np.abs(bank).mean("bank"), moments["size"], atol=1e-6)
    np.testing.assert_allclose(np.abs(bank).max("bank"), moments["extreme"], atol=1e-6)
    few = sweep.bank(texts, n=5, seed=1)
    apart = np.abs(few.values[:, None] - bank.values[None]).max(axis=(2, 3))  # every one of them is one of all tokens
    assert (apart.min(axis=1) < 1e-6).all()
    np.testing.assert_array_equal(few, sweep.bank(texts, n=5, seed=1))


def test_surprisal_under_edits(tiny, texts):
    lm = tiny("gpt2")
    found = Sweep(lm).surprisal(texts, {"none": [], "push": [push(lm, 1, strength=9.0)]})
    np.testing.assert_array_equal(found.sel(edit="none"), lm.surprisal(texts))
    assert float(np.abs(found.sel(edit="push") - found.sel(edit="none")).max()) > 0.1
    with pytest.raises(ModelError, match="no output layer"):
        Sweep(tiny("bert")).surprisal(texts, {"none": []})


def test_what_is_undefined_is_nan_and_counted(tiny, texts):
    """1e38 squared is no float32 any more."""
    lm = tiny("gpt2")
    large = Steer((1e38,) * lm.n_features, 1.0, 3.0, "resid.post", 0)
    found = Sweep(lm).states(texts, {"none": [], "large": [large]})
    assert np.isnan(found.sel(edit="large")).all()
    assert np.isfinite(found.sel(edit="none")).all()
    assert found.attrs["n_undefined"] == len(texts)
    moments = Sweep(lm).moments(texts)
    fills = xr.full_like(moments["mean"], 3e38)
    masks = masks_of(lm, moments, n=2)
    cells = Sweep(lm).cells(texts, masks, fills, readout_of(lm, texts.ids))
    assert np.isnan(cells.sel(mask="m0")).all()
    assert np.isfinite(cells.sel(mask="m1")).all()
    assert cells.attrs["n_undefined"] == cells.sizes["cell"]


def test_what_does_not_fit_is_refused(tiny, texts):
    lm = tiny("bert")
    sweep = Sweep(lm)
    moments = sweep.moments(texts)
    masks, fills, readout = masks_of(lm, moments), moments["mean"], readout_of(lm, texts.ids)
    wrong = fills.where(~masks.any("mask"), np.nan)
    refused = [
        (masks.isel(neuron=slice(0, 9)), fills, readout, "2 layers of 48 neurons"),
        (masks, fills.isel(layer=[0]), readout, r"Fills are \(bank, layer, neuron\)"),
        (masks.astype(int), fills, readout, "Masks are bool"),
        (masks, wrong, readout, "finite value; these have none: .*neuron"),
        (masks, fills, readout._replace(stimulus=np.full(15, "nobody")), "stimuli that are not there: 'nobody'"),
        (masks, fills, readout._replace(output=np.full(15, "envy")), "outputs that are not there: 'envy'"),
        (masks, fills, readout._replace(weight=np.ones((2, 3))), "takes 3 features"),
    ]
    for given in refused:
        with pytest.raises(InvalidInput, match=given[3]):
            sweep.cells(texts, *given[:3])
    with pytest.raises(InvalidInput, match="at least one edit"):
        sweep.states(texts, {})
    with pytest.raises(InvalidInput, match="cannot be drawn"):
        sweep.bank(texts, n=10_000, seed=0)
    for changes in ({"layer": 7}, {"site": "mlp.in"}, {"pooling": "middle"}, {"n_rows": 0}):
        with pytest.raises(InvalidInput):
            replace(sweep, **changes)


def test_memory_is_no_part_of_the_fingerprint_and_what_is_read_is(tiny):
    own = Sweep(tiny("bert"))
    assert own.fingerprint() is None  # weights of unknown origin
    named = replace(tiny("bert"), source=replace(tiny("bert").source, revision="abc"))
    sweep = Sweep(named)
    assert sweep.fingerprint() == replace(sweep, n_rows=7, layer=1).fingerprint()
    others = [replace(sweep, layer=0), replace(sweep, pooling="cls"), replace(sweep, site="mlp.out")]
    edited = replace(sweep, lm=named.edited(push(named, 0)))
    assert len({each.fingerprint() for each in (sweep, *others, edited)}) == 5

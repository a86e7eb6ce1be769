"""Fine-tuning towards answers and brains: what is planted is learnt, arms are equal, and files give the same logits."""

import json

import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from consona.core.errors import InvalidInput, MissingData, ModelError
from consona.core.intervention import Steer
from consona.core.stimuli import Stimuli
from consona.lm import language_model_of
from consona.lm.answers import answer_log_probabilities
from consona.lm.sources import Source
from consona.stats.brain_guidance import BrainMap, similarity_of
from consona.training.guided_losses import state_loss
from consona.training.guided_targets import BrainTerm, GuidedTarget, StateTarget, shifted_target
from consona.training.guided_tuning import tune
from consona.training.tuned_export import load_directions, save_adapter, save_card, save_directions, save_weights
from consona.training.tuning_audit import audit, matched_arms
from consona.training.tuning_recipe import REGRESSION, TuningRecipe, middle_half

WORDS = ["[PAD]", "[UNK]", "True", "False", "yes", "no", *"abcdefghijklmnopqrstuvwx"]
SIZES = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64,
    "vocab_size": len(WORDS), "max_position_embeddings": 32, "initializer_range": 0.2,
    "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip
GPT2 = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 32}
RECIPE = TuningRecipe(epochs=40, batch=64, learning_rate=2e-2)
# PEFT still calls the old name
OLD_NAME = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


def tokenizer():
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32)


def causal(family="llama"):
    torch.manual_seed(4)
    sizes = {**SIZES, **(GPT2 if family == "gpt2" else {"num_key_value_heads": 2})}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **sizes)).eval()


def lm_of(model):
    return language_model_of(model, tokenizer(), source=Source("tiny", files={"model.safetensors": "0"}))


@pytest.fixture(scope="module")
def lm():
    return lm_of(causal())


def problems(n, seed, *, planted=True):
    """Seven words; with a plant, 'yes' among them says True and 'no' False."""
    rng, labels = np.random.default_rng(seed), np.arange(n) % 2 == 0
    texts = []
    for label in labels:
        row = rng.choice(WORDS[6:], 7)
        row[rng.integers(7)] = "yes" if label else "no"
        texts.append(" ".join(row))
    return Stimuli.of(texts, prefix=f"s{seed}-").with_columns(label=labels if planted else rng.permutation(labels))


def accuracy(lm, stimuli):
    found = answer_log_probabilities(lm, stimuli, RECIPE.answers).values
    return float(((found[:, 0] > found[:, 1]) == stimuli["label"]).mean())


def states_of(lm, stimuli):
    return lm.capture(stimuli, site="attn.out", pooling="last")


def brain_of(lm, stimuli, *, seed, name="brain", n_subjects=2, n_voxels=40):
    """Patterns that are a linear map of other states than the model has now, ridge maps from its own, two layers."""
    rng = np.random.default_rng(seed)
    before = states_of(lm, stimuli)
    everything = np.arange(len(stimuli))
    maps, brains, patterns = [], [], []
    for _ in range(n_subjects):
        own = before.layer(1) @ rng.normal(size=(32, n_voxels)) + rng.normal(size=(len(stimuli), n_voxels))
        brain = similarity_of(own @ own.T, everything, everything)
        maps.append([BrainMap.fit(before.layer(layer), brain, alphas=(1.0,)) for layer in (0, 1)])
        brains.append(brain)
        patterns.append(own)
    counts = rng.random((n_subjects, len(stimuli))) < 0.7
    term = BrainTerm.of(stimuli.ids, maps, brains, counts)
    return GuidedTarget(name, (0, 1), (term,)), maps, brains, counts


def test_the_middle_half_is_that_of_the_paper():
    found = {n: (middle_half(n)[0], middle_half(n)[-1]) for n in (28, 32, 36, 42, 80)}
    assert found == {28: (7, 20), 32: (8, 23), 36: (9, 26), 42: (10, 30), 80: (20, 59)}
    assert middle_half(3) == (0, 1)
    with pytest.raises(InvalidInput, match="no middle half"):
        middle_half(1)


def test_what_is_there_is_learnt_and_the_model_that_was_given_stays_as_it_was(lm):
    before = {name: value.clone() for name, value in [*lm.network.state_dict().items(), *lm.head.state_dict().items()]}
    train, validation, seen = problems(64, 0), problems(32, 1), []
    made = tune(lm, train, validation, recipe=RECIPE, seed=0, progress=lambda *each: seen.append(each))
    assert accuracy(made.model, problems(200, 2)) > 0.9
    assert max(accuracy for _, accuracy in seen) == accuracy(made.model, validation)  # merged as it was validated
    assert made.history["accuracy"].values[made.chosen_epoch] == accuracy(made.model, validation)
    after = {**lm.network.state_dict(), **lm.head.state_dict()}
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    weights = [*lm.network.parameters(), *lm.head.parameters()]
    assert all(weight.requires_grad and weight.grad is None for weight in weights)
    assert not any(module._forward_hooks for module in lm.network.modules())
    assert made.model.fingerprint() != lm.fingerprint() == made.base
    short = TuningRecipe(epochs=2, batch=7)
    once, again = (tune(lm, train, validation, recipe=short, seed=3) for _ in range(2))
    other = tune(lm, train, validation, recipe=TuningRecipe(epochs=2, batch=64, every=2), seed=3)
    assert once.model.fingerprint() == again.model.fingerprint()
    first = slice(0, 2)  # the same step, whatever shares a pass
    np.testing.assert_allclose(once.history["answer_loss"][first], other.history["answer_loss"][first], rtol=1e-5)
    assert tune(made.model, train, validation, recipe=short, seed=3).base == made.model.fingerprint()


def test_nothing_is_learnt_where_nothing_is(lm):
    train, validation = problems(64, 3, planted=False), problems(32, 4, planted=False)
    made = tune(lm, train, validation, recipe=RECIPE, seed=0)
    found = accuracy(made.model, problems(400, 5, planted=False))
    assert abs(found - 0.5) < 4 * 0.5 / np.sqrt(400)  # four standard errors of a coin


def test_the_loss_of_a_brain_is_that_of_its_maps_and_so_is_the_gradient(lm):
    train = problems(20, 6)
    target, maps, brains, counts = brain_of(lm, train, seed=1)
    states = np.random.default_rng(2).normal(size=(20, 2, 32)) + states_of(lm, train).data.values[:, :2]
    given = torch.tensor(states, dtype=torch.float32, requires_grad=True)
    order = np.random.default_rng(3).permutation(20)
    loss = state_loss(target, train.ids[order].tolist(), torch.device("cpu"))
    found = loss(torch.arange(20), given[order])
    found.backward()
    share = counts / np.maximum(counts.sum(axis=0), 1)
    expected, slope = 0.0, np.zeros_like(states)
    for subject, brain in enumerate(brains):
        for layer in (0, 1):
            parts = states[:, layer], brain.products, brain.norms
            expected += (share[subject] * (1 - maps[subject][layer].cosine(*parts))).sum()
            slope[:, layer] -= share[subject][:, None] * maps[subject][layer].gradient(*parts)
    assert float(found.detach()) == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(given.grad, slope, atol=1e-4 * np.abs(slope).max())
    term = target.terms[0]
    holes = np.where(term.counts[..., None], term.products, np.nan), np.where(term.counts, term.norms, np.nan)
    again = BrainTerm(term.ids, term.weights, term.offsets, term.gram, *holes, term.counts)
    loss = state_loss(GuidedTarget("holes", (0, 1), (again,)), train.ids.tolist(), torch.device("cpu"))
    assert float(loss(torch.arange(20), given.detach())) == pytest.approx(expected, rel=1e-4)


def test_a_brain_draws_states_and_its_arms_differ_in_nothing_else(lm):
    train, validation = problems(24, 7), problems(16, 8)
    target, maps, brains, counts = brain_of(lm, train, seed=4)
    control, *_ = brain_of(lm, train, seed=5, name="other brain")
    recipe = TuningRecipe(epochs=25, learning_rate=1e-2, state_weight=30.0, criterion="loss")
    arms = {
        "label": tune(lm, train, validation, recipe=recipe, seed=0),
        "brain and label": tune(lm, train, validation, recipe=recipe, brain=target, seed=0),
        "control and label": tune(lm, train, validation, recipe=recipe, brain=control, seed=0),
    }
    table = matched_arms(arms)
    assert set(table["n_trained"]) == {2 * 8 * (2 * 64 + 2 * 48)}  # q and o 32 x 32, k and v 32 x 16, two layers
    assert table["start"].nunique() == 1
    assert list(table["target"]) == ["none", "brain", "other brain"]
    history = arms["brain and label"].history
    before = states_of(lm, train)
    share = counts / np.maximum(counts.sum(axis=0), 1)
    away = sum(
        (share[s] * (1 - maps[s][layer].cosine(before.layer(layer), brain.products, brain.norms))).sum()
        for s, brain in enumerate(brains) for layer in (0, 1)
    )  # fmt: skip
    assert float(history["state_loss"][0]) == pytest.approx(away / 24, rel=1e-4)  # the states that capture reads
    assert float(history["state_loss"][-2]) < 0.9 * float(history["state_loss"][0])
    assert np.isnan(history["state_loss"][-1])
    np.testing.assert_allclose(history["answer_loss"][0], arms["label"].history["answer_loss"][0], rtol=1e-6)
    with pytest.raises(InvalidInput, match="start"):
        matched_arms({"one": arms["label"], "two": tune(lm, train, validation, recipe=recipe, seed=1)})


def test_attention_is_regressed_on_shifted_states_and_the_rest_is_kept(lm, tmp_path):
    train, validation = problems(12, 9), problems(8, 10)
    before = states_of(lm, train)
    rng = np.random.default_rng(0)
    shifts = xr.DataArray(
        rng.normal(scale=0.3, size=(4, 2, 32)), {"stimulus": train.ids[:4], "layer": [0, 1]},
        ("stimulus", "layer", "feature"),
    )  # fmt: skip
    target = shifted_target("shifts", before, shifts, train.ids[4:].tolist(), strength=1.0)
    recipe = TuningRecipe(
        trained="attention", epochs=40, learning_rate=3e-3, answer_weight=0.0, state_weight=1.0, criterion="loss"
    )
    made = tune(lm, train, validation, recipe=recipe, brain=target, seed=0)
    loss = made.history["state_loss"].values
    assert loss[0] == pytest.approx((shifts.values**2).mean(axis=2).sum() / 12, rel=1e-5)
    assert loss[-2] < 0.2 * loss[0]
    assert made.n_trained == sum(w.numel() for i in (0, 1) for w in lm.network.layers[i].self_attn.parameters())
    save_weights(tmp_path / "changed.safetensors", made)
    whole = causal()
    report = whole.load_state_dict(load_file(tmp_path / "changed.safetensors"), strict=False)
    assert not report.unexpected_keys
    ids = torch.tensor([[6, 7, 8, 9]])
    with torch.no_grad():
        assert torch.equal(whole.model(ids).last_hidden_state, made.model.network(ids).last_hidden_state)
    with pytest.raises(InvalidInput, match="save_weights"):
        save_adapter(tmp_path, made)
    with pytest.raises(InvalidInput, match="not both"):
        shifted_target("shifts", before, shifts, train.ids[3:].tolist())


@OLD_NAME
@pytest.mark.parametrize("family", ["llama", "gpt2", "phi3"])
def test_peft_loads_the_adapter_and_gives_the_same_logits(family, tmp_path):
    from peft import LoraConfig, PeftModel, get_peft_model

    lm, train = lm_of(causal(family)), problems(8, 11)
    targets = {"gpt2": ("c_attn", "c_proj"), "phi3": ("qkv_proj", "o_proj")}.get(family, RECIPE.targets)
    recipe = TuningRecipe(epochs=3, learning_rate=1e-2, targets=targets, rank=4, criterion="loss")
    made = tune(lm, train, problems(8, 12), recipe=recipe, seed=0)
    sha256 = save_adapter(tmp_path, made)
    card = save_card(tmp_path, "Tiny", facts=made.facts, claims=[], files={"adapter_model.safetensors": sha256})
    assert "No claim" in card
    assert sha256 in (tmp_path / "README.md").read_text()
    loaded = PeftModel.from_pretrained(causal(family), str(tmp_path)).eval()
    ids = torch.tensor([[6, 7, 8, 9, 10]])
    with torch.no_grad():
        own = made.model.head(made.model.network(ids).last_hidden_state)
        np.testing.assert_allclose(loaded(ids).logits, own, atol=1e-5)
        assert float((own - lm.head(lm.network(ids).last_hidden_state)).abs().max()) > (
            1e-3 if made.chosen_epoch else -1
        )
    parts = {"gpt2": "attn", "phi3": "self_attn"}.get(family, "self_attn")
    wanted = rf".*\.[01]\.{parts}\.({'|'.join(targets)})"
    counted = get_peft_model(
        causal(family), LoraConfig(r=4, target_modules=wanted, fan_in_fan_out=family == "gpt2")
    ).get_nb_trainable_parameters()[0]
    assert made.n_trained == counted == int(audit(lm, recipe)["n_trained"].sum())


def test_fused_projections_are_not_silently_missed():
    phi3 = lm_of(causal("phi3"))
    table = audit(phi3, RECIPE)
    assert table.groupby("target")["matched"].all().to_dict() == {
        "k_proj": False, "o_proj": True, "q_proj": False, "v_proj": False
    }  # fmt: skip
    with pytest.raises(ModelError, match=r"miss 'k_proj', 'q_proj', 'v_proj' in .*; matched are 'o_proj'.*'qkv_proj'"):
        tune(phi3, problems(4, 0), problems(4, 1), recipe=RECIPE, seed=0)


def test_directions_come_back_and_are_laid_out_for_steering_vectors(tmp_path):
    made = xr.DataArray(np.arange(8.0).reshape(2, 4), {"layer": [3, 10]}, ("layer", "feature"))
    sha256 = save_directions(tmp_path / "d.safetensors", made, family="llama", facts={"model": "tiny"})
    plain = {int(name.partition(".")[2]): each for name, each in load_file(tmp_path / "d.safetensors").items()}
    assert {layer: each.tolist() for layer, each in plain.items()} == {3: [0, 1, 2, 3], 10: [4, 5, 6, 7]}
    again = load_directions(tmp_path / "d.safetensors", expected=sha256)
    assert again.layer.values.tolist() == [3, 10]
    np.testing.assert_array_equal(again, made)
    assert again.attrs["layer_type"] == "self_attn"
    assert json.loads(again.attrs["facts"]) == {"model": "tiny"}
    save_directions(tmp_path / "g.safetensors", made, family="gemma2", facts={})
    assert load_directions(tmp_path / "g.safetensors").attrs["layer_type"] == "post_attention_layernorm"
    with pytest.raises(ModelError, match="expected was abc"):
        load_directions(tmp_path / "d.safetensors", expected="abc")
    with pytest.raises(MissingData, match="save_directions"):
        load_directions(tmp_path / "e.safetensors")
    with pytest.raises(InvalidInput, match="finite"):
        save_directions(tmp_path / "d.safetensors", made * np.nan, family="llama", facts={})


def test_what_does_not_fit_is_said(lm):
    train, validation = problems(6, 0), problems(6, 1)
    short = TuningRecipe(epochs=1)
    with pytest.raises(InvalidInput, match="are trained on and validated with"):
        tune(lm, train, train, recipe=short, seed=0)
    with pytest.raises(InvalidInput, match="2 pieces"):
        tune(lm, train, validation, recipe=TuningRecipe(epochs=1, answers=(" yes yes", " no")), seed=0)
    with pytest.raises(InvalidInput, match="True and False"):
        tune(lm, train.with_columns(label=["True"] * 6), validation, recipe=short, seed=0)
    with pytest.raises(InvalidInput, match="nothing would be learnt"):
        tune(lm, train, validation, recipe=REGRESSION, seed=0)
    with pytest.raises(InvalidInput, match="1 edits"):
        tune(lm.edited(Steer((1.0,) * 32, 1.0, 1.0, "resid.post", 0)), train, validation, recipe=short, seed=0)
    states = StateTarget("other", (0,), ("p",), np.zeros((1, 1, 32)), np.ones(1))
    with pytest.raises(InvalidInput, match="not trained on"):
        tune(lm, train, validation, recipe=short, brain=states, seed=0)
    with pytest.raises(ModelError, match="infinite or undefined"):
        tune(lm, train, validation, recipe=TuningRecipe(epochs=6, learning_rate=1e30), seed=0)
    with pytest.raises(InvalidInput, match="rank"):
        TuningRecipe(rank=0)
    with pytest.raises(InvalidInput, match="no layer 5"):
        audit(lm, TuningRecipe(layers=(5,)))

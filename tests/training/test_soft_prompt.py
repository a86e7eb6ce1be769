"""Soft prompts: the pass is transformers' own, edits reach it, only the prompt learns, and files give it back."""

import json
import warnings

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedTokenizerFast

from consona.core.errors import InvalidInput, MissingData, ModelError
from consona.core.intervention import AblateNeurons, Steer
from consona.core.stimuli import Stimuli
from consona.training.masked_model import load_masked_model, masked_model_of
from consona.training.prompt_export import export_peft, import_peft, load_prompt, save_prompt
from consona.training.prompt_tuning import tune_prompt, verbaliser_of
from consona.training.soft_prompt import Prompted, PromptTuning, SoftPrompt, prompt_features

SPECIAL = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]  # padding is token 1, as in RoBERTa and MPNet
TEXT = "no yes the a cat dog child house river ran sat sang was sad glad and then"
WORDS = [*SPECIAL, *TEXT.split()]
TEXTS = Stimuli.of(["the cat sat", "a sad child", "the dog ran and then a child sang and the river was glad", "glad"])
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
ENDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


def tokenizer():
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 2)]
    )
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]", "unk_token": "[UNK]"}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=64, **names)


def network(family):
    torch.manual_seed(3)
    size = {**SIZES, **ENDS, "vocab_size": len(WORDS), "max_position_embeddings": 64, "initializer_range": 0.2}
    return AutoModelForMaskedLM.from_config(AutoConfig.for_model(family, **size)).eval()


@pytest.fixture(scope="module", params=["bert", "roberta", "mpnet"])
def made(request):
    model = network(request.param)
    return model, masked_model_of(model, tokenizer())


@pytest.fixture(scope="module")
def roberta():
    model = network("roberta")
    return model, masked_model_of(model, tokenizer())


def prompt(n_tokens=5, **changes):
    vectors = np.random.default_rng(1).normal(scale=0.3, size=(n_tokens, 32)).astype(np.float32)
    return SoftPrompt(vectors, (5, 6), PromptTuning(n_tokens=n_tokens, max_tokens=40, **changes))


def by_hand(model, given, *, order="mask first", first=None):
    """Logits of both words, a text at a time, through transformers' own forward pass."""
    words, found = model.get_input_embeddings().weight, []
    for text in TEXTS.texts:
        ids = torch.tensor(tokenizer()(text).input_ids)
        parts = [words[[4]], torch.from_numpy(given.vectors)]
        row = torch.cat([*(parts if order == "mask first" else parts[::-1]), words[ids]])[None]
        places = None if first is None else torch.arange(first, first + row.shape[1])[None]
        with torch.no_grad():
            logits = model(inputs_embeds=row, position_ids=places).logits[0]
        found.append(logits[0 if order == "mask first" else len(given.vectors), [5, 6]].numpy())
    return np.array(found)


@pytest.mark.parametrize("order", ["mask first", "prompt first"])
def test_the_pass_is_that_of_transformers_whatever_shares_it(made, order):
    model, masked = made
    given = prompt(order=order)
    found = Prompted(masked, given).logits(TEXTS)
    np.testing.assert_allclose(found, by_hand(model, given, order=order), atol=1e-5)  # padded against alone
    for name in TEXTS.ids:
        alone = Prompted(masked, given).logits(TEXTS.select([name]))
        np.testing.assert_allclose(found.sel(stimulus=[name]), alone, atol=1e-5)
    assert not found["truncated"].any()


def test_positions_of_the_paper_begin_at_zero(made):
    model, masked = made
    given, paper = prompt(), prompt(positions="paper")
    offset = masked.lm.machine.first_position
    found = Prompted(masked, paper).logits(TEXTS)
    np.testing.assert_allclose(found, by_hand(model, given, first=0), atol=1e-5)
    np.testing.assert_allclose(Prompted(masked, given).logits(TEXTS), by_hand(model, given, first=offset), atol=1e-5)
    assert (offset == 0) == np.allclose(found, Prompted(masked, given).logits(TEXTS))


@pytest.mark.parametrize("where", ["all", (0, 1), (6, 9)])
def test_neurons_can_be_silenced_inside_a_prompted_pass(roberta, where):
    model, masked = roberta
    given, silent = prompt(), list(range(0, 48, 3))
    rows = slice(None) if where == "all" else slice(*where)

    def zeroed(module, args, output):
        changed = output.clone()
        changed[:, rows, silent] = 0
        return changed

    hook = model.roberta.encoder.layer[0].intermediate.register_forward_hook(zeroed)
    expected = by_hand(model, given)
    hook.remove()
    edit = AblateNeurons(tuple(silent), layer=0, positions=where)
    tuned = Prompted(masked, given)
    intact = tuned.logits(TEXTS)
    np.testing.assert_allclose(tuned.logits(TEXTS, [edit]), expected, atol=1e-5)
    assert np.abs(intact.values - expected).max() > 1e-3
    assert tuned.logits(TEXTS, [AblateNeurons((), layer=1)]).equals(intact)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_activations_of_a_prompt_are_those_at_the_mask_before_the_start_token(roberta):
    model, masked = roberta
    given, kept = prompt(), []
    hooks = [layer.intermediate.register_forward_hook(lambda m, a, o: kept.append(o[0, 0])) for layer in
             model.roberta.encoder.layer]  # fmt: skip
    words = model.get_input_embeddings().weight
    with torch.no_grad():
        model(inputs_embeds=torch.cat([words[[4]], torch.from_numpy(given.vectors), words[[0]]])[None])
    for hook in hooks:
        hook.remove()
    features = prompt_features([Prompted(masked, given)] * 2, ["joy-1", "joy-2"])
    np.testing.assert_allclose(features.data.values[1], torch.stack(kept).numpy(), atol=1e-6)
    with pytest.raises(InvalidInput, match="one id each"):
        prompt_features([Prompted(masked, given)], [])


def labelled(n, seed, *, planted):
    """Texts of six words; with a plant, the label says whether 'sad' or 'glad' is among them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    plain = np.array(WORDS[7:18])
    texts = [" ".join([*rng.choice(plain, 5), ("sad", "glad")[label]][:: (-1) ** i]) for i, label in enumerate(labels)]
    return Stimuli.of(texts, prefix=f"s{seed}-").with_columns(label=labels if planted else rng.permutation(labels))


RECIPE = PromptTuning(n_tokens=6, epochs=8, batch=16, learning_rate=3e-2)


def test_a_prompt_learns_what_is_there_and_no_weight_of_the_model_moves(roberta):
    model, masked = roberta
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seen = []
    tuned = tune_prompt(
        masked, labelled(160, 0, planted=True), labelled(60, 1, planted=True), RECIPE, words=("no", "yes"), seed=0,
        progress=lambda epoch, accuracy: seen.append((epoch, accuracy)),
    )  # fmt: skip
    test = labelled(200, 2, planted=True)
    assert Prompted(masked, tuned).accuracy(test) > 0.9
    assert tuned.accuracy == tuple(accuracy for _, accuracy in seen)
    assert Prompted(masked, tuned).accuracy(labelled(60, 1, planted=True)) == max(tuned.accuracy)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in model.parameters())


def test_a_prompt_finds_nothing_where_nothing_is(roberta):
    _, masked = roberta
    train, validation = labelled(96, 3, planted=False), labelled(60, 4, planted=False)
    tuned = tune_prompt(masked, train, validation, RECIPE, words=("no", "yes"), seed=0)
    found = Prompted(masked, tuned).accuracy(labelled(400, 5, planted=False))
    assert abs(found - 0.5) < 4 * 0.5 / np.sqrt(400)  # four standard errors of a coin


def test_a_prompt_comes_back_from_its_file(roberta, tmp_path):
    _, masked = roberta
    given = prompt(order="prompt first", positions="paper")
    sha256 = save_prompt(tmp_path / "p.safetensors", given)
    again = load_prompt(tmp_path / "p.safetensors", expected=sha256)
    assert again.fingerprint() == given.fingerprint() != prompt().fingerprint()
    assert Prompted(masked, again).logits(TEXTS).equals(Prompted(masked, given).logits(TEXTS))
    with pytest.raises(ModelError, match="expected was abc"):
        load_prompt(tmp_path / "p.safetensors", expected="abc")
    (tmp_path / "p.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="no whole safetensors"):
        load_prompt(tmp_path / "p.safetensors")
    with pytest.raises(MissingData, match="There is no file"):
        load_prompt(tmp_path / "q.safetensors")


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT still calls the old name
@pytest.mark.parametrize("order", ["mask first", "prompt first"])
def test_peft_gives_the_same_logits(made, tmp_path, order):
    from peft import PeftModel

    model, masked = made
    given = prompt(order=order)
    export_peft(tmp_path, masked, given)
    found = []
    adapted = PeftModel.from_pretrained(model, str(tmp_path))
    assert adapted.active_peft_config.num_virtual_tokens == 5 + (order == "mask first")
    for text in TEXTS.texts:
        ids = ([] if order == "mask first" else [4]) + tokenizer()(text).input_ids
        with torch.no_grad():
            logits = adapted(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids))).logits[0]
        found.append(logits[0 if order == "mask first" else 5, [5, 6]].numpy())
    np.testing.assert_allclose(found, Prompted(masked, given).logits(TEXTS), atol=1e-5)
    back = import_peft(tmp_path, masked, (5, 6), PromptTuning(order=order, max_tokens=40))
    assert back.vectors.tobytes() == given.vectors.tobytes()
    assert back.recipe.n_tokens == 5


def test_peft_is_not_given_what_it_would_change(roberta, tmp_path):
    _, masked = roberta
    with pytest.raises(InvalidInput, match="PEFT has no way"):
        export_peft(tmp_path, masked, prompt(positions="paper"))
    export_peft(tmp_path, masked, prompt(order="prompt first"))
    with pytest.raises(ModelError, match="not the word embedding of the mask"):
        import_peft(tmp_path, masked, (5, 6), PromptTuning())
    config = json.loads((tmp_path / "adapter_config.json").read_text()) | {"peft_type": "P_TUNING"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="P_TUNING"):
        import_peft(tmp_path, masked, (5, 6), PromptTuning())


def test_what_does_not_fit_is_said(roberta, tmp_path):
    _, masked = roberta
    good = labelled(20, 6, planted=True)
    with pytest.raises(InvalidInput, match="not in it: 'happy'"):
        tune_prompt(masked, good, good, RECIPE, words=("no", "happy"), seed=0)
    with pytest.raises(InvalidInput, match="labels 0 and 1"):
        tune_prompt(masked, good, good.with_columns(label=np.ones(20)), RECIPE, words=("no", "yes"), seed=0)
    with pytest.raises(InvalidInput, match="no room"):
        Prompted(masked, prompt(61)).logits(TEXTS)
    with pytest.raises(ModelError, match="expected \\(n_tokens, 32\\)"):
        Prompted(masked, SoftPrompt(np.zeros((4, 16), np.float32), (5, 6)))
    with pytest.raises(ModelError, match="trained for the model 0123"):
        Prompted(masked, SoftPrompt(np.zeros((4, 32), np.float32), (5, 6), model="0123"))
    with pytest.raises(InvalidInput, match="n_tokens"):
        PromptTuning(n_tokens=0)
    with pytest.raises(InvalidInput, match="no layer 7"):
        Prompted(masked, prompt()).logits(TEXTS, [AblateNeurons((1,), layer=7)])
    with pytest.raises(ModelError, match="infinite or undefined"):
        Prompted(masked, prompt()).logits(TEXTS, [Steer((1.0,) * 32, 1.0, 3e38, "resid.post", 0)])
    size = {**SIZES, **ENDS, "vocab_size": len(WORDS), "max_position_embeddings": 64}
    with pytest.raises(ModelError, match="is causal"):
        masked_model_of(AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **size)), tokenizer())
    assert verbaliser_of(masked, ("no", "yes")) == (5, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ModelError, match="no trained layer that fills gaps"):
            load_masked_model("minilm")

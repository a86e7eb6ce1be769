"""Loading: from a folder, the Hub and the package; safe, named exactly, and refused in plain words."""

import json
import logging
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
from transformers import (
    AutoConfig,
    Gemma3ForConditionalGeneration,
    Gemma4ForConditionalGeneration,
    Llama4ForConditionalGeneration,
)
from transformers.utils import logging as transformers_logging

import consona.lm.sources as sources
from consona.core.errors import ConfigError, MissingExtra, ModelError
from consona.core.intervention import AblateNeurons
from consona.core.stimuli import Stimuli
from consona.lm import load_language_model


@pytest.fixture
def folder(make_model, make_tokenizer, tmp_path):
    """A saved tiny Llama with its tokenizer."""
    make_model("llama").save_pretrained(tmp_path / "model")
    make_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_folder_is_named_by_its_bytes_not_by_its_place(folder, tmp_path, tiny, texts):
    lm = load_language_model(str(folder))
    moved = tmp_path / "elsewhere" / "copy"
    shutil.copytree(folder, moved)
    again = load_language_model(str(moved))
    assert lm.fingerprint() == again.fingerprint() is not None
    assert set(lm.describe()["files"]) >= {"model.safetensors", "config.json", "tokenizer.json"}
    np.testing.assert_array_equal(lm.capture(texts).data.values, tiny("llama").capture(texts).data.values)


def test_a_model_travels_as_what_makes_it_and_is_made_once(folder, texts, monkeypatch):
    monkeypatch.chdir(folder.parent)
    lm = load_language_model("model")
    edited = lm.edited(AblateNeurons((1,), 0))
    sent = [pickle.dumps(each) for each in (lm, edited)]
    assert max(map(len, sent)) < 2_000
    monkeypatch.chdir("/")
    there = [pickle.loads(each) for each in sent]
    assert there[0].network is there[1].network
    assert [each.fingerprint() for each in there] == [lm.fingerprint(), edited.fingerprint()]
    np.testing.assert_array_equal(there[1].capture(texts).data.values, edited.capture(texts).data.values)
    tuned = replace(lm, adapter="a1b2")
    assert pickle.loads(pickle.dumps(tuned)).fingerprint() == tuned.fingerprint()


def test_whatever_can_change_a_number_changes_the_fingerprint(folder, tmp_path):
    lm = load_language_model(str(folder))
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    words = json.loads((other / "tokenizer.json").read_text())
    words["normalizer"] = {"type": "Lowercase"}
    (other / "tokenizer.json").write_text(json.dumps(words))
    models = [
        lm,
        load_language_model(str(other)),
        load_language_model(str(folder), dtype="bfloat16"),
        lm.edited(AblateNeurons((1,), 0)),
        lm.edited(AblateNeurons((1,), 1)),
        replace(lm, adapter="a1b2"),
        replace(lm, source=replace(lm.source, files={}, revision="c0ffee")),
        replace(lm, source=replace(lm.source, files={}, revision="decade")),
    ]
    prints = [each.fingerprint() for each in models]
    assert len(set(prints)) == len(models)
    batches = replace(lm, layout=replace(lm.layout, packed=False, batch_size=3))
    assert batches.fingerprint() == lm.fingerprint()


def test_a_model_in_memory_has_no_fingerprint(tiny):
    assert tiny("llama").fingerprint() is None


def test_other_weight_files_are_refused_unopened(folder):
    weights = folder / "model.safetensors"
    weights.unlink()
    for name in ("pytorch_model.bin", "weights.pt"):
        (folder / name).write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(ModelError, match=r"no .safetensors file \(found: pytorch_model.bin, weights.pt\)"):
        load_language_model(str(folder))
    assert not Path("ran").exists()


def test_code_in_a_repository_is_not_run(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "code.Own", "AutoModelForCausalLM": "code.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelError, match="runs no code from a repository"):
        load_language_model(str(folder))


def test_weights_that_do_not_fit_are_not_replaced_by_random_ones(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(ModelError, match=r"do not fit its configuration: \d+ are missing"):
        load_language_model(str(folder))


def test_an_unknown_family_names_the_known_ones(tmp_path):
    AutoConfig.for_model("t5").save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"family 't5' have no site table. Supported: bert, bloom, .*write one row"):
        load_language_model(str(tmp_path))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"name": "nobody/no-such-model"}, ModelError, "not in the local cache and the Hub cannot be reached"),
        ({"name": "./nowhere"}, ModelError, "There is no folder './nowhere'"),
        ({"name": "bad name!"}, ModelError, "Check the spelling"),
        ({"name": "minilm", "dtype": "int4"}, ConfigError, "no dtype 'int4'; there are float32"),
        ({"name": "minilm", "device": "abacus"}, ModelError, "cannot be loaded as float32 on 'abacus'"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_sentence(options, error, words):
    with pytest.raises(error, match=words):
        load_language_model(**options)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (GatedRepoError, "set HF_TOKEN to a token"),
        (RepositoryNotFoundError, "The Hub has no model"),
        (RevisionNotFoundError, "has no revision 'v9'"),
    ],
)
def test_what_the_hub_refuses_is_explained(monkeypatch, problem, words):
    def refuse(*_, **__):
        raise problem.__new__(problem)

    monkeypatch.setattr(sources.HfApi, "model_info", refuse)
    with pytest.raises(ModelError, match=words):
        load_language_model("some/model", revision="v9")


def test_the_hub_gives_a_commit_that_is_recorded(monkeypatch, folder, tmp_path):
    """From the cache when the Hub cannot be asked, and the family is looked at before weights are fetched."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / commit
    shutil.copytree(folder, cached)
    asked = []
    monkeypatch.setattr(sources, "_commit", lambda name, revision: asked.append(revision))
    monkeypatch.setattr(sources, "snapshot_download", lambda name, **options: str(cached))
    offline = load_language_model("some/model", revision="main")
    monkeypatch.setattr(sources, "_commit", lambda name, revision: commit)
    monkeypatch.setattr(sources, "hf_hub_download", lambda name, file, revision: str(cached / file))
    online = load_language_model("some/model", revision="main")
    assert asked == ["main"]
    assert online.source.revision == commit
    assert online.fingerprint() == offline.fingerprint()
    assert online.capture(Stimuli.of(["a cat"])).attrs["revision"] == commit
    AutoConfig.for_model("t5").save_pretrained(cached)
    with pytest.raises(ModelError, match="family 't5'"):
        load_language_model("some/model")


def test_minilm_is_refused_when_it_is_not_the_original(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ModelError, match=f"is not the original.*expected {sources.MINILM_SHA256}"):
        sources.verified_minilm(tmp_path)
    monkeypatch.setattr(sources, "_PACKAGE", "no_such_package")
    with pytest.raises(MissingExtra, match=r"pip install 'consona\[demo\]'"):
        load_language_model("minilm")


def test_loading_silences_nothing_for_good(folder):
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_info()
    try:
        load_language_model(str(folder))
        assert transformers_logging.get_verbosity() == logging.INFO
        assert transformers_logging.is_progress_bar_enabled() == bars
    finally:
        transformers_logging.set_verbosity(verbosity)


SMALL_VISION = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 8,
    "patch_size": 4,
}
TOWERS = {
    "gemma3": {"vision_config": SMALL_VISION, "mm_tokens_per_image": 4},
    "gemma4": {"vision_config": SMALL_VISION | {"num_key_value_heads": 2, "head_dim": 8}, "audio_config": None},
    "llama4": {
        "vision_config": SMALL_VISION | {"vision_output_dim": 16, "projector_input_dim": 16, "projector_output_dim": 16}
    },
}
WRAPPERS = {
    "gemma3": Gemma3ForConditionalGeneration,
    "gemma4": Gemma4ForConditionalGeneration,
    "llama4": Llama4ForConditionalGeneration,
}


@pytest.mark.parametrize("kind", sorted(WRAPPERS))
def test_of_a_model_for_images_and_text_the_text_part_is_read(kind, make_model, make_tokenizer, tmp_path, texts):
    text = make_model(f"{kind}_text")
    config = AutoConfig.for_model(kind, text_config=text.config.to_dict(), **TOWERS[kind])
    torch.manual_seed(5)
    whole = WRAPPERS[kind](config).eval()
    whole.save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    lm = load_language_model(str(tmp_path))
    assert lm.family.name == f"{kind}_text"
    assert not any("vision" in name for name, _ in lm.network.named_modules())
    ids = torch.tensor([lm.tokenizer(texts.texts[0]).input_ids])
    with torch.no_grad():
        states = whole.get_decoder()
        inner = states.model if hasattr(states, "model") else states
        expected = inner(ids, output_hidden_states=True).hidden_states[1][0, -1].numpy()
        logits = whole(input_ids=ids).logits[0, -1]
        ours = lm.head(lm.machine.network(ids).last_hidden_state)[0, -1]
    np.testing.assert_allclose(lm.capture(texts).layer(0)[0], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.numpy(), logits.numpy(), rtol=1e-4, atol=1e-5)

"""Sentence embeddings are those of sentence-transformers, whatever the model, and their means are left as they are."""

import json

import numpy as np
import pandas as pd
import pytest
from sentence_transformers import SentenceTransformer

from consona.core.errors import InvalidInput, ModelError
from consona.core.stimuli import Stimuli
from consona.lm import load_language_model
from consona.lm.random_weights import random_twin
from consona.lm.sentence_embedding import embed_each, embed_texts

CAPTIONS = [
    (
        "A dog sleeps under a red chair.",
        "A sleepy dog and a chair",
        "a dog",
        "dog",
        "The chair is red, the dog is not.",
    ),
    ("Two boats on a lake at dawn", "Two boats on a lake at dawn", "  Boats! "),
    ("Somebody cuts a very long loaf of bread into many slices, on a board that lies on a table in a kitchen.",),
]
OLD = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_lasttoken": "lasttoken"}


def captioned(rows) -> Stimuli:
    names = [f"image{i}" for i in range(len(rows))]
    return Stimuli(pd.DataFrame({"text": pd.Series(rows, index=names, dtype=object)}))


@pytest.fixture(scope="module")
def minilm():
    return load_language_model("minilm")


def test_minilm_is_that_of_sentence_transformers_and_means_keep_their_length(minilm):
    peer = SentenceTransformer(str(minilm.source.folder), device="cpu")
    theirs = [peer.encode(list(row), show_progress_bar=False) for row in CAPTIONS]
    found = embed_texts(minilm, captioned(CAPTIONS))
    np.testing.assert_allclose(found.layer(-1), [each.mean(axis=0) for each in theirs], atol=1e-5)
    assert found.attrs["n_distinct"] == 8  # one caption is there twice, and counts twice
    norms = found.data["norm"].values
    np.testing.assert_allclose(norms, np.linalg.norm(found.layer(-1), axis=1), atol=1e-6)
    assert norms[0] < 0.95
    assert norms[2] == pytest.approx(1, abs=1e-6)
    assert (found.attrs["norm_mean"], found.attrs["norm_sd"]) == (norms.mean(), norms.std())

    each = embed_each(minilm, captioned(CAPTIONS))
    assert each.dims == ("stimulus", "caption", "feature")
    for row, vectors in zip(each.values, theirs):
        np.testing.assert_allclose(row[: len(vectors)], vectors, atol=1e-5)
        assert np.isnan(row[len(vectors) :]).all()
    np.testing.assert_array_equal(each["n_texts"], [5, 3, 1])


@pytest.fixture
def folder(tmp_path, make_model, make_tokenizer):
    """``folder(family, modules, **files)``: a sentence-embedding model as its library saves one."""

    def make(family, *, pooling, steps=("Transformer", "Pooling"), **files):
        make_model(family).save_pretrained(tmp_path)
        make_tokenizer().save_pretrained(tmp_path)
        places = [{"Transformer": "", "Pooling": "1_Pooling"}.get(step, f"2_{step}") for step in steps]
        modules = [
            {"idx": i, "name": str(i), "path": place, "type": f"sentence_transformers.models.{step}"}
            for i, (step, place) in enumerate(zip(steps, places))
        ]
        for place in filter(None, places):
            (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / "modules.json").write_text(json.dumps(modules))
        (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **pooling}))
        for name, content in files.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        return tmp_path

    return make


PROMPT = {"prompts": {"query": "she sang "}, "default_prompt_name": "query"}


@pytest.mark.parametrize(
    ("family", "pooling", "steps", "files"),
    [
        ("bert", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, (), {}),
        ("mpnet", {"pooling_mode_mean_tokens": True}, ("Normalize",), {"sentence_bert_config": {"max_seq_length": 8}}),
        ("qwen3", {"pooling_mode": "lasttoken"}, ("Normalize",), {}),  # after its final norm
        ("roberta", {"pooling_mode": "mean"}, (), {"config_sentence_transformers": PROMPT}),
    ],
)
def test_a_model_in_a_folder_is_read_by_its_own_recipe(folder, family, pooling, steps, files, texts):
    place = folder(family, pooling=pooling, steps=("Transformer", "Pooling", *steps), **files)
    lm = load_language_model(str(place))
    peer = SentenceTransformer(str(place), device="cpu")
    found = embed_texts(lm, texts)
    np.testing.assert_allclose(found.layer(-1), peer.encode(texts.texts, show_progress_bar=False), atol=1e-5)
    assert (found.attrs["n_truncated"] > 0) == ("sentence_bert_config" in files)


@pytest.mark.parametrize(
    ("pooling", "steps", "said"),
    [
        ({"pooling_mode": "mean"}, ("Transformer", "Pooling", "Dense"), "Transformer, Pooling, Dense"),
        ({"pooling_mode": "max"}, ("Transformer", "Pooling"), "is max; known is one of mean, cls, lasttoken"),
        (
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            ("Transformer", "Pooling"),
            "cls and mean",
        ),
        ({"pooling_mode": "mean", "include_prompt": False}, ("Transformer", "Pooling"), "mean without its prompt"),
    ],
)
def test_a_step_that_is_not_known_is_refused_by_name(folder, pooling, steps, said, texts):
    lm = load_language_model(str(folder("bert", pooling=pooling, steps=steps)))
    with pytest.raises(ModelError, match=said):
        embed_texts(lm, texts)


def test_another_pooling_is_another_fingerprint(folder):
    one = load_language_model(str(folder("bert", pooling={"pooling_mode": "mean"}))).fingerprint()
    assert load_language_model(str(folder("bert", pooling={"pooling_mode": "cls"}))).fingerprint() != one


def test_a_random_twin_takes_the_recipe_of_its_model(folder, texts, tiny):
    lm = load_language_model(
        str(folder("bert", pooling={"pooling_mode": "mean"}, steps=("Transformer", "Pooling", "Normalize")))
    )
    twin = random_twin(lm, seed=1)
    with pytest.raises(ModelError, match="no modules.json"):
        embed_texts(twin, texts)
    with pytest.raises(ModelError, match="no modules.json"):
        embed_texts(tiny("bert"), texts)
    found = embed_texts(twin, texts, like=lm)
    np.testing.assert_allclose(found.data["norm"], 1, atol=1e-6)
    assert "random weights" in found.attrs["model"]
    assert np.abs(found.layer(-1) - embed_texts(lm, texts).layer(-1)).max() > 0.01


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a dog",), ("a cat", " ")], "'image1' have not"),
        ([("a dog",), ()], "'image1' have not"),
        ([("a dog", "a cat", "n/a")], "image0 text 3"),
    ],
)
def test_an_image_without_a_caption_is_named(minilm, rows, said):
    with pytest.raises(InvalidInput, match=said):
        embed_texts(minilm, captioned(rows))


def test_stimuli_without_texts_are_refused(minilm):
    with pytest.raises(InvalidInput, match="column 'text'"):
        embed_each(minilm, Stimuli(pd.DataFrame({"label": [1]}, index=["a"])))

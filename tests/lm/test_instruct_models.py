"""Wordings fit the tokenizer and the site of the answer, and chat models are asked not to think aloud."""

import pytest

from consona.core.errors import ConfigError, InvalidInput
from consona.core.stimuli import Stimuli
from consona.lm import language_model_of, load_language_model
from consona.lm.answers import answer_log_probabilities
from consona.lm.instruct_models import (
    INSTRUCT_MODELS,
    OTHER_MODELS,
    WORDINGS,
    problem_answers,
    problem_template,
)
from consona.lm.last_token import LastToken
from consona.lm.sites import FAMILIES

KINDS = ("syllogism", "transitive", "propositional", "relational")


def test_the_ten_of_the_paper_have_their_layers():
    assert len(INSTRUCT_MODELS) == 10
    middles = {model.n_layers: model.middle_layers for model in INSTRUCT_MODELS.values()}
    ends = {n: (layers[0], layers[-1]) for n, layers in middles.items()}
    assert ends == {28: (7, 20), 32: (8, 23), 36: (9, 26), 42: (10, 30), 80: (20, 59)}  # section 4.1 of the note
    assert [name for name, model in INSTRUCT_MODELS.items() if model.fused] == ["microsoft/Phi-4-mini-instruct"]
    assert not set(INSTRUCT_MODELS) & set(OTHER_MODELS)
    assert {"qwen2", "qwen3", "mistral", "llama", "phi3", "gemma2"} <= set(FAMILIES)


@pytest.mark.parametrize("wording", WORDINGS)
def test_every_kind_has_a_wording_that_the_answer_continues(wording):
    made = {problem_template(kind, wording) for kind in KINDS}
    assert len(made) == (1 if wording == "bare" else 4)
    for each in made:
        assert each.count("{text}") == 1
        assert each.endswith("False." if wording == "chat" else "Answer:")
    blank = "" if wording == "chat" else " "
    assert problem_answers(wording) == (f"{blank}True", f"{blank}False")


def test_an_unknown_kind_or_wording_is_said():
    with pytest.raises(InvalidInput, match="kind 'riddle'"):
        problem_template("riddle")
    for asked in (lambda: problem_template("syllogism", "polite"), lambda: problem_answers("polite")):
        with pytest.raises(InvalidInput, match="no wording 'polite'"):
            asked()


def test_chat_markup_asks_for_no_thinking(make_model, make_tokenizer):
    tokenizer, texts = make_tokenizer(), Stimuli.of(["the dog sat", "a cat"])
    quiet = "{% if enable_thinking is defined and not enable_thinking %} never{% endif %}"
    tokenizer.chat_template = "he {{ messages[0]['content'] }} she" + quiet
    lm = language_model_of(make_model("gpt2"), tokenizer, chat_template=True)
    plain = language_model_of(make_model("gpt2"), make_tokenizer())
    last = LastToken.of(lm, texts, (" sad", " glad"))
    assert lm.tokenizer.decode(last.caches[0].ids[0]) == "he a cat she never"
    expected = answer_log_probabilities(lm, texts, (" sad", " glad"))
    assert abs(last.answers()[0] - expected).max() < 1e-5
    assert len(plain.tokenizer("he a cat she never").input_ids) == last.caches[0].ids.shape[1] + 2  # no ends twice


def test_a_map_of_devices_changes_no_number(make_model, make_tokenizer, tmp_path):
    make_model("llama").save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    one, mapped = (load_language_model(str(tmp_path), device_map=each) for each in (None, {"": "cpu"}))
    texts = Stimuli.of(["the dog sat", "a cat"])
    assert mapped.fingerprint() == one.fingerprint()
    assert (mapped.capture(texts, site="attn.out").data == one.capture(texts, site="attn.out").data).all()
    half = load_language_model(str(tmp_path), device_map={"": "cpu"}, dtype="bfloat16")
    found = LastToken.of(half, texts, (" sad", " glad")).answers()
    assert (
        abs(found[0] - answer_log_probabilities(half, texts, (" sad", " glad"))).max() < 0.5
    )  # logits of 8 and more are rounded to 1/16
    for options, words in (
        ({"device": "cuda", "device_map": "auto"}, "not both"),
        ({"device_map": "everywhere"}, "no device_map 'everywhere'"),
        ({"device_map": {"": "disk"}}, "Weights on disk"),
    ):
        with pytest.raises(ConfigError, match=words):
            load_language_model(str(tmp_path), **options)

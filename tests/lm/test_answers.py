"""Log probabilities of answers are those of plain passes over the whole string, with and without edits."""

import numpy as np
import pytest
import torch

from consona.core.errors import InvalidInput, ModelError
from consona.core.intervention import AblateNeurons, Steer
from consona.core.stimuli import Stimuli
from consona.lm import load_language_model
from consona.lm.answers import answer_log_probabilities

ANSWERS = (" sad", " glad again", " and he ran slowly")
ASKED = Stimuli.of(["the dog sat in the house", "she sang", "a small tall old new cat"])


def by_hand(lm, prompt, answer, edit=None):
    """Log softmax over the whole string, no cache, a forward hook in the place of an edit."""
    marks = lm.tokenizer(prompt + answer, return_special_tokens_mask=True)
    kept = [token for token, mark in zip(marks.input_ids, marks.special_tokens_mask) if not mark]
    leading = [lm.tokenizer.cls_token_id] if marks.special_tokens_mask[0] else []
    ids, n_answer = [*leading, *kept], len(answer.split())
    hook = None if edit is None else edit(len(ids) - n_answer)
    try:
        with torch.no_grad():
            states = lm.network(torch.tensor([ids]), use_cache=False).last_hidden_state[0]
    finally:
        if hook is not None:
            hook.remove()
    with torch.no_grad():
        probability = torch.log_softmax(lm.head(states).double(), dim=-1)
    return sum(float(probability[i - 1, ids[i]]) for i in range(len(ids) - n_answer, len(ids)))


@pytest.mark.parametrize("family", ["gpt2", "llama", "bloom", "mistral"])
def test_a_shared_prompt_changes_no_log_probability(tiny, family):
    lm = tiny(family)
    found = answer_log_probabilities(lm, ASKED, ANSWERS, template="{text} was")
    expected = [[by_hand(lm, f"{text} was", answer) for answer in ANSWERS] for text in ASKED.texts]
    np.testing.assert_allclose(found, expected, atol=2e-5)  # float32 logits of size 10, summed over four tokens
    assert found["n_tokens"].values.tolist() == [[1, 2, 4]] * 3


@pytest.mark.parametrize("positions", ["all", "prompt", "generated", "last"])
def test_edits_reach_the_rows_they_name(tiny, positions):
    lm = tiny("gpt2")
    edit = AblateNeurons(tuple(range(0, 48, 2)), layer=1, values=(0.5,) * 24, positions=positions)

    def hooked(n_prompt):
        rows = {"all": slice(None), "prompt": slice(n_prompt), "last": slice(n_prompt - 1, n_prompt)}
        where = rows.get(positions, slice(n_prompt, None))

        def set_values(module, args):
            changed = args[0].clone()
            changed[:, where, 0:48:2] = 0.5
            return (changed,)

        return lm.network.h[1].mlp.c_proj.register_forward_pre_hook(set_values)

    found = answer_log_probabilities(lm.edited(edit), ASKED, ANSWERS)
    expected = [[by_hand(lm, text, answer, hooked) for answer in ANSWERS] for text in ASKED.texts]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    intact = answer_log_probabilities(lm, ASKED, ANSWERS)
    differs = np.abs(found - intact).values > 1e-3
    assert differs[:, 2].all()
    assert differs[:, 0].all() == (positions != "generated")  # one token follows from the prompt alone


def test_what_cannot_be_asked_is_said(tiny):
    lm = tiny("gpt2")
    for answers in ([], ["", " sad"], [" sad", " sad"]):
        with pytest.raises(InvalidInput, match="all different"):
            answer_log_probabilities(lm, ASKED, answers)
    with pytest.raises(InvalidInput, match="does not begin with a token"):
        answer_log_probabilities(lm, ASKED, ["ly"])  # "housely" is one word
    with pytest.raises(InvalidInput, match="longer than the 64"):
        answer_log_probabilities(lm, Stimuli.of(["cat " * 63]), ANSWERS)
    with pytest.raises(ModelError, match="no output layer"):
        answer_log_probabilities(tiny("bert"), ASKED, ANSWERS)
    broken = lm.edited(Steer((1.0,) * lm.n_features, 1.0, 3e38, "resid.post", 0))
    with pytest.raises(ModelError, match="undefined"):
        answer_log_probabilities(broken, ASKED, ANSWERS)


@pytest.mark.data
def test_the_storyteller_finds_after_tears_what_it_finds_less_after_a_smile(data_folder):
    lm = load_language_model(str(data_folder / "stories260K" / "hf"))
    prompts = ["Lily lost her toy. She started to cry. She was very", "Tim got a new ball. He smiled and was very"]
    found = answer_log_probabilities(lm, Stimuli.of(prompts), [" sad", " happy"])
    odds = found.sel(answer=" sad") - found.sel(answer=" happy")
    assert odds[0] - odds[1] > 1  # 1.65 measured
    # the chain rule: what the whole string costs beyond the prompt is the answer
    costs = [len(lm.tokenizer(text).input_ids) - 1 for text in (prompts[0], prompts[0] + " sad")]
    mean = lm.surprisal(Stimuli.of([prompts[0], prompts[0] + " sad"]))
    np.testing.assert_allclose(found[0, 0], costs[0] * mean[0] - costs[1] * mean[1], atol=1e-4)

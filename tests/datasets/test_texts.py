"""The texts that come with consona keep what is said about them."""

import re

import numpy as np
import pytest

from consona.core.errors import InvalidInput
from consona.datasets.faced_clips import EMOTIONS
from consona.datasets.texts import (
    load_class_names,
    load_neutral,
    load_nonce,
    load_plots,
    load_rated,
    load_stories,
    seed_sets,
)

# Stems of the class names, their common synonyms, and plain words of good and bad.
EMOTION_STEMS = """
anger angry furious fury rage outrag irate hostil disgust revolt repuls loath nausea fear afraid scare scary fright
terror terrif horror dread panic anxious anxiety sadness sadly sorrow grief griev mourn weep wept tearful depress misery
miserabl despair tragic tragedy unhapp neutral amus funny laugh humour comical comedy joke hilari inspir uplift hopeful
admir heroic heroes joy happy happi delight glad cheer bliss celebrat tender affection loved loves loving lovely warmth
warmly caring gentl touching emotion pleased pleasant pleasure enjoy excit thrill calm terrible awful
wonderful beautiful ugly evil cruel brutal kindness kindly sweet
"""
EMOTION_WHOLE = (
    "mad gross cry cries cried tears fun comic hope hero awe love feel feels feeling feelings felt good bad kind nice "
    "sad warm"
)
EMOTION_WORDS = re.compile(
    rf"\b(?:(?:{'|'.join(EMOTION_STEMS.split())})\w*|(?:{'|'.join(EMOTION_WHOLE.split())})\b)", re.IGNORECASE
)


@pytest.fixture(scope="module")
def minilm():
    """Tokenizer and network of the packaged MiniLM."""
    from transformers import AutoModel, AutoTokenizer

    from consona.lm.sources import resolved

    folder = resolved("minilm", None).folder
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


def embedded(minilm, texts):
    """Mean over the tokens, unit length."""
    import torch

    tokenizer, network = minilm
    order = np.argsort([len(text) for text in texts])  # equal lengths together: less padding
    rows = []
    for some in np.array_split(order, max(1, len(texts) // 32)):
        batch = tokenizer([texts[i] for i in some], padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = network(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        rows.append(((hidden * mask).sum(1) / mask.sum(1)).numpy())
    found = np.concatenate(rows)[np.argsort(order)]
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_every_seed_set_has_nine_seeds_and_the_first_fifty_paraphrases_each():
    assert seed_sets() == (1, 2, 3)
    texts = []
    for number in seed_sets():
        stories = load_stories(number)
        assert list(dict.fromkeys(stories["emotion"])) == list(EMOTIONS)
        for emotion in EMOTIONS:
            kinds = stories["kind"][stories["emotion"] == emotion]
            assert (kinds == "seed").sum() == 1
            assert (kinds == "paraphrase").sum() == (50 if number == 1 else 5)
        texts += stories.texts
    plain = [" ".join(text.lower().split()) for text in texts]
    assert len(set(plain)) == len(plain)
    with pytest.raises(InvalidInput, match="no seed set 4"):
        load_stories(4)


def test_stories_are_short_enough_and_paraphrases_far_enough_from_their_seed(minilm):
    for number in seed_sets():
        stories = load_stories(number)
        lengths = [len(ids) - 2 for ids in minilm[0](stories.texts)["input_ids"]]
        wrong = [name for name, length in zip(stories.ids, lengths, strict=True) if not 5 <= length <= 80]
        assert not wrong, f"not 5 to 80 tokens: {wrong}"
        vectors = embedded(minilm, stories.texts)
        is_seed = stories["kind"] == "seed"
        seeds = dict(zip(stories["emotion"][is_seed], vectors[is_seed], strict=True))
        distance = np.array([1 - v @ seeds[e] for v, e in zip(vectors, stories["emotion"], strict=True)])
        near = stories.ids[~is_seed & (distance < 0.10)].tolist()
        assert not near, f"cosine distance below .10 from the seed: {near}"


def test_plots_have_no_emotion_word_and_no_double():
    plots = load_plots()
    assert len(set(plots.texts)) == 28
    found = {name: EMOTION_WORDS.findall(text) for name, text in zip(plots.ids, plots.texts, strict=True)}
    assert not {name: words for name, words in found.items() if words}
    assert EMOTION_WORDS.search("an angry, loving and tearful man")


def test_control_texts():
    names = load_class_names()
    assert names["emotion"].tolist() == list(EMOTIONS)
    nonce, neutral = load_nonce(), load_neutral()
    assert set(nonce["emotion"]) == set(EMOTIONS)
    assert len(set(np.unique(nonce["emotion"], return_counts=True)[1])) == 1
    for stimuli in (nonce, neutral):
        assert len(set(stimuli.texts)) == len(stimuli)
        words = {name: EMOTION_WORDS.findall(text) for name, text in zip(stimuli.ids, stimuli.texts, strict=True)}
        assert not {name: found for name, found in words.items() if found}


def test_mean_ratings_are_the_printed_ones():
    """Class means as printed beside them in the same source."""
    rated = load_rated()
    means = [rated["rated_valence"][rated["emotion"] == emotion].mean() for emotion in EMOTIONS]
    np.testing.assert_allclose(means, [1.70, 1.64, 1.57, 1.86, 3.18, 4.23, 4.79, 4.37, 4.43], atol=0.0051)
    assert np.corrcoef(rated["rated_valence"], rated["valence_code"])[0, 1] == pytest.approx(0.98, abs=0.005)

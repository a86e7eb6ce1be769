"""A small BERT learns a made-up language, goes on where it was stopped, and is opened like any other model."""

import numpy as np
import pytest
import safetensors.torch

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.lm import load_language_model
from consona.training.gaps import trained_vocabulary
from consona.training.masked_model import load_masked_model
from consona.training.small_bert import SmallBert, gap_loss, small_bert

TINY = SmallBert(n_words=80, n_layers=2, n_heads=2, width=32, n_positions=24, n_steps=140, batch=48, learning_rate=3e-3)
WORDS = ("sun", "moon", "rain", "snow", "wind", "leaf", "rock", "sand")


def language(n, *, planted, seed=0):
    """Texts of six words; with a plant each word follows its neighbour in a circle, so a gap has one filling."""
    rng = np.random.default_rng(seed)
    starts, free = rng.integers(8, size=n), rng.integers(8, size=(n, 6))
    numbers = (starts[:, None] + np.arange(6)) % 8 if planted else free
    return Stimuli.of([" ".join(WORDS[i] for i in row) for row in numbers])


@pytest.mark.parametrize("planted", [True, False])
def test_gaps_are_filled_where_the_rest_says_what_was_there(tmp_path, planted):
    loss = small_bert(tmp_path, language(400, planted=planted), TINY, seed=0).loss.values
    behind_masks = gap_loss(load_masked_model(str(tmp_path)), language(400, planted=planted, seed=1), seed=1)
    assert abs(loss[0] - np.log(80)) < 0.5  # near even over the vocabulary
    if planted:
        assert max(loss[-20:].mean(), behind_masks) < 0.8 * np.log(8)
    else:  # one gap in ten shows its word; of eight words, equally often, no model says more about the others
        assert loss[-20:].mean() > 0.9 * np.log(8)
        assert abs(behind_masks - np.log(8)) < 0.05


def test_a_stopped_training_ends_with_the_same_weights(tmp_path):
    texts, short = language(60, planted=True), SmallBert(**{**vars(TINY), "n_steps": 12})

    def stopped(step, loss):
        if step == 7:
            raise KeyboardInterrupt

    whole = small_bert(tmp_path / "whole", texts, short, seed=1)
    with pytest.raises(KeyboardInterrupt):
        small_bert(tmp_path / "parts", texts, short, seed=1, every=5, progress=stopped)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    steps = []
    parts = small_bert(tmp_path / "parts", texts, short, seed=1, progress=lambda step, loss: steps.append(step))
    assert steps == list(range(5, 12))
    assert parts.identical(whole)
    ends = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert ends[0] == ends[1]
    small_bert(tmp_path / "parts", texts, short, seed=1, progress=lambda step, loss: pytest.fail("trained again"))
    with pytest.raises(InvalidInput, match="another seed"):
        small_bert(tmp_path / "parts", texts, short, seed=2)


def test_the_folder_is_opened_like_any_model(tmp_path):
    small_bert(tmp_path, language(40, planted=True), SmallBert(**{**vars(TINY), "n_steps": 1}), seed=0)
    lm, masked = load_language_model(str(tmp_path)), load_masked_model(str(tmp_path))
    assert (lm.family.name, lm.n_layers, lm.n_features, lm.max_tokens) == ("bert", 2, 32, 24)
    assert lm.fingerprint() == masked.fingerprint()
    weights = safetensors.torch.load((tmp_path / "model.safetensors").read_bytes())
    np.testing.assert_array_equal(
        masked.lm.network.get_input_embeddings().weight.detach(), weights["bert.embeddings.word_embeddings.weight"]
    )
    np.testing.assert_array_equal(masked.head.predictions.decoder.weight.detach(),
                                  weights["bert.embeddings.word_embeddings.weight"])  # fmt: skip
    ids = lm.tokenizer("sun moon [MASK]").input_ids
    assert [lm.tokenizer.convert_ids_to_tokens(i) for i in ids] == ["[CLS]", "sun", "moon", "[MASK]", "[SEP]"]


def test_a_vocabulary_belongs_to_its_texts():
    texts = [" ".join(WORDS), "Snowy, sandy: RAINY!"] * 3
    assert trained_vocabulary(texts, 90).to_str() == trained_vocabulary(texts, 90).to_str()
    assert trained_vocabulary(texts, 90).encode("Snow sand").tokens == ["[CLS]", "snow", "sand", "[SEP]"]


@pytest.mark.parametrize("wrong", [{"n_layers": 0}, {"n_heads": 5}, {"n_words": 5}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(InvalidInput, match="n_heads divides width"):
        SmallBert(**wrong)

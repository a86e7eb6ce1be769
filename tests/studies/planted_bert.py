"""A small BERT whose neurons are planted: which of them follow people's attributes, and which of them carry its output.

Every word of one emotion alone points where that emotion points; attention hands that direction to all tokens of a
text. Neurons read scores of emotions from it: of people's attributes, or of made-up ones. Those that carry write to
features of their own, beside which the last norm keeps nothing, so that emotions are told by what neurons wrote.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from consona.datasets.emotion_concepts import attribute_scores
from consona.datasets.emotion_twins import EMOTIONS, LEADS, emotion_concepts_twin
from consona.datasets.text_twins import sentiment_twin
from consona.datasets.twin_clauses import COMMENTS, ENDINGS, OPENINGS
from consona.datasets.word_classes import load_word_classes
from consona.studies.emotion_neurons.material import PROMPTS

WIDTH, N_LAYERS, N_NEURONS, N_FAMILY = 64, 2, 300, 20
MARK, BALANCE = 27, 45  # the feature of words that mark an emotion, and the one that makes every sum zero
NOISE, OUTPUT = slice(28, BALANCE), slice(BALANCE + 1, WIDTH)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
REST = 3.0  # what a neuron gives without any input: there GELU is a straight line
TOKEN_GAIN = 4.8  # size of an emotion's direction in the tokens of a comment, after attention


@dataclass(frozen=True)
class Plant:
    """``carried``: whether neurons of people's attributes write to the output, or those of made-up scores."""

    carried: bool
    noise: float = 20.0
    seed: int = 0


def write_planted_bert(folder: Path, plant: Plant) -> Path:
    """A folder that a language model is loaded from."""
    rng = np.random.default_rng(plant.seed)
    vocabulary = _vocabulary()
    _tokenizer(list(vocabulary)).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=1,
        intermediate_size=N_NEURONS,
        max_position_embeddings=96,
    )
    network = BertModel(config).eval()
    with torch.no_grad():
        for name, each in network.named_parameters():
            each.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        _put(network.embeddings.word_embeddings.weight, _embeddings(vocabulary, rng))
        _attend(network.encoder.layer[0].attention)
        kept = np.zeros(WIDTH)
        kept[OUTPUT] = 1.0
        _put(network.encoder.layer[-1].output.LayerNorm.weight, kept)
        reads, writes = _neurons(plant, rng)
        for layer, rows in enumerate(rng.permutation(N_LAYERS * N_NEURONS).reshape(N_LAYERS, N_NEURONS)):
            block = network.encoder.layer[layer]
            _put(block.intermediate.dense.weight, reads[rows])
            block.intermediate.dense.bias.fill_(REST)
            _put(block.output.dense.weight, writes[rows].T)
    network.save_pretrained(folder)
    return folder


def _words(text: str) -> list[str]:
    splitter = pre_tokenizers.Whitespace()
    return [word for word, _ in splitter.pre_tokenize_str(text.lower())]


def _vocabulary() -> dict[str, str]:
    """Every word with the emotion that it marks: its name, or the only one whose clauses hold it."""
    where: dict[str, set[str]] = {}
    for name, clauses in COMMENTS.items():
        for word in _words(" ".join(clauses)):
            where.setdefault(word, set()).add(name)
    plain = " ".join([*OPENINGS, *ENDINGS, *LEADS, *PROMPTS])
    for text in (plain, *sentiment_twin(seed=0).stimuli.texts, *load_word_classes().texts):
        for word in _words(text):
            where.setdefault(word, set()).add("")
    marks = {word: min(names) if len(names) == 1 else "" for word, names in sorted(where.items())}
    return dict.fromkeys(SPECIAL, "") | marks | {name: name for name in EMOTIONS}


def _tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    ends = [(name, words.index(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=96, **names)


def _embeddings(vocabulary: dict[str, str], rng: np.random.Generator) -> np.ndarray:
    rows = np.zeros((len(vocabulary), WIDTH))
    rows[:, NOISE] = 0.5 * rng.standard_normal((len(rows), BALANCE - MARK - 1))
    for row, emotion in zip(rows, vocabulary.values(), strict=True):
        if emotion in EMOTIONS:
            row[[EMOTIONS.index(emotion), MARK]] = 2.0
    rows[:, BALANCE] = -rows.sum(axis=1)  # the norms find a mean of zero
    return rows


def _attend(attention: torch.nn.Module) -> None:
    """All tokens look at the words that mark an emotion, and take over its direction."""
    own, out = attention.self, attention.output.dense.weight
    own.query.bias[0] = 26.0
    own.key.weight[0, MARK] = 1.0
    emotions = torch.arange(len(EMOTIONS))
    own.value.weight[emotions, emotions] = 1.0
    out[emotions, emotions] = 3.0
    out[BALANCE, : len(EMOTIONS)] = -3.0


def _neurons(plant: Plant, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What every neuron reads and writes, ``(neuron, feature)``: half are of attributes, half of made-up scores."""
    twin = emotion_concepts_twin(plant="link", seed=plant.seed)
    scores = attribute_scores(twin, EMOTIONS).transpose("attribute", "emotion").values
    gains = np.array([*twin.truth["weights"].values()])
    made_up = rng.uniform(size=scores.shape)
    channels = _channels(len(scores), rng)
    n_noise = N_LAYERS * N_NEURONS - 2 * len(scores) * N_FAMILY
    reads, writes = (np.zeros((N_LAYERS * N_NEURONS, WIDTH)) for _ in range(2))
    signs = np.tile([1.0, -1.0], N_FAMILY // 2)  # opposite pairs, so that what they give at rest cancels
    row = 0
    for table, carries in ((scores, plant.carried), (made_up, not plant.carried)):
        for score, gain, channel in zip(table, gains, channels, strict=True):
            family = slice(row, row + N_FAMILY)
            each = score - score.mean() + 0.05 * rng.standard_normal((N_FAMILY, len(EMOTIONS)))
            reads[family, : len(EMOTIONS)] = signs[:, None] * 2 * each / TOKEN_GAIN
            writes[family] = carries * gain * signs[:, None] * channel / N_FAMILY
            row += N_FAMILY
    codes = rng.standard_normal((n_noise // 2, BALANCE - MARK - 1))
    reads[row:, NOISE] = 0.15 * np.repeat(codes, 2, axis=0) * np.tile([1.0, -1.0], n_noise // 2)[:, None]
    mixed = rng.standard_normal((n_noise // 2, len(channels))) @ channels / n_noise
    writes[row:] = plant.noise * np.repeat(mixed, 2, axis=0) * np.tile([1.0, -1.0], n_noise // 2)[:, None]
    return reads, writes


def _channels(n: int, rng: np.random.Generator) -> np.ndarray:
    """Orthogonal directions of the output features, each of sum zero, ``(n, feature)``."""
    size = OUTPUT.stop - OUTPUT.start
    drawn = rng.standard_normal((size, n))
    basis, _ = np.linalg.qr(drawn - drawn.mean(axis=0))
    rows = np.zeros((n, WIDTH))
    rows[:, OUTPUT] = basis.T
    return rows


def _put(parameter: torch.Tensor, values: np.ndarray) -> None:
    parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))

"""A small sentence-embedding model: the words of MiniLM in fewer numbers, and one layer of random weights."""

import shutil
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from consona.lm.loading import load_language_model

WIDTH = 48
RECIPE = ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json")


def write_small_sentence_model(folder: Path) -> Path:
    """A folder that a language model is loaded from, with the tokenizer and the recipe of MiniLM."""
    whole = load_language_model("minilm")
    words = whole.network.get_input_embeddings().weight.detach()
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = BertModel(config).eval()
    with torch.no_grad():
        # the directions in which words differ most, so that what is alike in meaning stays alike
        words = words - words.mean(0)
        axes = torch.linalg.eigh(words.T @ words).eigenvectors[:, -WIDTH:]
        network.embeddings.word_embeddings.weight.copy_(words @ axes)
    network.save_pretrained(folder)
    whole.tokenizer.save_pretrained(folder)
    for name in RECIPE:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(Path(whole.source.folder) / name, folder / name)
    return folder

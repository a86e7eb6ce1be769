"""Random two-block models of every family, and a tokenizer that knows a few dozen words."""

from functools import cache

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedTokenizerFast

from consona.core.stimuli import Stimuli
from consona.lm import language_model_of
from consona.lm.sites import FAMILIES

TEXT = (
    "the a cat dog child house river night sun song sad glad small tall old new ran sat sang saw and but under over of "
    "in with to was is it he she they home slowly again never 😀 שלום"
)
WORDS = TEXT.split()
SPECIAL = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]  # padding is token 1, as in RoBERTa and MPNet
N_WORDS = 64

SHARED = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": N_WORDS, "pad_token_id": 1}
ENCODER = {**SHARED, "intermediate_size": 48, "max_position_embeddings": 64}
GATED = {**ENCODER, "num_key_value_heads": 2, "head_dim": 8}
WINDOW = {"sliding_window": 24, "layer_types": ["sliding_attention", "full_attention"]}
CONFIGS: dict[str, dict[str, object]] = {
    "bert": ENCODER,
    "roberta": {**ENCODER, "type_vocab_size": 2},
    "mpnet": ENCODER,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": N_WORDS, "n_positions": 64},
    "gpt_neox": ENCODER,
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": N_WORDS},
    "phi": ENCODER,
    "phi3": {**ENCODER, "num_key_value_heads": 2},
    "llama": GATED,
    "mistral": {**GATED, "sliding_window": 24},
    "qwen2": GATED,
    "qwen3": GATED,
    "gemma2": {**GATED, **WINDOW, "query_pre_attn_scalar": 8},
    "gemma3_text": {**GATED, **WINDOW, "query_pre_attn_scalar": 8},
    "gemma4_text": {
        **GATED,
        **WINDOW,
        "num_global_key_value_heads": 2,
        "global_head_dim": 8,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": N_WORDS,
        "num_kv_shared_layers": 0,
    },
    "llama4_text": {
        **GATED,
        "intermediate_size_mlp": 48,
        "num_local_experts": 2,
        "num_experts_per_tok": 1,
        "moe_layers": [1],
        "attention_chunk_size": 24,
        "no_rope_layers": [1, 0],
    },
}


def tiny_model(family: str, **changes):
    """A random model with weights large enough that an error of attention shows."""
    torch.manual_seed(7)
    # token numbers of the full vocabularies would lie outside this one
    ends = {"bos_token_id": 0, "eos_token_id": 2}
    config = AutoConfig.for_model(family, **{**CONFIGS[family], "initializer_range": 0.2, **ends, **changes})
    kind = AutoModelForCausalLM if FAMILIES[family].causal else AutoModel
    return kind.from_config(config).eval()


def tiny_tokenizer():
    """One token per word, with a start token before and an end token behind the text."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


@pytest.fixture(scope="session")
def make_model():
    """``make_model(family, **configuration)``: a transformers model."""
    return tiny_model


@pytest.fixture(scope="session")
def make_tokenizer():
    """``make_tokenizer()``."""
    return tiny_tokenizer


@pytest.fixture(scope="session")
def tiny():
    """``tiny(family)``: a language model, made and tested once."""
    return cache(lambda family: language_model_of(tiny_model(family), tiny_tokenizer()))


@pytest.fixture(scope="session")
def texts():
    """Eleven texts of 1 to 20 words, with an emoji and a word that is read from right to left."""
    words = [word for word in WORDS if word != "never"]
    rng = np.random.default_rng(3)
    lengths = (4, 1, 9, 9, 20, 2, 4, 13, 9, 6)
    drawn = [" ".join(rng.choice(words, n).tolist()) for n in lengths]
    return Stimuli.of([*drawn, "the 😀 sang שלום slowly"])

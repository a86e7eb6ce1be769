"""A small causal transformer that learns to answer questions about premises, from nothing: minutes on two cores."""

import hashlib
import json
import math
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import xarray as xr
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.training.training_state import TrainingState, save_model

__all__ = ["ANSWERS", "Exercise", "SmallReasoner", "small_reasoner"]

ANSWERS = (" True", " False")
"""What the model is taught to answer; both are one token of its vocabulary."""
PAD, UNKNOWN = "[PAD]", "[UNK]"
_IGNORED = -100
_WARM, _CLIP = 100, 1.0
_SPREAD = 0.5  # of the weights, times width ** -.5; see small_bert


class Exercise(NamedTuple):
    """Premises as one text, and questions about them: what the prompt of each ends with, and whether it is true."""

    premises: str
    questions: tuple[tuple[str, bool], ...]


Draw = Callable[[random.Random, float], Exercise]
Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class SmallReasoner:
    """Size and training of a small reasoner in the form of Llama.

    Parameters
    ----------
    n_layers, n_heads, width
        Blocks, heads of attention, features of the residual stream; the MLP has four times as many neurons.
    n_positions
        The longest text.
    n_steps, batch
        Steps of AdamW; exercises of a step.
    learning_rate, weight_decay
        The rate rises over 100 steps and falls along half a cosine to a twentieth.
    language_weight
        Of the loss of all tokens that are no answers, beside the loss of the answers.

    Raises
    ------
    InvalidInput
        When a count is below 1, or the heads do not divide the width.
    """

    n_layers: int = 3
    n_heads: int = 4
    width: int = 64
    n_positions: int = 256
    n_steps: int = 6000
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    language_weight: float = 0.3

    def __post_init__(self) -> None:
        """Counts and rates in their ranges."""
        facts = asdict(self)
        small = [name for name, value in facts.items() if isinstance(value, int) and value < 1]
        if small or self.width % self.n_heads or min(self.learning_rate, self.weight_decay, self.language_weight) < 0:
            raise InvalidInput(
                f"Counts are at least 1, rates and weights at least 0, and the heads divide the width; found {facts}."
            )

    def to_json(self) -> str:
        """One line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))


def small_reasoner(
    folder: str | os.PathLike[str],
    draw: Draw,
    words: Sequence[str],
    recipe: SmallReasoner,
    *,
    seed: int,
    every: int = 500,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Train a causal model on exercises and save it where ``load_language_model(folder)`` opens it.

    An exercise is read as one text, ``premises question answer question answer …``; the loss counts the answers, and
    all other tokens with ``language_weight``. Exercises of a step belong to the seed and the number of the step, and
    the state is written every so many steps: a training that was stopped goes on, and ends with the same weights as one
    that was not (on the same machine and number of threads). A training that is complete is not repeated.

    Parameters
    ----------
    folder
        Gets ``config.json``, ``model.safetensors`` and the tokenizer, and the state in ``training/``.
    draw
        One exercise from a generator and the share of the training that is done, 0 to 1: lessons may become harder.
    words
        All words that exercises use; " True" and " False" are added. Other words are read as unknown.
    recipe, seed
        What is trained.
    every
        Steps between two states on disk.
    progress
        Called with the number of the step and its loss of answers, in nats.

    Returns
    -------
    xr.Dataset
        ``loss`` (step) of the answers, in nats; attributes ``n_weights``, ``n_words``, ``recipe``, ``seed``.

    Raises
    ------
    InvalidInput
        When an exercise is too long or uses other words, none has a question, or the folder holds another training.
    """
    place, tokenizer = Path(folder), _tokenizer(words)
    key = json.dumps([list(words), recipe.to_json(), seed])
    state = TrainingState(place / "training" / "state.safetensors", hashlib.sha256(key.encode()).hexdigest())
    model = _untrained(recipe, tokenizer.get_vocab_size(), seed)
    decay, betas = recipe.weight_decay, (0.9, 0.98)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=decay, betas=betas)
    losses = state.restored(model, optimiser)
    for step in range(len(losses), recipe.n_steps):
        rng, done = random.Random(f"{seed} {step}"), step / recipe.n_steps
        exercises = [draw(rng, done) for _ in range(recipe.batch)]
        ids, answers = _rows(exercises, tokenizer, recipe.n_positions)
        losses.append(_step(model, optimiser, (ids, answers), recipe, step))
        if progress is not None:
            progress(step, losses[-1])
        if (step + 1) % every == 0 or step + 1 == recipe.n_steps:
            state.write(model, optimiser, losses)
    save_model(place, model, tokenizer, {"pad_token": PAD, "unk_token": UNKNOWN})
    sizes = {"n_weights": model.num_parameters(), "n_words": tokenizer.get_vocab_size()}
    facts = {**sizes, "recipe": recipe.to_json(), "seed": seed}
    return xr.Dataset({"loss": ("step", np.array(losses))}, {"step": np.arange(len(losses))}, attrs=facts)


def _tokenizer(words: Sequence[str]) -> Tokenizer:
    """One token per word and mark."""
    known = dict.fromkeys([PAD, UNKNOWN, ".", ",", ":", *(each.strip() for each in ANSWERS), "Answer", *words])
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(known)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def _untrained(recipe: SmallReasoner, n_words: int, seed: int) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=n_words,
        hidden_size=recipe.width,
        intermediate_size=4 * recipe.width,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        num_key_value_heads=recipe.n_heads,
        max_position_embeddings=recipe.n_positions,
        initializer_range=_SPREAD / math.sqrt(recipe.width),
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).train()


def _rows(exercises: Sequence[Exercise], tokenizer: Tokenizer, n_positions: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids ``(n_exercises, width)``, and the wanted answer behind every position where one is due."""
    if not any(each.questions for each in exercises):
        raise InvalidInput("None of the exercises of a step has a question, so no answer can be learnt. Give some.")
    texts = ["".join([e.premises, *(q + ANSWERS[not true] for q, true in e.questions)]) for e in exercises]
    encoded = [each.ids for each in tokenizer.encode_batch(texts)]
    width, unknown = max(map(len, encoded)), tokenizer.token_to_id(UNKNOWN)
    wrong = [text for text, row in zip(texts, encoded) if len(row) > n_positions or unknown in row]
    if wrong:
        raise InvalidInput(
            f"Exercises are at most {n_positions} tokens of the given words; not so: {listed(wrong, 2)}. Shorten them, "
            "or give all words."
        )
    ids = torch.zeros(len(encoded), width, dtype=torch.long)
    for row, each in zip(ids, encoded):
        row[: len(each)] = torch.tensor(each)
    due = torch.isin(ids, torch.tensor([tokenizer.token_to_id(each.strip()) for each in ANSWERS]))
    wanted = torch.full_like(ids, _IGNORED)
    wanted[:, :-1] = ids[:, 1:].masked_fill(~due[:, 1:], _IGNORED)
    return ids, wanted


def _step(
    model: LlamaForCausalLM,
    optimiser: torch.optim.Optimizer,
    rows: tuple[torch.Tensor, torch.Tensor],
    recipe: SmallReasoner,
    step: int,
) -> float:
    """One step of the optimiser; its loss of the answers before the step."""
    ids, wanted = rows
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate * _share_of_rate(step, recipe.n_steps)
    logits = model(input_ids=ids, use_cache=False).logits
    due = wanted != _IGNORED
    answers = F.cross_entropy(logits[due], wanted[due])
    others = ids[:, 1:].masked_fill((ids[:, 1:] == 0) | due[:, :-1], _IGNORED)
    language = F.cross_entropy(logits[:, :-1].flatten(0, 1), others.flatten(), ignore_index=_IGNORED)
    optimiser.zero_grad(set_to_none=True)
    (answers + recipe.language_weight * language).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
    optimiser.step()
    return float(answers.detach())


def _share_of_rate(step: int, n_steps: int) -> float:
    return min(1.0, (step + 1) / _WARM) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / n_steps)))

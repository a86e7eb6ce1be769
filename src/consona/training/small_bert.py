"""A small BERT with its own vocabulary, trained from nothing to fill gaps in texts: minutes on two cores."""

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import xarray as xr
from transformers import BertConfig, BertForMaskedLM

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.lm.packing import Layout, planned
from consona.lm.tokens import Wording, tokenised
from consona.training.gaps import IGNORED, PAD, SPECIAL, GapCorpus, gapped, hidden, trained_vocabulary
from consona.training.masked_model import MaskedModel
from consona.training.training_state import TrainingState, save_model

__all__ = ["SmallBert", "gap_loss", "small_bert"]

Progress = Callable[[int, float], None]
_WARM, _CLIP = 0.06, 1.0
# Weights of SD .02, as in wide models, leave a narrow one at the frequencies of the words for long (tried on a made-up
# language: cross-entropy 1.5 after 200 steps, and 0.8 with this).
_SPREAD = 0.5


@dataclass(frozen=True)
class SmallBert:
    """Size and training of a small BERT.

    Parameters
    ----------
    n_words
        Pieces of the vocabulary, at most; 0 to 4 are padding, unknown, start, end and mask.
    n_layers, n_heads, width
        Blocks, heads of attention, features of the residual stream; the MLP has four times as many neurons.
    n_positions
        The longest text with its prompt. Half of the training texts begin at a position drawn anew for every step, so
        that all positions are learnt, also those where a text stands behind a prompt.
    n_steps, batch
        Steps of AdamW; texts of a step.
    learning_rate, weight_decay
        The rate rises over the first 6 % of the steps and falls to 0 along half a cosine.

    Raises
    ------
    InvalidInput
        When a count is below 1, or the heads do not divide the width.
    """

    n_words: int = 8192
    n_layers: int = 3
    n_heads: int = 3
    width: int = 192
    n_positions: int = 160
    n_steps: int = 1500
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        """Counts are counts."""
        small = [name for name, value in asdict(self).items() if isinstance(value, int) and value < 1]
        if small or self.width % self.n_heads or self.n_words <= len(SPECIAL):
            raise InvalidInput(
                f"Counts are at least 1 (found below: {', '.join(small) or 'none'}), n_heads divides width "
                f"({self.n_heads}, {self.width}), and n_words is above {len(SPECIAL)}. Give others."
            )

    def to_json(self) -> str:
        """One line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))


def small_bert(
    folder: str | os.PathLike[str],
    stimuli: Stimuli,
    recipe: SmallBert,
    *,
    seed: int,
    every: int = 500,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Train a masked language model on texts and save it where ``load_language_model(folder)`` opens it.

    Every step's texts and gaps belong to the seed and the number of the step, there is no dropout, and the state is
    written every so many steps: a training that was stopped goes on, and ends with the same weights as one that was
    not (on the same machine and number of threads). A training that is complete is not repeated.

    Parameters
    ----------
    folder
        Gets ``config.json``, ``model.safetensors`` and the tokenizer, and the state in ``training/``.
    stimuli
        With the column ``text``.
    recipe, seed
        What is trained.
    every
        Steps between two states on disk.
    progress
        Called with the number of the step and its loss, in nats per gap.

    Returns
    -------
    xr.Dataset
        ``loss`` (step), in nats per gap; attributes ``n_weights``, ``n_words``, ``n_tokens`` (of the texts).

    Raises
    ------
    InvalidInput
        When the folder holds a training of other texts, another recipe or another seed.
    """
    place, texts = Path(folder), stimuli.texts
    tokenizer = trained_vocabulary(texts, recipe.n_words)
    ids = [np.asarray(each.ids[: recipe.n_positions], dtype=np.int64) for each in tokenizer.encode_batch(texts)]
    state = TrainingState(place / "training" / "state.safetensors", _key(texts, recipe, seed))
    n_words, corpus = tokenizer.get_vocab_size(), GapCorpus(ids, recipe.batch, recipe.n_positions, seed)
    model = _untrained(recipe, n_words, seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    losses = state.restored(model, optimiser)
    for step in range(len(losses), recipe.n_steps):
        rows, places = corpus.batch(step)
        shown, wanted = gapped(rows, n_words, seed, step)
        losses.append(_step(model, optimiser, (shown, torch.from_numpy(places), wanted), _rate(recipe, step)))
        if progress is not None:
            progress(step, losses[-1])
        if (step + 1) % every == 0 or step + 1 == recipe.n_steps:
            state.write(model, optimiser, losses)
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    save_model(place, model, tokenizer, dict(zip(names, SPECIAL)))
    facts = {
        "n_weights": model.num_parameters(),
        "n_words": n_words,
        "n_tokens": int(sum(map(len, ids))),
        "recipe": recipe.to_json(),
        "seed": seed,
    }
    return xr.Dataset({"loss": ("step", np.array(losses))}, {"step": np.arange(len(losses))}, attrs=facts)


def gap_loss(model: MaskedModel, stimuli: Stimuli, *, seed: int) -> float:
    """Mean cross-entropy, in nats, of the words behind a mask: 15 % of every text's words, all shown as the mask.

    The words are those that the model's own tokenizer makes. A model that knows how often words occur and nothing
    else has the entropy of their frequencies.
    """
    lm, total, n_gaps = model.lm, 0.0, 0
    ids = tokenised(lm.tokenizer, stimuli, Wording(), lm.max_tokens, spans=False).ids
    special = np.array(lm.tokenizer.all_special_ids)
    for batch in planned(ids, Layout(packed=False), lm.pad):
        words = ~np.isin(batch.ids.numpy(), special) & (batch.mask.numpy() > 0)
        gap = torch.from_numpy(hidden(words, np.random.default_rng((seed, int(batch.members[0])))))
        shown = replace(batch, ids=torch.where(gap, model.mask, batch.ids))
        with torch.no_grad():
            logits = model.head(lm.machine.run(shown)[gap.to(lm.network.device)]).float()
            total += float(F.cross_entropy(logits, batch.ids[gap].to(logits.device), reduction="sum"))
        n_gaps += int(gap.sum())
    return total / n_gaps


def _key(texts: Sequence[str], recipe: SmallBert, seed: int) -> str:
    """What a training is, as a hash."""
    return hashlib.sha256(json.dumps([list(texts), recipe.to_json(), seed]).encode()).hexdigest()


def _untrained(recipe: SmallBert, n_words: int, seed: int) -> BertForMaskedLM:
    config = BertConfig(
        vocab_size=n_words,
        hidden_size=recipe.width,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        intermediate_size=4 * recipe.width,
        max_position_embeddings=recipe.n_positions,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=_SPREAD / math.sqrt(recipe.width),
        pad_token_id=PAD,
        architectures=["BertForMaskedLM"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForMaskedLM(config).train()


def _gap_loss(model: BertForMaskedLM, shown: torch.Tensor, places: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over the gaps, in nats; only there are logits made."""
    states = model.bert(input_ids=shown, position_ids=places, attention_mask=(shown != PAD).long()).last_hidden_state
    gap = wanted != IGNORED
    return F.cross_entropy(model.cls(states[gap]), wanted[gap])


def _rate(recipe: SmallBert, step: int) -> float:
    warm = max(int(_WARM * recipe.n_steps), 1)
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(recipe.n_steps - warm, 1)))


def _step(
    model: BertForMaskedLM, optimiser: torch.optim.Optimizer, given: tuple[torch.Tensor, ...], rate: float
) -> float:
    """One step of the optimiser; its loss before the step."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss = _gap_loss(model, *given)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
    optimiser.step()
    return float(loss.detach())

"""A masked language model with the layer that fills gaps, and its pass with a soft prompt before the text."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn
from transformers import AutoModelForMaskedLM, PreTrainedModel, PreTrainedTokenizerFast

from consona.core.errors import InvalidInput, ModelError
from consona.core.intervention import Intervention
from consona.lm.hooks import Rows, Tap, attached, edit_taps, text_key
from consona.lm.loading import language_model_of, load_language_model, quiet_transformers
from consona.lm.model import LanguageModel
from consona.lm.packing import Batch
from consona.lm.sites import text_network
from consona.lm.sources import Source

__all__ = [
    "MaskedModel", "Order", "Positions", "Prefix", "frozen", "load_masked_model", "masked_model_of", "require_room",
]  # fmt: skip

Order = Literal["mask first", "prompt first"]
Positions = Literal["model", "paper"]

_HEADS = ("cls", "lm_head")  # BERT; RoBERTa and MPNet
_MAY_LACK = ("decoder", "pooler", "position_ids")  # tied to the embeddings, or not used


@dataclass(frozen=True)
class Prefix:
    """What stands before a text: prompt vectors ``(n_tokens, n_features)`` and the mask, and how places are counted."""

    vectors: torch.Tensor
    order: Order = "mask first"
    positions: Positions = "model"

    @property
    def mask_place(self) -> int:
        """Where the mask is: first of all, or behind the prompt."""
        return 0 if self.order == "mask first" else len(self.vectors)


@dataclass(frozen=True, eq=False)
class MaskedModel:
    """A text model and the head that turns its states into logits; made by :func:`load_masked_model`.

    Parameters
    ----------
    lm
        The text model as a value: tokenizer, family, origin, edits.
    head
        ``(…, n_features)`` to ``(…, n_words)``.
    """

    lm: LanguageModel
    head: nn.Module

    def __post_init__(self) -> None:
        """There is a token for gaps."""
        if not isinstance(self.lm.tokenizer.mask_token_id, int):
            raise ModelError(f"The tokenizer of '{self.lm.source.name}' has no mask token. Take a masked model.")

    @property
    def mask(self) -> int:
        """The token of a gap."""
        return int(self.lm.tokenizer.mask_token_id)

    def fingerprint(self) -> str | None:
        """Of the model without its edits; None when the origin of the weights is unknown."""
        return replace(self.lm, edits=()).fingerprint()

    def edited(self, *interventions: Intervention) -> "MaskedModel":
        """The model with these interventions as well; the weights are shared.

        Raises
        ------
        InvalidInput
            When a site or layer does not exist, or an edit has another width than its site.
        """
        return replace(self, lm=self.lm.edited(*interventions))

    def embedding(self, tokens: torch.Tensor) -> torch.Tensor:
        """Word embeddings of token ids, before positions are added: ``(…)`` to ``(…, n_features)``."""
        embedded: torch.Tensor = self.lm.network.get_input_embeddings()(tokens.to(self.lm.network.device))
        return embedded

    def mask_logits(self, batch: Batch, prefix: Prefix, taps: Sequence[Tap] = ()) -> torch.Tensor:
        """Logits of all words at the mask, ``(n_texts, n_words)``, float32; gradients reach the prompt vectors.

        The edits of the model are carried out. Positions of an edit count from the first vector of the row: with the
        mask first, 0 is the mask, 1 to ``n_tokens`` the prompt, and the text follows. All rows belong to the prompt of
        the model, none is generated.
        """
        lm = self.lm
        edits = edit_taps(lm.network, lm.family, lm.edits, _rows(batch, len(prefix.vectors))) if lm.edits else []
        with attached([*edits, *taps]):
            states = lm.network(**self._inputs(batch, prefix)).last_hidden_state
        logits: torch.Tensor = self.head(states[:, prefix.mask_place]).float()
        return logits

    def _inputs(self, batch: Batch, prefix: Prefix) -> dict[str, torch.Tensor]:
        """Arguments of a pass: embeddings of mask, prompt and text, places, and which rows are real."""
        n_texts, n_before = len(batch.ids), len(prefix.vectors) + 1
        device, text = self.lm.network.device, self.embedding(batch.ids)
        mask, prompt = self.embedding(torch.tensor([self.mask])), prefix.vectors.to(text)
        before = torch.cat([mask, prompt] if prefix.order == "mask first" else [prompt, mask])
        embedded = torch.cat([before.expand(n_texts, -1, -1), text], dim=1)
        real = torch.cat([torch.ones(n_texts, n_before, dtype=torch.long), batch.mask], dim=1)
        first = self.lm.machine.first_position if prefix.positions == "model" else 0
        places = torch.arange(first, first + embedded.shape[1]).expand(n_texts, -1)
        made = {"inputs_embeds": embedded, "attention_mask": real.to(device), "position_ids": places.to(device)}
        if self.lm.family.token_types:
            made["token_type_ids"] = torch.zeros_like(made["position_ids"])
        return made


def _rows(batch: Batch, n_tokens: int) -> Rows:
    """What the rows of a prompted pass are: every text with mask and prompt before it, padded to the longest."""
    n_texts, width = batch.ids.shape
    length = n_tokens + 1 + width
    keys = [text_key(row[:n].numpy()) for row, n in zip(batch.ids, batch.lengths.tolist())]
    ends = batch.lengths + n_tokens + 1
    position = torch.arange(length).repeat(n_texts)
    return Rows(position, ends.repeat_interleave(length), torch.tensor(keys).repeat_interleave(length))


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """No weight of these modules collects a gradient inside the ``with``; afterwards they are as they were."""
    weights = [weight for module in modules for weight in module.parameters() if weight.requires_grad]
    try:
        for weight in weights:
            weight.requires_grad_(False)
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)


def load_masked_model(
    name: str, *, revision: str | None = None, dtype: str = "float32", device: str = "cpu"
) -> MaskedModel:
    """Load a masked language model (BERT, RoBERTa, MPNet) with its head.

    Parameters
    ----------
    name, revision, dtype, device
        As for :func:`consona.lm.loading.load_language_model`, which tests the text model.

    Raises
    ------
    ModelError
        When the model is causal, its weights hold no head, or the loader of language models refuses it.
    """
    lm = load_language_model(name, revision=revision, dtype=dtype, device=device)
    _require_encoder(lm)
    with quiet_transformers():
        loaded: Any = AutoModelForMaskedLM.from_pretrained(
            lm.source.folder,
            dtype=getattr(torch, dtype),
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    model, info = loaded
    missing = sorted(key for key in info["missing_keys"] if not any(part in key for part in _MAY_LACK))
    if missing:
        raise ModelError(
            f"'{lm.source.name}' holds no trained layer that fills gaps: {', '.join(missing[:3])} would be random. "
            "Take a checkpoint with its masked-LM head, such as 'roberta-base'."
        )
    return _paired(lm, model.to(lm.network.device).eval())


def masked_model_of(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, *, source: Source | None = None
) -> MaskedModel:
    """A masked model from a transformers ``…ForMaskedLM`` in memory.

    Raises
    ------
    ModelError
        When it is causal, or no head is found.
    """
    lm = language_model_of(model, tokenizer, source=source)
    _require_encoder(lm)
    return _paired(lm, model)


def _paired(lm: LanguageModel, model: PreTrainedModel) -> MaskedModel:
    """The head with the text model that it belongs to, so that both share their embeddings."""
    heads = [getattr(model, name) for name in _HEADS if hasattr(model, name)]
    if not heads:
        raise ModelError(f"{type(model).__name__} has no layer that fills gaps. Load it as …ForMaskedLM.")
    return MaskedModel(replace(lm, network=text_network(model, lm.family)), heads[0])


def _require_encoder(lm: LanguageModel) -> None:
    if lm.causal:
        raise ModelError(
            f"'{lm.source.name}' is causal ({lm.family.name}): it has no mask. Take BERT, RoBERTa or MPNet, or ask a "
            "causal model with consona.lm.answers."
        )


def require_room(model: MaskedModel, n_tokens: int) -> int:
    """How many tokens a text may have behind mask and prompt.

    Raises
    ------
    InvalidInput
        When no token fits.
    """
    room = model.lm.max_tokens - n_tokens - 1
    if room < 1:
        raise InvalidInput(
            f"A prompt of {n_tokens} tokens and the mask leave no room for a text: '{model.lm.source.name}' takes "
            f"{model.lm.max_tokens}. Give fewer."
        )
    return room

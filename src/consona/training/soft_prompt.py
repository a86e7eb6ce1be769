"""Soft prompts for masked models: vectors before a text, and an answer between two words read at the mask."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from consona.core.errors import InvalidInput, ModelError
from consona.core.features import Features
from consona.core.intervention import Intervention
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.lm.hooks import Tap
from consona.lm.packing import Layout, padded, planned
from consona.lm.sites import module_at
from consona.lm.tokens import Tokens, Wording, tokenised
from consona.training.masked_model import MaskedModel, Order, Positions, Prefix, require_room

__all__ = ["PromptTuning", "Prompted", "SoftPrompt", "labels_of", "prompt_features", "prompt_tokens"]


@dataclass(frozen=True)
class PromptTuning:
    """What a soft prompt is and how it is trained.

    Parameters
    ----------
    n_tokens
        Vectors of the prompt; all start as the word embedding of the mask.
    epochs, batch
        Passes over the training texts; texts of a step. The epoch with the best validation accuracy is kept.
    learning_rate, weight_decay
        Of AdamW, constant.
    max_tokens
        Tokens of a text, its start and end included; longer ones are cut.
    order
        ``"mask first"``: mask, prompt, text. ``"prompt first"``: prompt, mask, text, as PEFT has it where the text that
        it is given begins with the mask.
    positions
        ``"model"``: counted as the model was trained to (RoBERTa and MPNet begin behind the padding row).
        ``"paper"``: from 0 in every model, as in the code of Li et al.; the same for BERT.

    Raises
    ------
    InvalidInput
        When a value is outside its range or unknown.
    """

    n_tokens: int = 100
    epochs: int = 10
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    max_tokens: int = 256
    order: Order = "mask first"
    positions: Positions = "model"

    def __post_init__(self) -> None:
        """Names and ranges."""
        small = [name for name in ("n_tokens", "epochs", "batch", "max_tokens") if getattr(self, name) < 1]
        rates = [name for name in ("learning_rate", "weight_decay") if not 0 <= getattr(self, name) < float("inf")]
        if small or rates:
            raise InvalidInput(f"Counts are at least 1 and rates finite; not so: {listed(small + rates)}.")
        if self.order not in ("mask first", "prompt first") or self.positions not in ("model", "paper"):
            raise InvalidInput(
                f"order is 'mask first' or 'prompt first', positions 'model' or 'paper'; found '{self.order}' and "
                f"'{self.positions}'."
            )

    def to_json(self) -> str:
        """One line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, eq=False)
class SoftPrompt:
    """A trained prompt.

    Parameters
    ----------
    vectors
        Float32 ``(n_tokens, n_features)``.
    verbaliser
        Token ids whose logits at the mask stand for the labels 0 and 1.
    recipe
        How it was trained, and how it is put before a text.
    model
        Fingerprint of the model that it belongs to; empty where that is unknown.
    accuracy
        Share of validation texts that were right, after each epoch.
    """

    vectors: npt.NDArray[np.float32]
    verbaliser: tuple[int, int]
    recipe: PromptTuning = field(default_factory=PromptTuning)
    model: str = ""
    accuracy: tuple[float, ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 of what changes a logit: vectors, verbaliser, order, positions, cut, model."""
        facts = [self.verbaliser, self.recipe.order, self.recipe.positions, self.recipe.max_tokens, self.model]
        data = np.ascontiguousarray(self.vectors, dtype="<f4").tobytes()
        return hashlib.sha256(json.dumps(facts).encode() + data).hexdigest()


@dataclass(frozen=True, eq=False)
class Prompted:
    """A masked model with a soft prompt before every text.

    Raises
    ------
    ModelError
        When the prompt was trained for another model or has another width.
    """

    model: MaskedModel
    prompt: SoftPrompt

    def __post_init__(self) -> None:
        """Prompt and model belong together."""
        own, width = self.model.fingerprint() or "", self.model.lm.n_features
        if self.prompt.vectors.ndim != 2 or self.prompt.vectors.shape[1] != width:
            raise ModelError(f"The prompt has the shape {self.prompt.vectors.shape}; expected (n_tokens, {width}).")
        if self.prompt.model and own != self.prompt.model:
            raise ModelError(
                f"The prompt was trained for the model {self.prompt.model[:12]}, this is {own[:12] or 'unknown'}: "
                "other weights, another tokenizer or dtype. Load the model that it was trained for."
            )

    def logits(self, stimuli: Stimuli, edits: Sequence[Intervention] = ()) -> xr.DataArray:
        """Logits of the two words of the verbaliser at the mask, ``(stimulus, label)``, float32.

        The coordinate ``truncated`` says which texts were cut.

        Edits are carried out in addition to those of the model. An edit's positions count from the first vector: with
        the mask first, 0 is the mask, 1 to ``n_tokens`` the prompt, then the text.

        Raises
        ------
        InvalidInput
            When a text is unreadable, or an edit does not fit the model.
        ModelError
            When a logit is infinite or undefined.
        """
        edited, prefix = self.model.edited(*edits), _prefix(self.prompt)
        tokens = prompt_tokens(self.model, stimuli, self.prompt.recipe)
        found = np.zeros((len(stimuli), 2), dtype=np.float32)
        with torch.no_grad():
            for batch in planned(tokens.ids, Layout(packed=False), self.model.lm.pad):
                both = edited.mask_logits(batch, prefix)[:, list(self.prompt.verbaliser)]
                found[batch.members.numpy()] = both.cpu().numpy()
        wrong = stimuli.ids[~np.isfinite(found).all(axis=1)]
        if len(wrong):
            raise ModelError(
                f"Logits of {len(wrong)} stimuli are infinite or undefined ({listed(wrong)}): the weights or an edit "
                "are at fault. Nothing is imputed."
            )
        coords = {"stimulus": stimuli.ids, "label": [0, 1], "truncated": ("stimulus", tokens.truncated)}
        return xr.DataArray(found, coords, ("stimulus", "label"), name="logit")

    def accuracy(self, stimuli: Stimuli, edits: Sequence[Intervention] = ()) -> float:
        """Share of stimuli whose column ``label`` (0 or 1) has the larger logit; every stimulus counts the same."""
        labels = labels_of(stimuli, "The stimuli")
        return float((self.logits(stimuli, edits).argmax("label").values == labels).mean())

    def activation(self, site: str = "mlp.act") -> npt.NDArray[np.float32]:
        """Activations at the mask of every layer, ``(n_layers, n_features)``, before a text of the start token alone.

        As in Li et al., whose text is ``<s>``: what the prompt itself makes of the model.
        """
        lm, prefix, kept = self.model.lm, _prefix(self.prompt), []
        start = lm.tokenizer.cls_token_id
        batch = padded([[start if isinstance(start, int) else self.model.mask]], [0], lm.pad)
        taps = []
        for layer in range(lm.n_layers):
            module, side = module_at(lm.network, lm.family, site, layer)
            taps.append(Tap(module, side, lambda rows: kept.append(rows[prefix.mask_place].float().cpu().clone())))
        with torch.no_grad():
            self.model.mask_logits(batch, prefix, taps)
        return torch.stack(kept).numpy()


def prompt_features(prompted: Sequence[Prompted], ids: Sequence[str], *, site: str = "mlp.act") -> Features:
    """The activations of several prompts at the mask as features; a prompt is a stimulus.

    Raises
    ------
    InvalidInput
        When there are not as many ids as prompts, or none.
    """
    if len(prompted) != len(ids) or not ids:
        raise InvalidInput(f"There are {len(prompted)} prompts and {len(ids)} ids; give one id each, and at least one.")
    values = np.stack([each.activation(site) for each in prompted])
    lm = prompted[0].model.lm
    attrs = {"model": lm.source.name, "revision": lm.source.revision or lm.files_hash, "site": site, "pooling": "mask"}
    coords = {"stimulus": list(ids), "layer": list(range(lm.n_layers))}
    return Features(xr.DataArray(values, coords, ("stimulus", "layer", "feature"), attrs=attrs))


def labels_of(stimuli: Stimuli, name: str = "The stimuli") -> npt.NDArray[np.int64]:
    """The column ``label``, ``(n_stimuli,)``.

    Raises
    ------
    InvalidInput
        When it is absent, holds anything but 0 and 1, or only one of them.
    """
    labels = np.asarray(stimuli["label"])
    if sorted(set(labels.tolist())) != [0, 1]:
        raise InvalidInput(f"{name} need labels 0 and 1, both of them; found {listed(sorted(set(labels.tolist())))}.")
    return labels.astype(np.int64)


def prompt_tokens(model: MaskedModel, stimuli: Stimuli, recipe: PromptTuning) -> Tokens:
    """Token ids of the texts, cut so that mask and prompt find room before them, and which were cut.

    Raises
    ------
    InvalidInput
        When a text is unreadable, or the prompt leaves no room.
    """
    limit = min(recipe.max_tokens, require_room(model, recipe.n_tokens))
    return tokenised(model.lm.tokenizer, stimuli, Wording(), limit, spans=False)


def _prefix(prompt: SoftPrompt) -> Prefix:
    return Prefix(torch.from_numpy(prompt.vectors), prompt.recipe.order, prompt.recipe.positions)

"""LanguageModel: a language model as a value that can be read, edited and named."""

import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, SupportsIndex

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from consona.core.errors import ModelError
from consona.core.features import Features
from consona.core.intervention import Intervention
from consona.core.invariants import listed
from consona.core.separable import separable
from consona.core.stimuli import Stimuli
from consona.lm.generation import continued, mean_surprisal, require_head
from consona.lm.origin import Origin, arrived
from consona.lm.packing import Layout
from consona.lm.parity import Parity
from consona.lm.pooling import Pooling, require_pooling
from consona.lm.sites import Family, blocks_of, layer_numbers, site_width
from consona.lm.sources import Source
from consona.lm.states import Machine, Reading, pooled_states
from consona.lm.tokens import Tokens, Wording, chat_template_hash, tokenised, tokenizer_hash

_NO_LIMIT = 1_000_000  # tokenizers say 1e30 when they know none


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A language model as a value; made by :func:`consona.lm.loading.load_language_model`.

    Parameters
    ----------
    network, head
        The text model without and, where there is one, the layer that turns its states into logits.
    tokenizer, family, source, dtype
        What it takes to run it and to say which it is.
    parity, layout
        What the test at load found, and how texts share a pass.
    edits
        Interventions carried out in every pass.
    chat_template
        Whether every text is put as one user turn.
    adapter
        SHA-256 of fine-tuned weights, empty for none.
    origin
        What makes the same model in another process, without its edits; None where only the weights themselves can.
    """

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    family: Family
    source: Source
    parity: Parity
    layout: Layout
    dtype: str = "float32"
    head: nn.Module | None = None
    edits: tuple[Intervention, ...] = ()
    chat_template: bool = False
    adapter: str = ""
    origin: Origin | None = field(default=None, repr=False)
    _tokenizer_hash: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Take the tokenizer's hash, and refuse a chat template that is not there."""
        object.__setattr__(self, "_tokenizer_hash", self._tokenizer_hash or tokenizer_hash(self.tokenizer))
        if self.chat_template:
            chat_template_hash(self.tokenizer)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """A worker is sent what makes the model, and makes it once; the weights travel where nobody knows that."""
        if self.origin is None or replace(self, edits=()).fingerprint() != self.origin.fingerprint:
            return super().__reduce_ex__(protocol)
        return arrived, (self.origin, self.edits)

    def __repr__(self) -> str:
        """One line, without the network."""
        edits = f", {len(self.edits)} edits" if self.edits else ""
        return f"LanguageModel('{self.source.name}', {self.family.name}, {self.n_layers} layers, {self.dtype}{edits})"

    @property
    def n_layers(self) -> int:
        """Number of blocks."""
        return len(blocks_of(self.network, self.family))

    @property
    def n_features(self) -> int:
        """Width of the residual stream."""
        return int(self.network.config.hidden_size)

    @property
    def causal(self) -> bool:
        """Whether a token sees only what came before it."""
        return self.family.causal

    @property
    def max_tokens(self) -> int:
        """Length at which texts are cut: what the tokenizer and the table of positions allow."""
        config = self.network.config
        positions = int(getattr(config, "max_position_embeddings", None) or _NO_LIMIT) - self.machine.first_position
        return min(int(self.tokenizer.model_max_length), positions, _NO_LIMIT)

    @property
    def machine(self) -> Machine:
        """What runs: network, table row, layout, edits."""
        return Machine(self.network, self.family, self.layout, self.pad, self.edits)

    @property
    def pad(self) -> int:
        """The token that fills rows; masked, so that any would do."""
        pad = self.tokenizer.pad_token_id
        return int(pad) if isinstance(pad, int) else 0

    @separable("stimulus")
    def capture(
        self,
        stimuli: Stimuli,
        *,
        site: str = "resid.post",
        layers: Sequence[int] | Literal["all"] = "all",
        pooling: Pooling = "last",
        template: str | None = None,
    ) -> Features:
        """Activations for every stimulus, all layers in one pass.

        Parameters
        ----------
        stimuli
            With the column ``text``, one each.
        site
            ``resid.pre`` and ``resid.post``: the residual stream before and after a block (after the last block it is
            *before* the final norm); ``attn.out``, ``mlp.out``: what a branch adds to it; ``mlp.act``: the activation
            after the nonlinearity, for gated MLPs ``act(gate) * up``.
        layers
            ``"all"`` or numbers, counted from 0, negative ones from the end.
        pooling
            ``last`` token, ``mean`` over tokens, ``cls`` (first token), or ``span``: the mean over the tokens that the
            characters ``span_start`` to ``span_end`` of the text touch (columns of the stimuli).
        template
            Wording around every text, such as ``'The word "{text}" means'``.

        Returns
        -------
        Features
            Float32; the coordinate ``truncated`` says which texts were cut, the attribute ``n_truncated`` how many.

        Raises
        ------
        InvalidInput
            When a text is empty or missing, or site, layers, pooling, template or spans do not fit; ids are listed.
        ModelError
            When a state is infinite or undefined even in float32.
        """
        require_pooling(pooling, self.causal)
        reading = Reading(site, layer_numbers(layers, self.n_layers), pooling)
        wording = Wording(template, self.chat_template)
        tokens = tokenised(self.tokenizer, stimuli, wording, self.max_tokens, spans=pooling == "span")
        states = pooled_states(self.machine, tokens, reading)
        again = self._repeat_overflown(stimuli, tokens, reading, states)
        counts = {"n_truncated": int(tokens.truncated.sum()), "n_retried_float32": again}
        attrs = self.reading_attrs(reading, template)
        coords = {"stimulus": stimuli.ids, "layer": list(reading.layers), "truncated": ("stimulus", tokens.truncated)}
        return Features(xr.DataArray(states.numpy(), coords, ("stimulus", "layer", "feature"), attrs=attrs | counts))

    def _repeat_overflown(self, stimuli: Stimuli, tokens: Tokens, reading: Reading, states: torch.Tensor) -> int:
        """Read texts whose states overflowed again in float32, in place; how many that were."""
        bad = torch.nonzero(~torch.isfinite(states).all(dim=2).all(dim=1)).flatten()
        if len(bad) and self.dtype != "float32":
            spans = None if tokens.spans is None else tokens.spans[bad.numpy()]
            some = Tokens([tokens.ids[i] for i in bad.tolist()], tokens.truncated[bad.numpy()], spans)
            exact = replace(self.machine, network=copy.deepcopy(self.network).float())
            states[bad] = pooled_states(exact, some, reading)
        wrong = ~torch.isfinite(states).all(dim=2)
        if bool(wrong.any()):
            layers = [layer for layer, each in zip(reading.layers, wrong.any(dim=0).tolist()) if each]
            names = stimuli.ids[wrong.any(dim=1).numpy()]
            raise ModelError(
                f"States at '{reading.site}' are infinite or undefined for {len(names)} stimuli ({listed(names)}) in "
                f"layers {layers}, in float32 as well. The weights or an edit are at fault; nothing is imputed."
            )
        return len(bad)

    def reading_attrs(self, reading: Reading, template: str | None = None) -> dict[str, Any]:
        """What features say about where they come from."""
        return {
            "model": self.source.name,
            "revision": self.source.revision or self.files_hash,
            "site": reading.site,
            "pooling": reading.pooling,
            "template": template or "",
            "tokenizer": self._tokenizer_hash,
            "chat_template": chat_template_hash(self.tokenizer) if self.chat_template else "",
            "dtype": self.dtype,
            "layout": self.parity.layout,
            "edits": json.dumps([edit.to_json() for edit in self.edits]),
        }

    def edited(self, *interventions: Intervention) -> "LanguageModel":
        """The model with these interventions as well; the weights are shared and stay as they are.

        Raises
        ------
        InvalidInput
            When a site, layer or neuron does not exist, or an edit has another width than its site: now, not in
            mid-run.
        """
        for each in interventions:
            each.require_fit(site_width(self.network, self.family, each.site, each.layer), self.n_layers)
        return replace(self, edits=(*self.edits, *interventions))

    def generate(self, stimuli: Stimuli, *, max_new_tokens: int = 20, template: str | None = None) -> Stimuli:
        """The stimuli with the column ``reply``: the most probable continuation of each text.

        Raises
        ------
        ModelError
            When the model has no output layer.
        """
        head = require_head(self.head, self.family.name)
        wording, limit = Wording(template, self.chat_template), max(self.max_tokens - max_new_tokens, 1)
        prompts = tokenised(self.tokenizer, stimuli, wording, limit, spans=False)
        stop = self._stops()
        said = [continued(self.machine, head, prompt, max_new_tokens, stop) for prompt in prompts.ids]
        return stimuli.with_columns(reply=[self.tokenizer.decode(each, skip_special_tokens=True) for each in said])

    def surprisal(self, stimuli: Stimuli, *, template: str | None = None) -> npt.NDArray[np.float64]:
        """Mean negative log likelihood per token in nats, ``(n_stimuli,)``; NaN for a text of one token.

        Raises
        ------
        ModelError
            When the model has no output layer.
        """
        head = require_head(self.head, self.family.name)
        wording = Wording(template, self.chat_template)
        tokens = tokenised(self.tokenizer, stimuli, wording, self.max_tokens, spans=False)
        return np.array([mean_surprisal(self.machine, head, ids) for ids in tokens.ids])

    def _stops(self) -> set[int]:
        ends = [self.tokenizer.eos_token_id, getattr(self.network.config, "eos_token_id", None)]
        flat = [each for end in ends for each in (end if isinstance(end, list) else [end])]
        return {int(each) for each in flat if each is not None}

    @property
    def files_hash(self) -> str:
        """One SHA-256 over the hashes of all files of a local model; empty for others."""
        files = self.source.files
        return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest() if files else ""

    def fingerprint(self) -> str | None:
        """SHA-256 of everything that can change a number; None when the origin of the weights is unknown.

        Counted are the commit or the file hashes, dtype, tokenizer, chat template, edits and adapter. Batch size,
        layout, device and the place of a folder are not.
        """
        origin = [self.source.name, self.source.revision] if self.source.revision else self.files_hash
        if not origin:
            return None
        facts = [origin, self.dtype, self._tokenizer_hash, self.chat_template, self.adapter]
        return hashlib.sha256(json.dumps([*facts, [edit.to_json() for edit in self.edits]]).encode()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """What the manifest says about the model."""
        return {
            "name": self.source.name,
            "revision": self.source.revision,
            "weights": self.source.weights,
            "files": dict(self.source.files),
            "family": self.family.name,
            "dtype": self.dtype,
            "device": str(self.network.device),
            "n_layers": self.n_layers,
            "n_features": self.n_features,
            "causal": self.causal,
            "max_tokens": self.max_tokens,
            "tokenizer": self._tokenizer_hash,
            "chat_template": chat_template_hash(self.tokenizer) if self.chat_template else "",
            "edits": [json.loads(edit.to_json()) for edit in self.edits],
            "adapter": self.adapter,
            "parity": self.parity.describe(),
        }

"""Answers under many shifts of the last prompt token: the prompt is run once, and only that token again per shift."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import nn

from consona.core.errors import InvalidInput, ModelError
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.lm.answers import asked
from consona.lm.generation import logits_of, require_head
from consona.lm.hooks import Tap
from consona.lm.model import LanguageModel
from consona.lm.prompt_cache import PromptCache, cached_prompts
from consona.lm.shifts import DIMS, fitted, require_defined, single_tokens
from consona.lm.sites import Side, layer_numbers, module_at
from consona.lm.states import Reading, require_one_width
from consona.lm.tokens import Wording

__all__ = ["LastToken", "answered_text_share"]

_LARGEST_LOGITS = 2**25  # numbers: 256 MiB in float64


@dataclass(frozen=True, eq=False)
class LastToken:
    """Prompts whose last token can be shifted and asked again and again; made by :meth:`of`.

    What is added at the last token of a causal model changes nothing before it. So all tokens but the last are run
    once, and their keys and values serve every shift: a variant costs one token in place of the whole prompt. The
    answers are those of ``lm.edited(Steer(..., positions="last"))``, up to rounding.

    Parameters
    ----------
    lm
        A causal model with an output layer; its own edits are carried out before a shift is added.
    ids, answers_asked
        The stimuli ``(n_stimuli,)``, and the answers, which are one token each.
    tokens
        Token ids of the answers after every prompt, ``(n_stimuli, n_answers)``.
    template, site
        The wording, and where shifts are added and states read.
    caches
        The prompts, with the keys and values of all their tokens but the last: ``2 * n_layers * n_tokens`` times the
        width of a key for every prompt.
    n_rows
        The most rows of one pass; it changes memory, not results.
    """

    lm: LanguageModel
    ids: npt.NDArray[np.str_]
    answers_asked: tuple[str, ...]
    tokens: npt.NDArray[np.int64]
    template: str | None
    site: str
    caches: tuple[PromptCache, ...]
    n_rows: int = 256

    @classmethod
    def of(
        cls,
        lm: LanguageModel,
        stimuli: Stimuli,
        answers: Sequence[str] = (" True", " False"),
        *,
        template: str | None = None,
        site: str = "attn.out",
        n_rows: int = 256,
    ) -> "LastToken":
        """Run the prompts but for their last token.

        Prompt and answer are tokenised as by :func:`consona.lm.answers.answer_log_probabilities`: as one string, and
        an answer that is a word carries the blank before it.

        Raises
        ------
        InvalidInput
            When answers repeat or are empty, do not begin with a token, or are split by the tokenizer (its pieces are
            named); when prompts are too long, or the site does not exist.
        ModelError
            When the model has no output layer.
        """
        require_head(lm.head, lm.family.name)
        names = tuple(str(answer) for answer in answers)
        if not names or len(set(names)) != len(names) or not all(names):
            raise InvalidInput(f"Answers are at least one, all different and not empty; found {listed(names)}.")
        if n_rows < 1:
            raise InvalidInput(f"A pass has at least one row; found n_rows={n_rows}.")
        module_at(lm.network, lm.family, site, 0)
        questions = asked(lm, stimuli, names, Wording(template, lm.chat_template))
        tokens = single_tokens(lm.tokenizer, questions, names)
        caches = tuple(cached_prompts(lm.machine, [question.prompt for question in questions]))
        return cls(lm, stimuli.ids, names, tokens, template, site, caches, n_rows)

    def __repr__(self) -> str:
        """One line, without what is kept."""
        return f"LastToken({self.lm!r}, {len(self.ids)} stimuli, answers {', '.join(map(repr, self.answers_asked))})"

    def answers(self, shifts: xr.DataArray | None = None) -> xr.DataArray:
        """Log probabilities of the answers, in nats, with every shift added to the last token of its prompt.

        Parameters
        ----------
        shifts
            ``(variant, stimulus, layer, feature)`` with coordinates stimulus (any of the prompts, in any order) and
            layer (numbers of layers, negative ones from the end); added to the output of the site, in units of the
            activation. For Gemma, ``attn.out`` is the output of attention *after* its norm, as it is captured: a shift
            is not normed again. None: nothing is added, and the one variant is called ``none``.

        Returns
        -------
        xr.DataArray
            Float64 ``(variant, stimulus, answer)``. The coordinate ``neither (variant, stimulus)`` says where the most
            probable token is none of the answers. Other coordinates of variant and stimulus are kept.

        Raises
        ------
        InvalidInput
            When dims, stimuli, layers or width of the shifts do not fit.
        ModelError
            When a log probability is undefined or infinite; stimuli and variants are named, and nothing is imputed.
        """
        given = self._nothing() if shifts is None else shifts
        layers, places = fitted(given, self.ids, self.lm.n_layers, self._width())
        made = np.full((*given.shape[:2], len(self.answers_asked)), np.nan)
        neither = np.zeros(given.shape[:2], dtype=bool)
        # a view where it can be: shifts are the largest array here
        values = np.asarray(given.values, dtype=np.float32)
        for cache, rows, variants, columns in self._passes(places, given.sizes["variant"]):
            shift = torch.from_numpy(values[variants, columns])
            found, best = self._asked(cache, rows, layers, shift)
            made[variants, columns], neither[variants, columns] = found, best
        bare = xr.DataArray(made, dims=("variant", "stimulus", "answer"), name="log_probability", attrs=self._attrs())
        kept = given.coords.to_dataset().drop_dims(["layer", "feature"], errors="ignore").coords  # stacked ones too
        own = {"answer": list(self.answers_asked), "neither": (("variant", "stimulus"), neither)}
        result = bare.assign_coords(kept).assign_coords(own)
        require_defined(result)
        return result

    def states(self) -> Features:
        """What the site gives out at the last token of every prompt, in every layer, with no shift.

        Equal to ``lm.capture(stimuli, site=site, pooling="last")``, unless the tokenizer puts a token behind a text:
        then capture reads that one, and this the token that the answer follows.

        Raises
        ------
        ModelError
            When a state is undefined or infinite.
        """
        machine, layers = self.lm.machine, layer_numbers("all", self.lm.n_layers)
        reading = Reading(self.site, layers, "last")
        kept = torch.full((len(self.ids), len(layers), require_one_width(machine, reading)), torch.nan)
        for cache in self.caches:
            members = torch.tensor(cache.members)
            for part in torch.arange(len(members)).split(self._most()):
                keep = partial(_kept, kept, members[part])
                cache.last(machine, part, [Tap(*self._place(i), partial(keep, i)) for i in layers])
        wrong = self.ids[~torch.isfinite(kept).all(dim=2).all(dim=1).numpy()]
        if len(wrong):
            raise ModelError(
                f"States at '{self.site}' of the last token are infinite or undefined for {len(wrong)} stimuli "
                f"({listed(wrong)}), or the site was not reached. The weights or an edit are at fault."
            )
        attrs = self.lm.reading_attrs(reading, self.template) | {"n_truncated": 0, "n_retried_float32": 0}
        coords = {"stimulus": self.ids, "layer": list(layers), "truncated": ("stimulus", np.zeros(len(self.ids), bool))}
        return Features(xr.DataArray(kept.numpy(), coords, ("stimulus", "layer", "feature"), attrs=attrs))

    def _nothing(self) -> xr.DataArray:
        """One variant without any layer to shift."""
        coords = {"variant": ["none"], "stimulus": self.ids, "layer": np.zeros(0, dtype=int)}
        return xr.DataArray(np.zeros((1, len(self.ids), 0, self._width()), np.float32), coords, DIMS)

    def _width(self) -> int:
        return require_one_width(self.lm.machine, Reading(self.site, (0,), "last"))

    def _place(self, layer: int) -> tuple[nn.Module, Side]:
        return module_at(self.lm.network, self.lm.family, self.site, layer)

    def _most(self) -> int:
        """Rows of a pass: as asked for, as memory for logits allows, and one where company would change numbers."""
        if self.lm.machine.layout.batch_size == 1:
            return 1
        return max(min(self.n_rows, _LARGEST_LOGITS // int(self.lm.network.config.vocab_size)), 1)

    def _passes(self, places: npt.NDArray[np.int64], n_variants: int) -> Iterator["_Pass"]:
        """Prompts of a cache with all their variants, in blocks of rows; the variants of a prompt stay together."""
        for cache in self.caches:
            own = places[list(cache.members)]
            asked_for = np.flatnonzero(own >= 0)
            rows = np.repeat(asked_for, n_variants)
            variants = np.tile(np.arange(n_variants), len(asked_for))
            for start in range(0, len(rows), self._most()):
                block = slice(start, start + self._most())
                yield cache, torch.from_numpy(rows[block]), variants[block], own[rows[block]]

    def _asked(
        self, cache: PromptCache, rows: torch.Tensor, layers: Sequence[int], shift: torch.Tensor
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Log probabilities ``(n_rows, n_answers)`` and whether another token is likelier, with shifts per row."""
        lm = self.lm
        taps = [Tap(*self._place(layer), partial(_shifted, shift[:, i])) for i, layer in enumerate(layers)]
        states = cache.last(lm.machine, rows, taps)
        with torch.no_grad():
            logits = logits_of(lm.machine, require_head(lm.head, lm.family.name), states).double()
        wanted = torch.from_numpy(self.tokens[np.array(cache.members)[rows.numpy()]]).to(logits.device)
        found = logits.gather(1, wanted) - logits.logsumexp(dim=1, keepdim=True)
        other = (logits.argmax(dim=1, keepdim=True) != wanted).all(dim=1)
        return found.cpu().numpy(), other.cpu().numpy()

    def _attrs(self) -> dict[str, str]:
        edits = json.dumps([edit.to_json() for edit in self.lm.edits])
        attrs = {"model": self.lm.source.name, "template": self.template or "", "unit": "nat", "dtype": self.lm.dtype}
        return attrs | {"edits": edits, "site": self.site}


_Pass = tuple[PromptCache, torch.Tensor, npt.NDArray[np.int64], npt.NDArray[np.int64]]


def answered_text_share(log_probabilities: xr.DataArray) -> xr.DataArray:
    """How often the most probable token is none of the answers, ``(variant,)``, a share of the stimuli.

    Parameters
    ----------
    log_probabilities
        What :meth:`LastToken.answers` gave.

    Raises
    ------
    InvalidInput
        When the coordinate ``neither`` is missing.
    """
    if "neither" not in log_probabilities.coords:
        raise InvalidInput("There is no coordinate 'neither' here; answers of LastToken.answers have it.")
    return log_probabilities["neither"].mean("stimulus").rename("answered_text_share")


def _shifted(shift: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return rows + shift.to(rows.device, rows.dtype)


def _kept(states: torch.Tensor, members: torch.Tensor, layer: int, rows: torch.Tensor) -> None:
    states[members, layer] = rows.float().to("cpu")

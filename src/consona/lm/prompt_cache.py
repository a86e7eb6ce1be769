"""Prompts run once but for their last token: keys and values are kept, and that token is passed again at will."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache

from consona.lm.answers import passed
from consona.lm.hooks import Rows, Tap, attached, edit_taps, text_key
from consona.lm.states import Machine


@dataclass(frozen=True, eq=False)
class PromptCache:
    """Prompts of one length with the keys and values of all their tokens but the last.

    Parameters
    ----------
    members
        Which prompts, numbers of the list that they are from.
    ids
        Token ids ``(n_prompts, length)``.
    keys
        :func:`consona.lm.hooks.text_key` of every prompt, by which edits know its rows.
    cache
        What attention has kept of them, in the order of ``ids``; empty for prompts of one token.
    """

    members: tuple[int, ...]
    ids: torch.Tensor
    keys: torch.Tensor
    cache: DynamicCache

    @classmethod
    def of(cls, machine: Machine, prompts: Sequence[Sequence[int]], members: Sequence[int]) -> "PromptCache":
        """Run these prompts, which are equally long, up to the token before the last; edits are carried out."""
        ids = torch.tensor([list(prompts[i]) for i in members])
        keys = torch.tensor([text_key(prompts[i]) for i in members])
        made = cls(tuple(members), ids, keys, DynamicCache(config=machine.network.config))
        before = ids.shape[1] - 1
        if before:
            edits = edit_taps(machine.network, machine.family, machine.edits, made._rows(keys, torch.arange(before)))
            with torch.no_grad(), attached(edits):
                passed(machine, made.cache, ids[:, :before], torch.ones(len(ids), before, dtype=torch.long))
        return made

    def last(self, machine: Machine, rows: torch.Tensor, taps: Sequence[Tap] = ()) -> torch.Tensor:
        """Pass the last tokens again, prompt ``rows[i]`` in row ``i`` ``(n_rows,)``: last hidden states.

        The edits of the machine come first, then the taps, which see ``(n_rows, n_features)``. The cache stays as it
        was.
        """
        length = self.ids.shape[1]
        edits = edit_taps(
            machine.network, machine.family, machine.edits, self._rows(self.keys[rows], torch.tensor([length - 1]))
        )
        mask = torch.ones(len(rows), length, dtype=torch.long)
        with torch.no_grad(), attached([*edits, *taps]):
            return passed(machine, self._picked(rows), self.ids[rows, -1:], mask)[:, -1]

    def _rows(self, keys: torch.Tensor, positions: torch.Tensor) -> Rows:
        """What the rows of one pass are: these positions of every one of these prompts."""
        position = positions.repeat(len(keys))
        return Rows(position, torch.full_like(position, self.ids.shape[1]), keys.repeat_interleave(len(positions)))

    def _picked(self, rows: torch.Tensor) -> DynamicCache:
        """A cache that grows by itself and shares what it has: layers put tensors together, and never write in them."""
        picked = copy.copy(self.cache)
        picked.layers = [copy.copy(layer) for layer in self.cache.layers]
        first, alone = int(rows[0]), bool((rows == rows[0]).all())
        for layer in picked.layers:
            for name in ("keys", "values"):
                kept = getattr(layer, name, None)
                if kept is None:
                    continue
                one = kept[first : first + 1].expand(len(rows), *kept.shape[1:]) if alone else None
                setattr(layer, name, kept.index_select(0, rows.to(kept.device)) if one is None else one)
        return picked


def cached_prompts(machine: Machine, prompts: Sequence[Sequence[int]]) -> Iterator[PromptCache]:
    """Run all prompts, equally long ones together, as many in a pass as the layout of the machine allows."""
    by_length: dict[int, list[int]] = {}
    for number, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(number)
    for length, members in sorted(by_length.items()):
        most = 1 if machine.layout.batch_size == 1 else max(machine.layout.n_tokens // length, 1)
        for start in range(0, len(members), most):
            yield PromptCache.of(machine, prompts, members[start : start + most])

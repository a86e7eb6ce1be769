"""Many texts in one pass without padding: end to end in one row, and attention never looks across a boundary.

Texts are sorted by length and concatenated. Everything in a transformer but attention works on single tokens, so a row
of concatenated texts costs exactly its tokens. Attention is done per run of equally long texts, viewed as a batch. The
run table ``(n_texts, length)`` travels as the four-dimensional attention mask, which transformers hands through
untouched; so there is no state beside the call.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel

PACKED = "consona_packed"


@dataclass(frozen=True, eq=False)
class Batch:
    """One forward pass.

    Parameters
    ----------
    members
        Which texts, ``(n_texts,)``, numbers of the list that was planned.
    ids, positions
        Token ids and absolute positions in their own text, ``(n_rows, length)``.
    mask
        The run table ``(1, 1, n_runs, 2)`` of a pack, or zeros and ones ``(n_texts, length)``.
    starts, lengths
        Row of the first token of every text once the batch is flattened, and its number of tokens.
    packed
        Whether this is a pack.
    """

    members: torch.Tensor
    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    starts: torch.Tensor
    lengths: torch.Tensor
    packed: bool


@dataclass(frozen=True)
class Layout:
    """How texts are brought together; nothing in it may change a number beyond rounding.

    ``n_tokens`` per pack is tuned to caches; ``longest`` is the length up to which texts may share a pass at all:
    beyond it a window of attention or a length-dependent rotation begins, and a text runs alone.
    """

    packed: bool = True
    n_tokens: int = 1024
    batch_size: int = 32
    longest: int = 2**31 - 1
    side: str = "right"


def _sorted(ids: Sequence[Sequence[int]]) -> list[int]:
    return sorted(range(len(ids)), key=lambda i: (len(ids[i]), i))


def planned(ids: Sequence[Sequence[int]], layout: Layout, pad: int) -> Iterator[Batch]:
    """The passes for these texts, shortest first, each text in exactly one of them."""
    order = _sorted(ids)
    together = [i for i in order if len(ids[i]) <= layout.longest]
    if layout.packed:
        yield from (pack(ids, group) for group in _filled(ids, together, layout.n_tokens))
    else:
        size = layout.batch_size
        groups = (together[i : i + size] for i in range(0, len(together), size))
        yield from (padded(ids, group, pad, layout.side) for group in groups)
    yield from (padded(ids, [i], pad, layout.side) for i in order[len(together) :])


def _filled(ids: Sequence[Sequence[int]], order: Sequence[int], n_tokens: int) -> Iterator[list[int]]:
    group: list[int] = []
    total = 0
    for i in order:
        if group and total + len(ids[i]) > n_tokens:
            yield group
            group, total = [], 0
        group.append(i)
        total += len(ids[i])
    if group:
        yield group


def pack(ids: Sequence[Sequence[int]], group: Sequence[int]) -> Batch:
    """Texts end to end in one row; ``group`` must be sorted by length."""
    lengths = np.array([len(ids[i]) for i in group])
    sizes, counts = np.unique(lengths, return_counts=True)
    row = np.concatenate([np.asarray(ids[i], dtype=np.int64) for i in group])
    starts = np.cumsum(lengths) - lengths
    positions = np.arange(len(row)) - np.repeat(starts, lengths)
    table = np.stack([counts, sizes], axis=1)[None, None]
    return _batch(group, (row[None], positions[None], table, starts, lengths), packed=True)


def padded(ids: Sequence[Sequence[int]], group: Sequence[int], pad: int, side: str = "right") -> Batch:
    """Texts below each other, padded to the longest; positions come from the mask, so the side changes nothing."""
    lengths = np.array([len(ids[i]) for i in group])
    width = int(lengths.max())
    first = width - lengths if side == "left" else np.zeros_like(lengths)
    rows = np.full((len(group), width), pad, dtype=np.int64)
    for row, i, start, length in zip(rows, group, first, lengths):
        row[start : start + length] = ids[i]
    columns = np.arange(width)[None]
    mask = ((columns >= first[:, None]) & (columns < (first + lengths)[:, None])).astype(np.int64)
    positions = np.maximum(np.cumsum(mask, axis=1) - 1, 0)
    starts = np.arange(len(group)) * width + first
    return _batch(group, (rows, positions, mask, starts, lengths), packed=False)


def _batch(group: Sequence[int], arrays: Sequence[npt.NDArray[np.int64]], *, packed: bool) -> Batch:
    ids, positions, mask, starts, lengths = (torch.from_numpy(each) for each in arrays)
    return Batch(torch.tensor(list(group)), ids, positions, mask, starts, lengths, packed)


def longest_together(config: PreTrainedConfig) -> int:
    """The longest text that may share a pass with others: below every window, chunk and change of rotation."""
    facts = config.to_dict()
    limits = [facts.get("sliding_window"), facts.get("attention_chunk_size"), *_original_lengths(facts)]
    return min([int(limit) for limit in limits if limit] + [most_in_a_row(config)])


def most_in_a_row(config: PreTrainedConfig) -> int:
    """How many tokens a row may have: Llama 4 scales queries by their place in the row from ``floor_scale`` on."""
    floor = getattr(config, "floor_scale", None)
    return int(floor) - 1 if floor else 2**31 - 1


def _original_lengths(facts: object) -> Iterator[int]:
    if isinstance(facts, dict):
        for key, value in facts.items():
            if key == "original_max_position_embeddings" and value:
                yield int(value)
            else:
                yield from _original_lengths(value)


@contextmanager
def packed_attention(network: PreTrainedModel) -> Iterator[None]:
    """Let a network use :func:`attend_within_texts`; its own attention is back at the end."""
    AttentionInterface.register(PACKED, attend_within_texts)
    own = network.config._attn_implementation
    network.set_attn_implementation(PACKED)
    try:
        yield
    finally:
        network.set_attn_implementation(own)


def attend_within_texts(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float | None = None,
    **options: object,
) -> tuple[torch.Tensor, None]:
    """Attention over a pack: block-diagonal, one batched call per run of equal lengths.

    The signature is that of transformers' attention functions; of its options ``softcap`` and ``is_causal`` count here.
    Queries, keys and values are ``(1, n_heads, n_tokens, head_width)``; where keys have fewer heads, groups of queries
    share them. ``attention_mask`` is the run table of :class:`Batch`. Returned are the attended values
    ``(1, n_tokens, n_heads, head_width)``, and None for the weights.
    """
    causal = options.get("is_causal")
    causal = bool(getattr(module, "is_causal", True) if causal is None else causal)
    softcap = options.get("softcap")
    tokens = [each[0].transpose(0, 1) for each in (query, key, value)]
    attended, begin = [], 0
    for n_texts, length in attention_mask[0, 0].tolist():
        end = begin + n_texts * length
        q, k, v = (each[begin:end].unflatten(0, (n_texts, length)).transpose(1, 2) for each in tokens)
        if softcap is None:
            ahead = {"is_causal": causal and length > 1, "enable_gqa": q.shape[1] != k.shape[1]}
            out = F.scaled_dot_product_attention(q, k, v, scale=scaling, **ahead)
        else:
            out = _softcapped(q, k, v, float(scaling or q.shape[-1] ** -0.5), float(str(softcap)), causal)
        attended.append(out.transpose(1, 2).flatten(0, 1))
        begin = end
    return torch.cat(attended)[None], None


def _softcapped(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scaling: float, softcap: float, causal: bool
) -> torch.Tensor:
    """Attention whose scores are squeezed to ``softcap * tanh(score / softcap)`` (Gemma 2)."""
    k, v = (each.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for each in (k, v))
    scores = softcap * torch.tanh(q @ k.transpose(-1, -2) * scaling / softcap)
    if causal:
        ahead = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(ahead, -torch.inf)
    return F.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype) @ v

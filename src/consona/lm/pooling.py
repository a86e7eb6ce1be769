"""From one vector per token to one vector per text, while the model runs, so that no layer is ever kept whole."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from consona.core.errors import InvalidInput
from consona.lm.packing import Batch

Pooling = Literal["last", "mean", "cls", "span"]
POOLINGS: tuple[Pooling, ...] = ("last", "mean", "cls", "span")
Pool = Callable[[torch.Tensor], torch.Tensor]


def require_pooling(pooling: str, causal: bool) -> None:
    """The name is known, and the first token is not read where it cannot know the text.

    Raises
    ------
    InvalidInput
        Otherwise.
    """
    if pooling not in POOLINGS:
        raise InvalidInput(f"There is no pooling '{pooling}'; there are {', '.join(POOLINGS)}.")
    if pooling == "cls" and causal:
        raise InvalidInput(
            "Pooling 'cls' reads the first token, and in a causal model that token has seen nothing of the text. "
            "Take 'last' or 'mean'."
        )


def pool_of(batch: Batch, pooling: str, spans: npt.NDArray[np.int64] | None) -> Pool:
    """The function that pools one batch: rows ``(n_rows, n_features)`` to ``(n_texts, n_features)``, float32.

    ``spans`` are token spans ``(n_texts, 2)`` of all texts, start included and stop excluded.
    """
    starts, lengths = batch.starts, batch.lengths
    if pooling in ("last", "cls"):
        picked = starts + lengths - 1 if pooling == "last" else starts
        return lambda rows: rows.index_select(0, picked.to(rows.device)).float()
    if pooling == "span":
        assert spans is not None, "spans are made where texts are tokenised"
        chosen = torch.from_numpy(spans)[batch.members]
        starts, lengths = starts + chosen[:, 0], chosen[:, 1] - chosen[:, 0]
    return _mean(starts, lengths, whole=batch.packed and pooling == "mean")


def _mean(starts: torch.Tensor, lengths: torch.Tensor, *, whole: bool) -> Pool:
    """Means over rows ``starts .. starts + lengths``; ``whole`` when these are all rows, in order."""
    owners = torch.repeat_interleave(torch.arange(len(starts)), lengths)
    ends = torch.cumsum(lengths, 0)
    inside = torch.arange(int(ends[-1])) - (ends - lengths)[owners]
    rows_read, counts = starts[owners] + inside, lengths.to(torch.float32)[:, None]

    def mean(rows: torch.Tensor) -> torch.Tensor:
        where = rows.device  # of a model spread over devices, layers differ
        read = (rows if whole else rows.index_select(0, rows_read.to(where))).float()
        sums = torch.zeros(len(counts), rows.shape[1], dtype=torch.float32, device=where)
        return sums.index_add_(0, owners.to(where), read) / counts.to(where)

    return mean

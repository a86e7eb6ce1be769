"""What a read-out says in words: the nearest captions of a dictionary of any size."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.caption_readout import embeddings_of, only_layer
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.stats.retrieval import nearest, retrieval

__all__ = ["read_captions"]

Array = npt.NDArray[np.floating]
BLOCK = 65_536  # captions of a dictionary that are held at once


def read_captions(
    decoded: Features,
    dictionary: Features | npt.NDArray[np.floating],
    texts: Sequence[str],
    *,
    k: int = 5,
    centre: Array | None = None,
    truth: Features | None = None,
) -> xr.Dataset:
    """The captions of a dictionary that are nearest to what was read out, and where the true embedding would stand.

    A dictionary of training captions makes the control: what a read-out gives that can only recognise what it was
    trained on.

    Parameters
    ----------
    decoded
        Read-out embeddings.
    dictionary
        Embeddings of any number of captions, ``(n_captions, n_features)``; read in blocks, so it may be a memory map.
    texts
        The captions, one per row.
    k
        How many are kept per stimulus.
    centre
        Mean embedding ``(n_features,)``, taken from both sides (from read-outs only where they hold it).
    truth
        The true embeddings of these stimuli, in the place of which every caption of the dictionary is tried.

    Returns
    -------
    xr.Dataset
        ``caption``, ``row`` and ``similarity`` (correlation over features) over ``(stimulus, place)``, the nearest
        first; ``rank (stimulus)`` of the true embedding among the dictionary and itself, from 1 (NaN without truth).

    Raises
    ------
    InvalidInput
        When texts and dictionary differ in number, widths differ, a row of the dictionary has no direction, or there
        are fewer than ``k`` captions.
    """
    D = only_layer(dictionary) if isinstance(dictionary, Features) else dictionary
    if len(texts) != len(D) or not 1 <= k <= len(D):
        raise InvalidInput(
            f"A dictionary of {len(D)} embeddings and {len(texts)} texts, the {k} nearest of which were asked for; "
            "each embedding needs its text, and there must be that many."
        )
    shift = np.zeros(D.shape[1], dtype=np.float32) if centre is None else np.asarray(centre, dtype=np.float32)
    Q = only_layer(decoded) - (shift if decoded.attrs.get("intercept", 1) else np.float32(0))
    known = None if truth is None else embeddings_of(truth, decoded.ids.tolist()) - shift
    try:
        rows, similarity, rank = _looked_up(Q, D, shift, known, k)
    except ValueError as error:
        raise InvalidInput(f"Captions cannot be looked up: {error}") from None
    captions = np.array([[str(texts[row]) for row in some] for some in rows.tolist()], dtype=np.str_)
    over = ("stimulus", "place")
    return xr.Dataset(
        {
            "caption": (over, captions),
            "row": (over, rows),
            "similarity": (over, similarity),
            "rank": ("stimulus", rank),
        },
        {"stimulus": decoded.ids, "place": np.arange(1, k + 1)},
        {"n_captions": len(D), "centred": int(centre is not None)},
    )


def _looked_up(
    Q: Array, D: Array, shift: Array, known: Array | None, k: int
) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Rows and similarities of the k nearest, block by block, and the rank of the true vectors."""
    rows, best = np.empty((len(Q), 0), dtype=np.int64), np.empty((len(Q), 0), dtype=np.float64)
    own = np.arange(len(Q))
    ahead = np.full(len(Q), np.nan if known is None else 0.0)
    for start in range(0, len(D), BLOCK):
        block = np.asarray(D[start : start + BLOCK], dtype=np.float32) - shift
        found = nearest(Q, block, min(k, len(block)))
        both = np.concatenate([best, found.similarity], axis=1)
        order = np.argsort(-both, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(both, order, axis=1)
        rows = np.take_along_axis(np.concatenate([rows, found.rows + start], axis=1), order, axis=1)
        if known is not None:  # the true vectors stand at the end of the block; they do not count against each other
            ahead += retrieval(Q, np.concatenate([block, known]), len(block) + own).rank - retrieval(Q, known, own).rank
    return rows, best, ahead + 1.0

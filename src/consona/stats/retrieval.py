"""Finding the right vector among many: ranks, top-k and two-way identification, in blocks of candidates."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from consona.stats.shapes import Bool, Float, Int, Real

__all__ = ["Metric", "Nearest", "Retrieval", "nearest", "retrieval"]

Metric = Literal["pearson", "cosine"]
QUERIES = 2048  # whose similarities to one block of candidates are held at once


class Retrieval(NamedTuple):
    """Where the correct candidate stands for every query: how many are more similar, how many of the others tie."""

    better: Int[np.ndarray, " n_queries"]
    tied: Int[np.ndarray, " n_queries"]
    n_candidates: int

    @property
    def rank(self) -> Float[np.ndarray, " n_queries"]:
        """The place of the correct one, from 1; ties share the mean of their places."""
        return 1.0 + self.better + self.tied / 2.0

    @property
    def two_way(self) -> Float[np.ndarray, " n_queries"]:
        """Share of the other candidates that are less similar than the correct one; ties count half. Chance is 0.5.

        Each query chooses between the correct candidate and one other, for every other; NaN for a single candidate.
        """
        others = self.n_candidates - 1
        return 1.0 - (self.rank - 1.0) / others if others else np.full(len(self.better), np.nan)

    def top(self, k: int) -> Float[np.ndarray, " n_queries"]:
        """Whether the correct one is among the first ``k``; with ties, how often it is when they are broken by lot."""
        return np.clip((k - self.better) / (self.tied + 1.0), 0.0, 1.0)


class Nearest(NamedTuple):
    """The most similar candidates of every query, the nearest first: their rows, and how similar they are."""

    rows: Int[np.ndarray, "n_queries k"]
    similarity: Float[np.ndarray, "n_queries k"]


def retrieval(
    queries: Real[np.ndarray, "n_queries n_features"],
    candidates: Real[np.ndarray, "n_candidates n_features"],
    correct: Int[np.ndarray, " n_queries"],
    *,
    metric: Metric = "pearson",
    block: int = 4096,
) -> Retrieval:
    """Rank the correct candidate of every query among all, without ever holding all similarities.

    Parameters
    ----------
    queries
        Decoded vectors. One without a direction (zero, or constant under ``pearson``) ties with everything.
    candidates
        What is searched; read once, in blocks, so that it may be a memory map of millions of rows.
    correct
        Row of the correct candidate of every query.
    metric
        ``pearson``: correlation over features. ``cosine``: the same without centring each vector.
    block
        Candidates that are read at once.

    Raises
    ------
    ValueError
        When widths differ, a candidate has no direction or is not finite, or a correct row does not exist.
    """
    Q = _queries(queries, candidates, metric)
    if len(correct) != len(Q) or np.any((correct < 0) | (correct >= len(candidates))):
        raise ValueError(
            f"{len(Q)} queries have {len(correct)} correct rows among {len(candidates)} candidates; every query needs "
            "one that exists. Count rows from 0."
        )
    known = np.einsum("ij,ij->i", Q, _units(np.asarray(candidates[correct]), Q.dtype, metric, "candidate"))
    width = 64 * np.finfo(Q.dtype).eps  # two sums of the same numbers may differ by rounding: that is a tie
    better, tied = np.zeros(len(Q), dtype=np.int64), np.zeros(len(Q), dtype=np.int64)
    for _, part, similarity in _blocks(Q, candidates, metric, block):
        above = similarity - known[part, None]
        better[part] += (above > width).sum(axis=1)
        tied[part] += (np.abs(above) <= width).sum(axis=1)
    return Retrieval(better, tied - 1, len(candidates))


def nearest(
    queries: Real[np.ndarray, "n_queries n_features"],
    candidates: Real[np.ndarray, "n_candidates n_features"],
    k: int,
    *,
    metric: Metric = "pearson",
    block: int = 4096,
) -> Nearest:
    """The ``k`` candidates most similar to every query, in blocks: memory does not grow with their number.

    A block is compared with the worst of the best so far; only queries with something better are sorted again.
    Parameters are those of :func:`retrieval`.

    Raises
    ------
    ValueError
        When there are fewer than ``k`` candidates, or as :func:`retrieval`.
    """
    if not 1 <= k <= len(candidates):
        raise ValueError(f"the {k} nearest of {len(candidates)} candidates were asked for; ask for 1 to all of them.")
    Q = _queries(queries, candidates, metric)
    best = np.full((len(Q), k), -np.inf, dtype=Q.dtype)
    rows = np.full((len(Q), k), -1, dtype=np.int64)
    for start, part, similarity in _blocks(Q, candidates, metric, block):
        changed = np.flatnonzero((similarity > best[part, -1:]).any(axis=1))
        which = part.start + changed
        both = np.concatenate([best[which], similarity[changed]], axis=1)
        places = np.broadcast_to(np.arange(start, start + similarity.shape[1]), similarity[changed].shape)
        names = np.concatenate([rows[which], places], axis=1)
        some = np.argpartition(-both, k - 1, axis=1)[:, :k]
        some = np.take_along_axis(some, np.argsort(-np.take_along_axis(both, some, 1), axis=1, kind="stable"), 1)
        best[which], rows[which] = np.take_along_axis(both, some, 1), np.take_along_axis(names, some, 1)
    return Nearest(rows, best)


def _queries(queries: np.ndarray, candidates: np.ndarray, metric: Metric) -> np.ndarray:
    """Unit vectors; one without a direction is zero, which is equally similar to everything."""
    if queries.shape[1] != candidates.shape[1]:
        raise ValueError(
            f"queries have {queries.shape[1]} features and candidates {candidates.shape[1]}; both must be vectors of "
            "the same space."
        )
    single = queries.dtype == np.float32 and candidates.dtype in (np.float32, np.float16)
    return _units(queries, np.dtype(np.float32 if single else np.float64), metric, "query")


def _blocks(
    Q: np.ndarray, candidates: np.ndarray, metric: Metric, block: int
) -> Iterator[tuple[int, slice, np.ndarray]]:
    """First row of a block of candidates, some queries, and their similarities."""
    for start in range(0, len(candidates), block):
        units = _units(np.asarray(candidates[start : start + block]), Q.dtype, metric, "candidate", start)
        for first in range(0, len(Q), QUERIES):
            part = slice(first, min(first + QUERIES, len(Q)))
            yield start, part, Q[part] @ units.T


def _units(X: np.ndarray, dtype: np.dtype, metric: Metric, what: str, first: int = 0) -> np.ndarray:
    Z = X.astype(dtype)
    if not np.isfinite(Z).all():
        row = int(np.flatnonzero(~np.isfinite(Z).all(axis=1))[0]) + first
        raise ValueError(f"{what} {row} holds NaN or infinity; vectors must be finite. Leave it out.")
    if metric == "pearson":
        Z -= Z.mean(axis=1, keepdims=True)
    size = np.abs(X).max(axis=1, initial=0.0).astype(dtype)
    length = np.sqrt(np.einsum("ij,ij->i", Z, Z))
    directed: Bool[np.ndarray, " n"] = length > 8 * np.finfo(dtype).eps * size * np.sqrt(X.shape[1])
    if what == "candidate" and not directed.all():
        row = int(np.flatnonzero(~directed)[0]) + first
        raise ValueError(f"{what} {row} has no direction: it is zero or constant. Leave it out.")
    units: np.ndarray = np.where(directed[:, None], Z / np.where(directed, length, 1)[:, None], 0)
    return units

"""Nulls that keep what must be kept: groups whole, blocks of time whole, a spectrum, or the order in a circle."""

from collections.abc import Sequence
from math import factorial, prod
from typing import NamedTuple

import numpy as np

from consona.stats.permutation import all_orders
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = ["Orders", "block_orders", "circular_shifts", "common_shifts", "group_orders", "phase_randomised"]


class Orders(NamedTuple):
    """Orders of rows under a null, ``Y[rows]`` for every one; ``exact`` when they are all there are, identity first.

    ``p_value(null[0], null, exact=True)`` for the exact ones, ``p_value(observed, null)`` for drawn ones.
    """

    rows: Int[np.ndarray, "n_permutations n_rows"]
    exact: bool


def group_orders(groups: Shaped[np.ndarray, " n_rows"], n_permutations: int, *, seed: int) -> Orders:
    """Whole groups exchanged with groups of the same size; rows keep their order within a group.

    All orders are listed where there are at most ``n_permutations``; otherwise as many are drawn, and the first ones do
    not depend on how many follow. A group whose size no other has stays where it is.

    Raises
    ------
    ValueError
        When no two groups have the same size, so that nothing can be exchanged, or no permutation is asked for.
    """
    labels, codes = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    sizes = np.bincount(codes)
    alike = [np.stack([members[g] for g in np.flatnonzero(sizes == size)]) for size in np.unique(sizes)]
    _require_room(max(len(rows) for rows in alike), n_permutations, f"{len(labels)} groups of {_few(sizes)} rows")
    exact = prod(factorial(len(rows)) for rows in alike) <= n_permutations
    if exact:
        chosen = _every_combination([all_orders(len(rows)) for rows in alike])
    else:
        chosen = [_drawn(len(rows), n_permutations, seed) for rows in alike]
    orders = np.empty((len(chosen[0]), len(codes)), dtype=np.int64)
    for rows, order in zip(alike, chosen, strict=True):
        orders[:, rows.ravel()] = rows[order].reshape(len(order), -1)
    return Orders(orders, exact)


def block_orders(runs: Shaped[np.ndarray, " n_rows"], block_size: int, n_permutations: int, *, seed: int) -> Orders:
    """Contiguous blocks of ``block_size`` rows exchanged whole, within and between runs; see :func:`group_orders`.

    Each run is cut from its start; a shorter rest changes places only with rests of the same length. Blocks must be
    long beside the autocorrelation, because it is broken where they meet.

    Raises
    ------
    ValueError
        When there are fewer than two blocks, or no permutation is asked for.
    """
    _, codes = np.unique(runs, return_inverse=True)
    place = np.empty(len(codes), dtype=np.int64)
    for run in range(int(codes.max(initial=-1)) + 1):
        place[codes == run] = np.arange(int((codes == run).sum()))
    if block_size < 1:
        raise ValueError(f"a block has {block_size} rows; it has at least one. Choose a longer one.")
    blocks = codes * (len(codes) + 1) + place // block_size
    return group_orders(blocks, n_permutations, seed=seed)


def circular_shifts(runs: Shaped[np.ndarray, " n_rows"], n_permutations: int, *, min_shift: int, seed: int) -> Orders:
    """Every run turned in a circle by its own number of rows: 0 (the observed order), or at least ``min_shift`` off it.

    All are listed where there are at most ``n_permutations``; otherwise as many are drawn. Rows of a run stand in the
    order of time. A run of n rows has n - 2 ``min_shift`` + 1 places; one that is too short stays as it is.

    Raises
    ------
    ValueError
        When ``min_shift`` is not positive, no run has another place, or no permutation is asked for.
    """
    _, codes = np.unique(runs, return_inverse=True)
    members = [np.flatnonzero(codes == run) for run in range(int(codes.max(initial=-1)) + 1)]
    if min_shift < 1:
        raise ValueError(
            f"the smallest shift is {min_shift} rows; it is at least 1. Take the autocorrelation's length."
        )
    shifts = [np.concatenate([[0], np.arange(min_shift, len(rows) - min_shift + 1)]) for rows in members]
    _require_room(max(map(len, shifts), default=0), n_permutations, f"{len(members)} runs with a gap of {min_shift}")
    exact = prod(len(each) for each in shifts) <= n_permutations
    if exact:
        chosen = [each[:, 0] for each in _every_combination([each[:, None] for each in shifts])]
    else:
        rng = rng_for(seed, "circular shifts")
        drawn = rng.random((n_permutations, len(shifts)))
        chosen = [each[(drawn[:, run] * len(each)).astype(np.int64)] for run, each in enumerate(shifts)]
    orders = np.empty((len(chosen[0]), len(codes)), dtype=np.int64)
    for rows, shift in zip(members, chosen, strict=True):
        orders[:, rows] = rows[(np.arange(len(rows)) - shift[:, None]) % len(rows)]
    return Orders(orders, exact)


def common_shifts(runs: Shaped[np.ndarray, " n_rows"], n_permutations: int, *, min_shift: int, seed: int) -> Orders:
    """All runs turned in a circle by the same number of rows: what runs have in common, they keep in common.

    Shifts of each run by itself destroy a course that every run shares, and then a model that fits this course by
    chance looks better than its null. Shifts are those of :func:`circular_shifts` for the shortest run that has any;
    shorter runs stay as they are.

    Raises
    ------
    ValueError
        As :func:`circular_shifts`.
    """
    _, codes = np.unique(runs, return_inverse=True)
    members = [np.flatnonzero(codes == run) for run in range(int(codes.max(initial=-1)) + 1)]
    long = [len(rows) for rows in members if len(rows) >= 2 * min_shift]
    if min_shift < 1 or not long:
        raise ValueError(
            f"runs of {_few(np.array([len(rows) for rows in members]))} rows were to be shifted by at least "
            f"{min_shift}; a shift is at least 1, and fits into a run from both ends. Use a smaller gap."
        )
    shifts = np.concatenate([[0], np.arange(min_shift, min(long) - min_shift + 1)])
    _require_room(len(shifts), n_permutations, f"{len(members)} runs with a gap of {min_shift}")
    exact = len(shifts) <= n_permutations
    drawn = rng_for(seed, "common shifts").permutation(shifts)[:n_permutations]
    chosen = shifts if exact else drawn
    orders = np.tile(np.arange(len(codes), dtype=np.int64), (len(chosen), 1))
    for rows in members:
        if len(rows) >= 2 * min_shift:
            orders[:, rows] = rows[(np.arange(len(rows)) - chosen[:, None]) % len(rows)]
    return Orders(orders, exact)


def phase_randomised(
    Y: Real[np.ndarray, "n_rows n_targets"],
    runs: Shaped[np.ndarray, " n_rows"],
    n_permutations: int,
    *,
    seed: int,
) -> Float[np.ndarray, "n_permutations n_rows n_targets"]:
    r"""Series with the spectra of ``Y`` and new phases, the same for all targets, so that cross-spectra stay too.

    .. math:: \tilde Y = \mathcal{F}^{-1}\big(e^{i\varphi_f}\, \mathcal{F}(Y)_f\big), \qquad
              \varphi_f \sim U(0, 2\pi)

    Theiler et al. (1992); Prichard and Theiler (1994) for several series. The mean of every run stays, and the highest
    frequency of an even length, which must be real, changes its sign at random. Phases depend on the seed and the runs
    alone, so blocks of targets may be made one after the other. Detrend first: a series that ends far from where it
    began has a step in its circle. NaN in a target stays in that target.

    Raises
    ------
    ValueError
        When no run has at least three rows, or no permutation is asked for.
    """
    _, codes = np.unique(runs, return_inverse=True)
    _require_room(int(np.bincount(codes).max(initial=0)) - 1, n_permutations, "runs of at most one or two rows")
    series = np.asarray(Y, dtype=np.float64)
    surrogates = np.empty((n_permutations, *series.shape))
    for run in range(int(codes.max()) + 1):
        rows = np.flatnonzero(codes == run)
        turned = np.fft.rfft(series[rows], axis=0)[None] * _phases(len(rows), n_permutations, seed, run)[:, :, None]
        surrogates[:, rows] = np.fft.irfft(turned, n=len(rows), axis=1)
    return surrogates


def _phases(n_rows: int, n_permutations: int, seed: int, run: int) -> np.ndarray:
    """Factors of length 1 for every frequency: 1 for the mean, 1 or -1 for the highest of an even length."""
    drawn = rng_for(seed, "phases", run).random((n_permutations, n_rows // 2 + 1))
    factors: np.ndarray = np.exp(2j * np.pi * drawn)
    factors[:, 0] = 1.0
    if n_rows % 2 == 0:
        factors[:, -1] = np.where(drawn[:, -1] < 0.5, 1.0, -1.0)
    return factors


def _drawn(k: int, n_permutations: int, seed: int) -> np.ndarray:
    table = np.tile(np.arange(k), (n_permutations, 1))
    rng_for(seed, "group orders", k).permuted(table, axis=1, out=table)
    return table


def _every_combination(lists: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Each list repeated so that, row by row, every combination occurs once; the first rows stay together."""
    counts = [len(each) for each in lists]
    places = np.unravel_index(np.arange(prod(counts)), counts)
    return [each[place] for each, place in zip(lists, places, strict=True)]


def _require_room(most: int, n_permutations: int, found: str) -> None:
    if most < 2 or n_permutations < 1:
        raise ValueError(
            f"{n_permutations} surrogates of {found} were asked for; at least one, and two things that can change "
            "places, are needed. Use other groups, shorter blocks or a smaller gap."
        )


def _few(sizes: np.ndarray) -> str:
    shown = [str(size) for size in np.unique(sizes)[:4]]
    return ", ".join(shown) + (", ..." if len(np.unique(sizes)) > 4 else "")

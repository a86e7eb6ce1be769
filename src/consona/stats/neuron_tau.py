"""Kendall's tau-a of very many RDMs with a few, in very many orders of the stimuli: products of matrices of signs."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from consona.stats.rdm import n_stimuli_of, pair_positions
from consona.stats.shapes import Float, Int, Real

__all__ = ["NeuronTau", "Product", "float_product", "naive_p", "neuron_tau", "tau_a", "tau_a_signs"]

# (n, k) int8 and (m, k) int8 to (n, m) int32: the inner products of all rows, exact.
Product = Callable[[np.ndarray, np.ndarray], np.ndarray]

_NEURONS = 2048  # rows of a block: its signs for 27 stimuli are 126 MB
_SIGN_BYTES = 2**29  # signs of permuted attributes that are held at once
_EXACT = 2**24  # float32 holds whole numbers up to here
_LEVEL = 0.05


class NeuronTau(NamedTuple):
    """What :func:`neuron_tau` found; NaN where an RDM of a neuron is constant.

    ``tau``: Kendall's tau-a, ``(n_neurons, n_attributes)``.
    ``exceed``: how many orders, the observed one among them, reach it, ``(n_neurons, n_attributes)``; ``p = exceed /
    (n_permutations + 1)``.
    ``share``: share of the neurons with ``p <= 0.05``, ``(n_attributes,)``.
    ``share_null``: the same with each of the other orders in the place of the observed one, ``(n_permutations,
    n_attributes)``.
    ``max_null``: largest tau of any neuron under each of them, ``(n_permutations, n_attributes)``.
    """

    tau: np.ndarray
    exceed: np.ndarray
    share: np.ndarray
    share_null: np.ndarray
    max_null: np.ndarray


def float_product(A: Int[np.ndarray, "n k"], B: Int[np.ndarray, "m k"]) -> Int[np.ndarray, "n m"]:
    """Inner products of rows of signs by products in float32, exact: partial sums stay below 2^24.

    Raises
    ------
    ValueError
        When the rows differ in length, or are longer than 2^24.
    """
    require_rows(A, B)
    n, m = len(A), len(B)
    found = np.zeros((n, m), dtype=np.int32)
    for rows in _slices(n, _NEURONS):
        for columns in _slices(m, _NEURONS):
            total = np.zeros((len(A[rows]), len(B[columns])), dtype=np.float32)
            for cells in _slices(A.shape[1], 2**13):
                total += A[rows, cells].astype(np.float32) @ B[columns, cells].astype(np.float32).T
            found[rows, columns] = total
    return found


def require_rows(A: np.ndarray, B: np.ndarray) -> None:
    """Rows of signs that can be multiplied; errors as :func:`float_product`."""
    if A.shape[1] != B.shape[1] or A.shape[1] > _EXACT:
        raise ValueError(
            f"rows of {A.shape[1]} and {B.shape[1]} signs were given; they must be equally long, and at most {_EXACT} "
            "long for sums to be exact. Compare fewer stimuli."
        )


def tau_a_signs(rdms: Real[np.ndarray, "n_rdms n_pairs"]) -> Int[np.ndarray, "n_rdms n_cells"]:
    r"""Signs of all differences of two distances, int8: :math:`\tau_a` is an inner product over their number.

    .. math:: \tau_a(x, y) = \frac{2}{P (P - 1)} \sum_{p < q} \mathrm{sign}(x_p - x_q)\,\mathrm{sign}(y_p - y_q)

    ``n_cells`` is :math:`P (P - 1) / 2` for :math:`P` pairs of stimuli: 61,425 for 27 stimuli.

    Raises
    ------
    ValueError
        When a distance is NaN.
    """
    return _signs(_dense_ranks(rdms))


def tau_a(
    neuron_rdms: Real[np.ndarray, "n_neurons n_pairs"],
    attribute_rdms: Real[np.ndarray, "n_attributes n_pairs"],
    *,
    product: Product = float_product,
) -> Float[np.ndarray, "n_neurons n_attributes"]:
    """Kendall's tau-a of all neurons with all attributes, by blocks of neurons; NaN where an RDM is constant.

    Equal to ``compare_rdms(..., comparison="kendall tau-a")``, in int8 where ``product`` can.

    Raises
    ------
    ValueError
        When the numbers of pairs differ, or a distance is NaN.
    """
    _require_same_pairs(neuron_rdms, attribute_rdms)
    neurons, signs = _dense_ranks(neuron_rdms), tau_a_signs(attribute_rdms)
    n_cells = max(1, signs.shape[1])
    found = np.empty((len(neurons), len(signs)))
    for rows in _slices(len(neurons), _NEURONS):
        found[rows] = product(_signs(neurons[rows]), signs) / n_cells
    found[~_varies(neuron_rdms)] = np.nan
    found[:, ~_varies(attribute_rdms)] = np.nan
    return found


def neuron_tau(
    neuron_rdms: Real[np.ndarray, "n_neurons n_pairs"],
    attribute_rdms: Real[np.ndarray, "n_attributes n_pairs"],
    orders: Int[np.ndarray, "n_permutations n_stimuli"],
    *,
    product: Product = float_product,
) -> NeuronTau:
    """Tau-a of every neuron with every attribute, beside the same under orders of the stimuli of the attributes.

    Orders move stimuli, not pairs: pairs that share a stimulus stay dependent (Mantel 1967). Everything is counted in
    whole numbers, so ties with the observed value are ties. ``product`` multiplies blocks of signs; at most about half
    a gigabyte of signs of permuted attributes is held at once, or one attribute's. ``share`` and ``share_null`` are
    NaN with fewer than 19 orders, where no p can reach 0.05, and where no neuron varies.

    Raises
    ------
    ValueError
        When the numbers of pairs or stimuli differ, a distance is NaN, or an attribute is constant.
    """
    _require_same_pairs(neuron_rdms, attribute_rdms)
    _require_orders(orders, attribute_rdms)
    kept = _varies(neuron_rdms)
    neurons, attributes = _dense_ranks(neuron_rdms)[kept], _dense_ranks(attribute_rdms)
    every = np.vstack([np.arange(orders.shape[1]), orders])  # the observed order is the first
    places = pair_positions(every)
    n_cells = places.shape[1] * (places.shape[1] - 1) // 2
    tau = np.full((len(kept), len(attributes)), np.nan)
    exceed = np.full(tau.shape, len(every), dtype=np.int64)
    beyond, largest = np.zeros((2, len(attributes), len(every)))
    for group in _slices(len(attributes), max(1, _SIGN_BYTES // (len(every) * n_cells))):
        permuted = attributes[group][:, places].reshape(-1, places.shape[1])
        found = _scored(neurons, _signs(permuted), len(every), product)  # no name: the signs go before others come
        tau[kept, group], exceed[kept, group] = found.observed / n_cells, found.exceed
        beyond[group], largest[group] = found.beyond, found.largest / n_cells
    if not kept.any() or not _allowed(len(every)):
        beyond[:] = np.nan
    share = beyond.T / max(1, kept.sum())
    return NeuronTau(tau, exceed, share[0], share[1:], largest.T[1:] if kept.any() else largest.T[1:] * np.nan)


class _Scored(NamedTuple):
    """Counts of a group of attributes: per neuron ``(neuron, attribute)``, and over neurons ``(attribute, order)``."""

    observed: np.ndarray
    exceed: np.ndarray
    beyond: np.ndarray
    largest: np.ndarray


def _scored(neurons: np.ndarray, signs: np.ndarray, n_orders: int, product: Product) -> _Scored:
    """``signs`` holds one attribute after the other, each in all orders, the observed one first."""
    n_attributes = len(signs) // n_orders
    observed, exceed = np.empty((2, len(neurons), n_attributes), dtype=np.int64)
    beyond = np.zeros((n_attributes, n_orders), dtype=np.int64)
    largest = np.full((n_attributes, n_orders), -_EXACT, dtype=np.int64)
    place = n_orders - 1 - _allowed(n_orders)
    for rows in _slices(len(neurons), _NEURONS):
        every = product(_signs(neurons[rows]), signs)
        for k, at in enumerate(_slices(len(signs), n_orders)):
            one = every[:, at]
            observed[rows, k] = one[:, 0]
            exceed[rows, k] = np.count_nonzero(one >= one[:, :1], axis=1)
            # A value with at most so many at or above it, itself included, is above the next one down.
            beyond[k] += np.count_nonzero(one > np.partition(one, place, axis=1)[:, place, None], axis=0)
            np.maximum(largest[k], one.max(axis=0), out=largest[k])
    return _Scored(observed, exceed, beyond, largest)


def _allowed(n_orders: int) -> int:
    """The most orders at or above a value, itself included, with which its p is no more than 0.05."""
    return int(np.floor(_LEVEL * n_orders + 1e-9))


def naive_p(
    tau: Float[np.ndarray, "n_neurons n_attributes"],
    neuron_rdms: Real[np.ndarray, "n_neurons n_pairs"],
    attribute_rdms: Real[np.ndarray, "n_attributes n_pairs"],
) -> Float[np.ndarray, "n_neurons n_attributes"]:
    r"""One-sided p of tau as if all pairs of stimuli were independent, which they are not: for comparison only.

    The normal approximation with ties, as SciPy's ``kendalltau(method="asymptotic", alternative="greater")`` and R's
    ``cor.test``; with :math:`P` pairs and the sizes :math:`t`, :math:`u` of the ties of either side

    .. math:: \mathrm{var}(S) = \frac{P(P-1)(2P+5) - \sum t(t-1)(2t+5) - \sum u(u-1)(2u+5)}{18}
        + \frac{\sum t(t-1) \sum u(u-1)}{2 P (P-1)} + \frac{\sum t(t-1)(t-2) \sum u(u-1)(u-2)}{9 P (P-1) (P-2)}

    NaN where tau is. Kendall (1970), chapter 4.

    Raises
    ------
    ValueError
        When the numbers of pairs differ, or there are fewer than three.
    """
    _require_same_pairs(neuron_rdms, attribute_rdms)
    P = float(neuron_rdms.shape[1])
    if P < 3:
        raise ValueError(f"{int(P)} pairs of stimuli were given; an approximate p needs three. Add stimuli.")
    t, u = _tie_sums(neuron_rdms)[:, :, None], _tie_sums(attribute_rdms)[:, None, :]
    m = P * (P - 1)
    variance = (m * (2 * P + 5) - t[2] - u[2]) / 18 + t[0] * u[0] / (2 * m) + t[1] * u[1] / (9 * m * (P - 2))
    known = (variance > 0) & ~np.isnan(tau)
    z = np.divide(tau * m / 2, np.sqrt(np.maximum(variance, 0)), out=np.full(tau.shape, np.nan), where=known)
    return np.asarray(norm.sf(z))


def _tie_sums(rdms: np.ndarray) -> np.ndarray:
    """Sums of t(t-1), t(t-1)(t-2) and t(t-1)(2t+5) over the groups of equal distances of each RDM, ``(3, n_rdms)``."""
    new = np.ones(rdms.shape, dtype=bool)
    ordered = np.sort(rdms, axis=1)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=new[:, 1:])
    starts = np.flatnonzero(new)
    t = np.diff(np.append(starts, new.size)).astype(np.float64)
    of, pairs = starts // rdms.shape[1], t * (t - 1)
    return np.stack([np.bincount(of, w, minlength=len(rdms)) for w in (pairs, pairs * (t - 2), pairs * (2 * t + 5))])


def _dense_ranks(rdms: np.ndarray) -> np.ndarray:
    """Ranks of each RDM's pairs from 0, equal ones the same, in the smallest type: comparing these is fast."""
    if np.isnan(rdms).any():
        raise ValueError(f"{int(np.isnan(rdms).sum())} distances are NaN; tau needs complete RDMs. Leave them out.")
    ascending = np.argsort(rdms, axis=1)
    ordered = np.take_along_axis(rdms, ascending, axis=1)
    ranks = np.zeros(rdms.shape, dtype=np.int16 if rdms.shape[1] < 2**15 else np.int32)
    rising = np.zeros_like(ranks)
    np.cumsum(ordered[:, 1:] > ordered[:, :-1], axis=1, out=rising[:, 1:])
    np.put_along_axis(ranks, ascending, rising, axis=1)
    return ranks


def _signs(ranks: np.ndarray) -> np.ndarray:
    """Signs of the differences of all pairs of columns, ``(row, pair of columns)``."""
    n = ranks.shape[1]
    signs = np.empty((len(ranks), n * (n - 1) // 2), dtype=np.int8)
    for rows in _slices(len(ranks), 64):  # what is written stays in the cache
        begin, block, out = 0, ranks[rows], signs[rows]
        for p in range(n - 1):
            end = begin + n - 1 - p
            one, others, into = block[:, p : p + 1], block[:, p + 1 :], out[:, begin:end]
            np.subtract((one > others).view(np.int8), (one < others).view(np.int8), out=into)
            begin = end
    return signs


def _varies(rdms: np.ndarray) -> np.ndarray:
    return np.asarray(np.ptp(rdms, axis=1) > 0)


def _slices(n: int, step: int) -> Iterator[slice]:
    return (slice(start, min(n, start + step)) for start in range(0, n, step))


def _require_same_pairs(A: np.ndarray, B: np.ndarray) -> None:
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"the neurons have {A.shape[1]} pairs of stimuli and the attributes {B.shape[1]}; they must be about the "
            "same stimuli in the same order. Align them first."
        )


def _require_orders(orders: np.ndarray, attribute_rdms: np.ndarray) -> None:
    n_stimuli = n_stimuli_of(attribute_rdms.shape[1])
    constant = int((~_varies(attribute_rdms)).sum())
    if orders.shape[1] != n_stimuli or constant:
        raise ValueError(
            f"{len(orders)} orders of {orders.shape[1]} stimuli were given for {len(attribute_rdms)} attributes of "
            f"{n_stimuli} stimuli, {constant} of which are the same for all; orders are of these stimuli, and "
            "attributes vary. Make orders with random_orders, and leave out constant attributes."
        )

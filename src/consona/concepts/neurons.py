"""Which neurons go with which human attribute of concepts, and the sets of neurons that are chosen so."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.concept_rdms import PLACE, attribute_rdms, neuron_rdms
from consona.core.errors import InvalidInput
from consona.core.invariants import require_dims
from consona.stats.fdr import benjamini_hochberg
from consona.stats.neuron_tau import Product, naive_p, neuron_tau, tau_a
from consona.stats.permutation import p_value, random_orders
from consona.stats.rdm import pair_positions

__all__ = [
    "attribute_rdms",
    "distinct_neurons",
    "distinctness",
    "layer_shares",
    "neuron_rdms",
    "neuron_rsa",
    "neurons_below_q",
    "overlap",
    "top_neurons",
]

_CELLS = 2**25  # values of tau that are held at once: 268 MB


def neuron_rsa(
    activations: xr.DataArray, attributes: xr.DataArray, *, n_permutations: int, product: Product, seed: int
) -> xr.Dataset:
    """Kendall's tau-a of every neuron's RDM with every attribute's, and what it is when emotions change places.

    Variables: ``tau``, ``p_naive`` (as if pairs were independent: for comparison only) and ``p`` (one-sided, emotions
    permuted), each ``(attribute, layer, neuron)`` and NaN for a neuron that never varies; ``share (attribute)`` of
    neurons with ``p <= 0.05``, ``share_null (permutation, attribute)``, ``p_share (attribute)``; ``max_null
    (permutation, attribute)``, the largest tau of any neuron. All attributes and neurons are permuted by the same
    orders. Without permutations ``p`` and the shares are NaN. ``product`` is
    :func:`consona.stats.neuron_tau.float_product`, or ``int8_product`` of :mod:`consona.lm.sign_product`.

    Raises
    ------
    InvalidInput
        As :func:`neuron_rdms` and :func:`attribute_rdms`.
    """
    of_neurons = neuron_rdms(activations)
    people = attribute_rdms(attributes, activations["emotion"].values)
    names, (n_layers, n_neurons, n_pairs) = people["attribute"].values, of_neurons.shape
    distances = of_neurons.values.reshape(-1, n_pairs)
    orders = random_orders(activations.sizes["emotion"], n_permutations, seed=seed)
    found = neuron_tau(distances, people.values, orders, product=product)
    p = np.where(np.isnan(found.tau) | (n_permutations == 0), np.nan, found.exceed / (n_permutations + 1))
    per_neuron = {"tau": found.tau, "p_naive": naive_p(found.tau, distances, people.values), "p": p}
    arrays = {
        name: (("attribute", *PLACE), each.T.reshape(-1, n_layers, n_neurons)) for name, each in per_neuron.items()
    }
    p_share = p_value(found.share, found.share_null) if n_permutations else np.full(len(names), np.nan)
    nulls = {name: (("permutation", "attribute"), getattr(found, name)) for name in ("share_null", "max_null")}
    shares = {"share": ("attribute", found.share), "p_share": ("attribute", p_share)}
    coords = {"attribute": names, "layer": of_neurons["layer"].values, "neuron": of_neurons["neuron"].values}
    attrs = {"n_permutations": n_permutations, "seed": seed, "n_constant": int(np.isnan(found.tau[:, 0]).sum())}
    return xr.Dataset({**arrays, **shares, **nulls}, coords, attrs)


def top_neurons(rsa: xr.Dataset, n: int) -> xr.DataArray:
    """The ``n`` neurons with the highest tau, for each attribute: bool ``(attribute, layer, neuron)``.

    Of equal ones the first are taken; a neuron that never varies never is.

    Raises
    ------
    InvalidInput
        When there are fewer than ``n`` neurons that vary.
    """
    return _highest(rsa["tau"], n)


def distinct_neurons(rsa: xr.Dataset, n: int) -> xr.DataArray:
    """The ``n`` neurons whose tau is furthest above the highest tau of any other attribute; as :func:`top_neurons`.

    Raises
    ------
    InvalidInput
        When there are fewer than ``n`` neurons that vary, or fewer than two attributes.
    """
    tau = rsa["tau"].transpose("attribute", *PLACE)
    if tau.sizes["attribute"] < 2:
        raise InvalidInput("Distinct neurons need another attribute to be distinct from; found one. Add attributes.")
    second, first = np.sort(tau.values, axis=0)[-2:]
    other = np.where(tau.values == first, second, first)
    return _highest(tau - other, n)


def _highest(value: xr.DataArray, n: int) -> xr.DataArray:
    value = value.transpose("attribute", *PLACE)
    flat = value.values.reshape(len(value), -1)
    defined = int((~np.isnan(flat)).sum(axis=1).min())
    if not 0 <= n <= defined:
        raise InvalidInput(f"{n} neurons were asked for, of {defined} that vary. Ask for 0 to {defined}.")
    mask = np.zeros(flat.shape, dtype=bool)
    best = np.argsort(np.where(np.isnan(flat), np.inf, -flat), axis=1, kind="stable")[:, :n]
    np.put_along_axis(mask, best, values=True, axis=1)
    return value.copy(data=mask.reshape(value.shape)).rename("mask")


def neurons_below_q(rsa: xr.Dataset, q: float) -> xr.DataArray:
    """Neurons kept at a false discovery rate ``q`` (Benjamini-Hochberg), bool ``(attribute, layer, neuron)``.

    The neurons of an attribute are one family. No p is below ``1 / (n_permutations + 1)``, so none passes unless at
    least a share ``1 / (q (n_permutations + 1))`` of the neurons has that p: a matter of the number of permutations.

    Raises
    ------
    InvalidInput
        When ``q`` is no rate, or there were no permutations.
    """
    if not 0 < q < 1 or not rsa.attrs["n_permutations"]:
        raise InvalidInput(
            f"A false discovery rate lies between 0 and 1 and needs permutations; found {q} and "
            f"{rsa.attrs['n_permutations']} permutations. Choose another q, or run neuron_rsa with permutations."
        )
    p = rsa["p"].transpose("attribute", *PLACE)
    return p.copy(data=np.stack([benjamini_hochberg(each) <= q for each in p.values])).rename("mask")


def overlap(masks: xr.DataArray) -> xr.DataArray:
    """Jaccard index of every two sets, ``(attribute, other)``: neurons in both over neurons in either.

    NaN where both are empty.

    Raises
    ------
    InvalidInput
        When dimensions are not ``(attribute, layer, neuron)``.
    """
    flat, names = _flat(masks), masks["attribute"].values
    return xr.DataArray(jaccard(flat, flat), {"attribute": names, "other": names}, ("attribute", "other"))


def jaccard(A: npt.NDArray[np.bool_], B: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Of rows of ``A (n_a, n_neurons)`` with rows of ``B (n_b, n_neurons)``: ``(n_a, n_b)``."""
    shared = A.astype(np.float32) @ B.astype(np.float32).T
    either = A.sum(axis=1)[:, None] + B.sum(axis=1) - shared
    return np.divide(shared, either, out=np.full(shared.shape, np.nan), where=either > 0, dtype=np.float64)


def layer_shares(masks: xr.DataArray) -> xr.DataArray:
    """Share of each set that lies in each layer, ``(attribute, layer)``, summing to 1; NaN where a set is empty.

    Raises
    ------
    InvalidInput
        When dimensions are not ``(attribute, layer, neuron)``.
    """
    require_dims(masks, ("attribute", *PLACE), "Masks")
    counts = masks.sum("neuron").astype(float)
    total = counts.sum("layer")
    return counts / total.where(total > 0)


def _flat(masks: xr.DataArray) -> npt.NDArray[np.bool_]:
    require_dims(masks, ("attribute", *PLACE), "Masks")
    return np.asarray(masks.values, dtype=bool).reshape(len(masks), -1)


def distinctness(
    activations: xr.DataArray, attributes: xr.DataArray, n: int, *, n_permutations: int, product: Product, seed: int
) -> xr.Dataset:
    r"""Are the sets of an attribute, found on two halves of the comments, more alike than those of two attributes?

    ``activations`` has two splits; the ``n`` neurons of highest tau are chosen on each. Variables: ``within
    (attribute)``, the Jaccard index of an attribute's two sets; ``between (attribute)``, the mean index of one of its
    sets and the other half's set of another attribute; ``difference``, the mean over attributes of the first minus the
    second; ``null (permutation)``, the same where emotions change places, by one order for all attributes and both
    halves, so that attributes correlate as ever and halves are as reliable as ever; one-sided ``p`` (NaN without
    permutations). It asks whether *these* attributes have neurons of their own, more than any table with the same
    correlations would. ``null_names (permutation)`` and ``p_names`` ask less, whether sets repeat at all: there the
    attributes of the second half change their names.

    Raises
    ------
    InvalidInput
        When there are not two splits, two attributes and ``n`` neurons that vary; as :func:`neuron_rsa`.
    """
    if activations.sizes.get("split") != 2 or attributes.sizes.get("attribute", 0) < 2:
        raise InvalidInput(
            f"Distinctness needs two splits and two attributes; found {activations.sizes.get('split')} and "
            f"{attributes.sizes.get('attribute')}. Make activations with concept_activations(..., n_splits=2)."
        )
    people = attribute_rdms(attributes, activations["emotion"].values)
    halves = [neuron_rdms(activations.isel(split=[half])).values.reshape(-1, people.shape[1]) for half in (0, 1)]
    n_emotions = activations.sizes["emotion"]
    orders = np.vstack([np.arange(n_emotions), random_orders(n_emotions, n_permutations, seed=seed)])
    step = max(1, _CELLS // (len(people) * len(halves[0])))
    blocks = [orders[start : start + step] for start in range(0, len(orders), step)]
    index = np.concatenate([_between_halves(halves, people.values, block, n, product) for block in blocks])
    names = index[0][:, random_orders(len(people), n_permutations, seed=seed)].transpose(1, 0, 2)
    sides, attrs = _sides(index[:1]), {"n": n, "n_permutations": n_permutations, "seed": seed}
    found = xr.Dataset(
        {side: ("attribute", values[0]) for side, values in zip(("within", "between"), sides, strict=True)},
        {"attribute": people["attribute"].values},
        attrs,
    )
    difference = float(_difference(index[:1])[0])
    for suffix, null in (("", _difference(index[1:])), ("_names", _difference(names))):
        found["null" + suffix] = "permutation", null
        found["p" + suffix] = p_value(difference, null) if n_permutations else np.nan
    return found.assign(difference=difference)


def _between_halves(
    halves: list[npt.NDArray[np.float64]],
    people: npt.NDArray[np.float64],
    orders: npt.NDArray[np.integer],
    n: int,
    product: Product,
) -> npt.NDArray[np.float64]:
    """Jaccard index of each set of the first half with each of the second, ``(order, attribute, attribute)``."""
    permuted = people[:, pair_positions(orders)].transpose(1, 0, 2)
    sets = [_chosen(tau_a(half, permuted.reshape(-1, people.shape[1]), product=product).T, n) for half in halves]
    several = zip(*(each.reshape(len(orders), len(people), -1) for each in sets), strict=True)
    return np.stack([jaccard(first, second) for first, second in several])


def _sides(index: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Index of each attribute with itself, and its mean with all others in both directions: ``(order, attribute)``."""
    within = np.diagonal(index, axis1=1, axis2=2)
    others = (index + index.transpose(0, 2, 1)).sum(axis=2) / 2 - within
    return within, others / (index.shape[1] - 1)


def _difference(index: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    within, between = _sides(index)
    return np.asarray((within - between).mean(axis=1))


def _chosen(tau: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.bool_]:
    """The ``n`` highest of each row."""
    defined = int((~np.isnan(tau[0])).sum())
    if not 1 <= n <= defined:
        raise InvalidInput(f"Sets of {n} neurons were asked for, of {defined} that vary. Ask for 1 to {defined}.")
    mask = np.zeros(tau.shape, dtype=bool)
    best = np.argpartition(np.where(np.isnan(tau), np.inf, -tau), n - 1, axis=1)[:, :n]
    np.put_along_axis(mask, best, values=True, axis=1)
    return mask

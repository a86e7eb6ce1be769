"""Published accuracies under masks, analysed again: as they were, then with the attribute or the mask as the unit.

``tables`` is what :func:`consona.datasets.masking_tables.load_masking_tables` returns. Drops are accuracies of a random
mask minus accuracies of the selective one, so that more is worse for the selective one.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import stats as scipy_stats

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.stats.attribute_link import AttributeLink, attribute_link
from consona.stats.correlation import pearson_pairs, unit_columns
from consona.stats.permutation import fwer_p_values, p_value, random_orders

DETAILED = 4000
"""The one number of neurons for which drops per emotion and neurons per layer are in the tables."""
OWN, MEAN = "own random mask", "mean of random masks"
COVARIATES = ("none", "mean layer", "thirds of the layers")
"""What the link is given: nothing; the mean layer of the neurons; the shares in the first and last third of layers."""

Array = npt.NDArray[np.float64]
_LINK = ("r", "rho", "p", "p_rho", "low", "high")


def attribute_drops(tables: xr.Dataset) -> xr.DataArray:
    """Drops ``(against, n, attribute)``, mean over emotions, for every number of neurons that has both kinds of masks.

    ``against`` one's own random mask, as published: one draw, whose luck goes into the drop; or the mean of all random
    masks of that size, which leaves the order of attributes to the selective masks alone.

    Raises :class:`InvalidInput` when there is no such number.
    """
    _require(tables, ("accuracy",))
    both = np.asarray(tables["accuracy"].notnull().all(["kind", "attribute"]))
    if not both.any():
        raise InvalidInput("No number of neurons has both selective and random masks. Load the whole tables.")
    selective, random = (tables["accuracy"].sel(kind=kind).isel(n=both) for kind in ("selective", "random"))
    against = xr.concat([random, random.mean("attribute")], dim="against", coords="minimal", compat="override")
    drops = (against - selective).assign_coords(against=[OWN, MEAN]).reset_coords(drop=True)
    return drops.transpose("against", "n", "attribute")


def masks_compared(tables: xr.Dataset) -> xr.Dataset:
    """Selective against random masks with the mask as the unit, at every number of neurons.

    Returns
    -------
    xr.Dataset
        Over ``n``: accuracies ``selective`` and ``random``, ``sd``, ``low`` and ``high`` of the random ones, Welch's
        ``t`` and one-sided ``p`` (selective lower), and ``n_below``: selective masks below the worst random one.
    """
    n = attribute_drops(tables)["n"].values
    selective, random = (tables["accuracy"].sel(kind=kind, n=n).values for kind in ("selective", "random"))
    t, p = scipy_stats.ttest_ind(selective, random, axis=1, equal_var=False, alternative="less")
    low = random.min(axis=1)
    values = {
        "selective": selective.mean(axis=1),
        "random": random.mean(axis=1),
        "sd": random.std(axis=1, ddof=1),
        "low": low,
        "high": random.max(axis=1),
        "t": t,
        "p": p,
        "n_below": (selective < low[:, None]).sum(axis=1),
    }
    return xr.Dataset({name: ("n", each) for name, each in values.items()}, {"n": n})


def emotion_level_link(tables: xr.Dataset, *, n_permutations: int = 10_000, seed: int) -> xr.Dataset:
    r"""The published test: r of drop and importance over attributes in every emotion, then a t-test over emotions.

    .. math:: z_e = \operatorname{artanh} r_e, \qquad t = \bar z \big/ (s_z / \sqrt{n_e})

    All emotions share the same masks, so they are no replicates. ``p_exchanged`` exchanges the importances of
    attributes, in all emotions at once, and asks how often :math:`|\bar z|` is as large; ``share_significant`` is how
    often the t-test then says p < .05 although nothing was left to find, ``typical_t`` the median of :math:`|t|`.

    Returns
    -------
    xr.Dataset
        ``r`` over ``emotion``; ``mean_r`` (through z) with ``low``, ``high``; ``t``, ``p``; ``p_exchanged``,
        ``share_significant``, ``typical_t``.
    """
    _require(tables, ("drop", "importance"))
    drop, importance = tables["drop"].values, tables["importance"].values
    orders = random_orders(len(importance), n_permutations, seed=seed)
    z = np.arctanh(pearson_pairs(drop.T, np.vstack([importance, importance[orders]]).T))
    df = len(drop) - 1
    error = z.std(axis=0, ddof=1) / np.sqrt(len(drop))
    t = z.mean(axis=0) / error
    half = scipy_stats.t.ppf(0.975, df) * error[0]
    critical = scipy_stats.t.ppf(0.975, df)
    values = {
        "mean_r": np.tanh(z[:, 0].mean()),
        "low": np.tanh(z[:, 0].mean() - half),
        "high": np.tanh(z[:, 0].mean() + half),
        "t": t[0],
        "p": 2 * scipy_stats.t.sf(abs(t[0]), df),
        "p_exchanged": p_value(abs(z[:, 0].mean()), np.abs(z[:, 1:].mean(axis=0))),
        "share_significant": (np.abs(t[1:]) > critical).mean(),
        "typical_t": np.median(np.abs(t[1:])),
    }
    found = xr.Dataset({name: ((), float(each)) for name, each in values.items()})
    return found.assign(r=("emotion", np.tanh(z[:, 0]))).assign_coords(emotion=tables["emotion"].values)


def attribute_level_link(tables: xr.Dataset, *, n_permutations: int = 10_000, seed: int) -> xr.Dataset:
    """Drop and importance over the attributes, one point each, at every number of neurons.

    See :func:`~consona.stats.attribute_link.attribute_link` for the columns. ``p_any`` is corrected for having looked
    at all numbers of neurons: how often the largest :math:`|r|` of all is as large under one order of attributes.
    Exchanging attributes takes them to be independent, which those that share neurons are not: p may be too small.

    Returns
    -------
    xr.Dataset
        ``r, rho, p, p_rho, low, high, p_any`` over ``(against, n)``; ``leave_one_out`` with ``attribute`` besides.
    """
    _require(tables, ("importance",))
    drops, importance = attribute_drops(tables), tables["importance"].values
    links = [
        [attribute_link(row, importance, n_permutations=n_permutations, seed=seed) for row in rows]
        for rows in drops.values
    ]
    orders = random_orders(len(importance), n_permutations, seed=seed)
    found = _table_of(links, ("against", "n"))
    found["leave_one_out"] = (
        ("against", "n", "attribute"),
        np.array([[each.leave_one_out for each in row] for row in links]),
    )
    found["p_any"] = (("against", "n"), np.array([_p_max(rows.T, importance, orders) for rows in drops.values]))
    return found.assign_coords({str(name): drops[name].values for name in drops.dims})


def layer_link(tables: xr.Dataset, *, n_permutations: int = 10_000, seed: int) -> xr.Dataset:
    """Where the 4,000 neurons lie, what they cost, and the link of drop and importance given where they lie.

    Random masks take neurons from all layers alike, selective ones do not. Twelve shares that sum to one leave one
    degree of freedom of fourteen attributes, so the link is given a summary instead (``COVARIATES``): two, named
    beforehand. Only masks that are matched by layer can settle it.

    Returns
    -------
    xr.Dataset
        ``drop_r`` and ``p_layer`` (corrected for all layers) over ``(against, layer)``: drop with the share of neurons
        in a layer; ``importance_r`` over ``layer``; ``r, rho, p, p_rho, low, high`` over ``(against, covariate)``.
    """
    _require(tables, ("importance", "n_neurons"))
    drops, importance = attribute_drops(tables).sel(n=DETAILED), tables["importance"].values
    share = _layer_shares(tables)
    orders = random_orders(len(importance), n_permutations, seed=seed)
    links = [
        [
            attribute_link(row, importance, covariates=given, n_permutations=n_permutations, seed=seed)
            for given in _covariates(share)
        ]
        for row in drops.values
    ]
    found = _table_of(links, ("against", "covariate"))
    found["drop_r"] = (("against", "layer"), pearson_pairs(drops.values.T, share))
    found["p_layer"] = (("against", "layer"), np.array([_p_max(share, row, orders) for row in drops.values]))
    found["importance_r"] = ("layer", pearson_pairs(importance[:, None], share)[0])
    names = {"against": drops["against"].values, "covariate": list(COVARIATES), "layer": tables["layer"].values}
    return found.assign_coords(names)


def one_draw(tables: xr.Dataset, *, n: int = DETAILED) -> xr.Dataset:
    """How much of every drop is the luck of its one random mask.

    Returns
    -------
    xr.Dataset
        Over ``attribute``: ``drop`` against the own random mask, ``drop_mean`` against the mean of all, their
        difference ``luck`` (accuracy of the own random mask minus the mean), and ``rank`` of that mask among the random
        ones, 1 the most harmful; attribute ``variance_share`` of the drops that is variance of random masks.

    Raises :class:`InvalidInput` for a number of neurons without both kinds of masks.
    """
    drops = attribute_drops(tables)
    if n not in drops["n"].values:
        raise InvalidInput(f"There are no masks of {n} neurons; there are those of {listed(drops['n'].values)}.")
    own, mean = (drops.sel(against=name, n=n, drop=True) for name in (OWN, MEAN))
    random = tables["accuracy"].sel(kind="random", n=n, drop=True)
    found = xr.Dataset({"drop": own, "drop_mean": mean, "luck": own - mean})
    found["rank"] = ("attribute", scipy_stats.rankdata(random.values, method="min").astype(int))
    selective = tables["accuracy"].sel(kind="selective", n=n)
    found.attrs["variance_share"] = float(random.var() / (random.var() + selective.var()))
    return found


def _p_max(columns: Array, values: Array, orders: npt.NDArray[np.integer]) -> Array:
    """p of each column's correlation with the values, corrected for all columns by their largest in every order."""
    Z = unit_columns(columns)
    observed, null = (np.abs(unit_columns(each.T).T @ Z) for each in (values[None], values[orders]))
    return np.asarray(fwer_p_values(np.round(observed[0], 9), np.round(null.max(axis=1), 9)))


def _layer_shares(tables: xr.Dataset) -> Array:
    """Share of every attribute's neurons in each layer ``(attribute, layer)``."""
    counts = tables["n_neurons"].transpose("attribute", "layer").values.astype(float)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _covariates(share: Array) -> tuple[Array | None, Array, Array]:
    """What ``COVARIATES`` names, as columns."""
    third = share.shape[1] // 3
    mean_layer = share @ np.arange(share.shape[1])
    thirds = np.column_stack([share[:, :third].sum(axis=1), share[:, -third:].sum(axis=1)])
    return None, mean_layer[:, None], thirds


def _table_of(links: list[list[AttributeLink]], dims: tuple[str, str]) -> xr.Dataset:
    return xr.Dataset({name: (dims, np.array([[getattr(e, name) for e in row] for row in links])) for name in _LINK})


def _require(tables: xr.Dataset, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in tables]
    if missing:
        raise InvalidInput(f"The tables lack {listed(missing)}; they hold {listed(tables)}. Load the whole tables.")

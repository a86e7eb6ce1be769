"""How far texts that were taken apart lie from the whole captions, and how far captions of one image agree."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.sampled_sets import rows_of_sets, sampled_sets
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.correlation import unit_columns
from consona.stats.fractional_settings import Mode
from consona.stats.rdm import correlation_rdm
from consona.stats.rdm_bootstrap import bootstrap_rdms, drawn
from consona.stats.rdm_comparison import Comparison, compare_rdms
from consona.stats.rdm_permutation import permuted_comparisons
from consona.stats.seeds import rng_for

__all__ = ["caption_consistency", "rung_agreement"]

_COMPARISONS: tuple[Comparison, ...] = ("pearson", "spearman")
_ORDERS = 10  # of exchanged images, per set: a baseline, not a test
_FEWEST = 3
_RELEASED = 4  # the fifth caption, counted from 0
Pair = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


class _Drawing(NamedTuple):
    """How images are put into sets for RDMs, and drawn again for intervals."""

    set_size: int
    n_draws: int
    level: float
    seed: int


def rung_agreement(
    full: Features,
    rungs: Mapping[str, Features],
    *,
    set_size: int = 100,
    n_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Every rung against the full captions: image by image, and as geometry.

    Parameters
    ----------
    full
        Embeddings of the full captions, one layer.
    rungs
        Embeddings of other texts for the same images, one layer each; the order of the images may differ. A rung with
        another number of features (categories as numbers) has a geometry and no correlation image by image.
    set_size
        RDMs of at least twice as many images are compared in disjoint random sets of that size, as with brains, and
        sets are drawn again for the interval; smaller ones are compared whole, and images are drawn again.
    n_draws, level, seed
        Of the bootstrap intervals; the seed is also that of the sets.

    Returns
    -------
    xr.Dataset
        ``r`` and ``cosine`` over ``(rung, stimulus)``: over features, NaN where an embedding is constant. For both, per
        rung: ``_mean``, ``_sd`` (over images), ``_low`` and ``_high`` (interval of the mean, images drawn again),
        ``_mismatched`` and ``_mismatched_sd``: the same between a rung and the full captions of all *other* images.
        ``rdm_pearson`` and ``rdm_spearman`` per rung: agreement of the RDMs (correlation distance), with ``_low``,
        ``_high`` and ``_mismatched`` (images exchanged at random).

    Raises
    ------
    InvalidInput
        When features have several layers or other images, there is no rung, or there are fewer than three images.
    """
    if not rungs:
        raise InvalidInput("There is no rung to compare with the full captions. Give at least one.")
    drawing = _Drawing(set_size, n_draws, level, seed)
    whole = _values(full, full.ids, "full")
    pairs = [(_values(rung, full.ids, name), whole) for name, rung in rungs.items()]
    found = xr.Dataset(coords={"rung": list(rungs), "stimulus": full.ids})
    matched = [_unit_pairs(*pair) for pair in pairs]
    for name in ("r", "cosine"):
        rows = np.array([np.vecdot(*each[name]) for each in matched])
        baseline = np.array([_mismatched(*each[name]) for each in matched]).T
        found[name] = ("rung", "stimulus"), rows
        for key, values in _over_images(rows, drawing).items():
            found[f"{name}_{key}"] = "rung", values
        found[f"{name}_mismatched"], found[f"{name}_mismatched_sd"] = ("rung", baseline[0]), ("rung", baseline[1])
    geometry = _Geometry.of(pairs, full.ids, drawing)
    for comparison in _COMPARISONS:
        low, high = _ends(geometry.draws[comparison], drawing)
        found[f"rdm_{comparison}"] = "rung", geometry.effects[comparison]
        found[f"rdm_{comparison}_low"], found[f"rdm_{comparison}_high"] = ("rung", low), ("rung", high)
        found[f"rdm_{comparison}_mismatched"] = "rung", geometry.exchanged[comparison]
    return found.assign_attrs(_attrs(full.ids, geometry, drawing) | {"model": full.attrs.get("model", "")})


def caption_consistency(
    each: xr.DataArray,
    *,
    mode: Mode = "corrected",
    set_size: int = 100,
    n_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """One caption of an image against the mean of its other captions: what a perfect read-out of captions could reach.

    Parameters
    ----------
    each
        Embeddings ``(stimulus, caption, feature)``, NaN where an image has fewer captions.
    mode
        ``corrected`` and ``paper``: every caption takes its turn. ``released``: only the fifth, because the released
        code empties its list for each caption.
    set_size, n_draws, level, seed
        As in :func:`rung_agreement`.

    Returns
    -------
    xr.Dataset
        ``r`` and ``cosine`` over ``(stimulus, caption)``, NaN where a caption is missing or not looked at; as scalars
        ``_mean``, ``_sd`` (over images, each the mean of its captions), ``_low`` and ``_high``, and ``_mismatched``:
        a caption against the mean caption of all *other* images. ``rdm_pearson`` and ``rdm_spearman`` ``(caption)``:
        agreement of the two RDMs for the captions that every image has; ``_mean``, ``_low`` and ``_high`` over these.

    Raises
    ------
    InvalidInput
        When dims differ, an image has fewer than two captions (in the mode released: five), or values are infinite.
    """
    drawing = _Drawing(set_size, n_draws, level, seed)
    values, turns = _captions(each, mode)
    ids = as_names(each["stimulus"].values)
    pairs = {turn: _one_and_others(values, turn) for turn in turns}
    matched = {turn: _unit_pairs(*pair) for turn, pair in pairs.items()}
    found = xr.Dataset(coords={"stimulus": ids, "caption": np.arange(values.shape[1])})
    for name in ("r", "cosine"):
        table = np.full(values.shape[:2], np.nan)
        for turn, unit in matched.items():
            table[:, turn] = np.vecdot(*unit[name])
        found[name] = ("stimulus", "caption"), table
        for key, value in _over_images(np.nanmean(table[:, turns], axis=1)[None], drawing).items():
            found[f"{name}_{key}"] = float(value[0])
        found[f"{name}_mismatched"] = float(np.mean([_mismatched(*unit[name])[0] for unit in matched.values()]))
    shared = [turn for turn in turns if np.isfinite(values[:, turn]).all()]
    geometry = _Geometry.of([pairs[turn] for turn in shared], ids, drawing)
    for comparison in _COMPARISONS:
        of_captions = np.full(values.shape[1], np.nan)
        of_captions[shared] = geometry.effects[comparison]
        low, high = _ends(geometry.draws[comparison].mean(axis=1, keepdims=True), drawing)
        found[f"rdm_{comparison}"] = "caption", of_captions
        found[f"rdm_{comparison}_mean"] = float(geometry.effects[comparison].mean())
        found[f"rdm_{comparison}_low"], found[f"rdm_{comparison}_high"] = float(low[0]), float(high[0])
    return found.assign_attrs(_attrs(ids, geometry, drawing) | {"mode": mode, "model": each.attrs.get("model", "")})


def _values(features: Features, ids: npt.NDArray[np.str_], name: str) -> npt.NDArray[np.float64]:
    """The one layer of these images."""
    if len(features.layers) != 1 or set(features.ids.tolist()) != set(ids.tolist()) or len(ids) < _FEWEST:
        raise InvalidInput(
            f"The embeddings '{name}' have {len(features.layers)} layers and {len(features)} images; one layer and the "
            f"{len(ids)} images of the full captions ({listed(ids)}) are needed, three or more."
        )
    return features.select(ids).layer(-1).astype(np.float64)


def _captions(each: xr.DataArray, mode: str) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Values, and the places of the captions that take a turn."""
    if each.dims != ("stimulus", "caption", "feature"):
        raise InvalidInput(f"Captions are (stimulus, caption, feature); found {each.dims}. Make them with embed_each.")
    values = np.asarray(each.values, dtype=np.float64)
    there = np.asarray(np.isfinite(values).all(axis=2))
    halves = np.asarray(~np.isnan(values).all(axis=2)) & ~there
    wanted = there[:, _RELEASED : _RELEASED + 1] if mode == "released" else there
    broken = (there.sum(axis=1) < 2) | ~wanted.any(axis=1) | halves.any(axis=1)
    if broken.any() or len(values) < _FEWEST:
        raise InvalidInput(
            f"{int(broken.sum())} of {len(values)} images have too few captions, or captions that are infinite or "
            f"undefined in part: {listed(as_names(each['stimulus'].values)[broken])}. Leave them out."
        )
    return values, [_RELEASED] if mode == "released" else list(range(values.shape[1]))


def _one_and_others(values: npt.NDArray[np.float64], turn: int) -> Pair:
    """A caption of every image, and the mean of the others; NaN where the image has no such caption."""
    one, others = values[:, turn], np.delete(values, turn, axis=1)
    mean = np.nansum(others, axis=1) / np.isfinite(others).all(axis=2).sum(axis=1)[:, None]
    return one, np.where(np.isfinite(one), mean, np.nan)


def _unit_pairs(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> dict[str, Pair]:
    """Rows whose inner products are correlations and cosines; NaN where there is none, or features are others."""
    if a.shape[1] != b.shape[1]:
        nothing = np.full((len(a), 1), np.nan)
        return {"r": (nothing, nothing), "cosine": (nothing, nothing)}
    lengths = [np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    x, y = (np.divide(v, n, out=np.full_like(v, np.nan), where=n > 0) for v, n in zip((a, b), lengths))
    return {"r": (unit_columns(a.T).T, unit_columns(b.T).T), "cosine": (x, y)}


def _mismatched(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean and SD of the products of all rows of ``a`` with all *other* rows of ``b``, from sums alone."""
    known = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    a, b, n = a[known], b[known], int(known.sum())
    if n < 2:
        return float("nan"), float("nan")
    own = np.vecdot(a, b)
    mean = (a.sum(axis=0) @ b.sum(axis=0) - own.sum()) / (n * (n - 1))
    square = (((a.T @ a) * (b.T @ b)).sum() - (own**2).sum()) / (n * (n - 1))
    return float(mean), float(np.sqrt(max(square - mean**2, 0.0)))


def _over_images(rows: npt.NDArray[np.float64], drawing: _Drawing) -> dict[str, npt.NDArray[np.float64]]:
    """Mean, SD and interval of the mean of values ``(n_rows, n_images)``, per row; undefined images are left out."""
    low, high = bootstrap_interval(rows.T, n_draws=drawing.n_draws, level=drawing.level, seed=drawing.seed)
    known = np.isfinite(rows)
    n = np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    mean = np.where(known, rows, 0.0).sum(axis=1) / n
    sd = np.sqrt(np.where(known, (rows - mean[:, None]) ** 2, 0.0).sum(axis=1) / n)
    return {"mean": mean, "sd": sd, "low": low, "high": high}


class _Geometry(NamedTuple):
    """Agreement of pairs of RDMs by comparison: ``(n_pairs,)``, its draws ``(n_draws, n_pairs)``, and a baseline."""

    effects: dict[str, npt.NDArray[np.float64]]
    draws: dict[str, npt.NDArray[np.float64]]
    exchanged: dict[str, npt.NDArray[np.float64]]
    n_sets: int

    @classmethod
    def of(cls, pairs: Sequence[Pair], ids: npt.NDArray[np.str_], drawing: _Drawing) -> "_Geometry":
        """Whole where images are few, else in sets."""
        if len(ids) < 2 * drawing.set_size:
            rows = np.arange(len(ids))[None]
        else:
            rows = rows_of_sets(sampled_sets(ids, n=drawing.set_size, seed=drawing.seed), ids, "the embeddings")
        made = cls({}, {}, {}, len(rows))
        for comparison in _COMPARISONS:
            table = np.array([[_agreement(a[k], b[k], comparison, drawing.seed) for a, b in pairs] for k in rows])
            made.effects[comparison], made.exchanged[comparison] = table.mean(axis=0).T
            if len(rows) > 1:
                counts = drawn(len(rows), drawing.n_draws, seed=drawing.seed, of="sets")
                made.draws[comparison] = counts @ table[..., 0] / len(rows)
            else:
                made.draws[comparison] = np.column_stack([_drawn(*pair, comparison, drawing) for pair in pairs])
        return made


def _agreement(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], comparison: Comparison, seed: int
) -> tuple[float, float]:
    """Of two RDMs, and on average when the images of one are exchanged."""
    x, y = correlation_rdm(a)[None], correlation_rdm(b)[None]
    orders = rng_for(seed, "exchanged images").permuted(np.tile(np.arange(len(a)), (_ORDERS, 1)), axis=1)
    exchanged = permuted_comparisons(x, y, orders, comparison=comparison)
    return float(compare_rdms(x, y, comparison=comparison)[0, 0]), float(exchanged.mean())


def _drawn(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], comparison: Comparison, drawing: _Drawing
) -> npt.NDArray[np.float64]:
    """The agreement after each draw of images, ``(n_draws,)``."""
    x, y = correlation_rdm(a)[None], correlation_rdm(b)[None]
    draws = bootstrap_rdms(x, y, comparison=comparison, n_draws=drawing.n_draws, seed=drawing.seed)
    return draws.stimuli[:, 0]


def _ends(draws: npt.NDArray[np.float64], drawing: _Drawing) -> npt.NDArray[np.float64]:
    """Percentile interval per column, ``(2, n_columns)``; NaN where no draw is defined."""
    tails = [(1 - drawing.level) / 2, (1 + drawing.level) / 2]
    columns = [column[np.isfinite(column)] for column in draws.T]
    return np.array([np.quantile(each, tails) if len(each) else np.full(2, np.nan) for each in columns]).T


def _attrs(ids: npt.NDArray[np.str_], geometry: _Geometry, drawing: _Drawing) -> dict[str, object]:
    facts = {"n_images": len(ids), "n_sets": geometry.n_sets, "set_size": min(drawing.set_size, len(ids))}
    return facts | {"n_draws": drawing.n_draws, "level": drawing.level, "seed": drawing.seed}

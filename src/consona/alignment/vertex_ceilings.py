"""Ceilings of encoding, each by its name, and regions beside them: means, shares and ratios of subjects."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.held_out import target_coords
from consona.alignment.vertex_encoding import mean_responses
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names
from consona.core.recording import Recording
from consona.stats.ceiling import noise_ceiling
from consona.stats.correlation import pearson_columns

__all__ = ["between_subjects", "ncsnr_ceiling", "region_table", "require_same_targets", "stacked_scores"]

LEVEL = 0.05
Array = npt.NDArray[np.floating]


def between_subjects(recordings: Mapping[str, Recording], shared: Sequence[str]) -> xr.DataArray:
    r"""How well the mean of the other subjects predicts a subject's responses to the images that all of them saw.

    .. math:: c_{sv} = \mathrm{corr}_i\Big(y_{siv},\; \tfrac{1}{n-1} \sum_{s' \ne s} y_{s'iv}\Big)

    No model of what subjects have in common can do better than the others' infinitely many; a model may pass this
    ceiling nevertheless, because the others are few and noisy and because a model may know what is a subject's own.

    Parameters
    ----------
    recordings
        By name of subject, of the same targets, such as vertices of fsaverage.
    shared
        Ids of images.

    Returns
    -------
    ``(subject, target)``. Another subject without the target (NaN) is left out of the mean; NaN where the subject
    itself lacks it, or all others do.

    Raises
    ------
    InvalidInput
        When there is one subject only, numbers of targets differ, or an image is missing.
    """
    require_same_targets(recordings)
    values = np.stack([mean_responses(recording, shared) for recording in recordings.values()])
    known = np.isfinite(values)
    values = np.where(known, values, 0)
    total, count = values.sum(axis=0), known.sum(axis=0)
    found = np.empty((len(values), values.shape[2]))
    for subject, (own, there) in enumerate(zip(values, known, strict=True)):
        others = count - there
        mean = (total - own) / np.where(others > 0, others, np.nan)
        found[subject] = pearson_columns(np.where(there, own, np.nan), mean)
    return _by_subject(found, recordings, "between subjects", "pearson r", len(shared))


def ncsnr_ceiling(ncsnr: npt.ArrayLike, repetitions: npt.ArrayLike) -> xr.Dataset:
    r"""What a perfect model would reach for a subject's mean responses, from signal and noise of single repetitions.

    .. math:: r = \sqrt{\frac{\mathrm{ncsnr}^2}{\mathrm{ncsnr}^2 + \overline{1/n_i}}}

    Allen et al. (2022). Unlike :func:`between_subjects` it counts what is a subject's own as signal.

    Parameters
    ----------
    ncsnr
        ``(n_targets,)``.
    repetitions
        Of every image that was averaged, or one number; of the *test* images, where the ceiling stands beside a score.

    Returns
    -------
    ``r(target)`` and ``percent(target)``, :math:`100\,r^2`.

    Raises
    ------
    InvalidInput
        When a number of repetitions is below 1.
    """
    try:
        r = noise_ceiling(np.asarray(ncsnr, dtype=np.float64), n_repetitions=np.atleast_1d(np.asarray(repetitions)))
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    values = {"r": ("target", r), "percent": ("target", 100 * r**2)}
    return xr.Dataset(values, attrs={"ceiling": "ncsnr, own subject"})


def stacked_scores(scores: Sequence[xr.Dataset]) -> xr.Dataset:
    """Scores of several subjects, of the same targets, as ``(subject, target)``.

    Raises
    ------
    InvalidInput
        When numbers of targets differ.
    """
    sizes = {str(each.attrs["subject"]): each.sizes["target"] for each in scores}
    if len(set(sizes.values())) != 1 or len(sizes) != len(scores):
        raise InvalidInput(f"Scores of subjects stand side by side once each, with the same targets; found {sizes}.")
    names = as_names(list(sizes))
    along = xr.Variable("subject", names)
    joined = xr.concat([each.drop_attrs() for each in scores], dim="subject", coords="minimal", compat="override")
    return joined.assign_coords(subject=along).assign_attrs(
        n_undefined=sum(int(each.attrs.get("n_undefined", 0)) for each in scores)
    )


def region_table(
    r: xr.DataArray,
    ceilings: Mapping[str, xr.DataArray],
    *,
    q: xr.DataArray | None = None,
    region: str = "roi",
    level: float = LEVEL,
) -> xr.Dataset:
    """Means over the targets of every region, subject by subject, and the same of every ceiling beside them.

    Parameters
    ----------
    r
        ``(subject, target)`` with the coordinate named by ``region``; targets without a label (``""``) are left out.
    ceilings
        By name, ``(subject, target)`` or ``(target,)``, in units of r.
    q
        ``(subject, target)``: then ``share`` is the share of tested targets with q below ``level``.
    region
        The coordinate that names regions.
    level
        Of ``share``.

    Returns
    -------
    ``r``, ``share``, ``n_targets``, ``n_undefined`` over ``(subject, region)``; ``ceiling`` and ``ratio`` over
    ``(kind, subject, region)``, a kind for every ceiling. A ratio is of two means over the targets where both are
    defined; it is not clipped, and it is no score: a weak ceiling makes it large.

    Raises
    ------
    InvalidInput
        When targets have no such coordinate or no label at all, or a ceiling is of other targets.
    """
    labels = _labels(r, region)
    names = [name for name in dict.fromkeys(labels.tolist()) if name]
    places = [np.flatnonzero(labels == name) for name in names]
    values = r.transpose("subject", "target").values
    known = np.isfinite(values)
    dims, tops, ratios = ("subject", "region"), [], []
    for name, ceiling in ceilings.items():
        top = _like(ceiling, r, name)
        both = known & np.isfinite(top)
        tops.append(_means(top, np.isfinite(top), places))
        ratios.append(_means(values, both, places) / _means(top, both, places))
    shape = (len(ceilings), len(values), len(names))
    tables = {
        "r": (dims, _means(values, known, places)),
        "share": (dims, np.full(shape[1:], np.nan) if q is None else _share(q, level, places)),
        "n_targets": (dims, np.tile([len(place) for place in places], (len(values), 1))),
        "n_undefined": (dims, np.stack([(~known[:, place]).sum(axis=1) for place in places], axis=1)),
        "ceiling": (("kind", *dims), np.array(tops).reshape(shape)),
        "ratio": (("kind", *dims), np.array(ratios).reshape(shape)),
    }
    coords = {"subject": as_names(r["subject"].values), "region": names, "kind": list(ceilings)}
    return xr.Dataset(tables, coords, {"level": level, "region": region})


def require_same_targets(recordings: Mapping[str, Recording]) -> None:
    """Several subjects, all with as many targets.

    Raises
    ------
    InvalidInput
        When there is one subject only, or numbers differ.
    """
    sizes = {name: recording.n_targets for name, recording in recordings.items()}
    if len(sizes) < 2 or len(set(sizes.values())) != 1:
        raise InvalidInput(
            f"Subjects are held against each other, target by target; found these numbers of targets: {sizes}. Give at "
            "least two subjects in one space, such as fsaverage."
        )


def _by_subject(
    values: Array, recordings: Mapping[str, Recording], ceiling: str, unit: str, n_images: int
) -> xr.DataArray:
    coords = {**target_coords(next(iter(recordings.values()))), "subject": as_names(list(recordings))}
    attrs = {"ceiling": ceiling, "unit": unit, "n_images": n_images, "n_subjects": len(recordings)}
    return xr.DataArray(values, coords, ("subject", "target"), name="ceiling", attrs=attrs)


def _labels(r: xr.DataArray, region: str) -> npt.NDArray[np.str_]:
    labels = as_names(r[region].values) if region in r.coords else np.array([], dtype=np.str_)
    if not np.any(labels != ""):
        raise InvalidInput(
            f"The scores have no labelled target along '{region}'; coordinates are {sorted(map(str, r.coords))}. Give "
            "the recording its regions, or name another coordinate."
        )
    return labels


def _like(ceiling: xr.DataArray, r: xr.DataArray, name: str) -> Array:
    sizes = (ceiling.sizes.get("subject", r.sizes["subject"]), ceiling.sizes["target"])
    if sizes != (r.sizes["subject"], r.sizes["target"]):
        raise InvalidInput(
            f"Ceiling '{name}' is {dict(ceiling.sizes)} and the scores are {dict(r.sizes)}; both are of the same "
            "subjects and targets. Make it of the same recordings."
        )
    values = ceiling.transpose(..., "target").values
    return np.broadcast_to(values, (r.sizes["subject"], r.sizes["target"]))


def _share(q: xr.DataArray, level: float, places: list[npt.NDArray[np.intp]]) -> Array:
    tested = q.transpose("subject", "target").values
    return _means((tested < level).astype(np.float64), np.isfinite(tested), places)


def _means(values: Array, known: npt.NDArray[np.bool_], places: list[npt.NDArray[np.intp]]) -> Array:
    """Means of the known values of every region, ``(subject, region)``; NaN where there are none."""
    counts = np.stack([known[:, place].sum(axis=1) for place in places], axis=1)
    sums = np.stack([np.where(known, values, 0.0)[:, place].sum(axis=1) for place in places], axis=1)
    return np.asarray(sums / np.where(counts > 0, counts, np.nan))

"""What a model explains beyond length, position or frequency: variance divided among sets of features."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.held_out import HeldOut, in_precision, target_coords
from consona.alignment.layers import ALPHAS
from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.stats.banded import dirichlet_gammas
from consona.stats.partition import JointModel, partition, unique_null
from consona.stats.permutation import p_value

__all__ = ["variance_partition"]

N_DRAWS = 20
R2 = "held-out R2 beyond the training mean"


def variance_partition(
    bands: Mapping[str, Features],
    recording: Recording,
    *,
    split: Split,
    tested: str | None = None,
    alphas: tuple[float, ...] = ALPHAS,
    n_draws: int = N_DRAWS,
    n_permutations: int = 200,
) -> xr.Dataset:
    r"""Divide the held-out variance of every target among bands of features, all fitted jointly by banded ridge.

    .. math:: \text{unique}_b = R^2_\text{full} - R^2_{\text{without } b}, \qquad
              \text{shared} = R^2_\text{full} - \sum_b \text{unique}_b

    ``product`` is the product measure, which divides all of ``full`` among the bands. Weights and penalties are chosen
    in the inner folds, in each of the models anew. :math:`R^2` is counted from the prediction by the training mean, is
    averaged over folds of at least 20 stimuli and otherwise summed over folds, and may be negative.

    Parameters
    ----------
    bands
        At least two sets of features by name, one layer each, of the same stimuli.
    recording
        Responses of one subject; targets that are constant or missing are NaN.
    split
        What is held out together, and what changes places under the null.
    tested
        The band whose unique variance gets a null and p (Freedman and Lane's, see
        :func:`consona.stats.partition.unique_null`); none where not given.
    alphas
        Ridge penalties, for bands of total variance 1.
    n_draws
        Band weights that are tried; equal weights are always among them.
    n_permutations
        Size of the null.

    Returns
    -------
    xarray.Dataset
        ``full``, ``shared`` over ``target``; ``unique``, ``without``, ``alone``, ``product`` over ``(band, target)``;
        with ``tested`` also ``null`` over ``(permutation, target)`` and one-sided ``p`` over ``target``.

    Raises
    ------
    InvalidInput
        When there are fewer than two bands, a band has several layers or is the same for all stimuli, ``tested`` is
        none of them, or stimuli and split do not fit.
    """
    _require(bands, tested, n_permutations)
    held_out = HeldOut.of(recording, split, 0 if tested is None else n_permutations)
    values = [_values(name, features, split) for name, features in bands.items()]
    gammas = dirichlet_gammas(len(values), n_draws, seed=split.seed)
    model = JointModel(values, held_out.folds, held_out.inner, gammas, np.asarray(alphas), held_out.pooled)
    found = partition(model, held_out.responses)
    coords = {"band": list(bands), **target_coords(recording)}
    per_band = {name: getattr(found, name) for name in ("unique", "without", "alone", "product")}
    result = xr.Dataset(
        {
            "full": ("target", found.full),
            "shared": ("target", found.shared),
            **{name: (("band", "target"), each) for name, each in per_band.items()},
        },
        coords,
        {"metric": R2, "words": held_out.words("band weights and penalties"), "n_draws": n_draws},
    )
    result.attrs["cv"] = "pooled" if held_out.pooled else "fold-wise"
    return result if tested is None else _with_null(result, model, held_out, tested)


def _with_null(result: xr.Dataset, model: JointModel, held_out: HeldOut, tested: str) -> xr.Dataset:
    band = result["band"].values.tolist().index(tested)
    null = unique_null(model, held_out.responses, band, held_out.orders)
    observed = result["unique"].values[band]
    words = held_out.split.null_words().replace("responses", f"residuals of the bands other than '{tested}'", 1)
    return result.assign(
        null=(("permutation", "target"), np.where(np.isfinite(observed), null, np.nan)),
        p=("target", p_value(observed, null)),
    ).assign_attrs(tested=tested, null=words, null_mean=float(np.mean(null[:, np.isfinite(observed)])))


def _values(name: str, features: Features, split: Split) -> npt.NDArray[np.floating]:
    if len(features.layers) != 1:
        raise InvalidInput(
            f"Band '{name}' has {len(features.layers)} layers; a band is one. Choose one: "
            "Features(features.data.sel(layer=[7]))."
        )
    values = in_precision(features.select(split.ids).layer(-1))
    if not (np.ptp(values, axis=0) > 0).any():
        raise InvalidInput(f"Band '{name}' is the same for all {len(values)} stimuli; leave it out.")
    return values


def _require(bands: Mapping[str, Features], tested: str | None, n_permutations: int) -> None:
    if len(bands) < 2:
        raise InvalidInput(f"A partition needs at least two bands; found {listed(bands) or 'none'}. Add one.")
    if tested is not None and tested not in bands:
        raise InvalidInput(f"'{tested}' is to be tested and is no band; bands are {listed(bands, 12)}.")
    if tested is not None and n_permutations < 1:
        raise InvalidInput(f"'{tested}' is to be tested with {n_permutations} permutations; ask for at least one.")

"""How differently neurons, and people, treat every two concepts: the RDMs that neuron RSA compares."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_dims, require_finite, require_unique

__all__ = ["attribute_rdms", "neuron_rdms"]

PLACE = ("layer", "neuron")
_DIGITS = 9  # rounding noise would break real ties: 0.133333333333333 is 0.133333333333334


def neuron_rdms(activations: xr.DataArray) -> xr.DataArray:
    r"""How differently two concepts activate a neuron: ``(layer, neuron, pair)``, in units of the activations.

    .. math:: d_{ij} = \frac{1}{S} \sum_s |a_{si} - a_{sj}|

    ``activations`` is ``(split, emotion, layer, neuron)``: the difference is taken within a split (a prompt, a share of
    the comments), and then the mean. Rounded to nine decimals. Pairs are the upper triangle row by row.

    Raises
    ------
    InvalidInput
        When dimensions differ, an activation is NaN, or there are fewer than three emotions.
    """
    require_dims(activations, ("split", "emotion", *PLACE), "Activations")
    require_finite(activations, "Activations", "emotion")
    names = as_names(activations["emotion"].values)
    require_unique(names, "emotions", "Activations")
    if len(names) < 3 or not activations.sizes["split"]:
        raise InvalidInput(
            f"RDMs need three emotions and a split; found {len(names)} and {activations.sizes['split']}. Add emotions."
        )
    i, j = np.triu_indices(len(names), 1)
    n_splits, n = activations.sizes["split"], activations.sizes["layer"] * activations.sizes["neuron"]
    distance = np.zeros((n, len(i)))
    for split in activations.values.reshape(n_splits, len(names), n).astype(np.float64, copy=False):
        columns = np.ascontiguousarray(split.T)
        distance += np.abs(columns[:, i] - columns[:, j])
    distance /= n_splits
    np.round(distance, _DIGITS, out=distance)
    coords = {"layer": activations["layer"].values, "neuron": activations["neuron"].values}
    shape = (*(activations.sizes[dim] for dim in PLACE), len(i))
    array = xr.DataArray(distance.reshape(shape), coords, (*PLACE, "pair"))
    return array.assign_coords(first=("pair", names[i]), second=("pair", names[j]))


def attribute_rdms(attributes: xr.DataArray, emotions: npt.ArrayLike) -> xr.DataArray:
    """How differently people score two emotions on an attribute: ``(attribute, pair)``, in units of the scores.

    ``attributes`` is ``(emotion, attribute)``; its emotions are put into the order of ``emotions`` by name. Rounded to
    nine decimals.

    Raises
    ------
    InvalidInput
        When they are not the same emotions, a score is NaN, or an attribute is the same for all emotions.
    """
    scores, wanted = attributes.transpose("emotion", "attribute"), as_names(emotions)
    known = as_names(scores["emotion"].values)
    require_unique(known, "emotions", "Attributes")
    require_finite(scores, "Attributes", "emotion")
    apart = sorted(set(known.tolist()) ^ set(wanted.tolist()))
    if apart:
        raise InvalidInput(
            f"Attributes score {len(known)} emotions and {len(wanted)} are read; only one of both knows "
            f"{listed(apart)}. Give scores and texts of the same emotions."
        )
    values = scores.values[[known.tolist().index(name) for name in wanted.tolist()]]
    i, j = np.triu_indices(len(wanted), 1)
    distance = np.round(np.abs(values[i] - values[j]), _DIGITS).T
    names = as_names(scores["attribute"].values)
    if (constant := np.ptp(distance, axis=1) == 0).any():
        raise InvalidInput(f"Attributes differ between emotions; {listed(names[constant])} do not. Leave them out.")
    coords = {"attribute": names, "first": ("pair", wanted[i]), "second": ("pair", wanted[j])}
    return xr.DataArray(distance, coords, ("attribute", "pair"))

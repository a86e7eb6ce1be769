"""Cards that show an image beside its caption and the caption that was read out, chosen by rank and never by hand."""

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_dims
from consona.core.stimuli import Stimuli

__all__ = ["PLACES", "cards"]

PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)


def cards(
    images: xr.DataArray,
    captions: Stimuli,
    scores: xr.Dataset,
    *,
    found: xr.Dataset,
    control: xr.Dataset,
    places: tuple[float, ...] = PLACES,
) -> xr.Dataset:
    """Test stimuli at fixed places of the order of their scores: the best, the quartiles and the worst.

    Parameters
    ----------
    images
        uint8, ``(stimulus, y, x, colour)``, of the test stimuli at least.
    captions
        With the column ``text``: the true captions, of which the first is shown.
    scores
        Of :func:`~consona.alignment.caption_readout.readout_scores`: ordered by ``centred_r``, ties as they stand;
        stimuli without one are left out.
    found, control
        Of :func:`~consona.alignment.caption_dictionary.read_captions`: captions of the dictionary, and of the training
        stimuli, which is what a read-out would say that only recognises what it was trained on.
    places
        0 for the best, 1 for the worst.

    Returns
    -------
    xr.Dataset
        Over ``card``: ``image (card, y, x, colour)``, ``true``, ``read_out``, ``control``, ``rank`` (0 is the best of
        ``attrs['n_test']``), ``similarity`` of the caption read out, ``centred_r`` and ``stimulus``.

    Raises
    ------
    InvalidInput
        When images are of another kind, one side lacks a stimulus, or a place is not between 0 and 1.
    """
    require_dims(images, ("stimulus", "y", "x", "colour"), "Images")
    if images.dtype != np.uint8 or any(not 0 <= place <= 1 for place in places):
        raise InvalidInput(
            f"Images are {images.dtype} and places {places}; images are uint8, 0 to 255, and places lie between 0 "
            "(best) and 1 (worst)."
        )
    order, ranks = _chosen(scores, places)
    ids = as_names(scores["stimulus"].values)[order]
    for name, held in (("images", images["stimulus"]), ("captions", captions.ids), ("found", found["stimulus"])):
        missing = sorted(set(ids.tolist()) - set(as_names(np.asarray(held)).tolist()))
        if missing:
            raise InvalidInput(f"Cards need {listed(missing)}, which the {name} lack. Give those of all test stimuli.")
    nearest = found.sel(stimulus=ids).isel(place=0)
    texts = captions.select(ids).table["text"]
    return xr.Dataset(
        {
            "image": (("card", "y", "x", "colour"), images.sel(stimulus=ids).values),
            "true": ("card", as_names([text if isinstance(text, str) else text[0] for text in texts])),
            "read_out": ("card", as_names(nearest["caption"].values)),
            "control": ("card", as_names(control.sel(stimulus=ids).isel(place=0)["caption"].values)),
            "rank": ("card", ranks),
            "similarity": ("card", nearest["similarity"].values),
            "centred_r": ("card", scores["centred_r"].values[order]),
            "stimulus": ("card", ids),
        },
        {"card": np.arange(len(ids))},
        {"n_test": int(scores.sizes["stimulus"]), "chosen": "at fixed ranks of the centred correlation, 0 is the best"},
    )


def _chosen(scores: xr.Dataset, places: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the scores at these places, and their ranks; a rank is shown once."""
    r = np.asarray(scores["centred_r"].values)
    order = np.argsort(-np.where(np.isnan(r), -np.inf, r), kind="stable")[: int(np.isfinite(r).sum())]
    if not len(order):
        raise InvalidInput("No test stimulus has a score, so there is no best or worst. Look at the read-outs.")
    ranks = np.unique(np.rint(np.asarray(places) * (len(order) - 1)).astype(np.int64))
    return order[ranks], ranks

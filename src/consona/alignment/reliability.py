"""How well people agree with people: about what they rate, and in what their EEG is read to say."""

import numpy as np
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.stats.reliability import split_half_reliability

N_SPLITS = 200


def rating_reliability(ratings: Dataset, *, item: str, seed: int = 0) -> xr.Dataset:
    """Behavioural reliability: split-half over subjects of one rated item, with Spearman-Brown.

    It says how well another group of people of this size would repeat the ratings. It is not a ceiling of EEG.

    Raises
    ------
    InvalidInput
        When the item was not rated.
    """
    items = as_names(ratings.recordings[0].data["item"].values)
    if item not in items:
        raise InvalidInput(f"'{item}' was not rated; rated were {listed(items, 12)}.")
    values = np.stack([recording.mean()[:, int(np.flatnonzero(items == item)[0])] for recording in ratings.recordings])
    mean, splits = split_half_reliability(values, n_splits=N_SPLITS, seed=seed)
    return xr.Dataset({"reliability": mean, "split": ("draw", splits)}, attrs={"what": f"behavioural: rated {item}"})

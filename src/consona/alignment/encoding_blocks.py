"""Encoding of more targets than fit in memory: one fraction for all blocks, and their scores as one table."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from consona.alignment.held_out import target_coords
from consona.alignment.vertex_encoding import settings_of, training_data
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.stats.fdr import benjamini_hochberg
from consona.stats.fractional_path import fractional_scores
from consona.stats.fractional_settings import FractionalSettings, Mode, fractional_folds

__all__ = ["best_fraction", "fraction_scores", "joined_blocks"]


def fraction_scores(
    recording: Recording,
    embedding: Features,
    *,
    train: Sequence[str],
    mode: Mode | FractionalSettings = "released",
    seed: int = 0,
) -> xr.DataArray:
    """Cross-validated :math:`R^2` ``(fraction, target)`` of one block of targets, without fitting it.

    Needed only where all targets share a fraction; where each has its own, blocks know nothing of each other.

    Raises
    ------
    InvalidInput
        As :func:`consona.alignment.vertex_encoding.vertex_encoding`.
    """
    settings, (X, Y) = settings_of(mode), training_data(recording, embedding, train)
    fractions = np.asarray(settings.fractions)
    try:
        scores = fractional_scores(X, Y, fractions, fractional_folds(len(X), settings, seed=seed))
    except ValueError as error:
        raise InvalidInput(f"Encoding of '{recording.subject}' from {len(X)} images: {error}") from None
    return xr.DataArray(scores, {"fraction": fractions, **target_coords(recording)}, ("fraction", "target"))


def best_fraction(blocks: Sequence[xr.DataArray], mode: Mode | FractionalSettings = "released") -> FractionalSettings:
    """The settings of a mode with one fraction left: the best on the average over the targets of all blocks.

    Parameters
    ----------
    blocks
        From :func:`fraction_scores`, of the same mode.
    mode
        Whatever else the settings say is taken from it.

    Raises
    ------
    InvalidInput
        When no target is defined.
    """
    every = np.concatenate([block.values for block in blocks], axis=1)
    known = np.isfinite(every).all(axis=0)
    if not known.any():
        raise InvalidInput(f"All {len(known)} targets are constant or missing; no fraction can be chosen.")
    best = float(blocks[0]["fraction"].values[every[:, known].mean(axis=1).argmax()])
    return replace(settings_of(mode), fractions=(best,))


def joined_blocks(blocks: Sequence[xr.Dataset]) -> xr.Dataset:
    """Scores of blocks of targets as one table: ``q`` is made again over all of them, undefined targets are counted.

    Raises
    ------
    InvalidInput
        When blocks are of several subjects, or there is none.
    """
    subjects = {str(block.attrs["subject"]) for block in blocks}
    if len(subjects) != 1:
        raise InvalidInput(f"Blocks of one subject make a table; these are of {sorted(subjects)}. Join each by itself.")
    joined = xr.concat(list(blocks), dim="target", combine_attrs="override", data_vars="all")
    attrs = {**joined.attrs, "n_undefined": sum(int(block.attrs["n_undefined"]) for block in blocks)}
    return joined.assign(q=("target", benjamini_hochberg(joined["p"].values))).assign_attrs(attrs)

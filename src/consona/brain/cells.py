"""Channels by name: the targets of a recording as channels x bands (or times), in the order of another recording."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.core.recording import Recording

__all__ = ["Labels", "channel_cells", "require_subjects"]

Labels = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def channel_cells(recording: Recording, second: str, labels: Labels | None) -> tuple[Labels, npt.NDArray[np.intp]]:
    """Labels of channels and of ``second`` (``band`` or ``time``), and where each cell stands among the targets.

    With ``labels`` of another recording the cells are put in its order, whatever the order here; without, in the order
    in which they come.

    Returns
    -------
    ``(channels, seconds)`` and positions ``(n_channels, n_seconds)``.

    Raises
    ------
    InvalidInput
        When the targets carry no such labels, are no full grid, lack a channel of the other recording or have one more,
        or hold missing values; subject and channels are named.
    """
    absent = [name for name in ("channel", second) if name not in recording.data.coords]
    if absent:
        raise InvalidInput(
            f"Recording '{recording.subject}' carries no {listed(absent)} along its targets. Give every target its "
            "labels: Recording.of(…, targets={…})."
        )
    along = [recording.data[name].values for name in ("channel", second)]
    codes, found = zip(*(pd.factorize(_labels(values)) for values in along), strict=True)
    wanted = found if labels is None else labels
    for here, there, what in zip(found, wanted, ("channels", f"{second}s"), strict=True):
        _require_same(recording.subject, here, there, what)
    place = np.full((len(found[0]), len(found[1])), -1, dtype=np.intp)
    place[codes] = np.arange(recording.n_targets)
    if (place < 0).any() or place.size != recording.n_targets:
        raise InvalidInput(
            f"Recording '{recording.subject}' has {recording.n_targets} targets for {len(found[0])} channels and "
            f"{len(found[1])} {second}s; each pair is needed once. Drop what occurs twice, or what is incomplete."
        )
    _require_present(recording, _labels(along[0]))
    rows, columns = (pd.Index(here).get_indexer(there) for here, there in zip(found, wanted, strict=True))
    return wanted, place[np.ix_(rows, columns)]


def require_subjects(dataset: Dataset) -> None:
    """There is at least one recording.

    Raises
    ------
    InvalidInput
        When there is none.
    """
    if not dataset.recordings:
        raise InvalidInput(f"Dataset '{dataset.name}' has no recordings; a tensor needs at least one. Load some.")


def _labels(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return as_names(values) if values.dtype.kind in "OUST" else values


def _require_same(subject: str, here: npt.NDArray[Any], there: npt.NDArray[Any], what: str) -> None:
    own, first = set(here.tolist()), set(there.tolist())
    missing = [name for name in there if name not in own]
    further = [name for name in here if name not in first]
    if missing or further:
        raise InvalidInput(
            f"Subject '{subject}' has {len(here)} {what} and the first subject {len(there)}: missing are "
            f"{listed(missing) or 'none'}, further ones {listed(further) or 'none'}. Keep what all subjects have, or "
            "leave the subject out."
        )


def _require_present(recording: Recording, channel: npt.NDArray[Any]) -> None:
    missing = np.isnan(np.asarray(recording.data.values)).any(axis=(0, 1))
    if missing.any():
        names = dict.fromkeys(channel[missing].tolist())
        raise InvalidInput(
            f"Subject '{recording.subject}': channels {listed(names)} hold NaN in {int(missing.sum())} targets. "
            "Interpolate these channels before features are computed, drop them for all, or leave the subject out."
        )

"""FACED: EEG of people who watched 28 emotional film clips, and their ratings (Chen et al. 2023).

Clips 1 to 12 are negative (anger, disgust, fear, sadness), 13 to 16 neutral, 17 to 28 positive (amusement, inspiration,
joy, tenderness). The sample for anything at clip level is 28 clips in nine classes, however many seconds were recorded.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.faced_clips import (
    CITATION,
    LICENCE,
    N_SECONDS,
    clip_stimuli,
    recording_notes,
    target_coords,
    window_stimuli,
)
from consona.datasets.faced_layouts import Layout, faced_layout, read_subject
from consona.datasets.locate import checksums, corpus_folder


def load_faced(
    folder: Path | str | None = None, *, layout: str = "auto", subjects: Sequence[str] | None = None
) -> Dataset:
    """Differential entropy per clip: the mean over the 30 s, 160 targets (32 channels by 5 bands).

    Parameters
    ----------
    folder
        The corpus; without it, ``$CONSONA_DATA/faced``, then what ``consona fetch`` filled.
    layout
        ``released`` (EEG_Features/DE/subNNN.pkl.pkl), ``compact`` (de_full/subNNN.npy or the 5 s windows), or ``auto``:
        the one with most subjects.
    subjects
        ``["sub000", …]``; all that are there without it.

    Each recording has one repetition, ``channel`` and ``band`` along ``target``, and in ``attrs`` the ``cohort``
    (1 or 2: two sets of equipment), the ``device`` and the ``layout``. Differential entropy as released: natural
    logarithm, one-second windows.

    Raises
    ------
    MissingData
        When the folder, the layout or a subject is not there.
    InvalidInput
        When a subject's file is damaged, lacks clips or holds values that are not finite.
    """
    root = corpus_folder("faced", folder)
    files = faced_layout(root, layout).select(subjects)
    return _dataset(root, files, clip_stimuli(), n_windows=1)


def load_faced_windows(
    folder: Path | str | None = None,
    *,
    layout: str = "auto",
    subjects: Sequence[str] | None = None,
    window_s: int = 5,
) -> Dataset:
    """Differential entropy in windows of whole seconds: stimuli ``clip01w1`` … with the group column ``clip``.

    ``window_s`` divides 30: 5 gives 168 rows per subject, 1 gives 840. Windows of a clip are not independent: hold out
    whole clips by the column ``clip``. Further parameters, targets and errors as in :func:`load_faced`.
    """
    if window_s < 1 or N_SECONDS % window_s:
        raise InvalidInput(
            f"Windows of {window_s} s do not fill the {N_SECONDS} s of a clip; choose a divisor, such as 5."
        )
    root = corpus_folder("faced", folder)
    files = faced_layout(root, layout).select(subjects)
    n_windows = N_SECONDS // window_s
    if files.n_windows % n_windows:
        raise InvalidInput(
            f"The layout at hand holds windows of {N_SECONDS // files.n_windows} s; windows of {window_s} s cannot be "
            "made from them. Choose a multiple, or add the files of one-second windows (de_full or EEG_Features)."
        )
    return _dataset(root, files, window_stimuli(n_windows), n_windows=n_windows)


def _dataset(root: Path, layout: Layout, stimuli: Stimuli, n_windows: int) -> Dataset:
    notes = recording_notes(root, list(layout.readers))
    recordings = tuple(
        faced_recording(
            averaged(read_subject(layout, subject), n_windows),
            stimuli,
            subject,
            notes[subject] | {"layout": layout.name},
        )
        for subject in layout.readers
    )
    sums = checksums(root, layout.files.values())
    return Dataset(stimuli, recordings, "faced", "syn50614194", LICENCE, CITATION, sums)


def averaged(values: npt.NDArray[np.float64], n_windows: int) -> npt.NDArray[np.float64]:
    """Means over consecutive windows: ``(clip, channel, window, band)`` to ``(clip * n_windows, channel * band)``."""
    n_clips, n_channels, fine, n_bands = values.shape
    blocks = values.reshape(n_clips, n_channels, n_windows, fine // n_windows, n_bands).mean(axis=3)
    return blocks.transpose(0, 2, 1, 3).reshape(n_clips * n_windows, n_channels * n_bands)


def faced_recording(
    values: npt.NDArray[np.float64], stimuli: Stimuli, subject: str, attrs: Mapping[str, int | str]
) -> Recording:
    """A recording of the 160 targets from ``(n_stimuli, 160)``, with channel and band along ``target``."""
    coords = {"stimulus": stimuli.ids, **target_coords()}
    data = xr.DataArray(values[None], coords, ("repetition", "stimulus", "target"))
    return Recording(data, subject, dict(attrs))

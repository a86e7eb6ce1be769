"""A user's own MNE epochs: every channel at every time is a target, every epoch a repetition of its stimulus."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from consona.core.errors import InvalidInput, require_extra
from consona.core.invariants import listed
from consona.datasets.own_arrays import Rows
from consona.datasets.own_tables import STIMULUS, require_file

EPOCHS = (".fif", ".fif.gz")


def epochs_rows(path: Path, column: str = STIMULUS) -> Rows:
    """Epochs of one file: one row per epoch, one target per channel and time, in the units of MNE (V, T, T/m).

    The stimulus of an epoch is the cell ``column`` of its metadata; without metadata, or without that column, it is
    the name of its event. Channels marked as bad are left out and counted; EEG and MEG channels are used, others not.
    Targets carry ``channel`` and ``time`` (s).

    Raises
    ------
    MissingExtra
        When MNE is not installed.
    InvalidInput
        When the file holds no epochs or no data channel, or an epoch has no stimulus.
    """
    epochs = _epochs(require_file(path, "MNE epochs (-epo.fif)"))
    ids = _ids(epochs, column, path)
    bad = [name for name in epochs.info["bads"] if name in epochs.ch_names]
    mne = require_extra("mne", "eeg")
    picked = mne.pick_types(epochs.info, meg=True, eeg=True, exclude="bads")
    if not len(picked):
        raise InvalidInput(
            f"{path.name} has no EEG or MEG channel that is not marked as bad; its channels are "
            f"{listed(epochs.ch_names)}. Set the channel types, or unmark channels."
        )
    values = epochs.get_data(picks=picked)
    names, times = np.array(epochs.ch_names)[picked], np.asarray(epochs.times, dtype=float)
    labels = {"channel": np.repeat(names, len(times)), "time": np.tile(times, len(names))}
    facts = {"rate_hz": float(epochs.info["sfreq"]), "n_bad_channels": len(bad)}
    return Rows(values.reshape(len(values), -1), ids, labels, facts)


def _epochs(path: Path) -> Any:
    mne = require_extra("mne", "eeg")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of MNE's own use of pandas
            return mne.read_epochs(path, proj=True, preload=True, verbose="ERROR")
    except (ValueError, OSError, RuntimeError, LookupError, AttributeError, TypeError) as error:
        raise InvalidInput(
            f"{path.name} holds no MNE epochs ({error}); expected a file written by Epochs.save. Save the epochs again."
        ) from error


def _ids(epochs: Any, column: str, path: Path) -> list[str]:
    table = epochs.metadata
    if table is not None and column in table:
        cells = table[column].tolist()
        without = [i for i, cell in enumerate(cells) if cell != cell or str(cell).strip() in ("", "n/a", "None")]
        if without:
            raise InvalidInput(
                f"{path.name}: epochs {listed(without)} have no stimulus in the metadata column '{column}'. Drop these "
                "epochs, or fill the column in."
            )
        return [str(cell).strip() for cell in cells]
    names = {code: name for name, code in epochs.event_id.items()}
    ids = [names.get(code, "") for code in epochs.events[:, 2].tolist()]
    if len(epochs.event_id) == 1:
        found = "no metadata" if table is None else f"metadata with the columns {listed(table.columns)}"
        raise InvalidInput(
            f"{path.name} has {found} and a single event name, {listed(epochs.event_id)}; expected the metadata column "
            f"'{column}' or event names that tell stimuli apart. Add one of them."
        )
    return ids

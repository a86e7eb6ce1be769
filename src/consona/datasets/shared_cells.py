"""Two EEG corpora on what they share: the same channels and bands in the same order, and the emotions both have."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.core.recording import Recording

SAME_EMOTION: Mapping[str, str] = {"sad": "sadness", "happy": "joy"}
"""SEED-V's words for classes of FACED. Its happy clips are taken as joy; amusement would be as fair a choice."""


def common_cells(a: Dataset, b: Dataset, *, emotions: Mapping[str, str] = SAME_EMOTION) -> tuple[Dataset, Dataset]:
    """Both data sets with the channels, bands and emotions that they share.

    Channels and bands are matched by name without regard to case (``FP1`` is ``Fp1``) and stand in the order, and under
    the names, of ``a``. Stimuli of an emotion that only one of them has are left out. FACED and SEED-V share 30
    channels, five bands and disgust, fear, sadness, neutral and joy. Bands are matched by name only: their edges may
    differ.

    Parameters
    ----------
    a, b
        With ``channel`` and ``band`` along ``target`` of every recording, and the column ``emotion``.
    emotions
        Other words for an emotion, word to common word; words that are not in it stay.

    Returns
    -------
    tuple
        Both, with the common words in the column ``emotion`` and what the corpora called it in ``own_emotion``.

    Raises
    ------
    InvalidInput
        When a recording lacks the labels of its targets, has a cell twice or others than the other subjects, or the two
        share no cell or fewer than two emotions.
    """
    cells_a, cells_b = _cells(a), _cells(b)
    cells = [cell for cell in cells_a if cell in cells_b]
    words_a, words_b = (_words(each, emotions) for each in (a, b))
    shared = [word for word in dict.fromkeys(words_a.tolist()) if word in set(words_b.tolist())]
    if not cells or len(shared) < 2:
        raise InvalidInput(
            f"'{a.name}' and '{b.name}' share {len(cells)} cells (channel and band) and the emotions "
            f"{listed(shared) or 'none'}; expected at least one cell and two emotions. The second has the channels "
            f"{listed(dict.fromkeys(c for c, _ in cells_b))} and the emotions {listed(np.unique(words_b))}: name the "
            "same emotions in emotions=."
        )
    names = _labels(a)
    labels = [names[cells_a[cell]] for cell in cells]
    return (
        _restricted(a, cells, labels, words_a, shared),
        _restricted(b, cells, labels, words_b, shared),
    )


def _words(data: Dataset, emotions: Mapping[str, str]) -> npt.NDArray[np.str_]:
    own = as_names(data.stimuli["emotion"])
    return as_names([emotions.get(word, word) for word in own.tolist()])


def _labels(data: Dataset, subject: str | None = None) -> list[tuple[str, str]]:
    """Channel and band of every target, as the data set names them."""
    if not data.recordings:
        raise InvalidInput(f"'{data.name}' holds no recordings; expected EEG with channels and bands.")
    found = (data.recording(subject) if subject else data.recordings[0]).data
    if not {"channel", "band"} <= set(found.coords):
        raise InvalidInput(
            f"'{data.name}': the targets have the labels {listed(found.coords) or 'none'}; expected channel and band."
        )
    return list(zip(as_names(found["channel"].values).tolist(), as_names(found["band"].values).tolist(), strict=True))


def _cells(data: Dataset, subject: str | None = None) -> dict[tuple[str, str], int]:
    """Where each cell, in small letters, stands along the targets."""
    names = [(channel.lower(), band.lower()) for channel, band in _labels(data, subject)]
    cells = {name: place for place, name in enumerate(names)}
    if len(cells) != len(names):
        twice = [" ".join(name) for place, name in enumerate(names) if cells[name] != place]
        raise InvalidInput(f"'{data.name}' has cells twice, {listed(twice)}; expected each channel and band once.")
    return cells


def _restricted(
    data: Dataset,
    cells: list[tuple[str, str]],
    labels: list[tuple[str, str]],
    words: npt.NDArray[np.str_],
    shared: list[str],
) -> Dataset:
    kept = np.isin(words, shared)
    own = as_names(data.stimuli["emotion"])[kept]
    stimuli = data.stimuli.select(kept).with_columns(emotion=words[kept], own_emotion=own)
    channel, band = (np.array(each) for each in zip(*labels, strict=True))
    recordings = []
    for recording in data.recordings:
        places = _cells(data, recording.subject)
        missing = [" ".join(cell) for cell in cells if cell not in places]
        if missing:
            raise InvalidInput(
                f"'{data.name}': subject '{recording.subject}' lacks the cells {listed(missing)} that the others have. "
                "Leave the subject out."
            )
        chosen = recording.data[:, np.isin(recording.ids, stimuli.ids), [places[cell] for cell in cells]]
        named = chosen.assign_coords(channel=("target", channel), band=("target", band))
        recordings.append(Recording(named, recording.subject, recording.attrs))
    return replace(data, stimuli=stimuli, recordings=tuple(recordings))

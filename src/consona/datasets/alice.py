"""Alice: fMRI time courses of people who hear chapter 1 of Alice in Wonderland (Brennan et al. 2016).

Six language regions, one run of 362 volumes of 2 s; when every word was said; word rate, sound power, further
predictors and motion. There is one story and one run: hold out contiguous blocks with a gap.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.locate import checksums, corpus_file, corpus_folder

Array = npt.NDArray[np.float64]

NAME = "alice_fmri"
COMMIT = "ec54039b6ac5ad7bf8c81b91768108e5be5c1ce0"
LICENCE = "CC BY 4.0 (recordings and annotation)"
CITATION = (
    "Brennan JR, Stabler EP, Van Wagenen SE, Luh W-M, Hale JT (2016). Abstract linguistic structure correlates with "
    "temporal activity during naturalistic comprehension. Brain and Language 157-158:81-94. "
    "doi:10.1016/j.bandl.2016.04.008"
)
REGIONS = ("LATL", "RATL", "LPTL", "LIPL", "LPreM", "LIFG")
RADII_MM = (6, 10)
PREDICTORS = (
    *("rate_conv", "frq_conv_orth", "break_conv_orth", "tdp_conv_orth", "tdx_conv_orth", "bup_conv_orth"),
    *("bux_conv_orth", "cfgsurp_conv_orth", "bigramlex_conv_orth", "trigramlex_conv_orth", "bigrampos_conv_orth"),
    "trigrampos_conv_orth",
)
RUN = "chapter1"
TR_S = 2.0
N_DROPPED, N_VOLUMES = 10, 362
LEFT_OUT = {"s33": "all values are 0, in both radii and in both predictors"}
EVIDENCE = ("alice_data_shared/*mm/s*-timecourses.txt",)

_SHARED = "alice_data_shared"
_GENERIC = f"{_SHARED}/sept18-generic-predictors-under-hrf-with-logfrqhal.txt"
_GRID = "alice_stim_shared/DownTheRabbitHoleFinal_exp120_pad_1.TextGrid"
_INTERVAL = re.compile(r'xmin = ([\d.]+)\s+xmax = ([\d.]+)\s+text = "((?:[^"]|"")*)"')
_PAUSES = ("", "sp")


def load_alice(
    folder: Path | str | None = None, *, radius_mm: int = 6, subjects: Sequence[str] | None = None
) -> Dataset:
    """Time courses of six regions: a stimulus is a volume, with its ``run`` and ``time``.

    Parameters
    ----------
    folder
        The corpus; without it ``$CONSONA_DATA/alice_fmri``, then what ``consona fetch`` filled.
    radius_mm
        Radius of the regions, 6 or 10.
    subjects
        ``["s18", …]``; all 27 without it. s33 is left out: its files hold zeros only (``LEFT_OUT``).

    Stimuli are the volumes 10 to 371 (the first ten were dropped), columns ``run``, ``time`` (start of the volume in
    seconds, on the clock of the words), ``word_rate`` and ``sound_power`` (under the haemodynamic response, mean over
    the people's files, which differ by shifts below a volume). Recordings have one repetition, ``roi`` along
    ``target``, ``run`` and ``time`` along ``stimulus``; values are raw scanner units with drifts: clean them with
    :func:`consona.alignment.time_courses.cleaned`. ``attrs`` name the protocol, single or multi echo.

    Raises
    ------
    MissingData
        When the corpus or one of its files is not there.
    InvalidInput
        When radius or subject do not exist, or a file is damaged.
    """
    if radius_mm not in RADII_MM:
        raise InvalidInput(f"There are no regions of {radius_mm} mm; there are {listed(RADII_MM)}.")
    root = corpus_folder(NAME, folder)
    chosen = _subjects(root, radius_mm, subjects)
    used, courses = [], {}
    for subject in chosen:
        path = corpus_file(root, f"{_SHARED}/{radius_mm}mm/{subject}-timecourses.txt", NAME)
        courses[subject] = _table(path, (N_VOLUMES, len(REGIONS)))
        used.append(path)
        if not courses[subject].any():
            raise InvalidInput(f"All time courses of '{subject}' in {path.name} are 0. Leave this subject out.")
    means = {}
    for column, ending in (("word_rate", "rate"), ("sound_power", "sndpwr")):
        paths = [corpus_file(root, f"{_SHARED}/{subject}-{ending}.txt", NAME) for subject in _subjects(root, 6, None)]
        means[column] = np.mean([_table(path, (N_VOLUMES, 1))[:, 0] for path in paths], axis=0)
        used += paths
    stimuli = alice_volumes().with_columns(**means)
    recordings = tuple(
        alice_recording(values, stimuli, subject, {"protocol": _protocol(subject), "radius_mm": radius_mm})
        for subject, values in courses.items()
    )
    return Dataset(stimuli, recordings, NAME, COMMIT[:12], LICENCE, CITATION, checksums(root, used))


def load_alice_words(folder: Path | str | None = None) -> Stimuli:
    """The 2,127 words as they were said: ``text``, ``onset`` and ``offset`` in seconds, ``run``, ``before``.

    ``before`` is what stands between a word and its predecessor: nothing for the second half of "do" "n't", else one
    blank. Pauses are left out; there is no punctuation. Errors as in :func:`load_alice`.
    """
    path = corpus_file(corpus_folder(NAME, folder), _GRID, NAME)
    grid = path.read_text(encoding="utf-8")
    stated = re.search(r"intervals: size = (\d+)", grid)
    found = _INTERVAL.findall(grid)
    if stated is None or len(found) != int(stated[1]):
        expected = stated[1] if stated else "a stated number of"
        raise InvalidInput(f"{path.name} holds {len(found)} intervals; expected {expected}. Get the file again.")
    rows = [(float(a), float(b), text.replace('""', '"').strip()) for a, b, text in found]
    return word_stimuli([row for row in rows if row[2] not in _PAUSES])


def load_alice_predictors(folder: Path | str | None = None) -> Features:
    """The twelve predictors of the paper at the 362 volumes, already under the haemodynamic response.

    One layer; the coordinate ``feature`` names them (``PREDICTORS``: word rate, frequency, breaks, nodes top-down and
    bottom-up, surprisals …); all but the rate are orthogonal to it. Errors as in :func:`load_alice`.
    """
    path = corpus_file(corpus_folder(NAME, folder), _GENERIC, NAME)
    values = _table(path, (N_DROPPED + N_VOLUMES, len(PREDICTORS)))[N_DROPPED:]
    coords = {"stimulus": alice_volumes().ids, "layer": [0], "feature": list(PREDICTORS)}
    return Features(xr.DataArray(values[:, None], coords, ("stimulus", "layer", "feature")))


def load_alice_motion(
    folder: Path | str | None = None, *, subjects: Sequence[str] | None = None
) -> dict[str, Features]:
    """Six motion parameters of every person at the 362 volumes; errors as in :func:`load_alice`."""
    root = corpus_folder(NAME, folder)
    motion = {}
    for subject in _subjects(root, 6, subjects):
        names = sorted((root / _SHARED).glob(f"{subject}-rp_*.txt"))
        path = names[0] if names else corpus_file(root, f"{_SHARED}/{subject}-rp_*.txt", NAME)
        values = _table(path, (N_DROPPED + N_VOLUMES, 6))[N_DROPPED:]
        motion[subject] = Features.of(values, alice_volumes().ids)
    return motion


def alice_volumes() -> Stimuli:
    """The 362 volumes with ``run`` and ``time``: volume *i* of the scan starts at 2 *i* seconds of the word clock."""
    numbers = np.arange(N_DROPPED, N_DROPPED + N_VOLUMES)
    table = pd.DataFrame({"run": RUN, "time": TR_S * numbers}, index=[f"volume{number:03d}" for number in numbers])
    return Stimuli(table)


def word_stimuli(rows: Sequence[tuple[float, float, str]]) -> Stimuli:
    """Words from ``(onset, offset, text)`` in the order of time, see :func:`load_alice_words`."""
    table = pd.DataFrame(rows, columns=["onset", "offset", "text"])
    joined = table["text"].str.startswith("'") | (table["text"] == "n't")
    table = table.assign(run=RUN, before=np.where(joined, "", " "))
    table.index = pd.Index([f"word{i:04d}" for i in range(len(table))])
    return Stimuli(table)


def alice_recording(values: Array, stimuli: Stimuli, subject: str, attrs: dict[str, int | str]) -> Recording:
    """A recording of the six regions from ``(n_volumes, 6)``, a time series by its coordinates."""
    coords = {
        "stimulus": stimuli.ids,
        "run": ("stimulus", stimuli["run"]),
        "time": ("stimulus", stimuli["time"]),
        "roi": ("target", list(REGIONS)),
    }
    return Recording(xr.DataArray(values[None], coords, ("repetition", "stimulus", "target")), subject, attrs)


def _subjects(root: Path, radius_mm: int, asked: Sequence[str] | None) -> list[str]:
    there = sorted(path.name.split("-")[0] for path in (root / _SHARED / f"{radius_mm}mm").glob("s*-timecourses.txt"))
    good = [subject for subject in there if subject not in LEFT_OUT]
    if asked is None:
        if not good:
            corpus_file(root, f"{_SHARED}/{radius_mm}mm/s18-timecourses.txt", NAME)
        return good
    for subject in asked:
        if subject in LEFT_OUT:
            raise InvalidInput(f"'{subject}' is left out: {LEFT_OUT[subject]}. Take others: {listed(good)}.")
        if subject not in good:
            raise InvalidInput(f"There is no subject '{subject}'; there are {listed(good)}.")
    return list(asked)


def _protocol(subject: str) -> str:
    number = int(subject.removeprefix("s"))
    if number <= 37:
        return "single echo"
    return "multi echo" if number >= 39 else "not stated"


def _table(path: Path, shape: tuple[int, int]) -> Array:
    try:
        values = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise InvalidInput(f"{path.name} is no table of numbers ({error}). Get the file again.") from None
    if values.shape != shape or not np.isfinite(values).all():
        raise InvalidInput(
            f"{path.name} holds {values.shape[0]} x {values.shape[1]} numbers, not all finite or not as many as "
            f"expected, {shape[0]} x {shape[1]}. Get the file again."
        )
    return values

"""Haxby 2001: one person sees eight categories of pictures in twelve runs of fMRI; a small sample, raw."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.brain.fmri import voxel_recording
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.locate import checksums, corpus_file, corpus_folder
from consona.datasets.own_images import masked_file
from consona.datasets.textcorpus import numbers, read_columns, read_text

CITATION = (
    "Haxby JV, Gobbini MI, Furey ML, Ishai A, Schouten JL, Pietrini P (2001). Distributed and overlapping "
    "representations of faces and objects in ventral temporal cortex. Science 293:2425-2430. "
    "doi:10.1126/science.1063736. Sample: Hanke M et al. (2009), Neuroinformatics 7:37-53"
)
LICENCE = "CC BY-SA 3.0 for the data (MIT for PyMVPA, which carries them)"
COMMIT = "20f0335f98bbb59a0e11bc0b7a469edf8681a9a1"
N_RUNS, N_VOLUMES, TR_S = 12, 121, 2.5
REST = "rest"
MASKS = ("brain", "gray", "white", "vt", "hoc")

_FOLDER = "mvpa2/data"
_OPENFMRI = f"{_FOLDER}/haxby2001/sub001"


def load_haxby(folder: Path | str | None = None) -> Dataset:
    """Mean response of 530 voxels to each of eight categories in each of twelve runs: 96 stimuli, ``run00-face`` ….

    Volumes are z-scored within their run (rest included) and averaged over the nine volumes of a category. Stimuli have
    the columns ``run`` (0 to 11) and ``category``. Rows of one run share its noise: hold out whole runs. Targets carry
    the indices ``i``, ``j``, ``k`` of their voxel and its place ``x``, ``y``, ``z`` in mm, ``Recording.attrs`` the
    ``affine`` and ``shape`` of the image.

    Raises
    ------
    MissingData
        When the folder or a file is not there.
    MissingExtra
        When nibabel is not installed.
    InvalidInput
        When images and labels do not fit each other.
    """
    return _class_means(load_haxby_volumes(folder))


def load_haxby_volumes(folder: Path | str | None = None) -> Dataset:
    """All 1,452 volumes of one slice in raw scanner units, columns ``run``, ``category`` (or ``rest``) and ``time``.

    ``time`` counts seconds from the start of a run (2.5 s per volume); a category is the picture shown at that moment,
    the response follows some seconds later. Neither detrended nor scaled. Errors as in :func:`load_haxby`.
    """
    root = corpus_folder("haxby_pymvpa", folder)
    image, mask, labels = (
        corpus_file(root, f"{_FOLDER}/{name}", "haxby_pymvpa")
        for name in ("bold.nii.gz", "mask.nii.gz", "attributes_literal.txt")
    )
    rows = [line.split() for line in read_text(labels).splitlines() if line.strip()]
    odd = [i + 1 for i, row in enumerate(rows) if len(row) != 2 or not row[1].isdigit()]
    if odd or len(rows) != N_RUNS * N_VOLUMES:
        raise InvalidInput(
            f"{labels.name} has {len(rows)} rows, {listed(odd) or 'none'} of them odd; expected {N_RUNS * N_VOLUMES} "
            "rows of category and run. Get the file again."
        )
    table = pd.DataFrame({"run": [int(run) for _, run in rows], "category": [name for name, _ in rows]})
    return _volumes("haxby-volumes", [image], mask, table, checksums(root, [image, mask, labels]))


def load_haxby_openfmri(folder: Path | str | None = None, *, mask: str = "brain") -> Dataset:
    """Volumes of the whole brain at 25 mm from the older OpenfMRI layout: an image and a table of events per run.

    ``mask``: brain (129 voxels), gray, white, vt or hoc. Columns as in :func:`load_haxby_volumes`; the category of a
    volume is that of the event during which it began. Errors as there.
    """
    if mask not in MASKS:
        raise InvalidInput(f"There is no mask '{mask}' at 25 mm; choose one of {listed(MASKS)}.")
    root = corpus_folder("haxby_pymvpa", folder)
    inside = corpus_file(root, f"{_OPENFMRI}/masks/25mm/{mask}.nii.gz", "haxby_pymvpa")
    runs = [f"{_OPENFMRI}/BOLD/task001_run{run:03d}" for run in range(1, N_RUNS + 1)]
    images = [corpus_file(root, f"{run}/bold_25mm.nii.gz", "haxby_pymvpa") for run in runs]
    events = [corpus_file(root, f"{run}/bold_events.tsv", "haxby_pymvpa") for run in runs]
    table = pd.concat(
        [pd.DataFrame({"run": run, "category": _shown(path)}) for run, path in enumerate(events)], ignore_index=True
    )
    return _volumes(f"haxby-25mm-{mask}", images, inside, table, checksums(root, [inside, *images, *events]))


def _shown(events: Path) -> npt.NDArray[np.str_]:
    """What was shown when each volume of a run began."""
    table = read_columns(events, ("onset", "duration", "trial_type"))
    start, length = (numbers(table, name, events).to_numpy() for name in ("onset", "duration"))
    begins = np.arange(N_VOLUMES)[:, None] * TR_S
    during = (begins >= start) & (begins < start + length)
    names = np.array([*table["trial_type"], REST], dtype=str)
    return names[np.where(during.any(axis=1), during.argmax(axis=1), -1)]


def _volumes(name: str, images: list[Path], mask: Path, table: pd.DataFrame, sums: dict[str, str]) -> Dataset:
    parts = [masked_file(image, mask) for image in images]
    values, inside = np.concatenate([values for values, _ in parts]), parts[0][1]
    if len(values) != len(table):
        raise InvalidInput(
            f"The images hold {len(values)} volumes and the labels {len(table)}; expected {N_RUNS} runs of "
            f"{N_VOLUMES}. Get the files again."
        )
    volume = table.groupby("run").cumcount()
    ids = [f"run{run:02d}-volume{i:03d}" for run, i in zip(table["run"], volume, strict=True)]
    stimuli = Stimuli(table.assign(time=volume * TR_S).set_axis(ids))
    made = voxel_recording(values, inside, ids, "sub001", runs=table["run"].to_numpy())
    recording = Recording(made.data, made.subject, {**made.attrs, "tr_s": TR_S})
    return Dataset(stimuli, (recording,), name, COMMIT[:12], LICENCE, CITATION, sums)


def _class_means(volumes: Dataset) -> Dataset:
    """z-score within runs, then the mean of every category in every run."""
    table, recording = volumes.stimuli.table, volumes.recordings[0]
    values, run = recording.mean(), table["run"].to_numpy()
    for each in np.unique(run):
        rows = values[run == each]
        spread = rows.std(axis=0)
        values[run == each] = np.divide(
            rows - rows.mean(axis=0), spread, out=np.full_like(rows, np.nan), where=spread > 0
        )
    shown = table[["run", "category"]][table["category"] != REST].drop_duplicates()
    means = [values[(table["run"] == r) & (table["category"] == c)].mean(axis=0) for r, c in shown.to_numpy()]
    shown.index = pd.Index([f"run{r:02d}-{c}" for r, c in shown.to_numpy()])
    places = {str(name): each for name, each in recording.data.coords.items() if each.dims == ("target",)}
    coords = {"stimulus": shown.index.to_numpy(dtype=str), **places}
    data = xr.DataArray(np.stack(means)[None], coords, ("repetition", "stimulus", "target"))
    made = Recording(data, recording.subject, recording.attrs)
    return Dataset(Stimuli(shown), (made,), "haxby", volumes.version, LICENCE, CITATION, volumes.checksums)

"""81 object categories: visual fMRI of one person, with image and word features of the same categories."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.locate import checksums, corpus_file, corpus_folder
from consona.datasets.plainarrays import load_plain_archive
from consona.datasets.unpickle import load_table_pickle

CITATION = (
    "none given by the repository QuantumMatter/cracking-the-code-dw1; probably Bonner MF, Epstein RA (2021). Object "
    "representations in the human brain reflect the co-occurrence statistics of vision and language. Nature "
    "Communications 12:4081"
)
LICENCE = "none stated; not to be passed on"
COMMIT = "68f7c3b6ac79daa1ea037bcd1dd529edf4bb2207"
ARCHIVE, PICKLE = "derived_python_roi_data.npz", "python_roi_data.pickle"
FEATURES = {"alexnet": "alexnet.mat", "word2vec": "word2vec.mat"}
N_STIMULI = 81


def load_objects81(folder: Path | str | None = None) -> Dataset:
    """Responses of 696 voxels to 81 categories, one subject; ``roi`` and ``voxel`` lie along ``target``.

    A response is the mean over ten photographs of a category (GLM weights). Regions: EVC, OPA, PPA, PFS, OFA and FFA
    with 100 voxels each, LOC with 96. There are no repetitions, so no ceiling can be computed. The text of a stimulus
    is the name of its category. Read from plain arrays where they are there, else from the released pickle by a reader
    that runs nothing.

    Raises
    ------
    MissingData
        When the folder or its files are not there.
    InvalidInput
        When a file is damaged or holds something else.
    """
    root = corpus_folder("objects81", folder)
    path = next((root / name for name in (ARCHIVE, PICKLE) if (root / name).is_file()), None)
    if path is None:
        raise MissingData(f"{root} holds neither {ARCHIVE} nor {PICKLE}. Complete it, or run: consona fetch objects81")
    names, betas, roi = _table(path)
    coords = {"stimulus": names, "roi": ("target", roi), "voxel": ("target", _within(roi))}
    data = xr.DataArray(betas[None], coords, ("repetition", "stimulus", "target"))
    texts = [name.replace("_", " ") for name in names]
    return Dataset(
        Stimuli(pd.DataFrame({"text": texts}, index=names)),
        (Recording(data, "subject1"),),
        "objects81",
        COMMIT[:12],
        LICENCE,
        CITATION,
        checksums(root, [path]),
    )


def load_objects81_features(kind: str, *, folder: Path | str | None = None) -> Features:
    """Features of the 81 categories, rows in the order of the stimuli.

    ``kind``: ``alexnet`` (20 principal components of five convolutional layers) or ``word2vec`` (30 principal
    components of word vectors). The files carry no names: as released, they are in the order of the responses.

    Raises :class:`InvalidInput` for another kind or a damaged file, :class:`MissingData` where the file is not there.
    """
    import scipy.io

    if kind not in FEATURES:
        raise InvalidInput(f"There are no features '{kind}' of the 81 objects; choose one of {listed(FEATURES)}.")
    root = corpus_folder("objects81", folder)
    path = corpus_file(root, FEATURES[kind], "objects81")
    try:
        values = scipy.io.loadmat(path).get(kind)
    except (ValueError, TypeError, OSError, NotImplementedError) as error:
        raise InvalidInput(f"{path.name} is damaged ({error}); expected a MATLAB file. Get it again.") from error
    if values is None or values.ndim != 2 or len(values) != N_STIMULI:
        raise InvalidInput(f"{path.name} holds no array '{kind}' of {N_STIMULI} rows. Get the file again.")
    return Features.of(values, load_objects81(root).stimuli.ids, {"model": kind})


def _table(path: Path) -> tuple[list[str], npt.NDArray[np.float32], npt.NDArray[np.str_]]:
    """Names of the categories, responses ``(81, n_voxels)`` and the region of every voxel."""
    if path.name == ARCHIVE:
        found = load_plain_archive(path, ("betas", "conds", "indices", "rois"))
    else:
        found = load_table_pickle(path, ("conds", "rois"))
    lacking = {"betas", "conds", "indices", "rois"} - set(found)
    if lacking:
        raise InvalidInput(f"{path.name} lacks {listed(sorted(lacking))}. Get the file again.")
    names, rois = (np.asarray(found[name]).ravel().astype(str) for name in ("conds", "rois"))
    betas, place = np.asarray(found["betas"], dtype=np.float32), np.asarray(found["indices"]).ravel().astype(int) - 1
    whole = betas.shape == (N_STIMULI, len(place)) and len(names) == N_STIMULI
    if not whole or place.min() < 0 or place.max() >= len(rois):
        raise InvalidInput(
            f"{path.name} holds responses of shape {betas.shape}, {len(names)} names and {len(place)} voxels of "
            f"{len(rois)} regions; expected {N_STIMULI} rows and as many columns as voxels. Get the file again."
        )
    return names.tolist(), betas, rois[place]


def _within(roi: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """The number of a voxel within its region, counted from 0."""
    return np.array([int((roi[:i] == name).sum()) for i, name in enumerate(roi)])

"""92 object images: dissimilarities in human inferior temporal cortex, in behaviour and in models (Kriegeskorte 2008).

The photographs are for computing only: the licence of the collection says nothing about them, so they are never shown
or passed on. The captions were written for consona.
"""

from collections.abc import Iterable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.rdm import RDM
from consona.core.stimuli import Stimuli
from consona.datasets.locate import checksums, corpus_file, corpus_folder
from consona.datasets.textcorpus import read_table, require_texts

CITATION = (
    "Kriegeskorte N, Mur M, Ruff DA, Kiani R, Bodurka J, Esteky H, Tanaka K, Bandettini PA (2008). Matching "
    "categorical object representations in inferior temporal cortex of man and monkey. Neuron 60:1126-1141. "
    "doi:10.1016/j.neuron.2008.10.043. Behaviour: Mur M et al. (2013), Frontiers in Psychology 4:128. Models: Nili H "
    "et al. (2014), PLoS Computational Biology 10:e1003553"
)
LICENCE = "MIT for the collection (rsatoolbox); nothing separate is stated for the photographs: not to be passed on"
COMMIT = "f1f83cadb7243492a1aae7460466e0f0140b20ac"
BRAIN = "demos/92imageData/92_brainRDMs.mat"
BEHAVIOUR = "demos/92imageData/92_behavRDMs.mat"
MODELS = "demos/92imageData/92_modelRDMs.mat"
NETWORK = "demos/rdms_inferring/modelRDMs_A2020.mat"
IMAGES = "demos/92imageData/Kriegeskorte_Neuron2008_supplementalData.mat"
N_IMAGES = 92

_METRICS = {"animacy": "category", "FaceBodyManmadeNatobj": "category"}


def load_rsa92(folder: Path | str | None = None, *, measurement: int | None = None) -> Dataset:
    """RDMs of human inferior temporal cortex, one per subject (four), metric ``correlation`` (1 - Pearson r).

    Each person was measured twice: ``measurement`` 1 or 2 takes one of them, None the mean of both RDMs (so that two
    measurements of one person never count as two people). Stimuli are ``image01`` to ``image92`` with the columns
    ``category``, ``animate``, ``human``, ``face`` and ``natural``.

    Raises
    ------
    MissingData
        When the folder or a file is not there.
    InvalidInput
        For another number of the measurement, or a file of another content.
    """
    if measurement not in (None, 1, 2):
        raise InvalidInput(f"There is no measurement {measurement}; choose 1, 2, or None for the mean of both.")
    root = corpus_folder("rsa92", folder)
    path = corpus_file(root, BRAIN, "rsa92")
    sessions: dict[str, list[npt.NDArray[np.float64]]] = {}
    for entry in _records(path, "RDMs"):
        sessions.setdefault(_name(entry["name"]).split(" | ")[1], []).append(_square(entry["RDM"], path))
    chosen = slice(None) if measurement is None else slice(measurement - 1, measurement)
    rdms = [_rdm(np.mean(both[chosen], axis=0), "correlation", subject) for subject, both in sessions.items()]
    return _dataset("rsa92", root, path, rdms)


def load_rsa92_behaviour(folder: Path | str | None = None) -> Dataset:
    """RDMs of 16 people who arranged the images by similarity on a screen, metric ``arrangement`` (distance).

    Stimuli and errors as in :func:`load_rsa92`; the people are others than those in the scanner.
    """
    root = corpus_folder("rsa92", folder)
    path = corpus_file(root, BEHAVIOUR, "rsa92")
    rdms = [
        _rdm(_square(entry["RDM"], path), "arrangement", _name(entry["name"]).split(" | ")[1])
        for entry in _records(path, "rdms_behav_92")
    ]
    return _dataset("rsa92-behaviour", root, path, rdms)


def load_rsa92_models(folder: Path | str | None = None) -> dict[str, RDM]:
    """RDMs of models by name, as published: eight of the paper's collection and 63 of an eight-layer image network.

    The eight: ``animacy``, ``FaceBodyManmadeNatobj`` (metric ``category``: 0 within, 1 between), ``monkeyIT``, ``EVA``,
    ``HMAX``, ``V1``, ``Silhouette``, ``RADON`` (metric ``published``: the file names none). The network's are called
    ``conv1 complete`` to ``prob rpwavgFeat``: a layer and how its measurement was modelled (averaging over space at
    several widths, or over features); ``complete`` is the layer itself.

    Errors as in :func:`load_rsa92`.
    """
    root = corpus_folder("rsa92", folder)
    models, network = (corpus_file(root, name, "rsa92") for name in (MODELS, NETWORK))
    found = {
        name: _rdm(_square(entry["RDM"], models), _METRICS.get(name, "published"))
        for entry in _records(models, "Models")
        for name in (_name(entry["name"]),)
    }
    for entry in _records(network, "modelRDMs"):
        name = f"{_name(entry['reprName'])} {_name(entry['measModelName'])}"
        found[name] = _rdm(_square(entry["RDM"], network), "published")
    return found


def load_rsa92_images(folder: Path | str | None = None) -> npt.NDArray[np.uint8]:
    """The photographs ``(92, 175, 175, 3)``, red, green and blue from 0 to 255, in the order of the stimuli.

    For computing only: they may not be passed on or shown. Errors as in :func:`load_rsa92`.
    """
    path = corpus_file(corpus_folder("rsa92", folder), IMAGES, "rsa92")
    return np.stack([np.asarray(entry["image"], dtype=np.uint8) for entry in _records(path, "stimuli_92objs")])


def load_rsa92_captions() -> Stimuli:
    """One line on what each image shows, as texts: ids ``image01`` to ``image92``.

    One writer looked at every image once and wrote before any score was computed; no line was changed afterwards.
    They come with consona and need no corpus.
    """
    with as_file(files("consona.datasets") / "tables" / "images92_captions.csv") as path:
        table = require_texts(read_table(path, ("id", "text")), path)
    return Stimuli(table.set_index("id"))


def image_ids() -> list[str]:
    """``image01`` to ``image92``, in the order of the published matrices."""
    return [f"image{number:02d}" for number in range(1, N_IMAGES + 1)]


def _dataset(name: str, root: Path, path: Path, rdms: Iterable[RDM]) -> Dataset:
    images = corpus_file(root, IMAGES, "rsa92")
    sums = checksums(root, [path, images])
    return Dataset(_stimuli(images), (), name, COMMIT[:12], LICENCE, CITATION, sums, rdms=tuple(rdms))


def _stimuli(path: Path) -> Stimuli:
    entries = _records(path, "stimuli_92objs")
    columns = {
        "category": [_name(entry["category"]) for entry in entries],
        "animate": [bool(entry["animal"].item()) for entry in entries],
    }
    columns |= {name: [bool(entry[name].item()) for entry in entries] for name in ("human", "face", "natural")}
    return Stimuli(pd.DataFrame(columns, index=image_ids()))


def _records(path: Path, name: str) -> list[np.void]:
    """The elements of one MATLAB structure array, in the order of its last index."""
    import scipy.io

    try:
        found = scipy.io.loadmat(path, variable_names=[name])
    except (ValueError, TypeError, OSError, NotImplementedError) as error:
        raise InvalidInput(f"{path.name} is damaged ({error}); expected a MATLAB file. Get it again.") from error
    if name not in found or found[name].dtype.names is None:
        raise InvalidInput(f"{path.name} lacks the structure '{name}'. Get the file again.")
    return list(found[name].ravel())


def _name(cell: npt.NDArray[np.str_]) -> str:
    return str(cell.item()) if cell.size else ""


def _square(values: npt.NDArray[np.number], path: Path) -> npt.NDArray[np.float64]:
    """A 92 x 92 matrix, from one or from its 4,186 pairs."""
    found = np.asarray(values, dtype=np.float64)
    if found.shape == (N_IMAGES, N_IMAGES):
        return found
    i, j = np.triu_indices(N_IMAGES, 1)
    if found.size != len(i):
        raise InvalidInput(
            f"{path.name} holds an RDM of shape {found.shape}; expected {N_IMAGES} x {N_IMAGES} or {len(i)} pairs. "
            "Get the file again."
        )
    square = np.zeros((N_IMAGES, N_IMAGES))
    square[i, j] = found.ravel()
    return square + square.T


def _rdm(matrix: npt.NDArray[np.float64], metric: str, subject: str = "") -> RDM:
    return RDM.of_matrix(matrix, image_ids(), metric=metric, subject=subject)

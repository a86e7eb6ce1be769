"""Twins of the object corpora: made up, shaped like the 92 images, the 81 categories and Haxby, with known effects."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.text_twins import CITATION, LICENCE

Array = npt.NDArray[np.float64]

CATEGORIES = {"human bodypart": 12, "human face": 12, "nonhuman bodypart": 12, "nonhuman face": 12}
THINGS = {"natural inanimate": 23, "artificial inanimate": 21}
REGIONS = {"EVC": 100, "OPA": 100, "PPA": 100, "LOC": 96, "PFS": 100, "OFA": 100, "FFA": 100}
SHOWN = ("bottle", "cat", "chair", "face", "house", "scissors", "scrambledpix", "shoe")
PLANTED = ("LOC", "PFS")
_DIMS = ("repetition", "stimulus", "target")


def rsa92_twin(n_subjects: int = 4, *, strength: float = 0.7, seed: int = 0) -> Dataset:
    r"""RDMs of made-up people for 92 made-up images: animacy plus noise of their own.

    A dissimilarity is :math:`1 + (s\,m + e) / (5 \sqrt{s^2 + 1})` with the animacy model *m* and noise *e* of SD 1 that
    is exactly uncorrelated with it, so the Pearson correlation of every subject with animacy is exactly
    ``truth["r"]`` :math:`= s / \sqrt{s^2 + 1}`. Stimuli have the columns of
    :func:`~consona.datasets.rsa92.load_rsa92`. ``strength`` 0 plants nothing.

    Raises :class:`InvalidInput` for fewer than two subjects or a negative strength.
    """
    _require(n_subjects, strength, fewest=2)
    rng = np.random.default_rng(seed)
    names = [name for name, n in {**CATEGORIES, **THINGS}.items() for _ in range(n)]
    animate = np.array([name in CATEGORIES for name in names])
    columns = {
        "category": names,
        "animate": animate,
        "human": [name.startswith("human") for name in names],
        "face": [name.endswith("face") for name in names],
        "natural": [name != "artificial inanimate" for name in names],
    }
    ids = [f"twin{number:02d}" for number in range(1, len(names) + 1)]
    i, j = np.triu_indices(len(ids), 1)
    model = _standard((animate[i] != animate[j]).astype(float))
    square, rdms = np.zeros((len(ids), len(ids))), []
    for subject in range(n_subjects):
        raw = rng.standard_normal(len(i))
        noise = _standard(raw - model * (model @ (raw - raw.mean())) / len(i))
        square[i, j] = 1 + (strength * model + noise) / (5 * np.hypot(strength, 1))
        rdms.append(RDM.of_matrix(square + square.T, ids, metric="correlation", subject=f"twin{subject:02d}"))
    truth = {"r": float(strength / np.hypot(strength, 1)), "model": "animacy", "strength": strength, "seed": seed}
    return _twin("rsa92-twin", Stimuli(pd.DataFrame(columns, index=ids)), (), truth, tuple(rdms))


def objects81_twin(*, strength: float = 1.0, seed: int = 0) -> Dataset:
    r"""Responses of 696 made-up voxels in seven regions to 81 made-up categories.

    In LOC and PFS a response is ``strength`` times a weighted sum (SD 1) of the features of
    :func:`objects81_twin_features`, plus noise of SD 1; elsewhere noise alone. A perfect model reaches
    ``truth["best_r"]`` :math:`= s / \sqrt{s^2 + 1}` there, on average over stimuli, and 0 elsewhere.

    Raises :class:`InvalidInput` for a negative strength.
    """
    _require(1, strength, fewest=1)
    features = objects81_twin_features(seed=seed)
    rng = np.random.default_rng([seed, 1])
    roi = np.repeat(list(REGIONS), list(REGIONS.values()))
    weights = rng.standard_normal((features.data.sizes["feature"], len(roi))) * np.isin(roi, PLANTED)
    length = np.linalg.norm(weights, axis=0)
    signal = features.layer(0) @ np.divide(weights, length, out=np.zeros_like(weights), where=length > 0)
    values = strength * signal + rng.standard_normal(signal.shape)
    ids = features.ids
    voxel = np.concatenate([np.arange(n) for n in REGIONS.values()])
    data = xr.DataArray(
        values[None], {"stimulus": ids, "roi": ("target", roi), "voxel": ("target", voxel)}, _DIMS
    )  # fmt: skip
    truth = {"best_r": float(strength / np.hypot(strength, 1)), "regions": list(PLANTED), "seed": seed}
    stimuli = Stimuli(pd.DataFrame({"text": [f"object {i}" for i in range(len(ids))]}, index=ids))
    return _twin("objects81-twin", stimuli, (Recording(data, "twin00"),), truth)


def objects81_twin_features(*, n_features: int = 20, seed: int = 0) -> Features:
    """Independent features of the 81 made-up categories, each with mean 0 and SD 1."""
    values = np.random.default_rng(seed).standard_normal((81, n_features))
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    return Features.of(values, [f"twin{i:02d}" for i in range(81)], {"model": "twin"})


def haxby_twin(*, strength: float = 0.5, seed: int = 0) -> Dataset:
    r"""Class means of 530 made-up voxels for eight categories in twelve runs, rows as in the real sample.

    Every category has a pattern of SD ``strength``, the same in all runs, plus noise of SD 1 per run. The expected
    correlation of a class mean with the mean of the other eleven runs is ``truth["pattern_r"]``
    :math:`= s^2 / \sqrt{(s^2 + 1)(s^2 + 1/11)}`; with ``strength`` 0 eight-way accuracy is 1/8.

    Raises :class:`InvalidInput` for a negative strength.
    """
    _require(1, strength, fewest=1)
    rng = np.random.default_rng(seed)
    inside = np.argwhere(np.ones((40, 20, 1), bool))[rng.permutation(800)[:530]]
    inside = inside[np.lexsort(inside.T[::-1])]
    rows = pd.DataFrame({"run": np.repeat(np.arange(12), len(SHOWN)), "category": list(SHOWN) * 12})
    rows.index = pd.Index([f"run{run:02d}-{name}" for run, name in rows.to_numpy()])
    patterns = rng.standard_normal((len(SHOWN), 530))
    values = strength * np.tile(patterns, (12, 1)) + rng.standard_normal((96, 530))
    affine = np.diag([-3.1, 3.75, 3.75, 1.0])
    position = inside @ affine[:3, :3].T
    places = {**dict(zip("ijk", inside.T, strict=True)), **dict(zip("xyz", position.T, strict=True))}
    coords = {"stimulus": rows.index.to_numpy(dtype=str), **{name: ("target", each) for name, each in places.items()}}
    recording = Recording(
        xr.DataArray(values[None], coords, _DIMS), "twin00", {"affine": affine.ravel().tolist(), "shape": [40, 20, 1]}
    )
    s2 = strength**2
    truth = {"pattern_r": float(s2 / np.sqrt((s2 + 1) * (s2 + 1 / 11))), "strength": strength, "seed": seed}
    return _twin("haxby-twin", Stimuli(rows), (recording,), truth)


def _twin(
    name: str,
    stimuli: Stimuli,
    recordings: tuple[Recording, ...],
    truth: Mapping[str, object],
    rdms: tuple[RDM, ...] = (),
) -> Dataset:
    return Dataset(stimuli, recordings, name, "1", LICENCE, CITATION, synthetic=True, truth=dict(truth), rdms=rdms)


def _standard(values: Array) -> Array:
    centred = values - values.mean()
    return np.asarray(centred / centred.std())


def _require(n_subjects: int, strength: float, *, fewest: int) -> None:
    if n_subjects < fewest or not strength >= 0:
        raise InvalidInput(
            f"{n_subjects} subjects and strength {strength} found; a twin needs at least {fewest} and a strength from "
            "0 upwards (0 plants nothing)."
        )

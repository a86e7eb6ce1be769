"""What the study will take, from the sizes of its files and the rate of matrix products on this computer."""

from typing import TYPE_CHECKING

from consona.core.dataset import Dataset
from consona.datasets.own import load_own_words
from consona.datasets.own_arrays import load_own_features
from consona.engine.config import PlannedStep
from consona.engine.cost import EFFICIENCY, EncodingSize, encoding_cost, matrix_rate
from consona.studies.alignment.material import load_files, split_of

if TYPE_CHECKING:
    from consona.studies.alignment.study import Alignment

MINILM = (384, 6)
TEXTS_PER_S = 200.0
_SMALL = 0.1
"""Share of the rate of large products that small ones reach: measured on 96 stimuli and 530 voxels."""


def planned(study: "Alignment") -> list[PlannedStep]:
    """Reading, encoding, and decoding; the files are read for their sizes, nothing is scored.

    Raises
    ------
    MissingData, MissingExtra, InvalidInput
        When a file or a package is missing, or files do not hold what the settings say.
    """
    data = load_files(study)
    for recording in data.recordings:
        split_of(study, data.stimuli.select(recording.ids), study.purge or 0)
    read = load_own_words(study.words) if study.words else data.stimuli
    n_texts = len(read.texts) if study.model else len(read)
    (n_features, n_layers), note = _features(study, data)
    steps = []
    if study.model:
        disk = 2 * n_texts * n_layers * n_features * 4e-6
        steps.append(PlannedStep("read texts, twice", 2 * n_texts / TEXTS_PER_S, 700, disk, note))
    if "encoding" in study.analyses:
        steps.append(_encoding(study, data, n_features, n_layers, note))
    if "decoding" in study.analyses and study.hold_out == "stimuli":
        steps.append(_decoding(study, data, n_features))
    return steps


def _features(study: "Alignment", data: Dataset) -> tuple[tuple[int, int], str]:
    if study.features:
        held = load_own_features(study.features, data.stimuli.ids)
        return (held.data.sizes["feature"], len(held.layers)), ""
    width, depth = MINILM
    size = (width * (study.n_delays if study.words else 1), len(study.layers) or depth)
    return size, "" if study.model == "minilm" else "at the width and depth of MiniLM; larger models take more"


def _encoding(study: "Alignment", data: Dataset, n_features: int, n_layers: int, note: str) -> PlannedStep:
    size = EncodingSize(
        n_stimuli=max(len(each) for each in data.recordings),
        n_features=n_features,
        n_targets=max(each.n_targets for each in data.recordings),
        n_subjects=len(data.recordings),
        n_layers=n_layers,
        n_folds=(study.n_folds, study.n_folds - 1),
        n_permutations=study.n_permutations,
        n_repetitions=max(each.data.sizes["repetition"] for each in data.recordings),
    )
    return encoding_cost(size, gflops=_rate(size.trained)).step("encoding, model", note)


def _decoding(study: "Alignment", data: Dataset, n_features: int) -> PlannedStep:
    """Responses are the predictors, features the targets."""
    size = EncodingSize(
        n_stimuli=max(len(each) for each in data.recordings),
        n_features=max(each.n_targets for each in data.recordings),
        n_targets=n_features,
        n_subjects=len(data.recordings),
        n_folds=(study.n_folds, study.n_folds - 1),
        n_permutations=study.n_permutations,
    )
    return encoding_cost(size, gflops=_rate(size.trained)).step("decoding, model")


def _rate(n_trained: int) -> float:
    """Operations per second, in 1e9; products of few stimuli are far from the rate of large ones."""
    share = EFFICIENCY if n_trained >= 1000 else _SMALL
    return share * matrix_rate("float64" if n_trained < 4096 else "float32")

"""27 emotions as people judge them: 14 attributes, similarity of all pairs, and published accuracies under masks.

Two folders. ``model_emotion`` holds files of the authors' release and can be fetched. ``emotion_concepts`` holds tables
that were computed from the same release, among them what silencing neurons did to a model; they have no host.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.rdm import RDM
from consona.core.stimuli import Stimuli
from consona.datasets.locate import checksums, corpus_file, corpus_folder, places
from consona.datasets.masking_tables import ATTRIBUTES, CITATION, COMMIT, LICENCE, TABLES, load_masking_tables, table_of
from consona.datasets.textcorpus import numbers, read_columns, read_text

__all__ = ["ATTRIBUTES", "attribute_scores", "load_emotion_concepts", "load_emotion_raters", "load_masking_tables"]

RELEASE = "model_emotion"
METRIC = "10 minus similarity rating (1 to 9)"

SCORES = "preprocessed/emotional_features/score_emotional_PCs.csv"
MEAN_DISTANCE = "preprocessed/subjective_comparison/avg_dist_subjective_comparison.csv"
RATER_DISTANCES = "preprocessed/subjective_comparison/ind_dist_subjective_comparison.csv"
# The list raw_data/subjective_comparison/emotions.txt is in another order than every table.
ORDER = "preprocessed/reordered_emotions.csv"
N_RATERS = 61


def load_emotion_concepts(folder: Path | str | None = None) -> Dataset:
    """27 emotions with one column per attribute (mean rating, 0 to 1 from its lowest to its highest emotion), one RDM.

    The RDM is ten minus the mean similarity rating (1 to 9) of 61 people. ``folder`` is either of the two of this
    module; without it the release is read where it is found, else the tables (which are rounded to 12 and 6 decimals).

    Raises
    ------
    MissingData
        When the folder or a file is not there.
    InvalidInput
        When a table has another shape or holds no numbers.
    """
    root = _either(folder)
    if (root / "attributes.csv").is_file():
        return _of_tables(root)
    emotions, scores = _scores(root)
    path = corpus_file(root, MEAN_DISTANCE, RELEASE)
    pairs = _matrix(read_columns(path, ()), path, (_n_pairs(emotions), 1))[:, 0]
    rdm = _rdm(pairs, emotions, f"mean of {N_RATERS} raters")
    return _dataset("emotion-concepts", root, (SCORES, ORDER, MEAN_DISTANCE), scores, (rdm,))


def load_emotion_raters(folder: Path | str | None = None) -> Dataset:
    """The same 27 emotions with one RDM per rater, ``rater01`` to ``rater61``; a missing rating is its pair's mean.

    Reads the release alone; errors as in :func:`load_emotion_concepts`.
    """
    root = corpus_folder(RELEASE, folder)
    emotions, scores = _scores(root)
    path = corpus_file(root, RATER_DISTANCES, RELEASE)
    rows = _matrix(read_columns(path, ()), path, (N_RATERS, _n_pairs(emotions)))
    rdms = tuple(_rdm(row, emotions, f"rater{number:02d}") for number, row in enumerate(rows, start=1))
    return _dataset("emotion-raters", root, (SCORES, ORDER, RATER_DISTANCES), scores, rdms)


def attribute_scores(dataset: Dataset, names: npt.ArrayLike) -> xr.DataArray:
    """Scores ``(emotion, attribute)`` of these emotions, found by name and put in this order.

    Raises :class:`InvalidInput` when an emotion is not in the data set, occurs twice, or the data set has no
    attributes.
    """
    wanted = [str(name) for name in np.atleast_1d(np.asarray(names, dtype=str))]
    table = dataset.stimuli.table
    unknown = [name for name in wanted if name not in table.index]
    if unknown or len(set(wanted)) != len(wanted):
        raise InvalidInput(
            f"The labels {listed(unknown or wanted)} "
            f"{'have no attributes' if unknown else 'hold a name twice'}; '{dataset.name}' describes "
            f"{listed(table.index)}. Use each of these names once, or leave the others out."
        )
    attributes = [name for name in table if pd.api.types.is_float_dtype(table[name])]
    if not attributes:
        raise InvalidInput(f"'{dataset.name}' has no attribute: a column of numbers per attribute is needed.")
    values = table.loc[wanted, attributes].to_numpy(dtype=float)
    return xr.DataArray(values, {"emotion": wanted, "attribute": attributes}, ("emotion", "attribute"))


def _either(folder: Path | str | None) -> Path:
    """The folder named, else the release, else the tables."""
    if folder is not None:
        return corpus_folder(RELEASE, folder)
    tables = next((place for place in places(TABLES) if (place / "attributes.csv").is_file()), None)
    here = any((place / SCORES).is_file() for place in places(RELEASE))
    return tables if tables is not None and not here else corpus_folder(RELEASE)


def _of_tables(root: Path) -> Dataset:
    scores = table_of(root, "attributes.csv", "emotion", {name: name for name in ATTRIBUTES})
    emotions = [str(name) for name in scores.index]
    path = corpus_file(root, "human_distance.csv", TABLES)
    table = read_columns(path, ("emotion_row", "emotion_col", "distance"))
    i, j = np.triu_indices(len(emotions), 1)
    names = np.array(emotions)
    if table["emotion_col"].tolist() != names[i].tolist() or table["emotion_row"].tolist() != names[j].tolist():
        raise InvalidInput(f"{path.name} does not hold the {len(i)} pairs of attributes.csv in order. Get it again.")
    rdm = _rdm(numbers(table, "distance", path).to_numpy(), emotions, f"mean of {N_RATERS} raters")
    return _dataset("emotion-concepts", root, ("attributes.csv", "human_distance.csv"), scores, (rdm,))


def _scores(root: Path) -> tuple[list[str], pd.DataFrame]:
    """Emotions and their attributes as released; the names stand in a file of their own, without a header."""
    path = corpus_file(root, SCORES, RELEASE)
    emotions = read_text(corpus_file(root, ORDER, RELEASE)).split()
    values = _matrix(read_columns(path, ATTRIBUTES)[list(ATTRIBUTES)], path, (len(emotions), len(ATTRIBUTES)))
    return emotions, pd.DataFrame(values, index=emotions, columns=list(ATTRIBUTES))


def _matrix(table: pd.DataFrame, path: Path, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    if table.shape != shape:
        raise InvalidInput(
            f"{path.name} has {table.shape[0]} rows and {table.shape[1]} columns; expected {shape[0]} and {shape[1]}. "
            "Get the file again."
        )
    return np.column_stack([numbers(table, column, path).to_numpy() for column in table])


def _n_pairs(emotions: list[str]) -> int:
    return len(emotions) * (len(emotions) - 1) // 2


def _rdm(pairs: npt.NDArray[np.float64], emotions: list[str], subject: str) -> RDM:
    """R's lower triangle column by column is the upper triangle row by row."""
    i, j = np.triu_indices(len(emotions), 1)
    names = np.array(emotions)
    return RDM(
        xr.DataArray(pairs, {"first": ("pair", names[i]), "second": ("pair", names[j])}, ("pair",)), METRIC, subject
    )


def _dataset(name: str, root: Path, files: tuple[str, ...], scores: pd.DataFrame, rdms: tuple[RDM, ...]) -> Dataset:
    sums = checksums(root, [root / each for each in files])
    return Dataset(Stimuli(scores), (), name, COMMIT[:12], LICENCE, CITATION, sums, rdms=rdms)

"""Published accuracies of a model whose neurons were silenced, with random masks beside them, as one xarray Dataset."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.datasets.locate import corpus_file, corpus_folder
from consona.datasets.textcorpus import numbers, read_columns

CITATION = (
    "Li M et al. (2024). Language-specific representation of emotion-concept knowledge causally supports emotion "
    "inference. iScience. arXiv:2302.09582"
)
LICENCE = "none stated; not to be passed on: ask the authors"
COMMIT = "614c978ad0220fcd86e30e990b0e32934876a06c"
TABLES = "emotion_concepts"

_NAMES = """
arousal valence happy-face anger-face sad-face fear-face surprise-face disgust-face control fairness self-relativity
other-relativity expectedness novelty
"""
ATTRIBUTES = tuple(_NAMES.split())
"""Two of affect, six likenesses to a face, six appraisals; ``novelty`` is high for what is familiar."""


N_LAYERS = 12
_NEURONS = {
    "n_significant": "n_significant_naive",
    "tau_max": "tau_max",
    "tau_last": "tau_at_rank_4000",
    "percent_q01": "pct_permutation_q01",
    "percent_p05": "pct_permutation_p05",
}
_IMPORTANCE = {
    "importance": "tau",
    "importance_se": "se",
    "importance_low": "ci_low",
    "importance_high": "ci_high",
    "importance_p_raters": "p_subject_bootstrap",
    "importance_p": "p_label_permutation",
}
_EMOTIONS = {
    "n_comments": "corpus_count",
    "interrater_r": "interrater_r",
    "kappa": "kappa",
    "accuracy_intact": "accuracy_unmasked",
    "accuracy_random": "accuracy_random_4000",
    "accuracy_selective": "accuracy_selective_4000",
    "link_r": "r_drop_human_tau",
}


def load_masking_tables(folder: Path | str | None = None) -> xr.Dataset:
    """What was published of silenced neurons: RoBERTa-base, 12 layers of 3,072 neurons, 27 tasks of two classes.

    ========================  ==========================================================================================
    ``accuracy``              ``(kind, n, attribute)`` 0 to 1, mean over emotions and 12 training seeds; kinds are
                              ``selective`` and ``random`` (one mask per cell); NaN where none was published
    ``drop``                  ``(emotion, attribute)`` at n = 4000, accuracy under the random mask minus accuracy under
                              the selective one: positive where the selective one costs more
    ``n_neurons``             ``(attribute, layer)`` of the 4,000 selected, per layer
    ``n_significant``, …      ``(attribute,)`` neurons by naive and permutation tests (percent), largest tau, tau of the
                              4,000th neuron
    ``importance``, …         ``(attribute,)`` tau with the human RDM, its standard error, interval and p
    ``scale``                 ``(attribute,)`` from scores (0 to 1) to units of the ratings
    ``kappa``, …              ``(emotion,)`` comments, agreement of raters, accuracies, r of drop and importance
    ========================  ==========================================================================================

    The tables hold means over seeds: what needs the spread over seeds (which drops are significant) is not in them.

    Raises
    ------
    MissingData
        When the folder or a file is not there.
    InvalidInput
        When a table lacks rows or columns, or holds no numbers.
    """
    root = corpus_folder(TABLES, folder)
    drop = table_of(root, "accuracy_drop.csv", "emotion", {name: name for name in ATTRIBUTES})
    layers = {str(layer): f"top4000_layer{layer + 1}" for layer in range(N_LAYERS)}
    found = {
        "accuracy": _accuracy(root),
        "drop": (("emotion", "attribute"), -drop.to_numpy() / 100),
        "n_neurons": (
            ("attribute", "layer"),
            _attributes(root, "neuron_rsa.csv", layers).to_numpy().astype(np.int64),
        ),
        "scale": ("attribute", _attributes(root, "scale_factors.csv", {"scale": "scale_factor"})["scale"].to_numpy()),
    }
    for name, columns in (("neuron_rsa.csv", _NEURONS), ("human_importance.csv", _IMPORTANCE)):
        found |= {str(key): ("attribute", each.to_numpy()) for key, each in _attributes(root, name, columns).items()}
    emotions = table_of(root, "per_emotion.csv", "emotion", _EMOTIONS)
    if sorted(emotions.index) != sorted(drop.index):
        raise InvalidInput(f"per_emotion.csv and accuracy_drop.csv in {root} name other emotions. Get them again.")
    found |= {str(key): ("emotion", each.to_numpy()) for key, each in emotions.loc[drop.index].items()}
    coords = {"emotion": list(drop.index), "attribute": list(ATTRIBUTES), "layer": np.arange(N_LAYERS)}
    return xr.Dataset(found, coords, {"licence": LICENCE, "citation": CITATION, "version": COMMIT[:12]})


def _accuracy(root: Path) -> xr.DataArray:
    """Both kinds of masks over all sizes; a size that one kind lacks is NaN there."""
    path = corpus_file(root, "masking_accuracy.csv", TABLES)
    table = read_columns(path, ("mask", "n", *ATTRIBUTES))
    sizes = numbers(table, "n", path).astype(int)
    cells = np.column_stack([numbers(table, name, path) for name in ATTRIBUTES])
    kinds, every = ("selective", "random"), sorted(set(sizes))
    if set(table["mask"]) != set(kinds) or pd.DataFrame({"mask": table["mask"], "n": sizes}).duplicated().any():
        raise InvalidInput(
            f"{path.name} holds the masks {listed(table['mask'])}; expected {listed(kinds)}, each n once."
        )
    values = np.full((len(kinds), len(every), len(ATTRIBUTES)), np.nan)
    for kind, n, row in zip(table["mask"], sizes, cells, strict=True):
        values[kinds.index(kind), every.index(n)] = row
    coords = {"kind": list(kinds), "n": every, "attribute": list(ATTRIBUTES)}
    return xr.DataArray(values, coords, ("kind", "n", "attribute"))


def _attributes(root: Path, name: str, columns: dict[str, str]) -> pd.DataFrame:
    """A table with one row per attribute, in the order of the attributes."""
    table = table_of(root, name, "attribute", columns)
    if sorted(table.index) != sorted(ATTRIBUTES):
        raise InvalidInput(f"{name} holds the attributes {listed(table.index)}; expected {listed(ATTRIBUTES)}.")
    return table.loc[list(ATTRIBUTES)]


def table_of(root: Path, name: str, index: str, columns: dict[str, str]) -> pd.DataFrame:
    """Columns of one table of the folder as numbers: ``columns`` are their new names and those in the file.

    Rows are named by the column ``index``. Raises :class:`MissingData` without the file, :class:`InvalidInput` where a
    column is missing, holds no numbers, or a row occurs twice.
    """
    path = corpus_file(root, name, TABLES)
    table = read_columns(path, (index, *columns.values()))
    if table[index].duplicated().any():
        raise InvalidInput(f"{name} names one of {listed(table[index])} twice. Get the file again.")
    found = {key: numbers(table, column, path).to_numpy() for key, column in columns.items()}
    return pd.DataFrame(found, index=table[index].astype(str).to_numpy())

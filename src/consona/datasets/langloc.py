"""The language localiser: sentences and lists of nonwords, to find units of a model that answer to language."""

import re
from pathlib import Path

import pandas as pd

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import corpus_file, corpus_folder, places
from consona.datasets.textcorpus import read_table

NAME = "langloc_stimuli"
COMMIT = "0e0bb4a2d8df5d3c30fe26ec4528f27a188e1cdc"
LICENCE = "MIT"
CITATION = "Fedorenko et al. (2010), J Neurophysiol 104:1177-1194; AlKhamissi et al. (2025), NAACL"
FILES = tuple(
    f"brainscore_language/data/fedorenko2010_localization/langloc_fmri_run{run}_stim_set{place}.csv"
    for run in (1, 2)
    for place in range(1, 6)
)
_WORDS = tuple(f"stim{i}" for i in range(2, 14))
_CONDITIONS = {"S": "sentence", "N": "nonwords"}


def load_langloc(folder: Path | str | None = None) -> Stimuli:
    """240 sentences and 240 lists of nonwords, twelve words each, in capitals as they were shown.

    Columns: ``text``, ``condition`` (``sentence`` or ``nonwords``), ``run`` and ``set`` (text). Ids are
    ``run1set1-01`` and so on, by file and row.

    Parameters
    ----------
    folder
        Where the files lie, as in the repository they come from; looked for where not given.

    Raises
    ------
    MissingData
        When the folder or a file is not there.
    InvalidInput
        When a row is neither a sentence (S) nor a list of nonwords (N).
    """
    if folder is None and not any(place.is_dir() for place in places(NAME)):
        raise MissingData(
            f"The language localiser is not in {' nor '.join(str(place) for place in places(NAME))}. Put "
            f"{FILES[0].rpartition('/')[0]} of github.com/brain-score/language (commit {COMMIT[:12]}, MIT) there."
        )
    root = corpus_folder(NAME, folder)
    return Stimuli(pd.concat([_one_list(corpus_file(root, relative, NAME)) for relative in FILES]))


def _one_list(path: Path) -> pd.DataFrame:
    table = read_table(path, (*_WORDS, "stim14"))
    condition = table["stim14"].map(_CONDITIONS)
    if condition.isna().any():
        raise InvalidInput(
            f"{path.name}: the last column of rows {listed(condition.index[condition.isna()] + 1)} is neither S nor N. "
            "Get the file again."
        )
    run, place = re.findall(r"\d+", path.stem)
    columns = {
        "text": table[list(_WORDS)].agg(" ".join, axis=1).to_numpy(),
        "condition": condition.to_numpy(),
        "run": run,
        "set": place,
    }
    return pd.DataFrame(columns, index=[f"run{run}set{place}-{row + 1:02d}" for row in range(len(table))])

"""A user's own word list with valences: one word and one number per line."""

from pathlib import Path

import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import sha256
from consona.datasets.textcorpus import numbers, read_table


def load_lexicon(path: Path | str) -> Dataset:
    """Words with valences from a CSV file with the columns ``word`` and ``valence``: ids and texts are the words.

    Raises :class:`MissingData` where there is no such file, :class:`InvalidInput` when a column is missing, a word
    occurs twice or is empty, or a valence is no number.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingData(
            f"There is no word list {file}; expected a CSV file with the columns word and valence. Check it."
        )
    table = read_table(file, ("word", "valence"))
    words = table["word"].str.strip()
    twice = words[words.duplicated() | (words == "")].unique()
    if len(twice):
        raise InvalidInput(
            f"{file.name}: words must be unique and not empty; found {listed(twice)} again. Mend the list."
        )
    columns = {"text": words.to_numpy(), "valence": numbers(table, "valence", file).to_numpy()}
    stimuli = Stimuli(pd.DataFrame(columns, index=words.to_numpy()))
    sums = {file.name: sha256(file)}
    return Dataset(stimuli, (), f"lexicon-{file.stem}", "as given", "the user's own", f"word list {file.name}", sums)

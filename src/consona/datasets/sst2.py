"""SST-2: sentences of film reviews, negative or positive (Socher et al. 2013); whole sentences, not GLUE's phrases."""

from pathlib import Path

import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import checksums, corpus_file, corpus_folder
from consona.datasets.textcorpus import read_rows, require_split

CITATION = (
    "Socher R, Perelygin A, Wu J, Chuang J, Manning CD, Ng AY, Potts C (2013). Recursive deep models for semantic "
    "compositionality over a sentiment treebank. EMNLP, 1631-1642"
)
LICENCE = "none stated; not to be passed on"
COMMIT = "457ffd83de90a9d6d472d8ffc31bbffe40a8b236"
SPLITS = {"train": "data/SST2/train.tsv", "dev": "data/SST2/dev.tsv", "test": "data/SST2/test.tsv"}


def load_sst2(split: str = "dev", *, folder: Path | str | None = None) -> Dataset:
    """Film review sentences: columns ``text`` and ``label`` (0 negative, 1 positive); splits train, dev, test.

    Raises :class:`MissingData` where the corpus is not there, :class:`InvalidInput` for an unknown split or a
    damaged file.
    """
    require_split(split, SPLITS, "SST-2")
    root = corpus_folder("sst2", folder)
    path = corpus_file(root, SPLITS[split], "sst2")
    table = read_rows(path, ("text", "label"))
    odd = sorted(set(table["label"]) - {"0", "1"})
    if odd:
        raise InvalidInput(f"{path.name} holds the labels {listed(odd)}; expected 0 and 1. Get the file again.")
    stimuli = Stimuli(
        pd.DataFrame(
            {"text": table["text"].to_numpy(), "label": table["label"].astype(int).to_numpy()},
            index=[f"sst2-{split}-{i:04d}" for i in range(len(table))],
        )
    )
    return Dataset(stimuli, (), f"sst2-{split}", COMMIT[:12], LICENCE, CITATION, checksums(root, [path]))

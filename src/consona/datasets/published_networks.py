"""What was published of image networks and visual cortex: figures typed into the released code, as a table."""

from importlib.resources import as_file, files

import pandas as pd

from consona.datasets.textcorpus import numbers, read_table

__all__ = ["load_published_networks"]

REGIONS = ("ventral", "lateral", "parietal")


def load_published_networks() -> pd.DataFrame:
    """Fourteen networks and three regions of NSD: correlation of dissimilarities divided by its ceiling.

    Index ``model``; columns ``objective``, ``n_images`` (of the training) and one per region. Figure 4e of Doerig et
    al. (2025), Nature Machine Intelligence 7:1220-1234, from the released ``trainingImgs_vs_brainMatch_scatter.py``.
    AlexNet and ResNet50 had inputs of the wrong size and range there, and the 940 million images of ResNeXt101 are 914
    million in the text. A ratio to a ceiling of other images is no bounded number.
    """
    columns = ("model", "objective", "n_images", *REGIONS)
    with as_file(files("consona.datasets") / "tables" / "scene_networks_published.csv") as path:
        table = read_table(path, columns)
        made = {name: numbers(table, name, path).astype(float) for name in ("n_images", *REGIONS)}
    return table.assign(**made).set_index("model")[list(columns[1:])]

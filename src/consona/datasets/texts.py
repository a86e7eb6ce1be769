"""Texts and figures that come with consona: stories, class names, controls, plots of the clips, mean ratings."""

from importlib.resources import as_file, files

import pandas as pd

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.faced_clips import EMOTIONS, clip_id, clip_stimuli
from consona.datasets.textcorpus import numbers, read_table, require_texts


def load_stories(seed_set: int = 1) -> Stimuli:
    """Emotion stories of one seed set: nine classes, each one seed and its paraphrases.

    Columns ``text``, ``emotion``, ``kind`` (``seed`` or ``paraphrase``) and ``seed_set``. Seed set 1 has 50 paraphrases
    per class, sets 2 and 3, written independently, five: they show how much an axis depends on the wording.
    :class:`InvalidInput` names the sets there are.
    """
    table = _all_stories()
    known = seed_sets()
    if seed_set not in known:
        raise InvalidInput(f"There is no seed set {seed_set}; the sets are {listed(known)}.")
    chosen = table[table["seed_set"] == seed_set]
    return _stimuli(chosen.sort_values("emotion", key=lambda names: names.map(EMOTIONS.index), kind="stable"))


def seed_sets() -> tuple[int, ...]:
    """The numbers of the seed sets that :func:`load_stories` knows."""
    return tuple(sorted({int(each) for each in _all_stories()["seed_set"]}))


def load_class_names() -> Stimuli:
    """The nine emotion names as texts (recipe C): ids and column ``emotion`` are the class."""
    table = _table("class_names.csv", ("emotion", "text"))
    return _stimuli(table.assign(id=table["emotion"]))


def load_nonce() -> Stimuli:
    """Stories of invented words, arranged in the same nine classes: a control that carries no emotion."""
    return _stimuli(_table("nonce.csv", ("id", "emotion", "text")))


def load_neutral() -> Stimuli:
    """Sentences about everyday matters without emotion."""
    return _stimuli(_table("neutral.csv", ("id", "text")))


def load_plots() -> Stimuli:
    """One neutral line on the film of each of the 28 clips, with ``vid``, ``film``, ``emotion``, ``valence_code``.

    Written without emotion words and before any EEG score was computed: 28 values where class names give nine.
    """
    table = _table("plots.csv", ("vid", "film", "text"))
    table.index = pd.Index([clip_id(int(vid)) for vid in table["vid"]])
    return clip_stimuli().with_columns(text=table["text"].loc[clip_stimuli().ids].to_numpy())


def load_rated() -> Stimuli:
    """Mean rated valence and arousal (0 to 7) of the 28 clips over 123 people: printed figures, not data.

    Columns ``vid``, ``emotion``, ``valence_code``, ``film``, ``rated_valence``, ``rated_arousal``. Chen et al. (2023).
    """
    with as_file(files("consona.datasets") / "tables" / "rated_valence.csv") as path:
        table = read_table(path, ("vid", "emotion", "rated_valence", "rated_arousal"))
        columns = {name: numbers(table, name, path).to_numpy() for name in ("rated_valence", "rated_arousal")}
    return clip_stimuli().with_columns(**columns)


def _all_stories() -> pd.DataFrame:
    table = _table("stories.csv", ("id", "seed_set", "emotion", "kind", "text"))
    return table.assign(seed_set=table["seed_set"].astype(int))


def _table(name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    with as_file(files("consona.datasets") / "tables" / name) as path:
        table = read_table(path, columns)
        return require_texts(table, path)


def _stimuli(table: pd.DataFrame) -> Stimuli:
    return Stimuli(table.set_index("id"))

"""What the study reads: comments, attributes of emotions, people's similarities, and texts for other capabilities."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from consona.concepts.comments import balanced_items, comment_labels, equal_labels, sampled_comments, unseen_comments
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.emotion_concepts import attribute_scores, load_emotion_concepts, load_emotion_raters
from consona.datasets.emotion_twins import emotion_comments_twin, emotion_concepts_twin
from consona.datasets.goemotions import load_goemotions
from consona.studies.emotion_neurons.names import EMOTIONS

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.study import EmotionNeurons

SPLITS = ("train", "dev", "test")
PROMPTS = (
    "A feeling of {}.",
    "This is about {}.",
    "It was written with {}.",
    "Somebody felt {} that day.",
    "There was {} in the room.",
    "Nothing but {}.",
)
"""Sentences around the name of an emotion, for activations that no comment takes part in."""


@dataclass(frozen=True)
class Material:
    """What is given before a model is read.

    ``comments`` and ``labels`` by split; ``equal``: as many training comments of every emotion, each its own; ``items
    (emotion, item)`` of the declared test and ``few`` of all others; ``attributes (emotion, attribute)``; ``people``:
    emotions with one RDM per rater.
    """

    comments: dict[str, Stimuli]
    labels: dict[str, xr.DataArray]
    equal: xr.DataArray
    items: xr.Dataset
    few: xr.Dataset
    prompts: Stimuli
    attributes: xr.DataArray
    people: Dataset
    synthetic: bool

    @property
    def names(self) -> list[str]:
        """The attributes."""
        return [str(each) for each in self.attributes["attribute"].values]

    def items_of(self, described: bool) -> tuple[xr.Dataset, Stimuli]:
        """Items of the declared test or of the others, and the comments that they are about."""
        items = self.few if described else self.items
        wanted = {str(each) for each in np.unique(items["stimulus"].values)} - {""}
        test = self.comments["test"]
        return items, test.select(np.array([str(each) in wanted for each in test.ids]))


def load_material(study: "EmotionNeurons", run: "Run") -> Material:
    """Load what the settings name, and write its origin into the manifest.

    Raises
    ------
    MissingData
        When a corpus is not on this computer.
    InvalidInput
        When an emotion has no comment, or attributes and people are about other emotions.
    """
    counts, seed = study.counts, study.seed
    whole = _comments(study, run)
    n_each = {"train": counts.n_train, "dev": counts.n_dev}
    comments = {name: sampled_comments(whole[name], EMOTIONS, n_each=n, seed=seed) for name, n in n_each.items()}
    comments["test"] = unseen_comments(whole["test"], comments["train"], comments["dev"])
    items = balanced_items(comments["test"], EMOTIONS, n_each=counts.n_test, seed=seed)
    few = balanced_items(comments["test"], EMOTIONS, n_each=counts.n_described, seed=seed)
    labels = {name: comment_labels(each, EMOTIONS) for name, each in comments.items()}
    concepts, people = _concepts(study, run)
    attributes = attribute_scores(concepts, EMOTIONS)
    missing = sorted(set(EMOTIONS) ^ set(people.stimuli.ids.tolist()))
    if missing:
        raise InvalidInput(f"Comments and similarities are about other emotions: {listed(missing)}. Align them first.")
    synthetic = concepts.synthetic or study.texts == "twin"
    _evidence(run, comments)
    equal = equal_labels(labels["train"], seed=seed)
    return Material(comments, labels, equal, items, few, _prompts(), attributes, people, synthetic)


def _comments(study: "EmotionNeurons", run: "Run") -> dict[str, Stimuli]:
    if study.texts == "twin":
        counts = study.counts
        n_each = {"train": counts.n_train, "dev": counts.n_dev, "test": max(30, counts.n_test)}
        twins = {name: emotion_comments_twin(n_each=n, split=name, seed=study.seed) for name, n in n_each.items()}
        for data in twins.values():
            run.note_dataset(data)
        return {name: data.stimuli for name, data in twins.items()}
    loaded = {name: load_goemotions(name) for name in SPLITS}
    for data in loaded.values():
        run.note_dataset(data)
    return {name: data.stimuli for name, data in loaded.items()}


def _concepts(study: "EmotionNeurons", run: "Run") -> tuple[Dataset, Dataset]:
    if study.concepts == "twin":
        twin = emotion_concepts_twin(plant=study.plant, seed=study.seed)
        run.note_dataset(twin)
        return twin, twin
    concepts, people = load_emotion_concepts(), load_emotion_raters()
    run.note_dataset(concepts)
    run.note_dataset(people)
    return concepts, people


def _prompts() -> Stimuli:
    rows = [(name, number, text.format(name)) for name in EMOTIONS for number, text in enumerate(PROMPTS)]
    table = pd.DataFrame(rows, columns=["emotion", "prompt", "text"])
    table.index = pd.Index([f"{name}-{number}" for name, number, _ in rows])
    return Stimuli(table)


def _evidence(run: "Run", comments: dict[str, Stimuli]) -> None:
    fold = {
        "train": [each.casefold() for each in (*comments["train"].texts, *comments["dev"].texts)],
        "test": [each.casefold() for each in comments["test"].texts],
    }
    run.evidence("CON001", where="comments", held_out="text", folds=[fold])

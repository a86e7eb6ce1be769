"""What the study reads: its own texts, the sentiment corpora, the EEG and the ratings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed, require_same_ids
from consona.core.stimuli import Stimuli
from consona.datasets.emobank import load_emobank
from consona.datasets.faced import load_faced
from consona.datasets.faced_ratings import load_faced_ratings
from consona.datasets.goemotions import goemotions_valence, load_goemotions
from consona.datasets.lexicon import load_lexicon
from consona.datasets.sst2 import load_sst2
from consona.datasets.texts import (
    load_class_names,
    load_neutral,
    load_nonce,
    load_plots,
    load_rated,
    load_stories,
    seed_sets,
)
from consona.datasets.twins import faced_ratings_twin, faced_twin, sentiment_twin
from consona.stats.folds import repeated_texts

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.valence_axis.study import ValenceAxis


@dataclass(frozen=True)
class Material:
    """Everything that is given before a model or a brain is looked at."""

    stories: dict[int, Stimuli]
    names: Stimuli
    nonce: Stimuli
    neutral: Stimuli
    plots: Stimuli
    rated: Stimuli
    labelled: dict[str, Stimuli]
    graded: dict[str, Stimuli]
    lexicon: Stimuli | None
    eeg: Dataset
    ratings: Dataset


def load_material(study: "ValenceAxis", run: "Run") -> Material:
    """Load what the settings name, and write its origin into the manifest.

    Raises
    ------
    MissingData
        When a corpus is not on this computer.
    InvalidInput
        When the axis texts and a test corpus share a text.
    """
    labelled: dict[str, Stimuli] = {}
    graded: dict[str, Stimuli] = {}
    for name in study.corpora:
        if name == "emobank":
            data = load_emobank("all")
            graded[name] = data.stimuli
        elif name == "goemotions":
            data = load_goemotions("test")
            labelled[name] = goemotions_valence(data.stimuli)
        else:
            data = load_sst2("dev") if name == "sst2" else sentiment_twin(seed=study.seed)
            labelled[name] = data.stimuli
        run.note_dataset(data)
    if study.eeg == "faced":
        chosen = study.subjects or None
        eeg, ratings = load_faced(subjects=chosen), load_faced_ratings(subjects=chosen)
    else:
        facts = {"n_subjects": study.n_subjects, "seed": study.seed}
        eeg = faced_twin(study.plant, strength=study.strength, **facts)
        ratings = faced_ratings_twin(**facts)
    run.note_dataset(eeg)
    rated = load_rated()
    require_same_ids(eeg.stimuli.ids, rated.ids, ("Clips of the EEG", "rated clips"))
    stories = {number: load_stories(number) for number in seed_sets()}
    for corpus, texts in (labelled | graded).items():
        _refuse_repeated(run, stories[study.seed_set], texts, corpus)
    lexicon = load_lexicon(study.lexicon).stimuli if study.lexicon else None
    own = (stories, load_class_names(), load_nonce(), load_neutral(), load_plots(), rated)
    return Material(*own, labelled, graded, lexicon, eeg, ratings)


def _refuse_repeated(run: "Run", stories: Stimuli, corpus: Stimuli, name: str) -> None:
    """A test text among the texts of the axis is an error; what was compared goes to check CON001."""
    texts = [*stories.texts, *corpus.texts]
    train = np.arange(len(texts)) < len(stories)
    shared = repeated_texts(texts, train, ~train)
    if shared:
        pairs = [f"{stories.ids[s.train]} = {corpus.ids[s.test - len(stories)]}" for s in shared]
        raise InvalidInput(
            f"{len(shared)} texts of '{name}' are also texts of the axis: {listed(pairs)}. Take them out of one "
            "of the two."
        )
    fold = {"train": [each.casefold() for each in stories.texts], "test": [each.casefold() for each in corpus.texts]}
    run.evidence("CON001", where=f"axis and {name}", held_out="text", folds=[fold])

"""How the study reads texts: every rung of the ladder from captions to categories, and how far the rungs lie apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import xarray as xr

from consona.alignment.text_geometry import caption_consistency, rung_agreement
from consona.core.errors import MissingData
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.datasets.caption_ladder import RUNGS, ladder
from consona.datasets.coco_categories import COCO_91, categories_of, multi_hot
from consona.datasets.contrast_sentences import load_contrast_sentences
from consona.datasets.nsd_captions import load_coco_captions, load_nsd_shared1000
from consona.studies.scene_captions.names import CAPTION, CATEGORIES, CATEGORY_WORDS, NOUNS_JOINED, slug

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.scene_captions.study import SceneCaptions


@dataclass(frozen=True)
class Texts:
    """Embeddings of the captions of the images that were seen.

    ``rungs`` by name, from the full caption to categories, and ``others``: the full caption by further models;
    ``agreement`` of the rungs with the full caption and ``consistency`` of the captions of one image, by corpus;
    ``sentences`` for contrasts with their embedding.
    """

    lm: "LanguageModel"
    rungs: dict[str, Features]
    others: dict[str, Features]
    agreement: dict[str, xr.Dataset]
    consistency: dict[str, xr.Dataset]
    sentences: Stimuli
    told: Features

    @property
    def caption(self) -> Features:
        """The full caption."""
        return self.rungs[CAPTION]


def load_reader(study: "SceneCaptions", run: "Run") -> "LanguageModel":
    """The sentence-embedding model of the study, noted in the manifest."""
    from consona.lm.loading import load_language_model

    lm = load_language_model(study.model, revision=study.revision, device=run.execution.device)
    run.note_model(lm.describe())
    return lm


def read(
    study: "SceneCaptions", run: "Run", lm: "LanguageModel", captions: Stimuli, known: Features | None = None
) -> Texts:
    """Embed the captions of the images that were seen, and real captions of COCO where they are at hand."""
    from consona.lm.sentence_embedding import embed_texts

    rungs = climbed(study, run, lm, captions, "seen", {} if known is None else {CAPTION: known})
    corpora = {"seen": (captions, rungs)}
    for name, real in _real_captions(study).items():
        corpora[name] = (real, climbed(study, run, lm, real, slug(name)))
    sentences = load_contrast_sentences(study.sentences or None)
    return Texts(
        lm,
        rungs,
        {name: _by_another(study, run, name, captions) for name in study.compared},
        {name: run.step(f"agreement-{slug(name)}", _agreement, found) for name, (_, found) in corpora.items()},
        {name: _consistency(study, run, lm, texts, name) for name, (texts, _) in corpora.items()},
        sentences,
        run.step("sentences", embed_texts, lm, sentences),
    )


def climbed(
    study: "SceneCaptions",
    run: "Run",
    lm: "LanguageModel",
    captions: Stimuli,
    corpus: str,
    known: Mapping[str, Features] = MappingProxyType({}),
) -> dict[str, Features]:
    """Every rung that the captions have: categories only where images have them; ``known`` are not embedded again."""
    from consona.lm.sentence_embedding import embed_texts

    made: dict[str, Features] = dict(known)
    for rung in RUNGS:
        if rung not in made and (rung != CATEGORY_WORDS or "categories" in captions):
            told = ladder(captions, rung, seed=study.seed, tagger=study.tagger, mode=study.mode)
            made[rung] = run.step(f"{corpus}-{slug(rung)}", embed_texts, lm, told)
    joined = ladder(captions, "nouns", mode="paper", tagger=study.tagger)
    made[NOUNS_JOINED] = run.step(f"{corpus}-{slug(NOUNS_JOINED)}", embed_texts, lm, joined)
    if "categories" in captions:
        made[CATEGORIES] = run.step(f"{corpus}-{CATEGORIES}", multi_hot, captions, names=kinds_of(captions))
    return made


def kinds_of(captions: Stimuli) -> tuple[str, ...]:
    """The categories of COCO, or, of other images, all that occur."""
    found = sorted({name for each in categories_of(captions) for name in each})
    return COCO_91 if set(found) <= set(COCO_91) else tuple(found)


def _agreement(rungs: dict[str, Features]) -> xr.Dataset:
    """Every rung of embeddings beside the full caption; categories have other dimensions and their RDM alone."""
    return rung_agreement(rungs[CAPTION], {name: each for name, each in rungs.items() if name != CAPTION})


def _consistency(study: "SceneCaptions", run: "Run", lm: "LanguageModel", captions: Stimuli, corpus: str) -> xr.Dataset:
    from consona.lm.sentence_embedding import embed_each

    some = captions.select(captions.ids[:2000])
    each = run.step(f"each-{slug(corpus)}", embed_each, lm, some)
    return run.step(f"consistency-{slug(corpus)}", caption_consistency, each, mode=study.mode)


def _by_another(study: "SceneCaptions", run: "Run", name: str, captions: Stimuli) -> Features:
    from consona.lm.loading import load_language_model
    from consona.lm.sentence_embedding import embed_texts

    lm = load_language_model(name, device=run.execution.device)
    run.note_model(lm.describe())
    told = ladder(captions, CAPTION, seed=study.seed, tagger=study.tagger, mode=study.mode)
    return run.step(f"seen-by-{slug(name)}", embed_texts, lm, told)


def _real_captions(study: "SceneCaptions") -> dict[str, Stimuli]:
    """Captions of photographs, where the corpora are on this computer; the quick size does without."""
    if study.size == "quick":
        return {}
    found = {}
    for name, load in (("COCO captions", load_coco_captions), ("NSD shared 1000", load_nsd_shared1000)):
        try:
            found[name] = load()
        except MissingData:
            continue
    return found

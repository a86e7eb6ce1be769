"""Captions read out of the brain: scores beside the mean caption, words of a dictionary, cards, and all three modes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.caption_cards import cards
from consona.alignment.caption_dictionary import read_captions
from consona.alignment.caption_readout import caption_readout, embeddings_of, readout_scores
from consona.core.errors import MissingData
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.datasets.nsd_captions import load_coco_captions
from consona.datasets.response_files import ResponseFile
from consona.datasets.scenes import render_scenes
from consona.stats.fractional_path import fractional_fit
from consona.stats.fractional_settings import fractional_folds, mode_settings
from consona.studies.scene_captions.material import Division, Material
from consona.studies.scene_captions.names import CATEGORIES, MODES, Mode
from consona.studies.scene_captions.rsa import in_regions

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.reading import Texts
    from consona.studies.scene_captions.study import SceneCaptions

DICTIONARY_SEED = 2000
N_NEAREST = 5


@dataclass(frozen=True)
class ReadOut:
    """Scores of every subject by mode; ``beyond``: the same with what categories say taken from the true captions.

    ``found`` are the nearest captions of a dictionary and ``control`` the nearest training captions, by subject, in the
    mode of the study; ``nearer``: share of training captions that the true one beats; ``cards`` of the first subject
    (None without images); ``twins`` says which test images have one in training.
    """

    scores: dict[str, dict[str, xr.Dataset]]
    beyond: dict[str, xr.Dataset]
    found: dict[str, xr.Dataset]
    control: dict[str, xr.Dataset]
    nearer: xr.DataArray
    cards: xr.Dataset | None
    n_dictionary: int
    twins: dict[str, xr.DataArray]


def read_out(study: "SceneCaptions", run: "Run", material: Material, texts: "Texts") -> ReadOut:
    """Fit, score, look up."""
    caption, n = texts.caption, study.counts.n_permutations
    decoded = {mode: _decoded(study, run, material, caption, mode) for mode in MODES}
    scores: dict[str, dict[str, xr.Dataset]] = {
        mode: run.each(
            f"readout-scores-{mode}",
            readout_scores,
            {
                who: {"decoded": each, "embedding": _own(material, caption, who), "train": material.train[who]}
                for who, each in found.items()
            },
            n_permutations=n,
            seed=study.seed,
        )
        for mode, found in decoded.items()
    }
    used = decoded[study.mode]
    words, vectors = dictionary(study, run, texts)
    looked_up = {who: _looked_up(run, material, caption, who, each, words, vectors) for who, each in used.items()}
    first = next(iter(used))
    nearer = xr.DataArray(
        [_nearer(pair[1], len(material.train[who])) for who, pair in looked_up.items()],
        {"subject": list(used)},
        ("subject",),
    )
    return ReadOut(
        scores,
        _beyond(study, run, material, texts, used),
        {who: pair[0] for who, pair in looked_up.items()},
        {who: pair[1] for who, pair in looked_up.items()},
        nearer,
        _cards(run, material, first, scores[study.mode][first], looked_up[first]),
        len(words),
        {
            who: twins(_own(material, caption, who), material.train[who], material.test[who], alike(texts))
            for who in used
        },
    )


def alike(texts: "Texts") -> float:
    """How alike captions of one image are, mean over images: images as alike as that are told apart by no caption."""
    return float(texts.consistency["seen"]["r_mean"])


def twins(embedding: Features, train: list[str], test: list[str], threshold: float) -> xr.DataArray:
    """Which test images have a training image with captions as alike as captions of one image (r of embeddings)."""
    X, Y = (embeddings_of(embedding, ids).astype(np.float64) for ids in (train, test))
    X, Y = (each - each.mean(axis=1, keepdims=True) for each in (X, Y))
    r = (Y / np.linalg.norm(Y, axis=1, keepdims=True)) @ (X / np.linalg.norm(X, axis=1, keepdims=True)).T
    return xr.DataArray(r.max(axis=1) >= threshold, {"stimulus": test}, ("stimulus",))


def _cards(
    run: "Run", material: Material, who: str, scores: xr.Dataset, looked_up: tuple[xr.Dataset, xr.Dataset]
) -> xr.Dataset | None:
    """Images of one person at fixed ranks, where images are at hand."""
    if material.images is None:
        return None
    images, stimuli = material.images.sel(stimulus=material.test[who]), material.stimuli.select(material.test[who])
    return run.step("cards", cards, images, stimuli, scores, found=looked_up[0], control=looked_up[1])


def subject_readout(file: ResponseFile, embedding: Features, division: Division, *, mode: Mode, seed: int) -> Features:
    """Captions of the test images from all targets that lie in some region."""
    train, test = list(division.train), list(division.test)
    return caption_readout(in_regions(file, [*train, *test]), embedding, train=train, test=test, mode=mode, seed=seed)


def dictionary(study: "SceneCaptions", run: "Run", texts: "Texts") -> tuple[list[str], Features]:
    """Captions of images that nobody saw: of rendered scenes for twins, of COCO for photographs."""
    from consona.lm.sentence_embedding import embed_texts

    if study.brain == "twin":
        n = study.counts.n_dictionary
        told = _firsts(run.step("dictionary-scenes", render_scenes, n, seed=study.seed + DICTIONARY_SEED)[0])
    else:
        told = _photographs(run, texts)
    lines = list(dict.fromkeys(told))
    return lines, run.step("dictionary", embed_texts, texts.lm, Stimuli.of(lines, prefix="entry"))


def _photographs(run: "Run", texts: "Texts") -> list[str]:
    """Captions of photographs; where the corpus is not at hand, the sentences of the contrasts are all there is."""
    try:
        return _firsts(load_coco_captions())
    except MissingData as error:
        run.note(f"Read-outs are looked up among the sentences of the contrasts, for want of captions of COCO: {error}")
        return texts.sentences.texts


def _firsts(stimuli: Stimuli) -> list[str]:
    return [str(each[0]) for each in stimuli.table["text"]]


def _own(material: Material, embedding: Features, who: str) -> Features:
    return embedding.select(np.array([*material.train[who], *material.test[who]]))


def _decoded(
    study: "SceneCaptions", run: "Run", material: Material, embedding: Features, mode: Mode
) -> dict[str, Features]:
    given = {
        who: {
            "file": file,
            "embedding": _own(material, embedding, who),
            "division": Division(tuple(material.train[who]), tuple(material.test[who])),
        }
        for who, file in material.regional.items()
    }
    return run.each(f"readout-{mode}", subject_readout, given, mode=mode, seed=study.seed)


def _looked_up(
    run: "Run",
    material: Material,
    embedding: Features,
    who: str,
    decoded: Features,
    words: list[str],
    vectors: Features,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Nearest captions of the dictionary, and of the person's training images."""
    train = material.train[who]
    seen = embedding.select(np.array(train))
    firsts = _firsts(material.stimuli.select(np.array(train)))
    centre = embeddings_of(embedding, train).mean(axis=0, dtype=np.float64)
    truth = embedding.select(np.array(material.test[who]))
    searched = {"k": N_NEAREST, "centre": centre, "truth": truth}
    found = run.step(f"dictionary-{who}", read_captions, decoded, vectors, words, **searched)
    return found, run.step(f"control-{who}", read_captions, decoded, seen, firsts, **searched)


def _nearer(control: xr.Dataset, n_train: int) -> float:
    """Share of training captions that are less like the read-out than the true caption is, mean over test images."""
    rank = np.asarray(control["rank"].values, dtype=float)
    return float(np.nanmean((n_train + 1 - rank) / n_train))


def _beyond(
    study: "SceneCaptions", run: "Run", material: Material, texts: "Texts", decoded: Mapping[str, Features]
) -> dict[str, xr.Dataset]:
    if CATEGORIES not in texts.rungs:
        return {}
    given = {
        who: {
            "decoded": each,
            "embedding": _own(material, texts.caption, who),
            "categories": _own(material, texts.rungs[CATEGORIES], who),
            "train": material.train[who],
        }
        for who, each in decoded.items()
    }
    n = study.counts.n_permutations
    return run.each("readout-beyond-categories", scores_beyond, given, n_permutations=n, seed=study.seed)


def scores_beyond(
    decoded: Features, embedding: Features, categories: Features, train: list[str], *, n_permutations: int, seed: int
) -> xr.Dataset:
    """Scores of the read-out against what captions hold beyond their categories.

    From the true embeddings is taken what a ridge on categories predicts, fitted on training images; the read-out stays
    as it is, so that nothing can agree by what was taken from both.
    """
    rest = beyond(embedding, categories, train, seed=seed)
    return readout_scores(decoded, rest, train=train, n_permutations=n_permutations, seed=seed)


def beyond(embedding: Features, categories: Features, train: list[str], *, seed: int) -> Features:
    """Embeddings less what categories predict of them."""
    X, Y = embeddings_of(categories, train).astype(np.float64), embeddings_of(embedding, train)
    settings = mode_settings("corrected")
    fit = fractional_fit(X, Y, np.array(settings.fractions), fractional_folds(len(X), settings, seed=seed))
    all_ids = embedding.ids.tolist()
    said = fit.predict(embeddings_of(categories, all_ids).astype(np.float64))
    values = embeddings_of(embedding, all_ids) - said + Y.mean(axis=0)
    return Features(embedding.data.copy(data=values[:, None].astype(np.float32)))

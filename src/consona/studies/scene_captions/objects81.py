"""81 categories in one person's visual cortex: encoding, read-out and contrasts of sentences, categories as units."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from consona.alignment.decoding import retrieval_score
from consona.alignment.encoding import encoding_score
from consona.alignment.selectivity import contrast_maps
from consona.alignment.split import Split
from consona.alignment.vertex_encoding import fitted_encoder, predicted
from consona.core.claim import Claim
from consona.core.dataset import Dataset
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.stimuli import Stimuli
from consona.datasets.contrast_sentences import CONTRASTS, OTHER, contrast_ids, load_contrast_sentences
from consona.datasets.objects81 import load_objects81, load_objects81_features
from consona.stats.seeds import rng_for
from consona.studies.scene_captions.names import PEOPLE_PLACES, Mode
from consona.studies.scene_captions.reading import load_reader
from consona.studies.scene_captions.selectivity import regional_pool

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.study import SceneCaptions

N_FOLDS = 9
SCENE, FACE = ("OPA", "PPA"), ("OFA", "FFA")
CAPTION, WORD2VEC, ALEXNET, TWIN, NUMBERS = "sentence", "word2vec", "AlexNet", "untrained twin", "random numbers"
N_EXCHANGED = 99


@dataclass(frozen=True)
class Objects81:
    """Encoding by features ``(target)``, read-outs by region, and predicted contrasts with two nulls.

    ``contrast`` is the difference people less places by region; ``pool`` the same for groups of other sentences
    ``(draw, region)``, ``exchanged`` for encoders of exchanged categories.
    """

    data: Dataset
    encoding: dict[str, Score]
    read_out: dict[str, Score]
    contrast: xr.DataArray
    pool: xr.DataArray
    exchanged: xr.DataArray
    halves: tuple[xr.DataArray, xr.DataArray]


def objects81(study: "SceneCaptions", run: "Run") -> list[Claim]:
    """Encode, read out, contrast; then claims."""
    from consona.studies.scene_captions.claims_objects81 import draw, small_claims
    from consona.studies.scene_captions.evidence import of_claims

    data = load_objects81()
    run.note_dataset(data)
    features = _features(study, run, data)
    recording = data.recordings[0]
    split = Split.of_groups(data.stimuli, n_folds=N_FOLDS, seed=study.seed)
    n = study.counts.n_permutations
    encoding = {
        name: run.step(f"encoding-{k}", encoding_score, each, recording, split=split, n_permutations=n)
        for k, (name, each) in enumerate(features.items())
    }
    read_out = {
        region: run.step(
            f"readout-{region.replace(' ', '-')}",
            retrieval_score,
            one,
            features[CAPTION],
            split=split,
            candidates="all",
            n_permutations=n,
        )
        for region, one in by_region(recording).items()
    }
    found = Objects81(data, encoding, read_out, *_contrasts(study, run, recording, features[CAPTION]))
    claims = small_claims(found)
    draw(run, found)
    of_claims(run, claims)
    return claims


def by_region(recording: Recording) -> dict[str, Recording]:
    """All voxels, and those of every region."""
    roi = recording.data["roi"].values
    made = {"all regions": recording}
    for name in dict.fromkeys(roi.tolist()):
        made[str(name)] = Recording(recording.data[:, :, roi == name], recording.subject, recording.attrs)
    return made


def framed(stimuli: Stimuli) -> Stimuli:
    """A sentence about every category: there are no captions, only names."""
    texts = [f"A photograph of {_article(name)} {name}." for name in (str(each) for each in stimuli["text"])]
    return Stimuli(pd.DataFrame({"text": texts}, index=stimuli.ids))


def _article(name: str) -> str:
    return "an" if name[0] in "aeiou" else "a"


def _features(study: "SceneCaptions", run: "Run", data: Dataset) -> dict[str, Features]:
    from consona.lm.random_weights import random_twin
    from consona.lm.sentence_embedding import embed_texts

    lm, told = load_reader(study, run), framed(data.stimuli)
    numbers = rng_for(study.seed, "random numbers").standard_normal((len(told), 30))
    return {
        CAPTION: run.step("sentences81", embed_texts, lm, told),
        WORD2VEC: load_objects81_features("word2vec"),
        ALEXNET: load_objects81_features("alexnet"),
        TWIN: run.step("sentences81-twin", embed_texts, random_twin(lm, seed=study.seed), told, like=lm),
        NUMBERS: Features.of(numbers, told.ids),
    }


def _contrasts(
    study: "SceneCaptions", run: "Run", recording: Recording, caption: Features
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray, tuple[xr.DataArray, xr.DataArray]]:
    """People less places by region, beside other sentences and beside encoders of exchanged categories."""
    from consona.lm.sentence_embedding import embed_texts

    sentences = load_contrast_sentences(study.sentences or None)
    told = run.step("contrast-sentences", embed_texts, load_reader(study, run), sentences)
    first, second = contrast_ids(sentences, CONTRASTS)[PEOPLE_PLACES]
    pool = sentences.ids[sentences["group"] == OTHER].tolist()
    maps = run.step("told", told_responses, recording, caption, told, mode=study.mode, seed=study.seed)
    drawing = {"n_draws": 10 * study.counts.n_permutations, "seed": study.seed}
    exchanged = run.step(
        "exchanged", exchanged_contrasts, recording, caption, told, (first, second), mode=study.mode, seed=study.seed
    )
    return (
        regional(maps, (first, second)),
        regional_pool(maps, (first, second), pool, **drawing).isel(subject=0, drop=True),
        exchanged,
        (regional(maps, (first[::2], second[::2])), regional(maps, (first[1::2], second[1::2]))),
    )


def told_responses(recording: Recording, caption: Features, told: Features, *, mode: Mode, seed: int) -> xr.DataArray:
    """Predicted responses ``(subject, sentence, target)`` of an encoder of all categories."""
    encoder = fitted_encoder(recording, caption, train=recording.ids.tolist(), mode=mode, seed=seed)
    made = predicted(encoder, told).rename(stimulus="sentence")
    return made.expand_dims(subject=[recording.subject])


def regional(told: xr.DataArray, pair: tuple[list[str], list[str]]) -> xr.DataArray:
    """Mean difference over the voxels of every region."""
    each = contrast_maps(told, {PEOPLE_PLACES: pair})["difference"].isel(contrast=0, subject=0, drop=True)
    return each.groupby("roi").mean("target").rename(roi="region")


def exchanged_contrasts(
    recording: Recording,
    caption: Features,
    told: Features,
    pair: tuple[list[str], list[str]],
    *,
    mode: Mode,
    seed: int,
) -> xr.DataArray:
    """The regional contrast of encoders that were fitted with categories exchanged, ``(draw, region)``."""
    made = []
    for draw in range(N_EXCHANGED):
        order = rng_for(seed, "exchanged", draw).permutation(len(recording))
        other = Features(caption.data.copy(data=caption.select(recording.ids).data.values[order]))
        made.append(regional(told_responses(recording, other, told, mode=mode, seed=seed), pair))
    return xr.concat(made, "draw")


def in_spread(found: Objects81, each: xr.DataArray) -> xr.DataArray:
    """A contrast in units of its SD over encoders of exchanged categories: no region of large responses decides."""
    return each / found.exchanged.std("draw", ddof=1).sel(region=each["region"])


def apart(each: xr.DataArray) -> xr.DataArray:
    """People less places in face regions, less the same in scene regions."""
    return each.sel(region=list(FACE)).mean("region") - each.sel(region=list(SCENE)).mean("region")


def region_means(score: Score) -> dict[str, float]:
    """Mean r of the voxels of every region."""
    r = score.data.isel(layer=0)
    return {str(name): float(np.nanmean(r.values[r["roi"].values == name])) for name in np.unique(r["roi"].values)}

"""What regions prefer among sentences: predicted maps of people, places and food; people and sentences are units."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.stats import t as student

from consona.alignment.selectivity import contrast_maps, regional_contrasts, sentence_null
from consona.alignment.vertex_encoding import fitted_encoder, predicted
from consona.core.features import Features
from consona.datasets.contrast_sentences import CONTRASTS, OTHER, contrast_ids
from consona.datasets.response_files import ResponseFile
from consona.stats.fdr import benjamini_hochberg
from consona.studies.scene_captions.encoding import blocks_of, exchanged
from consona.studies.scene_captions.material import Material
from consona.studies.scene_captions.names import PEOPLE_PLACES, Mode

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.reading import Texts
    from consona.studies.scene_captions.study import SceneCaptions


@dataclass(frozen=True)
class Selective:
    """Contrasts of sentences: maps with tests, regions, the null of other sentences, halves, and exchanged captions.

    ``both``: q of the larger p of t over people and of other sentences, by contrast and target, all of them one family:
    an encoder of noise expects something of sentences, too, and people agree on nearly any contrast. ``pool`` holds,
    for the claim's contrast, the regional means of pairs of groups of other sentences ``(draw, subject, region)``.
    """

    maps: xr.Dataset
    null: xr.Dataset | None
    both: xr.DataArray | None
    regions: xr.Dataset
    halves: dict[str, xr.Dataset]
    exchanged: xr.Dataset
    pool: xr.DataArray | None


def select(study: "SceneCaptions", run: "Run", material: Material, texts: "Texts") -> Selective | None:
    """Predicted maps and their contrasts; None where the people do not share a surface."""
    if len({file.n_targets for file in material.files.values()}) > 1:
        return None
    ids = contrast_ids(texts.sentences, CONTRASTS)
    told = _told(study, run, material, texts, texts.caption, "told")
    other = _told(study, run, material, texts, exchanged(texts.caption, study.seed), "told-exchanged")
    pool = texts.sentences.ids[texts.sentences["group"] == OTHER].tolist()
    n_both = max(len(a) + len(b) for a, b in ids.values())
    maps = run.step("contrasts", contrast_maps, told, ids, seed=study.seed)
    halves = {
        f"half {k + 1}": run.step(
            f"contrasts-half-{k + 1}",
            regions_of,
            told,
            {name: (a[k::2], b[k::2]) for name, (a, b) in ids.items()},
            seed=study.seed,
        )
        for k in (0, 1)
    }
    n, enough = 10 * study.counts.n_permutations, len(pool) >= n_both
    drawing = {"n_draws": n, "seed": study.seed}
    null = run.step("contrasts-null", sentence_null, told, ids, pool, **drawing) if enough else None
    return Selective(
        maps,
        null,
        run.step("contrasts-both", both_q, maps, null) if null is not None and maps.attrs["n_subjects"] > 2 else None,
        run.step("contrasts-regions", regional_contrasts, maps["difference"], seed=study.seed),
        halves,
        run.step("contrasts-exchanged", regions_of, other, ids, seed=study.seed),
        run.step("contrasts-pool", regional_pool, told, ids[PEOPLE_PLACES], pool, **drawing) if enough else None,
    )


def both_q(maps: xr.Dataset, null: xr.Dataset) -> xr.DataArray:
    """False discovery rate of targets where both people and sentences say that a contrast is other than zero."""
    p = 2.0 * student.sf(np.abs(maps["t"].values), maps.attrs["n_subjects"] - 1)
    larger = np.maximum(p, null["p"].values)
    return xr.DataArray(benjamini_hochberg(larger), {"contrast": maps["contrast"].values}, ("contrast", "target"))


def told_maps(
    file: ResponseFile, embedding: Features, sentences: Features, train: list[str], *, mode: Mode, seed: int
) -> xr.DataArray:
    """What the encoder of a subject expects of every target for every sentence, ``(sentence, target)``."""
    found = []
    for block in blocks_of(np.arange(file.n_targets), len(train)):
        encoder = fitted_encoder(file.recording(train, block), embedding, train=train, mode=mode, seed=seed)
        found.append(predicted(encoder, sentences).rename(stimulus="sentence"))
    return xr.concat(found, "target")


def regional_pool(
    told: xr.DataArray, pair: tuple[list[str], list[str]], pool: list[str], *, n_draws: int, seed: int
) -> xr.DataArray:
    """Regional means of differences between two random groups of other sentences, ``(draw, subject, region)``."""
    means = told.sel(sentence=pool).groupby("roi").mean("target").rename(roi="region")
    means = means.transpose("subject", "region", "sentence")
    rng, (first, second) = np.random.default_rng(seed), pair
    weights = np.zeros((n_draws, len(pool)))
    for row in weights:
        order = rng.permutation(len(pool))
        row[order[: len(first)]] = 1.0 / len(first)
        row[order[len(first) : len(first) + len(second)]] = -1.0 / len(second)
    values = np.einsum("srp,dp->dsr", means.values, weights)
    coords = {"subject": means["subject"].values, "region": means["region"].values}
    return xr.DataArray(values, coords, ("draw", "subject", "region"))


def _told(
    study: "SceneCaptions", run: "Run", material: Material, texts: "Texts", embedding: Features, name: str
) -> xr.DataArray:
    given = {
        who: {"file": file, "embedding": embedding.select(np.array(material.train[who])), "train": material.train[who]}
        for who, file in material.files.items()
    }
    found = run.each(name, told_maps, given, sentences=texts.told, mode=study.mode, seed=study.seed)
    joined = xr.concat(
        list(found.values()), xr.IndexVariable("subject", list(found)), coords="minimal", compat="override"
    )
    return joined.transpose("subject", "sentence", "target")


def regions_of(told: xr.DataArray, pairs: dict[str, tuple[list[str], list[str]]], *, seed: int) -> xr.Dataset:
    """Regional means of contrasts."""
    return regional_contrasts(contrast_maps(told, pairs, seed=seed)["difference"], seed=seed)

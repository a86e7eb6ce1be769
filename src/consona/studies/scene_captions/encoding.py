"""Encoding: every vertex from the full caption, beside ceilings; regions in all modes and from less than captions."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.encoding_blocks import best_fraction, fraction_scores, joined_blocks
from consona.alignment.subject_transfer import transfer_score
from consona.alignment.vertex_ceilings import between_subjects, ncsnr_ceiling, region_table
from consona.alignment.vertex_encoding import vertex_encoding
from consona.core.features import Features
from consona.datasets.response_files import ResponseFile
from consona.stats.fractional_settings import FractionalSettings, mode_settings
from consona.studies.scene_captions.material import Division, Material
from consona.studies.scene_captions.names import (
    CAPTION,
    CATEGORIES,
    CATEGORY_WORDS,
    MODES,
    NOUNS,
    NOUNS_JOINED,
    SCRAMBLED,
    WORDS,
    Mode,
    slug,
)
from consona.studies.scene_captions.rsa import region_targets

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.reading import Texts
    from consona.studies.scene_captions.study import SceneCaptions

BLOCK_NUMBERS = 2**28
"""Responses that are held at once: 1 GiB of single precision."""
COMPARED = (CAPTION, SCRAMBLED, NOUNS_JOINED, WORDS, NOUNS, CATEGORY_WORDS, CATEGORIES)


TRANSFERRED = (CAPTION, NOUNS_JOINED, CATEGORIES)


@dataclass(frozen=True)
class Encoded:
    """Scores by subject and target.

    ``maps``: r, R2, fraction, p and q of the full caption in the mode of the study; ``rungs`` and ``modes``: mean r
    ``(subject, region)``; ``table``: regions of the maps with ceilings; ``between`` and ``noise``: ceilings in units of
    r; ``transfer``: own encoders beside those of others, by rung (None with one person); ``shuffled``: mean r where
    captions belong to other images.
    """

    maps: dict[str, xr.Dataset]
    rungs: dict[str, xr.DataArray]
    modes: dict[str, xr.DataArray]
    table: xr.Dataset
    between: xr.DataArray | None
    noise: dict[str, xr.DataArray]
    transfer: dict[str, xr.Dataset] | None
    shuffled: xr.DataArray


def encode(study: "SceneCaptions", run: "Run", material: Material, texts: "Texts") -> Encoded:
    """The whole surface from captions; the regions from every rung and in every mode."""
    n, caption = study.counts.n_permutations, texts.caption
    maps = run.each(
        "encoding",
        whole_encoding,
        _given(material.files, material, caption),
        mode=study.mode,
        n_permutations=n,
        seed=study.seed,
    )
    rungs = {
        rung: by_region(study, run, material, texts.rungs[rung], f"rung-{slug(rung)}", study.mode)
        for rung in COMPARED
        if rung in texts.rungs
    }
    modes: dict[str, xr.DataArray] = {
        mode: by_region(study, run, material, caption, f"mode-{mode}", mode) for mode in MODES
    }
    shuffled = by_region(study, run, material, exchanged(caption, study.seed), "exchanged", study.mode)
    between, noise = _ceilings(run, material)
    stacked = _stacked(maps)
    ceilings = {"between subjects": between} if between is not None else {}
    return Encoded(
        maps,
        rungs,
        modes,
        run.step("encoding-regions", region_table, stacked["r"], ceilings, q=stacked["q"]),
        between,
        noise,
        _transfer(study, run, material, texts.rungs),
        shuffled,
    )


def whole_encoding(
    file: ResponseFile, embedding: Features, division: Division, *, mode: Mode, n_permutations: int, seed: int
) -> xr.Dataset:
    """Every target of a subject, block by block; a shared fraction is chosen over all blocks first."""
    targets = np.arange(file.n_targets)
    return in_blocks(file, embedding, division, targets, (mode, n_permutations, seed))


def region_encoding(
    file: ResponseFile, embedding: Features, division: Division, *, mode: Mode, seed: int
) -> xr.DataArray:
    """Mean r over the targets of every region."""
    found = in_blocks(file, embedding, division, region_targets(file), (mode, 0, seed))
    return found["r"].groupby("roi").mean().rename(roi="region")


def in_blocks(
    file: ResponseFile,
    embedding: Features,
    division: Division,
    targets: npt.NDArray[np.intp],
    settings: tuple[Mode, int, int],
) -> xr.Dataset:
    """Encoding of some targets, as many at once as fit; ``settings`` are mode, permutations and seed."""
    mode, n_permutations, seed = settings
    train, test = list(division.train), list(division.test)
    blocks = blocks_of(targets, len(train) + len(test))
    used: FractionalSettings = mode_settings(mode)
    if used.shared and len(blocks) > 1:
        used = best_fraction(
            [fraction_scores(file.recording(train, b), embedding, train=train, mode=mode, seed=seed) for b in blocks],
            mode,
        )
    fitted = partial(vertex_encoding, embedding=embedding, train=train, test=test, mode=used, seed=seed)
    return joined_blocks(
        [fitted(file.recording([*train, *test], each), n_permutations=n_permutations) for each in blocks]
    )


def blocks_of(targets: npt.NDArray[np.intp], n_rows: int) -> list[npt.NDArray[np.intp]]:
    """Targets in blocks of no more than a fixed number of responses."""
    width = max(1, BLOCK_NUMBERS // n_rows)
    return [targets[start : start + width] for start in range(0, len(targets), width)]


def exchanged(embedding: Features, seed: int) -> Features:
    """The same embeddings given to other images."""
    order = np.random.default_rng(seed).permutation(embedding.data.sizes["stimulus"])
    return Features(embedding.data.copy(data=embedding.data.values[order]))


def _given(files: dict[str, ResponseFile], material: Material, embedding: Features) -> dict[str, dict[str, object]]:
    return {
        who: {
            "file": file,
            "embedding": embedding.select(np.array([*material.train[who], *material.test[who]])),
            "division": Division(tuple(material.train[who]), tuple(material.test[who])),
        }
        for who, file in files.items()
    }


def by_region(
    study: "SceneCaptions", run: "Run", material: Material, embedding: Features, name: str, mode: Mode
) -> xr.DataArray:
    """Mean r over the targets of every region, from one embedding, ``(subject, region)``."""
    given = _given(material.regional, material, embedding)
    found = run.each(f"encoding-{name}", region_encoding, given, mode=mode, seed=study.seed)
    return xr.concat(list(found.values()), xr.IndexVariable("subject", list(found)), join="outer")


def _ceilings(run: "Run", material: Material) -> tuple[xr.DataArray | None, dict[str, xr.DataArray]]:
    noise = {}
    for who, file in material.files.items():
        labels = file.labels()
        if "ncsnr" in labels:
            at = dict(zip(file.ids, file.repetitions(), strict=True))
            shown = np.array([at[one] for one in material.test[who]])
            noise[who] = ncsnr_ceiling(labels["ncsnr"], shown)["r"]
    if not material.shared:
        return None, noise
    same = len({file.n_targets for file in material.files.values()}) == 1
    if not same:
        return None, noise
    return run.step("between-subjects", file_agreement, material.files, material.shared), noise


def file_agreement(files: dict[str, ResponseFile], shared: list[str]) -> xr.DataArray:
    """Each person's responses to the shared images with the mean of the others', block by block."""
    every = np.arange(next(iter(files.values())).n_targets)
    return xr.concat(
        [
            between_subjects({who: each.recording(shared, block) for who, each in files.items()}, shared)
            for block in blocks_of(every, len(shared) * len(files))
        ],
        "target",
    )


def _transfer(
    study: "SceneCaptions", run: "Run", material: Material, rungs: dict[str, Features]
) -> dict[str, xr.Dataset] | None:
    """By rung: full captions and their nearest rivals."""
    files = material.regional
    if len(files) < 2 or not material.shared or len({each.n_targets for each in files.values()}) > 1:
        return None
    given = {slug(rung): (files, rungs[rung], material.train, material.shared) for rung in TRANSFERRED if rung in rungs}
    made = run.each("transfer", region_transfer, given, mode=study.mode, seed=study.seed)
    return {rung: made[slug(rung)] for rung in TRANSFERRED if rung in rungs}


def region_transfer(
    files: dict[str, ResponseFile],
    embedding: Features,
    train: dict[str, list[str]],
    test: list[str],
    *,
    mode: Mode,
    seed: int,
) -> xr.Dataset:
    """Own encoders beside those of the other people, mean r over the targets of every region, block by block."""
    first = next(iter(files.values()))
    found = []
    for block in blocks_of(region_targets(first), sum(len(each) + len(test) for each in train.values())):
        recordings = {who: each.recording([*train[who], *test], block) for who, each in files.items()}
        scores = transfer_score(recordings, embedding, train=train, test=test, mode=mode, seed=seed)
        found.append(scores.assign_coords(roi=("target", first.labels()["roi"][block])))
    return xr.concat(found, "target").groupby("roi").mean("target").rename(roi="region")


def _stacked(maps: dict[str, xr.Dataset]) -> xr.Dataset:
    each = [one[["r", "q"]] for one in maps.values()]
    return xr.concat(each, xr.IndexVariable("subject", list(maps)), coords="minimal", compat="override")

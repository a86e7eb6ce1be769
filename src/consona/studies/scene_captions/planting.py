"""Made-up people: what is planted in them, and their files in the layout of NSD."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.datasets.nsd_ids import stimulus_ids
from consona.datasets.nsd_twin_design import TwinDesign
from consona.datasets.nsd_twins import nsd_twin_key, write_nsd_twin
from consona.datasets.planted_responses import Planted
from consona.datasets.scenes import render_scenes, scene_categories, scene_relations
from consona.datasets.scenes_named import scene_named
from consona.stats.seeds import rng_for
from consona.studies.scene_captions.names import HIGHER

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.scene_captions.study import SceneCaptions

Array = npt.NDArray[np.float32]
N_GRID = 8
N_OTHER = 128
TILT = 0.5
"""Share of a vertex's standard deviation that prefers scenes with people (lateral) or without them (ventral)."""
OFFSET = 500
"""Seed of the scenes that made-up people see, away from those that train networks."""


@dataclass(frozen=True)
class Twin:
    """The folder of made-up people, what is planted in them, and captions that were embedded to plant them."""

    root: Any
    truth: dict[str, Any]
    stimuli: Stimuli
    caption: Features

    def embedded(self, stimuli: Stimuli) -> Features | None:
        """The embedding of these very captions under their ids in the corpus; None where a text differs."""
        table = self.stimuli.table.set_axis(list(stimulus_ids(np.arange(len(self.stimuli)))))
        same = [table.loc[name, "text"] == text for name, text in stimuli.table["text"].items()]
        if not all(same):
            return None
        data = self.caption.data.assign_coords(stimulus=list(table.index))
        return Features(data).select(stimuli.ids)


def write_twin(study: "SceneCaptions", run: "Run", lm: "LanguageModel") -> Twin:
    """Made-up people on disk, written where they are not there yet."""
    from consona.lm.sentence_embedding import embed_texts

    size = study.counts
    design = TwinDesign(
        size.n_subjects, size.n_images, size.n_shared, size.sessions, n_vertices=size.n_vertices, n_volumes=0
    )
    stimuli, images = run.step("shown-scenes", render_scenes, design.n_needed, seed=study.seed + OFFSET)
    caption = run.step("shown-captions", embed_texts, lm, stimuli)
    signals = signals_of(study.plant, stimuli, images, caption, seed=study.seed)
    planted = Planted(tilt=tilts(signals, stimuli)) if study.plant == "captions" else Planted()
    key = nsd_twin_key(images, stimuli, signals, design, planted=planted, seed=study.seed)
    folder = run.store.folder / "twins" / f"scenes-{key[:16]}"
    truth = write_nsd_twin(folder, images, stimuli, signals, design, planted=planted, seed=study.seed)
    return Twin(folder, truth, stimuli, caption)


def signals_of(plant: str, stimuli: Stimuli, images: xr.DataArray, caption: Features, *, seed: int) -> dict[str, Array]:
    """What each region holds: brightness and colour in early cortex; in the others what is planted, and as much else.

    Half of the signal of higher regions is of features that belong to single images and are in no model: a twin whose
    whole signal is in one model would be read out without an error.
    """
    early = {"early": coarse(images)}
    if plant == "none":
        return early
    other = rng_for(seed, "what no model knows").standard_normal((len(stimuli), N_OTHER), dtype=np.float32)
    known = [_of_length_one(_planted(plant, stimuli, caption))] if plant != "other" else []
    return early | dict.fromkeys(HIGHER, np.concatenate([*known, _of_length_one(other)], axis=1))


def _planted(plant: str, stimuli: Stimuli, caption: Features) -> npt.NDArray[np.floating]:
    """The features of a plant, ``(n_images, d)``."""
    if plant == "captions":
        return np.asarray(caption.layer(-1))
    if plant == "categories":
        return np.asarray(scene_categories(stimuli).layer(-1))
    if plant == "relations":
        return np.asarray(scene_relations(stimuli, of="groups").layer(-1))
    if plant == "places and colours":
        return np.asarray(scene_named(stimuli, ("places", "colours")).layer(-1))
    raise InvalidInput(f"There is no plant '{plant}' among scenes. Choose another.")


def _of_length_one(features: npt.NDArray[np.floating]) -> Array:
    """Mean 0, and 1 as the mean over images of squared length: parts of a signal weigh alike."""
    centred = features - features.mean(axis=0)
    return np.asarray(centred / np.sqrt((centred**2).sum(axis=1).mean()), dtype=np.float32)


def coarse(images: xr.DataArray) -> Array:
    """Means of red, green and blue over an 8 x 8 grid, ``(n_images, 192)``."""
    pixels = np.asarray(images.values)
    n, height, width, _ = pixels.shape
    grid = pixels[:, : height // N_GRID * N_GRID, : width // N_GRID * N_GRID]
    blocks = grid.reshape(n, N_GRID, height // N_GRID, N_GRID, width // N_GRID, 3).mean(axis=(2, 4), dtype=np.float32)
    return np.asarray(blocks.reshape(n, -1) / 255, dtype=np.float32)


def tilts(signals: dict[str, Array], stimuli: Stimuli) -> dict[str, Array]:
    """Lateral cortex prefers scenes with people, ventral cortex scenes without them and with trees or houses."""
    people, places = (np.asarray(stimuli[name], dtype=bool) for name in ("people", "places"))
    held = signals["lateral"].copy()
    held[:, -N_OTHER:] = 0.0
    way = held[people & ~places].mean(axis=0) - held[places & ~people].mean(axis=0)
    unit = TILT * way / np.linalg.norm(way)
    return {"lateral": unit, "ventral": -unit}

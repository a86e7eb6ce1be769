"""The published tables again: their figures first, then the same question with the mask and the attribute as units."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.concepts.published_concepts import agreement_link, concept_figures
from consona.concepts.published_masks import (
    attribute_level_link,
    emotion_level_link,
    layer_link,
    masks_compared,
    one_draw,
)
from consona.datasets.emotion_concepts import attribute_scores, load_emotion_raters, load_masking_tables

if TYPE_CHECKING:
    from consona.engine.run import Run

FEATURED = 4000
"""Neurons per mask in the published figures; the link is largest there."""


@dataclass(frozen=True)
class Published:
    """What the tables give: the published test, the link at the level of attributes, given layers, masks compared."""

    emotions: xr.Dataset
    attributes: xr.Dataset
    layers: xr.Dataset
    masks: xr.Dataset
    draws: xr.Dataset
    agreement: xr.Dataset
    people: xr.Dataset


def published(run: "Run", *, seed: int) -> Published:
    """Analyse the published tables; they are found through ``CONSONA_DATA`` or fetched, and not shipped."""
    tables = load_masking_tables()
    raters = load_emotion_raters()
    human = np.stack([rdm.data.values for rdm in raters.rdms])
    scores = attribute_scores(raters, raters.rdms[0].ids)
    return Published(
        run.step("published-emotions", emotion_level_link, tables, seed=seed),
        run.step("published-attributes", attribute_level_link, tables, seed=seed),
        run.step("published-layers", layer_link, tables, seed=seed),
        run.step("published-masks", masks_compared, tables),
        run.step("published-draws", one_draw, tables),
        run.step("published-agreement", agreement_link, tables),
        run.step("published-people", concept_figures, human, scores, seed=seed),
    )

"""The 80 object categories of COCO, their places in the list of 91, and what they become as words and as numbers."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.stats.fractional_settings import Mode

__all__ = ["COCO_91", "COCO_CATEGORIES", "CATEGORY_WORDS", "category_number", "categories_of", "multi_hot"]

# The list of 91 as COCO was planned (Lin et al. 2014); the number of a category is its place here, counted from 1.
COCO_91 = tuple(
    """person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,street sign,stop sign,
    parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,hat,backpack,umbrella,shoe,
    eye glasses,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,
    surfboard,tennis racket,bottle,plate,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,
    carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,mirror,dining table,window,desk,toilet,door,tv,
    laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,blender,book,clock,vase,
    scissors,teddy bear,hair drier,toothbrush,hair brush""".replace("\n    ", "").split(",")
)
# Eleven of them were never annotated.
_NEVER = {
    "street sign",
    "hat",
    "shoe",
    "eye glasses",
    "plate",
    "mirror",
    "window",
    "desk",
    "door",
    "blender",
    "hair brush",
}
COCO_CATEGORIES = tuple(name for name in COCO_91 if name not in _NEVER)

# What stands for a category where vectors are of single words: as the study of scene captions did.
CATEGORY_WORDS: dict[str, tuple[str, ...]] = {
    "fire hydrant": ("fireplug",),
    "street sign": ("signpost",),
    "parking meter": ("self-parking",),
    "sports ball": ("ball",),
    "potted plant": ("houseplant",),
    "hair drier": ("hairdryer",),
    "hair brush": ("hairbrush",),
    "baseball bat": ("baseball", "bat"),
    "baseball glove": ("baseball", "glove"),
    "tennis racket": ("tennis", "racket"),
}


def category_number(name: str) -> int:
    """The number that COCO gives a category, 1 (person) to 90 (toothbrush).

    Raises
    ------
    InvalidInput
        When it is none of the 91.
    """
    if name not in COCO_91:
        raise InvalidInput(f"'{name}' is no category of COCO; they are called {listed(COCO_CATEGORIES, 6)}.")
    return COCO_91.index(name) + 1


def categories_of(stimuli: Stimuli, column: str = "categories") -> list[tuple[str, ...]]:
    """The categories of every stimulus.

    Parameters
    ----------
    stimuli
        With a column that holds tuples of names, JSON lists, or names with commas between them. A text without a comma
        is one name, or, where it is none of COCO, several names of one word. An empty one means that there are none.
    column
        Its name.

    Raises
    ------
    InvalidInput
        When there is no such column, or a value is neither of these.
    """
    if column not in stimuli:
        raise InvalidInput(
            f"There is no column '{column}' that says what a stimulus shows; there are {listed(stimuli.table.columns)}."
        )
    return [_names(value, str(name)) for name, value in stimuli.table[column].items()]


def _names(value: Any, stimulus: str) -> tuple[str, ...]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidInput(
                f"The categories of '{stimulus}' begin like a JSON list and are none: {error}."
            ) from None
    if isinstance(value, str):
        whole = value.strip()
        value = whole.split(",") if "," in whole or whole in COCO_91 else whole.split()
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise InvalidInput(f"The categories of '{stimulus}' are {value!r}; a list of names is needed, or an empty one.")
    return tuple(each.strip() for each in value if each.strip())


def multi_hot(
    stimuli: Stimuli,
    *,
    names: Sequence[str] = COCO_91,
    column: str = "categories",
    mode: Mode = "corrected",
) -> Features:
    """One where a category is there and zero where it is not, one layer ``(n_stimuli, n_names)``.

    The released code of the study put category number ``c`` (counted from 1) at place ``c`` counted from 0, so its
    vectors are one place off the list that names them. ``mode="released"`` repeats that (the coordinate ``name`` says
    what really stands at a place); dissimilarities are the same in all modes.

    Parameters
    ----------
    stimuli
        With the column of categories, as :func:`categories_of` reads it.
    names
        Which categories, in which order.
    column
        Where they stand.
    mode
        ``paper`` and ``corrected``: place i is name i.

    Returns
    -------
    Features
        Coordinates ``name`` along feature and ``n_categories`` along stimulus. A stimulus without any is all zeros:
        its correlation with others is not defined.

    Raises
    ------
    InvalidInput
        When a category is not among the names; the stimulus is named. In the mode released, when the last name is
        there: it has no place.
    """
    rows = categories_of(stimuli, column)
    _require_known(stimuli, rows, names)
    places = {name: i for i, name in enumerate(names)}
    hot = np.zeros((len(stimuli), len(names)), dtype=np.float32)
    for row, present in zip(hot, rows):
        row[[places[name] for name in present]] = 1
    at = list(names)
    if mode == "released":
        if hot[:, -1].any():
            raise InvalidInput(f"'{names[-1]}' has no place in the released vectors, which are one place off.")
        hot, at = np.roll(hot, 1, axis=1), ["", *names[:-1]]
    coords = {
        "stimulus": stimuli.ids,
        "layer": [0],
        "name": ("feature", at),
        "n_categories": ("stimulus", np.array([len(set(present)) for present in rows])),
    }
    attrs = {"model": "categories", "mode": mode}
    return Features(xr.DataArray(hot[:, None], coords, ("stimulus", "layer", "feature"), attrs=attrs))


def _require_known(stimuli: Stimuli, rows: Iterable[tuple[str, ...]], names: Sequence[str]) -> None:
    for stimulus, present in zip(stimuli.ids, rows):
        unknown = sorted(set(present) - set(names))
        if unknown:
            raise InvalidInput(
                f"Stimulus '{stimulus}' shows {listed(unknown)}, which is not among the {len(names)} names "
                f"({listed(names, 6)}). Give names= that hold it."
            )

"""Interventions: descriptions of an edit, frozen and JSON-able, that act on arrays and know nothing of models."""

import json
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.held_arrays import read
from consona.core.intervention_base import Intervention, Positions
from consona.core.intervention_directions import ProjectOut, Steer
from consona.core.intervention_neurons import AblateNeurons, Resample, SetNeurons
from consona.core.intervention_patch import Patch

KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Steer, ProjectOut, AblateNeurons, Resample, Patch)}


def intervention_from_json(text: str, arrays: Mapping[str, npt.NDArray[Any]] | None = None) -> Intervention:
    """Read back what ``to_json`` wrote; ``arrays`` is what ``arrays()`` gave, needed where something long is held.

    Raises
    ------
    InvalidInput
        When the kind is unknown, or an array is missing or another one than its key says.
    """
    facts = json.loads(text)
    kind = facts.pop("kind", None)
    if kind not in KINDS:
        raise InvalidInput(f"'{kind}' is no intervention; known are {', '.join(sorted(KINDS))}.")
    made: Intervention = KINDS[kind](**{name: read(value, arrays or {}) for name, value in facts.items()})
    return made


__all__ = [
    "KINDS",
    "AblateNeurons",
    "Intervention",
    "Patch",
    "Positions",
    "ProjectOut",
    "Resample",
    "SetNeurons",
    "Steer",
    "intervention_from_json",
]

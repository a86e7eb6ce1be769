"""Interventions: descriptions of an edit, frozen and JSON-able, that act on arrays and know nothing of models."""

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import array_api_compat
import numpy as np

from consona.core.direction import Direction
from consona.core.errors import InvalidInput

Array = TypeVar("Array")
Positions = Literal["all", "prompt", "generated", "last"] | tuple[int, int]


@runtime_checkable
class Intervention(Protocol):
    """What every intervention offers.

    ``site``, ``layer`` and ``positions`` say where it acts. Positions are absolute: they count from the start of the
    text, also under a key-value cache, so an edit of generated tokens reaches every generated token.
    """

    @property
    def site(self) -> str:
        """Where in the block it acts, for example ``resid.post``."""
        ...

    @property
    def layer(self) -> int:
        """The block, counted from 0."""
        ...

    @property
    def positions(self) -> Positions:
        """Which absolute positions it reaches."""
        ...

    @property
    def is_identity(self) -> bool:
        """True when nothing would change."""
        ...

    def apply(self, activations: Array) -> Array:
        """``(…, feature)`` to ``(…, feature)``; the input is not changed."""
        ...

    def to_json(self) -> str:
        """A JSON object that :func:`intervention_from_json` reads back."""
        ...


def _vector(values: tuple[float, ...], like: Any) -> Any:
    xp = array_api_compat.array_namespace(like)
    return xp.asarray(values, dtype=like.dtype, device=array_api_compat.device(like))


def _require_positions(positions: Positions) -> None:
    if isinstance(positions, tuple):
        if len(positions) == 2 and 0 <= positions[0] < positions[1]:
            return
    elif positions in ("all", "prompt", "generated", "last"):
        return
    raise InvalidInput(
        "Positions are 'all', 'prompt', 'generated', 'last' or (start, stop) with 0 <= start < stop; "
        f"found {positions!r}."
    )


def _require_width(values: tuple[float, ...], activations: Any, name: str) -> None:
    if activations.shape[-1] != len(values):
        raise InvalidInput(
            f"{name} holds {len(values)} features and the activations {activations.shape[-1]}: another model or site?"
        )


@dataclass(frozen=True)
class Steer:
    """Add ``strength`` SD of a direction: ``x + strength * spread * v``. Strength 0 returns the very same array."""

    vector: tuple[float, ...]
    spread: float
    strength: float
    site: str
    layer: int
    positions: Positions = "all"

    def __post_init__(self) -> None:
        """Check the positions and make the vector a tuple."""
        object.__setattr__(self, "vector", tuple(float(v) for v in self.vector))
        _require_positions(self.positions)

    @classmethod
    def along(cls, direction: Direction, strength: float, *, positions: Positions = "all") -> "Steer":
        """Steer along a fitted direction, at its own site and layer."""
        vector = tuple(direction.values.tolist())
        return cls(vector, direction.spread, float(strength), direction.site, direction.layer, positions)

    @property
    def is_identity(self) -> bool:
        """True when nothing would change."""
        return self.strength == 0

    def apply(self, activations: Array) -> Array:
        """``(…, feature)`` to ``(…, feature)``; the input is not changed."""
        if self.is_identity:
            return activations
        _require_width(self.vector, activations, "Steer")
        return activations + (self.strength * self.spread) * _vector(self.vector, activations)  # type: ignore[no-any-return]  # Any array

    def to_json(self) -> str:
        """A JSON object that :func:`intervention_from_json` reads back."""
        return _to_json(self)


@dataclass(frozen=True)
class ProjectOut:
    """Remove a direction: ``x - ((x - origin) . v) v``, so that every projection becomes that of the origin."""

    vector: tuple[float, ...]
    origin: tuple[float, ...]
    site: str
    layer: int
    positions: Positions = "all"

    def __post_init__(self) -> None:
        """Check the positions and make the vectors tuples."""
        object.__setattr__(self, "vector", tuple(float(v) for v in self.vector))
        object.__setattr__(self, "origin", tuple(float(v) for v in self.origin))
        _require_positions(self.positions)

    @classmethod
    def of(cls, direction: Direction, *, positions: Positions = "all") -> "ProjectOut":
        """Project out a fitted direction, at its own site and layer."""
        vectors = tuple(direction.values.tolist()), tuple(direction.origin.tolist())
        return cls(*vectors, direction.site, direction.layer, positions)

    @property
    def is_identity(self) -> bool:
        """True when nothing would change (a vector of zeros)."""
        return not any(self.vector)

    def apply(self, activations: Array) -> Array:
        """``(…, feature)`` to ``(…, feature)``; the input is not changed."""
        if self.is_identity:
            return activations
        _require_width(self.vector, activations, "ProjectOut")
        v, o = _vector(self.vector, activations), _vector(self.origin, activations)
        return activations - ((activations - o) @ v)[..., None] * v  # type: ignore[no-any-return]  # any array

    def to_json(self) -> str:
        """A JSON object that :func:`intervention_from_json` reads back."""
        return _to_json(self)


@dataclass(frozen=True)
class AblateNeurons:
    """Set neurons of one layer to fixed values (zero, or their means). No neurons returns the very same array."""

    neurons: tuple[int, ...]
    layer: int
    values: tuple[float, ...] = ()
    positions: Positions = "all"
    site: str = "mlp.act"

    def __post_init__(self) -> None:
        """Check indices and values; iterables become tuples."""
        neurons = tuple(int(n) for n in self.neurons)
        values = tuple(float(v) for v in self.values) or (0.0,) * len(neurons)
        if len(values) != len(neurons) or len(set(neurons)) != len(neurons) or any(n < 0 for n in neurons):
            raise InvalidInput(
                f"AblateNeurons takes distinct indices from 0 and one value each; found {len(neurons)} neurons "
                f"({len(set(neurons))} distinct) and {len(values)} values."
            )
        object.__setattr__(self, "neurons", neurons)
        object.__setattr__(self, "values", values)
        _require_positions(self.positions)

    @property
    def is_identity(self) -> bool:
        """True when nothing would change."""
        return not self.neurons

    def apply(self, activations: Array) -> Array:
        """``(…, neuron)`` to ``(…, neuron)``; the input is not changed."""
        if self.is_identity:
            return activations
        width = activations.shape[-1]  # type: ignore[attr-defined]  # any array
        if max(self.neurons) >= width:
            raise InvalidInput(
                f"Neuron {max(self.neurons)} does not exist: layer {self.layer} has {width}, counted from 0."
            )
        xp = array_api_compat.array_namespace(activations)
        fixed, silent = np.zeros(width), np.zeros(width, bool)
        fixed[list(self.neurons)], silent[list(self.neurons)] = self.values, True
        device = array_api_compat.device(activations)
        return xp.where(xp.asarray(silent, device=device), _vector(tuple(fixed), activations), activations)  # type: ignore[no-any-return]  # any array

    def to_json(self) -> str:
        """A JSON object that :func:`intervention_from_json` reads back."""
        return _to_json(self)


KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Steer, ProjectOut, AblateNeurons)}


def _to_json(intervention: Any) -> str:
    return json.dumps({"kind": type(intervention).__name__, **vars(intervention)}, sort_keys=True)


def intervention_from_json(text: str) -> Intervention:
    """Read back what ``to_json`` wrote.

    Raises
    ------
    InvalidInput
        When the kind is unknown.
    """
    facts = json.loads(text)
    kind = facts.pop("kind", None)
    if kind not in KINDS:
        raise InvalidInput(f"'{kind}' is no intervention; known are {', '.join(sorted(KINDS))}.")
    positions = facts.get("positions", "all")
    made: Intervention = KINDS[kind](
        **{**facts, "positions": tuple(positions) if isinstance(positions, list) else positions}
    )
    return made

"""Interventions along a direction of the residual stream: move along it, or take it away."""

import math
from dataclasses import dataclass

from consona.core.direction import Direction
from consona.core.errors import InvalidInput
from consona.core.intervention_base import (
    Array,
    Described,
    Numbers,
    Positions,
    like,
    numbers,
    require_width,
)


@dataclass(frozen=True)
class Steer(Described):
    """Add ``strength`` SD of a direction: ``x + strength * spread * v``. Strength 0 returns the very same array.

    Raises
    ------
    InvalidInput
        When the strength or a number of the vector is not finite, or the positions have no such form.
    """

    vector: tuple[float, ...]
    spread: float
    strength: float
    site: str
    layer: int
    positions: Positions = "all"

    def __post_init__(self) -> None:
        """Check the numbers and positions, and make the vector a tuple."""
        object.__setattr__(self, "vector", numbers(self.vector, "The vector of Steer"))
        object.__setattr__(self, "spread", float(self.spread))
        object.__setattr__(self, "strength", float(self.strength))
        self._settle_place()
        if not math.isfinite(self.strength * self.spread):
            raise InvalidInput(f"Steer adds {self.strength} times {self.spread}; both must be finite numbers.")

    @classmethod
    def along(cls, direction: Direction, strength: float, *, positions: Positions = "all") -> "Steer":
        """Steer along a fitted direction, at its own site and layer."""
        vector = tuple(direction.values.tolist())
        return cls(vector, direction.spread, float(strength), direction.site, direction.layer, positions)

    @property
    def is_identity(self) -> bool:
        """True when nothing would change."""
        return self.strength == 0

    def require_fit(self, n_features: int, n_layers: int | None = None) -> None:
        """The vector is as wide as the site."""
        require_width(len(self.vector), n_features, "Steer")

    def apply(self, activations: Array, position: Numbers | None = None, text: Numbers | None = None) -> Array:
        """``(…, feature)`` to ``(…, feature)``; the input is not changed."""
        self.require_fit(activations.shape[-1])  # type: ignore[attr-defined]  # any array
        if self.is_identity:
            return activations
        return activations + (self.strength * self.spread) * like(self.vector, activations)  # type: ignore[no-any-return]  # any array


@dataclass(frozen=True)
class ProjectOut(Described):
    """Remove a direction: ``x - ((x - origin) . v) v``, so that every projection becomes that of the origin.

    Raises
    ------
    InvalidInput
        When vector and origin differ in length or are not finite, or the positions have no such form.
    """

    vector: tuple[float, ...]
    origin: tuple[float, ...]
    site: str
    layer: int
    positions: Positions = "all"

    def __post_init__(self) -> None:
        """Check the numbers and positions, and make the vectors tuples."""
        object.__setattr__(self, "vector", numbers(self.vector, "The vector of ProjectOut"))
        object.__setattr__(self, "origin", numbers(self.origin, "The origin of ProjectOut"))
        self._settle_place()
        if len(self.vector) != len(self.origin):
            raise InvalidInput(
                f"ProjectOut takes a vector and an origin of one length; found {len(self.vector)} and "
                f"{len(self.origin)}."
            )

    @classmethod
    def of(cls, direction: Direction, *, positions: Positions = "all") -> "ProjectOut":
        """Project out a fitted direction, at its own site and layer."""
        vectors = tuple(direction.values.tolist()), tuple(direction.origin.tolist())
        return cls(*vectors, direction.site, direction.layer, positions)

    @property
    def is_identity(self) -> bool:
        """True when nothing would change (a vector of zeros)."""
        return not any(self.vector)

    def require_fit(self, n_features: int, n_layers: int | None = None) -> None:
        """The vector is as wide as the site."""
        require_width(len(self.vector), n_features, "ProjectOut")

    def apply(self, activations: Array, position: Numbers | None = None, text: Numbers | None = None) -> Array:
        """``(…, feature)`` to ``(…, feature)``; the input is not changed."""
        self.require_fit(activations.shape[-1])  # type: ignore[attr-defined]  # any array
        if self.is_identity:
            return activations
        v, o = like(self.vector, activations), like(self.origin, activations)
        return activations - ((activations - o) @ v)[..., None] * v  # type: ignore[no-any-return]  # any array

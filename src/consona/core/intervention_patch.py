"""Patching: activations of another pass, put in the place of those of this one."""

from dataclasses import dataclass

import array_api_compat
import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.intervention_base import (
    Array,
    Described,
    Numbers,
    Positions,
    like,
    require_finite_values,
    require_rows,
    require_width,
)


@dataclass(frozen=True, eq=False)
class Patch(Described):
    """Replace whole activations by given ones, such as those of another text, at the same or another position.

    Parameters
    ----------
    values
        ``(n_features,)`` for every position reached, or ``(n_positions, n_features)``, one row for each position of
        ``(start, stop)``; kept as float32, read-only.
    site, layer, positions
        Where in the block, in which block, and where in a text.

    Raises
    ------
    InvalidInput
        When values are not finite, or their rows do not match the positions.
    """

    values: npt.NDArray[np.float32]
    site: str
    layer: int
    positions: Positions = "all"

    def __post_init__(self) -> None:
        """Check the values; keep a read-only copy of them."""
        self._settle_place()
        positions = self.positions
        values = np.array(self.values, dtype=np.float32, order="C")
        spanned = positions[1] - positions[0] if isinstance(positions, tuple) else None
        if values.ndim not in (1, 2) or not values.size or (values.ndim == 2 and len(values) != spanned):
            raise InvalidInput(
                f"Patch takes (n_features,), or one row for each of the positions (start, stop); found {values.shape} "
                f"for {positions!r}."
            )
        require_finite_values(values, "Patch")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @property
    def is_identity(self) -> bool:
        """False: what was there is replaced."""
        return False

    def require_fit(self, n_features: int, n_layers: int | None = None) -> None:
        """The values are as wide as the site."""
        require_width(self.values.shape[-1], n_features, "Patch")

    def apply(self, activations: Array, position: Numbers | None = None, text: Numbers | None = None) -> Array:
        """``(…, feature)`` to ``(…, feature)``; the input is not changed, and rows beyond the positions stay."""
        *leading, width = activations.shape  # type: ignore[attr-defined]  # any array
        self.require_fit(width)
        xp, device = array_api_compat.array_namespace(activations), array_api_compat.device(activations)
        if self.values.ndim == 1:
            return xp.broadcast_to(like(self.values, activations), activations.shape)  # type: ignore[no-any-return, attr-defined]  # any array
        require_rows(int(np.prod(leading)), "Patch", position)
        assert position is not None
        assert isinstance(self.positions, tuple)
        rows = position - self.positions[0]
        reached = (rows >= 0) & (rows < len(self.values))
        made = self.values[np.clip(rows, 0, len(self.values) - 1)].reshape(*leading, width)
        where = xp.asarray(reached.reshape(*leading, 1), device=device)
        return xp.where(where, like(made, activations), activations)  # type: ignore[no-any-return]  # any array

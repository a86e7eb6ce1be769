"""What all interventions share: where they act, how they are written down, and what they refuse."""

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import array_api_compat
import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.held_arrays import array_key, held, written

Array = TypeVar("Array")
Numbers = npt.NDArray[np.int64]
Positions = Literal["all", "prompt", "generated", "last"] | tuple[int, int]
_NAMED = ("all", "prompt", "generated", "last")


@runtime_checkable
class Intervention(Protocol):
    """What every intervention offers.

    ``site``, ``layer`` and ``positions`` say where it acts. Positions are absolute: they count from the start of the
    text, also under a key-value cache, so an edit of generated tokens reaches every generated token. ``"last"`` is the
    last token of the prompt.
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

    def require_fit(self, n_features: int, n_layers: int | None = None) -> None:
        """Raise InvalidInput when a site of this width, in a model of so many layers, cannot be edited."""
        ...

    def apply(self, activations: Array, position: Numbers | None = None, text: Numbers | None = None) -> Array:
        """``(…, feature)`` to ``(…, feature)``; the input is not changed.

        ``position`` and the key of the ``text`` are given per row, ``(n_rows,)``, where the values depend on them.
        """
        ...

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The long arrays it holds, by the keys that its JSON names them with."""
        ...

    def to_json(self) -> str:
        """A JSON object that :func:`consona.core.intervention.intervention_from_json` reads back."""
        ...


class Described:
    """Interventions that are dataclasses: their JSON, their arrays, and equality by both."""

    layer: int
    positions: Positions

    def _settle_place(self) -> None:
        """A plain layer number and positions in one of their forms, whatever kind of number came in."""
        object.__setattr__(self, "layer", int(self.layer))
        object.__setattr__(self, "positions", require_positions(self.positions))

    def to_json(self) -> str:
        """A JSON object; arrays of more than 64 numbers are named by hash, shape and kind of number."""
        facts = {each.name: written(getattr(self, each.name)) for each in fields(self)}  # type: ignore[arg-type]  # every kind is a dataclass
        return json.dumps({"kind": type(self).__name__, **facts}, sort_keys=True)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The long arrays, by the keys that the JSON names them with."""
        found = [held(getattr(self, each.name)) for each in fields(self)]  # type: ignore[arg-type]  # every kind is a dataclass
        return {array_key(each): each for each in found if each is not None}

    def __eq__(self, other: object) -> bool:
        """Equal kinds with equal facts are equal."""
        return type(other) is type(self) and isinstance(other, Described) and other.to_json() == self.to_json()

    def __hash__(self) -> int:
        """Equal interventions have equal hashes."""
        return hash(self.to_json())


def numbers(values: Iterable[float], name: str) -> tuple[float, ...]:
    """Finite numbers as a tuple of floats.

    Raises
    ------
    InvalidInput
        When one is NaN or infinite.
    """
    array = np.asarray(values if isinstance(values, (np.ndarray, tuple, list)) else list(values), dtype=np.float64)
    require_finite_values(array, name)
    return tuple(array.ravel().tolist())


def require_finite_values(values: npt.NDArray[np.floating[Any]], name: str) -> None:
    """No NaN and no infinity in what an intervention writes."""
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise InvalidInput(
            f"{name} holds {bad} of {values.size} values that are NaN or infinite; every value is a number. "
            "Take the means again over texts that the model reads without overflow."
        )


def require_positions(positions: Positions) -> Positions:
    """Positions in one of their forms; a pair becomes a tuple of whole numbers.

    Raises
    ------
    InvalidInput
        When they are in none.
    """
    if isinstance(positions, str):
        if positions in _NAMED:
            return positions
    elif len(positions) == 2 and 0 <= positions[0] < positions[1]:
        return int(positions[0]), int(positions[1])
    raise InvalidInput(
        "Positions are 'all', 'prompt', 'generated', 'last' or (start, stop) with 0 <= start < stop; "
        f"found {positions!r}."
    )


def require_width(n_held: int, n_features: int, name: str) -> None:
    """The site is as wide as what the intervention holds."""
    if n_held != n_features:
        raise InvalidInput(f"{name} holds {n_held} features and the activations {n_features}: another model or site?")


def require_rows(n_rows: int, name: str, *facts: Numbers | None) -> None:
    """Position or text are known for every row."""
    if any(each is None or each.shape != (n_rows,) for each in facts):
        found = [None if each is None else each.shape for each in facts]
        raise InvalidInput(
            f"{name} gives every row its own values: position and text are needed for {n_rows} rows; found {found}."
        )


def like(values: object, activations: Any) -> Any:
    """Numbers as an array of the same kind, precision and device as the activations."""
    xp = array_api_compat.array_namespace(activations)
    copied = np.array(values)  # what is held is read-only, which torch would warn of
    return xp.asarray(copied, dtype=activations.dtype, device=array_api_compat.device(activations))

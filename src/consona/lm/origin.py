"""How a language model travels to another process: as what made it, so that weights are never sent."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from consona.core.intervention import Intervention


@dataclass(frozen=True)
class Origin:
    """A model without edits, by its fingerprint, and the call that makes it."""

    fingerprint: str
    make: Callable[[], Any] = field(compare=False)


@functools.lru_cache(maxsize=1)
def made(origin: Origin) -> Any:
    """The model of an origin; a process makes it once, whatever edits it is asked for with."""
    return origin.make()


def arrived(origin: Origin, edits: Sequence[Intervention]) -> Any:
    """A model in the process it was sent to."""
    return made(origin).edited(*edits)

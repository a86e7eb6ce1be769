"""What the three analyses gave; None for one that was not asked for or could not be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consona.core.errors import InvalidInput
from consona.studies.alignment.decoding import Decoded
from consona.studies.alignment.encoding import Encoded
from consona.studies.alignment.geometry import Geometry

if TYPE_CHECKING:
    from consona.engine.run import Run


@contextmanager
def noted(run: "Run", what: str) -> Iterator[None]:
    """An analysis that these data do not allow becomes a note with the reason; the others go on."""
    try:
        yield
    except InvalidInput as error:
        run.note(f"{what}: {error}")


@dataclass(frozen=True)
class Parts:
    """Encoding, geometry and decoding."""

    encoded: Encoded | None
    geometry: Geometry | None
    decoded: Decoded | None

"""What the three analyses gave; None for one that was not asked for or could not be done."""

from dataclasses import dataclass

from consona.studies.alignment.decoding import Decoded
from consona.studies.alignment.encoding import Encoded
from consona.studies.alignment.geometry import Geometry


@dataclass(frozen=True)
class Parts:
    """Encoding, geometry and decoding."""

    encoded: Encoded | None
    geometry: Geometry | None
    decoded: Decoded | None

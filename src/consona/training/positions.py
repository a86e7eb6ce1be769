"""Where electrodes are on a sphere, from their names in the 10-10 system, without a table of coordinates."""

import re
from collections.abc import Sequence

import numpy as np

__all__ = ["electrode_positions"]

# Degrees from the vertex to the point of the row on the midline, to the front; and azimuth of its end on the ring.
_ROWS = {
    "FP": (72, 0), "AF": (54, 36), "F": (36, 54), "FC": (18, 72), "C": (0, 90), "CP": (-18, 108), "P": (-36, 126),
    "PO": (-54, 144), "O": (-72, 180), "I": (-90, 180),
}  # fmt: skip
_OUTER = {"FT": "FC", "T": "C", "TP": "CP"}  # other names of the outer part of a row
_OTHER_NAMES = {
    "T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8", "A1": "TP9", "A2": "TP10", "M1": "TP9", "M2": "TP10",
    "CB1": "PO9", "CB2": "PO10",
}  # fmt: skip
_RING = 72.0  # degrees from the vertex to the ring of Fpz, T7, Oz and T8


def electrode_positions(names: Sequence[str]) -> np.ndarray | None:
    """Unit vectors ``(n_channels, 3)``, right, front and up; None when a name is not of the 10-10 system.

    Rows run from the midline to a ring 72 degrees from the vertex, in quarters (Oostenveld and Praamstra 2001). Ears
    and mastoids are put at TP9 and TP10, the cerebellar electrodes of the SEED caps at PO9 and PO10.
    """
    found = [_position(_OTHER_NAMES.get(name.upper(), name.upper())) for name in names]
    known = [place for place in found if place is not None]
    return np.stack(known) if len(known) == len(found) and known else None


def _position(name: str) -> np.ndarray | None:
    """One electrode, its name in capitals."""
    parts = re.fullmatch(r"([A-Z]+?)(Z|\d+)", name)
    row = parts and _ROWS.get(_OUTER.get(parts[1], parts[1]))
    if not parts or not row:
        return None
    front, azimuth = row
    middle = _on_sphere(float(front), 0.0)
    if parts[2] == "Z":
        return middle
    number = int(parts[2])
    side = -1.0 if number % 2 else 1.0
    if parts[1] in ("FP", "O") and number <= 2:  # these rows are a part of the ring itself
        return _on_sphere(_RING, side * (18.0 if parts[1] == "FP" else 162.0))
    return _between(middle, _on_sphere(_RING, side * azimuth), (number + 1) // 2 / 4)


def _on_sphere(from_vertex: float, azimuth: float) -> np.ndarray:
    """A point so many degrees from the vertex, turned from the front to the right."""
    theta, phi = np.deg2rad(from_vertex), np.deg2rad(azimuth)
    return np.array([np.sin(theta) * np.sin(phi), np.sin(theta) * np.cos(phi), np.cos(theta)])


def _between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """On the great circle from one point to another, after a share of the way (beyond it above 1)."""
    angle = np.arccos(np.clip(a @ b, -1.0, 1.0))
    return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)

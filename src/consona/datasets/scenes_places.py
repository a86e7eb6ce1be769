"""Where a rendered scene plays: eight places, each in a few variants, drawn as coloured bands and simple marks."""

from functools import cache

import numpy as np
import numpy.typing as npt

PLACES = ("field", "beach", "street", "room", "kitchen", "snow", "lake", "forest")
N_VARIANTS = 8
"""Variants of every place: the horizon, and what stands on it, differ."""

Floats = npt.NDArray[np.float32]
Colour = tuple[int, int, int]

SKY, CLOUD = (150, 200, 240), (225, 235, 245)


@cache
def backgrounds(size: int) -> Floats:
    """Every place in every variant ``(place, variant, size, size, 3)``, in 8-bit units."""
    grounds = np.empty((len(PLACES), N_VARIANTS, size, size, 3), dtype=np.float32)
    for place, name in enumerate(PLACES):
        for variant in range(N_VARIANTS):
            grounds[place, variant] = _Canvas(size, np.random.default_rng([place, variant])).drawn(name)
    return grounds


class _Canvas:
    """One background that is being painted."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.values = np.zeros((size, size, 3), dtype=np.float32)
        self.y, self.x = np.meshgrid(*[(np.arange(size) + 0.5) / size] * 2, indexing="ij")
        self.rng = rng

    def drawn(self, name: str) -> Floats:
        {
            "field": self.field,
            "beach": self.beach,
            "street": self.street,
            "room": self.room,
            "kitchen": self.kitchen,
            "snow": self.snow,
            "lake": self.lake,
            "forest": self.forest,
        }[name](float(self.rng.uniform(0.38, 0.52)))
        return self.values

    def box(self, edges: tuple[float, float, float, float], colour: Colour) -> None:
        left, top, right, bottom = edges
        self.values[(self.x >= left) & (self.x < right) & (self.y >= top) & (self.y < bottom)] = colour

    def below(self, edge: float | npt.NDArray[np.float64], colour: Colour) -> None:
        self.values[self.y >= edge] = colour

    def disc(self, centre: tuple[float, float], radii: tuple[float, float], colour: Colour) -> None:
        inside = ((self.x - centre[0]) / radii[0]) ** 2 + ((self.y - centre[1]) / radii[1]) ** 2 <= 1
        self.values[inside] = colour

    def sky(self, colour: Colour, cloud: Colour) -> None:
        self.below(0.0, colour)
        for _ in range(2):
            x, y = self.rng.uniform(0, 1), self.rng.uniform(0.06, 0.22)
            self.disc((x, y), (0.14, 0.045), cloud)
            self.disc((x + 0.08, y - 0.03), (0.08, 0.045), cloud)

    def marks(self, top: float, length: float, colour: Colour) -> None:
        """Short level strokes all over the ground: waves, furrows, ripples."""
        for _ in range(14):
            x, y = self.rng.uniform(-0.1, 1.0), self.rng.uniform(top, 1.0)
            self.box((x, y, x + length, y + 0.02), colour)

    def field(self, horizon: float) -> None:
        self.sky(SKY, CLOUD)
        hills = horizon - 0.07 * np.sin(self.x * self.rng.uniform(4, 8) + self.rng.uniform(0, 6))
        self.below(hills, (120, 170, 95))
        self.below(horizon + 0.05, (135, 190, 85))
        self.marks(horizon + 0.08, 0.05, (110, 165, 70))

    def beach(self, horizon: float) -> None:
        self.sky((165, 215, 245), CLOUD)
        self.below(horizon, (60, 150, 190))
        self.box((0, horizon + 0.07, 1, horizon + 0.085), (200, 230, 240))
        shore = horizon + 0.17 + 0.03 * np.sin(self.x * 5 + self.rng.uniform(0, 6))
        self.below(shore - 0.025, (235, 245, 245))
        self.below(shore, (235, 210, 155))
        self.marks(horizon + 0.24, 0.03, (215, 188, 130))

    def street(self, horizon: float) -> None:
        self.sky((185, 205, 220), (210, 220, 228))
        edge = 0.0
        while edge < 1:
            width, height = self.rng.uniform(0.12, 0.25), self.rng.uniform(0.18, 0.42)
            shade = int(self.rng.integers(120, 175))
            self.box((edge, horizon + 0.1 - height, edge + width, horizon + 0.1), (shade, shade - 8, shade - 12))
            for window in np.arange(horizon + 0.13 - height, horizon + 0.06, 0.08):
                self.box((edge + 0.03, window, edge + width - 0.03, window + 0.03), (215, 215, 190))
            edge += width
        self.below(horizon + 0.1, (190, 188, 182))
        self.below(horizon + 0.18, (98, 98, 104))
        for x in np.arange(self.rng.uniform(-0.2, 0), 1.0, 0.28):
            self.box((x, 0.82, x + 0.15, 0.85), (235, 230, 200))

    def room(self, horizon: float) -> None:
        wall = tuple(int(v) for v in np.array((225, 205, 180)) + self.rng.integers(-15, 16, 3))
        self.below(0.0, (wall[0], wall[1], wall[2]))
        floor = horizon + 0.18
        self.below(floor, (165, 115, 75))
        for y in np.arange(floor + 0.08, 1.0, 0.1):
            self.box((0, y, 1, y + 0.015), (140, 95, 60))
        self.box((0, floor - 0.03, 1, floor), (250, 245, 235))
        x = self.rng.uniform(0.1, 0.6)
        self.box((x, 0.08, x + 0.28, 0.32), (250, 250, 245))
        self.box((x + 0.025, 0.105, x + 0.255, 0.295), SKY)
        self.box((x + 0.13, 0.1, x + 0.15, 0.3), (250, 250, 245))

    def kitchen(self, horizon: float) -> None:
        self.below(0.0, (215, 228, 226))
        for edge in np.arange(self.rng.uniform(-0.1, 0), 1.0, 0.125):
            self.box((edge, 0, edge + 0.012, horizon + 0.12), (180, 198, 198))
            self.box((0, edge, 1, edge + 0.012), (180, 198, 198))
        table = horizon + 0.12
        self.below(table, (205, 170, 125))
        self.box((0, table, 1, table + 0.03), (150, 112, 75))
        x = self.rng.uniform(0, 0.5)
        self.box((x, 0, x + 0.4, 0.14), (165, 130, 95))
        self.box((x + 0.19, 0, x + 0.21, 0.14), (120, 92, 65))

    def snow(self, horizon: float) -> None:
        self.sky((170, 185, 205), (190, 203, 218))
        start = self.rng.uniform(-0.2, 0.1)
        for shift in (0.0, 0.38, 0.75):
            peak = np.abs(self.x - start - shift - 0.18) * 1.1 + horizon - 0.24
            self.values[(self.y >= peak) & (self.y < horizon)] = (135, 150, 172)
            self.values[(self.y >= peak) & (self.y < horizon - 0.16)] = (240, 244, 250)
        self.below(horizon, (226, 233, 242))
        self.marks(horizon + 0.05, 0.08, (208, 218, 232))

    def lake(self, horizon: float) -> None:
        self.sky(SKY, CLOUD)
        banks = horizon - 0.05 * np.abs(np.sin(self.x * 9 + self.rng.uniform(0, 6)))
        self.below(banks, (75, 120, 85))
        self.below(horizon + 0.02, (70, 125, 195))
        self.marks(horizon + 0.06, 0.09, (115, 165, 220))
        self.below(0.92 + 0.02 * np.sin(self.x * 7 + self.rng.uniform(0, 6)), (125, 175, 85))

    def forest(self, horizon: float) -> None:
        self.below(0.0, (95, 140, 100))
        for _ in range(9):
            x, width = self.rng.uniform(-0.02, 1.0), self.rng.uniform(0.03, 0.07)
            self.box((x, 0, x + width, horizon + 0.16), (88, 66, 48))
        for _ in range(14):
            self.disc((self.rng.uniform(0, 1), self.rng.uniform(0, 0.16)), (0.13, 0.08), (55, 105, 62))
        self.below(horizon + 0.14 + 0.02 * np.sin(self.x * 11), (100, 112, 62))
        self.marks(horizon + 0.2, 0.05, (128, 104, 62))

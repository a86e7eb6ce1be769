"""What a rendered scene can show: kinds of objects, the colours they come in, and the shapes that draw them.

The shapes are rows of ``tables/scene_shapes.csv``, in a box from 0 to 1 with ``y`` downwards; later shapes cover
earlier ones. A ``disc`` has a centre and two radii, a ``box`` its left, top, right and bottom edges, ``corners`` give x
and y in turn, and a ``bar`` has two ends and a width. The paint ``main`` is the colour that the scene gives to the
object, ``dark`` and ``light`` are shades of it, and ``hole`` cuts through what lies below.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from consona.datasets.textcorpus import read_table

COLOURS = {
    "red": (214, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (250, 220, 50),
    "green": (52, 160, 60),
    "blue": (40, 90, 215),
    "purple": (140, 60, 170),
    "white": (245, 245, 245),
    "black": (45, 45, 50),
    "brown": (130, 80, 40),
}
"""The nine colours that captions name, as 8-bit red, green, blue."""

PAINTS = {
    "skin": (240, 195, 160),
    "hair": (80, 50, 30),
    "fair": (200, 150, 60),
    "ink": (30, 30, 35),
    "snow": (255, 255, 255),
    "glass": (185, 225, 245),
    "steel": (150, 150, 155),
    "cloth": (60, 70, 110),
    "wood": (115, 75, 40),
    "leaf": (60, 140, 50),
    "brick": (165, 75, 55),
    "crust": (205, 140, 60),
    "cheese": (250, 215, 90),
    "tomato": (200, 40, 30),
    "beak": (245, 150, 30),
    "rose": (240, 150, 160),
    "flame": (255, 190, 40),
    "coffee": (90, 55, 30),
}
"""Paints of parts whose colour never changes."""

ANY = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")


@dataclass(frozen=True)
class Kind:
    """One kind of object: its group, the colours it comes in, its size against the others, and what a person wears."""

    name: str
    group: str
    colours: tuple[str, ...]
    scale: float
    wears: str = ""


OBJECTS = (
    Kind("man", "people", ANY, 1.1, "shirt"),
    Kind("woman", "people", ANY, 1.1, "dress"),
    Kind("child", "people", ANY, 0.9, "shirt"),
    Kind("dog", "animals", ("brown", "black", "white", "orange"), 1.0),
    Kind("cat", "animals", ("black", "white", "orange", "brown"), 0.95),
    Kind("bird", "animals", ("red", "blue", "yellow", "green", "black", "white"), 0.85),
    Kind("horse", "animals", ("brown", "black", "white"), 1.25),
    Kind("sheep", "animals", ("white", "black", "brown"), 1.0),
    Kind("pizza", "food", (), 0.95),
    Kind("apple", "food", ("red", "green", "yellow"), 0.8),
    Kind("cake", "food", ("white", "red", "brown", "yellow", "purple"), 0.95),
    Kind("banana", "food", ("yellow", "green"), 0.85),
    Kind("car", "vehicles", ANY, 1.1),
    Kind("boat", "vehicles", ANY, 1.1),
    Kind("bus", "vehicles", ANY, 1.2),
    Kind("plane", "vehicles", ANY, 1.2),
    Kind("ball", "things", ANY, 0.75),
    Kind("chair", "things", ANY, 1.0),
    Kind("lamp", "things", ANY, 1.0),
    Kind("cup", "things", ANY, 0.8),
    Kind("umbrella", "things", ANY, 1.05),
    Kind("tree", "surroundings", ("green", "orange", "yellow"), 1.3),
    Kind("house", "surroundings", ("white", "red", "yellow", "blue", "brown"), 1.3),
    Kind("flower", "surroundings", ("red", "orange", "yellow", "purple", "white", "blue"), 0.85),
)

KINDS = tuple(kind.name for kind in OBJECTS)
"""The 24 kinds of objects: the columns of multi-hot categories."""

GROUPS = tuple(dict.fromkeys(kind.group for kind in OBJECTS))
"""The six groups of kinds."""


@dataclass(frozen=True)
class Shape:
    """One shape of a drawing: its form, its numbers in units of the box, and its paint."""

    form: str
    numbers: tuple[float, ...]
    paint: str


@cache
def drawings() -> dict[str, tuple[Shape, ...]]:
    """The shapes of every kind, from the lowest to the one on top."""
    with as_file(files("consona.datasets") / "tables" / "scene_shapes.csv") as path:
        table = read_table(path, ("kind", "shape", "numbers", "paint"))
    rows = [
        (kind, Shape(form, tuple(float(number) for number in numbers.split()), paint))
        for kind, form, numbers, paint in table.itertuples(index=False)
    ]
    return {name: tuple(shape for kind, shape in rows if kind == name) for name in KINDS}

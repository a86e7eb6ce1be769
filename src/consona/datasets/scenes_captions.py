"""Five captions of every rendered scene, in different wordings: objects, colours, relation and place."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consona.datasets.scenes_objects import COLOURS, OBJECTS
from consona.datasets.scenes_places import PLACES
from consona.datasets.scenes_plan import INVERSE, RELATIONS, SIZES, ScenePlan

N_CAPTIONS = 5
WHERE = {
    "field": ("in a field", "on a green meadow", "in the grassy hills"),
    "beach": ("on a beach", "by the sea", "on the sand near the sea"),
    "street": ("on a street", "on a city road", "in town"),
    "room": ("in a room", "in a living room", "on a wooden floor indoors"),
    "kitchen": ("in a kitchen", "at a kitchen table", "in a tiled kitchen"),
    "snow": ("in the snow", "on a snowy plain", "in a wintry landscape"),
    "lake": ("at a lake", "by the water", "on the shore of a lake"),
    "forest": ("in a forest", "in the woods", "on a forest path"),
}
SAID = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "high above", "over"),
    "below": ("below", "underneath", "under"),
    "in front of": ("in front of", "right in front of", "just in front of"),
    "behind": ("behind", "right behind", "partly hidden behind"),
    "next to": ("next to", "beside", "close to"),
}
OTHER_WORDS = {
    "man": "guy",
    "woman": "lady",
    "child": "kid",
    "car": "automobile",
    "boat": "sailing boat",
    "plane": "aeroplane",
    "cup": "mug",
    "house": "cottage",
    "cake": "birthday cake",
    "ball": "beach ball",
    "lamp": "table lamp",
}

PRONOUNS = {"man": "him", "woman": "her"}


@dataclass(frozen=True)
class _Said:
    """The words of one caption: objects with article, their bare names, both relations, the place and a pronoun."""

    first: str
    second: str
    third: str
    names: tuple[str, str]
    relation: str
    inverse: str
    where: str
    it: str


_PAIRS: tuple[Callable[[_Said], str], ...] = (
    lambda s: f"{s.first} {s.relation} {s.second} {s.where}",
    lambda s: f"{s.where} there is {s.second} with {s.first} {s.relation} {s.it}",
    lambda s: f"{s.second} {s.inverse} {s.first} {s.where}",
    lambda s: f"{s.first} and {s.second} {s.where}, the {s.names[0]} is {s.relation} the {s.names[1]}",
    lambda s: f"{s.where}, {s.first} can be seen {s.relation} {s.second}",
    lambda s: f"a picture of {s.first} {s.relation} {s.second} {s.where}",
    lambda s: f"{s.second} {s.where} and, {s.relation} {s.it}, {s.first}",
)
_SINGLES: tuple[Callable[[_Said], str], ...] = (
    lambda s: f"{s.first} {s.where}",
    lambda s: f"{s.where} there is {s.first}",
    lambda s: f"a picture of {s.first} {s.where}",
    lambda s: f"{s.first} alone {s.where}",
    lambda s: f"{s.where} we see {s.first} and nothing else",
    lambda s: f"only {s.first} can be seen {s.where}",
    lambda s: f"there is {s.first} {s.where}",
)
_THIRDS = ("{}, with {} further away", "{}; {} is there too", "{}, and also {}")


def captions(plan: ScenePlan) -> list[tuple[str, ...]]:
    """Five captions of every scene of a plan, as tuples."""
    return [_captions(plan, row) for row in range(len(plan))]


def _captions(plan: ScenePlan, row: int) -> tuple[str, ...]:
    words = plan.words[row]
    n_objects = int(plan.n_objects[row])
    patterns = _SINGLES if n_objects == 1 else _PAIRS
    chosen = np.argsort(words[: len(patterns)], kind="stable")[:N_CAPTIONS]
    spelled = []
    for number, pattern in enumerate(chosen):
        said = _said(plan, row, words[len(patterns) + 3 * number :][:3])
        text = patterns[pattern](said)
        if n_objects == 3:
            text = _THIRDS[number % len(_THIRDS)].format(text, said.third)
        spelled.append(text[0].upper() + text[1:] + ".")
    return tuple(spelled)


def _said(plan: ScenePlan, row: int, words: npt.NDArray[np.float64]) -> _Said:
    """The words of one caption, chosen by three numbers between 0 and 1."""
    relation = RELATIONS[plan.relation[row]]
    place = PLACES[plan.place[row]]
    other = words[2] < 0.25
    first, second, third = (_phrase(plan, (row, which), other, sized=words[0] < 0.5) for which in range(3))
    names = (_name(plan, (row, 0), other), _name(plan, (row, 1), other))
    told, back = ("", "") if relation == "alone" else (SAID[relation], SAID[INVERSE[relation]])
    way = int(words[0] * 6) % 3
    return _Said(
        first,
        second,
        third,
        names,
        told[way] if told else "",
        back[way] if back else "",
        WHERE[place][int(words[1] * 3)],
        PRONOUNS.get(OBJECTS[plan.kind[row, 1]].name, "it"),
    )


def _name(plan: ScenePlan, which: tuple[int, int], other: np.bool_) -> str:
    name = OBJECTS[plan.kind[which]].name
    return OTHER_WORDS.get(name, name) if other else name


def _phrase(plan: ScenePlan, which: tuple[int, int], other: np.bool_, *, sized: np.bool_) -> str:
    """An object with its article, its colour and, where asked for, its size: a large red car."""
    kind = OBJECTS[plan.kind[which]]
    colour = tuple(COLOURS)[plan.colour[which]] if kind.colours else ""
    size = SIZES[plan.size[which]] if sized else ""
    if kind.wears:
        return f"{_with_article(size, _name(plan, which, other))} in {_with_article(colour, kind.wears)}"
    return _with_article(size, colour, _name(plan, which, other))


def _with_article(*words: str) -> str:
    text = " ".join(word for word in words if word)
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"

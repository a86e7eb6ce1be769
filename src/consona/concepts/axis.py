"""Concept axes: one direction from the mean activations of a few classes of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from consona.core.direction import Direction
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.stats.centroids import class_means, first_component, slope
from consona.stats.seeds import rng_for

Labels = npt.NDArray[np.str_]

NEGATIVE = ("anger", "disgust", "fear", "sadness")
POSITIVE = ("amusement", "inspiration", "joy", "tenderness")
EMOTIONS = (*NEGATIVE, "neutral", *POSITIVE)
VALENCE_CODE: dict[str, float] = {**dict.fromkeys(NEGATIVE, -1.0), "neutral": 0.0, **dict.fromkeys(POSITIVE, 1.0)}


def _means(
    features: Features, labels: Labels, layer: int
) -> tuple[Labels, npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    if len(labels) != len(features):
        raise InvalidInput(f"One label per stimulus is needed: {len(features)} stimuli, {len(labels)} labels.")
    x = features.layer(layer)
    names, means = class_means(x, np.asarray(labels))
    if len(names) < 2:
        raise InvalidInput(
            f"An axis needs at least two classes; found only {listed(names)}. Add texts of another class."
        )
    return names, means, x


def _poles(names: Labels, positive: Sequence[str]) -> npt.NDArray[np.bool_]:
    poles = (positive,) if isinstance(positive, str) else tuple(positive)
    unknown = [name for name in poles if name not in names]
    if unknown or len(poles) == len(names) or not poles:
        raise InvalidInput(
            f"The positive pole names some, not all, of the classes {listed(names, 12)}; found {listed(poles, 12)}. "
            "Name the classes that the positive end stands for."
        )
    return np.isin(names, poles)


def _direction(
    v: npt.NDArray[np.float64],
    means: npt.NDArray[np.float64],
    features: Features,
    layer: int,
    *,
    name: str,
    positive: str,
) -> Direction:
    origin = means.mean(axis=0)
    spread = float(np.std((means - origin) @ v))
    if not spread > 0:
        raise InvalidInput(f"The class means do not differ along axis '{name}'; there is nothing to measure it in.")
    site, model = str(features.attrs.get("site", "")), str(features.attrs.get("model", ""))
    return Direction(v, origin, spread, name, positive, site, features.layer_number(layer), model)


def principal_axis(
    features: Features, labels: Labels, *, layer: int, positive: Sequence[str], name: str = "valence"
) -> Direction:
    """First principal component of the class means; the mean of the ``positive`` classes is on its positive side.

    The unit is the SD of the class means along the axis. Source: arXiv 2606.00129, section 2 (recipes A to C differ in
    texts, pooling and layer only).

    Raises
    ------
    InvalidInput
        When there is one class only, labels are missing, or the positive pole names no class or all.
    """
    names, means, _ = _means(features, labels, layer)
    up = _poles(names, positive)
    v, _ = first_component(means)
    sign = 1.0 if means[up].mean(axis=0) @ v >= means[~up].mean(axis=0) @ v else -1.0
    return _direction(sign * v, means, features, layer, name=name, positive=_pole_name(positive))


def difference_axis(
    features: Features,
    labels: Labels,
    *,
    layer: int,
    positive: Sequence[str],
    negative: Sequence[str],
    name: str = "valence",
) -> Direction:
    """Mean of the positive classes minus mean of the negative ones; other classes do not count.

    Raises
    ------
    InvalidInput
        As :func:`principal_axis`.
    """
    names, means, _ = _means(features, labels, layer)
    up, down = _poles(names, positive), _poles(names, negative)
    v = means[up].mean(axis=0) - means[down].mean(axis=0)
    length = float(np.linalg.norm(v))
    if not length > 0:
        raise InvalidInput(f"Positive and negative classes have the same mean; axis '{name}' does not exist.")
    return _direction(v / length, means, features, layer, name=name, positive=_pole_name(positive))


def level_axis(
    features: Features, labels: Labels, *, layer: int, levels: Mapping[str, float], name: str = "valence"
) -> Direction:
    """Slope of the class means on given levels (-1, 0, +1, or any numbers, say rated arousal).

    Raises
    ------
    InvalidInput
        When a class has no level, or all levels are equal.
    """
    names, means, _ = _means(features, labels, layer)
    missing = [each for each in names if each not in levels]
    values = np.array([levels.get(str(each), np.nan) for each in names], dtype=float)
    if missing or np.ptp(values) == 0:
        raise InvalidInput(
            f"Axis '{name}' needs a level for every class, and at least two levels; missing: {listed(missing)}."
        )
    v = slope(means, values)
    return _direction(v, means, features, layer, name=name, positive=f"higher {name}")


def _pole_name(positive: Sequence[str]) -> str:
    return positive if isinstance(positive, str) else " + ".join(positive)


@dataclass(frozen=True)
class AxisRule:
    """How an axis comes from class means: which of the three ways, and what its poles are."""

    kind: Literal["principal", "difference", "levels"] = "principal"
    positive: tuple[str, ...] = POSITIVE
    negative: tuple[str, ...] = NEGATIVE

    def fit(self, features: Features, labels: Labels, *, layer: int, name: str = "valence") -> Direction:
        """The axis of these texts; ``levels`` gives +1 and -1 to the poles and 0 to every other class.

        Raises
        ------
        InvalidInput
            As :func:`principal_axis`.
        """
        if self.kind == "principal":
            return principal_axis(features, labels, layer=layer, positive=self.positive, name=name)
        if self.kind == "difference":
            poles = {"positive": self.positive, "negative": self.negative}
            return difference_axis(features, labels, layer=layer, name=name, **poles)
        code = {str(each): float((each in self.positive) - (each in self.negative)) for each in np.unique(labels)}
        return level_axis(features, labels, layer=layer, levels=code, name=name)

    @property
    def supervised(self) -> bool:
        """Whether the labels make the axis, not only its sign."""
        return self.kind != "principal"

    def without(self, name: str) -> "AxisRule":
        """The same rule where a class takes no part.

        Raises
        ------
        InvalidInput
            When a pole would be left without any class.
        """
        up, down = (tuple(each for each in pole if each != name) for pole in (self.positive, self.negative))
        if not (up and down):
            raise InvalidInput(
                f"Without '{name}' one pole of the axis has no class left. An axis that labels make ('{self.kind}') "
                "needs two classes on either side, so that each can be left out; or take axis = 'principal'."
            )
        return AxisRule(self.kind, up, down)

    def fingerprint(self) -> str:
        """Everything that changes the axis, as text."""
        return f"{self.kind} | {self.positive} | {self.negative}"


def explained_share(features: Features, labels: Labels, *, layer: int) -> float:
    """Share of the variance between class means that their first principal component explains."""
    _, means, _ = _means(features, labels, layer)
    return first_component(means)[1]


def random_axes(like: Direction, *, n: int, seed: int) -> list[Direction]:
    """Directions drawn evenly from the sphere, with origin, unit and place of ``like``: the content-free twins."""
    v = rng_for(seed, "random axes").standard_normal((n, like.values.size))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    return [replace(like, values=each, name=f"random {i}", positive="arbitrary") for i, each in enumerate(v)]


def shuffled_axes(
    features: Features, labels: Labels, *, rule: AxisRule, layer: int, n: int, seed: int
) -> list[Direction]:
    """Axes fitted by the same rule with the labels shuffled over single texts, all else kept."""
    rng = rng_for(seed, "shuffled labels")
    return [rule.fit(features, rng.permutation(labels), layer=layer, name=f"shuffled {i}") for i in range(n)]

"""Made-up responses of cortex: known signals in known regions, alike across people to a known degree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.stats.seeds import rng_for

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Names = npt.NDArray[np.str_]
Where = slice | npt.NDArray[np.intp]


@dataclass(frozen=True)
class Planted:
    """What is planted in a made-up brain.

    Parameters
    ----------
    shared
        Share of the variance of the weights that all people have in common, 0 to 1.
    smoothness_mm
        Standard deviation of the kernel that smooths the weights along the surface; 0 for none.
    ncsnr
        Standard deviation of the signal over that of the noise of a trial, typical of a region.
    spread
        Standard deviation of the logarithm of the ncsnr over the vertices of a region.
    tilt
        For a region: a direction ``(d,)`` among its features. Its length, below 1, is the share of the standard
        deviation of every vertex that prefers that direction, so the region prefers stimuli that lie that way.
    """

    shared: float = 0.6
    smoothness_mm: float = 8.0
    ncsnr: float = 0.45
    spread: float = 0.2
    tilt: Mapping[str, npt.ArrayLike] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Every number is in its range."""
        if not (0 <= self.shared <= 1 and self.smoothness_mm >= 0 and self.ncsnr >= 0 and self.spread >= 0):
            raise InvalidInput(
                f"shared {self.shared}, smoothness_mm {self.smoothness_mm}, ncsnr {self.ncsnr} and spread {self.spread}"
                " found; expected a share from 0 to 1 and three numbers from 0 upwards."
            )
        for region, direction in self.tilt.items():
            length = float(np.linalg.norm(np.asarray(direction, dtype=np.float64)))
            if not length < 1:
                raise InvalidInput(f"The tilt of '{region}' has the length {length:.3g}; a share below 1 is expected.")


@dataclass(frozen=True, eq=False)
class PlantedResponses:
    """Responses without noise: call it with places of images (and of targets) for ``(n_images, n_targets)``, float32.

    The noise of a trial is meant to have the standard deviation 1, so the standard deviation of a target's response
    over all images is its ``ncsnr`` ``(n_targets,)``; 0 where a region has no signal. ``weights`` are, by region, those
    of its targets, ``(d, n)``, for the ``signals`` ``(n_images, d)`` with the mean taken out.
    """

    signals: Mapping[str, Single]
    weights: Mapping[str, Single]
    places: Mapping[str, npt.NDArray[np.intp]]
    ncsnr: Array

    def __call__(self, images: npt.ArrayLike, targets: Where = slice(None)) -> Single:
        """The responses to images, by their places among the signals."""
        rows = np.asarray(images, dtype=np.intp)
        chosen = np.arange(len(self.ncsnr))[targets]
        made = np.zeros((len(rows), len(chosen)), dtype=np.float32)
        for region, where in self.places.items():
            _, inside, columns = np.intersect1d(chosen, where, return_indices=True)
            if len(inside):
                made[:, inside] = self.signals[region][rows] @ self.weights[region][:, columns]
        return made


def planted_responses(
    signals: Mapping[str, npt.ArrayLike],
    regions: npt.ArrayLike,
    positions_mm: npt.ArrayLike,
    *,
    subject: str,
    planted: Planted | None = None,
    seed: int = 0,
) -> PlantedResponses:
    r"""Responses of one made-up person: in every region a linear function of the region's own signals.

    .. math:: w_v = \sqrt{1 - a^2}\,\frac{u_v}{\sigma(S u_v)} + a\,\frac{t}{\sigma(S t)}, \qquad
              u_v = \sqrt{c}\,g_v + \sqrt{1 - c}\,h_v

    with the features *S* of the region, smooth Gaussian fields *g* (the same in all people) and *h* (this person's),
    the share *c*, the tilt *t* and its length *a*; :math:`w_v` is then brought to the ncsnr of the vertex, which is
    log-normal and smooth around that of the plant. Regions without signal give zero.

    Parameters
    ----------
    signals
        By region: features ``(n_images, d)``, images in one order for all regions.
    regions
        Region of every target, ``(n_targets,)``.
    positions_mm
        ``(n_targets, 3)``.
    subject
        Name of the person; another name, other weights.
    planted
        What is planted; the defaults of :class:`Planted` otherwise.
    seed
        Of the weights and of the ncsnr.

    Raises
    ------
    InvalidInput
        When no target lies in a region with signals, numbers of images differ, a signal is not finite or constant, or
        a tilt has another number of features than the signals of its region.
    """
    plan = planted or Planted()
    names, positions = np.asarray(regions, dtype=str), np.asarray(positions_mm, dtype=np.float64)
    features = _features(signals, names, positions, plan)
    weights, places = {}, {}
    ncsnr = np.zeros(len(names))
    for region, values in features.items():
        where = places[region] = np.flatnonzero(names == region)
        smooth = _smoothing(positions[where], plan.smoothness_mm)
        level = smooth @ rng_for(seed, "ncsnr", region, subject).standard_normal(len(where))
        ncsnr[where] = plan.ncsnr * np.exp(plan.spread * level)
        common, own = (
            smooth @ rng_for(seed, "weights", region, *key).standard_normal((len(where), values.shape[1]))
            for key in ((), (subject,))
        )
        field_ = (np.sqrt(plan.shared) * common + np.sqrt(1 - plan.shared) * own).T
        unit = _tilted(values, _scaled(values, field_), plan.tilt.get(region))
        weights[region] = (unit * ncsnr[where]).astype(np.float32)
    return PlantedResponses({name: each.astype(np.float32) for name, each in features.items()}, weights, places, ncsnr)


def _features(signals: Mapping[str, npt.ArrayLike], names: Names, positions: Array, plan: Planted) -> dict[str, Array]:
    """The signals, centred, after all checks."""
    found = {name: np.asarray(each, dtype=np.float64) for name, each in signals.items()}
    missing = sorted(set(found) - set(names.tolist()))
    if missing or positions.shape != (len(names), 3):
        raise InvalidInput(
            f"Regions without a target: {listed(missing) or 'none'}; positions {positions.shape} for {len(names)} "
            "targets. Signals need a region each, and targets three coordinates."
        )
    if len({each.shape[0] for each in found.values()}) > 1 or any(each.ndim != 2 for each in found.values()):
        raise InvalidInput(
            f"Signals have the shapes {[each.shape for each in found.values()]}; expected (n_images, d), of the same "
            "images for every region."
        )
    for name, each in found.items():
        if not np.isfinite(each).all() or not (np.ptp(each, axis=0) > 0).any():
            raise InvalidInput(f"The signals of '{name}' are not finite or do not vary. Give numbers that do.")
        if name in plan.tilt and np.shape(plan.tilt[name]) != (each.shape[1],):
            raise InvalidInput(
                f"The tilt of '{name}' has the shape {np.shape(plan.tilt[name])}; expected ({each.shape[1]},), one "
                "number for every feature of the region."
            )
    return {name: each - each.mean(axis=0) for name, each in found.items()}


def _smoothing(positions: Array, width: float) -> Array:
    """A matrix that makes independent unit normals smooth and leaves their variance at 1."""
    if width == 0:
        return np.eye(len(positions))
    squares = (positions**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * positions @ positions.T, 0)
    kernel = np.exp(-distances / (2 * width**2))
    return np.asarray(kernel / np.linalg.norm(kernel, axis=1, keepdims=True))


def _scaled(values: Array, weights: Array) -> Array:
    """Weights ``(d, n)`` whose responses over all images have the standard deviation 1."""
    covariance = values.T @ values / len(values)
    spread = np.sqrt(np.maximum((weights * (covariance @ weights)).sum(axis=0), np.finfo(float).tiny))
    return np.asarray(weights / spread)


def _tilted(values: Array, weights: Array, direction: npt.ArrayLike | None) -> Array:
    if direction is None:
        return weights
    column = np.asarray(direction, dtype=np.float64)[:, None]
    share = float(np.linalg.norm(column))
    if share == 0 or not (np.ptp(values @ column) > 0):  # a direction in which no stimulus lies is no preference
        return weights
    return _scaled(values, np.sqrt(1 - share**2) * weights + share * _scaled(values, column))

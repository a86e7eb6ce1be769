"""Moving states uphill until their predicted brain pattern looks like the measured one, and when to stop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from consona.stats.brain_guidance import BrainMap
from consona.stats.shapes import Float, Int, Real

__all__ = ["PUBLISHED_ASCENT", "Ascent", "ascend", "plateau", "unit_rows"]

Matrix = npt.NDArray[np.float64]

_BETAS, _EPS = (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class Ascent:
    r"""How states are moved.

    Parameters
    ----------
    n_iterations
        Steps.
    radius
        The largest length of a shift, in units of the map's spread.
    rate
        Size of a step: for ``adamw`` in units of the mean absolute state, as published; for ``gradient`` a share of
        the radius, along the gradient of length 1.
    optimiser
        ``adamw`` is the published one. It divides each feature by its own gradient, so it leaves the span of the states
        and depends on the axes of the features; ``gradient`` does neither.
    record_every
        Iterations from one record to the next.
    decay
        Weight decay of ``adamw``, as in torch.

    Raises
    ------
    ValueError
        When a number is not positive (the decay may be zero), or fewer iterations than one record are asked for.
    """

    n_iterations: int = 200
    radius: float = 10.0
    rate: float = 0.1
    optimiser: Literal["adamw", "gradient"] = "adamw"
    record_every: int = 5
    decay: float = 0.01

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not (self.radius > 0 and self.rate > 0 and self.decay >= 0 and 1 <= self.record_every <= self.n_iterations):
            raise ValueError(
                f"{self} was asked for; radius and rate are positive, the decay not negative, and a record is made "
                "every 1 to n_iterations. Change those."
            )

    @property
    def n_records(self) -> int:
        """How many records there are."""
        return self.n_iterations // self.record_every


PUBLISHED_ASCENT = Ascent()


def ascend(
    fitted: BrainMap,
    states: Real[np.ndarray, "n_items n_features"],
    g: Real[np.ndarray, "n_items m"],
    norms: Real[np.ndarray, " n_items"],
    ascent: Ascent = PUBLISHED_ASCENT,
    *,
    factors: Real[np.ndarray, " n_items"] | float = 1.0,
) -> Float[np.ndarray, "n_records n_items n_features"]:
    r"""Shifts that raise the cosine of predicted and measured patterns, all items at once, recorded on the way.

    .. math:: d_i \leftarrow \Pi_{|d| \le \rho s}\left(d_i + \text{step}(\nabla_i)\right), \qquad d_i = 0 \text{ first}

    with the radius :math:`\rho` and the spread *s* of the map. Items do not see each other. Where there is no gradient
    (a brain of rank one without intercept), ``gradient`` stays at zero.

    Parameters
    ----------
    fitted
        The map, fitted on whatever items.
    states, g, norms
        Of the items to be moved: their states, and the products and norms of their patterns.
    ascent
        How they are moved.
    factors
        The radius of every item, in units of that of the ascent.
    """
    start = np.asarray(states, dtype=np.float64)
    shift = np.zeros_like(start)
    limit = np.broadcast_to(factors, len(start))[:, None] * (ascent.radius * fitted.spread)
    step = _steps(start, limit, ascent)
    kept = np.empty((ascent.n_records, *start.shape))
    for iteration in range(1, ascent.n_records * ascent.record_every + 1):
        shift = _within(step(shift, fitted.gradient(start + shift, g, norms), iteration), limit)
        if iteration % ascent.record_every == 0:
            kept[iteration // ascent.record_every - 1] = shift
    return kept


def plateau(cosines: Real[np.ndarray, "n_records n_items"], *, tolerance: float = 0.01) -> Int[np.ndarray, " n_items"]:
    """For every item the first record that has all of the rise of its cosine but ``tolerance`` of it; no label needed.

    The first row is where the rise begins, and counts as record 0; an item whose cosine is undefined stops there.
    """
    known = np.where(np.isfinite(cosines), cosines, -np.inf)
    low, high = known[0], known.max(axis=0)
    rise = np.subtract(high, low, out=np.zeros(len(low)), where=np.isfinite(low) & np.isfinite(high))
    return np.asarray(np.argmax(known >= high - tolerance * rise, axis=0))


def unit_rows(rows: Real[np.ndarray, "... n_features"]) -> Float[np.ndarray, "... n_features"]:
    """Rows of length 1; a row of zeros stays one, because it points nowhere."""
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    unit: Matrix = np.divide(rows, length, out=np.zeros(np.shape(rows)), where=length > 0)
    return unit


def _within(shift: Matrix, limit: Matrix) -> Matrix:
    length = np.linalg.norm(shift, axis=-1, keepdims=True)
    factor = np.divide(limit, length, out=np.ones_like(length), where=length > limit)
    return np.asarray(shift * factor)


def _steps(start: Matrix, limit: Matrix, ascent: Ascent) -> Callable[[Matrix, Matrix, int], Matrix]:
    if ascent.optimiser == "gradient":
        return lambda shift, gradient, iteration: shift + ascent.rate * limit * unit_rows(gradient)
    rate, first, second = ascent.rate * float(np.abs(start).mean()), np.zeros_like(start), np.zeros_like(start)

    def step(shift: Matrix, gradient: Matrix, iteration: int) -> Matrix:
        mean = gradient / len(start)  # the published loss is the mean over items; it matters beside epsilon only
        first[:] = _BETAS[0] * first + (1.0 - _BETAS[0]) * mean
        second[:] = _BETAS[1] * second + (1.0 - _BETAS[1]) * mean**2
        up = first / (1.0 - _BETAS[0] ** iteration)
        size = np.sqrt(second / (1.0 - _BETAS[1] ** iteration)) + _EPS
        return np.asarray(shift * (1.0 - rate * ascent.decay) + rate * up / size)

    return step

"""What nested guidance tries, for every guide alike, and how a model is asked about shifts."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, Self, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.guidance_moves import Stop
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.stats.brain_guidance import ALPHAS, Objective

__all__ = ["DIMS", "Answered", "NestedDesign", "Setting", "asked_margins"]

Answered = Callable[[xr.DataArray], xr.DataArray]
"""Shifts ``(variant, stimulus, layer, feature)`` of some stimuli to margins ``(variant, stimulus)`` in their order:
log p(True) - log p(False) in nats, bias taken off."""

DIMS = ("variant", "stimulus", "layer", "feature")


class Setting(NamedTuple):
    """One try: which layers are shifted, how far (in units of each layer's spread), and when the ascent stops."""

    layers: tuple[int, ...]
    strength: float
    stop: Stop


@dataclass(frozen=True)
class NestedDesign:
    """Everything that is tried, for every guide alike, and how the choice is kept apart from the test.

    Parameters
    ----------
    layer_sets, strengths, stops
        Their combinations are the settings. Strengths are lengths, in units of the spread of a layer's states. Stops
        are iterations, or "plateau" of the cosine; neither knows a label.
    n_folds, n_inner
        Folds of forms, and how many of the others a fold's setting is chosen on (by maps that saw neither).
    n_iterations, objective, alphas
        Of the ascent and the maps, see :class:`~consona.stats.brain_guidance.BrainMap`.
    n_variants
        Variants asked for in one call, about; it changes memory, not results.
    seed
        Of folds and random directions.

    Raises
    ------
    InvalidInput
        When a list is empty, a strength is not positive, a stop lies beyond the iterations, or folds do not suffice.
    """

    layer_sets: tuple[tuple[int, ...], ...]
    strengths: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    stops: tuple[Stop, ...] = ("plateau",)
    n_folds: int = 5
    n_inner: int = 2
    n_iterations: int = 10
    objective: Objective = "intercept"
    alphas: tuple[float, ...] = ALPHAS
    n_variants: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that every setting can be tried."""
        wrong = [stop for stop in self.stops if stop != "plateau" and not 1 <= int(stop) <= self.n_iterations]
        if not self.settings or not all(self.layer_sets) or min(self.strengths) <= 0 or wrong:
            raise InvalidInput(
                f"{len(self.settings)} settings with strengths {self.strengths}, stops {self.stops} and "
                f"{self.n_iterations} iterations were asked for; strengths are positive, and a stop is 'plateau' or an "
                "iteration that is reached. Change those."
            )
        if not 1 <= self.n_inner < self.n_folds or self.objective not in get_args(Objective):
            raise InvalidInput(
                f"{self.n_inner} inner of {self.n_folds} folds and the objective '{self.objective}' were asked for; "
                f"at least 1 other fold is needed, and an objective of {get_args(Objective)}."
            )

    @classmethod
    def quick(cls, layer_sets: tuple[tuple[int, ...], ...], *, seed: int = 0) -> Self:
        """Three folds, one of them to choose on, two strengths: for a first look, and for tests."""
        return cls(layer_sets, strengths=(1.0, 4.0), n_folds=3, n_inner=1, seed=seed)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """All combinations, weaker ones first within a set of layers."""
        return tuple(Setting(*each) for each in product(self.layer_sets, self.strengths, self.stops))

    @property
    def layers(self) -> tuple[int, ...]:
        """Every layer that some setting shifts."""
        return tuple(sorted({layer for layers in self.layer_sets for layer in layers}))

    def item_variants(self, n_items: int, n_subjects: int, n_guides: int) -> int:
        """How many items are asked for in all: settings on inner folds, two tests per guide, and the model alone."""
        return n_items * (n_guides * n_subjects * (self.n_inner * len(self.settings) + 2) + 1)


def asked_margins(answered: Answered, shifts: xr.DataArray) -> npt.NDArray[np.float64]:
    """Margins ``(n_variants, n_stimuli)`` in the order of the shifts.

    Raises
    ------
    InvalidInput
        When what came back has other dims or stimuli, or is not finite.
    """
    margins = answered(shifts)
    if dict(margins.sizes) != {dim: shifts.sizes[dim] for dim in DIMS[:2]}:
        raise InvalidInput(
            f"Margins came back as {dict(margins.sizes)} for {shifts.sizes['variant']} variants of "
            f"{shifts.sizes['stimulus']} stimuli; they have the dims variant and stimulus. Take the difference of the "
            "two answers first."
        )
    values = np.asarray(margins.transpose("variant", "stimulus").values, dtype=np.float64)
    if not np.isfinite(values).all():
        bad = shifts["stimulus"].values[~np.isfinite(values).all(axis=0)]
        raise InvalidInput(f"Margins of {listed(bad)} are not finite. The model or the shift is at fault.")
    return values

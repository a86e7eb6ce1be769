"""Where decoders are trained: a value with the device in it, which counts for nothing in the identity of a result."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from consona.stats.splits import ThreeWay
from consona.training.loop import train_planned
from consona.training.recipe import Recipe
from consona.training.supervision import Plan, Supervision

__all__ = ["Trainer"]


@dataclass(frozen=True)
class Trainer:
    """Trains decoders on one device; the same call on another differs by rounding only, so both have one fingerprint.

    Parameters
    ----------
    device
        As torch names it: ``cpu``, ``cuda``, ``cuda:1``.
    """

    device: str = "cpu"

    def fingerprint(self) -> str:
        """What it is; not where it computes."""
        return "trainer of decoders"

    def train(
        self,
        tensor: xr.DataArray,
        split: ThreeWay,
        recipe: Recipe,
        *,
        seed: int,
        strategy: Supervision | None = None,
        axis: np.ndarray | None = None,
        snapshots: Sequence[int] = (),
    ) -> xr.Dataset:
        """One decoder per fold, as :func:`consona.training.loop.train_decoders`."""
        return train_planned(tensor, split, Plan(recipe, seed, strategy, tuple(snapshots), self.device), axis)

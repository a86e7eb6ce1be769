"""Batches of training rows with fresh noise; each model draws its own, whatever is trained beside it."""

import math
from typing import NamedTuple

import numpy as np
import torch

from consona.core.errors import InvalidInput
from consona.stats.seeds import rng_for
from consona.training.recipe import Recipe

__all__ = ["Batch", "FoldBatches", "Goal", "Material", "Outputs", "generator_for"]


class Goal(NamedTuple):
    """What all batches of a training share.

    ``output_axis (n_outputs, n_axes)``: the axis at every output; ``output_emotion (n_outputs,)``: which emotion an
    output belongs to; ``smoothing``: share of a label that is spread evenly; names of channels and bands, and
    of the emotions in the order of the labels.
    """

    output_axis: torch.Tensor
    output_emotion: torch.Tensor
    smoothing: float
    channels: tuple[str, ...]
    bands: tuple[str, ...]
    emotions: tuple[str, ...]


class Batch(NamedTuple):
    """Rows of one step of one model.

    ``x (batch, window, channel, band)``; ``labels (batch,)``: number of the emotion; ``stimulus (batch,)``: number of
    the stimulus; ``output (batch,)``: the output that is right (the emotion, or the stimulus where outputs are
    stimuli); ``axis (batch, n_axes)``: values of the rows on the axes, no columns where there is no axis.
    """

    x: torch.Tensor
    labels: torch.Tensor
    stimulus: torch.Tensor
    output: torch.Tensor
    axis: torch.Tensor
    goal: Goal


class Outputs(NamedTuple):
    """``logits (batch, output)``, ``features (batch, feature)`` and, by name, the values of further heads."""

    logits: torch.Tensor
    features: torch.Tensor
    extra: dict[str, torch.Tensor]


class Material(NamedTuple):
    """All rows of a tensor as torch arrays; a row is a subject and a stimulus, subject by subject.

    ``x (n_rows, n_shifts, window, channel, band)``; ``labels``, ``stimulus``, ``output (n_rows,)``;
    ``axis (n_rows, n_axes)``; ``unshifted``: the shift that is tested; ``positions (n_channels, 3)`` of the electrodes.
    """

    x: torch.Tensor
    labels: torch.Tensor
    stimulus: torch.Tensor
    output: torch.Tensor
    axis: torch.Tensor
    unshifted: int
    goal: Goal
    positions: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Windows, channels, bands."""
        return (self.x.shape[2], self.x.shape[3], self.x.shape[4])


def generator_for(seed: int, *key: str | int) -> torch.Generator:
    """A torch generator on the CPU that belongs to a seed and a key alone, as ``consona.stats.seeds.rng_for``."""
    return torch.Generator().manual_seed(int(rng_for(seed, *key).integers(2**63)))


class FoldBatches:
    """The training rows of one fold in a new order each epoch, augmented afresh.

    Whole batches only: rows that fill no batch wait for an epoch whose order brings them forward. A training set that
    is smaller than a batch is one batch.
    """

    def __init__(self, material: Material, rows: torch.Tensor, recipe: Recipe, *, seed: int, fold: int) -> None:
        self.material, self.rows, self.recipe = material, rows, recipe
        self.size = min(recipe.batch, len(rows))
        self.n_steps = len(rows) // self.size
        self.generator = generator_for(seed, "batches", fold)
        self._x = material.x.flatten(0, 1)
        self._noise = torch.empty((self.size, *material.shape))
        n_bytes = self._noise.numel() if recipe.dropped == "cell" else self.size * material.shape[1]
        self._bits = torch.empty(math.ceil(n_bytes / 8), dtype=torch.int64)
        self._n_bytes = n_bytes
        self._strangers = _Strangers(material, rows, self.size) if recipe.borrowed else None

    def order(self) -> torch.Tensor:
        """Rows of all steps of an epoch, ``(n_steps, size)``."""
        shuffled = self.rows[torch.randperm(len(self.rows), generator=self.generator)]
        return shuffled[: self.n_steps * self.size].reshape(self.n_steps, self.size)

    def fill(self, rows: torch.Tensor, out: torch.Tensor) -> None:
        """Write the augmented rows into ``out (size, window, channel, band)``."""
        n_shifts = self.material.x.shape[1]
        shift = torch.full_like(rows, self.material.unshifted)
        if self.recipe.jitter and n_shifts > 1:
            shift = torch.randint(n_shifts, rows.shape, generator=self.generator)
        torch.index_select(self._x, 0, rows * n_shifts + shift, out=out)
        if self._strangers is not None:
            self._strangers.add_to(out, self.recipe.borrowed, self.generator)
        if self.recipe.gain:
            gain = torch.randn((len(rows), 1, out.shape[2], 1), generator=self.generator)
            out.mul_(gain.mul_(self.recipe.gain).add_(1.0))
        if self.recipe.noise:
            out.add_(self._noise.normal_(generator=self.generator), alpha=self.recipe.noise)
        if self.recipe.drop:
            out.mul_(self._kept(out))

    def _kept(self, out: torch.Tensor) -> torch.Tensor:
        """True where a value stays. One random byte decides, so shares are multiples of 1/256."""
        self._bits.random_(-(2**63), None, generator=self.generator)
        drawn = self._bits.view(torch.uint8)[: self._n_bytes]
        kept = drawn >= round(256 * self.recipe.drop)
        return kept.view(out.shape) if self.recipe.dropped == "cell" else kept.view(len(out), 1, out.shape[2], 1)


class _Strangers:
    """How two people differ while they watch the same: noise with the covariance that the data have.

    White noise is spread evenly over all directions; what differs between people is not. The difference of two training
    rows of one stimulus, divided by the root of 2, has the mean 0 and the covariance within stimuli, so a network that
    is trained on rows plus such differences learns not to lean on directions in which people vary.
    """

    def __init__(self, material: Material, rows: torch.Tensor, size: int) -> None:
        self.x, self.n_shifts = material.x.flatten(0, 1), material.x.shape[1]
        self.rows = rows[torch.argsort(material.stimulus[rows], stable=True)]
        counts = torch.bincount(material.stimulus[rows])
        counts = counts[counts > 0]
        if int(counts.max()) < 2:
            raise InvalidInput(
                "The recipe borrows noise from pairs of people with the same stimulus, and no stimulus has two "
                "training rows. Train on more people, or set borrowed to 0."
            )
        self.count = counts.repeat_interleave(counts)  # of the rows of the same stimulus
        self.first = (counts.cumsum(0) - counts).repeat_interleave(counts)
        self._taken = torch.empty((size, *material.shape))

    def add_to(self, out: torch.Tensor, scale: float, generator: torch.Generator) -> None:
        """Add differences of random pairs at random shifts, ``scale`` times; nothing where a row has no pair."""
        size = len(out)
        one = torch.randint(len(self.rows), (size,), generator=generator)
        count, first = self.count[one], self.first[one]
        step = 1 + (torch.rand(size, generator=generator) * (count - 1)).long()
        other = first + (one - first + step) % count
        shift = torch.randint(self.n_shifts, (size,), generator=generator)
        for place, sign in ((one, 1.0), (other, -1.0)):
            torch.index_select(self.x, 0, self.rows[place] * self.n_shifts + shift, out=self._taken)
            out.add_(self._taken, alpha=sign * scale * 0.5**0.5)

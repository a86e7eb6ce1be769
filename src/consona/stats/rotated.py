"""Blocks of targets in the coordinates of every training set, each turned once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device

from consona.stats.grams import Decomposed, HeldOut, take_rows
from consona.stats.shapes import Array, Float, Int
from consona.stats.targets import TargetBlock, gathered, target_blocks

__all__ = ["RotatedBlock", "rotated_blocks"]


@dataclass(frozen=True)
class RotatedBlock:
    """A block of targets with what the training sets make of it (:meth:`consona.stats.grams.Decomposed.rotated`).

    Parameters
    ----------
    cv
        The training sets.
    block
        The targets.
    turned
        For every training set the parts of the block, ``(k, width)`` each, and their training means ``(1, width)``.
    """

    cv: Decomposed
    block: TargetBlock
    turned: tuple[tuple[tuple[Array, ...], tuple[Array, ...]], ...]

    def truth(self, held: HeldOut) -> list[Float[Array, "n_test width"]]:
        """Held-out rows of every part, less the training means."""
        means = self.turned[held.fit][1]
        return [take_rows(part, held.test) - nu for part, nu in zip(self.block.parts, means, strict=True)]

    def predicted(self, held: HeldOut, alphas: Float[np.ndarray, " n_targets"]) -> list[Float[Array, "n_test width"]]:
        """Held-out rows predicted, every target at its own penalty (1 where that is NaN), less the training means."""
        eigenvalues = self.cv.fits[held.fit].eigenvalues[:, None]
        pairs = zip(self.turned[held.fit][0], self.spread(alphas), strict=True)
        return [held.features @ (Z / (eigenvalues + own)) for Z, own in pairs]

    def spread(self, alphas: Float[np.ndarray, " n_targets"]) -> list[Float[Array, " width"]]:
        """Penalties over the parts of the block, 1 where there is no target or no penalty."""
        xp, like = array_namespace(self.cv.X), self.block.parts[0]
        padded = np.ones(len(self.block.parts) * like.shape[1])
        padded[: len(alphas)] = np.where(np.isnan(alphas), 1.0, alphas)
        parts = np.split(padded, len(self.block.parts))
        return [xp.asarray(part, dtype=like.dtype, device=device(like)) for part in parts]

    def columns(self, targets: Int[np.ndarray, " n_chosen"]) -> "RotatedBlock":
        """Some of the targets; nothing is turned again."""
        turned = tuple((gathered(Z, targets), gathered(means, targets)) for Z, means in self.turned)
        return RotatedBlock(self.cv, self.block.columns(targets), turned)


def rotated_blocks(cv: Decomposed, Y: Array) -> Iterator[tuple[slice, RotatedBlock]]:
    """Blocks of targets, read one after the other (see :func:`consona.stats.targets.target_blocks`).

    Raises
    ------
    ValueError
        When the numbers of rows differ.
    """
    for place, block in target_blocks(Y, cv.X, cv.n_numbers):
        found = [cv.rotated(part) for part in block.parts]
        yield (
            place,
            RotatedBlock(cv, block, tuple(_by_fit([part[fit] for part in found]) for fit in range(len(cv.fits)))),
        )


def _by_fit(parts: list[tuple[Array, Array]]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    return tuple(Z for Z, _ in parts), tuple(nu[None, :] for _, nu in parts)

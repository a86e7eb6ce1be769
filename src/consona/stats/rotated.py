"""Blocks of targets in the coordinates of every training set, each turned once and only when it is needed."""

from collections.abc import Iterator

import numpy as np
from array_api_compat import array_namespace, device

from consona.stats.grams import Decomposed, HeldOut, Products, take_rows
from consona.stats.shapes import Array, Float, Int
from consona.stats.targets import TargetBlock, gathered, target_blocks

__all__ = ["RotatedBlock", "rotated_blocks"]


class RotatedBlock:
    """A block of targets with what the training sets make of it (:meth:`consona.stats.grams.Decomposed.rotated`).

    Parameters
    ----------
    cv
        The training sets.
    block
        The targets.
    """

    def __init__(self, cv: Decomposed, block: TargetBlock) -> None:
        self.cv, self.block = cv, block
        self._products: tuple[Products, ...] = ()
        self._turned: dict[int, tuple[tuple[Array, ...], tuple[Array, ...]]] = {}

    def turned(self, fit: int) -> tuple[tuple[Float[Array, "k width"], ...], tuple[Float[Array, "1 width"], ...]]:
        """``Z`` and the training means of every part, for the training set of that number."""
        if fit not in self._turned:
            self._products = self._products or tuple(self.cv.products(part) for part in self.block.parts)
            pairs = zip(self.block.parts, self._products, strict=True)
            found = [self.cv.rotated(self.cv.fits[fit], part, products) for part, products in pairs]
            self._turned[fit] = tuple(Z for Z, _ in found), tuple(nu[None, :] for _, nu in found)
        return self._turned[fit]

    def truth(self, held: HeldOut) -> list[Float[Array, "n_test width"]]:
        """Held-out rows of every part, less the training means."""
        means = self.turned(held.fit)[1]
        return [take_rows(part, held.test) - nu for part, nu in zip(self.block.parts, means, strict=True)]

    def predicted(self, held: HeldOut, alphas: Float[np.ndarray, " n_targets"]) -> list[Float[Array, "n_test width"]]:
        """Held-out rows predicted, every target at its own penalty (1 where that is NaN), less the training means."""
        Z, _ = self.turned(held.fit)
        eigenvalues = self.cv.fits[held.fit].eigenvalues[:, None]
        return [held.features @ (part / (eigenvalues + own)) for part, own in zip(Z, self.spread(alphas), strict=True)]

    def spread(self, alphas: Float[np.ndarray, " n_targets"]) -> list[Float[Array, " width"]]:
        """Penalties over the parts of the block, 1 where there is no target or no penalty."""
        xp, like = array_namespace(self.cv.X), self.block.parts[0]
        padded = np.ones(len(self.block.parts) * like.shape[1])
        padded[: len(alphas)] = np.where(np.isnan(alphas), 1.0, alphas)
        parts = np.split(padded, len(self.block.parts))
        return [xp.asarray(part, dtype=like.dtype, device=device(like)) for part in parts]

    def columns(self, targets: Int[np.ndarray, " n_chosen"]) -> "RotatedBlock":
        """Some of the targets; nothing is turned again."""
        chosen = RotatedBlock(self.cv, self.block.columns(targets))
        chosen._turned = {
            fit: (gathered(Z, targets), gathered(means, targets)) for fit, (Z, means) in self._turned.items()
        }
        return chosen


def rotated_blocks(cv: Decomposed, Y: Array) -> Iterator[tuple[slice, RotatedBlock]]:
    """Blocks of targets, read one after the other (see :func:`consona.stats.targets.target_blocks`).

    Raises
    ------
    ValueError
        When the numbers of rows differ.
    """
    for place, block in target_blocks(Y, cv.X, cv.n_numbers):
        yield place, RotatedBlock(cv, block)

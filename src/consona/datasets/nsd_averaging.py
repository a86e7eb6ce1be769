"""Running sums over sessions: z-scored responses become means of images, and noise within images a ceiling."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.errors import InvalidInput
from consona.datasets.nsd_layout import Betas
from consona.datasets.response_files import Labels
from consona.engine.store import let_go
from consona.stats.ceiling import VarianceParts, ncsnr_of

__all__ = ["Averaging", "z_scored"]

Single = npt.NDArray[np.float32]

_PER_TRIAL = 32
"""Bytes that a trial takes per target while a session is read: raw values, in percent, z-scored, and their squares."""
_PER_IMAGE = 4
"""Bytes that an image takes per target: its sum."""
_WRITTEN = 2**25
"""Bytes that are taken while means are made and written."""
_PER_MEAN = 32
"""Bytes that one mean takes then: itself, its number of repetitions, its page in the file, and what is in between."""
_PAGE = 4096


@dataclass(frozen=True)
class Averaging:
    """Which trial of which session shows which image, and how responses become means of images.

    ``images`` ``(n_images,)`` are image numbers from 0 in order; ``rows`` hold, for every session, the row of the image
    that each trial shows (-1 where it is not asked for); ``counts`` ``(n_images, n_sessions)`` how often it is shown.
    """

    betas: Betas
    images: npt.NDArray[np.int64]
    rows: tuple[npt.NDArray[np.intp], ...]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, betas: Betas, shown: pd.DataFrame, repetitions: int | Literal["all"]) -> Self:
        """From the table of all trials; :class:`InvalidInput` where no image was shown so often."""
        often = shown["nsd_id"].value_counts().sort_index()
        kept = often.index.to_numpy() if repetitions == "all" else often.index[often == repetitions].to_numpy()
        if not len(kept):
            raise InvalidInput(
                f"No image was shown {repetitions} times (the most is {often.max()}, {len(often)} images in "
                f"{len(shown)} trials). Give another repetitions=, or 'all'."
            )
        place = pd.Series(np.arange(len(kept)), kept)
        sessions = [each["nsd_id"] for _, each in shown.groupby("session", sort=True)]
        rows = tuple(place.reindex(each).fillna(-1).to_numpy(dtype=np.intp) for each in sessions)
        counts = [np.bincount(each[each >= 0], minlength=len(kept)) for each in rows]
        return cls(betas, kept.astype(np.int64), rows, np.stack(counts, axis=1))

    def n_at_once(self, memory_mb: float) -> int:
        """How many targets fit into this much memory."""
        most = max(len(each) for each in self.rows)
        found = int(memory_mb * 1e6 - _WRITTEN) // (_PER_IMAGE * len(self.images) + _PER_TRIAL * most)
        if found < 1:
            raise InvalidInput(
                f"memory_mb={memory_mb} holds no target with {len(self.images)} images and {most} trials in a session. "
                "Give more memory."
            )
        return found

    def fill(self, mapped: "np.memmap[Any, Any]", step: int) -> tuple[Labels, npt.NDArray[np.bool_]]:
        """Write all means ``(n_images, n_targets)``, ``step`` targets at a time.

        Returns labels of the targets, and which targets are missing because some image has no value.
        """
        n_targets = self.betas.n_targets
        blocks = [(start, min(start + step, n_targets)) for start in range(0, n_targets, step)]
        made = [self._block(mapped, start, stop) for start, stop in blocks]
        labels = {name: np.concatenate([each[name] for each in made]) for name in made[0]}
        return labels, labels.pop("undefined")

    def _block(self, mapped: "np.memmap[Any, Any]", start: int, stop: int) -> Labels:
        """Sums over the sessions, then means; the ceiling from the sum of squares and the means."""
        sums = np.zeros((len(self.images), stop - start), dtype=np.float32)
        squares = np.zeros(stop - start)
        without = np.zeros((len(self.rows), stop - start), dtype=bool)
        for session, rows in enumerate(self.rows):
            z = self.betas.block(session, len(rows), start, stop)
            without[session] = z_scored(z)
            _add(sums, z, rows)
            squares += np.square(z[rows >= 0]).sum(axis=0, dtype=np.float64)
        explained, freedom = np.zeros(stop - start), np.zeros(stop - start)
        undefined = self._never(without)
        size = max(1, _WRITTEN // (_PER_MEAN * (stop - start) + 2 * _PAGE))
        for first in range(0, len(sums), size):
            part = slice(first, first + size)
            n = self._counts(part, without)
            mean = np.divide(sums[part], n, out=np.full(sums[part].shape, np.nan, np.float32), where=n > 0)
            mean[:, undefined] = np.nan
            explained += np.einsum("ij,ij,ij->j", n, mean, mean, dtype=np.float64)
            freedom += np.maximum(n - 1, 0).sum(axis=0)
            mapped[part, start:stop] = mean
            let_go(mapped)
        labels = _ceiling(squares - explained, freedom, self.counts)
        return {**labels, "n_sessions": (~without).sum(axis=0), "undefined": undefined}

    def _counts(self, part: slice, without: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """How many repetitions of these images every target has, ``(n_rows, n_targets)``."""
        total = self.counts[part].sum(axis=1, keepdims=True).astype(np.float32)
        found = np.broadcast_to(total, (len(total), without.shape[1])).copy()
        odd = np.flatnonzero(without.any(axis=0))  # few: targets that some session lacks
        found[:, odd] -= (self.counts[part] @ without[:, odd].astype(np.int64)).astype(np.float32)
        return found

    def _never(self, without: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Targets that lack an image altogether."""
        found = np.zeros(without.shape[1], dtype=bool)
        for target in np.flatnonzero(without.any(axis=0)).tolist():
            found[target] = bool((self.counts[:, ~without[:, target]].sum(axis=1) == 0).any())
        return found


def z_scored(values: Single) -> npt.NDArray[np.bool_]:
    """z-score every column in place, ``(n_trials, n_targets)``, SD with n in the denominator.

    Returns which columns have no values: those that are constant or not finite anywhere. They become 0 in place, so
    that they add nothing to a sum.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        values -= values.mean(axis=0, dtype=np.float64).astype(np.float32)
        sd = np.sqrt(np.square(values).mean(axis=0, dtype=np.float64))
        without = ~(np.isfinite(sd) & (sd > 0))
        values /= np.where(without, np.nan, sd).astype(np.float32)
    values[:, without] = 0
    return without


def _add(sums: Single, z: Single, rows: npt.NDArray[np.intp]) -> None:
    """Add every trial to the sum of its image; an image that comes twice in a session is added twice."""
    turn = pd.Series(rows).groupby(rows).cumcount().to_numpy()
    for each in range(int(turn[rows >= 0].max(initial=-1)) + 1):
        chosen = np.flatnonzero((rows >= 0) & (turn == each))
        sums[rows[chosen]] += z[chosen]


def _ceiling(
    within: npt.NDArray[np.float64], freedom: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]
) -> Labels:
    """Noise variance within images, and the signal-to-noise ratio with the total variance at 1, as NSD has it.

    Where the noise alone is as large as the total, NSD says 0, and so does this label.
    """
    noise = np.divide(within, freedom, out=np.full(within.shape, np.nan), where=freedom > 0)
    share = np.full(noise.shape, (1 / counts.sum(axis=1)).mean())
    ratio = ncsnr_of(VarianceParts(1 - noise, noise, share))
    ratio[noise >= 1] = 0
    return {"ncsnr": ratio.astype(np.float32), "noise_variance": noise.astype(np.float32)}

"""What states of a model are to predict or to become while it is tuned: brains in Gram form, or other states."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.stats.brain_guidance import BrainMap, Similarity

__all__ = ["BrainTerm", "GuidedTarget", "StateTarget", "shifted_target"]

_Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class BrainTerm:
    """Frozen ridge maps from states to the patterns of several subjects, for one set of problems, in Gram form.

    The cosine of the pattern predicted from a state ``r`` with the measured one is that of
    :class:`consona.stats.brain_guidance.BrainMap`: ``a.g / (sqrt(a' G a) |y|)`` with ``a = A r + b``. Voxels are not
    needed, and no rotation of them changes anything.

    Parameters
    ----------
    ids
        Problems that have patterns, ``(n_problems,)``.
    weights, offsets
        ``A (n_subjects, n_layers, m, n_features)`` and ``b (n_subjects, n_layers, m)``: the maps, fitted on states of
        the model before it was tuned.
    gram
        ``G``, ``(n_subjects, m, m)``.
    products, norms
        ``g`` of every problem, ``(n_subjects, n_problems, m)``, and ``|y|``, ``(n_subjects, n_problems)``.
    counts
        Which subjects' patterns a problem is drawn to, bool ``(n_subjects, n_problems)``: in the paper those who were
        right where the model was wrong. Patterns that do not count may be undefined.

    Raises
    ------
    InvalidInput
        When shapes do not fit, ids repeat, or a value that counts is undefined.
    """

    ids: tuple[str, ...]
    weights: _Floats
    offsets: _Floats
    gram: _Floats
    products: _Floats
    norms: _Floats
    counts: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Shapes belong together."""
        if self.weights.ndim != 4:
            raise InvalidInput(f"weights are (subject, layer, m, feature); found {self.weights.ndim} dimensions.")
        n_subjects, n_layers, m, _ = self.weights.shape
        pairs = (n_subjects, len(self.ids))
        expected = {
            "offsets": (n_subjects, n_layers, m),
            "gram": (n_subjects, m, m),
            "products": (*pairs, m),
            "norms": pairs,
            "counts": pairs,
        }
        found = {name: getattr(self, name).shape for name in expected}
        wrong = [f"{name} {found[name]}, not {shape}" for name, shape in expected.items() if found[name] != shape]
        if wrong or len(set(self.ids)) != len(self.ids):
            raise InvalidInput(f"Maps, patterns and problems do not fit: {'; '.join(wrong) or 'ids repeat'}.")
        used = np.asarray(self.counts, dtype=bool)
        arrays = (self.weights, self.offsets, self.gram, self.products[used], self.norms[used])
        if not all(np.isfinite(each).all() for each in arrays) or not (self.norms[used] > 0).all():
            raise InvalidInput("Maps and patterns that count are finite, and no pattern is zero. Drop those problems.")

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        maps: Sequence[Sequence[BrainMap]],
        brains: Sequence[Similarity],
        counts: npt.NDArray[np.bool_],
    ) -> Self:
        """Put maps ``maps[subject][layer]`` and what is known of each subject's patterns together.

        The queries of ``brains`` are the problems ``ids``.

        Raises
        ------
        InvalidInput
            When maps were fitted on other numbers of states, or shapes do not fit.
        """
        shapes = {each.weights.shape for row in maps for each in row}
        if len(shapes) != 1 or len(maps) != len(brains) or len({len(row) for row in maps}) != 1:
            raise InvalidInput(
                f"Every subject has a map of the same layers and the same number of fitted states; found "
                f"{[len(row) for row in maps]} layers for {len(brains)} subjects and shapes {sorted(shapes)}."
            )
        return cls(
            tuple(str(each) for each in ids),
            np.array([[each.weights for each in row] for row in maps]),
            np.array([[each.offset for each in row] for row in maps]),
            np.array([each.gram for each in brains]),
            np.array([each.products for each in brains]),
            np.array([each.norms for each in brains]),
            np.asarray(counts, dtype=bool),
        )


@dataclass(frozen=True, eq=False)
class GuidedTarget:
    """What states are to predict: a brain, or a control in its place.

    Parameters
    ----------
    name
        Such as ``brain`` or ``permuted similarity``.
    layers
        Where states are read, in the order of the maps.
    terms
        One per set of problems with maps of its own (a kind of reasoning). A problem is in one at most.

    Raises
    ------
    InvalidInput
        When maps have other numbers of layers, or a problem is in two terms.
    """

    name: str
    layers: tuple[int, ...]
    terms: tuple[BrainTerm, ...]

    def __post_init__(self) -> None:
        """Layers and problems."""
        found = sorted({term.weights.shape[1] for term in self.terms})
        ids = self.ids
        if not self.layers or found != [len(self.layers)] or len(set(ids)) != len(ids):
            raise InvalidInput(
                f"Target '{self.name}': {len(self.layers)} layers are named, maps have {found or 'none'}, and "
                f"{len(ids)} problems are {len(set(ids))} different ones. All terms have these layers, and no problem "
                "twice."
            )

    @property
    def ids(self) -> tuple[str, ...]:
        """All problems that have patterns."""
        return tuple(name for term in self.terms for name in term.ids)


@dataclass(frozen=True, eq=False)
class StateTarget:
    """States that the model is to have at the last token, in place of its own.

    Parameters
    ----------
    name, layers
        As in :class:`GuidedTarget`.
    ids
        Problems that have a target, ``(n_problems,)``.
    states
        ``(n_problems, n_layers, n_features)``.
    weights
        Of every problem, ``(n_problems,)``; those without a target weigh nothing.

    Raises
    ------
    InvalidInput
        When shapes do not fit, ids repeat, or a value is undefined.
    """

    name: str
    layers: tuple[int, ...]
    ids: tuple[str, ...]
    states: _Floats
    weights: _Floats

    def __post_init__(self) -> None:
        """Shapes belong together."""
        shape = (len(self.ids), len(self.layers))
        if self.states.ndim != 3 or self.states.shape[:2] != shape or self.weights.shape != shape[:1] or not all(shape):
            raise InvalidInput(
                f"Target '{self.name}': expected states {(*shape, 'n_features')} and weights {shape[:1]}; found "
                f"{self.states.shape} and {self.weights.shape}."
            )
        if len(set(self.ids)) != len(self.ids) or not (np.isfinite(self.states).all() and (self.weights >= 0).all()):
            raise InvalidInput(f"Target '{self.name}': ids repeat, or states are undefined, or a weight is negative.")


def shifted_target(
    name: str, states: Features, shifts: xr.DataArray, kept: Sequence[str], *, strength: float = 10.0
) -> StateTarget:
    """States moved by shifts that made an answer right, and states to be kept where it was right before.

    Parameters
    ----------
    name
        Of the target.
    states
        Of the model before it is tuned, at ``attn.out`` of the last token.
    shifts
        ``(stimulus, layer, feature)`` with coordinates: what is added, of the problems that are moved.
    kept
        Problems whose states are to stay.
    strength
        Weight of these; moved ones weigh 1. 10 or 1 in the released code.

    Raises
    ------
    InvalidInput
        When a problem is both, unknown, or there is none.
    """
    moved, layers = [str(each) for each in shifts["stimulus"].values], shifts["layer"].values.astype(int)
    ids = [*moved, *kept]
    unknown = sorted(set(ids) - set(states.ids.tolist())) + sorted(set(layers.tolist()) - set(states.layers.tolist()))
    if unknown or not ids or len(set(ids)) != len(ids):
        raise InvalidInput(
            f"A problem is moved or kept, not both, and its states are known; unknown problems or layers: "
            f"{listed([str(each) for each in unknown]) or 'none'}, {len(ids)} problems, {len(set(ids))} different."
        )
    wanted = states.data.sel(stimulus=ids, layer=layers).values.astype(np.float64)
    wanted[: len(moved)] += shifts.transpose("stimulus", "layer", "feature").values
    weights = np.r_[np.ones(len(moved)), np.full(len(kept), float(strength))]
    return StateTarget(name, tuple(layers.tolist()), tuple(ids), wanted, weights)

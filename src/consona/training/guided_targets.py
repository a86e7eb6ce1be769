"""What states of a model are to predict or to become while it is tuned: brains in Gram form, or other states."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed

__all__ = ["BrainTerm", "GuidedTarget", "StateTarget", "shifted_target"]

_Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class BrainTerm:
    """Frozen ridge maps from states to the patterns of several subjects, for one set of problems, in Gram form.

    With ``W = Yc'(K + alpha I)^-1 Xc`` the pattern predicted from a state ``r`` is ``W r = Yc' a``, ``a = A r``, and

    ``cos(W r, y) = a.g / (sqrt(a' G a) |y|)``, ``g = Yc y``, ``G = Yc Yc'``

    so voxels are not needed, and no rotation of them changes anything. The intercept is dropped, as in the released
    code of the paper.

    Parameters
    ----------
    ids
        Problems that have patterns, ``(n_problems,)``.
    readers
        ``A = (K + alpha I)^-1 Xc``, ``(n_subjects, n_layers, n_fitted, n_features)``: the maps, fitted on states of
        the model before it was tuned.
    similarity
        ``G``, ``(n_subjects, n_fitted, n_fitted)``.
    products, norms
        ``g`` of every problem, ``(n_subjects, n_problems, n_fitted)``, and ``|y|``, ``(n_subjects, n_problems)``.
    counts
        Which subjects' patterns a problem is drawn to, bool ``(n_subjects, n_problems)``: in the paper those who were
        right where the model was wrong.

    Raises
    ------
    InvalidInput
        When shapes do not fit, ids repeat, or a value that counts is undefined.
    """

    ids: tuple[str, ...]
    readers: _Floats
    similarity: _Floats
    products: _Floats
    norms: _Floats
    counts: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Shapes belong together."""
        if self.readers.ndim != 4:
            raise InvalidInput(f"readers are (subject, layer, fitted, feature); found {self.readers.ndim} dimensions.")
        n_subjects, _, n_fitted, _ = self.readers.shape
        pairs = (n_subjects, len(self.ids))
        expected = {
            "similarity": (n_subjects, n_fitted, n_fitted),
            "products": (*pairs, n_fitted),
            "norms": pairs,
            "counts": pairs,
        }
        wrong = [f"{name} {getattr(self, name).shape}, not {shape}" for name, shape in expected.items()
                 if getattr(self, name).shape != shape]  # fmt: skip
        if wrong or len(set(self.ids)) != len(self.ids):
            raise InvalidInput(f"Maps, patterns and problems do not fit: {'; '.join(wrong) or 'ids repeat'}.")
        used = np.asarray(self.counts, dtype=bool)
        finite = [np.isfinite(each).all() for each in (self.readers, self.similarity, self.products[used])]
        if not all(finite) or not (np.isfinite(self.norms[used]).all() and (self.norms[used] > 0).all()):
            raise InvalidInput("Maps and patterns that count are finite, and no pattern is zero. Drop those problems.")


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
        found = sorted({term.readers.shape[1] for term in self.terms})
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
    name: str, before: Features, shifts: xr.DataArray, kept: Sequence[str], *, strength: float = 10.0
) -> StateTarget:
    """States moved by shifts that made an answer right, and states to be kept where it was right before.

    Parameters
    ----------
    name
        Of the target.
    before
        States of the model before it is tuned, at ``attn.out`` of the last token.
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
    unknown = sorted(set(ids) - set(before.ids.tolist())) + sorted(set(layers.tolist()) - set(before.layers.tolist()))
    if unknown or not ids or len(set(ids)) != len(ids):
        raise InvalidInput(
            f"A problem is moved or kept, not both, and its states are known; unknown problems or layers: "
            f"{listed([str(each) for each in unknown]) or 'none'}, {len(ids)} problems, {len(set(ids))} different."
        )
    states = before.data.sel(stimulus=ids, layer=layers).values.astype(np.float64)
    states[: len(moved)] += shifts.transpose("stimulus", "layer", "feature").values
    weights = np.r_[np.ones(len(moved)), np.full(len(kept), float(strength))]
    return StateTarget(name, tuple(layers.tolist()), tuple(ids), states, weights)

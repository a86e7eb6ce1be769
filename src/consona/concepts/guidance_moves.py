"""Shifts of held-out states toward a brain, or toward a control: maps and labels of the training items only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.guidance_controls import LABEL, RANDOM
from consona.stats.brain_guidance import ALPHAS, BrainMap, Objective, Similarity, similarity_of
from consona.stats.folds import group_folds
from consona.stats.guidance_ascent import Ascent, ascend, plateau, unit_rows
from consona.stats.seeds import rng_for

__all__ = ["Moves", "Part", "Stop", "form_folds"]

Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Stop = int | Literal["plateau"]

_ROUNDING = 1e-10
_STEP = 0.2  # of the radius: the sphere is reached in five steps, the rest slide along it


class Part(NamedTuple):
    """One kind of problem in one fold: items to be moved, and the fold that is left out of the map beside them."""

    fold: int
    beside: int | None
    kind: str


class _Geometry(NamedTuple):
    """States of one layer in the coordinates of the span of the training states, which gradients never leave."""

    train: Matrix
    queries: Matrix
    basis: Matrix
    spread: float


@dataclass(frozen=True, eq=False)
class Moves:
    """Makes shifts of held-out items; keeps what states alone decide, because every guide needs it again.

    Parameters
    ----------
    states
        ``(n_items, n_layers, n_features)``.
    labels, kinds, folds
        Of the items; labels are read for training items only.
    strengths, stops
        Lengths in units of the spread of a layer's training states; iterations, or the plateau of the cosine.
    n_iterations, objective, alphas, seed
        Of ascent, cosine, maps and random directions.
    """

    states: Matrix
    labels: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.str_]
    folds: Rows
    strengths: tuple[float, ...]
    stops: tuple[Stop, ...]
    n_iterations: int = 10
    objective: Objective = "intercept"
    alphas: tuple[float, ...] = ALPHAS
    seed: int = 0
    _kept: dict[Part, list[_Geometry]] = field(default_factory=dict)

    def rows(self, part: Part) -> tuple[Rows, Rows]:
        """Items that a map may be fitted on, and items to be moved."""
        of_kind = self.kinds == part.kind
        out = np.isin(self.folds, [part.fold] if part.beside is None else [part.fold, part.beside])
        return np.flatnonzero(of_kind & ~out), np.flatnonzero(of_kind & (self.folds == part.fold))

    def shifts(self, guide: xr.DataArray, subject: int, part: Part) -> npt.NDArray[np.float32]:
        """Shifts ``(n_strengths, n_stops, n_moved, n_layers, n_features)``, each of exactly its strength.

        Parameters
        ----------
        guide
            Similarities ``(subject, stimulus, other)`` with the scalar coordinates condition and draw.
        subject
            Position of the subject.
        part
            What is moved, and what is held out.

        An item for which a layer has no direction (a brain that is constant over the training items) is not moved
        there.
        """
        train, moved = self.rows(part)
        layers = self._geometry(part)
        condition = str(guide["condition"].values)
        if condition == RANDOM:
            units = self._random(int(guide["draw"].values), subject, moved)
        else:
            S = self._labels_alike(part) if condition == LABEL else np.asarray(guide.values[subject], dtype=np.float64)
            seen = similarity_of(S, train, moved, objective=self.objective)
            units = np.stack([self._toward(each, seen) for each in layers], axis=3)
        lengths = np.multiply.outer(self.strengths, [each.spread for each in layers])
        made: npt.NDArray[np.float32] = (units * lengths[:, None, None, :, None]).astype(np.float32)
        return made

    def _toward(self, layer: _Geometry, seen: Similarity) -> Matrix:
        """Unit directions ``(n_strengths, n_stops, n_moved, n_features)`` of an ascent that knows no label."""
        fitted = BrainMap.fit(layer.train, seen, alphas=self.alphas)
        n, m = len(self.strengths), len(layer.queries)
        start, g, norms = np.tile(layer.queries, (n, 1)), np.tile(seen.products, (n, 1)), np.tile(seen.norms, n)
        ascent = Ascent(self.n_iterations, 1.0, _STEP, "gradient", 1)
        factors = np.repeat(np.asarray(self.strengths), m)
        path = ascend(fitted, start, g, norms, ascent, factors=factors)
        picked = [self._record(fitted, path, (start, g, norms), stop) for stop in self.stops]
        units = unit_rows(np.stack(picked) @ layer.basis)
        return units.reshape(len(self.stops), n, m, -1).swapaxes(0, 1)

    def _record(self, fitted: BrainMap, path: Matrix, items: tuple[Matrix, Matrix, Matrix], stop: Stop) -> Matrix:
        if stop != "plateau":
            return np.asarray(path[stop - 1])
        start, g, norms = items
        cosines = [fitted.cosine(start + shift, g, norms) for shift in (np.zeros_like(start), *path)]
        at = np.maximum(plateau(np.stack(cosines)), 1) - 1
        return np.asarray(path[at, np.arange(len(at))])

    def _random(self, draw: int, subject: int, moved: Rows) -> Matrix:
        """Isotropic directions, an item's own in every layer; the same for every strength, another for every stop."""
        drawn = [
            rng_for(self.seed, "random directions", draw, subject, k).standard_normal(self.states.shape)[moved]
            for k in range(len(self.stops))
        ]
        return unit_rows(np.stack(drawn))[None]

    def _labels_alike(self, part: Part) -> Matrix:
        """One-hot labels as a brain: known for training items, and for the others what a map from states predicts."""
        train, moved = self.rows(part)
        layers = self._geometry(part)
        told = np.concatenate([self.labels[train], np.zeros(len(moved), dtype=bool)])
        first, last = np.arange(len(train)), np.arange(len(train), len(told))
        joined = [
            np.concatenate([getattr(each, rows) / max(each.spread, np.finfo(float).tiny) for each in layers], axis=1)
            for rows in ("train", "queries")
        ]
        seen = similarity_of((told[:, None] == told).astype(np.float64), first, last)
        fitted = BrainMap.fit(joined[0], seen, alphas=self.alphas)
        true, false = (
            similarity_of((each[:, None] == each).astype(np.float64), first, last).products
            for each in (np.concatenate([self.labels[train], np.full(len(moved), value)]) for value in (True, False))
        )
        told[last] = fitted.products(joined[1], true) > fitted.products(joined[1], false)
        S = np.full((len(self.labels), len(self.labels)), np.nan)
        rows = np.concatenate([train, moved])
        S[np.ix_(rows, rows)] = told[:, None] == told
        return S

    def _geometry(self, part: Part) -> list[_Geometry]:
        if part not in self._kept:
            train, moved = self.rows(part)
            self._kept[part] = [_geometry(self.states[:, i], train, moved) for i in range(self.states.shape[1])]
        return self._kept[part]


def form_folds(
    forms: npt.NDArray[np.str_], kinds: npt.NDArray[np.str_], n_folds: int, *, seed: int
) -> npt.NDArray[np.int64]:
    """The fold of every item: forms are never divided, and every fold holds items of every kind.

    Raises
    ------
    ValueError
        When a kind has fewer forms than there are folds.
    """
    folds = np.empty(len(forms), dtype=np.int64)
    for kind in np.unique(kinds):
        folds[kinds == kind] = group_folds(forms[kinds == kind], n_folds, seed=seed)
    return folds


def _geometry(X: Matrix, train: Rows, moved: Sequence[int] | Rows) -> _Geometry:
    centred = X[train] - X[train].mean(axis=0)
    _, sizes, basis = np.linalg.svd(centred, full_matrices=False)
    basis = basis[sizes > _ROUNDING * max(float(sizes[0]), np.finfo(float).tiny)]
    spread = float(np.sqrt((centred**2).sum() / len(train)))
    return _Geometry(X[train] @ basis.T, X[moved] @ basis.T, basis, spread)

"""Neural predictivity as it was published: shuffled folds, one penalty for all voxels, medians, the best layer."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from sklearn.model_selection import StratifiedKFold

from consona.alignment.trivial_features import OwnFeatures, random_features, trivial_features
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.core.recording import Recording
from consona.stats.kernel_ridge import FoldTargets, KernelRidge, fold_kernel, fold_targets, kernel_of

__all__ = [
    "ALL_KINDS",
    "PUBLISHED_ALPHAS",
    "medians",
    "of_kind",
    "own_target_scores",
    "published_folds",
    "published_own_scores",
    "published_scores",
    "published_target_scores",
    "published_trivial_scores",
]

Matrix = npt.NDArray[np.float64]
Fold = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

ALL_KINDS = "all"
PUBLISHED_ALPHAS = 10.0 ** np.arange(-3, 4)
N_FOLDS = 5
RANDOM = "random"
_CV = "as published: 5 shuffled folds of problems, stratified by kind; forms, runs and layers are not held out"


def published_folds(kinds: npt.ArrayLike, *, seed: int = 1) -> list[Fold]:
    """Training and test rows of the published folds: scikit-learn's ``StratifiedKFold``, shuffled, by kind.

    Raises
    ------
    InvalidInput
        When there are fewer problems of some kind than folds.
    """
    names, counts = np.unique(as_names(kinds), return_counts=True)
    if not len(counts) or counts.min() < N_FOLDS:
        raise InvalidInput(
            f"{N_FOLDS} folds by kind were asked for, and there are {dict(zip(names.tolist(), counts.tolist()))} "
            "problems by kind; each needs one per fold. Take the kinds together."
        )
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    return [(train, test) for train, test in folds.split(np.zeros(len(as_names(kinds))), as_names(kinds))]


def of_kind(dataset: Dataset, kind: str) -> Dataset:
    """The data set with the problems of one kind alone; ``"all"`` leaves it as it is.

    Raises
    ------
    InvalidInput
        When there is no problem of that kind, or subjects have not all the same stimuli in one order.
    """
    kinds = dataset.stimuli["kind"]
    if kind not in (ALL_KINDS, *kinds.tolist()):
        raise InvalidInput(f"There is no problem of kind '{kind}'; there are {listed(np.unique(kinds))} and 'all'.")
    stimuli = dataset.stimuli if kind == ALL_KINDS else dataset.stimuli.select(kinds == kind)
    known = set(stimuli.ids.tolist())
    chosen = [[name for name in each.ids.tolist() if name in known] for each in dataset.recordings]
    differ = [each.subject for each, ids in zip(dataset.recordings, chosen, strict=True) if ids != chosen[0]]
    if differ or not chosen:
        raise InvalidInput(
            f"The published score compares subjects problem by problem; {listed(differ) or 'nobody'} have other "
            "problems or another order than the first subject. Select and sort the same stimuli in all recordings."
        )
    recordings = tuple(each.select(ids) for each, ids in zip(dataset.recordings, chosen, strict=True))
    return Dataset(stimuli.select(as_names(chosen[0])), recordings, dataset.name, dataset.version, dataset.licence,
                   dataset.citation, dataset.checksums, dataset.synthetic, dataset.truth)  # fmt: skip


def published_target_scores(
    features: Features, dataset: Dataset, *, kind: str = ALL_KINDS, seed: int = 1
) -> xr.DataArray:
    r"""Score of every layer and target as released, before any median.

    Ridge with an intercept on features as they are, the penalty one of 10^-3 .. 10^3 for all targets of a subject by
    leave-one-out within the training rows; Pearson's r over the test rows of every fold, mean of five folds. Worked out
    from products of rows, equal to ``sklearn.linear_model.RidgeCV``.

    Returns
    -------
    xr.DataArray
        ``(subject, layer, target)``; subjects with fewer targets are filled with NaN, as is a target with gaps.

    Raises
    ------
    InvalidInput
        As :func:`of_kind` and :func:`published_folds`, or when features lack a stimulus.
    """
    chosen = of_kind(dataset, kind)
    folds = published_folds(chosen.stimuli["kind"], seed=seed)
    targets = [_targets(recording, folds) for recording in chosen.recordings]
    own = features.select(chosen.stimuli.ids)
    layers = [_scored(own.layer(int(layer)), folds, targets) for layer in own.layers]
    table = [np.stack(of_subject) for of_subject in zip(*layers, strict=True)]
    return _padded(table, chosen, ("layer", own.layers), kind)


def own_target_scores(features: OwnFeatures, dataset: Dataset, *, kind: str = ALL_KINDS, seed: int = 1) -> xr.DataArray:
    """The same score by the same code for features that differ between subjects.

    Returns
    -------
    xr.DataArray
        ``(subject, feature, target)``, ``feature`` being the name of the set; NaN where a set is constant in this kind.

    Raises
    ------
    InvalidInput
        As :func:`published_target_scores`, or when a set lacks a subject.
    """
    chosen = of_kind(dataset, kind)
    folds = published_folds(chosen.stimuli["kind"], seed=seed)
    table = []
    for whole, recording in zip(dataset.recordings, chosen.recordings, strict=True):
        rows, targets = np.isin(whole.ids, recording.ids), [_targets(recording, folds)]
        missing = [name for name, of_subject in features.items() if recording.subject not in of_subject]
        if missing:
            raise InvalidInput(f"Features {listed(missing)} hold nothing for subject '{recording.subject}'.")
        sets = [np.asarray(of_subject[recording.subject])[rows] for of_subject in features.values()]
        scores = [_scored(X, folds, targets)[0] if np.ptp(X, axis=0).any() else _undefined(recording) for X in sets]
        table.append(np.stack(scores))
    return _padded(table, chosen, ("feature", as_names(list(features))), kind)


def medians(target_scores: xr.DataArray) -> xr.Dataset:
    """From targets to one number, as released: median over targets, median over subjects, the best layer.

    Returns
    -------
    xr.Dataset
        ``r (subject, layer)``, ``score (layer)`` its median over subjects, ``mad (layer)`` the median absolute
        deviation; ``attrs`` hold ``best`` (the name of the highest) and ``best_score``, which is an optimistic number
        as it was chosen on the folds that it was scored on. ``layer`` is ``feature`` where that is the dimension.
    """
    r = target_scores.median("target", skipna=True)
    score = r.median("subject", skipna=True)
    mad = abs(r - score).median("subject", skipna=True)
    dim = str(score.dims[0])
    best = int(np.nanargmax(score.values)) if np.isfinite(score.values).any() else -1
    chosen = {"best": str(score[dim].values[best]), "best_score": float(score.values[best])} if best >= 0 else {}
    return xr.Dataset({"r": r, "score": score, "mad": mad}, attrs={**target_scores.attrs, **chosen})


def published_scores(features: Features, dataset: Dataset, *, kind: str = ALL_KINDS, seed: int = 1) -> xr.Dataset:
    """Neural predictivity of a model as released: ``r (subject, layer)`` with :func:`medians` over what it came from.

    Raises
    ------
    InvalidInput
        As :func:`published_target_scores`.
    """
    return medians(published_target_scores(features, dataset, kind=kind, seed=seed))


def published_own_scores(
    features: OwnFeatures, dataset: Dataset, *, kind: str = ALL_KINDS, seed: int = 1
) -> xr.Dataset:
    """The same for features that differ between subjects: ``r (subject, feature)``.

    Raises
    ------
    InvalidInput
        As :func:`own_target_scores`.
    """
    return medians(own_target_scores(features, dataset, kind=kind, seed=seed))


def published_trivial_scores(
    dataset: Dataset, behaviour: xr.Dataset, *, kinds: Sequence[str] | None = None, seed: int = 1
) -> xr.Dataset:
    """Every trivial feature and the best of 56 layers of random numbers, by kind, as released.

    Returns
    -------
    xr.Dataset
        ``r (kind, subject, feature)``, ``score, mad (kind, feature)``; random numbers at their best layer of each kind.

    Raises
    ------
    InvalidInput
        As :func:`consona.alignment.trivial_features.trivial_features` and :func:`published_target_scores`.
    """
    names = [ALL_KINDS, *np.unique(dataset.stimuli["kind"]).tolist()] if kinds is None else list(kinds)
    own, chance = trivial_features(dataset, behaviour), random_features(dataset)
    parts = []
    for kind in names:
        known = published_own_scores(own, dataset, kind=kind, seed=seed)
        found = published_scores(chance, dataset, kind=kind, seed=seed)
        best = found.sel(layer=int(found.attrs["best"])).drop_vars("layer").expand_dims(feature=as_names([RANDOM]))
        both = xr.concat([known, best], "feature", combine_attrs="drop")
        parts.append(both.assign_coords(feature=as_names(both["feature"].values)))
    joined = xr.concat(parts, xr.DataArray(as_names(names), dims="kind", name="kind"))
    return joined.transpose("kind", "subject", "feature", missing_dims="ignore").assign_attrs(cv=_CV, seed=seed)


def _targets(recording: Recording, folds: Iterable[Fold]) -> list[FoldTargets]:
    Y = recording.mean()
    return [fold_targets(Y, train, test) for train, test in folds]


def _scored(X: npt.NDArray[np.floating], folds: Sequence[Fold], targets: Sequence[list[FoldTargets]]) -> list[Matrix]:
    """Mean over folds of the correlation of every target, of every subject."""
    K = kernel_of(X)
    total = [np.zeros(len(each[0].usable)) for each in targets]
    for place, (train, test) in enumerate(folds):
        ridge = KernelRidge(fold_kernel(K, train, test))
        for sums, r in zip(total, ridge.correlations([each[place] for each in targets], PUBLISHED_ALPHAS), strict=True):
            sums += r
    return [sums / len(folds) for sums in total]


def _undefined(recording: Recording) -> Matrix:
    return np.full(recording.n_targets, np.nan)


def _padded(
    table: Sequence[Matrix], dataset: Dataset, named: tuple[str, npt.NDArray[np.generic]], kind: str
) -> xr.DataArray:
    """Subjects side by side, targets that a subject has not being NaN."""
    dim, names = named
    values = np.full((len(table), len(names), max(each.shape[1] for each in table)), np.nan)
    for row, each in enumerate(table):
        values[row, :, : each.shape[1]] = each
    coords = {"subject": as_names(dataset.subjects), dim: names}
    return xr.DataArray(values, coords, ("subject", dim, "target"), "r", {"kind": kind, "cv": _CV})

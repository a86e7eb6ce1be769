"""Encoding of single trials: whole forms held out, layer and penalty chosen inside, what is trivial taken out."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.trial_draws import Compared, Comparison
from consona.alignment.trial_people import people_scores
from consona.alignment.trial_split import TrialSplit
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.stats.nested_kernels import NestedKernels, linear_kernel

__all__ = ["TrialSplit", "beyond_scores", "partialled_scores", "people_ceiling", "trial_scores"]

Array = npt.NDArray[np.float64]
_AS_USUAL = TrialSplit()
_REST = "held-out responses less what their trivial features predict, coefficients from training stimuli"
_WHOLE = "held-out responses less the training mean"


def trial_scores(features: Features, dataset: Dataset, *, split: TrialSplit = _AS_USUAL) -> xr.Dataset:
    """How well features predict the responses to held-out trials; what is trivial stays in.

    For each person, layer and penalty are chosen together in inner folds, by the total squared error over all targets:
    one choice per outer fold, shared by the targets, the same for any rotation of them. Features have variance 1 over
    the stimuli. Predictions and responses are pooled over folds as deviations from their training mean; the null of
    the correlation lies below zero then, so look at ``total - null_mean``. Under the null whole patterns change places
    within kind and run, in one order for all people, and everything is chosen and fitted again.

    Parameters
    ----------
    features
        One or several layers, for all stimuli of the data set.
    dataset
        Single-trial responses; its stimuli name ``kind`` and, as the split asks, ``form`` and ``run``.
    split
        See :class:`TrialSplit`.

    Returns
    -------
    xarray.Dataset
        ``score (subject, measure)``: ``mean r`` and ``median r`` over targets, and ``pattern``, the mean over stimuli
        of the cosine of predicted and measured pattern, which no rotation of the targets changes. ``null (permutation,
        subject, measure)``, ``p_subject``. ``total``, ``null_mean``, one-sided ``p`` over ``measure``: the mean over
        people. ``low``, ``high (measure, drawn)`` with people, stimuli, or both drawn again, and the ``widest``.
        ``r (subject, target)``, ``cosine (subject, stimulus)``, ``layer`` and ``alpha (subject, fold)``.

    Raises
    ------
    InvalidInput
        When stimuli, features and recordings do not fit, or there are too few groups.
    """
    return _of_features(features, dataset, None, split, _rest).assign_attrs(measured=_WHOLE)


def partialled_scores(
    features: Features, dataset: Dataset, given: Mapping[str, npt.ArrayLike], *, split: TrialSplit = _AS_USUAL
) -> xr.Dataset:
    """As :func:`trial_scores`, with each trial's trivial features taken out of features and responses.

    Their coefficients are fitted on the training stimuli of each fold alone, by least squares. Under the null, what
    they explain of a response stays with its trial and the residuals change places (Freedman and Lane 1983).

    Parameters
    ----------
    features, dataset, split
        As :func:`trial_scores`.
    given
        Per subject ``(n_stimuli, n_trivial)``, in the order of the stimuli of the data set: kind, response time, label,
        premises, negation, run, place in the run, whether the answer was right. What is constant in training is left
        out. Only linear effects are taken out: give products with the kind where slopes differ.

    Returns
    -------
    xarray.Dataset
        As :func:`trial_scores`. NaN where trivial features leave nothing of the features.

    Raises
    ------
    InvalidInput
        As :func:`trial_scores`; when ``given`` misses a subject, has other rows or is not finite.
    """
    return _of_features(features, dataset, given, split, _rest).assign_attrs(measured=_REST)


def beyond_scores(
    features: Features, dataset: Dataset, given: Mapping[str, npt.ArrayLike], *, split: TrialSplit = _AS_USUAL
) -> xr.Dataset:
    """What features add to trivial ones: the score of both together less that of the trivial ones alone.

    Both predict the same responses, less the training mean. Trivial features are never penalised, so the joint
    prediction is theirs plus that of :func:`partialled_scores`. The null is the same.

    Parameters
    ----------
    features, dataset, given, split
        As :func:`partialled_scores`.

    Returns
    -------
    xarray.Dataset
        As :func:`trial_scores`, of the difference; ``cosine`` and ``r`` are those of the joint prediction.

    Raises
    ------
    InvalidInput
        As :func:`partialled_scores`.
    """
    return _of_features(features, dataset, given, split, _beyond).assign_attrs(measured=_WHOLE)


def people_ceiling(
    dataset: Dataset, given: Mapping[str, npt.ArrayLike] | None = None, *, split: TrialSplit = _AS_USUAL
) -> xr.Dataset:
    """What other people's responses predict of a person's, by the same code and folds: a ceiling, never divided by.

    The features of a person are the targets of all others side by side, not scaled.

    Parameters
    ----------
    dataset, given, split
        As :func:`partialled_scores`; without ``given``, the ceiling of :func:`trial_scores`.

    Returns
    -------
    xarray.Dataset
        As :func:`trial_scores`.

    Raises
    ------
    InvalidInput
        As :func:`partialled_scores`; when there are fewer than two people.
    """
    if len(dataset.recordings) < 2:
        raise InvalidInput(f"A ceiling from other people needs two of them; '{dataset.name}' has one.")
    ids = split.of(dataset.stimuli).ids
    grams = {each.subject: _gram(each.select(ids).mean()) for each in dataset.recordings}
    total = np.sum(list(grams.values()), axis=0)
    words = _WHOLE if given is None else _REST
    others = {who: (total - own)[None] for who, own in grams.items()}
    return people_scores(dataset, others, given, split, _rest).assign_attrs(measured=words)


def _of_features(
    features: Features,
    dataset: Dataset,
    given: Mapping[str, npt.ArrayLike] | None,
    split: TrialSplit,
    comparison: Comparison,
) -> xr.Dataset:
    chosen = features.select(split.of(dataset.stimuli).ids)
    kernels = np.stack([linear_kernel(chosen.layer(int(layer))) for layer in chosen.layers])
    if not kernels.any():
        raise InvalidInput("The features are the same for all stimuli, in every layer; they predict nothing.")
    found = people_scores(dataset, dict.fromkeys(dataset.subjects, kernels), given, split, comparison)
    return found.assign(layer=found["layer"].copy(data=chosen.layers[found["layer"].values]))


def _gram(values: Array) -> Array:
    usable = values[:, np.isfinite(values).all(axis=0)]
    centred = usable - usable.mean(axis=0)
    product: Array = centred @ centred.T
    return product


def _rest(nested: NestedKernels, chosen: npt.NDArray[np.int64], Y: Array) -> Compared:
    return [(nested.predicted(chosen, Y), nested.measured(Y))]


def _beyond(nested: NestedKernels, chosen: npt.NDArray[np.int64], Y: Array) -> Compared:
    whole = nested.deviations(Y)
    trivial = whole - nested.measured(Y)
    return [(trivial + nested.predicted(chosen, Y), whole), (trivial, whole)]

"""Encoding of every vertex from an embedding: weights, predictions of new images, and how well they do."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.held_out import target_coords
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed, require_unique
from consona.core.recording import Recording
from consona.stats.chosen_ridge import chosen_ridge
from consona.stats.correlation import unit_columns
from consona.stats.fdr import benjamini_hochberg
from consona.stats.fractional_settings import FractionalSettings, Mode, OrdinarySettings, mode_settings
from consona.stats.permutation import p_value, random_orders

__all__ = [
    "fitted_encoder",
    "mean_responses",
    "predicted",
    "prediction_scores",
    "require_apart",
    "settings_of",
    "training_data",
    "vertex_encoding",
]

_TARGETS = 256  # permuted together: a null of 1,000 stays small
Array = npt.NDArray[np.floating]


def vertex_encoding(
    recording: Recording,
    embedding: Features,
    *,
    train: Sequence[str],
    test: Sequence[str],
    mode: Mode | FractionalSettings | OrdinarySettings = "corrected",
    n_permutations: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Fit a fractional ridge on some images and score every target on others.

    Parameters
    ----------
    recording
        One subject; targets are vertices or voxels, any number that fits in memory: see
        :func:`consona.alignment.encoding_blocks.joined_blocks` for more.
    embedding
        One layer, such as embedded captions.
    train, test
        Ids of images, none in both. Folds that are not shuffled follow the order of ``train``.
    mode
        How the fraction is chosen and whether predictions hold the mean
        (:func:`consona.stats.fractional_settings.mode_settings`), or settings of your own: fractional, or ordinary
        (:class:`consona.stats.fractional_settings.OrdinarySettings`).
    n_permutations
        Exchanges of the test images behind ``p``; 0 leaves ``p`` and ``q`` undefined.
    seed
        Deals rows to folds and exchanges test images.

    Returns
    -------
    As :func:`prediction_scores`, with ``fraction(target)`` and counts of images in ``attrs``.

    Raises
    ------
    InvalidInput
        When images are missing, in both sets or named twice, the embedding has several layers, or settings do not fit.
    """
    require_apart(train, test, recording.subject)
    encoder = fitted_encoder(recording, embedding, train=train, mode=mode, seed=seed)
    scores = prediction_scores(
        predicted(encoder, embedding.select(as_names(test))), recording, n_permutations=n_permutations, seed=seed
    )
    return scores.assign(fraction=encoder["fraction"], cv_r2=encoder["cv_r2"]).assign_attrs(
        {**encoder.attrs, **scores.attrs}
    )


def fitted_encoder(
    recording: Recording,
    embedding: Features,
    *,
    train: Sequence[str],
    mode: Mode | FractionalSettings | OrdinarySettings = "corrected",
    seed: int = 0,
) -> xr.Dataset:
    """The weights of every target.

    Returns
    -------
    ``weights(feature, target)``, ``intercept(target)`` (zero where the mode drops it), ``fraction(target)``,
    ``alpha(target)`` and ``cv_r2(target)``, the cross-validated :math:`R^2` of the choice (NaN where there was none;
    ``fraction`` is NaN for ordinary ridge). A target that is constant or missing is NaN throughout.

    Raises
    ------
    InvalidInput
        As :func:`vertex_encoding`.
    """
    settings = mode if isinstance(mode, OrdinarySettings) else settings_of(mode)
    X, Y = training_data(recording, embedding, train)
    try:
        fit = chosen_ridge(X, Y, settings, seed=seed)
    except ValueError as error:
        raise InvalidInput(f"Encoding of '{recording.subject}' from {len(X)} images: {error}") from None
    values = {
        "weights": (("feature", "target"), fit.ridge.coef),
        "intercept": ("target", fit.intercept(kept=settings.intercept)),
        "fraction": ("target", fit.fraction),
        "alpha": ("target", fit.alpha),
        "cv_r2": ("target", fit.cv_r2),
    }
    attrs = {
        "subject": recording.subject,
        "model": str(embedding.attrs.get("model", "")),
        "mode": mode if isinstance(mode, str) else "own settings",
        "n_train": len(X),
        "shared_choice": str(settings.shared),
        "holds_intercept": str(settings.intercept),
    }
    return xr.Dataset(values, target_coords(recording), attrs)


def predicted(encoder: xr.Dataset, features: Features) -> xr.DataArray:
    """Responses ``(stimulus, target)`` that an encoder expects to new images, or to sentences.

    Raises
    ------
    InvalidInput
        When the features are not those that the encoder was fitted on.
    """
    X = _one_layer(features)
    weights = encoder["weights"].values
    if X.shape[1] != len(weights):
        raise InvalidInput(
            f"The encoder of '{encoder.attrs['subject']}' was fitted on {len(weights)} features and these have "
            f"{X.shape[1]}. Take both from the same model and layer."
        )
    values = X @ weights + encoder["intercept"].values
    coords = {"stimulus": features.ids, **_along_target(encoder)}
    attrs = {"subject": encoder.attrs["subject"]}
    return xr.DataArray(values, coords, ("stimulus", "target"), name="predicted", attrs=attrs)


def prediction_scores(
    predictions: xr.DataArray, recording: Recording, *, n_permutations: int = 0, seed: int = 0
) -> xr.Dataset:
    r"""Predicted beside measured responses to the same images, target by target.

    .. math:: R^2 = 1 - \frac{\sum (y - \hat y)^2}{\sum (y - \bar y)^2}

    Returns
    -------
    ``r(target)``, Pearson, which no missing intercept changes; ``r2(target)``, which it does; ``p(target)``, one-sided:
    how often r is as large when measured images are exchanged, predictions as they are, the same orders for all
    targets; ``q(target)``, Benjamini and Hochberg over all targets at hand. Targets that are constant or missing are
    NaN and counted in ``attrs['n_undefined']``.

    Raises
    ------
    InvalidInput
        When the recording lacks images, or has other targets.
    """
    measured = mean_responses(recording, predictions["stimulus"].values)
    if measured.shape != predictions.shape:
        raise InvalidInput(
            f"Predictions are {predictions.shape} and the responses of '{recording.subject}' {measured.shape}; they "
            "are of the same targets, in the same order. Predict for the targets of this recording."
        )
    r, p = _correlations(predictions.values, measured, random_orders(len(measured), n_permutations, seed=seed))
    error = np.square(measured - predictions.values).sum(axis=0, dtype=np.float64)
    spread = np.square(measured - measured.mean(axis=0)).sum(axis=0, dtype=np.float64)
    r2 = np.where(np.isnan(r), np.nan, 1 - error / np.where(spread > 0, spread, np.nan))
    tables = {"r": r, "r2": r2, "p": p, "q": benjamini_hochberg(p)}
    return xr.Dataset(
        {name: ("target", each) for name, each in tables.items()},
        _along_target(predictions),
        {
            "subject": recording.subject,
            "n_test": len(measured),
            "n_undefined": int(np.isnan(r).sum()),
            "n_permutations": n_permutations,
        },
    )


def mean_responses(recording: Recording, ids: Sequence[str] | npt.NDArray[np.str_]) -> Array:
    """Responses to some images in their order, ``(n_images, n_targets)``, means of repetitions, in the precision held.

    Raises
    ------
    InvalidInput
        When an image is missing or named twice.
    """
    names = as_names(ids)
    require_unique(names, "images", f"Recording '{recording.subject}'")
    if recording.data.sizes["repetition"] > 1 or not set(names.tolist()) <= set(recording.ids.tolist()):
        return recording.select(names).mean().astype(recording.data.dtype, copy=False)
    place = {name: row for row, name in enumerate(recording.ids.tolist())}
    # Rows are taken as they are: a selected recording would be looked through once more, cell by cell.
    return np.asarray(recording.data.values[0][[place[name] for name in names.tolist()]])


def training_data(recording: Recording, embedding: Features, train: Sequence[str]) -> tuple[Array, Array]:
    """Features and responses of the images of the training, in its order.

    Raises
    ------
    InvalidInput
        When an image is missing or named twice, or the embedding has several layers.
    """
    Y = mean_responses(recording, train)
    return _one_layer(embedding.select(as_names(train))), Y


def settings_of(mode: Mode | FractionalSettings) -> FractionalSettings:
    """The settings that a mode stands for; settings as they are.

    Raises
    ------
    InvalidInput
        When there is no such mode.
    """
    try:
        return mode if isinstance(mode, FractionalSettings) else mode_settings(mode)
    except ValueError as error:
        raise InvalidInput(str(error)) from None


def _one_layer(features: Features) -> npt.NDArray[np.float32]:
    if len(features.layers) != 1:
        raise InvalidInput(
            f"The embedding has {len(features.layers)} layers; one is encoded from. Choose it: data.sel(layer=[...])."
        )
    return features.layer(-1)


def require_apart(train: Sequence[str], test: Sequence[str], subject: str) -> None:
    """No image is in both.

    Raises
    ------
    InvalidInput
        With the subject and the images.
    """
    both = sorted(set(map(str, train)) & set(map(str, test)))
    if both:
        raise InvalidInput(
            f"'{subject}': {len(both)} images are in training and test: {listed(both)}. Take them out of the training."
        )


def _correlations(predictions: Array, measured: Array, orders: npt.NDArray[np.integer]) -> tuple[Array, Array]:
    """r, and p where there are orders."""
    r, p = np.empty(measured.shape[1]), np.full(measured.shape[1], np.nan)
    for first in range(0, measured.shape[1], _TARGETS):
        place = slice(first, first + _TARGETS)
        left, right = unit_columns(predictions[:, place]), unit_columns(measured[:, place])
        r[place] = (left * right).sum(axis=0)
        if len(orders):
            null = np.stack([np.einsum("st,st->t", left, right[order]) for order in orders])
            p[place] = p_value(r[place].astype(null.dtype), null)
    return r, p


def _along_target(data: xr.Dataset | xr.DataArray) -> dict[str, xr.DataArray]:
    return {str(name): each for name, each in data.coords.items() if each.dims == ("target",)}

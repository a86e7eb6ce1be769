"""From responses to the embedding of a caption: read out, and scored beside the mean embedding."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.vertex_encoding import mean_responses, require_apart, settings_of
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names
from consona.core.recording import Recording
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.fractional_path import fractional_fit
from consona.stats.fractional_settings import FractionalSettings, Mode, fractional_folds
from consona.stats.permutation import p_value, random_orders
from consona.stats.readout_scores import MEASURES, TOPS, readout_null
from consona.stats.readout_scores import readout_scores as scores_of

__all__ = ["caption_readout", "embeddings_of", "only_layer", "readout_scores"]

Array = npt.NDArray[np.floating]
PRECISE = 4096  # stimuli up to which everything is done in double precision


def caption_readout(
    recording: Recording,
    embedding: Features,
    *,
    train: Sequence[str],
    test: Sequence[str],
    mode: Mode | FractionalSettings = "corrected",
    seed: int = 0,
) -> Features:
    """Embeddings of the captions of test stimuli, predicted from the responses to them by fractional ridge.

    Parameters
    ----------
    recording
        Responses of one subject; targets that are missing or constant in training are left out and counted.
    embedding
        Embeddings of the captions of all these stimuli, one layer. A feature that is constant in training is predicted
        as that constant.
    train, test
        Ids of stimuli, without a common one.
    mode
        Grid of fractions, whether features share one, whether folds are shuffled, whether the mean embedding is added
        (``released`` lacks it): :func:`~consona.stats.fractional_settings.mode_settings`, or settings of your own.
    seed
        Deals stimuli to folds, where the mode does.

    Returns
    -------
    Features
        The read-out of ``test``, in this order. ``attrs``: those of the embedding, ``subject``, ``mode``, ``intercept``
        (1 where the mean embedding is in it), ``fraction`` (mean of the chosen ones), ``n_train``, ``n_targets`` and
        ``n_targets_left_out``.

    Raises
    ------
    InvalidInput
        When training and test share a stimulus, one is not there, there are several layers, or nothing varies.
    """
    require_apart(train, test, recording.subject)
    settings = settings_of(mode)
    X, new, left_out = _responses(recording, train, test)
    E = embeddings_of(embedding, train).astype(np.float64 if len(train) < PRECISE else np.float32)
    try:
        folds = fractional_folds(len(E), settings, seed=seed)
        fit = fractional_fit(X, E, np.asarray(settings.fractions), folds, shared=settings.shared)
    except ValueError as error:
        raise InvalidInput(f"Recording '{recording.subject}' cannot be read out: {error}") from None
    decoded = fit.predict(new, intercept=settings.intercept)
    constant = np.isnan(fit.alphas)
    if constant.all():
        raise InvalidInput("The embedding is the same for all training stimuli; nothing can be read out.")
    decoded[:, constant] = E[:, constant].mean(axis=0) if settings.intercept else 0.0
    attrs = {
        **embedding.attrs,
        "subject": recording.subject,
        "mode": mode if isinstance(mode, str) else "own settings",
        "intercept": int(settings.intercept),
        "fraction": float(np.nanmean(fit.fraction)),
        "n_train": len(E),
        "n_targets": X.shape[1],
        "n_targets_left_out": left_out,
        "n_features_constant": int(constant.sum()),
    }
    return Features.of(decoded, np.asarray(test), attrs)


def readout_scores(
    decoded: Features,
    embedding: Features,
    *,
    train: Sequence[str],
    n_permutations: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """How well embeddings were read out, always beside the mean embedding of training, which knows nothing of stimuli.

    Parameters
    ----------
    decoded
        What :func:`caption_readout` returns; ``attrs['intercept']`` says whether the mean is in it (1 without it).
    embedding
        The true embeddings, of the training stimuli too.
    train
        Ids of the training stimuli, whose mean is the baseline.
    n_permutations
        Orders in which test stimuli exchange their true embeddings; the read-outs stay.
    level, seed
        Of the intervals (test stimuli drawn again), and of orders and draws.

    Returns
    -------
    xr.Dataset
        Over ``stimulus``: ``raw_r``, ``centred_r``, ``baseline_r``, ``rank`` (from 1) and ``two_way`` among the test
        stimuli. Over ``measure``: the ``mean``, ``low``, ``high``, ``p`` (one-sided; NaN for baseline and gain),
        ``null`` (mean over orders) and ``chance`` (NaN where there is none but the null). ``attrs`` count stimuli.

    Raises
    ------
    InvalidInput
        When a stimulus is not there, or a true embedding is constant.
    """
    truth, mean = embeddings_of(embedding, decoded.ids.tolist()), embeddings_of(embedding, train).mean(axis=0)
    if len(truth) < 2:
        raise InvalidInput(f"{len(truth)} stimuli were read out; identification needs at least 2. Test more.")
    given, intercept = only_layer(decoded), bool(decoded.attrs.get("intercept", 1))
    orders = random_orders(len(truth), n_permutations, seed=seed)
    try:
        found = scores_of(given, truth, mean, intercept=intercept)
        null = readout_null(given, truth, mean, orders, intercept=intercept)
    except ValueError as error:
        raise InvalidInput(f"Read-outs cannot be scored: {error}") from None
    values = found.measures()
    low, high = bootstrap_interval(values.T, level=level, seed=seed)
    means = np.array([each[np.isfinite(each)].mean() if np.isfinite(each).any() else np.nan for each in values])
    rows = {"mean": means, "low": low, "high": high, **_beside_null(means, null), "chance": _chance(len(truth))}
    each = {"raw_r": found.raw, "centred_r": found.centred, "baseline_r": found.baseline}
    return xr.Dataset(
        {name: ("stimulus", value) for name, value in {**each, "rank": found.rank, "two_way": found.two_way}.items()}
        | {name: ("measure", value) for name, value in rows.items()},
        {"stimulus": decoded.ids, "measure": list(MEASURES)},
        {
            **{
                name: value
                for name, value in decoded.attrs.items()
                if name in ("subject", "mode", "intercept", "model")
            },
            "n_test": len(truth),
            "n_train": len(train),
            "n_permutations": n_permutations,
            "n_undefined": int(np.isnan(found.centred).sum()),
            "candidates": "the test stimuli",
        },
    )


def embeddings_of(embedding: Features, ids: Sequence[str]) -> npt.NDArray[np.float32]:
    """The embeddings of these stimuli, ``(n_stimuli, n_features)``; refused as :func:`only_layer` does."""
    return only_layer(embedding.select(as_names(ids)))


def only_layer(features: Features) -> npt.NDArray[np.float32]:
    """Features of one layer as an array.

    Raises
    ------
    InvalidInput
        When there are several.
    """
    if len(features.layers) != 1:
        raise InvalidInput(
            f"Features of {len(features.layers)} layers; one embedding per stimulus is read out. Select one layer."
        )
    return features.layer(-1)


def _responses(recording: Recording, train: Sequence[str], test: Sequence[str]) -> tuple[Array, Array, int]:
    """Responses to both, of the targets that vary in training, and how many do not."""
    X, new = mean_responses(recording, train), mean_responses(recording, test)
    kept: npt.NDArray[np.bool_] = np.asarray(np.isfinite(X).all(axis=0) & np.isfinite(new).all(axis=0))
    kept[kept] = np.ptp(X[:, kept], axis=0) > 0
    if not kept.any():
        raise InvalidInput(
            f"Recording '{recording.subject}': all {len(kept)} targets are constant or missing; nothing is read out."
        )
    return X[:, kept], new[:, kept], int((~kept).sum())


def _beside_null(means: Array, null: Array) -> dict[str, Array]:
    """p of every measure and the mean of its null, but for the baseline, which no order moves, and the gain over it."""
    if not len(null):
        return {"p": np.full(len(means), np.nan), "null": np.full(len(means), np.nan)}
    p = np.where(np.isin(MEASURES, ["baseline_r", "gain"]), np.nan, p_value(means, null))
    return {"p": p, "null": null.mean(axis=0)}


def _chance(n_test: int) -> Array:
    """What is expected of a read-out that knows the mean and nothing else, where that is known."""
    known = {"centred_r": 0.0, "gain": 0.0, "two_way": 0.5} | {f"top{k}": min(k / n_test, 1.0) for k in TOPS}
    return np.array([known.get(name, np.nan) for name in MEASURES])

"""Encoders of other people: whether what was fitted on some subjects predicts one whom it never saw."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.vertex_ceilings import require_same_targets
from consona.alignment.vertex_encoding import fitted_encoder, mean_responses, predicted, require_apart
from consona.core.features import Features
from consona.core.invariants import as_names
from consona.core.recording import Recording
from consona.stats.correlation import pearson_columns
from consona.stats.fractional_settings import FractionalSettings, Mode, OrdinarySettings

__all__ = ["transfer_score"]

Array = npt.NDArray[np.floating]


def transfer_score(
    recordings: Mapping[str, Recording],
    embedding: Features,
    *,
    train: Mapping[str, Sequence[str]],
    test: Sequence[str],
    mode: Mode | FractionalSettings | OrdinarySettings = "corrected",
    seed: int = 0,
) -> xr.Dataset:
    """Predict every subject by the mean of what the encoders of all others expect, beside the subject's own encoder.

    A subject's test responses are never fitted on, nor are any responses of it behind ``others``. Test images are in
    nobody's training, so neither score gains from another subject's response to the same image.

    Parameters
    ----------
    recordings
        By name of subject, of the same targets, such as vertices of fsaverage.
    embedding
        One layer, of all images.
    train
        Ids of training images by name of subject.
    test
        Ids of images that every subject saw.
    mode, seed
        As in :func:`consona.alignment.vertex_encoding.vertex_encoding`.

    Returns
    -------
    Pearson r over the test images, ``(subject, target)``: ``own``, the subject's own encoder; ``others``, the mean
    prediction of the other subjects' encoders (of those that have the target); ``single``, the mean r of the others'
    encoders one at a time. NaN where the subject's target is constant or missing.

    Raises
    ------
    InvalidInput
        When there is one subject only, numbers of targets differ, images are missing, or a test image is in a training.
    """
    require_same_targets(recordings)
    for name in recordings:
        require_apart(train[name], test, name)
    held_out = embedding.select(as_names(test))
    expected: dict[str, xr.DataArray] = {}
    for name, recording in recordings.items():
        encoder = fitted_encoder(recording, embedding, train=train[name], mode=mode, seed=seed)
        expected[name] = predicted(encoder, held_out)
    found = [_scores(recording, name, test, expected) for name, recording in recordings.items()]
    first = next(iter(expected.values()))
    along = {str(key): each for key, each in first.coords.items() if each.dims == ("target",)}
    coords = {"subject": as_names(list(recordings)), **along}
    tables = {kind: (("subject", "target"), np.stack([each[kind] for each in found])) for kind in found[0]}
    return xr.Dataset(tables, coords, {"n_test": len(test), "n_subjects": len(found)})


def _scores(
    recording: Recording, name: str, test: Sequence[str], expected: Mapping[str, xr.DataArray]
) -> dict[str, Array]:
    measured = mean_responses(recording, test)
    others = np.stack([each.values for other, each in expected.items() if other != name])
    return {
        "own": pearson_columns(expected[name].values, measured),
        "others": pearson_columns(_known_mean(others), measured),
        "single": _known_mean(np.stack([pearson_columns(each, measured) for each in others])),
    }


def _known_mean(values: Array) -> Array:
    """Mean over the first axis of what is defined, NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    return np.asarray(np.where(known, values, 0).sum(axis=0) / np.where(count > 0, count, np.nan)).astype(values.dtype)

"""What a network sees in images, layer by layer and moment by moment, and whether it sees more than the mean."""

from typing import Literal

import numpy as np
import torch
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.stats.bootstrap import bootstrap_interval
from consona.training.scene_networks import SceneNetwork
from consona.training.scene_training import cosines, require_targets
from consona.training.scene_weights import network_of, require_images

__all__ = ["network_features", "readout_check", "require_better_than_mean"]

_BATCH = 256


def network_features(
    trained: xr.Dataset, images: xr.DataArray, *, times: Literal["all", "last"] = "all", device: str = "cpu"
) -> Features:
    """Means over positions of every layer, at every time step or the last one.

    Parameters
    ----------
    trained
        Of ``train_scene_network`` or ``untrained``.
    images
        ``(stimulus, y, x, colour)``, uint8; of other sizes than those trained with, too, in multiples of 16 pixels.
    times
        ``"all"``: layer by layer, all time steps of each. A feed-forward network has one.
    device
        Where it looks: ``cpu``, ``cuda``.

    Returns
    -------
    Features
        ``(stimulus, layer, feature)``; coordinates of the layer axis: ``name`` ("layer 3 time 4"), ``network_layer``
        and ``time``, both from 1.

    Raises
    ------
    InvalidInput
        When the data set holds no network, or images have another form.
    """
    if times not in ("all", "last"):
        raise InvalidInput(f"times is '{times}'; known are all and last. Choose one.")
    network = network_of(trained, device=device)
    values = _in_batches(network, require_images(images), pooled=True)  # (stimulus, time, layer, feature)
    n_times, n_layers = values.shape[1:3]
    shown = range(n_times) if times == "all" else [n_times - 1]
    places = [(layer, time) for layer in range(n_layers) for time in shown]
    array = np.stack([values[:, time, layer] for layer, time in places], 1)
    made = Features.of(array, images["stimulus"].to_numpy(), dict(_facts(trained)))
    layers, moments = np.array(places).T + 1
    names = [f"layer {layer} time {time}" for layer, time in zip(layers, moments)]
    along = {"name": ("layer", names), "network_layer": ("layer", layers), "time": ("layer", moments)}
    return Features(made.data.assign_coords(along))


def _facts(trained: xr.Dataset) -> dict[str, str | int]:
    seed, n_images = int(trained.attrs["seed"]), int(trained.attrs["trained"])
    return {"model": "scene network", "recipe": str(trained.attrs["recipe"]), "seed": seed, "trained": n_images}


def _in_batches(network: SceneNetwork, pixels: np.ndarray, *, pooled: bool) -> np.ndarray:
    """Pooled states, or outputs of the last time step, of all images."""
    device = next(network.parameters()).device
    with torch.no_grad():
        looks = (each.to(device) for each in torch.from_numpy(pixels).split(_BATCH))
        found = [network.pooled(each) if pooled else network(each)[-1] for each in looks]
    return np.asarray(torch.cat(found).cpu().numpy())


def readout_check(
    trained: xr.Dataset, images: xr.DataArray, targets: Features, *, seed: int = 0, device: str = "cpu"
) -> xr.Dataset:
    """How close a network's output comes to targets of images it was not trained on, beside the mean training target.

    Parameters
    ----------
    trained
        Of ``train_scene_network``.
    images, targets
        Held out, in the same order. It is for the caller to see that they are; ids of the held-out images of the
        training are in ``trained.stimulus``.
    seed
        Of the intervals.
    device
        Where it looks: ``cpu``, ``cuda``.

    Returns
    -------
    xr.Dataset
        ``cosine``, ``baseline``, ``centred (stimulus)``: cosine of the target with the output, with the mean target,
        and of both, at unit length, after the mean target at unit length was taken away; of each and of ``gain``
        (cosine minus baseline) the ``mean``, ``low`` and ``high (measure)``: bootstrap over images, 95 %.

    Raises
    ------
    InvalidInput
        When the network was not trained, has outputs of another kind, or images and targets do not fit together.
    """
    values = require_targets(images, targets)
    mean = trained.get("mean_target")
    if mean is None or mean.size != values.shape[1]:
        raise InvalidInput(
            f"The network has {0 if mean is None else mean.size} outputs and the targets {values.shape[1]} features. "
            "Give a trained network, and targets of its objective."
        )
    output = _unit(_in_batches(network_of(trained, device=device), require_images(images), pooled=False))
    centre, wanted = _unit(mean.to_numpy()[None]), _unit(values)
    found = {"cosine": _cosine(output, wanted), "baseline": _cosine(centre, wanted)}
    found |= {"centred": _cosine(output - centre, wanted - centre)}
    table = np.stack([*found.values(), found["cosine"] - found["baseline"]], 1)
    low, high = bootstrap_interval(table, seed=seed)
    made = {name: ("stimulus", each) for name, each in found.items()}
    made |= {"mean": ("measure", table.mean(0)), "low": ("measure", low), "high": ("measure", high)}
    return xr.Dataset(made, {"stimulus": targets.ids, "measure": [*found, "gain"]}, attrs=dict(_facts(trained)))


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return cosines(torch.from_numpy(a.astype(np.float64)), torch.from_numpy(b.astype(np.float64))).numpy()


def require_better_than_mean(check: xr.Dataset, *, name: str = "The network") -> None:
    """Refuse a network that says no more about new images than the mean target does: comparing it would be idle.

    Parameters
    ----------
    check
        Of :func:`readout_check`.
    name
        Of the network, for the message.

    Raises
    ------
    InvalidInput
        When the interval of the gain over the mean target reaches 0.
    """
    gain = check.sel(measure="gain")
    if not float(gain["low"]) > 0:
        mean, low, high = (float(gain[each]) for each in ("mean", "low", "high"))
        raise InvalidInput(
            f"{name} reads out held-out targets with a cosine of {float(check['cosine'].mean()):.3f}, the mean target "
            f"with {float(check['baseline'].mean()):.3f} (gain {mean:.3f}, from {low:.3f} to {high:.3f}). Train it "
            "longer, or on more images, before it is compared."
        )

"""A network that looks at scenes as a data set that can be stored, and back; and the same one with random weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import xarray as xr

from consona.core.errors import InvalidInput
from consona.training.scene_networks import SIZES, SceneNetwork, scene_network
from consona.training.scene_recipe import SceneRecipe

__all__ = ["deterministic", "network_of", "require_images", "untrained", "weights_of"]

_WEIGHT = "weight."


def untrained(recipe: SceneRecipe, *, seed: int) -> xr.Dataset:
    """The random twin of a network: the weights with which a training of this recipe and seed begins, and no output.

    Returns
    -------
    xr.Dataset
        As :func:`~consona.training.scene_training.train_scene_network` gives it, with weights alone.
    """
    return weights_of(scene_network(recipe, 0, seed)).assign_attrs(recipe=recipe.to_json(), seed=seed, trained=0)


def weights_of(network: SceneNetwork) -> xr.Dataset:
    """Every weight as a flat float32 vector by name; attribute ``n_weights`` counts all but those of the output."""
    held = {name: value.detach().cpu().contiguous().numpy().ravel() for name, value in network.named_parameters()}
    n_weights = sum(value.size for name, value in held.items() if not name.startswith("output"))
    flat = {f"{_WEIGHT}{name}": (f"of {name}", value.copy()) for name, value in held.items()}
    return xr.Dataset(flat, attrs={"n_weights": n_weights})


def network_of(trained: xr.Dataset, *, device: str = "cpu") -> SceneNetwork:
    """The network that a data set holds, ready to look.

    Raises
    ------
    InvalidInput
        When the data set holds no such network, or not all of its weights.
    """
    if "recipe" not in trained.attrs:
        raise InvalidInput("The data set names no recipe, so it holds no network of scenes. Give a trained one.")
    recipe, bias = SceneRecipe.from_json(trained.attrs["recipe"]), f"{_WEIGHT}output.bias"
    network = scene_network(recipe, trained[bias].size if bias in trained else 0, 0)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            held = trained.get(f"{_WEIGHT}{name}")
            if held is None or held.size != weight.numel():
                raise InvalidInput(
                    f"The data set holds {0 if held is None else held.size} values of '{name}' and its recipe asks for "
                    f"{weight.numel()}. Train it again."
                )
            weight.copy_(torch.from_numpy(held.to_numpy().reshape(tuple(weight.shape)).astype(np.float32)))
    return network.to(torch.device(device)).eval()


def require_images(images: xr.DataArray) -> np.ndarray:
    """Images as bytes ``(stimulus, y, x, colour)``.

    Raises
    ------
    InvalidInput
        When dimensions, type, ids or size are others; the message says which.
    """
    wanted = ("stimulus", "y", "x", "colour")
    if images.dims != wanted or "stimulus" not in images.coords or images.dtype != np.uint8:
        raise InvalidInput(
            f"Images have the dimensions {', '.join(map(str, images.dims))} and type {images.dtype}; expected are "
            f"{', '.join(wanted)} with ids of stimuli, and uint8. Bring them to that form."
        )
    if images.sizes["colour"] != 3 or images.sizes["y"] % SIZES or images.sizes["x"] % SIZES:
        raise InvalidInput(
            f"Images are {images.shape[1]} x {images.shape[2]} pixels with {images.shape[3]} colours; expected are "
            f"multiples of {SIZES} and red, green, blue. Cut or scale them."
        )
    return np.ascontiguousarray(images.to_numpy())


@contextmanager
def deterministic() -> Iterator[None]:
    """Torch chooses algorithms that give the same bits again, and what was chosen before is put back."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)

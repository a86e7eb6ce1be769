"""What every image network needs: input of its own size and range, and the activations of named layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from consona.core.errors import InvalidInput, ModelError

__all__ = ["LAST", "ImageInput", "layer_names", "prepared", "require_pixels", "tapped"]

LAST = "last"
"""The layer that is read unless another is named: what goes into the last linear layer of the network."""
_BYTES = 255.0
_ROUNDING = 1e-4


@dataclass(frozen=True)
class ImageInput:
    """What a network was trained to see: square images of ``size`` pixels in 0..1, less ``mean``, divided by ``sd``."""

    size: int
    mean: tuple[float, float, float]
    sd: tuple[float, float, float]

    def facts(self) -> dict[str, str | int]:
        """For the attributes of what was computed."""
        return {
            "input_size": self.size,
            "input_range": "0..1, then (value - mean) / sd",
            "input_mean": " ".join(f"{value:g}" for value in self.mean),
            "input_sd": " ".join(f"{value:g}" for value in self.sd),
        }


def require_pixels(images: npt.NDArray[Any], said: str) -> npt.NDArray[np.uint8]:
    """Images ``(image, y, x, 3)`` of bytes, square; ``said`` begins the message.

    Raises
    ------
    InvalidInput
        When they have another form or type: values of 0..1 or -1..1 would be scaled twice, and no error would show it.
    """
    square = images.ndim == 4 and images.shape[1] == images.shape[2] and images.shape[3] == 3
    if square and len(images) and images.dtype == np.uint8:
        return images
    raise InvalidInput(
        f"{said} has the shape {images.shape} and the type {images.dtype}; expected square images (image, y, x, 3) as "
        "uint8 from 0 to 255, not scaled. Give the pixels as they were read."
    )


def prepared(images: npt.NDArray[np.uint8], wanted: ImageInput) -> torch.Tensor:
    """Images as the network wants them ``(image, 3, size, size)``: the whole image resized, scaled and normalised.

    Nothing is cropped. Smaller images are interpolated bilinearly, larger ones are averaged first (antialiased).

    Raises
    ------
    ModelError
        When size or range are not those that the network was trained with after all.
    """
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / _BYTES
    if x.shape[-1] != wanted.size:
        x = F.interpolate(x, (wanted.size, wanted.size), mode="bilinear", antialias=True, align_corners=False)
    low, high = float(x.min()), float(x.max())
    if x.shape[1:] != (3, wanted.size, wanted.size) or low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ModelError(
            f"The input is {tuple(x.shape[1:])} with values {low:g} to {high:g}; the network was trained on "
            f"(3, {wanted.size}, {wanted.size}) and 0 to 1. Report this: the images were prepared wrongly."
        )
    mean, sd = (torch.tensor(each).reshape(1, 3, 1, 1) for each in (wanted.mean, wanted.sd))
    return (x - mean) / sd


def layer_names(network: nn.Module) -> tuple[str, ...]:
    """All names that :func:`tapped` knows: those of the modules inside, and ``last``."""
    return (*(name for name, _ in network.named_modules() if name), LAST)


def tapped(network: nn.Module, x: torch.Tensor, layers: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
    """Activations of layers ``(image, feature)``: means over positions, or over tokens.

    A module's name means its output, ``last`` the input of the last linear layer in the order of the modules.

    Raises
    ------
    ModelError
        When there is no such layer, it is not run exactly once, or what it gives has neither positions nor tokens.
    """
    seen: dict[str, list[Any]] = {layer: [] for layer in layers}
    taps = [_tap(network, layer, seen[layer]) for layer in seen]
    try:
        with torch.inference_mode():
            network(x)
    finally:
        for tap in taps:
            tap.remove()
    return {layer: _only(found, layer, len(x)) for layer, found in seen.items()}


def _tap(network: nn.Module, layer: str, into: list[Any]) -> Any:
    modules: Mapping[str, nn.Module] = dict(network.named_modules())
    if layer == LAST:
        linear = [module for module in modules.values() if isinstance(module, nn.Linear)]
        if linear:
            return linear[-1].register_forward_pre_hook(partial(_take_input, into))
    elif layer in modules and layer:
        return modules[layer].register_forward_hook(partial(_take_output, into))
    known = [name for name in modules if name]
    raise ModelError(
        f"{type(network).__name__} has no layer '{layer}'; it has {', '.join(known[:6])} … {', '.join(known[-3:])}. "
        "Name one of its modules."
    )


def _take_input(into: list[Any], _: nn.Module, given: tuple[Any, ...]) -> None:
    into.append(_pooled(given[0]))


def _take_output(into: list[Any], _: nn.Module, __: tuple[Any, ...], output: Any) -> None:
    into.append(_pooled(output))  # at once: a rectifier that works in place would change it afterwards


def _pooled(given: Any) -> Any:
    """``(image, feature)`` of what a layer gave, or, for the message, the form of what cannot be pooled.

    Images are square, so the two axes of equal length are positions, wherever channels stand; tokens are axis 1.
    """
    if not isinstance(given, torch.Tensor):
        return type(given).__name__
    shape = tuple(given.shape)
    if given.ndim == 4 and (shape[2] == shape[3] or shape[1] == shape[2]):
        given = given.mean((2, 3) if shape[2] == shape[3] else (1, 2))
    elif given.ndim == 3:
        given = given.mean(1)
    return np.array(given.float().cpu().numpy()) if given.ndim == 2 else shape


def _only(found: list[Any], layer: str, n_images: int) -> npt.NDArray[np.float32]:
    if len(found) == 1 and isinstance(found[0], np.ndarray):
        return found[0]
    forms = [each.shape if isinstance(each, np.ndarray) else each for each in found]
    raise ModelError(
        f"The layer '{layer}' gave {forms or 'nothing'} for {n_images} images; expected one array of images by "
        "features, with positions or tokens or neither. Name another layer."
    )

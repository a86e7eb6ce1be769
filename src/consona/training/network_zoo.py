"""Image networks by name: two small local ones, any of timm and torchvision, and each of them with random weights."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import ConfigError, ModelError
from consona.core.features import Features
from consona.core.invariants import listed, require_dims
from consona.training.cifar_resnets import INPUT, RESNETS, random_resnet, trained_resnet
from consona.training.image_networks import LAST, ImageInput, layer_names, prepared, require_pixels, tapped
from consona.training.vision_child import ERRORS, receive, send

__all__ = ["WeightFolder", "zoo_features", "zoo_layer_features", "zoo_layers"]

_RANDOM = ":random"
_PACKAGES = ("timm", "torchvision")
_BATCH = 64
Look = Callable[[npt.NDArray[np.uint8]], dict[str, npt.NDArray[np.float32]]]


@dataclass(frozen=True)
class WeightFolder:
    """Where the weights of the local networks lie; the files are known by their hashes, so the place counts nothing."""

    folder: str = field(default="")

    def fingerprint(self) -> str:
        """The same for every folder."""
        return "weights known by their hashes"


def zoo_features(
    name: str, images: xr.DataArray, *, layer: str = LAST, seed: int = 0, weights: WeightFolder | None = None
) -> Features:
    """What one layer of a network gives for every image: means over positions, ``(stimulus, 1, feature)``.

    Parameters
    ----------
    name
        ``resnet20-cifar10``, ``resnet56-cifar10``, ``timm:NAME`` or ``torchvision:NAME`` (extra ``vision``, in a
        process of its own); with ``:random`` behind it, the same architecture with random weights.
    images
        ``(stimulus, y, x, colour)``, uint8, square. The whole image is resized to what the network was trained on.
    layer
        A module by its name (see :func:`zoo_layers`), or ``last``: what goes into the last linear layer.
    seed
        Of random weights.
    weights
        Where the files of local networks lie; without it ``$CONSONA_DATA/resnet_cifar10``.

    Returns
    -------
    Features
        Attributes: model, revision (SHA-256 of the weights), site (the layer), pooling, size and range of the input,
        and the size that images had.

    Raises
    ------
    ConfigError
        When there is no such network.
    InvalidInput
        When images are not square, not uint8, or have no ids.
    MissingExtra, MissingData
        When the package or the files of weights are not there.
    ModelError
        When the package does not have the network, cannot get its weights, or there is no such layer.
    """
    return zoo_layer_features(name, images, [layer], seed=seed, weights=weights)[layer]


def zoo_layer_features(
    name: str, images: xr.DataArray, layers: Sequence[str], *, seed: int = 0, weights: WeightFolder | None = None
) -> dict[str, Features]:
    """Several layers of a network, by name, from one look at every image; for the rest see :func:`zoo_features`."""
    require_dims(images, ("stimulus", "y", "x", "colour"), "Images")
    pixels = require_pixels(images.values, "The array of images")
    chosen = list(dict.fromkeys(layers))
    with _opened(name, chosen, seed, weights or WeightFolder()) as (look, facts, _):
        batches = [look(pixels[start : start + _BATCH]) for start in range(0, len(pixels), _BATCH)]
    known = {"model": name, "pooling": "mean over positions", "image_size": pixels.shape[1], **facts}
    return {
        layer: Features.of(
            np.concatenate([batch[layer] for batch in batches]), images["stimulus"].values, {**known, "site": layer}
        )
        for layer in chosen
    }


def zoo_layers(name: str, *, weights: WeightFolder | None = None) -> tuple[str, ...]:
    """Names of the layers of a network, in the order of its modules, ``last`` at the end; errors as above."""
    with _opened(name, [LAST], 0, weights or WeightFolder()) as (_, __, layers):
        return layers


@contextlib.contextmanager
def _opened(
    name: str, layers: list[str], seed: int, weights: WeightFolder
) -> Iterator[tuple[Look, dict[str, Any], tuple[str, ...]]]:
    """How to look at a batch of images, what is known about the network, and its layers."""
    plain = name.removesuffix(_RANDOM)
    known = {"seed": seed} if name.endswith(_RANDOM) else {}
    package, _, model = plain.partition(":")
    if plain in RESNETS:
        network, revision = (
            (random_resnet(plain, seed), "random weights") if known else trained_resnet(plain, weights.folder)
        )
        facts = {"revision": revision, **INPUT.facts(), **known}
        yield lambda pixels: tapped(network, prepared(pixels, INPUT), layers), facts, layer_names(network)
    elif package in _PACKAGES and model:
        with _child({"name": plain, "layers": layers, "seed": seed if known else None}) as (look, said):
            made = {"revision": said["weights_sha256"], "package": f"{package} {said['version']}"}
            yield look, {**made, **ImageInput(*said["input"]).facts(), **known}, tuple(said["layers"])
    else:
        local = listed(f"'{each}'" for each in RESNETS)
        raise ConfigError(f"There is no network '{name}'; known are {local}, 'timm:NAME' and 'torchvision:NAME'.")


@contextlib.contextmanager
def _child(asked: dict[str, Any]) -> Iterator[tuple[Look, dict[str, Any]]]:
    """A process that has opened the network; it ends with the block."""
    command = [sys.executable, "-m", "consona.training.vision_child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, answers = process.stdin, process.stdout

        def look(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
            content = np.ascontiguousarray(pixels).tobytes()
            facts, found = _answer(questions, answers, {"shape": pixels.shape}, content)
            return dict(zip(asked["layers"], _arrays(found, facts["shapes"])))

        try:
            yield look, _answer(questions, answers, asked)[0]
        finally:
            with contextlib.suppress(BrokenPipeError):
                questions.close()


def _answer(
    questions: IO[bytes], answers: IO[bytes], asked: dict[str, Any], content: bytes = b""
) -> tuple[dict[str, Any], bytes]:
    """What the child says to one message; its errors are raised here."""
    with contextlib.suppress(BrokenPipeError):  # why it ended is in its last message
        send(questions, asked, content)
    answer = receive(answers)
    if answer is None:
        raise ModelError(
            "The process that holds the network ended without an answer; its last words are on the error stream above. "
            "Free some memory, or try another network."
        )
    if "error" in answer[0]:
        raise ERRORS.get(answer[0]["error"], ModelError)(answer[0]["message"])
    return answer


def _arrays(content: bytes, shapes: list[list[int]]) -> Iterator[npt.NDArray[np.float32]]:
    values = np.frombuffer(content, dtype=np.float32)
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    for shape, end in zip(shapes, ends):
        yield values[end - np.prod(shape) : end].reshape(shape)

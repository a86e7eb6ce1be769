"""Weights from a file of somebody else: read without running anything in it, and matched by name."""

import hashlib
import io
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

from consona.core.errors import InvalidInput, MissingData, ModelError

__all__ = ["Checkpoint", "load_checkpoint", "with_weights"]

_SHOWN = 6
# What reading a file raises that is no file of weights, or not the whole of one.
_DAMAGED = (
    RuntimeError, EOFError, ValueError, LookupError, OSError, TypeError, AttributeError, AssertionError,
    struct.error, zipfile.BadZipFile, MemoryError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Arrays by name, and the SHA-256 of the file that they came from."""

    name: str
    sha256: str
    weights: dict[str, torch.Tensor]

    def fingerprint(self) -> str:
        """The hash of the file."""
        return self.sha256


def load_checkpoint(path: str | os.PathLike[str], *, expected: str = "", key: str = "") -> Checkpoint:
    """Read a file of weights: safetensors, or PyTorch's own with nothing in it but arrays and plain containers.

    The file is read once; what is hashed is what is loaded. A pickle in it may name arrays only
    (``torch.load(weights_only=True)``): anything else is refused and nothing of it is run.

    Parameters
    ----------
    path
        Of the file; its name ends in ``.safetensors`` where it is one.
    expected
        The SHA-256 that the file must have, where it is known.
    key
        Where in the file the weights are, when they stand beside an optimiser or a configuration; empty: where a
        mapping of names to arrays is found, at the top or under ``model``, ``state_dict`` or ``model_state_dict``.

    Raises
    ------
    MissingData
        When there is no such file.
    ModelError
        When its hash is another one, it is damaged, holds more than weights, or no weights are found.
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise MissingData(f"There is no file '{name}'. Give the path of a .safetensors, .pt or .pth file.") from None
    sha256 = hashlib.sha256(content).hexdigest()
    if expected and sha256 != expected.lower():
        raise ModelError(
            f"'{name}' has SHA-256 {sha256}, expected was {expected}. Download it again, or mend the hash."
        )
    found = _safetensors(content, name) if name.endswith(".safetensors") else _plain_pickle(content, name)
    return Checkpoint(name, sha256, _weights_in(found, key, name))


def _safetensors(content: bytes, name: str) -> dict[str, torch.Tensor]:
    """Arrays of a safetensors file."""
    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ModelError(f"'{name}' is no whole safetensors file: {error}. Download it again.") from None


def _plain_pickle(content: bytes, name: str) -> Any:
    """What PyTorch saved, arrays and plain containers only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that a pickle is of another version; it is refused or read
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).split("\n")[0]
        raise ModelError(
            f"'{name}' holds more than weights, or is damaged, and nothing of it was run: {reason} Save its "
            "state_dict alone, best as safetensors, where you trust the file."
        ) from None
    except _DAMAGED as error:
        reason = str(error).split("\n")[0]
        raise ModelError(
            f"'{name}' cannot be read, it is damaged or no file of weights: {reason}. Download it again."
        ) from None


def _weights_in(found: Any, key: str, name: str) -> dict[str, torch.Tensor]:
    """The mapping of names to arrays in what was read."""
    places = [key] if key else ["", "model", "state_dict", "model_state_dict"]
    for place in places:
        inside = found.get(place) if place and isinstance(found, dict) else found
        if isinstance(inside, dict) and inside and all(isinstance(value, torch.Tensor) for value in inside.values()):
            return {str(each): value for each, value in inside.items()}
    keys = ", ".join(str(each) for each in list(found)[:_SHOWN]) if isinstance(found, dict) else type(found).__name__
    raise ModelError(
        f"No weights were found in '{name}' {'under ' + key if key else 'at the top'}; it holds {keys}. Name the key "
        "under which names and arrays stand."
    )


def with_weights(
    module: nn.Module, checkpoint: Checkpoint, *, prefix: str = "", absent: Sequence[str] = ()
) -> nn.Module:
    """Put the weights of a checkpoint into a module, which is changed and returned.

    Parameters
    ----------
    module, checkpoint
        What gets the weights, and what has them.
    prefix
        Taken from the front of the names in the file, such as ``module.``; names without it are left out.
    absent
        Beginnings of names of the module that need not be in the file (a new last layer), and of names in the file
        that the module does not have.

    Raises
    ------
    ModelError
        When names are missing or unexpected, or shapes differ: they are named, and nothing is changed.
    """
    given = {name[len(prefix) :]: value for name, value in checkpoint.weights.items() if name.startswith(prefix)}
    own = module.state_dict()
    excused = tuple(absent)
    missing = [name for name in own if name not in given and not (excused and name.startswith(excused))]
    unexpected = [name for name in given if name not in own and not (excused and name.startswith(excused))]
    shapes = [
        f"{name} {tuple(given[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
    said = [
        f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
        for what, names in faults
        if names
    ]
    if said:
        raise ModelError(
            f"The weights in '{checkpoint.name}' are not those of {type(module).__name__}: {'; '.join(said)}. Build "
            "the module with the settings of the checkpoint, give a prefix, or excuse names by how they begin."
        )
    if not any(name in own for name in given):
        raise InvalidInput(f"No name in '{checkpoint.name}' is one of {type(module).__name__}. Give another prefix.")
    module.load_state_dict({name: value for name, value in given.items() if name in own}, strict=False)
    return module

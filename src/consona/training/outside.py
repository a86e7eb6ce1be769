"""A torch network from elsewhere as a decoder: what it reads, and where its penultimate features are."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from consona.core.errors import InvalidInput
from consona.engine.fingerprint import fingerprint
from consona.training.decoder_network import DecoderNetwork

__all__ = ["OutsideNetwork", "as_images", "as_signals"]


def as_signals(x: torch.Tensor) -> torch.Tensor:
    """``(batch, window, channel, band)`` as ``(batch, channel, time)``: what networks of raw EEG read.

    With several bands the windows of one band follow those of another.
    """
    return x.permute(0, 2, 3, 1).flatten(2)


def as_images(x: torch.Tensor) -> torch.Tensor:
    """``(batch, window, channel, band)`` as ``(batch, band, channel, window)``, bands as the planes of an image."""
    return x.permute(0, 3, 2, 1)


@dataclass(frozen=True, eq=False)
class OutsideNetwork:
    """Any ``torch.nn.Module`` that ends in a linear layer, as one of the decoders.

    Parameters
    ----------
    module
        The network, with its weights. It is copied for every fold and never changed.
    read
        From ``x (batch, window, channel, band)`` to what the module is called with.
    last
        Name of the linear layer that gives the logits, as ``module.named_modules()`` has it; empty: the last one.
        What goes into it are the penultimate features.
    fresh
        Whether that layer is replaced by a new one with as many outputs as are asked for.
    """

    module: nn.Module
    read: Callable[[torch.Tensor], torch.Tensor] = as_signals
    last: str = ""
    fresh: bool = False

    def fingerprint(self) -> str | None:
        """Architecture, weights, and how it is read; None where the function that reads has no identity."""
        read = fingerprint(self.read)
        if read is None:
            return None
        digest = hashlib.sha256(f"{self.module!r}|{read}|{self.last}|{self.fresh}".encode())
        for name, value in self.module.state_dict().items():
            digest.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()

    def network(self, n_outputs: int) -> DecoderNetwork:
        """A copy that is ready to be trained or asked.

        Raises
        ------
        InvalidInput
            When there is no linear layer, none of that name, or it has another number of outputs.
        """
        module = copy.deepcopy(self.module)
        linear = {name: layer for name, layer in module.named_modules() if isinstance(layer, nn.Linear)}
        name = self.last or next(reversed(linear), None)
        if name is None or name not in linear:
            raise InvalidInput(
                f"{type(module).__name__} has no linear layer '{name or ''}'; it has {', '.join(linear) or 'none'}. "
                "Name the one that gives the logits as 'last'."
            )
        if self.fresh:
            layer = nn.Linear(linear[name].in_features, n_outputs)
            parent, _, attribute = name.rpartition(".")
            setattr(module.get_submodule(parent), attribute, layer)
        elif linear[name].out_features != n_outputs:
            raise InvalidInput(
                f"The layer '{name}' of {type(module).__name__} has {linear[name].out_features} outputs; {n_outputs} "
                "are needed. Ask for a fresh last layer, or name another one."
            )
        return _Wrapped(module, module.get_submodule(name), self.read)


class _Wrapped(DecoderNetwork):
    """The module, and what goes into its last layer."""

    def __init__(self, module: nn.Module, last: nn.Module, read: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        assert isinstance(last, nn.Linear)
        self.head = last  # first, so that these weights are known under this name
        self.module = module
        self.read = read

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What goes into the last layer while the module runs."""
        seen: list[torch.Tensor] = []
        tap = self.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        try:
            self.module(self.read(x))
        finally:
            tap.remove()
        if len(seen) != 1 or seen[0].ndim != 2:
            shapes = ", ".join(str(tuple(each.shape)) for each in seen) or "nothing"
            raise InvalidInput(
                f"The last linear layer of {type(self.module).__name__} was given {shapes} for {len(x)} rows; one "
                "array of rows by features is expected. Name the layer that gives the logits as 'last'."
            )
        return seen[0]

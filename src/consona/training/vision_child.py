"""A process of its own for networks of timm and torchvision: images come in, activations go out, through pipes.

torchvision beside a torch of another build breaks the import of transformers, so nothing here may be imported by the
process that reads language models. Run with ``python -m consona.training.vision_child``; messages are JSON with bytes
behind it, see :func:`send`. What libraries print goes to the standard error stream.
"""

import contextlib
import hashlib
import json
import struct
import sys
from typing import IO, Any

import numpy as np

from consona.core.errors import ConsonaError, InvalidInput, MissingExtra, ModelError, require_extra

__all__ = ["ERRORS", "receive", "send"]

ERRORS = {each.__name__: each for each in (InvalidInput, MissingExtra, ModelError)}
"""Errors that pass from the child to whoever started it."""
_LENGTHS = struct.Struct("<QQ")
_UNAVAILABLE = (OSError, RuntimeError, ValueError, LookupError)
"""What libraries raise for a name they do not know, weights that cannot be fetched, or a cache that is broken."""


def send(file: IO[bytes], facts: dict[str, Any], content: bytes = b"") -> None:
    """One message: lengths of both parts as 8-byte integers, JSON, then bytes."""
    head = json.dumps(facts).encode()
    file.write(_LENGTHS.pack(len(head), len(content)))
    file.write(head)
    file.write(content)
    file.flush()


def receive(file: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next message, or None where the other side has closed the stream or broken off."""
    lengths = file.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    n_head, n_content = _LENGTHS.unpack(lengths)
    head, content = file.read(n_head), file.read(n_content)
    if len(head) < n_head or len(content) < n_content:
        return None
    facts: dict[str, Any] = json.loads(head)
    return facts, content


def main() -> None:
    """Answer until the stream of questions ends: first which network, then batches of images."""
    answers = sys.stdout.buffer
    try:
        with contextlib.redirect_stdout(sys.stderr):
            _serve(sys.stdin.buffer, answers)
    except ConsonaError as error:
        send(answers, {"error": type(error).__name__, "message": str(error)})


def _serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    first = receive(questions)
    if first is None:
        return
    asked = first[0]
    package, _, model = asked["name"].partition(":")
    library = require_extra(package, "vision")
    network, wanted = _opened(library, package, model, asked["seed"])
    from consona.training.image_networks import ImageInput, layer_names, prepared, tapped  # torch: seconds

    taken = ImageInput(*wanted)
    facts = {"version": str(getattr(library, "__version__", "")), "weights_sha256": _hash(network), "input": wanted}
    send(answers, {**facts, "layers": layer_names(network)})
    while (batch := receive(questions)) is not None:
        pixels = np.frombuffer(batch[1], dtype=np.uint8).reshape(batch[0]["shape"])
        found = tapped(network, prepared(pixels, taken), asked["layers"])
        content = b"".join(np.ascontiguousarray(found[layer]).tobytes() for layer in asked["layers"])
        send(answers, {"shapes": [found[layer].shape for layer in asked["layers"]]}, content)


def _opened(library: Any, package: str, model: str, seed: int | None) -> tuple[Any, tuple[Any, ...]]:
    """A network that is ready to look, and size, mean and standard deviation of its input; a seed: random weights."""
    if seed is not None:
        import torch

        torch.manual_seed(seed)  # this process is thrown away
    try:
        network, wanted = (_timm if package == "timm" else _torchvision)(library, model, seed is None)
    except _UNAVAILABLE as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"{package} cannot give '{model}': {type(error).__name__}: {reason}. Check the name and the connection, or "
            "fetch the weights on a computer with one."
        ) from error
    return network.eval(), wanted


def _timm(library: Any, model: str, trained: bool) -> tuple[Any, tuple[Any, ...]]:
    network = library.create_model(model, pretrained=trained)
    data = library.data.resolve_model_data_config(network)
    return network, (_side(data["input_size"][1:], model), tuple(data["mean"]), tuple(data["std"]))


def _torchvision(library: Any, model: str, trained: bool) -> tuple[Any, tuple[Any, ...]]:
    weights = library.models.get_model_weights(model).DEFAULT
    network = library.models.get_model(model, weights=weights if trained else None)
    data = weights.transforms()
    return network, (_side(data.crop_size * 2, model), tuple(data.mean), tuple(data.std))


def _side(sizes: Any, model: str) -> int:
    if sizes[0] != sizes[1]:
        raise ModelError(f"'{model}' was trained on images of {sizes[0]} x {sizes[1]} pixels; expected square ones.")
    return int(sizes[0])


def _hash(network: Any) -> str:
    """SHA-256 of all weights and buffers, with names and shapes."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update(np.ascontiguousarray(value.detach().cpu().float().numpy()).data)
    return digest.hexdigest()


if __name__ == "__main__":
    main()

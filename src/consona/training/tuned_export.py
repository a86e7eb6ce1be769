"""Tuned models and directions as files that other programs read: PEFT's adapters, plain weights, steering vectors."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
import xarray as xr

from consona.core.errors import InvalidInput, MissingData, ModelError
from consona.engine.store import write_atomically
from consona.training.guided_tuning import Tuned
from consona.training.guided_weights import lora_config

__all__ = ["load_directions", "save_adapter", "save_card", "save_directions", "save_weights"]

_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PEFT = "base_model.model"  # what PEFT puts before every name


def save_adapter(folder: str | os.PathLike[str], tuned: Tuned) -> str:
    """Write adapters so that ``peft.PeftModel.from_pretrained(causal_model, folder)`` loads them; the file's SHA-256.

    ``adapter_model.safetensors`` and ``adapter_config.json``; modules are named by their full paths, so that no other
    module of that name is adapted. The logits are those of ``tuned.model``, whose weights are merged, up to rounding.

    Raises
    ------
    InvalidInput
        When attention itself was trained: there is no adapter. :func:`save_weights` writes what changed.
    StoreError
        When the folder cannot be written.
    """
    if tuned.recipe.trained != "lora":
        raise InvalidInput("Attention itself was trained here, so there is no adapter. Write it with save_weights.")
    prefix = _prefix(tuned)
    named = {f"{_PEFT}.{prefix}{name}": weight for name, weight in tuned.weights.items()}
    network, source = tuned.model.network, tuned.model.source
    facts: dict[str, Any] = lora_config(tuned.table, tuned.recipe, network).to_dict()
    facts |= {
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": source.name,
        "revision": source.revision or None,
        "inference_mode": True,
        "target_modules": sorted(prefix + path for path in tuned.table["module"]),
    }
    data = safetensors.torch.save(named, {"format": "pt"})
    write_atomically(Path(folder) / _WEIGHTS, data)
    write_atomically(Path(folder) / _CONFIG, json.dumps(facts, indent=1, default=_plain).encode())
    return hashlib.sha256(data).hexdigest()


def save_weights(path: str | os.PathLike[str], tuned: Tuned) -> str:
    """Write the weights of all modules that were trained, adapters merged, as one safetensors file; its SHA-256.

    Names are those of the causal model of transformers: ``model.load_state_dict(load_file(path), strict=False)``.

    Raises
    ------
    StoreError
        When the file cannot be written.
    """
    prefix, network = _prefix(tuned), tuned.model.network
    named = {
        f"{prefix}{module}.{name}": weight.detach().cpu().contiguous()
        for module in tuned.table["module"]
        for name, weight in network.get_submodule(module).named_parameters()
    }
    data = safetensors.torch.save(named, {"format": "pt", "consona": json.dumps(tuned.facts)})
    write_atomically(Path(path), data)
    return hashlib.sha256(data).hexdigest()


def save_directions(
    path: str | os.PathLike[str], directions: xr.DataArray, *, family: str, facts: Mapping[str, str]
) -> str:
    """Write what is added to the output of attention, one vector per layer, as a safetensors file; its SHA-256.

    The tensors are called ``layer.<number>``; the metadata hold ``layer_type`` and ``facts``. For the package
    steering-vectors::

        with safe_open(path, "pt") as file:
            layers = {int(name.partition(".")[2]): file.get_tensor(name) for name in file.keys()}
            vector = SteeringVector(layers, layer_type=file.metadata()["layer_type"])
        with vector.apply(model, token_indices=[-1]):
            model(**inputs)

    Parameters
    ----------
    path
        Of the file.
    directions
        ``(layer, feature)`` with the coordinate layer, numbers from 0, in units of the activation (not unit vectors:
        a multiplier of 1 adds them as they are).
    family
        Of the model (``lm.family.name``): in Gemma what attention adds is normed first, and is the output of
        ``post_attention_layernorm``; elsewhere it is that of ``self_attn``.
    facts
        What a reader should know: model, revision, concept, how it was made.

    Raises
    ------
    InvalidInput
        When dims differ, a layer is negative, or a number is infinite or undefined.
    """
    if directions.dims != ("layer", "feature") or "layer" not in directions.coords:
        raise InvalidInput(f"Directions are (layer, feature) with the coordinate layer; found {directions.dims}.")
    layers, values = directions["layer"].values.astype(int), np.asarray(directions.values, dtype=np.float32)
    if (
        (layers < 0).any()
        or len(set(layers.tolist())) != len(layers)
        or not np.isfinite(values).all()
        or not len(layers)
    ):
        raise InvalidInput(f"Layers are distinct numbers from 0 ({layers.tolist()}) and directions finite. Mend them.")
    kind = "post_attention_layernorm" if family.startswith("gemma") else "self_attn"
    named = {f"layer.{layer}": torch.from_numpy(row.copy()) for layer, row in zip(layers.tolist(), values)}
    metadata = {"format": "pt", "layer_type": kind, "family": family, "facts": json.dumps(dict(facts))}
    data = safetensors.torch.save(named, metadata)
    write_atomically(Path(path), data)
    return hashlib.sha256(data).hexdigest()


def load_directions(path: str | os.PathLike[str], *, expected: str = "") -> xr.DataArray:
    """Read what :func:`save_directions` wrote: ``(layer, feature)``, float32, with its metadata as attributes.

    Raises
    ------
    MissingData
        When there is no such file.
    ModelError
        When its SHA-256 is not ``expected`` (where given), it is damaged, or holds no directions.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise MissingData(f"There is no file '{path}'. Write it with save_directions.") from None
    found = hashlib.sha256(data).hexdigest()
    if expected and found != expected.lower():
        raise ModelError(f"'{path}' has SHA-256 {found}, expected was {expected}. Get it again, or mend the hash.")
    try:
        named = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise ModelError(f"'{path}' is no whole safetensors file: {error}. Get it again.") from None
    facts = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    if not named or "layer_type" not in facts or any(not name.startswith("layer.") for name in named):
        raise ModelError(
            f"'{path}' holds {', '.join(sorted(named)[:3]) or 'nothing'}; expected tensors 'layer.<number>'."
        )
    by_layer = {int(name.partition(".")[2]): tensor.float().numpy() for name, tensor in named.items()}
    layers = sorted(by_layer)
    values = np.stack([by_layer[layer] for layer in layers])
    attrs = {name: facts[name] for name in ("layer_type", "family", "facts")}
    return xr.DataArray(values, {"layer": layers}, ("layer", "feature"), attrs=attrs)


def save_card(
    folder: str | os.PathLike[str],
    title: str,
    *,
    facts: Mapping[str, object],
    claims: Sequence[str],
    files: Mapping[str, str],
) -> str:
    """Write ``README.md`` beside adapters and directions, and return it: what they are, and what is claimed of them.

    Parameters
    ----------
    folder, title
        Where, and of what.
    facts
        What was trained: :attr:`consona.training.guided_tuning.Tuned.facts`, or any names and values.
    claims
        Sentences with their effects, intervals and verdicts, as the run gives them; none is said to be none.
    files
        SHA-256 by name of file.

    Raises
    ------
    StoreError
        When the folder cannot be written.
    """
    said = [f"* {claim}" for claim in claims] or ["No claim was made of this model."]
    rows = [f"| {name} | {str(value).replace('|', '/')} |" for name, value in facts.items()]
    hashes = [f"| `{name}` | `{sha256}` |" for name, sha256 in files.items()]
    parts = [
        [f"# {title}", ""],
        ["## Claims", "", *said, ""],
        ["## What it is", "", "| fact | value |", "|---|---|", *rows, ""],
        ["## Files", "", "| file | SHA-256 |", "|---|---|", *hashes, ""],
        ["Brain data enter by similarities of patterns alone. Whether they added anything is what the claims say.", ""],
    ]
    text = "\n".join(line for part in parts for line in part)
    write_atomically(Path(folder) / "README.md", text.encode())
    return text


def _prefix(tuned: Tuned) -> str:
    """What the causal model of transformers puts before names of its text network."""
    prefix = tuned.model.network.base_model_prefix
    if not prefix:
        raise ModelError(f"{type(tuned.model.network).__name__} does not say where it stands in its causal model.")
    return f"{prefix}."


def _plain(value: object) -> object:
    """Sets and enumerations of PEFT's configuration as JSON has them."""
    return sorted(str(each) for each in value) if isinstance(value, set | frozenset) else str(value)

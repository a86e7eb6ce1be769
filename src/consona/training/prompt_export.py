"""Soft prompts as files: safetensors with everything needed to use them, and PEFT's folder of an adapter."""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.torch
import torch

from consona.core.errors import InvalidInput, MissingData, ModelError
from consona.engine.store import write_atomically
from consona.training.masked_model import MaskedModel
from consona.training.soft_prompt import Prompted, PromptTuning, SoftPrompt

__all__ = ["export_peft", "import_peft", "load_prompt", "save_prompt"]

_WEIGHTS, _CONFIG, _TENSOR = "adapter_model.safetensors", "adapter_config.json", "prompt_embeddings"


def save_prompt(path: str | os.PathLike[str], prompt: SoftPrompt) -> str:
    """Write a prompt as one safetensors file; the SHA-256 of the file.

    The array is ``vectors``; the metadata hold verbaliser, recipe, model and validation accuracies as JSON.
    """
    facts = {
        "verbaliser": list(prompt.verbaliser),
        "recipe": asdict(prompt.recipe),
        "model": prompt.model,
        "accuracy": list(prompt.accuracy),
    }
    vectors = {"vectors": torch.from_numpy(np.ascontiguousarray(prompt.vectors, dtype=np.float32))}
    data = safetensors.torch.save(vectors, {"consona": json.dumps(facts)})
    write_atomically(Path(path), data)
    return hashlib.sha256(data).hexdigest()


def load_prompt(path: str | os.PathLike[str], *, expected: str = "") -> SoftPrompt:
    """Read what :func:`save_prompt` wrote; the bytes that are hashed are those that are read.

    Raises
    ------
    MissingData
        When there is no such file.
    ModelError
        When its SHA-256 is not ``expected`` (where given), it is damaged, or no prompt of this package.
    """
    data = _bytes(Path(path))
    found = hashlib.sha256(data).hexdigest()
    if expected and found != expected.lower():
        raise ModelError(f"'{path}' has SHA-256 {found}, expected was {expected}. Get it again, or mend the hash.")
    vectors = _array(data, "vectors", str(path))
    about = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    if "consona" not in about:
        raise ModelError(f"'{path}' says nothing about verbaliser and recipe. Read a PEFT folder with import_peft.")
    facts = json.loads(about["consona"])
    recipe, (no, yes) = PromptTuning(**facts["recipe"]), facts["verbaliser"]
    return SoftPrompt(vectors, (int(no), int(yes)), recipe, facts["model"], tuple(facts["accuracy"]))


def export_peft(folder: str | os.PathLike[str], model: MaskedModel, prompt: SoftPrompt) -> None:
    """Write a prompt as an adapter that ``peft.PeftModel.from_pretrained(masked_model, folder)`` loads.

    PEFT puts its vectors before all that it is given. With the mask first, the word embedding of the mask therefore
    becomes PEFT's first vector and the logits are read at place 0; with the prompt first, PEFT is given the mask
    and the text, and the logits are read at place ``n_tokens``. PEFT counts positions as the model does and ignores
    others.

    Raises
    ------
    InvalidInput
        When positions are counted as in the paper and the model counts otherwise: PEFT cannot.
    ModelError
        When prompt and model do not belong together.
    """
    lm = Prompted(model, prompt).model.lm
    if prompt.recipe.positions == "paper" and lm.machine.first_position != 0:
        raise InvalidInput(
            f"This prompt counts positions from 0 and '{lm.source.name}' from {lm.machine.first_position}; PEFT has no "
            "way to say so, and its logits would differ. Tune with positions='model'."
        )
    vectors = torch.from_numpy(np.ascontiguousarray(prompt.vectors, dtype=np.float32))
    if prompt.recipe.order == "mask first":
        vectors = torch.cat([torch.from_numpy(_mask_vector(model)), vectors])
    config = lm.network.config
    facts: dict[str, Any] = {
        "peft_type": "PROMPT_TUNING",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": lm.source.name,
        "revision": lm.source.revision or None,
        "inference_mode": True,
        "num_virtual_tokens": len(vectors),
        "token_dim": int(vectors.shape[1]),
        "num_transformer_submodules": 1,
        "num_attention_heads": int(config.num_attention_heads),
        "num_layers": lm.n_layers,
        "prompt_tuning_init": "RANDOM",
    }
    write_atomically(Path(folder) / _WEIGHTS, safetensors.torch.save({_TENSOR: vectors}, {"format": "pt"}))
    write_atomically(Path(folder) / _CONFIG, json.dumps(facts, indent=1).encode())


def import_peft(
    folder: str | os.PathLike[str], model: MaskedModel, verbaliser: tuple[int, int], recipe: PromptTuning
) -> SoftPrompt:
    """Read a prompt from an adapter of PEFT; its verbaliser and its order are not in there and are given.

    Of the recipe ``order`` and ``max_tokens`` count; ``n_tokens`` becomes that of the file.

    Raises
    ------
    MissingData
        When a file is absent.
    ModelError
        When the adapter is no plain prompt, has another width, or is said to have the mask first and has not.
    InvalidInput
        When the recipe counts positions as in the paper; PEFT does not.
    """
    facts = json.loads(_bytes(Path(folder) / _CONFIG))
    if facts.get("peft_type") != "PROMPT_TUNING":
        raise ModelError(f"'{folder}' holds {facts.get('peft_type')}; only PROMPT_TUNING is vectors alone.")
    if recipe.positions == "paper":
        raise InvalidInput("PEFT counts positions as the model does. Give a recipe with positions='model'.")
    vectors = _array(_bytes(Path(folder) / _WEIGHTS), _TENSOR, str(folder))
    if recipe.order == "mask first":
        if vectors.shape[1:] != (model.lm.n_features,) or not np.array_equal(vectors[:1], _mask_vector(model)):
            raise ModelError(
                f"The first vector in '{folder}' is not the word embedding of the mask of this model: it was tuned "
                "with another model, with the mask trained as well, or with the prompt first. Try order='prompt first'."
            )
        vectors = vectors[1:]
    about = {**asdict(recipe), "n_tokens": len(vectors)}
    prompt = SoftPrompt(vectors, verbaliser, PromptTuning(**about), model.fingerprint() or "")
    return Prompted(model, prompt).prompt


def _mask_vector(model: MaskedModel) -> npt.NDArray[np.float32]:
    """The word embedding of the mask, ``(1, n_features)``."""
    with torch.no_grad():
        vector: npt.NDArray[np.float32] = model.embedding(torch.tensor([model.mask])).float().cpu().numpy()
    return vector


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise MissingData(f"There is no file '{path}'. Write it with save_prompt or export_peft.") from None


def _array(data: bytes, name: str, where: str) -> npt.NDArray[np.float32]:
    try:
        found = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise ModelError(f"'{where}' is no whole safetensors file: {error}. Get it again.") from None
    if name not in found or found[name].ndim != 2:
        raise ModelError(f"'{where}' holds {', '.join(found) or 'nothing'}; expected a matrix '{name}'.")
    vectors: npt.NDArray[np.float32] = found[name].float().numpy()
    return vectors

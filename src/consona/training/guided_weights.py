"""The weights that a fine-tuning trains: in a copy of a model, by PEFT's adapters or as they are, and merged again."""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import safetensors.torch
import torch
from peft import LoraConfig
from peft.tuners.lora import LoraModel
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from consona.core.errors import InvalidInput, ModelError
from consona.lm.model import LanguageModel
from consona.training.tuning_audit import audit, require_matched
from consona.training.tuning_recipe import TuningRecipe

__all__ = ["Pupil", "lora_config", "pupil_of", "weights_hash"]

_ADAPTER = "default"


@dataclass(frozen=True, eq=False)
class Pupil:
    """A copy of a text network some weights of which learn.

    Parameters
    ----------
    network
        The copy; nothing of the original is shared with it.
    trained
        The weights that learn, by name; of adapters, as PEFT calls them in a file.
    table
        What :func:`consona.training.tuning_audit.audit` said.
    adapters
        PEFT's model around the network; None where attention itself learns.
    """

    network: PreTrainedModel
    trained: dict[str, torch.nn.Parameter]
    table: pd.DataFrame
    adapters: LoraModel | None

    @property
    def n_trained(self) -> int:
        """How many numbers learn."""
        return sum(weight.numel() for weight in self.trained.values())

    def kept(self) -> dict[str, torch.Tensor]:
        """The weights that learn as they are now, on the CPU."""
        return {name: weight.detach().to("cpu", copy=True).contiguous() for name, weight in self.trained.items()}

    def merged(self, weights: Mapping[str, torch.Tensor]) -> PreTrainedModel:
        """The network with these weights in place of those that learn, adapters added to what they adapt."""
        with torch.no_grad():
            for name, weight in self.trained.items():
                weight.copy_(weights[name])
        if self.adapters is not None:
            self.adapters.merge_and_unload()  # in place
        self.network.requires_grad_(True)
        return self.network.eval()


def pupil_of(lm: LanguageModel, recipe: TuningRecipe, seed: int) -> Pupil:
    """A copy of the model in which the weights of the recipe learn; adapters start as PEFT starts them, by the seed.

    Raises
    ------
    ModelError
        When a projection is not there, or other numbers of weights learn than were counted before.
    InvalidInput
        When attention itself is to learn in half precision, where steps of 1e-6 are lost.
    """
    table = require_matched(audit(lm, recipe))
    if recipe.trained == "attention" and lm.dtype != "float32":
        raise InvalidInput(f"Attention itself is trained in float32; this model is in {lm.dtype}. Load it so.")
    network = copy.deepcopy(lm.network).eval().requires_grad_(False)
    adapters, named = None, {}
    if recipe.trained == "lora":
        adapters = _adapted(network, lora_config(table, recipe, network), seed)
        named = {name.replace(f".{_ADAPTER}.", "."): each for name, each in network.named_parameters()
                 if f".{_ADAPTER}." in name}  # fmt: skip
        for weight in named.values():
            weight.data = weight.data.float()  # also beside a model in half precision
    else:
        for path in table["module"]:
            module = network.get_submodule(path)
            named |= {f"{path}.{name}": weight for name, weight in module.named_parameters()}
    for weight in named.values():
        weight.requires_grad_(True)
    pupil = Pupil(network, named, table, adapters)
    if pupil.n_trained != int(table["n_trained"].sum()):
        raise ModelError(
            f"{pupil.n_trained} weights would be trained, the audit counted {table['n_trained'].sum()}: PEFT reached "
            "other modules than were asked for. Nothing was trained."
        )
    return pupil


def lora_config(table: pd.DataFrame, recipe: TuningRecipe, network: PreTrainedModel) -> LoraConfig:
    """PEFT's configuration for exactly the modules of an audit, by their full paths."""
    modules = [network.get_submodule(path) for path in table["module"]]
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.lora_alpha,  # type: ignore[arg-type]  # PEFT divides it by r; a fraction is as good
        lora_dropout=0.0,
        target_modules=list(table["module"]),
        fan_in_fan_out=any(isinstance(each, Conv1D) for each in modules),
    )


def weights_hash(weights: Mapping[str, torch.Tensor], salt: str = "") -> str:
    """SHA-256 of weights by name, and of those that a model had been given before."""
    data = safetensors.torch.save({name: weights[name].contiguous() for name in sorted(weights)})
    return hashlib.sha256(salt.encode() + data).hexdigest()


def _adapted(network: PreTrainedModel, config: LoraConfig, seed: int) -> LoraModel:
    """Put adapters into a network; the caller's random state stays as it was."""
    devices = [network.device] if network.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        return LoraModel(network, config, _ADAPTER)

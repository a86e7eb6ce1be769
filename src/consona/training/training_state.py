"""A training on disk: the state from which one that was stopped goes on, and the folder of the finished model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from consona.core.errors import InvalidInput
from consona.engine.store import write_atomically

__all__ = ["TrainingState", "save_model"]


@dataclass(frozen=True)
class TrainingState:
    """Weights, moments of the optimiser and losses of a training in one file; ``key`` says which training it is."""

    path: Path
    key: str

    def write(self, model: torch.nn.Module, optimiser: torch.optim.Optimizer, losses: Sequence[float]) -> None:
        """Weights, moments of the optimiser and losses so far, in one file, whole or not at all."""
        held: dict[str, torch.Tensor] = {f"weight.{name}": value for name, value in model.named_parameters()}
        moments = optimiser.state_dict()["state"]
        held |= {f"moment.{i}.{name}": value for i, each in moments.items() for name, value in each.items()}
        held |= {"losses": torch.tensor(losses, dtype=torch.float64)}
        held |= {"key": torch.tensor(list(bytes.fromhex(self.key)), dtype=torch.uint8)}
        write_atomically(self.path, safetensors.torch.save({n: v.detach().contiguous() for n, v in held.items()}))

    def restored(self, model: torch.nn.Module, optimiser: torch.optim.Optimizer) -> list[float]:
        """Put what is on disk into the model and its optimiser; the losses so far, none where nothing is there.

        Raises
        ------
        InvalidInput
            When the file belongs to another training.
        """
        if not self.path.is_file():
            return []
        held = safetensors.torch.load(self.path.read_bytes())
        if bytes(held["key"].tolist()).hex() != self.key:
            raise InvalidInput(
                f"'{self.path.parent.parent}' holds a training of other material, another recipe or another seed. Give "
                "another folder, or remove this one."
            )
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(held[f"weight.{name}"])
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name in (name for name in held if name.startswith("moment.")):
            _, number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = held[name]
        optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        return [float(each) for each in held["losses"]]


def save_model(folder: Path, model: PreTrainedModel, tokenizer: Tokenizer, special: Mapping[str, str]) -> None:
    """The folder of a model, in the names and forms that transformers reads; ``special`` names special tokens."""
    n_positions = model.config.max_position_embeddings
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": n_positions, **special}
    weights = {name: value.detach().contiguous() for name, value in model.named_parameters()}
    for name, data in (
        ("model.safetensors", safetensors.torch.save(weights, {"format": "pt"})),
        ("config.json", model.config.to_json_string().encode()),
        ("tokenizer.json", tokenizer.to_str().encode()),
        ("tokenizer_config.json", json.dumps(about, indent=1).encode()),
    ):
        write_atomically(folder / name, data)

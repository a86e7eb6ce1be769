"""Several models of one recipe as one: their weights side by side, every step taken for all of them at once."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch.func import functional_call, stack_module_state, vmap

from consona.training.recipe import Stage
from consona.training.supervision import Supervised

__all__ = ["ModelLoss", "Stack"]

_BLOCK = 2**23  # values of a forward pass without gradients: about 32 MB

# The loss of one model: its weights by name, its batch, each a tensor of that model alone.
ModelLoss = Callable[[Mapping[str, torch.Tensor], tuple[torch.Tensor, ...]], torch.Tensor]


class Stack:
    """Models of one shape whose weights are stacked: ``weights[name]`` is ``(n_models, ...)``."""

    def __init__(self, models: Sequence[Supervised], device: str) -> None:
        self.model = models[0].to(device)
        stacked, _ = stack_module_state([model.to(device) for model in models])
        self.weights = {name: value.detach().requires_grad_() for name, value in stacked.items()}
        self.kept = {name: value.detach().clone() for name, value in self.weights.items()}
        self.n_models = len(models)
        # Statistics of batches of an outside network: of one model alone, and of this moment unless kept.
        self.kept_statistics = {name: value.clone() for name, value in self.model.named_buffers()}

    @property
    def n_parameters(self) -> int:
        """Weights of one model."""
        return sum(value[0].numel() for value in self.weights.values())

    def moving(self, stage: Stage) -> list[torch.Tensor]:
        """The stacked weights that a stage moves; all others keep their values."""
        for name, value in self.weights.items():
            value.requires_grad_(stage.moves_weight(name))
            value.grad = None
        return [value for value in self.weights.values() if value.requires_grad]

    def losses(self, loss: ModelLoss, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """The loss of every model on its own batch, ``(n_models,)``; each array of ``batch`` has one row per model."""
        if self.n_models == 1:
            alone = {name: value[0] for name, value in self.weights.items()}
            return loss(alone, tuple(part[0] for part in batch))[None]
        return vmap(loss)(self.weights, batch)

    def keep(self, model: int) -> None:
        """Remember the weights that a model has now."""
        for name, value in self.weights.items():
            self.kept[name][model].copy_(value.detach()[model])
        for name, value in self.model.named_buffers():
            self.kept_statistics[name].copy_(value)

    @torch.no_grad()
    def outputs(self, model: int, x: torch.Tensor, *, kept: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and features of rows ``(n_rows, window, channel, band)`` by one model, by its kept weights or not."""
        weights = {name: value[model] for name, value in (self.kept if kept else self.weights).items()}
        if kept:
            weights |= self.kept_statistics
        self.model.eval()
        size = max(1, _BLOCK // x[0].numel())
        found = [functional_call(self.model, weights, (block,)) for block in x.split(size)]
        return torch.cat([each.logits for each in found]), torch.cat([each.features for each in found])

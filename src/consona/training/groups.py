"""Folds that are trained side by side: their steps, the choice of their epochs, their predictions."""

import math
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from consona.stats.seeds import rng_for
from consona.stats.splits import ThreeWay
from consona.training.batches import Batch, FoldBatches, Material, Outputs, generator_for
from consona.training.networks import build
from consona.training.recipe import Stage
from consona.training.results import FoldResult, balanced_accuracy, emotion_probability
from consona.training.stacks import Stack
from consona.training.supervision import Plan, Supervised, class_loss

__all__ = ["Fold", "Group", "initial_model"]


class Fold:
    """Rows of a fold, its batches, and what it has given so far."""

    def __init__(self, material: Material, split: ThreeWay, number: int, plan: Plan) -> None:
        train, self.validation, self.test = (
            torch.as_tensor(np.flatnonzero(part[number])) for part in (split.train, split.validation, split.test)
        )
        self.number = number
        self.batches = FoldBatches(material, train, plan.recipe, seed=plan.seed, fold=number)
        self.result = FoldResult()


def initial_model(material: Material, plan: Plan, fold: int) -> Supervised:
    """The model of a fold before training; the weights of its network do not depend on the strategy."""
    n_outputs, n_axes = material.goal.output_axis.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng_for(plan.seed, "weights", fold).integers(2**63)))
        if plan.outside is not None:
            network = plan.outside.network(n_outputs)
        else:
            network = build(plan.recipe, material.shape, n_outputs, positions=material.positions)
    if plan.strategy is None:
        return Supervised(network, nn.ModuleDict())
    network = plan.strategy.prepared(network, material.goal, generator=generator_for(plan.seed, "adapters", fold))
    return Supervised(network, plan.strategy.heads(network.head.in_features, n_axes))


class Group:
    """Folds that take equally many steps of equal size, as one stack of models."""

    def __init__(self, folds: list[Fold], material: Material, plan: Plan) -> None:
        self.folds, self.material, self.plan = folds, material, plan
        self._key = generator_for(plan.seed, "layers", folds[0].number).initial_seed()
        self.stack = Stack([initial_model(material, plan, fold.number) for fold in folds], plan.device)
        batches = folds[0].batches
        self.n_steps = batches.n_steps
        self._x = torch.empty((len(folds), batches.size, *material.shape))
        self._best = [-math.inf] * len(folds)

    def train(self) -> None:
        """All stages in sequence, each with its own optimiser and cosine; then the chosen epochs predict."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._key)  # for layers of outside networks that draw by themselves, such as dropout
            self._all_stages()
        for model, fold in enumerate(self.folds):
            self._predict(model, fold, snapshot=0)
            self._finish(model, fold)

    def _all_stages(self) -> None:
        """Every epoch of every stage."""
        epoch, n_epochs = 0, sum(stage.epochs for stage in self.plan.stages)
        for number, stage in enumerate(self.plan.stages, 1):
            optimiser = self._optimiser(stage)
            for within in range(stage.epochs):
                for step, drawn in enumerate(self._batches()):
                    part = step / self.n_steps
                    optimiser.param_groups[0]["lr"] = self._rate((within + part) / stage.epochs)
                    self._step(optimiser, stage, drawn, (epoch + part) / n_epochs)
                epoch += 1
                self._close(epoch, last=number == len(self.plan.stages))

    def _optimiser(self, stage: Stage) -> torch.optim.Optimizer:
        """AdamW on the weights that the stage moves."""
        moving = self.stack.moving(stage)
        return torch.optim.AdamW(moving, weight_decay=self.plan.recipe.weight_decay, fused=True)

    def _rate(self, share: float) -> float:
        """The learning rate after a share of a stage."""
        return self.plan.recipe.learning_rate * (1 + math.cos(math.pi * share)) / 2

    def _batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """The steps of an epoch: augmented rows of every model, and what is known of these rows."""
        material, device = self.material, self.plan.device
        orders = torch.stack([fold.batches.order() for fold in self.folds], dim=1)
        for rows in orders:
            for fold, own, out in zip(self.folds, rows, self._x, strict=True):
                fold.batches.fill(own, out)
            known = (part[rows] for part in (material.labels, material.stimulus, material.output, material.axis))
            yield tuple(part.to(device) for part in (self._x, *known))

    def _step(
        self, optimiser: torch.optim.Optimizer, stage: Stage, drawn: tuple[torch.Tensor, ...], progress: float
    ) -> None:
        """One step of all models."""
        optimiser.zero_grad()
        self.stack.model.train()
        self.stack.losses(partial(self._loss, stage, progress), drawn).sum().backward()
        optimiser.step()

    def _loss(
        self, stage: Stage, progress: float, weights: Mapping[str, torch.Tensor], drawn: tuple[torch.Tensor, ...]
    ) -> torch.Tensor:
        """The loss of one model on its batch."""
        network = partial(_called, self.stack.model, weights)
        x, labels, stimulus, output, axis = drawn
        batch = Batch(x, labels, stimulus, output, axis, self.material.goal)
        outputs = network(x)
        if self.plan.strategy is None or stage.loss == "classes":
            return class_loss(outputs, batch)
        loss = self.plan.strategy.axis_loss if stage.loss == "axis" else self.plan.strategy.loss
        return loss(network, outputs, batch, progress)

    def _close(self, epoch: int, *, last: bool) -> None:
        """After an epoch of the last stage: keep weights that are better on validation rows. Predict where asked."""
        for model, fold in enumerate(self.folds):
            score = math.nan
            if last:
                probability, _ = self._outputs(model, fold.validation, kept=False)
                score = balanced_accuracy(probability, self.material.labels[fold.validation])
            fold.result.validation.append(score)
            if score > self._best[model]:
                self._best[model], fold.result.chosen = score, epoch
                self.stack.keep(model)
            if epoch in self.plan.snapshots:
                self._predict(model, fold, snapshot=epoch)

    def _outputs(self, model: int, rows: torch.Tensor, *, kept: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities of emotions and features of unaugmented rows, on the CPU."""
        x = self.material.x[rows, self.material.unshifted].to(self.plan.device)
        logits, features = self.stack.outputs(model, x, kept=kept)
        return emotion_probability(logits, self.material.goal.output_emotion).cpu(), features.cpu()

    def _predict(self, model: int, fold: Fold, *, snapshot: int) -> None:
        """Test rows, by the chosen epoch (snapshot 0) or by the weights of now."""
        probability, features = self._outputs(model, fold.test, kept=snapshot == 0)
        fold.result.probability[snapshot] = probability.numpy()
        if snapshot == 0:
            fold.result.features = features.numpy()

    def _finish(self, model: int, fold: Fold) -> None:
        """The last layer of the chosen epoch."""
        fold.result.weight = self.stack.kept["network.head.weight"][model].cpu().numpy()
        bias = self.stack.kept.get("network.head.bias")
        fold.result.bias = np.zeros(len(fold.result.weight), np.float32) if bias is None else bias[model].cpu().numpy()
        fold.result.n_parameters = self.stack.n_parameters


def _called(model: Supervised, weights: Mapping[str, torch.Tensor], x: torch.Tensor) -> Outputs:
    """The model under given weights."""
    found: Outputs = functional_call(model, dict(weights), (x,))
    return found

"""Fine-tuning a causal model towards right answers and states that predict a brain, in arms that can be compared."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
import xarray as xr

from consona.core.errors import InvalidInput, ModelError
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.lm.generation import logits_of, require_head
from consona.lm.hooks import Tap, attached
from consona.lm.model import LanguageModel
from consona.lm.packing import Batch
from consona.lm.sites import module_at
from consona.lm.states import keep_blocks
from consona.training.guided_losses import StateLoss, state_loss
from consona.training.guided_prompts import Problems, problems_of
from consona.training.guided_targets import GuidedTarget, StateTarget
from consona.training.guided_weights import Pupil, pupil_of, weights_hash
from consona.training.masked_model import frozen
from consona.training.tuning_recipe import TuningRecipe

__all__ = ["Tuned", "tune"]

Progress = Callable[[int, float], None]
_NO_TARGET = "none"


@dataclass(frozen=True, eq=False)
class Tuned:
    """A model that was fine-tuned, and how.

    Parameters
    ----------
    model
        With the weights of the chosen epoch merged into a copy; its fingerprint counts them.
    base
        Fingerprint of the model that it was made from; empty where unknown.
    recipe, target, seed
        What was trained, towards what (``none``: answers alone), and the seed of the first weights of adapters.
    problems
        Ids of the problems that it was trained on.
    weights
        The trained weights of the chosen epoch, by their names in the text network.
    table
        Which modules were trained (:func:`consona.training.tuning_audit.audit`).
    start
        SHA-256 of the trained weights before the first step.
    history
        ``answer_loss``, ``state_loss`` (of the training problems, before the step that follows; NaN after the last),
        ``validation_loss`` (nats) and ``accuracy`` of every epoch that was validated, 0 being the model as it was.
    chosen_epoch
        The best by the criterion of the recipe.
    """

    model: LanguageModel
    base: str
    recipe: TuningRecipe
    target: str
    seed: int
    problems: tuple[str, ...]
    weights: dict[str, torch.Tensor]
    table: pd.DataFrame
    start: str
    history: xr.Dataset
    chosen_epoch: int

    @property
    def n_trained(self) -> int:
        """How many numbers were trained."""
        return sum(weight.numel() for weight in self.weights.values())

    @property
    def facts(self) -> dict[str, Any]:
        """What an arm is, for :func:`consona.training.tuning_audit.matched_arms`."""
        return {
            "target": self.target,
            "n_trained": self.n_trained,
            "seed": self.seed,
            "steps": self.recipe.epochs,
            "problems": len(self.problems),
            "start": self.start[:12],
            "base": self.base[:12],
            "recipe": self.recipe.to_json(),
            "ids": weights_hash({}, "\n".join(self.problems))[:12],
            "chosen_epoch": self.chosen_epoch,
            "accuracy": float(self.history["accuracy"].values[self.chosen_epoch]),
            "weights": self.model.adapter[:12],
        }


def tune(
    lm: LanguageModel,
    train: Stimuli,
    validation: Stimuli,
    *,
    recipe: TuningRecipe,
    brain: GuidedTarget | StateTarget | None = None,
    seed: int,
    progress: Progress | None = None,
) -> Tuned:
    """Fine-tune a copy of a causal model on problems; the model that is given stays as it is.

    The loss is ``mean_i [answer_weight * CE_i + state_weight * S_i]`` over all training problems: CE of the token of
    the right answer among all tokens, S of :func:`consona.training.guided_losses.state_loss` on the states at
    ``attn.out`` of the last prompt token, 0 for problems that the target leaves out. One step of AdamW per epoch.
    With one recipe, one seed and the same problems, arms start with the same weights and make the same steps, so that
    only the target differs. The result is made at the end: an interrupted training leaves nothing behind.

    Parameters
    ----------
    lm
        With an output layer, without edits.
    train, validation
        With the columns ``text`` (ending where the answer begins, with the template) and ``label``. Validation
        problems choose the epoch and nothing else; problems for a test are not given here.
    recipe, seed
        What is trained; the first weights of adapters.
    brain
        What states should predict or become, or a control in its place; None: answers alone.
    progress
        Called with the number of the epoch and its validation accuracy.

    Raises
    ------
    InvalidInput
        When problems, answers, target and model do not fit; a problem is both trained on and validated with; or
        nothing would be trained because all weights of the loss are 0.
    ModelError
        When the model has no output layer, LoRA would miss a projection, or a loss is infinite or undefined.
    """
    _require_trainable(lm, train, validation)
    asked, held = problems_of(lm, train, recipe), problems_of(lm, validation, recipe)
    _require_loss(recipe, brain)
    pupil = pupil_of(lm, recipe, seed)
    first = pupil.kept()
    lesson = _lesson(replace(lm, network=pupil.network, origin=None), asked, brain, recipe)
    chosen, history = _taught(pupil, lesson, held, progress)
    weights, epoch = chosen
    adapter = weights_hash(weights, lm.adapter)
    model = replace(lm, network=pupil.merged(weights), adapter=adapter, origin=None)
    return Tuned(
        model=model,
        base=lm.fingerprint() or "",
        recipe=recipe,
        target=_NO_TARGET if brain is None else brain.name,
        seed=seed,
        problems=asked.ids,
        weights=weights,
        table=pupil.table,
        start=weights_hash(first),
        history=history,
        chosen_epoch=epoch,
    )


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What is learnt: a model, its problems and the loss on its states."""

    lm: LanguageModel
    problems: Problems
    layers: tuple[int, ...]
    states: StateLoss | None
    recipe: TuningRecipe

    def passed(self, problems: Problems, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of all tokens after the prompts ``(n, n_words)``, and states ``(n, n_layers, n_features)``."""
        lm, last, kept = self.lm, batch.starts + batch.lengths - 1, list[torch.Tensor]()
        taps = []
        for layer in self.layers if problems is self.problems else ():
            module, side = module_at(lm.network, lm.family, "attn.out", layer)
            taps.append(Tap(module, side, partial(_keep, kept, last)))
        with attached(taps):
            hidden = lm.network(**lm.machine.inputs(batch), use_cache=False).last_hidden_state
        ends = hidden.reshape(-1, hidden.shape[-1])[last.to(hidden.device)]
        states = torch.stack([each.to(hidden.device) for each in kept], dim=1) if kept else ends[:, None, :0]
        return logits_of(lm.machine, require_head(lm.head, lm.family.name), ends), states

    def answer_loss(self, problems: Problems, batch: Batch, logits: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the right answers, summed over problems, in nats."""
        wanted = problems.tokens[batch.members, problems.right[batch.members]]
        return F.cross_entropy(logits, wanted.to(logits.device), reduction="sum")

    def learnt(self) -> tuple[float, float]:
        """Collect gradients of the mean loss over all problems; both parts of it."""
        total = np.zeros(2)
        for batch in self.problems.batches:
            logits, states = self.passed(self.problems, batch)
            answer = self.answer_loss(self.problems, batch, logits)
            away = answer.new_zeros(()) if self.states is None else self.states(batch.members, states.float())
            loss = (self.recipe.answer_weight * answer + self.recipe.state_weight * away) / len(self.problems)
            loss.backward()
            total += float(answer.detach()), float(away.detach())
        return float(total[0] / len(self.problems)), float(total[1] / len(self.problems))

    def validated(self, held: Problems) -> tuple[float, float]:
        """Mean cross-entropy in nats, and share of right answers."""
        loss, n_right = 0.0, 0
        with torch.no_grad():
            for batch in held.batches:
                logits, _ = self.passed(held, batch)
                loss += float(self.answer_loss(held, batch, logits))
                pair = logits.gather(1, held.tokens[batch.members].to(logits.device)).double()
                said = (pair[:, 0] - pair[:, 1] - self.recipe.bias <= 0).long().cpu()
                n_right += int((said == held.right[batch.members]).sum())
        return loss / len(held), n_right / len(held)


def _lesson(
    lm: LanguageModel, problems: Problems, target: GuidedTarget | StateTarget | None, recipe: TuningRecipe
) -> _Lesson:
    if target is None:
        return _Lesson(lm, problems, (), None, recipe)
    return _Lesson(lm, problems, target.layers, state_loss(target, problems.ids, lm.network.device), recipe)


def _taught(
    pupil: Pupil, lesson: _Lesson, held: Problems, progress: Progress | None
) -> tuple[tuple[dict[str, torch.Tensor], int], xr.Dataset]:
    """All epochs; the weights of the best one and its number, and what was measured in every one."""
    recipe, head = lesson.recipe, require_head(lesson.lm.head, lesson.lm.family.name)
    keep_blocks()
    optimiser = torch.optim.AdamW(pupil.trained.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    rows, best, chosen = list[tuple[float, float, float, float]](), (-np.inf, -np.inf), (pupil.kept(), 0)
    with frozen(head):
        for epoch in range(recipe.epochs + 1):
            loss, accuracy = np.nan, np.nan
            if epoch % recipe.every == 0 or epoch == recipe.epochs:
                loss, accuracy = lesson.validated(held)
                merit = (accuracy, -loss) if recipe.criterion == "accuracy" else (-loss, accuracy)
                if merit > best:
                    best, chosen = merit, (pupil.kept(), epoch)
                if progress is not None:
                    progress(epoch, accuracy)
            parts = (np.nan, np.nan) if epoch == recipe.epochs else _stepped(optimiser, lesson, epoch)
            rows.append((*parts, loss, accuracy))
    names = ("answer_loss", "state_loss", "validation_loss", "accuracy")
    columns = {name: ("epoch", np.array(column)) for name, column in zip(names, zip(*rows))}
    return chosen, xr.Dataset(columns, {"epoch": np.arange(len(rows))})


def _stepped(optimiser: torch.optim.Optimizer, lesson: _Lesson, epoch: int) -> tuple[float, float]:
    """One step; both parts of the loss before it."""
    optimiser.zero_grad(set_to_none=True)
    parts = lesson.learnt()
    if not all(np.isfinite(parts)):
        raise ModelError(
            f"The loss of epoch {epoch} is infinite or undefined (answers {parts[0]:.3g}, states {parts[1]:.3g}). "
            "Lower learning_rate or state_weight, or take float32. Nothing was kept."
        )
    optimiser.step()
    return parts


def _keep(kept: list[torch.Tensor], last: torch.Tensor, rows: torch.Tensor) -> None:
    kept.append(rows.index_select(0, last.to(rows.device)))


def _require_trainable(lm: LanguageModel, train: Stimuli, validation: Stimuli) -> None:
    require_head(lm.head, lm.family.name)
    if lm.edits:
        raise InvalidInput(f"{lm!r} has {len(lm.edits)} edits. Tune the intact model, and edit what comes of it.")
    both = sorted(set(train.ids.tolist()) & set(validation.ids.tolist()))
    if both:
        raise InvalidInput(f"{len(both)} problems are trained on and validated with: {listed(both)}. Part them.")


def _require_loss(recipe: TuningRecipe, target: GuidedTarget | StateTarget | None) -> None:
    if recipe.answer_weight == 0 and (target is None or recipe.state_weight == 0):
        raise InvalidInput(
            "Neither answers nor states have a weight, so that nothing would be learnt. Give answer_weight, or a "
            "target and state_weight."
        )

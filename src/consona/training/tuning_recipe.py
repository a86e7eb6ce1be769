"""What a fine-tuning towards right answers and towards the brain is: weights, losses, steps, and what is asked."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.lm.sites import layer_numbers

__all__ = ["ADAPTERS", "REGRESSION", "TuningRecipe", "middle_half"]

_COUNTS = ("rank", "epochs", "batch", "every")
_WEIGHTS = ("learning_rate", "weight_decay", "answer_weight", "state_weight")


def middle_half(n_layers: int) -> tuple[int, ...]:
    """The layers ``n_layers // 4`` to ``3 * n_layers // 4``, the last excluded: 7 to 20 of 28, 0 and 1 of 3.

    Raises
    ------
    InvalidInput
        When there are fewer than two layers, so that there is no middle.
    """
    layers = tuple(range(n_layers // 4, 3 * n_layers // 4))
    if not layers:
        raise InvalidInput(f"A model of {n_layers} layers has no middle half. Name the layers.")
    return layers


@dataclass(frozen=True)
class TuningRecipe:
    """How a causal model is fine-tuned on problems; arms of one comparison share a recipe and differ in their target.

    Every epoch is one step of AdamW on the mean over *all* training problems, so steps are equal whatever ``batch`` is.

    Parameters
    ----------
    trained
        ``"lora"``: low-rank adapters of PEFT on projections of attention. ``"attention"``: all weights of attention.
    layers
        ``"middle"`` (:func:`middle_half`) or numbers of layers, whose weights are trained.
    targets
        Projections that get an adapter, as they are called in the model.
    rank, lora_alpha
        Of the adapters, whose product is multiplied by ``lora_alpha / rank``. No dropout.
    epochs, batch
        Steps; problems that share a pass, which changes memory and not results.
    every
        Epochs between two validations; the first and the last are always validated.
    learning_rate, weight_decay
        Of AdamW, constant.
    answer_weight, state_weight
        Of the cross-entropy of the answer (nats), and of the loss on states.
    answers
        What a problem is answered with where its label is True, and where it is False; one token each.
    template
        Wording around the text of every problem, with ``{text}``.
    bias
        Nats taken off ``log p(True) - log p(False)`` before a problem is answered, in the accuracy that is reported.
    criterion
        What validation chooses the epoch by, ``"accuracy"`` (equal ones: the lower loss) or ``"loss"``, the
        cross-entropy. Epoch 0, the model as it was, can be chosen.

    Raises
    ------
    InvalidInput
        When a value is unknown or outside its range.
    """

    trained: Literal["lora", "attention"] = "lora"
    layers: Literal["middle"] | tuple[int, ...] = "middle"
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    rank: int = 8
    lora_alpha: float = 16.0
    epochs: int = 100
    batch: int = 70
    every: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    answer_weight: float = 1.0
    state_weight: float = 0.1
    answers: tuple[str, str] = (" True", " False")
    template: str | None = None
    bias: float = 0.0
    criterion: Literal["accuracy", "loss"] = "accuracy"

    def __post_init__(self) -> None:
        """Names and ranges."""
        wrong = [name for name in _COUNTS if getattr(self, name) < 1]
        wrong += [name for name in _WEIGHTS if not 0 <= getattr(self, name) < math.inf]
        if wrong or not (math.isfinite(self.lora_alpha) and math.isfinite(self.bias)):
            raise InvalidInput(
                f"Counts are at least 1, weights and rates not negative, all finite; not so: "
                f"{listed(wrong) or 'lora_alpha or bias'}."
            )
        if self.trained not in ("lora", "attention") or self.criterion not in ("accuracy", "loss"):
            raise InvalidInput(
                f"trained is 'lora' or 'attention', criterion 'accuracy' or 'loss'; found '{self.trained}' and "
                f"'{self.criterion}'."
            )
        if len(self.answers) != 2 or self.answers[0] == self.answers[1] or not self.targets:
            raise InvalidInput(
                f"answers are two different texts and targets at least one name; found {self.answers} and "
                f"{self.targets}."
            )

    def layer_numbers(self, n_layers: int) -> tuple[int, ...]:
        """The layers whose weights are trained in a model of so many.

        Raises
        ------
        InvalidInput
            When one does not exist, or there is no middle half.
        """
        return middle_half(n_layers) if self.layers == "middle" else layer_numbers(self.layers, n_layers)

    def to_json(self) -> str:
        """One line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))


ADAPTERS = TuningRecipe()
"""Adapters with the answer's loss and, where there is a target, .1 of the loss on states (rank 8, 1e-4, 100 steps)."""

REGRESSION = TuningRecipe(trained="attention", learning_rate=1e-6, answer_weight=0.0, state_weight=1.0)
"""Attention weights towards given states and nothing else (1e-6, 100 steps)."""

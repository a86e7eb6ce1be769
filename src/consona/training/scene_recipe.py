"""What a network that looks at scenes is and how it is trained, as plain values that can be stored and compared."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from consona.core.errors import InvalidInput
from consona.core.invariants import listed

__all__ = ["SceneRecipe"]

_CHOICES = {"architecture": ("recurrent", "feedforward"), "objective": ("embedding", "categories")}


@dataclass(frozen=True)
class SceneRecipe:
    """Network, objective and optimiser of one training; images, order and augmentation do not depend on the first two.

    Parameters
    ----------
    architecture
        ``"recurrent"``: every layer hears the layer below, itself and the layer above, over several time steps.
        ``"feedforward"``: the layer below alone, once; its layers are wider, so that it has as many weights.
    objective
        What the targets are: ``"embedding"`` of captions, or ``"categories"`` (which objects are there). The network,
        its linear output and its loss are the same.
    n_epochs, batch
        Passes over the training images; images of a step.
    width
        Features of every layer of the recurrent network.
    n_layers
        At least 2. The first halves the image of the stem (see :class:`~consona.training.scene_networks.SceneNetwork`),
        the second halves it again, further ones keep it.
    n_times
        Time steps of the recurrent network, at least 2.
    learning_rate, weight_decay
        Of AdamW; the rate rises over the first epoch and falls to 0 along half a cosine.
    shift
        Pixels by which a training image is moved at most, in both directions; its edge is continued.
    gain
        Brightness and contrast of a training image are changed by at most this share. Images are never mirrored, as
        captions say what is left and what is right.

    Raises
    ------
    InvalidInput
        When a value is outside its range; it is named.
    """

    architecture: Literal["recurrent", "feedforward"] = "recurrent"
    objective: Literal["embedding", "categories"] = "embedding"
    n_epochs: int = 12
    batch: int = 128
    width: int = 64
    n_layers: int = 3
    n_times: int = 4
    learning_rate: float = 5e-3
    weight_decay: float = 1e-2
    shift: int = 4
    gain: float = 0.2

    def __post_init__(self) -> None:
        """Names and ranges."""
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InvalidInput(f"{name} is '{getattr(self, name)}'; known are {', '.join(allowed)}. Choose one.")
        least = {"n_epochs": 1, "batch": 1, "width": 1, "n_layers": 2, "n_times": 2, "shift": 0, "gain": 0}
        least |= {"learning_rate": 0, "weight_decay": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            if not lowest <= value < float("inf"):
                raise InvalidInput(f"{name} is {value}; it is finite and at least {lowest}. Give another one.")
        if self.gain >= 1:
            raise InvalidInput(f"gain is {self.gain}; it is a share: at least 0, below 1. Give a smaller one.")

    @property
    def times(self) -> int:
        """Time steps that the network takes: 1 without recurrence."""
        return self.n_times if self.architecture == "recurrent" else 1

    def to_json(self) -> str:
        """The recipe as one line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote.

        Raises
        ------
        InvalidInput
            When a key is not a field of a recipe.
        """
        found: dict[str, Any] = json.loads(text)
        unknown = sorted(set(found) - {field.name for field in fields(cls)})
        if unknown:
            raise InvalidInput(f"A recipe of scenes has no {listed(unknown)}; it has {', '.join(asdict(cls()))}.")
        return cls(**found)

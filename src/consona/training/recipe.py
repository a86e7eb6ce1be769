"""What a decoder is and how it is trained, as plain values that can be stored and compared."""

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from consona.core.errors import InvalidInput

__all__ = ["NETWORKS", "Recipe", "Stage", "default_recipe"]

NETWORKS = ("linear", "mlp", "eegnet", "graph", "transformer", "recurrent")


@dataclass(frozen=True)
class Recipe:
    """Network, optimiser and augmentations of one decoder.

    Parameters
    ----------
    network
        One of ``NETWORKS``.
    width, depth
        Features of a hidden layer; how many there are. What they mean for each network is said in
        ``docs/method/decoders.md``.
    epochs, batch
        Passes over the training rows; rows of a step.
    learning_rate, weight_decay
        Of AdamW; the rate falls to 0 along half a cosine.
    smoothing
        Share of a label that is spread evenly over all outputs.
    noise
        Standard deviation of the white noise added to every cell, in units of the tensor (SD where it is scaled).
    borrowed
        Noise with the covariance of the data: so many times the difference, divided by the root of 2, of two training
        people who watched the same stimulus, whichever it is.
    drop, dropped
        Share of what is set to 0: single cells (window, channel and band), or whole channels.
    gain
        Standard deviation of the factor, around 1, by which each channel of each row is multiplied.
    jitter
        Whether the windows of a training row may start earlier or later: one of the shifts of the tensor, drawn.
    pool
        ``"emotion"``: one output per emotion. ``"stimulus"``: one output per stimulus, whose probabilities are summed
        within each emotion.

    Raises
    ------
    InvalidInput
        When a value is outside its range; it is named.
    """

    network: str = "mlp"
    width: int = 128
    depth: int = 2
    epochs: int = 40
    batch: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    smoothing: float = 0.1
    noise: float = 0.5
    borrowed: float = 0.0
    drop: float = 0.2
    dropped: Literal["cell", "channel"] = "cell"
    gain: float = 0.1
    jitter: bool = True
    pool: Literal["emotion", "stimulus"] = "emotion"

    def __post_init__(self) -> None:
        """Names and ranges."""
        for name, allowed in (
            ("network", NETWORKS),
            ("dropped", ("cell", "channel")),
            ("pool", ("emotion", "stimulus")),
        ):
            if getattr(self, name) not in allowed:
                raise InvalidInput(f"{name} is '{getattr(self, name)}'; known are {', '.join(allowed)}. Choose one.")
        for name in ("width", "depth", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} is {getattr(self, name)}; it is at least 1. Give a larger one.")
        for name in ("smoothing", "drop"):
            if not 0 <= getattr(self, name) < 1:
                raise InvalidInput(f"{name} is {getattr(self, name)}; it is a share: at least 0, below 1.")
        for name in ("learning_rate", "weight_decay", "noise", "borrowed", "gain"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InvalidInput(f"{name} is {getattr(self, name)}; it is finite and at least 0.")

    def to_json(self) -> str:
        """The recipe as one line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Read what ``to_json`` wrote.

        Raises
        ------
        InvalidInput
            When a key is not a field of a recipe.
        """
        found: dict[str, Any] = json.loads(text)
        unknown = sorted(set(found) - {field.name for field in fields(cls)})
        if unknown:
            raise InvalidInput(
                f"A recipe has no {', '.join(unknown)}; it has {', '.join(f.name for f in fields(cls))}."
            )
        return cls(**found)


@dataclass(frozen=True)
class Stage:
    """A part of a training with an optimiser and a cosine of its own; the epoch is chosen from the last stage.

    ``moves``: which weights change: all; what stands on the features (the network's own head and further ones); or
    that and the adapters. ``loss``: the strategy's on the axis alone, the strategy's whole, or the classes' alone.
    """

    epochs: int
    moves: Literal["all", "head", "adapters"] = "all"
    loss: Literal["axis", "both", "classes"] = "both"

    def moves_weight(self, name: str) -> bool:
        """Whether the weight called ``name`` changes: ``network.…`` of the network, ``heads.…`` of further heads."""
        on_features = name.startswith(("network.head.", "heads."))
        return self.moves == "all" or on_features or (self.moves == "adapters" and ".adapter." in name)


# Widths and epochs such that ten folds of FACED take at most about 100 s on one thread; what was tried is in
# docs/method/decoders.md.
_STRONG = Recipe(noise=0.3, borrowed=1.0, weight_decay=0.3)
_DEFAULTS: dict[str, Recipe] = {
    "linear": replace(_STRONG, network="linear", depth=1, drop=0.0),
    "mlp": _STRONG,
    "eegnet": replace(_STRONG, network="eegnet", width=32, depth=1, epochs=25),
    "graph": replace(_STRONG, network="graph", width=64),
    "transformer": replace(_STRONG, network="transformer", width=64, depth=1, epochs=20),
    "recurrent": replace(_STRONG, network="recurrent", width=96, depth=1),
}


def default_recipe(network: str) -> Recipe:
    """The recipe that is used for a network when nobody asks for another.

    Raises
    ------
    InvalidInput
        When there is no such network.
    """
    return _DEFAULTS.get(network) or Recipe(network=network)  # which says what networks there are

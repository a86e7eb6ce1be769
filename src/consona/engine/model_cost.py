r"""What reading, steering and tuning a language model will take, from its size alone, at a rate that is said."""

import math
from dataclasses import dataclass

from consona.core.errors import InvalidInput
from consona.engine.config import PlannedStep

__all__ = ["ACCELERATOR", "MemoryMb", "ModelCost", "ModelLoad", "ModelSize", "Rate", "model_cost"]

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_LIBRARIES_MB, _LOGITS_MB = 1000, 256
_TOKENS_PER_PASS, _ROWS_PER_PASS = 8192, 256
# Bytes that training keeps per token, block and feature in 16 bit: Korthikanti et al. 2022, without the attention
# matrices, which fused attention does not keep.
_KEPT = 34


@dataclass(frozen=True)
class Rate:
    """What one device does: operations and bytes per second that are reached, not promised; memory in GB."""

    name: str
    flops_per_second: float
    bytes_per_second: float
    memory_gb: float


ACCELERATOR = Rate("one accelerator of 80 GB at 300 TFLOP/s and 2 TB/s", 3e14, 2e12, 80.0)
"""An assumption: about 40 % of the products in bf16 that an H100 reaches, and 60 % of its bandwidth. Not measured."""


@dataclass(frozen=True)
class ModelSize:
    """How large a model is: weights, blocks, features of the stream, numbers of a key of one token in one block."""

    n_parameters: float
    n_layers: int
    width: int
    key_width: int


@dataclass(frozen=True)
class ModelLoad:
    """What is done with it.

    Parameters
    ----------
    n_prompts, n_tokens
        How many prompts, and how long one is.
    n_variants
        Shifts of the last token per prompt; 0: the prompts are only read.
    n_epochs
        Passes of fine-tuning over the prompts with frozen weights and adapters, one prompt at a time; 0: none.

    Raises
    ------
    InvalidInput
        When there is no prompt or no token, or a number is negative.
    """

    n_prompts: int
    n_tokens: int
    n_variants: int = 0
    n_epochs: int = 0

    def __post_init__(self) -> None:
        """At least one token of one prompt."""
        if self.n_prompts < 1 or self.n_tokens < 1 or self.n_variants < 0 or self.n_epochs < 0:
            raise InvalidInput(f"A load has at least one prompt of one token, and nothing below 0; found {self}.")


@dataclass(frozen=True)
class MemoryMb:
    """Memory by what fills it, in MB."""

    weights: float
    kept: float
    passing: float

    @property
    def total(self) -> float:
        """All of it, with room for libraries and logits."""
        return self.weights + self.kept + self.passing + _LIBRARIES_MB + _LOGITS_MB


@dataclass(frozen=True)
class ModelCost:
    """What a load takes: operations, bytes fetched from memory, memory held, and devices that hold it."""

    flops: float
    n_bytes: float
    memory: MemoryMb
    n_devices: int
    rate: Rate
    tuned: bool

    @property
    def seconds(self) -> float:
        """The longer of computing and fetching. Devices that share a model take turns, so more are not faster."""
        return max(self.flops / self.rate.flops_per_second, self.n_bytes / self.rate.bytes_per_second)

    @property
    def note(self) -> str:
        """The assumptions, and what has not been tried."""
        devices = "1 device" if self.n_devices == 1 else f"{self.n_devices} devices that take turns"
        words = f"{self.flops / 1e12:,.1f} TFLOP; {devices}; assumed: {self.rate.name}"
        return f"{words}; tuning beyond one device is untested" if self.tuned and self.n_devices > 1 else words

    def step(self, name: str) -> PlannedStep:
        """A line of a plan; memory is that of all devices together."""
        return PlannedStep(name, self.seconds, self.memory.total, 0.0, self.note)


def model_cost(size: ModelSize, load: ModelLoad, *, dtype: str = "bfloat16", rate: Rate = ACCELERATOR) -> ModelCost:
    r"""Price a load.

    A token takes :math:`2 N + 2 L T d` operations in a pass (:math:`N` weights, :math:`L` blocks, :math:`T` tokens,
    :math:`d` features; half of attention is ahead), and twice that with the backward pass through frozen weights. A
    variant is one more token of its prompt, a prompt's variants in passes of 256 rows. A pass fetches all weights once,
    and the keys and values that its rows look back at.

    Raises
    ------
    InvalidInput
        When the dtype is unknown.
    """
    if dtype not in _BYTES:
        raise InvalidInput(f"There is no dtype '{dtype}'; there are {', '.join(_BYTES)}.")
    width = _BYTES[dtype]
    per_token = 2 * size.n_parameters + 2 * size.n_layers * load.n_tokens * size.width
    read = load.n_prompts * load.n_tokens
    shifted = load.n_prompts * load.n_variants
    tuned = 2 * load.n_epochs * read
    flops = float(per_token) * (read + shifted + tuned)
    keys = 2 * size.n_layers * size.key_width * width  # bytes of keys and values of one token
    passes = (
        math.ceil(read / _TOKENS_PER_PASS) + math.ceil(shifted / _ROWS_PER_PASS) + 2 * load.n_epochs * load.n_prompts
    )
    n_bytes = passes * size.n_parameters * width + float(shifted) * load.n_tokens * keys
    memory = _memory(size, load, width, keys)
    n_devices = math.ceil(memory.total / (1000 * rate.memory_gb))
    return ModelCost(flops, n_bytes, memory, n_devices, rate, load.n_epochs > 0)


def _memory(size: ModelSize, load: ModelLoad, width: int, keys: int) -> MemoryMb:
    """Weights; states of all layers or keys and values that are kept; and what one pass needs."""
    states = 4.0 * load.n_prompts * size.n_layers * size.width
    cached = float(load.n_prompts * load.n_tokens * keys) if load.n_variants else 0.0
    rows = min(load.n_prompts * load.n_tokens, _TOKENS_PER_PASS)
    passing = 12.0 * rows * size.width * width  # the stream, queries to values, and a gated MLP of 3 to 4 widths
    if load.n_variants:  # every row gets its own copy of keys and values, as its token is added to them
        passing += float(min(load.n_prompts * load.n_variants, _ROWS_PER_PASS)) * load.n_tokens * keys
    if load.n_epochs:
        passing = max(passing, _KEPT * load.n_tokens * size.n_layers * size.width * width / 2)
    return MemoryMb(size.n_parameters * width / 1e6, (states + cached) / 1e6, passing / 1e6)

"""Where in a transformer block the numbers are read: one table row per family of models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from consona.core.errors import InvalidInput, ModelError

SITES = ("resid.pre", "resid.post", "attn.out", "mlp.act", "mlp.out")
Side = Literal["in", "out"]


@dataclass(frozen=True)
class Family:
    """How the blocks of one family of models are built; all paths but ``blocks`` and ``final_norm`` start at a block.

    ``attn_out`` and ``mlp_out`` name modules whose *output* is what the branch adds to the residual stream (after a
    norm, where the family norms a branch before adding it). ``mlp_act`` names modules whose *input* is the activation
    after the nonlinearity. Where a list has several paths, the first that exists in a block counts.
    """

    name: str
    blocks: str
    attn_out: tuple[str, ...]
    mlp_act: tuple[str, ...]
    mlp_out: tuple[str, ...]
    final_norm: str | None
    causal: bool = True
    first_position: Literal["zero", "after padding", "none"] = "zero"
    token_types: bool = False


def _encoder(name: str, attn_out: str, *, after_padding: bool, token_types: bool) -> Family:
    first: Literal["zero", "after padding"] = "after padding" if after_padding else "zero"
    dense = ("output.dense",)
    return Family(name, "encoder.layer", (attn_out,), dense, dense, None, False, first, token_types)


def _decoder(name: str) -> Family:
    down = ("mlp.down_proj",)
    return Family(name, "layers", ("self_attn.o_proj",), down, down, "norm")


def _gemma(name: str) -> Family:
    attn, mlp = ("post_attention_layernorm",), ("post_feedforward_layernorm",)
    return Family(name, "layers", attn, ("mlp.down_proj",), mlp, "norm")


_FOUR_H = ("mlp.dense_4h_to_h",)
_LLAMA4_ACT = ("feed_forward.shared_expert.down_proj", "feed_forward.down_proj")
_ROWS = (
    _encoder("bert", "attention.output.dense", after_padding=False, token_types=True),
    _encoder("roberta", "attention.output.dense", after_padding=True, token_types=True),
    _encoder("mpnet", "attention.attn.o", after_padding=True, token_types=False),
    Family("gpt2", "h", ("attn.c_proj",), ("mlp.c_proj",), ("mlp.c_proj",), "ln_f"),
    Family("gpt_neox", "layers", ("attention.dense",), _FOUR_H, _FOUR_H, "final_layer_norm"),
    Family("bloom", "h", ("self_attention.dense",), _FOUR_H, _FOUR_H, "ln_f", first_position="none"),
    Family("phi", "layers", ("self_attn.dense",), ("mlp.fc2",), ("mlp.fc2",), "final_layernorm"),
    Family("llama4_text", "layers", ("self_attn.o_proj",), _LLAMA4_ACT, ("feed_forward",), "norm"),
    *(_decoder(name) for name in ("llama", "mistral", "qwen2", "qwen3", "phi3")),
    *(_gemma(name) for name in ("gemma2", "gemma3_text", "gemma4_text")),
)
FAMILIES: dict[str, Family] = {row.name: row for row in _ROWS}


def family_of(config: PreTrainedConfig) -> Family:
    """The row for a configuration; wrappers of several modalities count as their text model.

    Raises
    ------
    ModelError
        For a family without a row: it names the supported ones and says how to add one.
    """
    kind = str(config.get_text_config(decoder=True).model_type)
    if kind not in FAMILIES:
        raise ModelError(
            f"Models of the family '{kind}' have no site table. Supported: {', '.join(sorted(FAMILIES))}. To add "
            "it, write one row in consona/lm/sites.py (path of the blocks, modules of attention and MLP) and its tiny "
            "model in tests/lm/conftest.py; the parity test then says whether the row is right."
        )
    return FAMILIES[kind]


def text_network(model: PreTrainedModel, family: Family) -> PreTrainedModel:
    """The part of a model that turns tokens into states: without heads, and without towers for images or sound."""
    parts = model.get_decoder().modules() if family.causal else model.modules()
    for part in parts:
        if isinstance(part, PreTrainedModel) and family.blocks in dict(part.named_modules()):
            return part
    raise ModelError(f"There is no '{family.blocks}' in {type(model).__name__}; the row '{family.name}' is wrong.")


def blocks_of(network: PreTrainedModel, family: Family) -> nn.ModuleList:
    """The transformer blocks, in order."""
    blocks = network.get_submodule(family.blocks)
    if not isinstance(blocks, nn.ModuleList):
        raise ModelError(f"'{family.blocks}' of a {family.name} model is no list of blocks; its row is wrong.")
    return blocks


def layer_numbers(layers: Sequence[int] | str, n_layers: int) -> tuple[int, ...]:
    """Layers counted from 0, in the order given; negative numbers count from the end.

    Raises
    ------
    InvalidInput
        When a layer does not exist, is named twice, or none is named.
    """
    if isinstance(layers, str):
        if layers != "all":
            raise InvalidInput(f"Layers are 'all' or a list of numbers; found '{layers}'.")
        return tuple(range(n_layers))
    asked = tuple(int(layer) for layer in layers)
    wrong = [layer for layer in asked if not -n_layers <= layer < n_layers]
    if wrong:
        raise InvalidInput(
            f"There is no layer {', '.join(str(layer) for layer in wrong)}: the model has {n_layers} blocks, "
            f"counted from 0 to {n_layers - 1} (or from -1 backwards)."
        )
    numbers = tuple(layer % n_layers for layer in asked)
    if not numbers or len(set(numbers)) != len(numbers):
        raise InvalidInput(f"Layers must be distinct, and at least one; found {asked}.")
    return numbers


def module_at(network: PreTrainedModel, family: Family, site: str, layer: int) -> tuple[nn.Module, Side]:
    """The module to read a site from, and whether its input or its output is meant.

    Raises
    ------
    InvalidInput
        When the site or the layer does not exist.
    """
    blocks = blocks_of(network, family)
    block = blocks[layer_numbers([layer], len(blocks))[0]]
    paths = {"attn.out": family.attn_out, "mlp.act": family.mlp_act, "mlp.out": family.mlp_out}
    if site == "resid.pre":
        return block, "in"
    if site == "resid.post":
        return block, "out"
    if site not in paths:
        raise InvalidInput(f"There is no site '{site}'; the sites are {', '.join(SITES)}.")
    return next(_found(block, paths[site], site, layer)), "in" if site == "mlp.act" else "out"


def _found(block: nn.Module, paths: tuple[str, ...], site: str, layer: int) -> Iterator[nn.Module]:
    present = {name for name, _ in block.named_modules()}
    yield from (block.get_submodule(path) for path in paths if path in present)
    raise ModelError(f"Layer {layer} has none of {', '.join(paths)}, where '{site}' is read; its row is wrong.")


def site_width(network: PreTrainedModel, family: Family, site: str, layer: int) -> int:
    """How many features a site has at a layer: the width of the model, or of the MLP for ``mlp.act``."""
    module, _ = module_at(network, family, site, layer)
    if site != "mlp.act":
        return int(network.config.hidden_size)
    # GPT-2 stores its projections transposed, in a class of its own
    return module.in_features if isinstance(module, nn.Linear) else int(module.get_parameter("weight").shape[0])

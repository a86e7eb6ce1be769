"""Which weights of a model a fine-tuning would reach, counted before it begins, and whether arms are comparable."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import pandas as pd
from torch import nn
from transformers.pytorch_utils import Conv1D

from consona.core.errors import InvalidInput, ModelError
from consona.core.invariants import listed
from consona.lm.model import LanguageModel
from consona.lm.sites import blocks_of
from consona.training.tuning_recipe import TuningRecipe

__all__ = ["Arm", "audit", "is_projection", "matched_arms", "require_matched"]

# Several projections in one matrix, as Phi-3, GPT-NeoX, BLOOM and GPT-2 have them.
_FUSED = ("qkv", "query_key_value", "c_attn")


def audit(lm: LanguageModel, recipe: TuningRecipe) -> pd.DataFrame:
    """One row per layer and projection that is asked for: which module it is, or that there is none.

    Nothing is trained. LoRA by name alone passes over what it does not find: in Phi-4-mini, whose queries, keys and
    values are one matrix, ``q_proj``, ``k_proj`` and ``v_proj`` match nothing and only ``o_proj`` is adapted.

    Returns
    -------
    pd.DataFrame
        Columns ``layer``, ``target`` (asked for), ``module`` (path in the text network, empty where missed),
        ``matched``, ``shape``, ``n_trained`` (numbers that would be trained) and ``note`` (what there is instead).

    Raises
    ------
    InvalidInput
        When a layer does not exist.
    ModelError
        When a block has no attention module.
    """
    rows = [
        row
        for layer in recipe.layer_numbers(lm.n_layers)
        for row in (_adapters(lm, layer, recipe) if recipe.trained == "lora" else _whole(lm, layer))
    ]
    return pd.DataFrame(rows, columns=["layer", "target", "module", "matched", "shape", "n_trained", "note"])


def require_matched(table: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`audit`, when every projection that is asked for is there.

    Raises
    ------
    ModelError
        Otherwise; it says which modules matched, which projections would be missed, and what there is.
    """
    missed = table[~table["matched"]]
    if len(missed):
        matched = sorted(set(table.loc[table["matched"], "target"]))
        raise ModelError(
            f"LoRA would miss {listed(sorted(set(missed['target'])))} in layers "
            f"{listed([str(each) for each in sorted(set(missed['layer']))])}; matched are {listed(matched) or 'none'}. "
            f"{missed['note'].iloc[0]} Nothing was trained."
        )
    return table


class Arm(Protocol):
    """What is compared: see :class:`consona.training.guided_tuning.Tuned`."""

    @property
    def facts(self) -> dict[str, Any]:
        """What an arm is, by name of the fact."""


def matched_arms(arms: Mapping[str, Arm], *, variable: tuple[str, ...] = ()) -> pd.DataFrame:
    """A row per arm, when arms differ in their target and in nothing else that was set before the training.

    Parameters
    ----------
    arms
        By name.
    variable
        Facts that may differ all the same: ``("seed", "start")`` for a table over seeds.

    Returns
    -------
    pd.DataFrame
        Index ``arm``; the columns are the facts, among them ``target``, ``n_trained``, ``seed``, ``steps``,
        ``problems``, ``start`` (hash of the weights before the first step), ``chosen_epoch`` and ``accuracy``.

    Raises
    ------
    InvalidInput
        When arms were not trained alike; it names the facts and the arms.
    """
    table = pd.DataFrame({name: arm.facts for name, arm in arms.items()}).T.rename_axis("arm")
    may = {"target", "chosen_epoch", "accuracy", "weights", *variable}
    unequal = [fact for fact in table if fact not in may and table[fact].astype(str).nunique() > 1]
    if unequal:
        found = "; ".join(f"{fact}: {dict(table[fact].astype(str).str[:40])}" for fact in unequal)
        raise InvalidInput(f"These arms are not comparable, they differ in more than their target. {found}.")
    return table


def is_projection(module: nn.Module) -> bool:
    """Whether a module is a matrix that LoRA can adapt."""
    return isinstance(module, nn.Linear | Conv1D)


def _attention(lm: LanguageModel, layer: int) -> tuple[str, nn.Module]:
    """Path and module of the attention of a block: its child of that name that holds matrices."""
    block = blocks_of(lm.network, lm.family)[layer]
    for name, child in block.named_children():
        if ("attn" in name or "attention" in name) and any(is_projection(each) for each in child.modules()):
            return f"{lm.family.blocks}.{layer}.{name}", child
    raise ModelError(f"Layer {layer} of this {lm.family.name} model has no module of attention with weights to train.")


def _whole(lm: LanguageModel, layer: int) -> Iterator[dict[str, Any]]:
    path, module = _attention(lm, layer)
    count = sum(weight.numel() for weight in module.parameters())
    yield _row(layer, "attention", path, "", count, "")


def _adapters(lm: LanguageModel, layer: int, recipe: TuningRecipe) -> Iterator[dict[str, Any]]:
    path, attention = _attention(lm, layer)
    present = {name: module for name, module in attention.named_modules() if is_projection(module)}
    for target in recipe.targets:
        if target in present:
            n_in, n_out = _shape(present[target])
            yield _row(layer, target, f"{path}.{target}", f"{n_in} x {n_out}", recipe.rank * (n_in + n_out), "")
        else:
            yield _row(layer, target, "", "", 0, _instead(lm, tuple(present), recipe))


def _row(layer: int, target: str, module: str, shape: str, n_trained: int, note: str) -> dict[str, Any]:
    found = {"layer": layer, "target": target, "module": module, "matched": bool(module)}
    return {**found, "shape": shape, "n_trained": n_trained, "note": note}


def _shape(module: nn.Module) -> tuple[int, int]:
    """Numbers in and out; GPT-2 stores its matrices the other way round."""
    first, second = module.get_parameter("weight").shape
    return (int(first), int(second)) if isinstance(module, Conv1D) else (int(second), int(first))


def _instead(lm: LanguageModel, present: tuple[str, ...], recipe: TuningRecipe) -> str:
    fused = [name for name in present if any(part in name for part in _FUSED)]
    kept = [name for name in present if name in fused or name in recipe.targets]
    said = f"The attention of this {lm.family.name} model has {listed(present)}"
    if fused:
        said += f", and {fused[0]} is queries, keys and values in one matrix"
        kept += [name for name in present if name not in kept]  # the output's name is another one, too
    return f"{said}. Give targets={tuple(kept) or present}."

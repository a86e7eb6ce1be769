"""Shifts of activations, one per variant and stimulus: do they fit the prompts, and did they leave numbers?"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from transformers import PreTrainedTokenizerFast

from consona.core.errors import InvalidInput, ModelError
from consona.core.invariants import listed
from consona.lm.answers import Question
from consona.lm.sites import layer_numbers

DIMS = ("variant", "stimulus", "layer", "feature")


def fitted(
    shifts: xr.DataArray, ids: npt.NDArray[np.str_], n_layers: int, n_features: int
) -> tuple[tuple[int, ...], npt.NDArray[np.int64]]:
    """The layers that are shifted, and for every prompt its column in the shifts ``(n_prompts,)``, -1 for none.

    Raises
    ------
    InvalidInput
        When dims, stimuli, layers or width do not fit.
    """
    if shifts.dims != DIMS or "stimulus" not in shifts.coords or "layer" not in shifts.coords:
        raise InvalidInput(
            f"Shifts are ({', '.join(DIMS)}) with coordinates stimulus and layer; found "
            f"({', '.join(map(str, shifts.dims))}) with {listed(shifts.coords)}. Transpose them or add coordinates."
        )
    named = [str(each) for each in shifts["stimulus"].values]
    unknown = sorted(set(named) - set(ids.tolist()))
    if unknown or len(set(named)) != len(named):
        raise InvalidInput(
            f"Shifts name every stimulus once, and only those of the {len(ids)} prompts; found {len(named)} names, "
            f"{len(set(named))} different, {len(unknown)} unknown ({listed(unknown)})."
        )
    if shifts.sizes["feature"] != n_features:
        raise InvalidInput(f"Shifts have {shifts.sizes['feature']} features; the site has {n_features}.")
    asked = [int(layer) for layer in shifts["layer"].values]
    column = {name: i for i, name in enumerate(named)}
    return layer_numbers(asked, n_layers) if asked else (), np.array([column.get(name, -1) for name in ids.tolist()])


def single_tokens(
    tokenizer: PreTrainedTokenizerFast, questions: Sequence[Question], names: Sequence[str]
) -> npt.NDArray[np.int64]:
    """The token of every answer, ``(n_stimuli, n_answers)``.

    Raises
    ------
    InvalidInput
        When the tokenizer splits an answer; its pieces are named.
    """
    for question in questions:
        for name, tokens in zip(names, question.answers):
            if len(tokens) != 1:
                pieces = ", ".join(repr(tokenizer.decode([token])) for token in tokens)
                raise InvalidInput(
                    f"The tokenizer splits the answer {name!r} into {len(tokens)} pieces ({pieces}); here an answer is "
                    "one token. Take other words, mind the blank before them, or use answer_log_probabilities, which "
                    "sums over pieces."
                )
    return np.array([[tokens[0] for tokens in question.answers] for question in questions], dtype=np.int64)


def require_defined(found: xr.DataArray) -> None:
    """Log probabilities ``(variant, stimulus, answer)`` are finite.

    Raises
    ------
    ModelError
        Otherwise; stimuli and variants are named.
    """
    wrong = ~np.isfinite(found.values).all(axis=2)
    if not wrong.any():
        return
    every = found["variant"].values if "variant" in found.coords else np.arange(len(wrong))
    variants = [str(each) for each in every[wrong.any(axis=1)]]
    stimuli = found["stimulus"].values[wrong.any(axis=0)]
    raise ModelError(
        f"Answers to {len(stimuli)} stimuli ({listed(stimuli)}) have no log probability under {len(variants)} variants "
        f"({listed(variants)}): the weights, an edit or a shift make the logits undefined. Nothing is imputed; take "
        "smaller shifts."
    )

"""A model whose weights are disturbed a little, so that it errs: what a repair can be tried on."""

import copy
from dataclasses import replace
from functools import partial

import torch

from consona.core.errors import InvalidInput
from consona.lm.model import LanguageModel
from consona.lm.origin import Origin


def disturbed(lm: LanguageModel, size: float, *, seed: int) -> LanguageModel:
    """The same model with Gaussian noise on every matrix of its blocks, of ``size`` times the matrix's own spread.

    Embeddings, norms and the output layer stay as they are. A copy is disturbed; its identity counts the model's, size
    and seed.

    Raises
    ------
    InvalidInput
        When the size is not a positive number, the seed is negative, or the model is edited.
    """
    if not 0 < size < float("inf") or seed < 0 or lm.edits:
        raise InvalidInput(
            f"An intact model is disturbed by a positive size with a seed of at least 0; found size {size}, seed "
            f"{seed} and {len(lm.edits)} edits."
        )
    network = copy.deepcopy(lm.network)
    head = copy.deepcopy(lm.head)
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim == 2 and "embed" not in name:
                noise = torch.randn(weight.shape, generator=draws) * size * float(weight.float().std())
                weight.add_(noise.to(weight.device, weight.dtype))
    facts = {**lm.source.files, "disturbance": f"size {size:g}, seed {seed}"}
    words = f"{lm.source.weights}, disturbed by {size:g} of their spread, seed {seed}"
    made = replace(lm, network=network, head=head, source=replace(lm.source, files=facts, weights=words), origin=None)
    own = made.fingerprint()
    if lm.origin is None or own is None:
        return made
    return replace(made, origin=Origin(own, partial(_again, lm.origin, size, seed)))


def _again(origin: Origin, size: float, seed: int) -> LanguageModel:
    return disturbed(origin.make(), size, seed=seed)


__all__ = ["disturbed"]

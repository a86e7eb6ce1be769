"""Losses on the states of a model: how far they are from predicting a brain, or from states they should become."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.training.guided_targets import BrainTerm, GuidedTarget, StateTarget

__all__ = ["StateLoss", "state_loss"]

StateLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
_SMALLEST = 1e-20  # of the squared length of a predicted pattern, so that its root has a gradient


def state_loss(target: GuidedTarget | StateTarget, ids: Sequence[str], device: torch.device) -> StateLoss:
    """A target as a function of which problems ``(n,)`` of ``ids`` these are and their states ``(n, layer, feature)``.

    It gives the *sum* over problems. Of a :class:`GuidedTarget`: over layers, of the mean over the subjects that count
    of ``1 - cos``. Of a :class:`StateTarget`: over layers, of the mean over features of the squared distance, times
    the weight. A problem without patterns or target adds nothing.

    Raises
    ------
    InvalidInput
        When a problem of the target is not among ``ids``: it would silently have no part in the training.
    """
    names = target.ids
    absent = sorted(set(names) - set(ids))
    if absent:
        raise InvalidInput(
            f"The target '{target.name}' has {len(absent)} problems that are not trained on ({listed(absent)}). Give a "
            "target made for these problems."
        )
    if isinstance(target, StateTarget):
        return _distances(target, _places(ids, names), device)
    parts = [_cosines(term, _places(ids, term.ids), device) for term in target.terms]
    return lambda members, states: torch.stack([part(members, states) for part in parts]).sum()


@dataclass(frozen=True, eq=False)
class _Maps:
    """A term as tensors on the device of the model."""

    weights: torch.Tensor
    offsets: torch.Tensor
    gram: torch.Tensor
    products: torch.Tensor
    norms: torch.Tensor

    @classmethod
    def of(cls, term: BrainTerm, device: torch.device) -> "_Maps":
        # a pattern that does not count may be undefined, and 0 times that is not 0
        counts = np.asarray(term.counts, dtype=bool)
        products, norms = np.where(counts[..., None], term.products, 0), np.where(counts, term.norms, 1)
        arrays = (term.weights, term.offsets, term.gram, products, norms)
        return cls(*(torch.as_tensor(np.array(each, dtype=np.float32), device=device) for each in arrays))

    def cosine(self, rows: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """``(n_subjects, n_rows, n_layers)`` of states ``(n_rows, n_layers, n_features)``."""
        a = torch.einsum("slnd,mld->smln", self.weights, states) + self.offsets[:, None]
        power = (torch.einsum("smln,snp->smlp", a, self.gram) * a).sum(dim=-1)
        shared = torch.einsum("smln,smn->sml", a, self.products[:, rows])
        cosine: torch.Tensor = shared / (power.clamp_min(_SMALLEST).sqrt() * self.norms[:, rows, None])
        return cosine


def _places(ids: Sequence[str], names: Sequence[str]) -> torch.Tensor:
    """For every training problem its row in the target, -1 for none."""
    row = {name: i for i, name in enumerate(names)}
    return torch.tensor([row.get(name, -1) for name in ids])


def _cosines(term: BrainTerm, places: torch.Tensor, device: torch.device) -> StateLoss:
    counts = np.asarray(term.counts, dtype=bool)
    shares = torch.as_tensor((counts / np.maximum(counts.sum(axis=0), 1)).astype(np.float32), device=device)
    maps = _Maps.of(term, device)
    guided = torch.as_tensor(counts.any(axis=0))

    def loss(members: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        rows = places[members]
        used = (rows >= 0) & guided[rows]
        if not bool(used.any()):
            return states.new_zeros(())
        rows = rows[used].to(device)
        away = 1 - maps.cosine(rows, states[used.to(device)])
        return (shares[:, rows, None] * away).sum()

    return loss


def _distances(target: StateTarget, places: torch.Tensor, device: torch.device) -> StateLoss:
    wanted, weights = (
        torch.as_tensor(np.asarray(each), dtype=torch.float32, device=device)
        for each in (target.states, target.weights)
    )

    def loss(members: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        rows = places[members]
        used = rows >= 0
        rows = rows[used].to(device)
        squared = (states[used.to(device)] - wanted[rows]).square().mean(dim=2).sum(dim=1)
        return (weights[rows] * squared).sum()

    return loss

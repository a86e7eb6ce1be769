"""Losses on the states of a model: how far they are from predicting a brain, or from states they should become."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.training.guided_targets import BrainTerm, GuidedTarget, StateTarget

__all__ = ["StateLoss", "guided_cosine", "state_loss"]

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


def guided_cosine(term: BrainTerm, states: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Cosine of predicted and measured patterns, ``(n_subjects, n_problems, n_layers)``, of states in the term's order.

    ``states`` are ``(n_problems, n_layers, n_features)``.
    """
    kept = _Maps.of(term, torch.device("cpu"), torch.float64)
    made = kept.cosine(torch.arange(len(term.ids)), torch.as_tensor(np.asarray(states, dtype=np.float64)))
    return np.asarray(made.numpy())


@dataclass(frozen=True, eq=False)
class _Maps:
    """A term as tensors on the device of the model."""

    readers: torch.Tensor
    similarity: torch.Tensor
    products: torch.Tensor
    norms: torch.Tensor

    @classmethod
    def of(cls, term: BrainTerm, device: torch.device, dtype: torch.dtype) -> "_Maps":
        arrays = (term.readers, term.similarity, term.products, term.norms)
        return cls(*(torch.as_tensor(np.array(each), dtype=dtype, device=device) for each in arrays))

    def cosine(self, rows: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """``(n_subjects, n_rows, n_layers)`` of states ``(n_rows, n_layers, n_features)``."""
        a = torch.einsum("slnd,mld->smln", self.readers, states)
        energy = (torch.einsum("smln,snp->smlp", a, self.similarity) * a).sum(dim=-1)
        dot = torch.einsum("smln,smn->sml", a, self.products[:, rows])
        cosine: torch.Tensor = dot / (energy.clamp_min(_SMALLEST).sqrt() * self.norms[:, rows, None])
        return cosine


def _places(ids: Sequence[str], names: Sequence[str]) -> torch.Tensor:
    """For every training problem its row in the target, -1 for none."""
    row = {name: i for i, name in enumerate(names)}
    return torch.tensor([row.get(name, -1) for name in ids])


def _cosines(term: BrainTerm, places: torch.Tensor, device: torch.device) -> StateLoss:
    counts = np.asarray(term.counts, dtype=bool)
    shares = torch.as_tensor((counts / np.maximum(counts.sum(axis=0), 1)).astype(np.float32), device=device)
    # a pattern that does not count may be undefined, and 0 times that is not 0
    products, norms = np.where(counts[..., None], term.products, 0), np.where(counts, term.norms, 1)
    maps = _Maps.of(replace(term, products=products, norms=norms), device, torch.float32)
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

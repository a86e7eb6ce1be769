"""Training a soft prompt: its vectors learn, the model does not, and validation texts choose the epoch."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from consona.core.errors import InvalidInput, ModelError
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.lm.packing import padded
from consona.training.masked_model import MaskedModel, Prefix, frozen
from consona.training.soft_prompt import Prompted, PromptTuning, SoftPrompt, labels_of, prompt_tokens

__all__ = ["tune_prompt", "verbaliser_of"]

Progress = Callable[[int, float], None]


def verbaliser_of(model: MaskedModel, words: tuple[str, str]) -> tuple[int, int]:
    """Token ids of two entries of the vocabulary, for the labels 0 and 1.

    Words are taken as they stand in the vocabulary: in RoBERTa's ``"negative"`` and ``"positive"`` are tokens without a
    blank before them, 33407 and 22173.

    Raises
    ------
    InvalidInput
        When a word is no single token, or both are the same.
    """
    known = model.lm.tokenizer.get_vocab()
    absent = [word for word in words if word not in known]
    if absent or words[0] == words[1]:
        raise InvalidInput(
            f"A verbaliser is two different tokens of the vocabulary; not in it: {listed(absent)}, found {words}."
        )
    return known[words[0]], known[words[1]]


def tune_prompt(
    model: MaskedModel,
    train: Stimuli,
    validation: Stimuli,
    recipe: PromptTuning,
    *,
    words: tuple[str, str] = ("negative", "positive"),
    seed: int,
    progress: Progress | None = None,
) -> SoftPrompt:
    """Train a soft prompt; no weight of the model changes, and there is no dropout.

    Parameters
    ----------
    model
        The edits that it has are carried out in every pass.
    train, validation
        With the columns ``text`` and ``label`` (0 and 1, both present). The validation texts choose the epoch and
        nothing else; texts for a test are not given here.
    recipe, words, seed
        What is trained; the two words of the verbaliser; the order of the texts.
    progress
        Called with the number of the epoch, from 1, and its validation accuracy.

    Raises
    ------
    InvalidInput
        When labels are not 0 and 1, a class is missing, or the verbaliser is not in the vocabulary.
    ModelError
        When the loss is infinite or undefined.
    """
    labels = torch.from_numpy(labels_of(train, "The training texts"))
    labels_of(validation, "The validation texts")
    verbaliser, name = verbaliser_of(model, words), model.fingerprint() or ""
    start = model.embedding(torch.tensor([model.mask])).detach().float().cpu()
    vectors = torch.nn.Parameter(start.repeat(recipe.n_tokens, 1))
    optimiser = torch.optim.AdamW([vectors], lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    best, accuracy = SoftPrompt(vectors.detach().numpy().copy(), verbaliser, recipe, name), list[float]()
    ids, prefix = prompt_tokens(model, train, recipe).ids, Prefix(vectors, recipe.order, recipe.positions)
    with frozen(model.lm.network, model.head):
        for epoch in range(recipe.epochs):
            order = np.random.default_rng((seed, epoch)).permutation(len(ids))
            for at in range(0, len(ids), recipe.batch):
                batch = padded(ids, order[at : at + recipe.batch].tolist(), model.lm.pad)
                logits = model.mask_logits(batch, prefix)[:, list(verbaliser)]
                _advance(optimiser, F.cross_entropy(logits, labels[batch.members].to(logits.device)))
            found = SoftPrompt(vectors.detach().numpy().copy(), verbaliser, recipe, name)
            accuracy.append(Prompted(model, found).accuracy(validation))
            best = found if accuracy[-1] > max(accuracy[:-1], default=-1.0) else best
            if progress is not None:
                progress(epoch + 1, accuracy[-1])
    return SoftPrompt(best.vectors, verbaliser, recipe, name, tuple(accuracy))


def _advance(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    if not bool(torch.isfinite(loss)):
        raise ModelError("The loss of the prompt is infinite or undefined. Lower learning_rate, or take float32.")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()

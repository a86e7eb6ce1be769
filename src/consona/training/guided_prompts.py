"""Problems as a model reads them while it is tuned: token ids of prompts, and the tokens of both answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.lm.answers import asked
from consona.lm.model import LanguageModel
from consona.lm.packing import Batch, Layout, planned
from consona.lm.tokens import Wording
from consona.training.tuning_recipe import TuningRecipe

__all__ = ["Problems", "problems_of"]


@dataclass(frozen=True, eq=False)
class Problems:
    """Problems ready to be run.

    Parameters
    ----------
    ids
        Of the stimuli.
    batches
        Passes over their prompts; which problems are in one is ``batch.members``.
    tokens
        The tokens of both answers, ``(n_problems, 2)``.
    right
        Which of them is right, ``(n_problems,)``: 0 where the label is True.
    """

    ids: tuple[str, ...]
    batches: tuple[Batch, ...]
    tokens: torch.Tensor
    right: torch.Tensor

    def __len__(self) -> int:
        """How many problems there are."""
        return len(self.ids)


def problems_of(lm: LanguageModel, stimuli: Stimuli, recipe: TuningRecipe) -> Problems:
    """Tokenise problems and their answers, as :func:`consona.lm.answers.answer_log_probabilities` does.

    Raises
    ------
    InvalidInput
        When there is no problem, a label is anything but True and False, a prompt is too long, or an answer is more
        than one token (its pieces are named).
    """
    labels = _labels(stimuli)
    questions = asked(lm, stimuli, recipe.answers, Wording(recipe.template, lm.chat_template))
    for question in questions:
        for name, answer in zip(recipe.answers, question.answers):
            if len(answer) != 1:
                pieces = [repr(lm.tokenizer.decode([token])) for token in answer]
                raise InvalidInput(
                    f"The tokenizer splits the answer {name!r} into {len(answer)} pieces ({listed(pieces)}); what is "
                    "tuned is one token. Take other words, and mind the blank before them."
                )
    prompts = [question.prompt for question in questions]
    size = 1 if lm.layout.batch_size == 1 else recipe.batch  # company changes numbers in a few models
    layout = Layout(packed=False, batch_size=size, longest=lm.layout.longest)
    tokens = torch.tensor([[each[0] for each in question.answers] for question in questions])
    batches = tuple(planned(prompts, layout, lm.pad))
    return Problems(tuple(stimuli.ids.tolist()), batches, tokens, torch.from_numpy(1 - labels))


def _labels(stimuli: Stimuli) -> npt.NDArray[np.int64]:
    """1 where the conclusion follows, ``(n_problems,)``."""
    found: Sequence[object] = np.asarray(stimuli["label"]).tolist()
    if not found or any(each not in (0, 1) for each in found):
        raise InvalidInput(
            f"Problems have the column 'label' with True and False, and there is at least one; found "
            f"{len(found)} problems with {listed(sorted({str(each) for each in found}))}."
        )
    return np.asarray(found).astype(np.int64)

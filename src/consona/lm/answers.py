"""How probable a causal model finds given answers: the log probability of their tokens after a prompt."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
import xarray as xr
from tokenizers import Encoding
from torch import nn
from transformers import DynamicCache, PreTrainedTokenizerFast

from consona.core.errors import InvalidInput, ModelError
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.lm.generation import logits_of, require_head
from consona.lm.hooks import Rows, attached, edit_taps, rows_at
from consona.lm.model import LanguageModel
from consona.lm.states import Machine
from consona.lm.tokens import Wording, readable_texts, worded

__all__ = ["answer_log_probabilities"]


@dataclass(frozen=True)
class Question:
    """A prompt and the answers to it, as token ids."""

    prompt: list[int]
    answers: list[list[int]]


def answer_log_probabilities(
    lm: LanguageModel, stimuli: Stimuli, answers: Sequence[str], *, template: str | None = None
) -> xr.DataArray:
    """The log probability, in nats, of every answer after every prompt, summed over the tokens of the answer.

    Prompt and answer are tokenised as one string, as the model would have read them; the answer must begin where a
    token begins, so an answer that is a word carries the blank before it (``" joy"``). The prompt is run once per
    stimulus and its keys and values serve all answers. The edits of the model are carried out; of positions, the
    tokens of an answer count as generated, and ``"last"`` is the last token of the prompt.

    Parameters
    ----------
    lm
        A causal model, with or without edits.
    stimuli
        With the column ``text``.
    answers
        At least one, all different.
    template
        Wording of the prompt, such as ``"{text} The writer feels"``.

    Returns
    -------
    xr.DataArray
        Float64 ``(stimulus, answer)``; the coordinate ``n_tokens`` has the shape of the values. Answers of more tokens
        are less probable; whether to divide is left to the reader.

    Raises
    ------
    InvalidInput
        When answers repeat or are empty, an answer does not begin with a token, or prompt and answer are too long.
    ModelError
        When the model has no output layer, or a log probability is undefined (an edit gave NaN or infinity).
    """
    head, names = require_head(lm.head, lm.family.name), [str(answer) for answer in answers]
    if not names or len(set(names)) != len(names) or not all(names):
        raise InvalidInput(f"Answers are at least one, all different and not empty; found {listed(names)}.")
    questions = asked(lm, stimuli, names, Wording(template, lm.chat_template))
    values = np.array([_scored(lm.machine, head, question) for question in questions])
    undefined = stimuli.ids[np.isnan(values).any(axis=1)]
    if len(undefined):
        raise ModelError(
            f"Answers to {len(undefined)} stimuli have no log probability ({listed(undefined)}): the weights or an "
            "edit make the logits undefined. Nothing is imputed."
        )
    n_tokens = np.array([[len(each) for each in question.answers] for question in questions])
    coords = {"stimulus": stimuli.ids, "answer": names, "n_tokens": (("stimulus", "answer"), n_tokens)}
    attrs = {"model": lm.source.name, "template": template or "", "unit": "nat", "dtype": lm.dtype}
    attrs["edits"] = json.dumps([edit.to_json() for edit in lm.edits])
    return xr.DataArray(values, coords, ("stimulus", "answer"), attrs=attrs, name="log_probability")


def asked(lm: LanguageModel, stimuli: Stimuli, answers: Sequence[str], wording: Wording) -> list[Question]:
    """Prompt and answers of every stimulus, as token ids."""
    prompts, _ = worded(lm.tokenizer, readable_texts(stimuli), wording)
    made = [_tokenised(lm.tokenizer, prompt, answers, special=not wording.chat) for prompt in prompts]
    limit = lm.max_tokens
    long = [
        name
        for name, question in zip(stimuli.ids, made)
        if len(question.prompt) + max(map(len, question.answers)) > limit
    ]
    if long:
        raise InvalidInput(
            f"Prompt and answer of {listed(long)} are longer than the {limit} tokens of the model; a cut prompt would "
            "ask something else. Drop or shorten them."
        )
    return made


def _tokenised(tokenizer: PreTrainedTokenizerFast, prompt: str, answers: Sequence[str], *, special: bool) -> Question:
    made = tokenizer([prompt + answer for answer in answers], add_special_tokens=special, verbose=False)
    before, after = [], []
    for answer, encoding in zip(answers, made.encodings or []):
        first = _first_of_answer(encoding, len(prompt))
        if first == 0:
            raise InvalidInput(
                f"The answer {answer!r} does not begin with a token of its own behind {prompt[-20:]!r}. A blank "
                "between them belongs to the answer, and a prompt has at least one token."
            )
        before.append(encoding.ids[:first])
        marks = encoding.special_tokens_mask[first:]
        after.append([token for token, mark in zip(encoding.ids[first:], marks) if not mark])
    if any(each != before[0] for each in before):
        raise InvalidInput(
            f"The tokens of {prompt[-20:]!r} depend on which answer follows ({listed(answers)}). Begin answers with a "
            "blank, or end the prompt with a mark that no token of an answer includes."
        )
    return Question(before[0], after)


def _first_of_answer(encoding: Encoding, n_characters: int) -> int:
    """The token with which the answer begins; 0 where one token holds the end of the prompt too, or none is left."""
    tokens = zip(encoding.offsets, encoding.special_tokens_mask)
    behind = ((i, start) for i, ((start, end), mark) in enumerate(tokens) if not mark and end > n_characters)
    first, start = next(behind, (0, n_characters))
    return first if start >= n_characters else 0


def _scored(machine: Machine, head: nn.Module, question: Question) -> list[float]:
    """Summed log probabilities of the answers to one prompt, in nats."""
    prompt, answers = question.prompt, question.answers
    cache = DynamicCache(config=machine.network.config)
    edits = edit_taps(machine.network, machine.family, machine.edits, rows_at(prompt, torch.arange(len(prompt))))
    with torch.no_grad():
        with attached(edits):
            states = passed(machine, cache, torch.tensor([prompt]), torch.ones(1, len(prompt), dtype=torch.long))
        first = F.log_softmax(logits_of(machine, head, states[0, -1]).double(), dim=-1)
        total = [float(first[each[0]]) for each in answers]
        longer = [i for i, each in enumerate(answers) if len(each) > 1]
        if longer:
            rest = _continued(machine, head, cache, prompt, [answers[i] for i in longer])
            for i, each in zip(longer, rest):
                total[i] += each
    return total


def _continued(
    machine: Machine, head: nn.Module, cache: DynamicCache, prompt: Sequence[int], answers: Sequence[Sequence[int]]
) -> list[float]:
    """Summed log probabilities of all tokens of the answers but the first, given the keys and values of the prompt."""
    cache.batch_repeat_interleave(len(answers))
    width = max(map(len, answers)) - 1
    given, wanted = (torch.full((len(answers), width), fill) for fill in (machine.pad, -100))
    for row, answer in enumerate(answers):
        given[row, : len(answer) - 1] = torch.tensor(answer[:-1])
        wanted[row, : len(answer) - 1] = torch.tensor(answer[1:])
    own = rows_at(prompt, torch.arange(len(prompt), len(prompt) + width))
    rows = Rows(*(each.repeat(len(answers)) for each in own))
    mask = torch.cat([torch.ones(len(answers), len(prompt), dtype=torch.long), (wanted >= 0).long()], dim=1)
    with attached(edit_taps(machine.network, machine.family, machine.edits, rows)):
        states = passed(machine, cache, given, mask)
    logits = logits_of(machine, head, states).double()
    loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten().to(logits.device), reduction="none")
    return [-float(each) for each in loss.reshape(wanted.shape).sum(dim=1)]


def passed(machine: Machine, cache: DynamicCache, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The last hidden states of these tokens, which join the keys and values of the cache."""
    inputs = {"input_ids": ids, "attention_mask": mask}
    if machine.family.first_position != "none":
        start = mask.shape[1] - ids.shape[1]
        inputs["position_ids"] = torch.arange(start, mask.shape[1])[None].expand(len(ids), -1)
    moved = {name: each.to(machine.device) for name, each in inputs.items()}
    state: torch.Tensor = machine.network(**moved, past_key_values=cache, use_cache=True).last_hidden_state
    return state

"""Texts to token ids: templates, chat markup, truncation that is counted, and spans of characters."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerFast

from consona.core.errors import InvalidInput, ModelError
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli

PLACE = "{text}"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, eq=False)
class Tokens:
    """Token ids, one list per text; ``truncated`` says which were cut; ``spans`` are token spans ``(n_texts, 2)``."""

    ids: list[list[int]]
    truncated: npt.NDArray[np.bool_]
    spans: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Wording:
    """What stands around every text: a template with ``{text}`` and, for chat models, the markup of one user turn.

    Models that can think aloud before they answer (Qwen 3) are told not to: what is read is the place of the answer.
    """

    template: str | None = None
    chat: bool = False

    def __post_init__(self) -> None:
        """The template names the place of the text exactly once."""
        if self.template is not None and self.template.count(PLACE) != 1:
            raise InvalidInput(f"A template holds {PLACE} exactly once; found {self.template!r}.")


def readable_texts(stimuli: Stimuli) -> list[str]:
    """The texts, one per stimulus.

    Raises
    ------
    InvalidInput
        When texts are empty, missing (``n/a``) or no valid Unicode; the ids are listed.
    """
    texts = stimuli.texts
    missing = [name for name, text in zip(stimuli.ids, texts) if text.strip().lower() == "n/a"]
    if missing:
        raise InvalidInput(f"The text 'n/a' means missing and cannot be read: {listed(missing)}. Drop them.")
    broken = [name for name, text in zip(stimuli.ids, texts) if _LONE_SURROGATE.search(text)]
    if broken:
        raise InvalidInput(f"Half a surrogate pair is no character: {listed(broken)}. Mend their encoding.")
    return texts


def worded(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], wording: Wording) -> tuple[list[str], list[int]]:
    """The strings that are tokenised, and the character at which each text begins in its own."""
    before, after = (wording.template or PLACE).split(PLACE)
    whole = [before + text + after for text in texts]
    starts = [len(before)] * len(whole)
    if not wording.chat:
        return whole, starts
    turns = [[{"role": "user", "content": each}] for each in whole]
    # a template that knows of no thinking ignores the word
    marked = [
        str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, enable_thinking=False))
        for turn in turns
    ]
    # a chat template may strip blanks; what counts is where the text itself begins
    return marked, [each.find(text.strip()) - (len(text) - len(text.lstrip())) for each, text in zip(marked, texts)]


def tokenised(
    tokenizer: PreTrainedTokenizerFast, stimuli: Stimuli, wording: Wording, limit: int, *, spans: bool
) -> Tokens:
    """Token ids of the stimuli, at most ``limit`` each.

    With ``spans``, the columns ``span_start`` and ``span_end`` (characters of the text, end excluded) become spans of
    tokens.

    Raises
    ------
    InvalidInput
        When a text is unreadable, leaves no token, or its span touches no token that was kept.
    """
    strings, begins = worded(tokenizer, readable_texts(stimuli), wording)
    made = tokenizer(strings, add_special_tokens=not wording.chat, truncation=True, max_length=limit)
    encodings = made.encodings or []
    ids = [list(encoding.ids) for encoding in encodings]
    empty = [name for name, each in zip(stimuli.ids, ids) if not each]
    if empty:
        raise InvalidInput(f"The tokenizer makes no token of these texts: {listed(empty)}. Drop them or fill them in.")
    truncated = np.array([len(encoding.overflowing) > 0 for encoding in encodings])
    if not spans:
        return Tokens(ids, truncated)
    offsets = [encoding.offsets for encoding in encodings]
    return Tokens(ids, truncated, _token_spans(stimuli, offsets, begins))


def _token_spans(
    stimuli: Stimuli, offsets: Sequence[Sequence[tuple[int, int]]], begins: Sequence[int]
) -> npt.NDArray[np.int64]:
    if "span_start" not in stimuli or "span_end" not in stimuli:
        raise InvalidInput("Pooling 'span' needs the columns 'span_start' and 'span_end' (characters of the text).")
    spans = np.zeros((len(stimuli), 2), dtype=np.int64)
    columns = zip(offsets, begins, stimuli["span_start"], stimuli["span_end"])
    for row, (places, begin, start, end) in enumerate(columns):
        first, last = int(start) + begin, int(end) + begin
        touched = [i for i, (a, b) in enumerate(places) if a < b and a < last and b > first]
        if begin >= 0 and touched:
            spans[row] = touched[0], touched[-1] + 1
    lost = stimuli.ids[spans[:, 1] == 0]
    if len(lost):
        raise InvalidInput(
            f"These spans touch no token: {listed(lost)}. They are empty, outside the text, or cut off with its end."
        )
    return spans


def chat_template_hash(tokenizer: PreTrainedTokenizerFast) -> str:
    """SHA-256 of the chat template.

    Raises
    ------
    ModelError
        When the tokenizer has none.
    """
    template = tokenizer.chat_template
    if not isinstance(template, str) or not template:
        raise ModelError("This tokenizer has no chat template. Load the model with chat_template=False.")
    return hashlib.sha256(template.encode()).hexdigest()


def tokenizer_hash(tokenizer: PreTrainedTokenizerFast) -> str:
    """SHA-256 of the tokenizer as JSON, as it was loaded (cutting and padding are set per call and left out)."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest()

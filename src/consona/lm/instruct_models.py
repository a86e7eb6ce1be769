"""Instruct models that guided reasoning was published with, and how a deduction is put to one: our own wording."""

from dataclasses import dataclass
from typing import Literal

from consona.core.errors import InvalidInput

__all__ = ["INSTRUCT_MODELS", "OTHER_MODELS", "WORDINGS", "InstructModel", "problem_answers", "problem_template"]

PromptWording = Literal["chat", "continued", "bare"]
WORDINGS: tuple[PromptWording, ...] = ("chat", "continued", "bare")


@dataclass(frozen=True)
class InstructModel:
    """What one must know of a model before it is downloaded; its revision is resolved and recorded at download.

    Parameters
    ----------
    hub_id
        Owner and name on the Hub.
    n_parameters
        Weights, in all.
    n_layers, width, key_width
        Blocks; features of the residual stream; numbers of a key of one token in one block, all heads together.
    n_words
        Entries of the vocabulary, a row of the output layer each.
    gated
        Whether terms must be accepted first, and HF_TOKEN be set.
    fused
        Whether queries, keys and values are one projection, so that adapters named ``q_proj`` match nothing.
    note
        What is special.
    """

    hub_id: str
    n_parameters: float
    n_layers: int
    width: int
    key_width: int
    n_words: int
    gated: bool = False
    fused: bool = False
    note: str = ""

    @property
    def middle_layers(self) -> tuple[int, ...]:
        """The middle half, in which directions were published: from ``n_layers // 4`` up to ``3 * n_layers // 4``."""
        return tuple(range(self.n_layers // 4, 3 * self.n_layers // 4))


_THINKING = "Thinks aloud by default; with chat_template=True it is asked not to."
_NORMED = "Attention is normed before it is added; 'attn.out' is behind that norm, so a shift is not rescaled."
_ROWS = (
    InstructModel("Qwen/Qwen2-1.5B-Instruct", 1.54e9, 28, 1536, 256, 151_936),
    InstructModel("Qwen/Qwen2-7B-Instruct", 7.62e9, 28, 3584, 512, 152_064),
    InstructModel("Qwen/Qwen2-72B-Instruct", 72.7e9, 80, 8192, 1024, 152_064),
    InstructModel("Qwen/Qwen3-4B", 4.02e9, 36, 2560, 1024, 151_936, note=_THINKING),
    InstructModel("mistralai/Mistral-7B-Instruct-v0.2", 7.24e9, 32, 4096, 1024, 32_000),
    InstructModel("meta-llama/Llama-2-7b-chat-hf", 6.74e9, 32, 4096, 4096, 32_000, gated=True),
    InstructModel("meta-llama/Meta-Llama-3-8B-Instruct", 8.03e9, 32, 4096, 1024, 128_256, gated=True),
    InstructModel("meta-llama/Llama-3.3-70B-Instruct", 70.6e9, 80, 8192, 1024, 128_256, gated=True),
    InstructModel("microsoft/Phi-4-mini-instruct", 3.84e9, 32, 3072, 1024, 200_064, fused=True),
    InstructModel("google/gemma-2-9b-it", 9.24e9, 42, 3584, 2048, 256_000, gated=True, note=_NORMED),
)
INSTRUCT_MODELS: dict[str, InstructModel] = {row.hub_id: row for row in _ROWS}
"""The ten of the paper, by Hub id; sizes are those of their configurations."""
_OTHERS = (
    InstructModel(
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        *(1.78e9, 28, 1536, 256, 151_936),
        note="Its markup opens a thought that the first token belongs to; an answer at once is not what it learnt.",
    ),
    InstructModel("Qwen/Qwen2-7B", 7.62e9, 28, 3584, 512, 152_064, note="A base model: take the wording 'continued'."),
    InstructModel(
        "meta-llama/Llama-2-7b-hf",
        *(6.74e9, 32, 4096, 4096, 32_000),
        gated=True,
        note="A base model: take the wording 'continued'.",
    ),
)
OTHER_MODELS: dict[str, InstructModel] = {row.hub_id: row for row in _OTHERS}
"""One that thinks aloud and two base models, which the paper has as comparisons."""

_TOPICS = {
    "syllogism": "Here are statements about groups, their properties and one individual. Some words are invented.",
    "transitive": "Here are statements that compare people with each other.",
    "propositional": "Here are statements joined by 'if' and 'or'.",
    "relational": "Here are descriptions of four things, and a statement on how they differ.",
}
_RULE = (
    "Take all statements but the last as true, whatever you know of the world. Does the last one follow from them with "
    "certainty?"
)


def problem_template(kind: str, wording: PromptWording = "chat") -> str:
    """The wording around a problem, with ``{text}`` for premises and conclusion; one for every kind of deduction.

    ``chat`` is for models loaded with ``chat_template=True``: it ends with what is wanted, and the answer begins the
    reply. ``continued`` is for base models, ``bare`` for models trained on these problems alone; both end in a word
    that the answer continues. :func:`problem_answers` says how the answers are written then.

    Raises
    ------
    InvalidInput
        When the kind or the wording is unknown.
    """
    if kind not in _TOPICS:
        raise InvalidInput(f"There are no problems of the kind '{kind}'; kinds are {', '.join(_TOPICS)}.")
    _require_wording(wording)
    if wording == "bare":
        return "{text} Answer:"
    asked = f"{_TOPICS[kind]} {_RULE}"
    if wording == "chat":
        return f"{asked}\n\n{{text}}\n\nReply with one word, True or False."
    return f"{asked} Answer True or False.\n\n{{text}}\nAnswer:"


def problem_answers(wording: PromptWording = "chat") -> tuple[str, str]:
    """The answers, right one of a conclusion that follows first: with a blank where they continue a line.

    Raises
    ------
    InvalidInput
        When the wording is unknown.
    """
    _require_wording(wording)
    return ("True", "False") if wording == "chat" else (" True", " False")


def _require_wording(wording: str) -> None:
    if wording not in WORDINGS:
        raise InvalidInput(f"There is no wording '{wording}'; there are {', '.join(WORDINGS)}.")

"""Words in the context that came before them: features and surprisal of a running text that never see the future."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
import xarray as xr

from consona.core.errors import InvalidInput, ModelError
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.lm.generation import logits_of, require_head
from consona.lm.model import LanguageModel
from consona.lm.packing import Batch
from consona.lm.sites import layer_numbers
from consona.lm.states import Reading, each_batch, pooled_states, rows_of_places, states_at
from consona.lm.tokens import Tokens, readable_texts

_ANCHOR = "\n"  # words are tokenised behind it, so that they are those of a running text and not of its beginning


def contextual_features(
    lm: LanguageModel,
    words: Stimuli,
    *,
    context: int,
    stride: int = 1,
    site: str = "resid.post",
    layers: Sequence[int] | Literal["all"] = "all",
    pooling: Literal["last", "mean"] = "last",
) -> Features:
    """One row per word, read by a model that was given the preceding ``context`` words and nothing that comes later.

    Every word is tokenised by itself, so no token reaches from a word into the next. A causal model reads the words at
    the start of a run in one pass. A model that looks both ways (an encoder) reads one window per word that **ends at
    the word**: what comes later is not there to be seen, so its features are causal as well, by construction.

    Parameters
    ----------
    lm
        The model.
    words
        Words in the order in which they were presented, with the column ``text``; with ``run``, no context reaches from
        one run into the next; with ``before``, what stands between a word and its predecessor (one blank without it;
        empty for the second half of "do" "n't").
    context
        How many words before the word are read; fewer at the start of a run. 0 reads words alone.
    stride
        How many words are read from one window. With 1 every word has exactly ``context`` words before it; with more,
        between ``context - stride + 1`` and ``context``, for a cost that falls by that factor. Causal models only.
    site, layers
        As in :meth:`consona.lm.model.LanguageModel.capture`.
    pooling
        ``last``: the state of the last token of the word; ``mean``: the mean over all tokens of the window that ends at
        the word, special ones included (what sentence encoders were trained for).

    Returns
    -------
    Features
        Float32, one row per word. The coordinate ``truncated`` says which words had to do with fewer words before them
        because the model takes no more tokens; attributes name ``context`` and ``stride``.

    Raises
    ------
    InvalidInput
        When a number or name does not fit, words are empty or make no token, words of a run do not stand together, or
        a window is to be shared by words in a model that looks both ways.
    ModelError
        When a state is infinite or undefined.
    """
    if pooling not in ("last", "mean"):
        raise InvalidInput(f"There is no pooling '{pooling}' of words in context; there are 'last' and 'mean'.")
    reading = Reading(site, layer_numbers(layers, lm.n_layers), pooling)
    windows = windows_of(lm, words, context=context, stride=stride, shared=lm.causal and pooling == "last")
    if pooling == "mean":
        states = pooled_states(lm.machine, Tokens(windows.ids, windows.truncated), reading)
    else:
        last = np.stack([windows.places[:, 0], windows.places[:, 2] - 1], axis=1)
        states = states_at(lm.machine, windows.ids, last, reading)
    bad = ~torch.isfinite(states).flatten(1).all(dim=1).numpy()
    if bad.any():
        raise ModelError(
            f"States at '{site}' are infinite or undefined for {int(bad.sum())} words ({listed(words.ids[bad])}) in "
            f"{lm.dtype}. Load the model in float32 or bfloat16; nothing is imputed."
        )
    attrs = lm.reading_attrs(reading) | {"context": context, "stride": stride}
    attrs["n_truncated"] = int(windows.truncated.sum())
    coords = {"stimulus": words.ids, "layer": list(reading.layers), "truncated": ("stimulus", windows.truncated)}
    return Features(xr.DataArray(states.numpy(), coords, ("stimulus", "layer", "feature"), attrs=attrs))


def contextual_surprisal(
    lm: LanguageModel, words: Stimuli, *, context: int, stride: int = 1
) -> npt.NDArray[np.float64]:
    r"""How unexpected each word is after the preceding ``context`` words, in nats, ``(n_words,)``.

    .. math:: -\sum_{t \in \text{word}} \log p(t \mid \text{context}, \text{earlier tokens of the word})

    Windows as in :func:`contextual_features`. NaN for a first word before which nothing stands, not even a start token.

    Raises
    ------
    InvalidInput
        As :func:`contextual_features`.
    ModelError
        When the model has no output layer.
    """
    head = require_head(lm.head, lm.family.name)
    windows = windows_of(lm, words, context=context, stride=stride, shared=True)
    window, first, stop = windows.places.T
    n_tokens = stop - first
    word = np.repeat(np.arange(len(words)), n_tokens)
    position = np.arange(n_tokens.sum()) - np.repeat(np.cumsum(n_tokens) - n_tokens - first, n_tokens)
    said = np.array([windows.ids[w][p] for w, p in zip(window[word].tolist(), position.tolist(), strict=True)])
    asked = position > 0
    nats = np.full(len(word), np.nan)
    places = np.stack([window[word], position - 1], axis=1)[asked]
    nats[asked] = _negative_log_likelihood(lm, head, windows.ids, places, torch.from_numpy(said[asked]))
    return np.bincount(word, nats, minlength=len(words)).astype(np.float64)


def _negative_log_likelihood(
    lm: LanguageModel,
    head: torch.nn.Module,
    ids: Sequence[Sequence[int]],
    places: npt.NDArray[np.int64],
    said: torch.Tensor,
) -> npt.NDArray[np.float64]:
    """For every place, of the token that follows it."""
    found = torch.empty(len(places), dtype=torch.float64)
    machine = lm.machine

    def visit(batch: Batch) -> None:
        members, rows = rows_of_places(batch, places)
        states = machine.run(batch).flatten(0, 1)
        with torch.no_grad():
            logits = logits_of(machine, head, states.index_select(0, rows.to(states.device)))
        found[members] = F.cross_entropy(logits, said[members].to(logits.device), reduction="none").double().cpu()

    each_batch(machine, ids, visit)
    return found.numpy()


@dataclass(frozen=True, eq=False)
class Windows:
    """What is read to read words.

    Attributes
    ----------
    ids
        Token ids of every window, special tokens included.
    places
        Where each word is: number of the window, its first token there, and the one after its last, ``(n_words, 3)``.
    truncated
        Which words had to do with less context than asked for, ``(n_words,)``.
    """

    ids: list[list[int]]
    places: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]


def windows_of(lm: LanguageModel, words: Stimuli, *, context: int, stride: int, shared: bool) -> Windows:
    """The windows for all words; ``shared``: words at the start of a run, and ``stride`` others, share one.

    Raises
    ------
    InvalidInput
        As :func:`contextual_features`.
    """
    _require_settings(lm, context, stride, shared)
    pieces = word_tokens(lm, words)
    before, behind = special_tokens(lm)
    room = lm.max_tokens - len(before) - len(behind)
    ids: list[list[int]] = []
    places = np.zeros((len(words), 3), dtype=np.int64)
    truncated = np.zeros(len(words), dtype=bool)
    for rows in _runs(words):
        sizes = np.array([len(pieces[row]) for row in rows])
        for start, first, last in _cuts(sizes, context, stride if shared else 0, room):
            ends = len(before) + np.cumsum(sizes[start : last + 1])
            read = np.arange(first, last + 1)
            places[rows[read]] = np.stack(
                [np.full(len(read), len(ids)), (ends - sizes[start : last + 1])[read - start], ends[read - start]], 1
            )
            truncated[rows[read]] = read - start < np.minimum(read, context - max(stride - 1, 0))
            ids.append([*before, *(token for row in rows[start : last + 1] for token in pieces[row]), *behind])
    return Windows(ids, places, truncated)


def _cuts(sizes: npt.NDArray[np.int64], context: int, stride: int, room: int) -> list[tuple[int, int, int]]:
    """Of one run: first word of each window, first and last word that are read in it; ``stride`` 0 shares none."""
    total = np.concatenate([[0], np.cumsum(sizes)])
    cuts, first = [], 0
    while first < len(sizes):
        last = first if stride == 0 else min(context if first == 0 else first + stride - 1, len(sizes) - 1)
        start = max(0, last - context)
        while total[last + 1] - total[start] > room and last > first:
            last -= 1
            start = max(0, last - context)
        while total[last + 1] - total[start] > room and start < first:
            start += 1
        if total[last + 1] - total[start] > room:
            raise InvalidInput(f"A word makes {sizes[first]} tokens and the model reads {room}. Drop or divide it.")
        cuts.append((start, first, last))
        first = last + 1
    return cuts


def word_tokens(lm: LanguageModel, words: Stimuli) -> list[list[int]]:
    """Token ids of every word as it stands in a running text, each made without its neighbours.

    Raises
    ------
    InvalidInput
        When words are unreadable or make no token; their ids are listed.
    """
    texts = [text.strip() for text in readable_texts(words)]
    between = words["before"].tolist() if "before" in words else [" "] * len(texts)
    strings = [_ANCHOR + before + text for before, text in zip(between, texts, strict=True)]
    encodings = lm.tokenizer(strings, add_special_tokens=False).encodings or []
    pieces = []
    for text, encoding in zip(texts, encodings, strict=True):
        behind = [i for i, (_, end) in enumerate(encoding.offsets) if end > len(_ANCHOR)]
        torn = any(encoding.offsets[i][0] < len(_ANCHOR) for i in behind)
        alone = lm.tokenizer(text, add_special_tokens=False).input_ids if torn else []
        pieces.append(list(alone) if torn else [encoding.ids[i] for i in behind])
    empty = [name for name, piece in zip(words.ids, pieces, strict=True) if not piece]
    if empty:
        raise InvalidInput(f"The tokenizer makes no token of these words: {listed(empty)}. Drop or join them.")
    return pieces


def special_tokens(lm: LanguageModel) -> tuple[list[int], list[int]]:
    """The tokens that the tokenizer puts before and behind a text."""
    whole = list(lm.tokenizer("a").input_ids)
    bare = list(lm.tokenizer("a", add_special_tokens=False).input_ids)
    at = next(i for i in range(len(whole) - len(bare) + 1) if whole[i : i + len(bare)] == bare)
    return whole[:at], whole[at + len(bare) :]


def _runs(words: Stimuli) -> list[npt.NDArray[np.int64]]:
    runs = words["run"] if "run" in words else np.zeros(len(words))
    starts = np.flatnonzero(runs[1:] != runs[:-1]) + 1
    if len(np.unique(runs)) < len(starts) + 1:
        raise InvalidInput(
            f"The words of {len(np.unique(runs))} runs stand in {len(starts) + 1} pieces; words of a run stand "
            "together, in the order in which they were presented. Sort the words by run and onset."
        )
    return np.split(np.arange(len(words)), starts)


def _require_settings(lm: LanguageModel, context: int, stride: int, shared: bool) -> None:
    if context < 0 or not 1 <= stride <= context + 1:
        raise InvalidInput(
            f"A context of {context} words with a stride of {stride} was asked for; a context is 0 or more words, a "
            "stride from 1 to one more than the context."
        )
    if stride > 1 and not (shared and lm.causal):
        raise InvalidInput(
            f"A stride of {stride} reads several words from one window, and there '{lm.source.name}' (or its mean over "
            "the window) would see words that come later. With stride=1 every window ends at its word, so what comes "
            "later is not there: a model that looks both ways may read that."
        )
    if lm.chat_template:
        raise InvalidInput("Words in context are read as running text. Load the model with chat_template=False.")

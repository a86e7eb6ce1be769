"""Texts with gaps, for training a masked model: a vocabulary, batches, and which words are hidden."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

__all__ = ["IGNORED", "MASK", "PAD", "SPECIAL", "GapCorpus", "gapped", "hidden", "trained_vocabulary"]

Ids = npt.NDArray[np.int64]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, MASK = 0, 4
IGNORED = -100  # what torch's cross-entropy leaves out
_GAPS, _SHOWN_MASK, _SHOWN_RANDOM = 0.15, 0.8, 0.9  # of Devlin et al. (2019): 15 %; 80 % mask, 10 % random, 10 % as is
_LATE, _POOL = 0.5, 50


def trained_vocabulary(texts: Sequence[str], n_words: int) -> Tokenizer:
    """A lower-case WordPiece vocabulary of texts, with ``[CLS]`` before and ``[SEP]`` behind every text.

    The trainer numbers the letters inside words in the order of a hash table, which breaks ties differently in every
    process; here they are numbered beforehand, so the vocabulary belongs to the texts.
    """
    tokenizer = _with_pieces({name: number for number, name in enumerate(SPECIAL)})
    letters = sorted({letter for text in texts for letter in tokenizer.normalizer.normalize_str(text)} - {" "})
    numbered = [*SPECIAL, *(f"##{letter}" for letter in letters)]
    trainer = trainers.WordPieceTrainer(vocab_size=n_words, special_tokens=numbered, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return _with_pieces(tokenizer.get_vocab())


def _with_pieces(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(SPECIAL))
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


@dataclass(eq=False)
class GapCorpus:
    """Texts as token ids, dealt into batches of similar length; each turn through them has an order of its own."""

    ids: Sequence[Ids]
    size: int
    n_positions: int
    seed: int
    turn: int = -1
    batches: list[Ids] = field(default_factory=list)

    def batch(self, step: int) -> tuple[Ids, Ids]:
        """Token ids and positions of a step, ``(n_texts, length)``; the same whichever step was asked for before.

        Half of the texts begin at position 0, the others anywhere, so that all positions are learnt, also those where
        a text stands behind a prompt.
        """
        n_batches = max(len(self.ids) // self.size, 1)
        turn, number = divmod(step, n_batches)
        if turn != self.turn:
            self.turn, self.batches = turn, self._dealt(turn, n_batches)
        rng = np.random.default_rng((self.seed, 2, step))
        members = self.batches[number]
        width = max(len(self.ids[i]) for i in members)
        rows = np.full((len(members), width), PAD, np.int64)
        for row, i in zip(rows, members):
            row[: len(self.ids[i])] = self.ids[i]
        late = rng.random(len(members)) < _LATE
        starts = np.where(late, rng.integers(self.n_positions - width + 1, size=len(members)), 0)
        return rows, starts[:, None] + np.arange(width)

    def _dealt(self, turn: int, n_batches: int) -> list[Ids]:
        """The texts of each batch of a turn: pools drawn at random, sorted by length within, batches in any order."""
        rng = np.random.default_rng((self.seed, 0, turn))
        order, lengths = rng.permutation(len(self.ids)), np.array([len(each) for each in self.ids])
        pools = np.array_split(order, max(len(order) // (_POOL * self.size), 1))
        line = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
        batches = np.array_split(line, n_batches)
        return [batches[i] for i in rng.permutation(n_batches)]


def hidden(words: npt.NDArray[np.bool_], generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which of these words are gaps: 15 % of them, each by itself, and at least one."""
    gap = (generator.random(words.shape) < _GAPS) & words
    if not gap.any():
        gap[tuple(generator.choice(np.argwhere(words)))] = True
    return gap


def gapped(rows: Ids, n_words: int, seed: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows with gaps, and what belongs there (-100 elsewhere), both ``(n_rows, length)``.

    Of the gaps 80 % show the mask, 10 % any word and 10 % the word itself (Devlin et al. 2019).
    """
    rng = np.random.default_rng((seed, 1, step))
    gap, kind = hidden(rows >= len(SPECIAL), rng), rng.random(rows.shape)
    shown = np.where(gap & (kind < _SHOWN_MASK), MASK, rows)
    other = gap & (kind >= _SHOWN_MASK) & (kind < _SHOWN_RANDOM)
    shown = np.where(other, rng.integers(len(SPECIAL), n_words, rows.shape), shown)
    return torch.from_numpy(shown), torch.from_numpy(np.where(gap, rows, IGNORED))

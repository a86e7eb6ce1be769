"""A small BERT with its own vocabulary, trained from nothing to fill gaps in texts: minutes on two cores."""

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch
import torch.nn.functional as F
import xarray as xr
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForMaskedLM

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.engine.store import write_atomically

__all__ = ["SmallBert", "small_bert", "trained_vocabulary"]

Progress = Callable[[int, float], None]
Ids = npt.NDArray[np.int64]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_PAD, _MASK = 0, 4
_IGNORED = -100  # what torch's cross-entropy leaves out
_GAPS, _SHOWN_MASK, _SHOWN_RANDOM = 0.15, 0.8, 0.9  # of Devlin et al. (2019): 15 %; 80 % mask, 10 % random, 10 % as is
_WARM, _CLIP = 0.06, 1.0


@dataclass(frozen=True)
class SmallBert:
    """Size and training of a small BERT.

    Parameters
    ----------
    n_words
        Pieces of the vocabulary, at most; 0 to 4 are padding, unknown, start, end and mask.
    n_layers, n_heads, width
        Blocks, heads of attention, features of the residual stream; the MLP has four times as many neurons.
    n_positions
        Length of a training row, and the longest text with its prompt. A row holds texts end to end, so that all
        positions are learnt, also those where a text stands behind a prompt.
    n_steps, batch
        Steps of AdamW; rows of a step.
    learning_rate, weight_decay
        The rate rises over the first 6 % of the steps and falls to 0 along half a cosine.

    Raises
    ------
    InvalidInput
        When a count is below 1, or the heads do not divide the width.
    """

    n_words: int = 8192
    n_layers: int = 3
    n_heads: int = 3
    width: int = 192
    n_positions: int = 160
    n_steps: int = 2000
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        """Counts are counts."""
        small = [name for name, value in asdict(self).items() if isinstance(value, int) and value < 1]
        if small or self.width % self.n_heads or self.n_words <= len(_SPECIAL):
            raise InvalidInput(
                f"Counts are at least 1 (found below: {', '.join(small) or 'none'}), n_heads divides width "
                f"({self.n_heads}, {self.width}), and n_words is above {len(_SPECIAL)}. Give others."
            )

    def to_json(self) -> str:
        """One line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))


def small_bert(
    folder: str | os.PathLike[str],
    stimuli: Stimuli,
    recipe: SmallBert,
    *,
    seed: int,
    every: int = 500,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Train a masked language model on texts and save it where ``load_language_model(folder)`` opens it.

    Every step's rows and gaps belong to the seed and the number of the step, there is no dropout, and the state is
    written every so many steps: a training that was stopped goes on, and ends with the same weights as one that was
    not (on the same machine and number of threads). A training that is complete is not repeated.

    Parameters
    ----------
    folder
        Gets ``config.json``, ``model.safetensors`` and the tokenizer, and the state in ``training/``.
    stimuli
        With the column ``text``.
    recipe, seed
        What is trained.
    every
        Steps between two states on disk.
    progress
        Called with the number of the step and its loss, in nats per gap.

    Returns
    -------
    xr.Dataset
        ``loss`` (step), in nats per gap; attributes ``n_weights``, ``n_words``, ``n_tokens`` (of the texts).

    Raises
    ------
    InvalidInput
        When the folder holds a training of other texts, another recipe or another seed.
    """
    place, texts = Path(folder), stimuli.texts
    tokenizer = trained_vocabulary(texts, recipe.n_words)
    ids = [np.asarray(each.ids, dtype=np.int64) for each in tokenizer.encode_batch(texts)]
    state = _State(place / "training" / "state.safetensors", _key(texts, recipe, seed))
    n_words, rows = tokenizer.get_vocab_size(), _Rows(ids, recipe.n_positions, seed)
    model = _untrained(recipe, n_words, seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    losses = state.restored(model, optimiser)
    for step in range(len(losses), recipe.n_steps):
        given = _gapped(rows.batch(step, recipe.batch), n_words, seed, step)
        losses.append(_step(model, optimiser, given, _rate(recipe, step)))
        if progress is not None:
            progress(step, losses[-1])
        if (step + 1) % every == 0 or step + 1 == recipe.n_steps:
            state.write(model, optimiser, losses)
    _save(place, model, tokenizer, recipe)
    facts = {
        "n_weights": model.num_parameters(),
        "n_words": n_words,
        "n_tokens": int(sum(map(len, ids))),
        "recipe": recipe.to_json(),
        "seed": seed,
    }
    return xr.Dataset({"loss": ("step", np.array(losses))}, {"step": np.arange(len(losses))}, attrs=facts)


def trained_vocabulary(texts: Sequence[str], n_words: int) -> Tokenizer:
    """A lower-case WordPiece vocabulary of texts, with ``[CLS]`` before and ``[SEP]`` behind every text.

    The trainer numbers the letters inside words in the order of a hash table, which breaks ties differently in every
    process; here they are numbered beforehand, so the vocabulary belongs to the texts.
    """
    tokenizer = _with_pieces({name: number for number, name in enumerate(_SPECIAL)})
    letters = sorted({letter for text in texts for letter in tokenizer.normalizer.normalize_str(text)} - {" "})
    numbered = [*_SPECIAL, *(f"##{letter}" for letter in letters)]
    trainer = trainers.WordPieceTrainer(vocab_size=n_words, special_tokens=numbered, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return _with_pieces(tokenizer.get_vocab())


def _with_pieces(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(_SPECIAL))
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def _key(texts: Sequence[str], recipe: SmallBert, seed: int) -> str:
    """What a training is, as a hash."""
    return hashlib.sha256(json.dumps([list(texts), recipe.to_json(), seed]).encode()).hexdigest()


def _untrained(recipe: SmallBert, n_words: int, seed: int) -> BertForMaskedLM:
    config = BertConfig(
        vocab_size=n_words,
        hidden_size=recipe.width,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        intermediate_size=4 * recipe.width,
        max_position_embeddings=recipe.n_positions,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=_PAD,
        architectures=["BertForMaskedLM"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForMaskedLM(config).train()


@dataclass(eq=False)
class _Rows:
    """Texts end to end, cut into rows; each turn through the corpus has an order of its own."""

    ids: Sequence[Ids]
    length: int
    seed: int
    turn: int = -1
    rows: Ids = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    def batch(self, step: int, size: int) -> Ids:
        """The rows of a step, ``(size, length)``; the same whichever step was asked for before."""
        total = sum(map(len, self.ids))
        n_rows = max(total // self.length, 1)
        found = np.arange(step * size, (step + 1) * size)
        return np.stack([self._row(int(turn), int(row)) for turn, row in zip(found // n_rows, found % n_rows)])

    def _row(self, turn: int, row: int) -> Ids:
        if turn != self.turn:
            order = np.random.default_rng((self.seed, 0, turn)).permutation(len(self.ids))
            line = np.concatenate([self.ids[i] for i in order])
            n_rows = max(len(line) // self.length, 1)
            self.turn, self.rows = turn, np.resize(line, (n_rows, self.length))
        return self.rows[row]


def _gapped(rows: Ids, n_words: int, seed: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows with gaps, and what belongs there (-100 elsewhere), both ``(n_rows, length)``."""
    rng = np.random.default_rng((seed, 1, step))
    kind, gap = rng.random(rows.shape), (rng.random(rows.shape) < _GAPS) & (rows >= len(_SPECIAL))
    gap.flat[rng.integers(rows.size) if not gap.any() else gap.argmax()] = True  # a step learns from one gap at least
    shown = np.where(gap & (kind < _SHOWN_MASK), _MASK, rows)
    other = gap & (kind >= _SHOWN_MASK) & (kind < _SHOWN_RANDOM)
    shown = np.where(other, rng.integers(len(_SPECIAL), n_words, rows.shape), shown)
    return torch.from_numpy(shown), torch.from_numpy(np.where(gap, rows, _IGNORED))


def _gap_loss(model: BertForMaskedLM, shown: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over the gaps, in nats; only there are logits made."""
    states = model.bert(input_ids=shown, attention_mask=torch.ones_like(shown)).last_hidden_state
    gap = wanted != _IGNORED
    return F.cross_entropy(model.cls(states[gap]), wanted[gap])


def _rate(recipe: SmallBert, step: int) -> float:
    warm = max(int(_WARM * recipe.n_steps), 1)
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(recipe.n_steps - warm, 1)))


def _step(
    model: BertForMaskedLM, optimiser: torch.optim.Optimizer, given: tuple[torch.Tensor, torch.Tensor], rate: float
) -> float:
    """One step of the optimiser; its loss before the step."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss = _gap_loss(model, *given)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
    optimiser.step()
    return float(loss.detach())


@dataclass(frozen=True)
class _State:
    """A training on disk, so that one that was stopped goes on."""

    path: Path
    key: str

    def write(self, model: BertForMaskedLM, optimiser: torch.optim.Optimizer, losses: Sequence[float]) -> None:
        """Weights, moments of the optimiser and losses so far, in one file, whole or not at all."""
        held: dict[str, torch.Tensor] = {f"weight.{name}": value for name, value in model.named_parameters()}
        moments = optimiser.state_dict()["state"]
        held |= {f"moment.{i}.{name}": value for i, each in moments.items() for name, value in each.items()}
        held |= {"losses": torch.tensor(losses, dtype=torch.float64)}
        held |= {"key": torch.tensor(list(bytes.fromhex(self.key)), dtype=torch.uint8)}
        write_atomically(self.path, safetensors.torch.save({n: v.detach().contiguous() for n, v in held.items()}))

    def restored(self, model: BertForMaskedLM, optimiser: torch.optim.Optimizer) -> list[float]:
        """Put what is on disk into the model and its optimiser; the losses so far, none where nothing is there."""
        if not self.path.is_file():
            return []
        held = safetensors.torch.load(self.path.read_bytes())
        if bytes(held["key"].tolist()).hex() != self.key:
            raise InvalidInput(
                f"'{self.path.parent.parent}' holds a training of other texts, another recipe or another seed. Give "
                "another folder, or remove this one."
            )
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(held[f"weight.{name}"])
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name in (name for name in held if name.startswith("moment.")):
            _, number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = held[name]
        optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        return [float(each) for each in held["losses"]]


def _save(folder: Path, model: BertForMaskedLM, tokenizer: Tokenizer, recipe: SmallBert) -> None:
    """The folder of a model, in the names and forms that transformers reads."""
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": recipe.n_positions}
    about |= dict(zip(names, _SPECIAL))
    weights = {name: value.detach().contiguous() for name, value in model.named_parameters()}
    for name, data in (
        ("model.safetensors", safetensors.torch.save(weights, {"format": "pt"})),
        ("config.json", model.config.to_json_string().encode()),
        ("tokenizer.json", tokenizer.to_str().encode()),
        ("tokenizer_config.json", json.dumps(about, indent=1).encode()),
    ):
        write_atomically(folder / name, data)

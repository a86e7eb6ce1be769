"""Many edited models over the same texts in passes that share their beginning: a copy of the rows for each edit.

Up to the block where an edit acts first, an edited model computes what the intact one does. So one pack of texts runs
through the blocks, and at the input of block ``l`` a copy of its rows is added for every edit that begins there; from
then on all copies run together, as one longer pack. Only packs can grow; where texts are padded, every edit runs alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import nn

from consona.core.errors import ModelError
from consona.lm.hooks import Rows, Tap, Touch, carried_out, rows_of
from consona.lm.packing import Batch, most_in_a_row
from consona.lm.pooling import pool_of
from consona.lm.sites import Side, blocks_of, module_at
from consona.lm.states import Machine, Reading, each_batch
from consona.lm.tokens import Tokens

# A growing pack should end at about this many rows (measured with benchmarks/ablation.py), and not begin with so few
# that fetching the weights takes longer than multiplying by them.
_ROWS_AT_THE_END, _FEWEST_ROWS = 4096, 128
_INTACT = -1
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Change:
    """One edit at one place; ``on(rows)`` is what it does to the activations of these rows."""

    site: str
    layer: int
    on: Callable[[Rows], Touch]


Variant = Sequence[Change]
Deposit = Callable[[int, Batch, torch.Tensor], None]
"""Takes the number of a variant, a batch, and pooled states of its texts ``(n_texts, n_features)``, float32, CPU."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Texts to run, what is read of them, and the most rows that may be in one pass."""

    tokens: Tokens
    reading: Reading
    n_rows: int


def read_variants(machine: Machine, corpus: Corpus, variants: Sequence[Variant], deposit: Deposit) -> None:
    """Pooled states of every text under every variant, handed to ``deposit`` as they are made.

    ``corpus.reading`` names one layer. A variant without changes is the model of ``machine``, with its own edits.

    Raises
    ------
    ModelError
        When the layer is not reached.
    """
    first = [min((change.layer for change in variant), default=_n_layers(machine)) for variant in variants]
    grows = machine.layout.packed and not getattr(machine.network.config, "num_kv_shared_layers", 0)
    late = sorted((i for i in range(len(variants)) if grows and first[i] > 0), key=lambda i: first[i])
    early = [i for i in range(len(variants)) if i not in set(late)]

    def alone(numbers: Sequence[int], batch: Batch) -> None:
        for number in numbers:
            deposit(number, batch, _read_alone(machine, corpus, batch, variants[number]))

    def together(batch: Batch) -> None:
        n = int(batch.lengths.sum())
        most = max(_cap(machine, corpus) // n - 1, 1) if batch.packed else 1
        for group in (late[i : i + most] for i in range(0, len(late), most)):
            if len(group) == 1:
                alone(group, batch)
                continue
            growing = _Growing(n, {number: variants[number] for number in group}, {n: first[n] for n in group})
            for number, pooled in _read_together(machine, corpus, batch, growing).items():
                deposit(number, batch, pooled)

    if early:
        each_batch(machine, corpus.tokens.ids, partial(alone, early))
    if late:
        each_batch(_begun_small(machine, corpus, len(late)), corpus.tokens.ids, together)


def _n_layers(machine: Machine) -> int:
    return len(blocks_of(machine.network, machine.family))


def _cap(machine: Machine, corpus: Corpus) -> int:
    return min(corpus.n_rows, most_in_a_row(machine.network.config))


def _begun_small(machine: Machine, corpus: Corpus, n_copies: int) -> Machine:
    """The machine with packs that have room to grow."""
    rows = max(min(_ROWS_AT_THE_END, _cap(machine, corpus)) // (n_copies + 1), _FEWEST_ROWS)
    return replace(machine, layout=replace(machine.layout, n_tokens=min(rows, machine.layout.n_tokens)))


def _read_alone(machine: Machine, corpus: Corpus, batch: Batch, variant: Variant) -> torch.Tensor:
    pool = pool_of(batch, corpus.reading.pooling, corpus.tokens.spans)
    found: list[torch.Tensor] = []
    rows = rows_of(batch)
    taps = [Tap(*_place(machine, change.site, change.layer), change.on(rows)) for change in variant]
    layer = corpus.reading.layers[0]
    taps.append(Tap(*_place(machine, corpus.reading.site, layer), lambda states: found.append(pool(states).to("cpu"))))
    machine.run(batch, taps)
    return _reached(found, machine, corpus.reading)


def _place(machine: Machine, site: str, layer: int) -> tuple[nn.Module, Side]:
    return module_at(machine.network, machine.family, site, layer)


def _reached(found: Sequence[Found], machine: Machine, reading: Reading) -> Found:
    if not found:
        raise ModelError(
            f"The site '{reading.site}' was not reached at layer {reading.layers[0]} of this {machine.family.name} "
            "model: it takes another path there. Choose another layer or site."
        )
    return found[-1]


@dataclass(eq=False)
class _Growing:
    """A pack that grows: ``n_rows`` rows of texts, the variants that join it, and the first block of each.

    ``copies`` says whose rows are in the pass at this moment, in their order; the intact model's are the first.
    """

    n_rows: int
    variants: Mapping[int, Variant]
    first: Mapping[int, int]
    copies: list[int] = field(default_factory=lambda: [_INTACT])

    def joining(self, layer: int) -> list[int]:
        """Which variants begin at the input of a block."""
        return [number for number in self.variants if self.first[number] == layer]

    def grown(self, states: torch.Tensor, layer: int) -> torch.Tensor:
        """The rows, and behind them a copy of the intact ones for each variant that begins at this block."""
        new = self.joining(layer)
        if not new:
            return states
        self.copies += new
        if all(first <= layer for first in self.first.values()):  # nobody needs the intact rows any more
            self.copies[0] = self.copies.pop()
        n_more = len(self.copies) - states.shape[1] // self.n_rows
        return torch.cat([states, *[states[:, : self.n_rows]] * n_more], dim=1)

    def spread(self, given: Any) -> Any:
        """What else a block is given, once per copy: positions, rotations, the run table; the rest as it is."""
        if isinstance(given, tuple | list):
            return type(given)(self.spread(each) for each in given)
        n = len(self.copies)
        if not isinstance(given, torch.Tensor) or given.ndim < 2 or n == 1:
            return given
        if given.ndim == 4 and given.shape[-1] == 2:
            return given.repeat(1, 1, n, 1)
        return given.repeat(1, n, *[1] * (given.ndim - 2)) if given.shape[:2] == (1, self.n_rows) else given

    def parts(self, rows: torch.Tensor) -> dict[int, torch.Tensor]:
        """The rows of each copy, views."""
        return dict(zip(self.copies, rows.split(self.n_rows), strict=True))


def _read_together(machine: Machine, corpus: Corpus, batch: Batch, growing: _Growing) -> dict[int, torch.Tensor]:
    """Pooled states of the texts of one pack under every variant of a group."""
    reading, pool = corpus.reading, pool_of(batch, corpus.reading.pooling, corpus.tokens.spans)
    found: list[dict[int, torch.Tensor]] = []

    def keep(rows: torch.Tensor) -> None:
        found.append({number: pool(part).to("cpu") for number, part in growing.parts(rows).items()})

    taps = [*_edit_taps(machine, batch, growing), Tap(*_place(machine, reading.site, reading.layers[0]), keep)]
    with _growing_at(blocks_of(machine.network, machine.family), growing):
        replace(machine, edits=()).run(batch, taps)
    pooled = _reached(found, machine, reading)
    # who begins behind the place that is read is the intact model there
    return {number: pooled[number if number in pooled else _INTACT] for number in growing.variants}


def _edit_taps(machine: Machine, batch: Batch, growing: _Growing) -> list[Tap]:
    """One tap per place: the machine's own edits in every copy, then those of the copy's variant."""
    rows = rows_of(batch)
    own = [Change(e.site, e.layer, partial(carried_out, e)) for e in machine.edits if not e.is_identity]
    touches: dict[tuple[str, int], dict[int, list[Touch]]] = {}
    for number, changes in {_INTACT: own, **{n: [*own, *each] for n, each in growing.variants.items()}}.items():
        for change in changes:
            place = touches.setdefault((change.site, change.layer % _n_layers(machine)), {})
            place.setdefault(number, []).append(change.on(rows))
    return [Tap(*_place(machine, *place), partial(_each_copy, growing, each)) for place, each in touches.items()]


def _each_copy(growing: _Growing, touches: Mapping[int, Sequence[Touch]], rows: torch.Tensor) -> torch.Tensor | None:
    if not set(touches) & set(growing.copies):
        return None
    made = rows.clone()
    for number, part in growing.parts(made).items():
        for touch in touches.get(number, ()):
            changed = touch(part)
            if changed is not None:
                part.copy_(changed)
    return made


@contextmanager
def _growing_at(blocks: nn.ModuleList, growing: _Growing) -> Iterator[None]:
    """Let a pack grow at the inputs of the blocks; the hooks are gone afterwards, whatever happens inside."""

    def before(layer: int, module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        name = "hidden_states"
        states = growing.grown(args[0] if args else named[name], layer)
        others = {key: growing.spread(value) for key, value in named.items() if key != name}
        if args:
            return (states, *(growing.spread(value) for value in args[1:])), others
        return args, {name: states, **others}

    with ExitStack() as stack:
        for layer, block in enumerate(blocks):
            stack.callback(block.register_forward_pre_hook(partial(before, layer), with_kwargs=True).remove)
        yield

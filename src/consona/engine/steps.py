"""One step: found in the store, or carried out, in one piece or in shards, and kept."""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from consona.engine import forms, results
from consona.engine.code import Code, function_name
from consona.engine.environment import peak_memory_mb
from consona.engine.fingerprint import NotCacheable
from consona.engine.keys import StepKey, arguments, rebound, step_key
from consona.engine.manifest import ShardsEntry
from consona.engine.progress import progress, working
from consona.engine.shards import BlockSizes, Split, joined, split_of
from consona.engine.store import Store

LATE_S = 30.0
"""How long a network file system may take to show a new file to another computer."""
_POLL_S = 0.2


@dataclass(frozen=True)
class Call:
    """A function and what it is given, under the name of a step."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def given(self) -> dict[str, Any]:
        """The arguments by parameter name, defaults filled in."""
        return arguments(self.function, self.args, self.kwargs)

    def on(self, argument: str, block: Any) -> "Call":
        """The same call on a block of one of its arguments."""
        args, kwargs = rebound(self.function, self.args, self.kwargs, {argument: block})
        return replace(self, args=args, kwargs=kwargs)


@dataclass(frozen=True)
class Shard:
    """What one worker carries out at a time: a call, the key of its result, and what people call it."""

    call: Call
    key: StepKey
    title: str


@dataclass(frozen=True)
class Planned:
    """A call before it is carried out. Without a key it is never reused; ``reason`` says why, in words."""

    call: Call
    key: StepKey | None
    reason: str = ""
    split: Split | None = None
    shards: tuple[Shard, ...] = ()


@dataclass(frozen=True)
class Made:
    """A result as the store gives it back, and what making it took (once, also where it was found)."""

    value: Any
    node: results.Node
    seconds: float
    peak_memory_mb: float
    warnings: tuple[str, ...]
    found: bool
    shards: ShardsEntry = ShardsEntry()


@dataclass(frozen=True)
class Told:
    """What workers report: keys of the results they kept, errors by key, and objects that they found damaged."""

    made: frozenset[str]
    errors: Mapping[str, BaseException]
    quarantined: tuple[str, ...] = ()


class Pool(Protocol):
    """Workers in other processes, which share the store."""

    def carry_out(self, shards: Sequence[Shard], advance: Callable[[], None]) -> Told:
        """Carry out shards, all of them even where one raises; results are kept in the store."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


@dataclass
class Worker:
    """Carries out steps in this process, or has their shards carried out by a pool.

    A result is always what the store gives back, never what the function returned, so that a run that was
    interrupted and one that was not work with the same values.
    """

    store: Store
    code: Code
    sizes: BlockSizes
    threads: int | None
    pool: Pool | None = None
    _made: set[str] = field(default_factory=set, repr=False)

    def key(self, call: Call) -> StepKey:
        """Key of a call; see :func:`consona.engine.keys.step_key`."""
        return step_key(call.function, call.args, call.kwargs, self.code)

    def planned(self, call: Call) -> Planned:
        """A call with its key and its shards."""
        try:
            key = self.key(call)
        except NotCacheable as error:
            return Planned(call, None, f"Step '{call.name}' is not kept for reuse: {error}.")
        split = split_of(getattr(call.function, "separable_dims", ()), call.given, self.sizes)
        if split is None:
            return Planned(call, key)
        n = len(split.blocks)
        shards = tuple(
            Shard(call.on(split.argument, block), key.with_input(split.argument, block), f"{call.name} {i} of {n}")
            for i, block in enumerate(split.blocks, 1)
        )
        return Planned(call, key, split=split, shards=shards)

    def ahead(self, title: str, several: Sequence[Planned]) -> list[tuple[Shard, BaseException]]:
        """Let the pool, where there is one, carry out what several steps lack; returns the shards that raised.

        Steps in one piece count as one shard. What has no key is left to :meth:`carry_out`.
        """
        if self.pool is None:
            return []
        lacking = [each for each in several if each.key is not None and not self._there(each.key.key)]
        shards = {
            shard.key.key: shard
            for each in lacking
            if each.key is not None
            for shard in each.shards or (Shard(each.call, each.key, each.call.name),)
        }
        wanted = [shard for shard in shards.values() if not self._there(shard.key.key)]
        if not wanted:
            return []
        with progress(title, len(shards)) as bar:
            for _ in range(len(shards) - len(wanted)):
                bar.advance(found=True)
            told = self.pool.carry_out(wanted, bar.advance)
        self._made |= told.made
        self._await(told.made)
        self.store.quarantined += told.quarantined
        return [(shard, told.errors[key]) for key, shard in shards.items() if key in told.errors]

    def carry_out(self, planned: Planned) -> Made:
        """The result of a call, from the store where it is there whole, otherwise made and kept."""
        damaged = len(self.store.quarantined)
        found = self._found(planned.key.key) if planned.key is not None else None
        if found is not None:
            return found
        if planned.shards:
            raise_first(self.ahead(planned.call.name, [planned]))
        with threadpool_limits(limits=self.threads) if self.threads else nullcontext():
            made = self._in_one_piece(planned) if planned.split is None else self._in_shards(planned, planned.split)
        lost = len(self.store.quarantined) - damaged
        return replace(made, shards=made.shards.model_copy(update={"quarantined": lost}))

    def shard(self, shard: Shard) -> Made:
        """One shard, found or made."""
        return self._found(shard.key.key) or self._at_once(shard.call, shard.key)

    def _there(self, key: str) -> bool:
        record = self.store.record(key)
        return record is not None and results.intact(self.store, record["result"])

    def _await(self, keys: Iterable[str]) -> None:
        deadline = time.monotonic() + LATE_S
        for key in keys:
            while not self._there(key) and time.monotonic() < deadline:
                time.sleep(_POLL_S)

    def _found(self, key: str) -> Made | None:
        record = self.store.record(key)
        if record is None:
            return None
        try:
            value = results.load(self.store, record["result"])
        except results.Gone:
            self.store.withdraw(key)
            return None
        spent = (float(record["seconds"]), float(record["peak_memory_mb"]), tuple(record["warnings"]))
        elsewhere = key in self._made  # by a worker of this run
        shards = ShardsEntry(made=1) if elsewhere else ShardsEntry(found=1)
        return Made(value, record["result"], *spent, found=not elsewhere, shards=shards)

    def _in_one_piece(self, planned: Planned) -> Made:
        with working(planned.call.name):
            return self._at_once(planned.call, planned.key)

    def _at_once(self, call: Call, key: StepKey | None) -> Made:
        began = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            value = call.function(*forms.laid_out(call.args), **forms.laid_out(dict(call.kwargs)))
        texts = tuple(dict.fromkeys(f"{each.category.__name__}: {each.message}" for each in caught))
        made = Made(value, {}, time.perf_counter() - began, 0.0, texts, False, ShardsEntry(made=1))
        return self._kept(call, key, made)

    def _in_shards(self, planned: Planned, split: Split) -> Made:
        parts: list[Made] = []
        with progress(planned.call.name, len(planned.shards)) as bar:
            for shard in planned.shards:
                with _Naming(shard):
                    parts.append(self.shard(shard))
                bar.advance(found=parts[-1].found)
        n_found = sum(part.found for part in parts)
        spent = Made(
            joined([part.value for part in parts], split),
            {},
            sum(part.seconds for part in parts),
            max(part.peak_memory_mb for part in parts),
            tuple(dict.fromkeys(text for part in parts for text in part.warnings)),
            False,
            ShardsEntry(made=len(parts) - n_found, found=n_found),
        )
        return self._kept(planned.call, planned.key, spent)

    def _kept(self, call: Call, key: StepKey | None, made: Made) -> Made:
        node = results.keep(self.store, made.value)
        made = replace(made, peak_memory_mb=max(made.peak_memory_mb, peak_memory_mb()))
        if key is not None:
            record = {
                "schema_version": 1,
                "key": key.key,
                "function": function_name(call.function),
                "code": key.code.sha256,
                "inputs": key.inputs,
                "result": node,
                "seconds": made.seconds,
                "peak_memory_mb": made.peak_memory_mb,
                "warnings": list(made.warnings),
            }
            self.store.write_record(key.key, record)
        return replace(made, value=results.load(self.store, node), node=node)


def raise_first(errors: Sequence[tuple[Shard, BaseException]]) -> None:
    """Raise the error of the first shard that raised, with a note that names it; do nothing where none did."""
    if errors:
        shard, error = errors[0]
        others = f" {len(errors) - 1} more raised as well." if len(errors) > 1 else ""
        error.add_note(f"It was raised in shard '{shard.title}'.{others} All others were carried out and are kept.")
        raise error


class _Naming:
    """Gives an error that passes a note with the name of its shard."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"It was raised in shard '{self._shard.title}'.")

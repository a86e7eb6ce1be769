"""One step: found in the store, or carried out, in one piece or in shards, and kept."""

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from threadpoolctl import threadpool_limits

from consona.core.stimuli import Stimuli
from consona.engine import results
from consona.engine.code import Code, function_name
from consona.engine.environment import peak_memory_mb
from consona.engine.fingerprint import NotCacheable
from consona.engine.keys import StepKey, step_key
from consona.engine.manifest import ShardsEntry
from consona.engine.progress import progress, working
from consona.engine.shards import blocks_of, joined
from consona.engine.store import Store


@dataclass(frozen=True)
class Call:
    """A function and what it is given, under the name of a step."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def on(self, block: Stimuli) -> "Call":
        """The same call on a block of its stimuli."""
        return replace(self, args=(block, *self.args[1:]))


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


@dataclass
class Worker:
    """Carries out steps in this process.

    A result is always what the store gives back, never what the function returned, so that a run that was
    interrupted and one that was not work with the same values.
    """

    store: Store
    code: Code
    block_size: int
    threads: int | None

    def key(self, call: Call) -> StepKey:
        """Key of a call; see :func:`consona.engine.keys.step_key`."""
        return step_key(call.function, call.args, call.kwargs, self.code)

    def shard_keys(self, call: Call) -> tuple[str, ...]:
        """Keys of the shards of a call, in order; empty where it is not split."""
        return tuple(self.key(call.on(block)).key for block in blocks_of(call.function, call.args, self.block_size))

    def carry_out(self, call: Call, key: StepKey | None) -> Made:
        """The result of a call, from the store where it is there whole, otherwise made and kept."""
        damaged = len(self.store.quarantined)
        found = self._found(key.key) if key is not None else None
        if found is not None:
            return found
        blocks = blocks_of(call.function, call.args, self.block_size) if key is not None else []
        with threadpool_limits(limits=self.threads) if self.threads else nullcontext():
            made = self._in_shards(call, blocks, key) if key is not None and blocks else self._in_one_piece(call, key)
        lost = len(self.store.quarantined) - damaged
        return replace(made, shards=made.shards.model_copy(update={"quarantined": lost}))

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
        return Made(value, record["result"], *spent, found=True, shards=ShardsEntry(found=1))

    def _in_one_piece(self, call: Call, key: StepKey | None) -> Made:
        with working(call.name):
            return self._at_once(call, key)

    def _at_once(self, call: Call, key: StepKey | None) -> Made:
        began = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            value = call.function(*call.args, **call.kwargs)
        texts = tuple(dict.fromkeys(f"{each.category.__name__}: {each.message}" for each in caught))
        return self._kept(call, key, value, (time.perf_counter() - began, texts, ShardsEntry(made=1)))

    def _in_shards(self, call: Call, blocks: list[Stimuli], key: StepKey) -> Made:
        parts: list[Made] = []
        with progress(call.name, len(blocks)) as bar:
            for block in blocks:
                parts.append(self._shard(call.on(block)))
                bar.advance(found=parts[-1].found)
        whole = joined([part.value for part in parts], call.args[0])
        texts = tuple(dict.fromkeys(text for part in parts for text in part.warnings))
        n_found = sum(part.found for part in parts)
        shards = ShardsEntry(made=len(parts) - n_found, found=n_found)
        return self._kept(call, key, whole, (sum(part.seconds for part in parts), texts, shards))

    def _shard(self, call: Call) -> Made:
        key = self.key(call)
        return self._found(key.key) or self._at_once(call, key)

    def _kept(
        self, call: Call, key: StepKey | None, value: Any, spent: tuple[float, tuple[str, ...], ShardsEntry]
    ) -> Made:
        seconds, texts, shards = spent
        node = results.keep(self.store, value)
        peak = peak_memory_mb()
        if key is not None:
            record = {
                "schema_version": 1,
                "key": key.key,
                "function": function_name(call.function),
                "code": key.code.sha256,
            }
            spent_on = {"seconds": seconds, "peak_memory_mb": peak, "warnings": list(texts)}
            self.store.write_record(key.key, {**record, "inputs": key.inputs, "result": node, **spent_on})
        return Made(results.load(self.store, node), node, seconds, peak, texts, found=False, shards=shards)


def key_or_reason(worker: Worker, call: Call) -> tuple[StepKey | None, str]:
    """The key of a call; where it has none, the reason in words."""
    try:
        return worker.key(call), ""
    except NotCacheable as error:
        return None, f"Step '{call.name}' is not kept for reuse: {error}."

"""What a run writes into its manifest: when it begins, when a step begins, and what came out of it."""

import re
import sys
from pathlib import Path

import consona
from consona.core.errors import ConfigError
from consona.engine.code import function_name
from consona.engine.config import Study
from consona.engine.environment import environment
from consona.engine.execution import Execution
from consona.engine.keys import seed_of
from consona.engine.manifest import Manifest, ObjectEntry, ShardsEntry, StepEntry, now
from consona.engine.results import Leaf, leaves, noun_name
from consona.engine.steps import Made, Planned
from consona.engine.store import Store, link_or_copy


def first_manifest(study: Study, execution: Execution) -> Manifest:
    """The manifest of a run that begins.

    Raises
    ------
    ConfigError
        When the study has no name.
    """
    if not study.name:
        raise ConfigError(f"The study {type(study).__name__} has no name. Set the class attribute 'name'.")
    return Manifest(
        study=study.name,
        question=study.question,
        science=study.model_dump(mode="json"),
        execution=execution.model_dump(mode="json"),
        status="running",
        version=consona.__version__,
        created=now(),
        updated=now(),
        command=(Path(sys.argv[0]).name, *sys.argv[1:]),
        environment=environment(),
    )


def begun_entry(planned: Planned, device: str) -> StepEntry:
    """The entry of a step that begins; the keys of its shards are listed until they are joined."""
    call, key = planned.call, planned.key
    return StepEntry(
        name=call.name,
        status="running",
        function=function_name(call.function),
        key=key.key if key else None,
        code=key.code.sha256 if key else None,
        inputs=key.inputs if key else {},
        seed=seed_of(call.given),
        device=device,
        reused=False,
        shards=ShardsEntry(keys=tuple(shard.key.key for shard in planned.shards)),
    )


def finished_entry(entry: StepEntry, made: Made, store: Store, folder: Path) -> StepEntry:
    """The entry of a step that is done; its objects are shown in ``results/`` of the run's folder."""
    update = {
        "status": "finished",
        "reused": made.found,
        "noun": noun_name(made.node),
        "objects": tuple(_shown(entry.name, leaf, store, folder) for leaf in leaves(made.node)),
        "shards": made.shards,
        "seconds": made.seconds,
        "peak_memory_mb": made.peak_memory_mb,
        "warnings": made.warnings,
    }
    return entry.model_copy(update=update)


def _shown(name: str, leaf: Leaf, store: Store, folder: Path) -> ObjectEntry:
    words = ".".join(re.sub(r"[^\w.-]", "-", word) for word in (name, *leaf.path))
    file = f"results/{words}.{leaf.item.suffix}"
    link_or_copy(store.path(leaf.item), folder / file)
    return ObjectEntry(file=file, **vars(leaf.item), noun=leaf.noun, dims=leaf.dims, shape=leaf.shape)

"""A run: a folder that fills up while a study is conducted, and that survives being killed."""

import fnmatch
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import consona
from consona.core.claim import Claim
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, StoreError
from consona.engine import checks
from consona.engine.checks import Evidence, Finding
from consona.engine.checks.observed import observed
from consona.engine.claims import write_checks, write_claims
from consona.engine.code import Code
from consona.engine.config import Execution, Study, dump_toml, load_toml
from consona.engine.entries import begun_entry, finished_entry, first_manifest
from consona.engine.environment import environment
from consona.engine.keys import StepKey
from consona.engine.manifest import Manifest, dataset_entry, read_manifest
from consona.engine.progress import say
from consona.engine.register import register
from consona.engine.results import Node, load
from consona.engine.shards import BlockSizes
from consona.engine.steps import Call, Planned, Worker, raise_first
from consona.engine.store import Store, default_folder, held, sweep, write_atomically
from consona.engine.workers import pool_of

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
STUDY_FILE = "study.toml"
Given = Sequence[Any] | Mapping[str, Any]


@dataclass
class Run:
    """A study being conducted: names steps, keeps their results, and writes down what was done.

    Make one with :meth:`create` or :meth:`open`. ``folder`` holds ``manifest.json``, ``study.toml``, ``claims.json``,
    ``checks.json`` and ``results/``.
    """

    folder: Path
    study: Study
    execution: Execution
    store: Store
    manifest: Manifest
    _worker: Worker = field(repr=False)
    _nodes: dict[str, Node] = field(default_factory=dict, repr=False)
    _keys: dict[str, str | None] = field(default_factory=dict, repr=False)
    _evidence: list[Evidence] = field(default_factory=list, repr=False)

    @classmethod
    def create(cls, study: Study, execution: Execution | None = None, folder: Path | None = None) -> "Run":
        """A new run; its folder is ``runs/STUDY/DATE-XXXXXX`` below the working directory where none is given.

        Raises
        ------
        StoreError
            When the folder is in use, or folder or store cannot be written (found out before any work is done).
        """
        execution = execution or Execution()
        folder = folder or Path("runs") / study.name / f"{datetime.now(UTC):%Y-%m-%d}-{os.urandom(3).hex()}"
        if (folder / "manifest.json").exists():
            raise StoreError(f"'{folder}' is a run already: consona resume {folder} goes on with it; or name another.")
        store = _ready_store(execution, folder)
        write_atomically(folder / STUDY_FILE, dump_toml(study, execution).encode())
        manifest = first_manifest(study, execution).write(folder)
        return cls(folder, study, execution, store, manifest, _worker(store, execution))

    @classmethod
    def open(cls, folder: Path, studies: Mapping[str, type[Study]]) -> "Run":
        """An existing run, to go on with it; ``studies`` are the studies there are, by name.

        Raises
        ------
        StoreError
            When folder or store cannot be written.
        ConfigError
            When the folder is no run, or its ``study.toml`` is not valid any more.
        """
        anew: dict[str, Any] = {"notes": (), "models": (), "datasets": (), "code": {}}
        anew |= {"environment": environment(), "version": consona.__version__}
        manifest = read_manifest(folder).model_copy(update=anew)
        read = load_toml(folder / STUDY_FILE, studies)
        store = _ready_store(read.execution, folder)
        sweep(folder)
        return cls(folder, read.study, read.execution, store, manifest, _worker(store, read.execution))

    def step(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Carry out ``function(*args, **kwargs)`` under a name, or take its result from the store.

        The key is made of the function, the code behind it, and the fingerprints of its arguments and of the object
        it belongs to. A function marked ``separable("stimulus")`` is carried out in shards.

        Returns
        -------
        The result as the store gives it back: a noun, dataset, array, table, JSON value, or a mapping, list or tuple.

        Raises
        ------
        InvalidInput
            When the name is taken or not fit for a file, or the result cannot be stored.
        StoreError
            When the store cannot be written, or the parts of the step are not complete.
        """
        return self._carried_out(self._begun(Call(name, function, args, kwargs)))

    def each(
        self, prefix: str, function: Callable[..., Any], several: Mapping[str, Given], /, **common: Any
    ) -> dict[str, Any]:
        """Carry out one step ``PREFIX-NAME`` per name; with a cluster, the shards of all of them go into one pool.

        Exactly what :meth:`step` gives in a loop. Where a shard raises, the others finish first.

        Parameters
        ----------
        prefix
            In front of the names of the steps.
        function
            What is carried out.
        several
            By name: positional arguments as a tuple, or arguments by their names as a mapping.
        **common
            Arguments by name that all steps share.

        Returns
        -------
        dict
            The results by name, in the order of ``several``.
        """
        calls = {
            name: Call(f"{prefix}-{name}", function, (), {**given, **common})
            if isinstance(given, Mapping)
            else Call(f"{prefix}-{name}", function, tuple(given), common)
            for name, given in several.items()
        }
        begun = {name: self._begun(call) for name, call in calls.items()}
        errors = self._worker.ahead(prefix, list(begun.values()))
        failed = {shard.call.name for shard, _ in errors}
        made = {name: self._carried_out(each) for name, each in begun.items() if each.call.name not in failed}
        raise_first(errors)
        return made

    def results(self, pattern: str) -> dict[str, Any]:
        """Results of the steps of this run whose name fits ``pattern`` (``score-*``), in the order they were named."""
        names = [name for name in self._nodes if fnmatch.fnmatchcase(name, pattern)]
        return {name: load(self.store, self._nodes[name]) for name in names}

    def note(self, text: str) -> None:
        """Something a reader of the report should know; shown at once, and written into the manifest."""
        if text not in self.manifest.notes:
            say(f"note: {text}")
            self._write(self.manifest.model_copy(update={"notes": (*self.manifest.notes, text)}))

    def note_model(self, description: Mapping[str, Any]) -> None:
        """Write a model into the manifest: what ``LanguageModel.describe()`` gives."""
        plain = json.loads(json.dumps(dict(description), default=str))
        if plain not in self.manifest.models:
            self._write(self.manifest.model_copy(update={"models": (*self.manifest.models, plain)}))

    def note_dataset(self, dataset: Dataset) -> None:
        """Write a data set into the manifest: name, version, licence, checksums, synthetic or not."""
        entry = dataset_entry(dataset)
        if entry not in self.manifest.datasets:
            self._write(self.manifest.model_copy(update={"datasets": (*self.manifest.datasets, entry)}))

    def evidence(self, code: str, /, *, where: str = "study", **facts: Any) -> None:
        """Give a check its facts; the page of the check lists them. ``where`` names the step they are about.

        Raises
        ------
        InvalidInput
            When there is no such check.
        """
        known = [check.code for check in checks.CHECKS]
        if code not in known:
            raise InvalidInput(f"There is no check '{code}'; there are {', '.join(known)}.")
        self._evidence.append(Evidence(code, where, facts))

    def examine(self) -> list[Finding]:
        """Every check, on the evidence so far."""
        return checks.examine(self._evidence, self.study.checks)

    def conduct(self) -> list[Claim]:
        """Conduct the study to its end: steps, claims, checks. Stopped half-way, ``consona resume`` goes on.

        Raises
        ------
        StoreError
            When another process conducts this run.
        """
        with held(self.folder / ".lock") as free:
            if not free:
                raise StoreError(
                    f"'{self.folder}' is being conducted by another process. Wait for it, or end it first."
                )
            with _Outcome(self):
                self._write(self.manifest.model_copy(update={"status": "running", "error": None}))
                claims = self.study.conduct(self)
                self.finish(claims)
        return claims

    def finish(self, claims: Sequence[Claim], findings: Sequence[Finding] | None = None) -> None:
        """Write ``claims.json`` and ``checks.json`` and mark the run as finished.

        ``findings`` are those of :meth:`examine` where not given. Steps of an earlier attempt that were not named
        again leave the manifest.

        Raises
        ------
        InvalidInput
            When a control that the study names has no verdict in any claim.
        """
        answered = {control for claim in claims for control in claim.controls}
        missing = [control for control in self.study.controls if control not in answered]
        if missing:
            raise InvalidInput(
                f"Study '{self.study.name}' names the controls {missing} and no claim gives their verdict."
            )
        write_claims(self.folder, self.study.name, self.study.question, claims)
        write_checks(self.folder, self.study.name, self.examine() if findings is None else findings)
        steps = tuple(step for step in self.manifest.steps if step.name in self._nodes)
        self._write(self.manifest.model_copy(update={"status": "finished", "error": None, "steps": steps}))

    def close(self) -> None:
        """End the workers of a cluster, where some were started; :meth:`conduct` does it however it ends."""
        if self._worker.pool is not None:
            self._worker.pool.close()

    def _require_name(self, name: str, key: StepKey | None) -> None:
        if not _NAME.match(name):
            raise InvalidInput(f"A step is named with letters, digits, '.', '_' and '-'; found '{name}'.")
        if name in self._keys and (key is None or self._keys[name] != key.key):
            raise InvalidInput(f"Two steps of this run are named '{name}' and differ. Give each its own name.")
        self._keys[name] = key.key if key is not None else None

    def _begun(self, call: Call) -> Planned:
        planned = self._worker.planned(call)
        self._require_name(call.name, planned.key)
        if planned.reason:
            self.note(planned.reason)
        code = {**self.manifest.code, **(planned.key.code.modules if planned.key else {})}
        entry = begun_entry(planned, self.execution.device)
        self._write(self.manifest.with_step(entry).model_copy(update={"code": dict(sorted(code.items()))}))
        return planned

    def _carried_out(self, planned: Planned) -> Any:
        name, made = planned.call.name, self._worker.carry_out(planned)
        self._nodes[name] = made.node
        entry = finished_entry(begun_entry(planned, self.execution.device), made, self.store, self.folder)
        self._write(self.manifest.with_step(entry))
        say(f"{name}: {'found in the store' if made.found else f'{made.seconds:.1f} s'}")
        self._evidence += observed(name, made.value)
        return made.value

    def _write(self, manifest: Manifest) -> None:
        self.manifest = manifest.write(self.folder)


class _Outcome:
    """Writes into the manifest how a run ended when it did not finish."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.close()
        if error is None:
            return
        status = "interrupted" if isinstance(error, (KeyboardInterrupt, SystemExit)) else "failed"
        text = f"{type(error).__name__}: {error}"
        try:
            self._run._write(self._run.manifest.model_copy(update={"status": status, "error": text}))
        except StoreError:  # the disk may be what failed; the first error is the one to tell
            say("The manifest could not be brought up to date; the run can be resumed nevertheless.")


def _ready_store(execution: Execution, folder: Path) -> Store:
    store = Store(Path(execution.store).expanduser() if execution.store else default_folder())
    store.require_writable()
    register(store, folder)
    sweep(store.folder)
    return store


def _worker(store: Store, execution: Execution) -> Worker:
    sizes = BlockSizes(execution.block_size, execution.target_block)
    return Worker(store, Code(), sizes, execution.threads, pool_of(execution, store))

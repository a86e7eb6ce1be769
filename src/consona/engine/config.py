"""The settings of a study, and how a TOML file becomes settings."""

import json
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from consona.core.claim import Claim
from consona.core.errors import ConfigError
from consona.engine.execution import Execution as Execution  # settings are imported from here

if TYPE_CHECKING:
    from consona.engine.run import Run

M = TypeVar("M", bound=BaseModel)
_TABLES = ("science", "execution")


@dataclass(frozen=True)
class PlannedStep:
    """What one step will take, as ``consona plan`` shows it before anything runs.

    ``seconds`` are those of one worker for all shards of the step, ``memory_mb`` that of one shard.
    """

    name: str
    seconds: float
    memory_mb: float
    disk_mb: float
    note: str = ""
    n_shards: int = 1

    def seconds_with(self, execution: Execution) -> float:
        """Seconds with the workers of an execution; a step in one piece has only one."""
        n_workers = 1 if execution.cluster == "none" else execution.workers
        return self.seconds * math.ceil(self.n_shards / n_workers) / self.n_shards


@dataclass(frozen=True)
class Requirements:
    """What a study needs on this computer: names of data sets, extras of the package, paths of the user."""

    datasets: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class Study(BaseModel):
    """Everything that can change a number. Unknown keys are refused.

    A study sets the class attributes, adds its fields, and implements :meth:`conduct`.

    Attributes
    ----------
    name
        As the command line spells it, for example ``valence-axis``.
    question
        What the study asks, in one sentence.
    controls
        Names of the controls that every claim list must answer for.
    checks
        Codes of the checks for which this study promises evidence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    name: ClassVar[str] = ""
    question: ClassVar[str] = ""
    controls: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[tuple[str, ...]] = ()

    def conduct(self, run: "Run") -> list[Claim]:
        """Carry out the study by naming its steps to ``run``; returns its claims, at most five."""
        raise NotImplementedError(f"study '{self.name}' does not implement conduct")

    def plan(self) -> list[PlannedStep]:
        """What the steps will take; nothing is computed."""
        return []

    def requires(self) -> Requirements:
        """Data sets and extras that must be there."""
        return Requirements()


@dataclass(frozen=True)
class StudyFile:
    """What a TOML file says: the science and how to carry it out."""

    study: Study
    execution: Execution


def load_toml(path: Path, studies: Mapping[str, type[Study]], overrides: Sequence[str] = ()) -> StudyFile:
    """Read a study file.

    Parameters
    ----------
    path
        A TOML file with ``study = "name"`` and the tables ``[science]`` and ``[execution]``.
    studies
        The studies there are, by name.
    overrides
        What ``--set`` gave, such as ``science.layer=-4``; the last one wins.

    Raises
    ------
    ConfigError
        When the file cannot be read, is not TOML, or holds an unknown key (the nearest real one is named) or a wrong
        value.
    """
    content = read_toml(path)
    for each in overrides:
        _apply(content, each)
    return from_mapping(content, studies, where=str(path))


def from_mapping(content: Mapping[str, Any], studies: Mapping[str, type[Study]], *, where: str) -> StudyFile:
    """Settings from a nested mapping with ``study``, ``science`` and ``execution``; ``where`` names its origin."""
    for key in content:
        if key != "study" and key not in _TABLES:
            raise ConfigError(f"{where}: unknown table or key '{key}'. {_nearest(key, ('study', *_TABLES))}")
    name = content.get("study")
    if not isinstance(name, str):
        raise ConfigError(f'{where}: the line study = "…" is missing. {_known("studies", studies)}')
    if name not in studies:
        raise ConfigError(f"{where}: there is no study '{name}'. {_nearest(name, studies)}")
    for table in _TABLES:
        if not isinstance(content.get(table, {}), Mapping):
            raise ConfigError(f"{where}: '{table}' is a table; write [{table}] and its keys below.")
    study = _validated(studies[name], content.get("science", {}), f"{where}, [science]")
    return StudyFile(study, _validated(Execution, content.get("execution", {}), f"{where}, [execution]"))


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises
    ------
    ConfigError
        When there is no such file, or it is a folder, or not TOML.
    """
    if path.is_dir():
        raise ConfigError(f"'{path}' is a folder; a study file was expected. Write one with: consona new STUDY FILE")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no file '{path}'. Write one with: consona new STUDY {path}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"'{path}' is not a text file in UTF-8. A study file is TOML.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"'{path}' is not valid TOML: {error}. Text stands in quotes.") from None


def parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    """Path and value of one ``--set``; the value is read as TOML, and as text where that fails.

    Raises
    ------
    ConfigError
        When there is no ``=``, or the path does not start with ``science.`` or ``execution.``.
    """
    path, equals, value = text.partition("=")
    keys = tuple(part.strip() for part in path.split("."))
    if not equals or len(keys) < 2 or not all(keys) or keys[0] not in _TABLES:
        raise ConfigError(f"--set takes science.KEY=VALUE or execution.KEY=VALUE; found '{text}'.")
    try:
        return keys, tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return keys, value.strip()


def dump_toml(study: Study | type[Study], execution: Execution | None = None) -> str:
    """A commented TOML file: the defaults of a class of studies, or the values of one study.

    Descriptions of the fields become comments; a field without a value becomes a commented line.
    """
    kind = study if isinstance(study, type) else type(study)
    head = [f"# {kind.question}" if kind.question else "# A study.", f"study = {_value(kind.name)}", "", "[science]"]
    science = _lines(kind, study if isinstance(study, BaseModel) else None)
    tail = ["", "# Nothing below changes a number.", "[execution]", *_lines(Execution, execution)]
    return "\n".join([*head, *science, *tail]) + "\n"


def _apply(content: dict[str, Any], text: str) -> None:
    keys, value = parse_override(text)
    table = content
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {text}: '{key}' is a value, not a table.")
    table[keys[-1]] = value


def _validated(kind: type[M], values: Mapping[str, Any], where: str) -> M:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explained(kind, each, where) for each in error.errors())) from None


def _explained(kind: type[BaseModel], error: Mapping[str, Any], where: str) -> str:
    path = [str(part) for part in error["loc"]]
    name = ".".join(path)
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key '{name}'. {_nearest(path[-1], _fields_at(kind, path[:-1]))}"
    field = kind.model_fields.get(path[0]) if path else None
    meaning = f" It is: {_stopped(field.description)}" if field is not None and field.description else ""
    # Past the keys of the file, pydantic adds the place in a list or the member of a union.
    name = ".".join(part for depth, part in enumerate(path) if depth == 0 or part in _fields_at(kind, path[:depth]))
    if error["type"] == "missing":
        return f"{where}: '{name}' has no default and must be given.{meaning}"
    subject = f"'{name}' is {error['input']!r}; " if path else ""
    return f"{where}: {subject}{_stopped(error['msg'].removeprefix('Value error, '))}{meaning}"


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def _fields_at(kind: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path:
        field = kind.model_fields.get(part)
        inner = field.annotation if field is not None else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        kind = inner
    return list(kind.model_fields)


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean '{close[0]}'?" if close else _known("names", names)


def _known(what: str, names: Iterable[str]) -> str:
    return f"Known {what}: {', '.join(sorted(names)) or 'none'}."


def _lines(kind: type[BaseModel], values: BaseModel | None) -> list[str]:
    lines: list[str] = []
    for name, field in kind.model_fields.items():
        value = getattr(values, name) if values is not None else _default(field)
        words = " ".join(filter(None, (field.description, _choices(field.annotation))))
        lines += [f"# {words}"] if words else []
        shown = _value(field.examples[0]) if field.examples else ""
        lines.append(f"# {name} = {shown}".rstrip() if value is None else f"{name} = {_value(value)}")
    return lines


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _choices(annotation: Any) -> str:
    if get_origin(annotation) is not Literal:
        return ""
    return f"One of: {', '.join(str(each) for each in get_args(annotation))}."


_WRITERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (int, str),
    (float, repr),
    (str, lambda value: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")),
    (BaseModel, lambda value: _value(value.model_dump())),
    (
        Mapping,
        lambda value: (
            "{" + ", ".join(f"{json.dumps(str(k))} = {_value(v)}" for k, v in value.items() if v is not None) + "}"
        ),
    ),
    ((list, tuple), lambda value: "[" + ", ".join(_value(each) for each in value) + "]"),
)


def _value(value: Any) -> str:
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    return _value(str(value))

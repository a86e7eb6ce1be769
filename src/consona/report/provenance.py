"""Where a run came from, in words and rows: facts, methods, settings, citations, steps, versions."""

import tomllib
from collections.abc import Mapping
from typing import Any

from consona.report.read import Material
from consona.report.wording import duration, flat, text

SHOWN_ELSEWHERE = {"steps", "notes", "warnings"}


def facts(material: Material) -> list[tuple[str, str]]:
    """The few facts for the head of the page: study, run, models, data, seed."""
    manifest = material.manifest
    science = _science(material)
    pairs = [
        ("run", material.folder.name),
        ("finished", str(manifest.get("finished") or manifest.get("created") or "")),
        ("models", _named(manifest.get("models"), "id", "name")),
        ("data", _named(manifest.get("datasets"), "name")),
        ("seed", text(science["seed"]) if "seed" in science else ""),
    ]
    return [(key, value) for key, value in pairs if value]


def _named(records: Any, *keys: str) -> str:
    """The names of some records, in a row."""
    found = records.values() if isinstance(records, Mapping) else records or []
    names = [next((str(each[key]) for key in keys if each.get(key)), "") for each in found if isinstance(each, Mapping)]
    return ", ".join(dict.fromkeys(name for name in names if name))


def study_of(material: Material) -> Mapping[str, Any]:
    """What the manifest says about the study: name, question, values, descriptions."""
    study = material.manifest.get("study")
    return study if isinstance(study, Mapping) else {"name": str(study or material.folder.parent.name)}


def _science(material: Material) -> Mapping[str, Any]:
    values = study_of(material).get("values")
    if isinstance(values, Mapping):
        return values
    found = tomllib.loads(material.study).get("science", {}) if material.study else {}
    return found if isinstance(found, Mapping) else {}


def settings(material: Material) -> list[tuple[str, str, str]]:
    """Every setting of the study that can change a number: name, value, description."""
    described = study_of(material).get("descriptions") or {}
    return [
        (name, "; ".join(f"{key} {value}".strip() for key, value in flat(each)), str(described.get(name, "")))
        for name, each in _science(material).items()
    ]


def methods(material: Material) -> list[str]:
    """The methods as sentences: the first line of what each step did, in order, each function once."""
    said: dict[str, list[str]] = {}
    for step in material.manifest.get("steps", []):
        summary = str(step.get("summary") or "").strip().rstrip(".")
        if summary:
            said.setdefault(summary, []).append(str(step.get("name", "")))
    return [f"{summary} ({_few(names)})." for summary, names in said.items()]


def _few(names: list[str], most: int = 4) -> str:
    kind = "step" if len(names) == 1 else "steps"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{kind} {', '.join(names[:most])}{more}"


def citations(material: Material) -> list[str]:
    """What to cite: the data sets, the models and the study, each once."""
    records = [each for key in ("datasets", "models") for each in _records(material.manifest.get(key))]
    found = [str(each["citation"]) for each in records if each.get("citation")]
    listed = material.manifest.get("citations") or []
    return list(dict.fromkeys([*found, *map(str, listed)]))


def _records(found: Any) -> list[Mapping[str, Any]]:
    entries = found.values() if isinstance(found, Mapping) else found or []
    return [each for each in entries if isinstance(each, Mapping)]


def steps(material: Material) -> list[dict[str, str]]:
    """The steps of the run in order, with key, time, memory and shards."""
    return [
        {
            "name": str(step.get("name", "")),
            "function": str(step.get("function", "")),
            "key": str(step.get("key", ""))[:12],
            "seconds": duration(step.get("seconds")),
            "memory": _memory(step),
            "shards": _shards(step.get("shards")),
        }
        for step in material.manifest.get("steps", [])
    ]


def _memory(step: Mapping[str, Any]) -> str:
    memory = step.get("peak_memory_mb", step.get("memory_mb"))
    return f"{memory:,.0f} MB" if isinstance(memory, int | float) else "—"


def _shards(shards: Any) -> str:
    if isinstance(shards, Mapping):
        return ", ".join(f"{count} {kind}" for kind, count in shards.items() if count) or "—"
    return text(shards)


def provenance(material: Material) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything else in the manifest, by its own headings, so that nothing that was recorded is hidden."""
    grouped: list[tuple[str, list[tuple[str, str]]]] = []
    loose: list[tuple[str, str]] = []
    for key, value in material.manifest.items():
        if key in SHOWN_ELSEWHERE:
            continue
        if isinstance(value, Mapping | list) and value:
            grouped.append((key.replace("_", " "), flat(value)))
        else:
            loose += flat(value, key)
    return ([("run", loose)] if loose else []) + grouped

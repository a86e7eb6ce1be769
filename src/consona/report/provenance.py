"""Where a run came from, in rows: facts, citations, steps, models, data, versions, seeds."""

from importlib.metadata import PackageNotFoundError, requires
from re import match

from consona.engine.manifest import Commit, DatasetEntry, ShardsEntry
from consona.report.read import Material
from consona.report.wording import day, duration, flat, text

Rows = list[tuple[str, str]]
MOST_FILES = 6


def facts(material: Material) -> Rows:
    """The few facts for the head of the page: run, day, models, data, seed."""
    manifest = material.manifest
    pairs = [
        ("run", material.folder.name),
        ("finished" if manifest.status == "finished" else manifest.status, day(manifest.updated)),
        (
            "models",
            ", ".join(dict.fromkeys(str(each.get("name") or each.get("model") or "?") for each in manifest.models)),
        ),
        ("data", ", ".join(dict.fromkeys(each.name for each in manifest.datasets))),
        ("seed", text(manifest.science.get("seed", ""))),
    ]
    return [(key, value) for key, value in pairs if value not in ("", "—")]


def citations(material: Material) -> list[str]:
    """What to cite: the data sets and, where they say so, the models; each once."""
    models = [str(each["citation"]) for each in material.manifest.models if each.get("citation")]
    return list(dict.fromkeys([each.citation for each in material.manifest.datasets if each.citation] + models))


def steps(material: Material) -> list[dict[str, str]]:
    """The steps of the run in order, with key, seed, time, memory and shards."""
    return [
        {
            "name": step.name,
            "function": step.function.removeprefix("consona."),
            "key": step.key[:12] if step.key else "none",
            "seed": text(step.seed),
            "seconds": duration(step.seconds),
            "memory": f"{step.peak_memory_mb:,.0f} MB" if step.peak_memory_mb else "—",
            "shards": _shards(step.shards, reused=step.reused),
        }
        for step in material.manifest.steps
    ]


def _shards(shards: ShardsEntry, *, reused: bool) -> str:
    counts = {"made": shards.made, "found": shards.found, "quarantined": shards.quarantined}
    said = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)
    return "whole result found" if reused else said or "—"


def provenance(material: Material) -> list[tuple[str, Rows]]:
    """Headings with rows: each model, each data set, the run, the packages."""
    manifest = material.manifest
    models = [(f"Model {each.get('name', i)}", flat(each)) for i, each in enumerate(manifest.models, start=1)]
    data = [(f"Data set {each.name}", _data(each)) for each in manifest.datasets]
    where = manifest.environment
    run = [
        ("started", day(manifest.created)),
        ("last written", day(manifest.updated)),
        ("status", manifest.status + (f": {manifest.error}" if manifest.error else "")),
        ("command", " ".join(manifest.command) or "—"),
        ("consona", f"{manifest.version}{_commit(where.consona)}"),
        ("Python", where.python),
        ("computer", f"{where.platform}, {where.n_cores} cores"),
        *flat(manifest.execution),
    ]
    return [*models, *data, ("Run", run), ("Versions", _packages(where.packages))]


def _commit(commit: Commit | None) -> str:
    if commit is None:
        return ""
    return f", commit {commit.commit[:12]}{' with changes' if commit.dirty else ''}"


def _data(entry: DatasetEntry) -> Rows:
    files = [(file, f"SHA-256 {checksum[:16]}…") for file, checksum in entry.checksums.items()]
    more = (
        [("further files", f"{len(files) - MOST_FILES}, with checksums in manifest.json")]
        if len(files) > MOST_FILES
        else []
    )
    return [
        ("version", text(entry.version)),
        ("licence", text(entry.licence)),
        ("synthetic", text(entry.synthetic)),
        ("subjects", str(entry.n_subjects)),
        ("stimuli", str(entry.n_stimuli)),
        *files[:MOST_FILES],
        *more,
    ]


def _packages(installed: dict[str, str]) -> Rows:
    """The packages this one is built on; the rest of what was installed is counted and stands in the manifest."""
    try:
        declared = requires("consona") or []
    except PackageNotFoundError:
        declared = []
    names = {found.group().lower() for each in declared if "dev" not in each and (found := match(r"[\w.-]+", each))}
    shown = [
        (name, version) for name, version in installed.items() if name.lower() in names and name.lower() != "consona"
    ]
    return [*shown, ("other packages", f"{len(installed) - len(shown)}, listed in manifest.json")]

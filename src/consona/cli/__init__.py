"""The command line: parse, call, print."""

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from consona import __version__
from consona.cli.console import say, show, tell
from consona.cli.training import INTERRUPTED, train_reasoner
from consona.core.errors import ConfigError, ConsonaError, InvalidInput, StoreError
from consona.engine.config import Execution, PlannedStep, StudyFile, dump_toml, load_toml
from consona.studies.registry import STUDIES, study_named

if TYPE_CHECKING:
    from consona.engine.run import Run

MISSING = 3
_SETTINGS = (ConfigError.exit_code, InvalidInput.exit_code)

app = typer.Typer(
    help="How far do language models and brains agree? A study ends in claims, each with a verdict for every control.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

StudyPath = Annotated[Path, typer.Argument(metavar="FILE", help="A study file, as `consona new` writes it.")]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Replace one value of the file: --set science.layer=-4."),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Folder of the run, not ./runs/STUDY/….")]


def main(argv: list[str] | None = None) -> int:
    """Run one command line (that of the process where none is given); returns its exit status.

    An error that a user can mend is one paragraph on the error stream; ``--debug`` lets its traceback through.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        app([word for word in words if word != "--debug"], prog_name="consona")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except (ConsonaError, OSError) as error:
        if "--debug" in words:
            raise
        return _told(error)
    return 0


def _told(error: ConsonaError | OSError) -> int:
    """Say an error in one paragraph; returns its exit status."""
    known = error if isinstance(error, ConsonaError) else _from_system(error)
    tell(Text.assemble(("Error: ", "bold red"), " ".join([str(known), *getattr(error, "__notes__", ())])))
    return known.exit_code


def _from_system(error: OSError) -> ConsonaError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
        return ConfigError(f"'{error.filename}': {error.strerror}. Check the path.")
    return StoreError(f"'{error.filename}': {error.strerror}. Check its permissions and the free space.")


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; anywhere on the line.")
    ] = False,
) -> None:
    if version:
        say(f"consona {__version__}")
        raise typer.Exit


@app.command("list")
def list_studies() -> None:
    """List the studies and what they ask."""
    show(("study", "question"), [(name, study.question) for name, study in STUDIES.items()])


@app.command()
def new(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="As `consona list` spells it.")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="To be written; the screen if not given.")] = None,
) -> None:
    """Write a commented study file; never over one that is there."""
    content = dump_toml(study_named(study))
    if file is None:
        sys.stdout.write(content)
        return
    if file.exists():
        raise ConfigError(f"'{file}' is there already and is not written over. Name another file, or remove it.")
    from consona.engine.store import write_atomically

    write_atomically(file, content.encode())
    say(f"{file} is written. What it needs: consona check {file}. What it will take: consona plan {file}")


def _needs(read: StudyFile, steps: list[PlannedStep]) -> None:
    """Say what a study takes and needs; ends with status 3 where something is missing."""
    from consona.datasets.catalogue import catalogue
    from consona.engine.needs import cost, missing

    say(f"{read.study.name}: the settings are valid. {cost(steps, read.execution)}")
    needed = read.study.requires()
    say(f"Corpora: {', '.join(needed.datasets) or 'none'}. Extras: {', '.join(needed.extras) or 'none'}.")
    if absent := missing(needed, {each.name: each.found() for each in catalogue()}):
        tell("\n".join(absent))
        raise typer.Exit(MISSING)
    say("Everything it needs is here.")


@app.command()
def check(file: StudyPath, override: Override = None) -> None:
    """Validate a study file, say what it needs, and stop."""
    read = load_toml(file, STUDIES, override or ())
    _needs(read, read.study.plan())


@app.command()
def plan(file: StudyPath, override: Override = None) -> None:
    """Say time, shards, memory and disk of every step before anything runs."""
    from consona.report.wording import duration

    read = load_toml(file, STUDIES, override or ())
    steps, rows = read.study.plan(), []
    for step in steps:
        numbers = (f"{each:,.0f}" for each in (step.n_shards, step.memory_mb, step.disk_mb))
        rows.append((step.name, duration(step.seconds_with(read.execution)), *numbers, step.note))
    show(("step", "time", "shards", "memory [MB]", "disk [MB]", "note"), rows)
    _needs(read, steps)


@app.command()
def run(file: StudyPath, folder: Out = None, override: Override = None) -> None:
    """Conduct a study and write its report."""
    from consona.engine.run import Run

    read = load_toml(file, STUDIES, override or ())
    _conduct(Run.create(read.study, read.execution, folder))


@app.command()
def resume(folder: RunPath) -> None:
    """Go on with an interrupted run; what is done is not done again."""
    from consona.engine.run import Run

    _conduct(Run.open(folder, STUDIES))


def _conduct(run: "Run") -> None:
    from consona.report.html import build_report

    try:
        run.conduct()
        path = build_report(run.folder)
    except KeyboardInterrupt:
        tell(f"Interrupted. What is done is kept; go on with: consona resume {run.folder}")
        raise typer.Exit(INTERRUPTED) from None
    except ConsonaError as error:
        error.add_note(_way_on(error, run))
        raise
    say(f"The report is {path}")


def _way_on(error: ConsonaError, run: "Run") -> str:
    if error.exit_code in _SETTINGS and run.manifest.status != "finished":  # resume takes the settings as they were
        return "Nothing of it is lost; correct the setting and start a new run (results in the store are used again)."
    return f"What is done is kept; when it is mended, go on with: consona resume {run.folder}"


@app.command()
def demo(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="As `consona list` spells it.")] = "valence-axis",
    folder: Out = None,
) -> None:
    """Conduct a study on data with a planted effect: offline, without corpora."""
    from consona.engine.run import Run

    planted = getattr(study_named(study), "demo", None)
    if planted is None:
        raise ConfigError(f"The study '{study}' has no demonstration. See: consona list")
    _conduct(Run.create(planted(), Execution(), folder))


@app.command()
def report(
    folder: RunPath,
    figures: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write each figure as SVG and PDF.")] = None,
) -> None:
    """Write the HTML report of a run anew."""
    from consona.engine.manifest import read_manifest
    from consona.report.html import build_report, save_figures

    read_manifest(folder)  # what is no run is said before what a run lacks
    say(f"The report is {build_report(folder)}")
    if figures is not None:
        say(f"{len(save_figures(folder, figures))} files are in {figures}")


@app.command()
def diff(first: RunPath, second: RunPath) -> None:
    """Say what differs between two runs."""
    from consona.engine.differences import diff as differences

    found = differences(first, second)
    for part in found.parts:
        say(Text.assemble((part, "bold"), *(f"\n  {line}" for line in getattr(found, part))))
    if not found.parts:
        say("The two runs do not differ.")


@app.command()
def doctor() -> None:
    """Say what this computer offers, and what to mend; ends with status 3 where something is broken."""
    from consona.datasets.catalogue import catalogue
    from consona.engine.doctor import diagnose

    rows = diagnose({each.name: each.found() for each in catalogue()})
    show(("", "", "found", "what to do"), [(row.state, row.name, row.found, row.advice) for row in rows])
    if any(row.state == "problem" for row in rows):
        raise typer.Exit(MISSING)


@app.command()
def datasets() -> None:
    """List every corpus: licence, size, shape, loader, twin, and whether it is here."""
    from consona.datasets.catalogue import catalogue

    for each in catalogue():
        say(Text.assemble((each.name, "bold"), f"  {each.title}"))
        terms = f"; terms of use: {each.agreement.url}" if each.agreement else ""
        say(f"  {each.shape}; {each.size_mb:g} MB; licence: {each.licence}{terms}")
        say(f"  loader {each.loader}; twin {each.twin}")
        say(f"  {each.found() or f'not here: consona fetch {each.name}'}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `consona datasets` spells it.")],
    accept: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Accept the terms of use of this corpus, in a batch job.")
    ] = None,
) -> None:
    """Download a corpus, each file checked; asks where terms of use exist, or says where to apply."""
    from consona.datasets import fetch as fetching
    from consona.datasets.catalogue import corpus

    accepted, entry = list(accept or ()), corpus(name)
    if entry.agreement is not None and name not in accepted and sys.stdin.isatty():
        say(fetching.instructions(entry))
        if typer.confirm(f"Do you accept: {entry.agreement.title}?"):
            accepted.append(name)
    found = fetching.fetch(name, accept=accepted)
    say(f"{found.folder}: {len(found.files)} files checked. {found.note}")


@app.command()
def store(
    clear: Annotated[bool, typer.Option("--prune", help="Remove what no run names.")] = False,
    runs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where more runs are whose results stay; ./runs if not set.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what --prune would remove; remove nothing.")] = False,
) -> None:
    """Say where the store is and how large."""
    from consona.engine.housekeeping import prune, run_folders, store_size
    from consona.engine.store import Store, default_folder

    kept = Store(default_folder())
    size = store_size(kept)
    say(f"{size.folder}: {size.n_objects} results, {size.n_bytes / 1e6:,.1f} MB")
    if size.n_quarantined:
        say(f"In quarantine, damaged: {size.n_quarantined} files, {size.quarantined_bytes / 1e6:,.1f} MB")
    if clear or dry_run:
        here = Path("runs")
        named = run_folders(runs or here) if runs is not None or here.is_dir() else []
        say(prune(kept, named, dry=dry_run).said(dry=dry_run))


app.command("train-reasoner")(train_reasoner)

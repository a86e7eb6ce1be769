"""The only place that draws progress: a bar on a terminal, one line a minute elsewhere, always on stderr."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_EVERY_S = 60.0


@dataclass
class Tally:
    """Counts what is done of one step; ``found`` are parts that lay in the store already."""

    title: str
    total: int
    unit: str = "shards"
    n_done: int = 0
    n_found: int = 0
    _began: float = field(default_factory=lambda: time.monotonic())

    def line(self) -> str:
        """Done, found, rate and time left, in one line."""
        made = self.n_done - self.n_found
        elapsed = time.monotonic() - self._began
        rate = made / elapsed if elapsed > 0 else 0.0
        left = f", {_clock((self.total - self.n_done) / rate)} left" if rate > 0 and self.n_done < self.total else ""
        found = f" ({self.n_found} found in the store)" if self.n_found else ""
        return f"{self.title}: {self.n_done} of {self.total} {self.unit}{found}, {rate:.2g} a second{left}"

    def advance(self, *, found: bool = False) -> None:
        """One more is done."""
        self.n_done += 1
        self.n_found += found


class _Bar(Tally):
    """A tally that is drawn as a bar."""

    def attach(self, bar: Progress) -> "_Bar":
        self._bar = bar
        self._task = bar.add_task(self.title, total=self.total, rate="")
        return self

    def advance(self, *, found: bool = False) -> None:
        super().advance(found=found)
        self._bar.update(self._task, completed=self.n_done, rate=self.line().partition(f"{self.unit}")[2].strip(" ,"))


class _Lines(Tally):
    """A tally that is written as a line, at most once a minute."""

    stream: TextIO = sys.stderr
    _last: float | None = None

    def advance(self, *, found: bool = False) -> None:
        super().advance(found=found)
        now = time.monotonic()
        if now - (self._last if self._last is not None else self._began) >= _EVERY_S:
            self._last = now
            self.stream.write(self.line() + "\n")
            self.stream.flush()


@contextmanager
def progress(title: str, total: int, *, unit: str = "shards") -> Iterator[Tally]:
    """Show how far a step is; call ``advance`` on what this yields."""
    if not sys.stderr.isatty():
        lines = _Lines(title, total, unit)
        lines.stream = sys.stderr
        yield lines
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    rest = (TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(*columns, *rest, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(title, total, unit).attach(bar)


@contextmanager
def working(title: str) -> Iterator[None]:
    """Show that a step in one piece is under way, and since when; nothing without a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(title, total=None)
        yield


def say(text: str) -> None:
    """One line on stderr, for people who watch."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

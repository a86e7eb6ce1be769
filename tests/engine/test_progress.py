"""Is progress told once a minute without a terminal, and drawn on one?"""

import io
import sys

from consona.engine import progress as module
from consona.engine.progress import progress, say, working


def test_without_a_terminal_there_is_a_line_a_minute(monkeypatch, capsys):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    with progress("features", 20) as tally:
        for place in range(20):
            tally.advance(found=place < 2)
    lines = capsys.readouterr().err.splitlines()
    assert 5 <= len(lines) < 20
    assert all("of 20 shards (2 found in the store), 0.0" in line for line in lines)
    assert "left" in lines[0]


def test_on_a_terminal_a_bar_is_drawn(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("features", 3) as tally:
        for _ in range(3):
            tally.advance()
    assert "features" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
    with working("axis"):
        pass
    assert "axis" in terminal.getvalue()


def test_say_writes_to_stderr(capsys):
    say("a line")
    assert capsys.readouterr() == ("", "a line\n")

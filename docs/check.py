"""Check the documentation: every link leads somewhere and, with ``--run``, every example runs.

A fenced block that starts with ``python`` is run, the blocks of one page one after the other in one namespace. A block
under a line ``<!-- not run: reason -->`` is left alone: it needs a corpus or a model that not everybody has. Scripts in
``examples/`` whose corpus is not on this computer are left out, and said to be.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"(?P<before>[^\n]*\n)?^```python[^\n]*\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
ABSENT = "consona.core.errors.MissingData"
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def pages() -> list[Path]:
    """All Markdown pages of the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def anchors(text: str) -> set[str]:
    """The anchors that headings make: lower case, words joined by hyphens."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in HEADING.findall(text)}


def broken_links(page: Path) -> list[str]:
    """Links of a page that lead to no file, or to no heading."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in (a or b for a, b in LINK.findall(text)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        where, _, anchor = target.partition("#")
        file = (page.parent / where).resolve() if where else page
        known = file.exists() and (not anchor or anchor in anchors(file.read_text(encoding="utf-8")))
        if not known:
            broken.append(f"{page.relative_to(ROOT)}: {target}")
    return broken


def examples(page: Path) -> str:
    """The Python blocks of a page that are meant to run, as one script."""
    blocks = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return "\n".join(m["code"] for m in blocks if not (m["before"] or "").startswith("<!-- not run"))


def failures(name: str, code: str) -> list[str]:
    """Run a script in an empty folder; say how it ended if not well."""
    environment = {**os.environ, "PYTHONWARNINGS": "default", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    return [] if done.returncode == 0 else [f"{name}: {done.stderr.strip().splitlines()[-1]}"]


def main() -> int:
    """Check all pages; returns the exit status."""
    wrong = [each for page in pages() for each in broken_links(page)]
    if "--run" in sys.argv:
        for page in pages():
            code = examples(page)
            wrong += failures(page.relative_to(ROOT).as_posix(), code) if code else []
        for script in sorted((ROOT / "examples").glob("plot_*.py")):
            wrong += failures(script.name, script.read_text(encoding="utf-8"))
    absent = [each for each in wrong if each.partition(": ")[2].startswith(ABSENT) and each.startswith("plot_")]
    wrong = [each for each in wrong if each not in absent]
    print("\n".join(f"left out: {each}" for each in absent) + ("\n" if absent else ""), end="")
    print("\n".join(wrong) or f"{len(pages())} pages: all links and examples are good")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Everything is said, links lead somewhere, and no page names a place that only one computer has."""

import importlib.util
import re
import subprocess

import pytest
from package_source import PACKAGE, ROOT

LOCAL = re.compile(r"(?<![\w.])/(work|root|home|Users)/\w|\.\./shared\b|/opt/pypi")


def load_checker():
    spec = importlib.util.spec_from_file_location("docs_check", ROOT / "docs" / "check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


checker = load_checker()


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        return [path.relative_to(ROOT).as_posix() for path in checker.pages()]
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("page", checker.pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    assert checker.broken_links(page) == []


def test_every_check_has_a_page_and_every_page_a_check():
    codes = {re.search(r"con\d{3}", p.stem).group().upper() for p in (PACKAGE / "engine" / "checks").glob("con*.py")}
    pages = {p.stem for p in (ROOT / "docs" / "checks").glob("CON*.md")}
    assert codes
    assert codes == pages


def test_no_file_names_a_local_place():
    found = []
    for name in tracked():
        if name == ".ci/run" or name.startswith("tests/house/") or name.endswith((".png", ".nc", ".npz", ".npy")):
            continue
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if LOCAL.search(line):
                found.append(f"{name}:{number}")
    assert found == []


def test_every_method_page_has_a_formula_and_an_example():
    pages = [p for p in (ROOT / "docs" / "method").glob("*.md") if p.stem not in ("index", "README")]
    text = {page.name: page.read_text(encoding="utf-8") for page in pages}
    assert [name for name, body in text.items() if "```python" not in body] == []


def test_decisions_are_numbered_without_a_gap():
    numbers = sorted(int(p.stem[:4]) for p in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert len(numbers) == len(set(numbers))

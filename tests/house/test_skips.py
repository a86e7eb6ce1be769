"""tests/SKIPS.md lists every test file that may skip, and no other."""

import ast
import re

from package_source import ROOT

SKIPPING = {"skip", "skipif", "importorskip", "xfail"}
INVENTORY = ROOT / "tests" / "SKIPS.md"


def _skips(path) -> bool:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in SKIPPING:
            owner = ast.unparse(node.value)
            if owner in ("pytest", "pytest.mark", "mark"):
                return True
    return False


def test_the_inventory_of_skips_is_true():
    skipping = {p.relative_to(ROOT).as_posix() for p in (ROOT / "tests").rglob("*.py") if _skips(p)}
    listed = set(re.findall(r"^\| `(tests/[^`]+)`", INVENTORY.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert listed == skipping


def test_data_tests_name_the_corpora_through_the_fixture():
    """A test that reads CONSONA_DATA itself could be skipped in CI without anyone noticing."""
    readers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"environ[^\n]*CONSONA_DATA", path.read_text(encoding="utf-8")) and path.parent.name != "house"
    ]
    assert readers == []

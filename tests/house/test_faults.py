"""The page on faults names tests that exist."""

import re

from package_source import ROOT


def test_every_test_named_on_the_page_of_faults_exists():
    rows = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))
    assert len(rows) >= 25
    missing = [name for file, name in rows if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")]
    assert missing == []

"""Are the published schemas those of the code?"""

import os
from pathlib import Path

import pytest

from consona.engine.checks import CHECKS
from consona.engine.claims import schemas

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", schemas())
def test_a_published_schema_is_up_to_date(name):
    path = DOCS / "schemas" / name
    if os.environ.get("CONSONA_BLESS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(schemas()[name])
    assert path.read_text() == schemas()[name], "run: make bless"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_check_has_a_page_that_names_its_facts(check):
    page = (DOCS.parent / check.page).read_text()
    assert page.startswith(f"# {check.code}: {check.title}\n")
    assert check.severity in page
    assert [fact for fact in check.facts if f"`{fact}`" not in page] == []

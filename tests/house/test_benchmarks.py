"""Every benchmark runs and agrees at a tiny size, and the table is honest. Times are never asserted."""

import json
import subprocess
import sys

import pytest
from package_source import ROOT

FOLDER = ROOT / "benchmarks"
PEER = "scikit-learn Ridge"


def run(*given):
    command = [sys.executable, str(FOLDER / "table.py"), *given]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_benchmark_runs_and_agrees():
    done = run("--smoke")
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout
    ran = {line.split(" ")[0] for line in done.stderr.splitlines()}
    assert {path.stem for path in FOLDER.glob("*.py")} - {"rates", "table"} - ran == set()


def row(tmp_path, peer, **ours):
    """The first row of left-out subjects, made of given measurements: its cells, and how the table ended."""
    found = {"consona": {"facts": {"seconds": 0.5, "peak MB": 300.0, "times the limit": 4.0} | ours}, PEER: peer}
    records = [{"file": "loso", "side": name} | facts for name, facts in found.items()]
    (tmp_path / "found.jsonl").write_text("\n".join(json.dumps(record) for record in records))
    done = run("--only", "loso", "--read", str(tmp_path / "found.jsonl"))
    return done.stdout.splitlines()[2].strip("| ").split(" | "), done.returncode


def slower(seconds, apart):
    return {"facts": {"seconds": seconds, "peak MB": 700.0, "largest difference": apart}}


def test_a_ratio_says_whether_the_reach_was_met(tmp_path):
    cells, code = row(tmp_path, slower(200.0, 1e-12))
    assert cells[3].startswith(f"**400** {PEER}")
    assert cells[4] == "350 x scikit-learn: met"
    assert code == 0
    cells, code = row(tmp_path, slower(0.25, 1e-12))
    assert cells[3].startswith(f"**0.5** {PEER}")
    assert cells[4] == "350 x scikit-learn: **missed**"
    assert code == 0


def test_no_ratio_where_results_differ(tmp_path):
    cells, code = row(tmp_path, slower(200.0, 1e-3))
    assert cells[3] == "no ratio: the results differ"
    assert "disagrees" in cells[-1]
    assert code == 1


def test_a_peer_that_is_not_installed_is_listed(tmp_path):
    cells, code = row(tmp_path, {"missing": "sklearn is not installed"})
    assert "sklearn is not installed" in cells[3]
    assert code == 0


def test_the_table_goes_between_its_markers(tmp_path):
    page, records = tmp_path / "page.md", tmp_path / "none.jsonl"
    page.write_text("before\n<!-- table -->\nold\n<!-- end -->\nafter\n")
    records.write_text("")
    assert run("--only", "loso", "--read", str(records), "--write", str(page)).returncode == 0
    text = page.read_text()
    assert text.startswith("before\n<!-- table -->\n| task |")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text

"""What each verb does when all is well."""

import json
import tomllib
from pathlib import Path

import pytest
import typer.main

from consona import __version__, cli

CLI_PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def run_folder(tmp_path):
    (manifest,) = tmp_path.glob("runs/toy/*/manifest.json")
    return manifest.parent


def test_new_writes_a_commented_file_and_never_over_one(consona, tmp_path):
    status, shown, _ = consona("new", "toy")
    assert status == 0
    assert tomllib.loads(shown)["science"]["level"] == 2
    assert "# What is doubled." in shown
    assert consona("new", "toy", "mine.toml")[0] == 0
    assert (tmp_path / "mine.toml").read_text(encoding="utf-8") == shown
    (tmp_path / "mine.toml").write_text("precious", encoding="utf-8")
    status, _, told = consona("new", "toy", "mine.toml")
    assert status == 2
    assert "not written over" in told
    assert (tmp_path / "mine.toml").read_text(encoding="utf-8") == "precious"


def test_check_and_plan_say_what_it_takes(consona, study_file):
    status, shown, _ = consona("check", study_file)
    assert status == 0
    assert "7 s, 20 MB of memory and 3 MB of disk" in shown  # sum of times, largest memory, sum of disks
    status, shown, _ = consona("plan", study_file)
    assert status == 0
    assert "a nap" in shown
    assert "7 s, 20 MB of memory and 3 MB of disk" in shown


@pytest.mark.parametrize("verb", ["check", "plan"])
def test_the_cost_is_asked_once(consona, study_file, monkeypatch, verb):
    """A study reads its files to say what it takes, which may be gigabytes."""
    toy = cli.STUDIES["toy"]
    asked, steps = [], toy().plan()
    monkeypatch.setattr(toy, "plan", lambda self: asked.append(verb) or steps)
    assert consona(verb, study_file)[0] == 0
    assert asked == [verb]


def test_run_report_and_diff(consona, study_file, tmp_path):
    status, shown, _ = consona("run", study_file)
    first = run_folder(tmp_path)
    assert status == 0
    assert str(first.relative_to(tmp_path) / "report.html") in shown
    assert "Twice two is four" in (first / "report.html").read_text(encoding="utf-8")
    assert consona("run", study_file, "--set", "science.level=3", "--out", "second")[0] == 0
    assert json.loads((tmp_path / "second" / "claims.json").read_text(encoding="utf-8"))["claims"][0]["effect"] == 6
    status, shown, _ = consona("diff", first, "second")
    assert status == 0
    assert "level: 2 → 3" in shown
    assert "do not differ" in consona("diff", first, first)[1]


def test_resume_takes_finished_steps_from_the_store(consona, study_file):
    assert consona("run", study_file, "--out", "kept")[0] == 0
    status, shown, told = consona("resume", "kept")
    assert status == 0
    assert "double: found in the store" in told
    assert "kept/report.html" in shown


def test_report_writes_figures_where_it_is_told(consona, study_file, tmp_path):
    assert consona("run", study_file, "--out", "kept")[0] == 0
    (tmp_path / "kept" / "report.html").unlink()
    status, shown, _ = consona("report", "kept", "--figures", "drawn")
    assert status == 0
    assert (tmp_path / "kept" / "report.html").is_file()
    assert "0 files are in drawn" in shown


def test_demo_conducts_the_planted_study(consona, tmp_path):
    status, shown, _ = consona("demo", "toy")
    assert status == 0
    assert str(run_folder(tmp_path).relative_to(tmp_path)) in shown


def test_store_says_its_size_and_prunes(consona, study_file, tmp_path):
    assert consona("run", study_file)[0] == 0
    status, shown, _ = consona("store")
    assert status == 0
    assert "2 results" in shown
    status, shown, _ = consona("store", "--prune")
    assert status == 0
    assert "0 results that none of 1 runs names are removed" in shown  # named by a run, and younger than an hour
    assert f"kept: what {run_folder(tmp_path)} names" in shown
    assert "would be removed" in consona("store", "--prune", "--dry-run")[1]


def test_datasets_and_list_name_what_there_is(consona):
    status, shown, _ = consona("datasets")
    assert status == 0
    assert all(name in shown for name in ("faced", "sst2", "goemotions", "emobank", "twin", "licence"))
    assert "Is twice two four?" in consona("list")[1]


def test_doctor_looks_at_this_computer(consona):
    status, shown, _ = consona("doctor")
    assert status == 0
    assert all(word in shown for word in ("Python", "Store", "Disk", "faced"))


def test_version(consona):
    assert consona("--version")[:2] == (0, f"consona {__version__}\n")


def test_every_verb_and_option_is_documented():
    for name, command in typer.main.get_command(cli.app).commands.items():
        assert f"`consona {name}" in CLI_PAGE, name
        options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        assert [option for option in options if option not in CLI_PAGE and option != "--help"] == [], name

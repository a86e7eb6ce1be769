"""What is wrong is said in one paragraph, with the documented exit status and without a traceback."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from consona import cli
from consona.core.errors import ConfigError
from consona.studies.registry import study_named

TOY = Path(__file__).parent / "toy.py"


def one_paragraph(told: str) -> bool:
    return "Traceback" not in told and "\n\n" not in told.strip()


TROUBLE = {
    "no file": (("run", "nowhere.toml"), 2, "nowhere.toml"),
    "a folder as file": (("check", "."), 2, "is a folder"),
    "misspelt verb": (("rnu", "toy.toml"), 2, "Did you mean 'run'?"),
    "misspelt option": (("run", "toy.toml", "--ste", "science.level=1"), 2, "--set"),
    "misspelt key": (("run", "toy.toml", "--set", "science.levle=1"), 2, "Did you mean 'level'?"),
    "misspelt table": (("run", "toy.toml", "--set", "sciense.level=1"), 2, "science.KEY=VALUE"),
    "value out of range": (("plan", "toy.toml", "--set", "science.level=-1"), 2, "What is doubled."),
    "no value": (("plan", "toy.toml", "--set", "science.level"), 2, "science.KEY=VALUE"),
    "corpus not here": (("check", "toy.toml", "--set", 'science.corpora=["faced"]'), 3, "consona fetch faced"),
    "unknown corpus": (("fetch", "fased"), 2, "faced"),
    "agreement": (("fetch", "faced"), 3, "--accept faced"),
    "no run": (("report", "nowhere"), 2, "does not exist"),
    "no run but a file": (("report", "toy.toml"), 2, "it is a file"),
    "no run but a folder": (("resume", "."), 2, "it holds no manifest.json"),
    "no run to resume": (("resume", "nowhere"), 2, "nowhere"),
    "no runs to compare": (("diff", "nowhere", "toy.toml"), 2, "nowhere"),
    "runs to keep, misspelt": (("store", "--prune", "--runs", "rnus"), 2, "Nothing is removed"),
    "a run already": (("run", "toy.toml", "--out", "taken"), 5, "consona resume taken"),
    "a setting that breaks the run": (("run", "toy.toml", "--set", "science.trouble=data"), 4, "start a new run"),
    "a store that breaks the run": (("run", "toy.toml", "--set", "science.trouble=store"), 5, "consona resume runs"),
    "no such device": (("check", "toy.toml", "--set", "execution.device=gpu"), 2, "cuda:1"),
    "no arguments": (("run",), 2, "Missing argument"),
}


@pytest.mark.parametrize("case", TROUBLE)
def test_trouble_is_said_in_one_paragraph(case, consona, study_file, monkeypatch, tmp_path):
    monkeypatch.setenv("CONSONA_DATA", str(tmp_path / "no corpora"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "manifest.json").write_text("{}", encoding="utf-8")
    words, expected, hint = TROUBLE[case]
    status, _, told = consona(*words)
    assert status == expected
    assert hint in " ".join(told.replace("│", " ").split())
    assert one_paragraph(told)


def test_a_typo_in_the_file_is_answered_with_the_nearest_key(consona, study_file):
    study_file.write_text(study_file.read_text(encoding="utf-8").replace("level =", "lvel ="), encoding="utf-8")
    status, _, told = consona("run", study_file)
    assert status == 2
    assert "'lvel'" in told
    assert "Did you mean 'level'?" in told


def test_what_is_no_toml_is_refused(consona, study_file):
    study_file.write_text("study = toy", encoding="utf-8")
    status, _, told = consona("check", study_file)
    assert status == 2
    assert "TOML" in told


def test_a_misspelt_study_is_answered_with_the_nearest_one():
    with pytest.raises(ConfigError, match="Did you mean 'valence-axis'"):
        study_named("valance_axis")


def test_debug_lets_the_traceback_through(consona):
    with pytest.raises(ConfigError):
        consona("run", "nowhere.toml", "--debug")


def test_a_store_that_cannot_be_written_is_status_5(consona, study_file, monkeypatch, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is needed", encoding="utf-8")
    monkeypatch.setenv("CONSONA_STORE", str(blocked))
    status, _, told = consona("run", study_file)
    assert status == 5
    assert "CONSONA_STORE" in told
    assert one_paragraph(told)


def start(*words, folder, **environment):
    names = {**os.environ, "CONSONA_STORE": str(folder / "store"), "PYTHONPATH": str(TOY.parent), **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "toy", *words],
        cwd=folder,
        env=names,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what runs in the background of a shell ignores Ctrl-C, and so would what it starts
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )


def test_ctrl_c_says_how_to_go_on_and_loses_nothing(tmp_path):
    (tmp_path / "toy.toml").write_text('study = "toy"\n[science]\nseconds = 60\n', encoding="utf-8")
    process = start("run", "toy.toml", "--out", "mine", folder=tmp_path)
    heard = iter(process.stderr.readline, "")
    assert any("slow has begun" in line for line in heard)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == cli.INTERRUPTED
    assert told.strip().splitlines()[-1].endswith("go on with: consona resume mine")
    assert "Traceback" not in told
    (tmp_path / "mine" / "study.toml").write_text('study = "toy"\n', encoding="utf-8")  # this time without the nap
    again = start("resume", "mine", folder=tmp_path)
    shown, told = again.communicate(timeout=60)
    assert again.returncode == 0, told
    assert "double: found in the store" in told
    assert "mine/report.html" in shown


def test_a_reader_who_has_seen_enough_ends_it_quietly(tmp_path):
    process = start("datasets", folder=tmp_path)
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert told == ""


def test_the_console_script_is_installed(tmp_path):
    script = Path(sys.executable).with_name("consona")
    if not script.exists():
        script = Path("consona")
    done = subprocess.run([str(script), "new", "valence-axes"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Did you mean 'valence-axis'?" in done.stderr

"""Puts the toy study in place of the real ones, in an empty working directory."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def consona(monkeypatch, tmp_path, capfd):
    """Run one command line in an empty folder: ``status, shown, told = consona("run", "file.toml")``."""
    import toy

    from consona import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("CONSONA_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(cli, "STUDIES", toy.STUDIES)
    monkeypatch.setattr(cli, "study_named", toy.STUDIES.__getitem__)

    def run(*words):
        status = cli.main([str(word) for word in words])
        shown, told = capfd.readouterr()
        return status, shown, told

    return run


@pytest.fixture
def study_file(consona, tmp_path):
    """A file with the defaults of the toy study."""
    assert consona("new", "toy", "toy.toml")[0] == 0
    return tmp_path / "toy.toml"

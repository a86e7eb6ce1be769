"""The guards of the suite hold: no network, no silent loss of data tests, no store of the user's."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from package_source import ROOT


def test_sockets_reach_this_machine_only():
    with socket.socket() as outward, pytest.raises(RuntimeError, match="without network"):
        outward.connect(("192.0.2.1", 80))
    with pytest.raises(RuntimeError, match="without network"):
        socket.getaddrinfo("example.org", 443)
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())


def test_the_hub_is_offline_and_the_store_is_private():
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert Path.home() not in Path(os.environ["CONSONA_STORE"]).parents


def test_frozen_arrays_cannot_be_written(frozen):
    X = frozen([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        X += 1
    assert np.array_equal(X, [1, 2])


@pytest.mark.parametrize(("required", "status", "word"), [("", 0, "1 skipped"), ("1", 1, "may not be skipped")])
def test_a_data_test_is_skipped_or_fails_but_never_lost(required, status, word, tmp_path):
    (tmp_path / "conftest.py").write_text(
        (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "test_it.py").write_text("def test_it(data_folder):\n    pass\n", encoding="utf-8")
    names = {**os.environ, "CONSONA_DATA": str(tmp_path / "nowhere"), "CONSONA_REQUIRE_DATA": required}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            str(ROOT / "pyproject.toml"),
            str(tmp_path),
        ],
        cwd=tmp_path,
        env=names,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert word in done.stdout

"""Does the doctor see what is wrong, and name the remedy?"""

import os
import subprocess
import sys

import pytest

from consona.engine import doctor
from consona.engine.doctor import diagnose


@pytest.fixture
def computer(monkeypatch, tmp_path):
    """Versions and child processes as they are told; returns a function that diagnoses and gives rows by name."""
    versions = dict.fromkeys(doctor.CORE, "1.0") | {
        "numpy": "2.4",
        "torch": "2.13.0+cpu",
        "transformers": "5.23",
        "mne": "1",
        "textblob": "0.20.1",
    }
    broken: set[str] = set()

    def in_child(code):
        for name in broken:
            if name in code:
                return doctor._Child(False, f"OSError: {name}: libc10_cuda.so: cannot open shared object file")
        return doctor._Child(True, "fine")

    def rows(*, folder=None, datasets=None, breaks=(), **changed):
        versions.update(changed)
        broken.update(breaks)
        return {row.name: row for row in diagnose(datasets, folder or tmp_path / "store")}

    monkeypatch.setattr(doctor, "_version", lambda name: versions.get(name))
    monkeypatch.setattr(doctor, "_in_child", in_child)
    return rows


def test_a_sound_computer_is_ok(computer):
    assert {row.state for row in computer().values()} == {"ok"}


def test_a_torchaudio_that_breaks_transformers_is_named(computer):
    rows = computer(torchaudio="2.11.0", breaks={"torchaudio", "AutoModel"})
    assert rows["transformers"].state == "problem"
    assert "torchaudio beside this torch breaks the import" in rows["transformers"].found
    assert rows["transformers"].advice.endswith("pip uninstall torchaudio")


def test_a_torchaudio_that_only_does_not_work_itself_is_a_warning_and_one_that_works_is_ok(computer):
    rows = computer(torchvision="0.28", torchaudio="2.13.0")
    assert rows["transformers"].state == "ok"
    assert "beside it torchaudio 2.13.0, torchvision 0.28" in rows["transformers"].found
    rows = computer(breaks={"torchaudio"})
    assert (rows["transformers"].state, rows["transformers"].advice[-10:]) == ("warning", "torchaudio")


def test_repeng_that_took_numpy_down_is_named(computer):
    rows = computer(repeng="0.4.0", numpy="1.26.4")
    assert (rows["repeng"].state, rows["repeng"].found) == ("problem", "present, numpy 1.26.4")
    assert "pip uninstall repeng" in rows["repeng"].advice


def test_what_is_missing_is_named(computer, tmp_path):
    rows = computer(torch=None, transformers=None, mne=None, scipy=None, datasets={"faced": tmp_path, "sst2": None})
    assert (rows["Packages"].state, rows["Packages"].found) == ("problem", "missing: scipy")
    assert rows["Extra [lm]"].advice.endswith("pip install 'consona[lm]'")
    assert "torch" not in rows
    assert rows["Data"].found == f"faced ({tmp_path}); not here: sst2"


def test_a_store_that_cannot_be_written_or_is_full_is_a_problem(computer, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert computer(folder=tmp_path / "file" / "store")["Store"].state == "problem"
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: doctor.shutil._ntuple_diskusage(10, 10, 0))
    assert computer()["Disk"].state == "problem"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a read-only file system is mounted, as root")
def test_a_read_only_store_is_a_problem(computer, tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        row = computer(folder=folder)["Store"]
        assert row.state == "problem"
        assert "Read-only file system" in row.found
    finally:
        subprocess.run(["umount", folder], check=True)


def test_offline_is_told(computer, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "offline (HF_HUB_OFFLINE is set)" in computer()["Hugging Face"].found
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_TOKEN", "x")
    assert computer()["Hugging Face"].found == "online; a token is set"


def test_torch_is_imported_in_a_child_process():
    assert doctor._in_child("import json; print(json.dumps(1))") == doctor._Child(True, "1")
    broken = doctor._in_child("raise OSError('libc10_cuda.so')")
    assert broken == doctor._Child(False, "OSError: libc10_cuda.so")

"""Does a run survive being killed, a full disk, a damaged file, and another process? (F16 to F19)"""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from consona.core.errors import StoreError
from consona.engine.manifest import read_manifest
from consona.engine.store import Store, sweep, write_atomically

SCRIPT = Path(__file__).with_name("conducted.py")


def _started(tmp_path, mode, *words, store="store", run="run"):
    environment = os.environ | {
        "CONSONA_STORE": str(tmp_path / store),
        "CONSONA_TEST_LOG": str(tmp_path / f"{run}.log"),
    }
    words = [sys.executable, str(SCRIPT), mode, str(tmp_path / run), *map(str, words)]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _conducted(tmp_path, mode, *words, **names):
    process = _started(tmp_path, mode, *words, **names)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return json.loads(out.splitlines()[-1])


def _hashes(folder):
    return {each.file: each.sha256 for step in read_manifest(folder).steps for each in step.objects}


def _calls(tmp_path, run="run"):
    return Counter((tmp_path / f"{run}.log").read_text().split("\n")[:-1])


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    _conducted(folder, "once")
    return folder


@pytest.mark.parametrize("way", [("killed", 1), ("torn",)], ids=["at random", "in writes"])
def test_killed_at_any_moment_and_resumed_the_results_are_those_of_an_unbroken_run(tmp_path, unbroken, way):
    n_killed = _conducted(tmp_path, *way)["n_killed"]
    assert n_killed >= 5
    assert _hashes(tmp_path / "run") == _hashes(unbroken / "run")
    assert read_manifest(tmp_path / "run").status == "finished"
    # A call is logged just before it returns: redone is at most what was in flight when a process was killed.
    calls = _calls(tmp_path)
    assert set(calls) == set(_calls(unbroken))
    assert sum(calls.values()) - len(calls) <= n_killed
    Store(tmp_path / "store").require_writable()
    sweep(tmp_path)
    assert not list(tmp_path.rglob(".tmp-*"))


def test_a_damaged_shard_goes_to_quarantine_and_is_the_only_one_made_again(tmp_path, unbroken):
    shutil.copytree(unbroken / "store", tmp_path / "store")
    store = Store(tmp_path / "store")
    joined = {step.key for step in read_manifest(unbroken / "run").steps}
    shards = [path for path in sorted((store.folder / "records").rglob("*.json")) if path.stem not in joined]
    for path in (store.record_path(key) for key in joined):
        path.unlink()
    flipped, cut = (_object_of(store, path) for path in shards[:2])
    _damage(flipped, lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    _damage(cut, lambda data: data[: len(data) // 2])
    _conducted(tmp_path, "once")
    manifest = read_manifest(tmp_path / "run")
    assert _hashes(tmp_path / "run") == _hashes(unbroken / "run")
    assert sum(n for name, n in _calls(tmp_path).items() if name.startswith("capture")) == 2
    assert (manifest.steps[0].shards.made, manifest.steps[0].shards.quarantined) == (2, 2)
    for path in (flipped, cut):
        note = json.loads((store.folder / "quarantine" / f"{path.name}.note.json").read_text())
        assert note["expected"]["sha256"] == path.stem != note["found"]["sha256"]
        assert (store.folder / "quarantine" / path.name).exists()


@pytest.mark.parametrize("change", [lambda data: data[:-4], lambda data: data.replace(b'"dims"', b'"dime"')])
def test_a_damaged_record_is_withdrawn(tmp_path, change):
    store = Store(tmp_path)
    store.write_record("ab12", {"result": {"dims": ["é"]}, "seconds": 0.1})
    assert store.record("ab12") == {"result": {"dims": ["é"]}, "seconds": 0.1}
    _damage(store.record_path("ab12"), change)
    assert store.record("ab12") is None
    assert not store.record_path("ab12").exists()


def _object_of(store, record):
    item = json.loads(record.read_text())["result"]["object"]
    return store.folder / "objects" / item["sha256"][:2] / f"{item['sha256']}.{item['suffix']}"


def _damage(path, change):
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(change(data))


def test_two_processes_that_make_the_same_keys_at_once_agree(tmp_path, unbroken):
    processes = [_started(tmp_path, "once", run=f"run{i}") for i in range(3)]
    for process in processes:
        assert process.wait(timeout=120) == 0, process.stderr.read()
        process.stdout.close()
        process.stderr.close()
    assert all(_hashes(tmp_path / f"run{i}") == _hashes(unbroken / "run") for i in range(3))
    assert not list((tmp_path / "store").rglob(".tmp-*"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB; where none can be mounted (no root), the limit on the size of a file stands in."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and os.geteuid() == 0
    if (
        not mounted
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("a small file system cannot be mounted here (see the test with a write that fails)")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_file_system_loses_nothing_and_the_run_can_be_resumed(tmp_path, small_disk, unbroken):
    (small_disk / "filling").write_bytes(bytes(930_000))
    process = _started(tmp_path, "once", store="disk/store")
    error = process.communicate(timeout=120)[1]
    assert process.returncode != 0
    assert "The disk is full" in error
    assert read_manifest(tmp_path / "run").status == "failed"
    made = sum(_calls(tmp_path).values())
    assert made > 0
    assert not list(small_disk.rglob(".tmp-*"))
    (small_disk / "filling").unlink()
    _conducted(tmp_path, "once", store="disk/store")
    assert _hashes(tmp_path / "run") == _hashes(unbroken / "run")
    assert sum(_calls(tmp_path).values()) <= len(_calls(unbroken)) + 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path, monkeypatch, code):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    real = os.write

    def half(handle, data):
        if len(data) > 3:
            return real(handle, data[:3])
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(StoreError, match="disk is full" if code != errno.EROFS else "write permission"):
        write_atomically(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_only_temporaries_of_dead_processes_of_this_computer_are_swept(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = os.uname().nodename
    kept = [f".tmp-{host}-{os.getpid()}-00000000", f".tmp-elsewhere-{dead.pid}-00000000", "file"]
    for name in [*kept, f".tmp-{host}-{dead.pid}-00000000"]:
        (tmp_path / name).touch()
    assert sweep(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == set(kept)

"""Is every result the same for any number of workers, and with one killed in the middle? (F26)"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from interrupted import RECORDINGS, STIMULI, Several, new_run
from worker_steps import FOLDER, agreement, read

from consona.core.errors import MissingExtra
from consona.engine.config import Execution
from consona.engine.manifest import read_manifest
from consona.engine.parcels import Parcels, Place, WorkerError, carried_out
from consona.engine.results import leaves
from consona.engine.run import Run
from consona.engine.steps import Call
from consona.engine.store import Store
from consona.engine.workers import slurm_cluster


def hashes(run):
    return {each.file: each.sha256 for step in run.manifest.steps for each in step.objects}


def said(folder):
    return Counter(line.rsplit(" ", 1)[0] for line in (folder / "log").read_text().splitlines())


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    run = new_run(tmp_path_factory.mktemp("alone"), 0)
    run.conduct()
    return run


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A run with two workers, which the tests share."""
    folder = tmp_path_factory.mktemp("two")
    patch = pytest.MonkeyPatch()
    patch.setenv(FOLDER, str(folder))
    run = new_run(folder, 2)
    run.step("features", read, STIMULI, seed=9)
    yield run
    run.close()
    patch.undo()


def test_four_workers_change_nothing(tmp_path, monkeypatch, alone):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    run = new_run(tmp_path, 4)
    run.conduct()
    assert hashes(run) == hashes(alone)
    assert set(said(tmp_path).values()) == {1}
    pids = {line.split()[-1] for line in (tmp_path / "log").read_text().splitlines()}
    assert str(os.getpid()) not in pids
    assert 1 <= len(pids) <= 4
    assert [step.shards.made for step in run.manifest.steps] == [4, 6, 6, 1, 1]
    assert not any(step.reused for step in run.manifest.steps)


def test_a_worker_killed_in_the_middle_changes_nothing(two, alone):
    folder = two.folder.parent
    (folder / "log").unlink(missing_ok=True)
    (folder / "die").touch()
    run = Run.create(two.study, two.execution, folder / "other")
    run._worker.pool = two._worker.pool
    two.study.conduct(run)
    assert not (folder / "die").exists()
    assert hashes(run) == hashes(alone)
    assert sum(n == 2 for n in said(folder).values()) == 1


def test_where_a_shard_raises_the_others_finish_and_the_run_stops_and_names_it(two):
    folder = two.folder.parent
    (folder / "log").unlink(missing_ok=True)
    features = two.results("features")["features"]
    given = {name: (features, each) for name, each in RECORDINGS.items()}
    with pytest.raises(ValueError, match="target 20 is bad") as caught:
        two.each("bad", agreement, given, bad=20)
    assert caught.value.__notes__[-1].startswith("It was raised in shard 'bad-a 3 of 6'. 1 more raised as well.")
    calls = said(folder)
    assert (len(calls), set(calls.values())) == (12, {1})
    with pytest.raises(ValueError, match="target 20 is bad"):
        two.step("again", agreement, features, RECORDINGS["a"], bad=20)
    assert Counter(said(folder).values()) == {1: 11, 2: 1}


def test_large_arguments_stay_in_the_store_and_what_arrives_is_checked(tmp_path):
    run = new_run(tmp_path, 0)
    features = run.step("features", read, STIMULI, seed=9)
    planned = run._worker.planned(Call("score", agreement, (features, RECORDINGS["a"]), {}))
    parcel = Parcels(run.store).packed(planned.shards[1])
    assert len(parcel) < 20_000 < features.data.nbytes
    place = Place(str(run.store.folder), 1)
    assert carried_out(parcel, place) == ()
    assert Store(run.store.folder).record(planned.shards[1].key.key) is not None
    key = planned.shards[0].key
    code = replace(key.code, modules={**key.code.modules, "consona.core.score": "0"})
    for changed, words in (
        ({"inputs": {**key.inputs, "features": "0"}}, "other values than were sent: features"),
        ({"code": code}, "other code in consona.core.score"),
    ):
        wrong = replace(planned.shards[0], key=replace(key, **changed))
        with pytest.raises(WorkerError, match=words):
            carried_out(Parcels(run.store).packed(wrong), place)


def test_a_file_that_another_computer_shows_late_is_waited_for(tmp_path):
    run = new_run(tmp_path, 0)
    features = run.step("features", read, STIMULI, seed=9)
    shard = run._worker.planned(Call("score", agreement, (features, RECORDINGS["a"]), {})).shards[0]
    parcel = Parcels(run.store).packed(shard)
    path = run.store.path(next(leaves(run._nodes["features"])).item)
    path.rename(tmp_path / "late")
    timer = threading.Timer(0.5, lambda: (tmp_path / "late").rename(path))
    timer.start()
    assert carried_out(parcel, Place(str(run.store.folder), 1)) == ()
    timer.join()


def require_gone(group):
    """No process of a group is left; one that ended counts until its parent has noticed."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("processes of the cluster are left")


def test_ctrl_c_ends_the_workers_and_what_they_kept_is_found_without_them(tmp_path, alone):
    script = Path(__file__).with_name("interrupted.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env=os.environ | {FOLDER: str(tmp_path), "CONSONA_TEST_SECONDS": "0.3"},
        start_new_session=True,
        stderr=subprocess.PIPE,
        # what runs in the background of a shell ignores Ctrl-C, and so would what it starts
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )
    while not (tmp_path / "log").exists() and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert b"KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert read_manifest(tmp_path / "run").status == "interrupted"
    require_gone(process.pid)
    execution = alone.execution.model_copy(update={"store": str(tmp_path / "store")})
    run = Run.create(Several(), execution, tmp_path / "without")
    run.conduct()
    assert hashes(run) == hashes(alone)
    assert sum(step.shards.found for step in run.manifest.steps) >= 1


def test_the_job_that_is_sent_to_slurm():
    asked = {
        "partition": "gpu",
        "account": "lab",
        "cores": 8,
        "memory": "64GB",
        "walltime": "12:00:00",
        "gpus": 1,
        "interface": "lo",
        "prologue": ["module load cuda"],
    }
    cluster = slurm_cluster(Execution(cluster="slurm", threads=8, slurm=asked))
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    for line in (
        "#SBATCH -p gpu",
        "#SBATCH -A lab",
        "#SBATCH -n 1",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --mem=60G",
        "#SBATCH -t 12:00:00",
        "#SBATCH --gres=gpu:1",
        "module load cuda",
        "export OMP_NUM_THREADS=8",
    ):
        assert line in script.splitlines(), script
    assert "--nthreads 1 " in script


SBATCH = """#!/bin/sh
# stands in for SLURM: the job runs here
cp "$1" "$FAKE/job"; setsid sh "$FAKE/job" > "$FAKE/out" 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
kill -TERM -- -"$1"
echo "$1" >> "$FAKE/cancelled"
"""


def test_one_job_works_through_its_script_to_the_same_results_and_is_cancelled(tmp_path, monkeypatch, alone):
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("FAKE", str(tmp_path))
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = alone.execution.model_dump() | {"cluster": "slurm", "store": str(tmp_path / "store")}
    run = Run.create(Several(), Execution(**settings | {"slurm": {"interface": "lo"}}), tmp_path / "run")
    run.conduct()
    assert hashes(run) == hashes(alone)
    assert set(said(tmp_path).values()) == {1}
    (job,) = (tmp_path / "cancelled").read_text().split()
    require_gone(int(job))


@pytest.mark.parametrize(("cluster", "package"), [("local", "distributed"), ("slurm", "dask_jobqueue")])
def test_a_missing_extra_is_named_before_any_work(tmp_path, monkeypatch, cluster, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"consona\[cluster\]"):
        Run.create(Several(), Execution(cluster=cluster, store=str(tmp_path / "store")), tmp_path / "run")

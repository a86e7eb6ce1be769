"""Is a step found again when nothing changed, made again when something did, and is what was done written down?"""

import json
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.core import Claim, Dataset, Features, Interval, Null, Recording, Score, Stimuli, Verdict, separable
from consona.core.errors import ConfigError, InvalidInput, StoreError
from consona.engine.claims import read_checks, read_claims, schemas
from consona.engine.config import Execution, Study
from consona.engine.differences import diff
from consona.engine.housekeeping import prune, run_folders, store_size
from consona.engine.manifest import read_manifest
from consona.engine.run import Run
from consona.engine.store import Store, held

CALLS: list[str] = []
TEXTS = Stimuli.of([f"text {i}" for i in range(10)])


@separable("stimulus")
def lengths(stimuli, *, scale=1.0):
    CALLS.append("lengths")
    rows = [[[scale * len(text), hash_free(text)]] for text in stimuli.texts]
    return Features.of(np.array(rows), stimuli.ids, {"model": "none", "n_truncated": 1})


def hash_free(text):
    return float(sum(text.encode()))


@separable("stimulus")
def backwards(stimuli):
    return xr.DataArray(np.arange(len(stimuli)), {"stimulus": stimuli.ids[::-1]}, ("stimulus",), attrs={"n": 1})


@separable("stimulus")
def forgetful(stimuli):
    return lengths(stimuli).select(stimuli.ids[1:]) if len(stimuli) < 4 else lengths(stimuli)


@separable("stimulus")
def unlabelled(stimuli):
    return np.zeros(len(stimuli))


def score(features):
    warnings.warn("few stimuli", stacklevel=1)
    data = xr.DataArray([0.5, np.nan], dims="target")
    return {"a b": Score(data, "r", "in-sample"), "table": pd.DataFrame({"r": [0.5]}), "n": len(features)}


@dataclass(frozen=True)
class Model:
    revision: str | None = "abc"

    def fingerprint(self):
        return self.revision

    def read(self, stimuli):
        CALLS.append("read")
        return lengths(stimuli)


def the_claim(effect=0.5, verdict="held"):
    control = Verdict(verdict, "above chance", "1 against 0")
    null = Null("whole clips", "clips", 999)
    return Claim(
        "c1",
        "It is there",
        effect,
        "r",
        Interval(0.1, np.nan, "bootstrap"),
        0.001,
        null,
        9,
        "clips",
        "no repetitions",
        {"chance": control},
    )


class Tiny(Study):
    name = "tiny"
    question = "Is it there?"
    controls = ("chance",)
    checks = ("CON011",)
    scale: float = 1.0
    verdict: str = "held"

    def conduct(self, run):
        features = run.step("lengths", lengths, TEXTS, scale=self.scale)
        run.note_model({"name": "m", "revision": "abc"})
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            run.step("score", score, features)
        return [the_claim(verdict=self.verdict)]


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("CONSONA_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    CALLS.clear()


def new_run(name="run", **execution):
    return Run.create(Tiny(), Execution(**execution), folder=Path(name))


def test_a_step_is_found_again_in_this_run_and_in_another(tmp_path):
    run, other = new_run("one"), new_run("two")
    first = run.step("lengths", lengths, TEXTS, scale=2)
    assert other.step("same", lengths, stimuli=TEXTS, scale=2.0) is not None
    assert len(CALLS) == 2  # 2 and 2.0 are different arguments
    CALLS.clear()
    again = other.step("again", lengths, TEXTS, scale=2)
    assert CALLS == []
    xr.testing.assert_identical(first.data, again.data)
    assert other.manifest.steps[-1].reused


@pytest.mark.parametrize("block_size", [1, 3, 7, 10, 256])
def test_blocks_change_nothing(block_size):
    whole = new_run("whole").step("x", lengths, TEXTS)
    run = new_run("blocks", block_size=block_size, store="another")
    parts = run.step("x", lengths, TEXTS)
    n_blocks = -(-10 // block_size)
    np.testing.assert_array_equal(parts.data.values, whole.data.values)
    assert parts.ids.tolist() == TEXTS.ids.tolist()
    assert parts.attrs == whole.attrs | {"n_truncated": n_blocks}
    assert run.manifest.steps[0].shards.made == n_blocks
    keys = {read_manifest(Path(name)).steps[0].key for name in ("whole", "blocks")}
    assert len(keys) == 1


def test_blocks_are_joined_by_label_not_by_place():
    joined = new_run(block_size=4).step("x", backwards, TEXTS)
    assert joined.stimulus.values.tolist() == TEXTS.ids.tolist()
    assert joined.values.tolist() == [3, 2, 1, 0, 3, 2, 1, 0, 1, 0]
    assert joined.attrs["n"] == 1


def test_an_incomplete_step_is_an_error_and_never_a_smaller_result():
    with pytest.raises(StoreError, match=r"10 stimuli gave 9 in its parts; missing: 'stimulus0008'"):
        new_run(block_size=4).step("x", forgetful, TEXTS)
    with pytest.raises(InvalidInput, match="carries no labels"):
        new_run("other", block_size=4).step("x", unlabelled, TEXTS)


def test_another_model_is_never_served_from_the_store_and_an_unknown_one_is_not_kept():
    run = new_run()
    for name, model in {"a": Model(), "b": Model("def"), "c": Model(), "d": Model(None), "e": Model(None)}.items():
        run.step(name, model.read, TEXTS)
    assert CALLS.count("read") == 4
    assert [step.key is None for step in run.manifest.steps] == [False, False, False, True, True]
    assert "states no fingerprint" in run.manifest.notes[0]
    assert "'d' is not kept for reuse" in run.manifest.notes[0]


def test_names_of_steps_are_checked():
    run = new_run()
    run.step("x", lengths, TEXTS)
    run.step("x", lengths, TEXTS)
    with pytest.raises(InvalidInput, match="Two steps of this run are named 'x'"):
        run.step("x", lengths, TEXTS, scale=3.0)
    with pytest.raises(InvalidInput, match="letters, digits"):
        run.step("../x", lengths, TEXTS)
    with pytest.raises(InvalidInput, match="other arguments"):
        run.step("y", lengths, TEXTS, no_such=1)
    assert list(run.results("*")) == ["x"]


def test_a_conducted_run_says_what_was_done():
    run = Run.create(Tiny(), Execution(block_size=4))
    dataset = Dataset(
        TEXTS, (Recording.of(np.zeros((10, 2)), TEXTS.ids, "s1"),), "toy", "1", "CC0", "nobody", {"f": "0"}, True
    )
    run.note_dataset(dataset)
    claims = run.conduct()
    manifest = read_manifest(run.folder)
    assert run.folder.parts[:2] == ("runs", "tiny")
    assert (manifest.status, manifest.science["scale"], manifest.study) == ("finished", 1.0, "tiny")
    assert manifest.environment.packages["numpy"] == np.__version__
    assert manifest.datasets[0].synthetic
    assert manifest.models == ({"name": "m", "revision": "abc"},)
    lengths_step, score_step = manifest.steps
    assert (lengths_step.noun, lengths_step.objects[0].dims) == ("Features", ("stimulus", "layer", "feature"))
    assert lengths_step.shards.made == 3
    assert score_step.warnings == ("UserWarning: few stimuli",)
    assert [each.file for each in score_step.objects] == [
        "results/score.a-b.nc",
        "results/score.table.csv",
        "results/score.n.json",
    ]
    assert all((run.folder / each.file).stat().st_size == each.size for each in score_step.objects)
    assert "consona.core.stimuli" in manifest.code
    assert (run.folder / "study.toml").exists()
    found = {each.code: each.outcome for each in read_checks(run.folder).checks}
    assert (found["CON005"], found["CON008"], found["CON011"], found["CON001"]) == (
        "fired",
        "fired",
        "fired",
        "not applicable",
    )
    assert read_claims(run.folder).claims[0].effect == claims[0].effect


def test_files_of_a_run_follow_the_published_schemas():
    run = Run.create(Tiny())
    run.conduct()
    for name, schema in schemas().items():
        content = json.loads((run.folder / name.replace(".schema", "")).read_text())
        jsonschema.validate(content, json.loads(schema), jsonschema.Draft202012Validator)
        content["extra"] = 1
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(content, json.loads(schema), jsonschema.Draft202012Validator)
    assert json.loads((run.folder / "claims.json").read_text())["claims"][0]["interval"]["high"] is None


class Stopped(Tiny):
    name = "stopped"
    stop: str = "interrupt"

    def conduct(self, run):
        run.step("lengths", lengths, TEXTS)
        if self.stop == "interrupt":
            raise KeyboardInterrupt
        if self.stop == "fail":
            raise InvalidInput("the data are wrong")
        return []


@pytest.mark.parametrize(
    ("stop", "error", "status"),
    [("interrupt", KeyboardInterrupt, "interrupted"), ("fail", InvalidInput, "failed"), ("", InvalidInput, "failed")],
)
def test_a_run_that_did_not_finish_says_so_and_can_be_gone_on_with(stop, error, status):
    run = Run.create(Stopped(stop=stop))
    with pytest.raises(error):
        run.conduct()
    manifest = read_manifest(run.folder)
    assert manifest.status == status
    assert manifest.error.startswith(error.__name__)
    CALLS.clear()
    resumed = Run.open(run.folder, {"stopped": Stopped})
    assert resumed.study == run.study
    with pytest.raises(error):
        resumed.conduct()
    assert CALLS == []


def test_a_run_is_conducted_by_one_process_at_a_time():
    run = Run.create(Tiny())
    with held(run.folder / ".lock"), pytest.raises(StoreError, match="another process"):
        run.conduct()
    run.conduct()
    with pytest.raises(StoreError, match="is a run already"):
        Run.create(Tiny(), folder=run.folder)
    with pytest.raises(ConfigError, match="is no run"):
        Run.open(run.folder.parent, {"tiny": Tiny})


def test_diff_says_what_differs():
    first, second, third = (Run.create(study) for study in (Tiny(), Tiny(), Tiny(scale=2.0, verdict="did not hold")))
    for run in (first, second, third):
        run.conduct()
    assert diff(first.folder, second.folder).parts == ()
    found = diff(first.folder, third.folder)
    assert found.parts == ("claims", "configuration", "results")
    assert "scale: 1.0 → 2.0" in found.configuration
    assert found.claims == ("c1, control 'chance': held → did not hold",)
    manifest = second.manifest
    changed = manifest.environment.model_copy(update={"python": "3.0"})
    code = manifest.code | {"consona.core.stimuli": "0" * 64}
    manifest.model_copy(update={"environment": changed, "code": code, "models": ()}).write(second.folder)
    assert diff(first.folder, second.folder).parts == ("code", "data", "environment")


@pytest.mark.parametrize(
    ("n_files", "lines"),
    [(1, ("d/file0: 000000000000 → 111111111111",)), (103, ("d: 103 files differ",))],
)
def test_diff_counts_the_files_of_a_corpus(n_files, lines):
    runs = [Run.create(Tiny()) for _ in range(2)]
    for digit, run in enumerate(runs):
        stimuli = Stimuli.of(["a", "b"])
        sums = {f"file{i}": str(digit) * 64 for i in range(n_files)}
        run.note_dataset(Dataset(stimuli, (), "d", "1", "none", "none", sums, False, {}))
    assert diff(*(run.folder for run in runs)).data == lines


def test_pruning_removes_what_no_run_names():
    kept, gone = Run.create(Tiny(), Execution(block_size=4)), Run.create(Tiny(scale=9.0))
    for run in (kept, gone):
        run.conduct()
    store = Store(kept.store.folder)
    before = store_size(store)
    assert prune(store, run_folders(Path("runs")), keep_seconds=3600).n_objects == 0
    assert prune(store, keep_seconds=-1, dry=True).kept == tuple(run_folders(Path("runs").resolve()))
    shutil.rmtree(gone.folder)
    would = prune(store, keep_seconds=-1, dry=True)
    assert store_size(store) == before
    assert would.gone == (gone.folder.resolve(),)
    assert prune(store, keep_seconds=-1) == would
    assert prune(store, keep_seconds=-1).gone == ()
    assert would.n_objects > 3  # three shards of the kept run, joined since, and what only the other run names
    CALLS.clear()
    assert Run.open(kept.folder, {"tiny": Tiny}).conduct()
    assert CALLS == []
    gone.folder.mkdir()
    (gone.folder / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read as a manifest"):
        prune(store, run_folders(Path("runs")))


def test_a_run_outside_the_runs_folder_survives_a_prune_from_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "for a while").mkdir()
    run = Run.create(Tiny(), Execution(block_size=4), Path("for a while", "..", "far", "mine"))
    run.conduct()
    (tmp_path / "for a while").rmdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    prune(Store(run.store.folder), keep_seconds=-1)
    CALLS.clear()
    assert Run.open(tmp_path / "far" / "mine", {"tiny": Tiny}).conduct()
    assert CALLS == []
    with pytest.raises(ConfigError, match="is no folder"):
        run_folders(Path("rnus"))


def test_a_store_that_cannot_be_written_is_found_out_before_the_run(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Set CONSONA_STORE"):
        Run.create(Tiny(), Execution(store=str(tmp_path / "file")))
    assert not (tmp_path / "runs").exists()


def test_a_study_without_a_name_is_refused():
    with pytest.raises(ConfigError, match="has no name"):
        Run.create(Study())

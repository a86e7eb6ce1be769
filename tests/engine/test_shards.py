"""Do blocks of targets change nothing, and are they joined completely or not at all?"""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from worker_steps import agreement, material, read, scaled

from consona.core import Recording, Score, separable
from consona.core.errors import InvalidInput, StoreError
from consona.engine.config import Execution, Study
from consona.engine.run import Run

STIMULI, RECORDINGS = material()


@separable("target")
def spread(recording, *, drop=False, mean=False, fact="same"):
    values = xr.DataArray(recording.data.values.std(axis=(0, 1)), dims="target", attrs={"n_done": 1, "n_stimuli": 30})
    if mean:
        return values.mean()
    parts = {"spread": values[1:] if drop else values, "fixed": xr.DataArray(3.0)}
    return xr.Dataset(parts, attrs={"fact": float(values[0]) if fact == "other" else fact})


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("CONSONA_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


class Empty(Study):
    name = "empty"
    question = "Nothing?"


def new_run(name="run", **execution):
    return Run.create(Empty(), Execution(**execution), Path(name))


@pytest.mark.parametrize("target_block", [11, 49, 50])
def test_blocks_of_targets_change_nothing(target_block):
    features = new_run("read").step("features", read, STIMULI, seed=1)
    whole_run = new_run("whole")
    whole = whole_run.step("score", agreement, features, RECORDINGS["a"])
    run = new_run("blocks", target_block=target_block, store="another")
    parts = run.step("score", agreement, features=features, recording=RECORDINGS["a"])
    n_blocks = -(-50 // target_block)
    assert run.manifest.steps[0].shards.made == n_blocks
    for name in ("data", "null"):
        xr.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)
    np.testing.assert_array_equal(parts.data.roi, whole.data.roi)
    assert parts.attrs == whole.attrs | {"share": pytest.approx(np.nan, nan_ok=True)}
    assert run.manifest.steps[0].key == whole_run.manifest.steps[0].key


def test_targets_without_labels_stand_in_the_order_of_their_blocks():
    recording = Recording.of(RECORDINGS["a"].data.values, STIMULI.ids, "a")
    whole = spread(recording)
    parts = new_run(target_block=8).step("x", spread, recording)
    np.testing.assert_array_equal(parts.spread, whole.spread)
    assert parts.spread.attrs == {"n_done": 7, "n_stimuli": 30}
    assert float(parts.fixed) == 3.0
    assert "target" not in parts.coords


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"drop": True}, StoreError, "A block of 8 targets gave 7"),
        ({"mean": True}, InvalidInput, "split along 'target' returned a result without it"),
        ({"fact": "other"}, StoreError, "disagree on 'fact'.*a value per target is a coordinate"),
    ],
)
def test_what_cannot_be_joined_is_said(given, error, words):
    with pytest.raises(error, match=words):
        new_run(target_block=8).step("x", spread, Recording.of(RECORDINGS["a"].data.values, STIMULI.ids, "a"), **given)


def test_several_steps_at_once_are_those_steps():
    features = new_run("read").step("features", read, STIMULI, seed=1)
    run, loop = new_run("each", target_block=8), new_run("loop", target_block=8)
    given = {name: (features, each) for name, each in RECORDINGS.items()}
    scores = run.each("score", agreement, given, seed=3)
    more = run.each("by", scaled, {"two": {"by": 2.0}, "three": {"by": 3.0}}, score=scores["a"])
    for name, each in RECORDINGS.items():
        loop.step(f"score-{name}", agreement, features, each, seed=3)
    loop.step("by-two", scaled, scores["a"], 2.0)
    loop.step("by-three", scaled, scores["a"], by=3.0)
    assert (list(scores), list(more)) == (["a", "b"], ["two", "three"])
    assert all(isinstance(each, Score) for each in scores.values())
    facts = [[(step.name, step.key, step.objects) for step in each.manifest.steps] for each in (run, loop)]
    assert facts[0] == facts[1]


def test_a_shard_that_raises_is_named():
    features = new_run("read").step("features", read, STIMULI, seed=1)
    with pytest.raises(ValueError, match="target 20 is bad") as caught:
        new_run(target_block=8).step("score", agreement, features, RECORDINGS["a"], bad=20)
    assert caught.value.__notes__ == ["It was raised in shard 'score 3 of 7'."]

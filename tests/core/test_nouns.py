"""The nouns refuse what breaks them, say why, and survive the disk unchanged."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.core.claim import Claim, Interval, Null, Verdict, exceeds, not_testable, significant
from consona.core.dataset import Dataset
from consona.core.direction import Direction
from consona.core.errors import InvalidInput, MissingExtra, require_extra
from consona.core.features import Features
from consona.core.intervention import AblateNeurons, ProjectOut, Steer, intervention_from_json
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.stimuli import Stimuli
from consona.engine.forms import from_netcdf, noun_of, to_netcdf

RNG = np.random.default_rng(3)


def stimuli(n=4):
    table = pd.DataFrame(
        {"text": ["ein <b>Wort</b>", "n/a", "None", "مرحبا 🙂"][:n], "clip": range(n), "emotion": list("aabb")[:n]},
        index=[f"s{i}" for i in range(n)],
    )
    return Stimuli(table)


def recording(values=None, subject="sub-01"):
    values = RNG.normal(size=(2, 4, 6)) if values is None else values
    data = xr.DataArray(values, {"stimulus": [f"s{i}" for i in range(4)]}, ("repetition", "stimulus", "target"))
    names = {"channel": ("target", list("ABCABC")), "band": ("target", ["x"] * 3 + ["y"] * 3)}
    return Recording(data.assign_coords(names), subject, {"cohort": 2})


def score(**more):
    coords = {"channel": ("target", list("BABA")), "band": ("target", ["x", "x", "y", "y"])}
    data = xr.DataArray([0.1, np.nan, 0.3, 0.4], coords, ("target",))
    return Score(data, "pearson r", "one clip held out", attrs={"n": 4}, **more)


NOUNS = {
    "stimuli": stimuli,
    "features": lambda: Features.of(RNG.normal(size=(4, 3, 5)), stimuli().ids, {"model": "m", "n_truncated": 1}),
    "recording": recording,
    "rdm": lambda: RDM.of_matrix(
        [[0, 1, 2], [1, 0, np.nan], [2, np.nan, 0]], ["s0", "s1", "s2"], metric="cosine", subject="sub-02"
    ),
    "direction": lambda: Direction(np.array([0.6, 0.8]), np.zeros(2), 2.0, "valence", "joy", "resid.post", 3, "m"),
    "score": lambda: score(
        null=xr.DataArray(RNG.normal(size=(7, 4)), dims=("permutation", "target")),
        ceiling=xr.DataArray([0.5] * 4, dims=("target",)),
    ),
}


@pytest.mark.parametrize("name", NOUNS)
def test_nouns_survive_netcdf(name):
    noun = NOUNS[name]()
    back = noun_of(from_netcdf(to_netcdf(noun.to_xarray())))
    assert type(back) is type(noun)
    xr.testing.assert_identical(back.to_xarray(), noun.to_xarray())


@pytest.mark.parametrize("name", NOUNS)
def test_nouns_have_a_table_that_csv_keeps(name, tmp_path):
    frame = NOUNS[name]().to_frame()
    frame.to_csv(tmp_path / "table.csv")
    back = pd.read_csv(tmp_path / "table.csv", keep_default_na=False)
    assert len(back) == len(frame)


def test_stimuli_and_features_come_back_from_csv(tmp_path):
    stimuli().to_frame().to_csv(tmp_path / "s.csv")
    back = Stimuli(pd.read_csv(tmp_path / "s.csv", keep_default_na=False, index_col="stimulus"))
    assert back.texts == stimuli().texts
    features = NOUNS["features"]()
    features.to_frame().to_csv(tmp_path / "f.csv")
    again = Features.from_frame(pd.read_csv(tmp_path / "f.csv", index_col=["stimulus", "layer"]))
    np.testing.assert_allclose(again.data.values, features.data.values, rtol=1e-6)


def test_several_texts_survive():
    several = Stimuli(pd.DataFrame({"text": [("one", "two"), "three"]}, index=["a", "b"]))
    back = noun_of(from_netcdf(to_netcdf(several.to_xarray())))
    assert back.table["text"].tolist() == [("one", "two"), "three"]
    with pytest.raises(InvalidInput, match="'a' have several"):
        _ = several.texts


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Stimuli(pd.DataFrame({"text": ["a", "b"]}, index=["x", "x"])), "'x' occur more than once"),
        (lambda: Stimuli(pd.DataFrame({"text": ["a", np.nan]}, index=["x", "y"])), "keep_default_na=False"),
        (lambda: Stimuli(pd.DataFrame({"text": []})), "at least one row"),
        (lambda: Stimuli.of(["", "b"]).texts, "'stimulus0000' are"),
        (lambda: stimuli()["mood"], "no column 'mood'"),
        (lambda: stimuli().select(["s9"]), "'s9'"),
        (lambda: Features.of(np.array([[1.0, np.nan], [0, 0]]), ["bad", "good"]), r"'bad' \(layers 0\)"),
        (lambda: Features(xr.DataArray(np.zeros((2, 2)), dims=("a", "b"))), "Rename or transpose"),
        (lambda: NOUNS["features"]().layer(9), "Layer 9 is not among"),
        (lambda: Score(xr.DataArray([1.0], dims=("voxel",)), "r", "x"), "Rename them"),
        (lambda: Score(xr.DataArray([1.0], dims=("target",)), "r", ""), "one is empty"),
        (lambda: Score(xr.DataArray([np.inf], dims=("target",)), "r", "x"), "undefined is NaN"),
        (lambda: score(null=xr.DataArray(np.zeros((4, 2)), dims=("target", "permutation"))), "null of a Score"),
        (lambda: Direction(np.array([1.0, 1.0]), np.zeros(2), 1.0, "v", "joy", "", 0), "must be 1"),
        (lambda: Direction(np.array([1.0, 0.0]), np.zeros(2), 0.0, "v", "joy", "", 0), "positive number"),
        (lambda: Direction(np.array([1.0, 0.0]), np.zeros(2), 1.0, "v", "", "", 0), "no positive pole"),
        (lambda: RDM.of_matrix(np.zeros((2, 3)), ["a", "b"], metric="x"), "symmetric 2 x 2"),
        (lambda: RDM(NOUNS["rdm"]().data[::-1], "cosine"), "another order"),
    ],
)
def test_what_breaks_an_invariant_is_named(make, words):
    with pytest.raises(InvalidInput, match=words):
        make()


def test_a_recording_may_miss_whole_repetitions_and_targets_only():
    values = RNG.normal(size=(2, 4, 6))
    values[1, 2] = np.nan
    values[:, :, 5] = np.nan
    made = recording(values)
    assert np.isnan(made.mean()[:, 5]).all()
    np.testing.assert_allclose(made.mean()[2, :5], values[0, 2, :5])
    single = RNG.normal(size=(2, 4, 6))
    single[0, 1, 3] = np.nan
    with pytest.raises(InvalidInput, match="misses single cells.*'3'"):
        recording(single)
    never = RNG.normal(size=(2, 4, 6))
    never[:, 3] = np.nan
    with pytest.raises(InvalidInput, match="missing: 's3'"):
        recording(never)


def test_a_dataset_lists_every_recorded_stimulus_and_every_subject_once():
    with pytest.raises(InvalidInput, match="'s3', which are not"):
        Dataset(stimuli(3), (recording(),), "d", "1", "", "")
    with pytest.raises(InvalidInput, match="'sub-01' occur more than once"):
        Dataset(stimuli(), (recording(), recording()), "d", "1", "", "")


def test_a_dataset_holds_a_recording_or_an_rdm_per_subject():
    rdm = NOUNS["rdm"]()
    made = Dataset(stimuli(), (recording(),), "d", "1", "", "", rdms=(rdm,))
    assert made.subjects == ["sub-01", "sub-02"]
    assert made.rdm("sub-02") is rdm
    assert rdm.subject == noun_of(from_netcdf(to_netcdf(rdm.to_xarray()))).subject
    with pytest.raises(InvalidInput, match="no RDM of 'sub-01'; it has those of: 'sub-02'"):
        made.rdm("sub-01")
    with pytest.raises(InvalidInput, match="'s2', which are not"):
        Dataset(stimuli(2), (), "d", "1", "", "", rdms=(rdm,))
    with pytest.raises(InvalidInput, match="an RDM without subject"):
        Dataset(stimuli(), (), "d", "1", "", "", rdms=(RDM(rdm.data, "cosine"),))


def test_constructors_copy():
    table = stimuli().to_frame()
    made = Stimuli(table)
    table.loc["s0", "text"] = "changed"
    assert made.texts[0] == "ein <b>Wort</b>"
    vector = np.array([1.0, 0.0])
    direction = Direction(vector, np.zeros(2), 1.0, "v", "joy", "", 0)
    vector[:] = 9
    assert direction.values.tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match="read-only"):
        direction.values[0] = 2


def test_projection_is_in_units_of_spread_from_the_origin():
    direction = Direction(np.array([0.0, 1.0]), np.array([5.0, 1.0]), 2.0, "v", "joy", "", 0)
    features = Features.of([[9.0, 5.0], [7.0, 1.0]], ["a", "b"])
    assert direction.project(features).tolist() == [2.0, 0.0]
    assert direction.flipped("anger").project(features).tolist() == [-2.0, 0.0]


def test_grid_unfolds_in_the_order_of_the_targets():
    grid = score().grid("channel", "band")
    assert grid["channel"].values.tolist() == ["B", "A"]
    np.testing.assert_array_equal(grid.values, [[0.1, 0.3], [np.nan, 0.4]])


INTERVENTIONS = [
    Steer((0.6, 0.8), 2.0, 1.5, "resid.post", 1, "generated"),
    ProjectOut((0.6, 0.8), (1.0, 1.0), "resid.post", 0, (2, 5)),
    AblateNeurons([1], 2, [0.5]),
]


@pytest.mark.parametrize("edit", INTERVENTIONS, ids=lambda e: type(e).__name__)
def test_interventions_are_values_that_json_keeps(edit):
    assert intervention_from_json(edit.to_json()) == edit
    x = RNG.normal(size=(3, 2))
    x.setflags(write=False)
    changed = edit.apply(x)
    assert changed.shape == x.shape
    assert not np.array_equal(changed, x)


def test_what_interventions_do():
    x = np.array([[1.0, 2.0]])
    np.testing.assert_allclose(INTERVENTIONS[0].apply(x), x + 3 * np.array([0.6, 0.8]))
    removed = INTERVENTIONS[1].apply(x)
    assert (removed - 1) @ np.array([0.6, 0.8]) == pytest.approx(0)
    np.testing.assert_array_equal(INTERVENTIONS[2].apply(x), [[1.0, 0.5]])


@pytest.mark.parametrize(
    "edit",
    [
        Steer((1.0, 0.0), 2.0, 0.0, "resid.post", 0),
        ProjectOut((0.0, 0.0), (0.0, 0.0), "resid.post", 0),
        AblateNeurons((), 0),
    ],
    ids=lambda e: type(e).__name__,
)
def test_nothing_to_do_is_the_very_same_array(edit):
    x = RNG.normal(size=(2, 2))
    assert edit.is_identity
    assert edit.apply(x) is x


def test_wrong_interventions_are_refused():
    with pytest.raises(InvalidInput, match="2 features and the activations 3"):
        INTERVENTIONS[0].apply(np.zeros((1, 3)))
    with pytest.raises(InvalidInput, match="Neuron 7 does not exist: layer 0 has 3"):
        AblateNeurons((7,), 0).apply(np.zeros((1, 3)))
    with pytest.raises(InvalidInput, match="start < stop"):
        Steer((1.0,), 1.0, 1.0, "resid.post", 0, (5, 2))
    with pytest.raises(InvalidInput, match="1 distinct"):
        AblateNeurons((1, 1), 0)


def claim(**more):
    facts = {"p": 0.02, "null": Null("block", "classes", 100), "controls": {"c": Verdict("held", "r", "v")}} | more
    return Claim("id", "s", 0.3, "r", Interval(0.1, 0.5, "bootstrap"), n=9, n_of="classes", ceiling="none", **facts)


def test_a_claim_needs_controls_and_a_null_for_its_p():
    assert claim().to_dict()["interval"]["level"] == 0.95
    for broken in ({"controls": {}}, {"null": None}, {"p": 0.0}):
        with pytest.raises(InvalidInput):
            claim(**broken)


def test_verdicts_come_from_rules():
    assert [exceeds(2, 1, of="x").verdict, exceeds(1, 2, of="x").verdict] == ["held", "did not hold"]
    assert exceeds(float("nan"), 1, of="x").verdict == "not testable here"
    assert [significant(0.01, of="x").verdict, significant(0.2, of="x").verdict] == ["held", "did not hold"]
    assert not_testable("one subject", rule="r").value == "one subject"


def test_a_missing_extra_is_named():
    with pytest.raises(MissingExtra, match=r"pip install 'consona\[eeg\]'"):
        require_extra("no_such_package_here", "eeg")

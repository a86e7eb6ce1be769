"""A user's own files, written as a user writes them: every kind round trip, and what is said when one is wrong."""

import pickle

import nibabel
import numpy as np
import pandas as pd
import pytest

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.own import load_own, load_own_words
from consona.datasets.own_arrays import load_own_features
from consona.datasets.own_tables import load_own_stimuli

IDS = ["s1", "s2", "s3", "s4"]
VALUES = np.random.default_rng(5).standard_normal((4, 6)).astype(np.float32)
SHUFFLED = [2, 0, 3, 1]


@pytest.fixture
def table(tmp_path):
    """A table of four stimuli."""
    path = tmp_path / "stimuli.csv"
    path.write_text("stimulus,text,run,category,length\ns1,a cat,1,animal,4.5\ns2,n/a,1,animal,n/a\n"
                    's3,"a ""big"" house",2,thing,6\ns4,مرحبا 🙂,2,thing,1\n', encoding="utf-8")  # fmt: skip
    return path


def ids_beside(path, ids=IDS):
    path.write_text("stimulus\n" + "\n".join(ids) + "\n")


def image(path, values, affine=None, shape=(2, 3, 1)):
    affine = np.diag([2.0, 3, 4, 1]) if affine is None else affine
    nibabel.save(nibabel.Nifti1Image(np.asarray(values, np.float32).T.reshape(*shape, -1), affine), path)
    return path


def mask(path, inside=(1, 1, 1, 1, 1, 1), **more):
    return image(path, np.array(inside, np.float32)[None], **more)


def test_a_table_of_stimuli_keeps_numbers_labels_and_what_is_missing(table):
    stimuli = load_own_stimuli(table)
    assert stimuli.ids.tolist() == IDS
    assert stimuli["text"].tolist() == ["a cat", "", 'a "big" house', "مرحبا 🙂"]
    assert stimuli["run"].tolist() == [1, 1, 2, 2]
    assert stimuli["category"].tolist() == ["animal", "animal", "thing", "thing"]
    np.testing.assert_array_equal(stimuli["length"], [4.5, np.nan, 6, 1])
    with pytest.raises(InvalidInput, match="must not be empty; 's2' are"):
        _ = stimuli.texts


@pytest.mark.parametrize("kind", ["npz", "npy", "csv", "tsv"])
def test_arrays_in_another_order_are_put_in_the_order_of_the_table(tmp_path, table, kind):
    names, values = [IDS[i] for i in SHUFFLED], VALUES[SHUFFLED]
    path = tmp_path / f"sub-07_run-1.{kind}"
    if kind == "npz":
        np.savez(path, responses=values, stimulus=names, roi=list("AAABBB"))
    elif kind == "npy":
        np.save(path, values)
        ids_beside(path.with_suffix(".tsv"), names)
    else:
        frame = pd.DataFrame(values, columns=list("uvwxyz")).assign(stimulus=names)
        frame.to_csv(path, index=False, sep="," if kind == "csv" else "\t")
    (recording,) = load_own(table, [path]).recordings
    assert (recording.subject, recording.ids.tolist()) == ("sub-07", IDS)
    np.testing.assert_allclose(recording.mean(), VALUES, rtol=1e-6)
    if kind == "npz":
        assert recording.data["roi"].values.tolist() == list("AAABBB")
    features = tmp_path / f"features.{kind}"
    features.write_bytes(path.read_bytes())
    if kind == "npz":
        np.savez(features, features=values, stimulus=names)
    order = path.with_suffix(".tsv") if kind == "npy" else None
    np.testing.assert_allclose(load_own_features(features, IDS[:3], order=order).layer(0), VALUES[:3], rtol=1e-6)


def test_a_mask_says_where_the_columns_of_an_array_lie(tmp_path, table):
    np.save(tmp_path / "sub-01.npy", VALUES[:, :4])
    ids_beside(tmp_path / "sub-01.csv")
    inside = mask(tmp_path / "mask.nii.gz", (1, 0, 1, 1, 0, 1))
    (recording,) = load_own(table, [tmp_path / "sub-01.npy"], mask=inside).recordings
    np.testing.assert_allclose(recording.mean(), VALUES[:, :4])
    voxels = np.argwhere(np.asarray(nibabel.load(inside).dataobj) > 0)
    np.testing.assert_array_equal(np.stack([recording.data[name] for name in "ijk"], axis=1), voxels[:, :3])
    np.save(tmp_path / "sub-01.npy", VALUES)
    with pytest.raises(InvalidInput, match="4 voxels"):
        load_own(table, [tmp_path / "sub-01.npy"], mask=inside)


def test_rows_of_one_stimulus_are_repetitions_over_the_files_of_a_subject(tmp_path, table):
    np.savez(tmp_path / "sub-01_run-1.npz", responses=VALUES[[0, 1, 0]], stimulus=["s1", "s2", "s1"])
    np.savez(tmp_path / "sub-01_run-2.npz", responses=VALUES[[0, 2]] + 3, stimulus=["s1", "s3"])
    np.savez(tmp_path / "sub-02.npz", responses=np.stack([VALUES, VALUES + 1]), stimulus=IDS)
    labels = tmp_path / "targets.csv"
    labels.write_text("roi,voxel\n" + "".join(f"A,{i}\n" for i in range(6)))
    dataset = load_own(table, [str(tmp_path / "sub-*.npz")], targets=labels)
    assert dataset.subjects == ["sub-01", "sub-02"]
    first, second = dataset.recordings
    assert first.ids.tolist() == ["s1", "s2", "s3"]
    assert first.data.shape == (3, 3, 6)
    np.testing.assert_allclose(first.mean()[0], VALUES[0] + 1, rtol=1e-5)
    np.testing.assert_allclose(first.mean()[1:], [VALUES[1], VALUES[2] + 3], rtol=1e-5)
    np.testing.assert_allclose(second.data.values, [VALUES, VALUES + 1])
    assert first.data["voxel"].values.tolist() == [0, 1, 2, 3, 4, 5]
    assert set(dataset.checksums) == {
        "stimuli.csv",
        "targets.csv",
        "sub-01_run-1.npz",
        "sub-01_run-2.npz",
        "sub-02.npz",
    }


def test_volumes_within_a_mask(tmp_path, table):
    (tmp_path / "data").mkdir()
    image(tmp_path / "data" / "anna.nii.gz", VALUES)
    ids_beside(tmp_path / "data" / "anna.csv")
    mask(tmp_path / "anna_mask.nii", (1, 0, 1, 1, 0, 1))
    dataset = load_own(table, [tmp_path / "data"], mask=tmp_path / "{subject}_mask.nii")
    (recording,) = dataset.recordings
    assert recording.subject == "anna"
    np.testing.assert_array_equal(recording.mean(), VALUES[:, [0, 2, 3, 5]])
    places = [recording.data[name].values.tolist() for name in "ijk"]
    assert places == [[0, 0, 1, 1], [0, 2, 0, 2], [0, 0, 0, 0]]
    assert recording.attrs["shape"] == [2, 3, 1]
    np.testing.assert_array_equal(np.reshape(recording.attrs["affine"], (4, 4)), np.diag([2.0, 3, 4, 1]))
    again = load_own(table, [tmp_path / "data" / "anna.nii.gz"], mask=tmp_path / "anna_mask.nii", order=table)
    np.testing.assert_array_equal(again.recordings[0].mean(), recording.mean())


def test_a_bids_folder_of_single_trial_responses(tmp_path, table):
    func = tmp_path / "derivatives" / "sub-03" / "ses-1" / "func"
    func.mkdir(parents=True)
    mask(func / "sub-03_ses-1_task-see_space-T1w_desc-brain_mask.nii.gz")
    for run, shown in ((1, ["s1", "n/a", "s2", "s4"]), (2, ["s2", "s3"])):
        name = f"sub-03_ses-1_task-see_run-{run}"
        values = np.stack([VALUES[IDS.index(each)] + run if each in IDS else np.full(6, 9) for each in shown])
        image(func / f"{name}_space-T1w_desc-trial_betas.nii.gz", values)
        rows = "".join(f"{4 * i}\t1\t{each}\n" for i, each in enumerate(shown))
        (func / f"{name}_events.tsv").write_text(f"onset\tduration\tstim_id\n{rows}")
    (recording,) = load_own(table, [tmp_path / "derivatives"], column="stim_id").recordings
    assert (recording.subject, recording.ids.tolist()) == ("sub-03", IDS)
    np.testing.assert_allclose(recording.mean(), VALUES + np.array([1, 1.5, 2, 1])[:, None], rtol=1e-5)
    assert recording.attrs["n_rows_without_stimulus"] == 1
    assert recording.attrs["n_constant"] == 0
    with pytest.raises(InvalidInput, match=r"events.tsv has the columns.*missing: 'stimulus'"):
        load_own(table, [tmp_path / "derivatives"])
    (func / "sub-03_ses-1_task-see_run-2_events.tsv").write_text("stim_id\ns1\n")
    with pytest.raises(InvalidInput, match="2 volumes and .*run-2_events.tsv 1 rows"):
        load_own(table, [tmp_path / "derivatives"], column="stim_id")
    (func / "sub-03_ses-1_task-see_run-2_events.tsv").unlink()
    with pytest.raises(MissingData, match="there is no .*run-2_space-T1w_desc-trial_events.tsv nor"):
        load_own(table, [tmp_path / "derivatives"], column="stim_id")


@pytest.mark.parametrize("by", ["events", "metadata"])
def test_epochs_give_a_target_per_channel_and_time(tmp_path, table, by):
    mne = pytest.importorskip("mne")
    info = mne.create_info(["Fz", "Cz", "EOG", "Pz"], 100.0, ["eeg", "eeg", "eog", "eeg"])
    info["bads"] = ["Cz"]
    shown = ["s1", "s3", "s1", "s2", "s4"]
    codes = [IDS.index(each) + 1 for each in shown]
    values = np.random.default_rng(1).standard_normal((5, 4, 3)) * 1e-6
    events = np.column_stack([np.arange(5) * 10, np.zeros(5, int), codes if by == "events" else np.ones(5, int)])
    names = {name: i + 1 for i, name in enumerate(IDS)} if by == "events" else {"picture": 1}
    more = {} if by == "events" else {"metadata": pd.DataFrame({"stimulus": shown})}
    epochs = mne.EpochsArray(values, info, events, tmin=-0.01, event_id=names, proj=False, verbose="ERROR", **more)
    epochs.save(tmp_path / "sub-05-epo.fif", verbose="ERROR")
    (recording,) = load_own(table, [tmp_path / "sub-05-epo.fif"]).recordings
    assert (recording.subject, recording.ids.tolist()) == ("sub-05", IDS)
    assert recording.data["channel"].values.tolist() == ["Fz"] * 3 + ["Pz"] * 3
    np.testing.assert_allclose(recording.data["time"].values[:3], [-0.01, 0, 0.01], atol=1e-9)
    assert recording.attrs == {"rate_hz": 100.0, "n_bad_channels": 1}
    kept = values[:, [0, 3]].reshape(5, 6)
    np.testing.assert_allclose(recording.mean()[[0, 2]], [kept[[0, 2]].mean(axis=0), kept[1]], rtol=1e-5)
    if by == "metadata":
        with pytest.raises(InvalidInput, match="'stimulus' and a single event name|columns 'stimulus'"):
            load_own(table, [tmp_path / "sub-05-epo.fif"], column="item")


def spoil(tmp_path, name, table):
    """Files with one fault each: what is to be loaded, and the words to be found."""
    path = tmp_path / "sub-01.npz"
    good = {"responses": VALUES, "stimulus": IDS}
    holed = VALUES.copy()
    holed[1, 2] = np.nan
    arrays = {
        "other stimuli": ({**good, "stimulus": ["s1", "s2", "s3", "s9"]}, "4 rows; 1 of them.*first 's9'"),
        "too few ids": ({**good, "stimulus": IDS[:3]}, "4 rows, and there are 3 ids"),
        "no ids": ({"responses": VALUES}, "holds the arrays 'responses'; expected 'responses' and 'stimulus'"),
        "a single missing value": ({**good, "responses": holed}, "'sub-01' misses single cells.*targets '2'"),
        "an infinite value": ({**good, "responses": np.full_like(VALUES, np.inf)}, "infinite"),
        "one dimension": ({**good, "responses": VALUES[:, 0]}, r"shape \(4,\); expected \(n_rows, n_targets\)"),
        "text": ({**good, "responses": np.array([["a"]] * 4)}, "values of type <U1; expected numbers"),
        "labels of another length": ({**good, "roi": ["A"]}, "array 'roi' has the shape .1,.; .*6 targets"),
    }
    if name in arrays:
        np.savez(path, **arrays[name][0])
        return {"recordings": [path]}, arrays[name][1]
    np.savez(path, **good)
    np.save(tmp_path / "bare.npy", VALUES)
    (tmp_path / "broken.nii").write_bytes(b"no image")
    (tmp_path / "broken-epo.fif").write_bytes(b"no epochs")
    (tmp_path / "hostile.pkl").write_bytes(pickle.dumps(VALUES))
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    ids_beside(tmp_path / "objects.csv", ["s1"])
    (tmp_path / "words.csv").write_text("stimulus,a\ns1,loud\n")
    (tmp_path / "short.csv").write_text("roi\nA\n")
    (tmp_path / "empty").mkdir()
    everything = {
        "no ids beside": ({"recordings": ["bare.npy"]}, "bare.npy carries no ids.*'bare.csv', 'bare.tsv'"),
        "a pickle": ({"recordings": ["hostile.pkl"]}, "hostile.pkl is a pickle.*never read"),
        "an array of objects": ({"recordings": ["objects.npy"]}, "holds Python objects.*Nothing was executed"),
        "another kind": ({"recordings": ["notes.md"]}, "neither a file nor a folder"),
        "an empty folder": ({"recordings": ["empty"]}, "neither a file nor a folder with files that end in"),
        "words for numbers": ({"recordings": ["words.csv"]}, "column 'a' does not hold numbers alone.*'loud'"),
        "labels for other targets": ({"recordings": [path], "targets": "short.csv"}, "names 1 targets; .* has 6"),
        "no image": ({"recordings": ["broken.nii"], "mask": "sub-01.npz"}, "broken.nii is no NIfTI image"),
        "no mask": ({"recordings": ["broken.nii"]}, "is an image, and no mask was given"),
        "no epochs": ({"recordings": ["broken-epo.fif"]}, "holds no MNE epochs"),
    }
    settings, words = everything[name]
    full = {key: [tmp_path / each for each in value] if key == "recordings" else tmp_path / value
            for key, value in settings.items()}  # fmt: skip
    return full, words


@pytest.mark.parametrize(
    "name",
    [
        "other stimuli", "too few ids", "no ids", "a single missing value", "an infinite value", "one dimension",
        "text", "labels of another length", "no ids beside", "a pickle", "an array of objects", "another kind",
        "an empty folder", "words for numbers", "labels for other targets", "no image", "no mask", "no epochs",
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_what_was_found_and_what_to_do(tmp_path, table, name):
    settings, words = spoil(tmp_path, name, table)
    with pytest.raises((InvalidInput, MissingData), match=words) as caught:
        load_own(table, **settings)
    assert len(str(caught.value)) < 900


def test_images_on_another_grid_are_refused(tmp_path, table):
    path = image(tmp_path / "sub-01.nii.gz", VALUES)
    ids_beside(tmp_path / "sub-01.csv")
    shifted = mask(tmp_path / "shifted.nii", affine=np.diag([2.0, 3, 5, 1]))
    with pytest.raises(InvalidInput, match="sub-01.nii.gz within shifted.nii: .*affines differ"):
        load_own(table, [path], mask=shifted)
    with pytest.raises(InvalidInput, match=r"turned.nii: .* shape \(2, 3, 1, 4\) and the mask \(3, 2, 1"):
        load_own(table, [path], mask=mask(tmp_path / "turned.nii", shape=(3, 2, 1)))
    with pytest.raises(InvalidInput, match="none.nii: The mask has .* 0 voxels above zero"):
        load_own(table, [path], mask=mask(tmp_path / "none.nii", [0] * 6))
    ids_beside(tmp_path / "sub-01.csv", IDS[:3])
    with pytest.raises(InvalidInput, match="has 4 volumes, and there are 3 ids"):
        load_own(table, [path], mask=mask(tmp_path / "mask.nii"))


def test_files_of_one_subject_have_the_same_targets(tmp_path, table):
    np.savez(tmp_path / "sub-01_run-1.npz", responses=VALUES, stimulus=IDS)
    np.savez(tmp_path / "sub-01_run-2.npz", responses=VALUES[:, :5], stimulus=IDS)
    with pytest.raises(InvalidInput, match=r"'sub-01' have other targets than each other \(6 and 5"):
        load_own(table, [tmp_path])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,text\ns1,a\n", "has the columns 'name', 'text'; missing: 'stimulus'"),
        ("stimulus,text\ns1,a\ns1,b\n", "stimulus ids must be unique; 's1'"),
        ("stimulus,text\ns1,a\n,b\n", "rows '2' have no id"),
        ("stimulus,text\n", "a header and no row"),
        ("stimulus,a,a\ns1,1,2\n", "columns 'a' more than once"),
    ],
)
def test_a_wrong_table_of_stimuli_is_named(tmp_path, content, words):
    path = tmp_path / "stimuli.csv"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=words):
        load_own_stimuli(path)


def test_features_must_hold_the_stimuli_that_are_needed(tmp_path, table):
    path = tmp_path / "features.npz"
    np.savez(path, features=VALUES[:3], stimulus=["s1", "s2", "x"])
    with pytest.raises(InvalidInput, match=r"of 3 stimuli; 4 are needed and 2 of them are not there, first 's3', 's4'"):
        load_own_features(path, IDS)
    values = np.stack([VALUES, VALUES], axis=1)
    values[1, 1, 3] = np.nan
    np.savez(path, features=values, stimulus=IDS)
    with pytest.raises(InvalidInput, match=r"1 of 4 stimulus rows: 's2' \(layers 1\)"):
        load_own_features(path, IDS)
    np.save(tmp_path / "bare.npy", VALUES)
    with pytest.raises(InvalidInput, match="without ids nothing is aligned"):
        load_own_features(tmp_path / "bare.npy", IDS)
    with pytest.raises(InvalidInput, match="features.mat is no kind of file that is read for features"):
        load_own_features(table.rename(tmp_path / "features.mat"), IDS)
    with pytest.raises(MissingData, match="none.npy does not exist; expected features"):
        load_own_features(tmp_path / "none.npy", IDS)


def test_words_of_a_story_stand_in_the_order_in_which_they_were_heard(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("text\tonset\toffset\trun\nOnce\t0.5\t0.8\t1\nupon\t0.8\t1.1\t1\n12\t0.1\t0.3\t2\n")
    words = load_own_words(path)
    assert words.ids.tolist() == ["word00000", "word00001", "word00002"]
    assert words.texts == ["Once", "upon", "12"]
    assert words["onset"].tolist() == [0.5, 0.8, 0.1]
    for content, message in (
        ("text\tonset\na\t2\nb\t1\n", "rows '2' begin before"),
        ("text\tonset\na\tsoon\n", "'onset' does not hold numbers"),
        ("text\tonset\nn/a\t1\n", "rows '1' have no text"),
        ("text\na\n", "missing: 'onset'"),
    ):
        path.write_text(content)
        with pytest.raises(InvalidInput, match=message):
            load_own_words(path)


def test_rows_that_show_no_stimulus_are_left_out_and_counted(tmp_path):
    pd.DataFrame({"stimulus": ["a", "b"]}).to_csv(tmp_path / "stimuli.csv", index=False)
    pd.DataFrame({"stimulus": ["n/a", "a", "", "b", "a"]}).to_csv(tmp_path / "s1.csv", index=False)
    np.save(tmp_path / "s1.npy", np.arange(10.0).reshape(5, 2))
    recording = load_own(tmp_path / "stimuli.csv", [tmp_path / "s1.npy"]).recordings[0]
    np.testing.assert_array_equal(recording.data.sel(stimulus="a").values, [[2.0, 3.0], [8.0, 9.0]])
    assert recording.attrs["n_rows_without_stimulus"] == 2

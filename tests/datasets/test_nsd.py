"""NSD's tables: one image number from 0 everywhere, and files that do not fit are named with the row."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from tiny_nsd import BETAS, N_IMAGES, N_TRIALS, N_VERTICES, mgh, nifti, write_tiny_nsd, write_tiny_volume

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.nsd import NSD_COUNTS, design, load_nsd_images, load_nsd_stimuli, nsd_subjects, shared_stimuli
from consona.datasets.nsd_captions import load_coco_captions, load_nsd_shared1000
from consona.datasets.nsd_ids import (
    from_73k,
    from_shared_name,
    nsd_ids,
    require_nsd_ids,
    require_shared_names,
    stimulus_ids,
)
from consona.datasets.nsd_prepare import prepare_nsd

EXPERIMENT = "nsddata/experiments/nsd"
ANNOTATIONS = "nsddata_stimuli/stimuli/nsd/annotations"
BEHAVIOUR = "nsddata/ppdata/subj01/behav/responses.tsv"
SURFACE = f"nsddata_betas/ppdata/subj01/fsaverage/{BETAS}"
VOLUME = f"nsddata_betas/ppdata/subj01/func1pt8mm/{BETAS}"


@pytest.fixture
def tree(tmp_path):
    return tmp_path / "nsd", write_tiny_nsd(tmp_path / "nsd")


def test_image_numbers_go_both_ways():
    assert from_73k([1, 73000]).tolist() == [0, 72999]
    assert stimulus_ids([13]) == ("nsd00013",)
    assert nsd_ids(["nsd00013", "nsd72999"]).tolist() == [13, 72999]
    assert from_shared_name("stimuli/shared0001_nsd02951.png") == (0, 2950)
    assert require_shared_names(["shared0002_nsd00009.png", "shared0001_nsd00004.png"], [3, 8]).tolist() == [8, 3]


@pytest.mark.parametrize(
    ("convert", "values", "said"),
    [
        (from_73k, [5, 0, 7], "row 2 holds the image 0, so these 3 numbers count from 0"),
        (from_73k, [5, 73001], "row 2 holds the image 73001"),
        (require_nsd_ids, [73000, 5], "row 1 holds the image 73000 and none holds 0, so these 2 numbers count from 1"),
        (require_nsd_ids, [0, 73000], "row 2 holds the image 73000, and 1 of 2 lie outside"),
        (require_nsd_ids, [1.5], "row 1 holds 1.5"),
        (require_nsd_ids, ["dog"], "'dog'"),
        (nsd_ids, ["nsd00001", "train-0001"], "'train-0001'"),
        (from_shared_name, "shared0001_nsd00000.png", "both numbers from 1"),
    ],
)
def test_another_base_is_recognised(convert, values, said):
    with pytest.raises(InvalidInput, match=said):
        convert(values)


def test_shared_names_that_are_off_by_one_are_recognised():
    with pytest.raises(InvalidInput, match=r"shared0001_nsd00003.*nsd00004.*counts from the other base"):
        require_shared_names(["shared0001_nsd00003.png", "shared0002_nsd00008.png"], [3, 8])


def test_the_design_is_that_of_both_files(tree):
    root, made = tree
    table = design(root, "subj02")
    assert table.columns.tolist() == ["session", "run", "trial", "nsd_id", "repetition"]
    assert table["nsd_id"].tolist() == made["subj02"][0].tolist()
    assert table["session"].max() == 3
    assert table.groupby("nsd_id")["repetition"].max().value_counts().to_dict() == {2: 24, 1: 12}
    assert nsd_subjects(root) == ("subj01", "subj02")
    assert shared_stimuli(root) == stimulus_ids(range(24))


def test_names_of_shared_pictures_are_held_to_the_plan(tree):
    root, _ = tree
    folder = root / "nsddata/stimuli/nsd/shared1000"
    folder.mkdir(parents=True)
    (folder / "shared0002_nsd00002.png").touch()
    assert len(shared_stimuli(root)) == 24
    (folder / "shared0003_nsd00002.png").touch()
    with pytest.raises(InvalidInput, match="1 of 2 names .* should be nsd00003"):
        shared_stimuli(root)


def test_stimuli_have_their_captions_and_objects(tree):
    stimuli = load_nsd_stimuli(tree[0])
    assert len(stimuli) == N_IMAGES
    assert stimuli.table["text"].iloc[5] == tuple(f"caption {k} of 115." for k in range(5))
    assert stimuli.table["categories"].iloc[5] == ("person", "dining table")
    assert stimuli["shared"].sum() == 24
    assert stimuli["coco_split"][5] == "val2017"


def test_images_are_those_asked_for(tree):
    images = load_nsd_images(["nsd00007", "nsd00002"], tree[0])
    assert images.dims == ("stimulus", "y", "x", "colour")
    assert images.shape == (2, 6, 5, 3)
    assert images.sel(stimulus="nsd00007", colour="red").values[0, 0] == 7
    assert images.sel(stimulus="nsd00002", colour="green").values[0, 0] == 102


def edit_table(path, change):
    table = pd.read_csv(path, sep="\t", dtype=int)
    change(table).to_csv(path, sep="\t", index=False)


def test_orders_that_differ_are_named_with_the_row(tree):
    root, _ = tree
    edit_table(root / BEHAVIOUR, lambda t: t.assign(**{"73KID": t["73KID"].where(t.index != 10, 38)}))
    with pytest.raises(InvalidInput, match=r"subj01/behav/responses\.tsv .* row 11, image 37"):
        design(root, "subj01")


def test_a_table_that_counts_from_the_other_base_is_named(tree):
    root, _ = tree
    edit_table(root / BEHAVIOUR, lambda t: t.assign(**{"73KID": t["73KID"] - 1}))
    with pytest.raises(InvalidInput, match=r"responses\.tsv, 73KID: row \d+ holds the image 0"):
        design(root, "subj01")
    edit_table(root / BEHAVIOUR, lambda t: t.assign(**{"73KID": t["73KID"] + 2}))
    with pytest.raises(InvalidInput, match="All differ by one"):
        design(root, "subj01")


def test_sessions_that_are_missing_are_named(tree, tmp_path):
    root, _ = tree
    (root / SURFACE / "rh.betas_session02.mgh").unlink()
    with pytest.raises(MissingData, match=r"sessions '2', the first lacks rh\.betas_session02\.mgh"):
        prepare_nsd(root, "subj01", out=tmp_path / "a.npy")
    assert not (tmp_path / "a.npy").exists()
    edit_table(root / BEHAVIOUR, lambda t: t[t["SESSION"] != 2])
    with pytest.raises(InvalidInput, match="row 33 is not"):
        design(root, "subj01")


def test_the_real_data_set_must_have_its_counts(tree):
    root, _ = tree
    lines = ["cocoId,nsdId"] + [f"{i},{i}" for i in range(73000)]
    (root / EXPERIMENT / "nsd_stim_info_merged.csv").write_text("\n".join(lines))
    with pytest.raises(InvalidInput, match=r"Counts\(sessions=3.*Counts\(sessions=40, trials=30000"):
        design(root, "subj01")
    assert sum(each.trials for each in NSD_COUNTS.values()) == 213_000


def test_an_image_without_caption_is_named(tree):
    root, _ = tree
    path = root / ANNOTATIONS / "captions_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"] = [note for note in content["annotations"] if note["image_id"] != 109]
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidInput, match=r"captions_train2017.*row 4 of nsd_stim_info_merged\.csv, COCO image 109"):
        load_nsd_stimuli(root)
    path.write_text(path.read_text()[:-300])
    with pytest.raises(InvalidInput, match=r"entry \d+ of 'annotations' is damaged"):
        load_nsd_stimuli(root)


def test_a_volume_in_another_order_is_recognised(tree, tmp_path):
    root, made = tree
    write_tiny_volume(root, "subj01", made["subj01"][0])
    path = root / VOLUME / "betas_session02.hdf5"
    with h5py.File(path, "r+") as file:
        values = file["betas"][:]
        del file["betas"]
        file["betas"] = values.transpose(0, 3, 2, 1)
    with pytest.raises(InvalidInput, match=r"session02.*\(32, 4, 5, 3\); expected \(32, 3, 5, 4\).*transpose"):
        prepare_nsd(root, "subj01", out=tmp_path / "v.npy", space="func1pt8mm")
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InvalidInput, match=r"betas_session02\.hdf5 is damaged"):
        prepare_nsd(root, "subj01", out=tmp_path / "v.npy", space="func1pt8mm")
    nifti(root / "nsddata/ppdata/subj01/func1pt8mm/roi/streams.nii.gz", np.zeros((3, 5, 4), np.int16))
    with pytest.raises(InvalidInput, match="Its axes are turned"):
        prepare_nsd(root, "subj01", out=tmp_path / "v.npy", space="func1pt8mm")
    assert not (tmp_path / "v.npy").exists()


def test_a_surface_in_another_order_or_cut_short_is_recognised(tree, tmp_path):
    root, _ = tree
    path = root / SURFACE / "lh.betas_session03.mgh"
    whole = path.read_bytes()
    mgh(path, np.zeros((N_TRIALS, N_VERTICES), np.float32))
    with pytest.raises(InvalidInput, match=r"lh\.betas_session03\.mgh has the shape .*The axes are swapped"):
        prepare_nsd(root, "subj01", out=tmp_path / "a.npy")
    path.write_bytes(whole[:-40])
    with pytest.raises(InvalidInput, match=r"bytes of values; its header says"):
        prepare_nsd(root, "subj01", out=tmp_path / "a.npy")
    path.write_bytes(b"not an image")
    with pytest.raises(InvalidInput, match=r"lh\.betas_session03\.mgh is no surface file"):
        prepare_nsd(root, "subj01", out=tmp_path / "a.npy")


def test_other_damage_is_named(tree):
    root, _ = tree
    (root / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5").write_bytes(b"\x89HDF\r\n\x1a\nnothing")
    with pytest.raises(InvalidInput, match=r"nsd_stimuli\.hdf5 is no HDF5 file"):
        load_nsd_images(["nsd00000"], root)
    savemat(root / EXPERIMENT / "nsd_expdesign.mat", {"masterordering": np.zeros((1, 4)), "subjectim": np.ones((2, 4))})
    with pytest.raises(InvalidInput, match="masterordering goes from 0"):
        design(root, "subj01")
    (root / EXPERIMENT / "nsd_expdesign.mat").write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match=r"nsd_expdesign\.mat is no design"):
        design(root, "subj01")
    with pytest.raises(InvalidInput, match="'sub-01' is no subject"):
        design(root, "sub-01")


@pytest.mark.data
def test_published_figures_of_the_shared_images(data_folder):
    stimuli = load_nsd_shared1000(data_folder / "nsd_shared1000")
    n_captions = stimuli.table["text"].map(len)
    assert n_captions.value_counts().to_dict() == {5: 997, 6: 3}
    assert stimuli.table["categories"].map(lambda kinds: "person" in kinds).sum() == 438
    assert len(set().union(*stimuli.table["categories"])) == 80


@pytest.mark.data
def test_published_figures_of_the_captions(data_folder):
    stimuli = load_coco_captions(data_folder / "nsd_captions")
    n_captions = stimuli.table["text"].map(len)
    assert n_captions.value_counts().to_dict() == {5: 2045, 6: 6}
    assert stimuli.table["text"].iloc[0][0] == "A man is in a kitchen making pizzas."
    words = [len(text.split()) for texts in stimuli.table["text"] for text in texts]
    assert (round(np.mean(words), 1), round(np.std(words), 1), min(words), max(words)) == (10.5, 2.3, 7, 36)

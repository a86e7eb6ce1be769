"""The made-up Natural Scenes Dataset: its files as other packages read them, and what is planted in them."""

import json

import h5py
import nibabel
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.image import imread
from scipy.io import loadmat

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.datasets.nsd import load_nsd_images, load_nsd_stimuli
from consona.datasets.nsd_prepare import prepare_nsd
from consona.datasets.nsd_targets import STREAMS
from consona.datasets.nsd_twins import TwinDesign, nsd_twin_key, write_nsd_twin
from consona.datasets.planted_responses import Planted, planted_responses
from consona.datasets.twin_regions import N_VERTICES, surface_positions, twin_regions

DESIGN = TwinDesign(n_subjects=2, n_images=150, n_shared=20, n_sessions=(6, 5), n_vertices=642, n_volumes=1)
REGIONS = ("early", "lateral", "parietal", "ventral")
PLANTED = Planted(ncsnr=0.6)
BETAS = "nsddata_betas/ppdata/{}/{}/betas_fithrf_GLMdenoise_RR"


def material(n, *, seed=0):
    rng = np.random.default_rng(seed)
    ids = [f"scene{i:05d}" for i in range(n)]
    images = xr.DataArray(
        rng.integers(0, 256, (n, 8, 6, 3), dtype=np.uint8),
        {"stimulus": ids, "colour": ["red", "green", "blue"]},
        ("stimulus", "y", "x", "colour"),
    )
    table = pd.DataFrame(
        {
            "text": [tuple(f"caption {k} of {i}" for k in range(5)) for i in range(n)],
            "categories": ["dog tree" if i % 2 else "cat" for i in range(n)],
        },
        index=ids,
    )
    return images, Stimuli(table), {name: rng.standard_normal((n, 12)) for name in REGIONS[:3]}


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """The folder, what it was made of, and what is planted."""
    folder = tmp_path_factory.mktemp("nsd") / "twin"
    made_of = material(280)
    return folder, made_of, write_nsd_twin(folder, *made_of, DESIGN, planted=PLANTED, seed=3)


def surface_file(folder, name):
    images = [nibabel.MGHImage.from_bytes((folder / name.format(side)).read_bytes()) for side in ("lh", "rh")]
    values = [np.asarray(each.dataobj) for each in images]
    assert values[0].shape[:3] == (DESIGN.n_vertices, 1, 1)
    return np.concatenate([each.reshape(DESIGN.n_vertices, -1) for each in values]).T


def trials(folder, subject):
    return pd.read_csv(folder / f"nsddata/ppdata/{subject}/behav/responses.tsv", sep="\t")


def standardised(folder, subject, n_sessions):
    betas = folder / BETAS.format(subject, "fsaverage")
    parts = [surface_file(betas, f"{{}}.betas_session{k:02d}.mgh") for k in range(1, n_sessions + 1)]
    assert {each.shape for each in parts} == {(75, 2 * DESIGN.n_vertices)}
    return np.concatenate([(each - each.mean(axis=0)) / each.std(axis=0) for each in parts]).astype(np.float64)


def test_experiment_files_agree_with_each_other(twin):
    folder, (images, stimuli, _), truth = twin
    mat = loadmat(folder / "nsddata/experiments/nsd/nsd_expdesign.mat")
    order = mat["masterordering"][0].astype(int)
    shown = trials(folder, "subj01")
    assert (mat["subjectim"][0, order - 1] == shown["73KID"]).all()
    assert (order == shown["10KID"]).all()
    shared = mat["sharedix"][0].astype(int)
    assert (shared - 1).tolist() == truth["shared_nsd_ids"]
    assert (mat["subjectim"][:, : DESIGN.n_shared] == shared).all()
    assert len(trials(folder, "subj02")) == 5 * 75
    information = pd.read_csv(folder / "nsddata/experiments/nsd/nsd_stim_info_merged.csv", index_col=0)
    assert information["nsdId"].tolist() == list(range(len(images)))
    row = information.iloc[shown["73KID"][17] - 1]
    assert 18 in row[[f"subject1_rep{k}" for k in range(3)]].tolist()
    captions = {}
    for split in ("train2017", "val2017"):
        notes = json.loads((folder / f"nsddata_stimuli/stimuli/nsd/annotations/captions_{split}.json").read_bytes())
        for note in notes["annotations"]:
            captions.setdefault(note["image_id"], []).append(note["caption"])
    assert [tuple(captions[image]) for image in information["cocoId"]] == stimuli.table["text"].tolist()


def test_images_are_the_ones_given(twin):
    folder, (images, _, _), truth = twin
    with h5py.File(folder / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5") as file:
        np.testing.assert_array_equal(file["imgBrick"][()], images.values)
    names = sorted(path.name for path in (folder / "nsddata/stimuli/nsd/shared1000").iterdir())
    assert names[0] == f"shared0001_nsd{truth['shared_nsd_ids'][0] + 1:05d}.png"
    first = imread(folder / "nsddata/stimuli/nsd/shared1000" / names[0])
    np.testing.assert_array_equal(np.rint(first * 255), images.values[truth["shared_nsd_ids"][0]])


def test_planted_ncsnr_is_in_the_trials(twin):
    folder, _, truth = twin
    values, shown = standardised(folder, "subj01", 6), trials(folder, "subj01")["73KID"].to_numpy()
    _, which = np.unique(shown, return_inverse=True)
    means = np.stack([values[which == k].mean(axis=0) for k in range(DESIGN.n_images)])
    noise = ((values - means[which]) ** 2).sum(axis=0) / (len(values) - DESIGN.n_images)
    planted = surface_file(folder / BETAS.format("subj01", "fsaverage"), "{}.ncsnr.mgh")[0]
    regions = twin_regions(*surface_positions(DESIGN.n_vertices))
    assert (planted > 0).tolist() == np.isin(regions, REGIONS[:3]).tolist()
    # The noise variance of a vertex has a relative standard error of sqrt(2 / 300) = .08, and so does the expected
    # 1 / (1 + ncsnr^2); means over the 150 vertices with signal and the 1,100 without are far closer.
    share = 1 / (1 + planted**2)
    np.testing.assert_allclose(noise[planted > 0].mean(), share[planted > 0].mean(), atol=0.04)
    np.testing.assert_allclose(noise[planted == 0].mean(), 1, atol=0.02)
    for name, mean in truth["subjects"]["subj01"]["ncsnr"].items():
        assert mean == pytest.approx(planted[regions == name].mean(), rel=1e-4)


def test_a_perfect_model_reaches_the_stated_correlation_and_nothing_elsewhere(twin):
    folder, (_, _, signals), truth = twin
    values, shown = standardised(folder, "subj01", 6), trials(folder, "subj01")["73KID"].to_numpy()
    seen, which = np.unique(shown, return_inverse=True)
    means = np.stack([values[which == k].mean(axis=0) for k in range(len(seen))])
    positions, sides = surface_positions(DESIGN.n_vertices)
    regions = twin_regions(positions, sides)
    made = planted_responses(signals, regions, positions, subject="subj01", planted=PLANTED, seed=3)
    for name, best in truth["subjects"]["subj01"]["best_r"].items():
        own = regions == name
        r = [np.corrcoef(a, b)[0, 1] for a, b in zip(made(seen - 1)[:, own].T, means[:, own].T, strict=True)]
        assert np.mean(r) == pytest.approx(best, abs=0.03)  # a vertex: (1 - r^2) / sqrt(150) = .04; 35 to 70 of them
    quiet = means[:, regions == "ventral"]  # a region that no signal was given for
    r = [np.corrcoef(made(seen - 1)[:, np.flatnonzero(regions == "early")[0]], each)[0, 1] for each in quiet.T]
    assert abs(np.mean(r)) < 0.06


def test_the_loaders_of_the_real_data_read_it(twin, tmp_path):
    folder, (images, stimuli, _), truth = twin
    loaded = load_nsd_stimuli(folder)
    assert loaded.table["text"].tolist() == stimuli.table["text"].tolist()
    assert [" ".join(each) for each in loaded.table["categories"]][:2] == ["cat", "dog tree"]
    np.testing.assert_array_equal(load_nsd_images(loaded.ids[[7, 3]], folder).values, images.values[[7, 3]])
    regions = twin_regions(*surface_positions(DESIGN.n_vertices))
    for space in ("fsaverage", "func1pt8mm"):
        file = prepare_nsd(folder, "subj01", out=tmp_path / f"{space}.npy", space=space)
        labels = file.labels()
        planted = labels["ncsnr_shipped"] > 0
        assert set(labels["roi"][planted]) == set(REGIONS[:3])
        # The noise variance, 1 / (1 + ncsnr^2), has a relative standard error of .08 in one target; 150 are averaged.
        expected = np.mean(1 / (1 + labels["ncsnr_shipped"][planted] ** 2))
        assert np.mean(labels["noise_variance"][planted]) == pytest.approx(expected, abs=0.04)
        assert np.median(labels["noise_variance"][~planted]) == pytest.approx(1, abs=0.02)
        if space == "fsaverage":
            assert labels["roi"].tolist() == regions.tolist()
    fewer = prepare_nsd(folder, "subj02", out=tmp_path / "fewer.npy")
    assert len(fewer.ids) == truth["subjects"]["subj02"]["n_images_all_repetitions"] < DESIGN.n_images


def test_a_volume_has_the_axes_of_the_real_one(twin):
    folder, _, _ = twin
    maps = folder / "nsddata/ppdata/subj01/func1pt8mm"
    streams = np.asarray(nibabel.load(maps / "roi/streams.nii.gz").dataobj)
    mask = np.asarray(nibabel.load(maps / "brainmask.nii.gz").dataobj) > 0
    ncsnr = nibabel.load(folder / BETAS.format("subj01", "func1pt8mm") / "ncsnr.nii.gz").get_fdata()
    with h5py.File(folder / BETAS.format("subj01", "func1pt8mm") / "betas_session01.hdf5") as file:
        betas = file["betas"][()]
    assert betas.dtype == np.int16
    assert betas.shape == (75, *streams.shape[::-1])
    assert len(set(streams.shape)) == 3
    np.testing.assert_array_equal((betas != 0).any(axis=0).T, mask)
    assert (streams[~mask] == -1).all()
    names = {STREAMS[int(number)] for number in np.unique(streams[ncsnr > 0])}
    assert names == set(REGIONS[:3])
    assert not (folder / "nsddata_betas/ppdata/subj02/func1pt8mm").exists()


def test_an_interrupted_twin_is_completed_to_the_same_bytes(tmp_path):
    made_of, design = material(30), TwinDesign(1, 12, 4, n_sessions=3, n_vertices=162)
    truth = write_nsd_twin(tmp_path / "a", *made_of, design)
    session = tmp_path / "a" / BETAS.format("subj01", "fsaverage") / "rh.betas_session02.mgh"
    kept = session.with_name("lh.betas_session01.mgh")
    before, when = session.read_bytes(), kept.stat().st_mtime_ns
    session.unlink()
    note = json.loads((tmp_path / "a/twin.json").read_bytes())
    (tmp_path / "a/twin.json").write_text(json.dumps({"key": note["key"], "finished": False}))
    assert write_nsd_twin(tmp_path / "a", *made_of, design) == truth
    assert session.read_bytes() == before
    session.unlink()  # from a twin that was finished
    assert write_nsd_twin(tmp_path / "a", *made_of, design) == truth
    assert session.read_bytes() == before
    assert kept.stat().st_mtime_ns == when
    assert nsd_twin_key(*made_of, design) == note["key"] != nsd_twin_key(*made_of, design, seed=1)
    with pytest.raises(InvalidInput, match="holds another twin"):
        write_nsd_twin(tmp_path / "a", *made_of, design, seed=1)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/mine.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=r"no twin\.json"):
        write_nsd_twin(tmp_path / "b", *made_of, design)


def test_people_share_what_they_are_said_to_share():
    positions, sides = surface_positions(2562)
    regions = twin_regions(positions, sides)
    signals = {"ventral": np.random.default_rng(0).standard_normal((400, 40))}
    own = regions == "ventral"
    for shared in (0.0, 0.5):
        plan = Planted(shared=shared, spread=0)
        first, second = (
            planted_responses(signals, regions, positions, subject=name, planted=plan)(range(400))[:, own]
            for name in ("subj01", "subj02")
        )
        np.testing.assert_allclose(first.std(axis=0), 0.45, rtol=1e-3)
        r = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)])
        # Weights of 40 features: a vertex has a standard error of .16; patches of 8 mm leave some five of 146 free.
        assert r == pytest.approx(shared, abs=0.15)
    smooth = np.corrcoef(first.T)[np.linalg.norm(positions[own][:, None] - positions[own], axis=-1) < 6]
    assert smooth.mean() > 0.6


def test_a_tilted_region_prefers_a_direction_by_its_length():
    positions, sides = surface_positions(642)
    regions = twin_regions(positions, sides)
    values = np.random.default_rng(1).standard_normal((2000, 30))
    direction = np.zeros(30)
    direction[4] = 0.6
    signals = {"early": values, "lateral": values}
    made = planted_responses(
        signals, regions, positions, subject="subj01", planted=Planted(tilt={"lateral": direction}, shared=0)
    )
    responses = made(np.arange(2000))
    r = {name: np.mean([np.corrcoef(values[:, 4], each)[0, 1] for each in responses[:, regions == name].T])
         for name in signals}  # fmt: skip
    # The rest of a vertex's weights correlates with any one of 30 features by 1 / sqrt(30) = .18; the regions have some
    # five independent patches on each side.
    assert r["lateral"] == pytest.approx(0.6, abs=0.12)
    assert abs(r["early"]) < 0.15


def test_regions_lie_at_the_back_on_both_sides():
    positions, sides = surface_positions()
    regions = twin_regions(positions, sides)
    assert len(regions) == 2 * N_VERTICES
    for name in REGIONS:
        own = regions == name
        left, right = int((own & (sides == "left")).sum()), int((own & (sides == "right")).sum())
        assert 200 < min(left, right) < max(left, right) < 700
        assert positions[own, 1].max() < -30
    height = {name: positions[regions == name, 2].mean() for name in REGIONS}
    assert height["ventral"] < min(height["early"], height["lateral"]) < height["parietal"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda m: (m[0], m[1].select(m[1].ids[::-1]), m[2]), "images"),
        (lambda m: (m[0].astype(float), m[1], m[2]), "expected uint8"),
        (lambda m: (m[0], m[1], {"early": np.ones((30, 2))[:-1]}), "a row for every image"),
        (lambda m: (m[0], m[1], {"early": np.ones((30, 2))}), "do not vary"),
        (lambda m: (m[0], m[1], {"frontal": m[2]["early"]}), "Regions without a target: 'frontal'"),
        (lambda m: (m[0][:20], m[1].select(m[1].ids[:20]), {"early": m[2]["early"][:20]}), "takes 22"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, match):
    design = TwinDesign(2, 12, 2, n_sessions=3, n_vertices=162)
    with pytest.raises(InvalidInput, match=match):
        write_nsd_twin(tmp_path / "twin", *change(material(30)), design)


def test_experiments_that_cannot_be_are_refused():
    with pytest.raises(InvalidInput, match="do not make 7 sessions"):
        TwinDesign(n_images=200, n_sessions=7)
    with pytest.raises(InvalidInput, match="is no experiment"):
        TwinDesign(n_subjects=3, n_sessions=(6, 6))
    with pytest.raises(InvalidInput, match="share below 1"):
        Planted(tilt={"early": [1.0, 0.5]})
    with pytest.raises(InvalidInput, match="make no mesh"):
        surface_positions(100)

"""The published figures of the object corpora (92 images, 81 categories, Haxby), reproduced by the loaders."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from consona.datasets.haxby import load_haxby, load_haxby_openfmri, load_haxby_volumes
from consona.datasets.objects81 import PICKLE, load_objects81, load_objects81_features
from consona.datasets.rsa92 import (
    image_ids,
    load_rsa92,
    load_rsa92_behaviour,
    load_rsa92_captions,
    load_rsa92_images,
    load_rsa92_models,
)

pytestmark = pytest.mark.data


def mean_rdm(dataset):
    return np.mean([rdm.data.values for rdm in dataset.rdms], axis=0)


def test_human_it_and_the_models_of_the_92_images(data_folder):
    folder = data_folder / "rsa92"
    brain, models = load_rsa92(folder), load_rsa92_models(folder)
    behaviour = load_rsa92_behaviour(folder)
    human = mean_rdm(brain)
    for name, published in (("animacy", 0.588), ("monkeyIT", 0.439), ("FaceBodyManmadeNatobj", 0.405), ("V1", 0.039)):
        assert spearmanr(human, models[name].data.values).statistic == pytest.approx(published, abs=5e-4)
    assert spearmanr(human, mean_rdm(behaviour)).statistic == pytest.approx(0.392, abs=5e-4)
    assert (len(brain.subjects), len(behaviour.subjects), len(models)) == (4, 16, 71)
    assert {rdm.ids.tolist() == image_ids() for rdm in (*brain.rdms, *behaviour.rdms, *models.values())} == {True}
    first, second = (load_rsa92(folder, measurement=each) for each in (1, 2))
    np.testing.assert_allclose((mean_rdm(first) + mean_rdm(second)) / 2, human)


def test_the_92_images_and_their_categories(data_folder):
    stimuli, images = load_rsa92(data_folder / "rsa92").stimuli, load_rsa92_images(data_folder / "rsa92")
    assert (stimuli["animate"].sum(), stimuli["face"].sum()) == (48, 24)
    assert images.shape == (92, 175, 175, 3)
    model = load_rsa92_models(data_folder / "rsa92")["animacy"]
    differ = stimuli["animate"][:, None] != stimuli["animate"]
    np.testing.assert_array_equal(model.matrix(), differ.astype(float))


def test_every_image_has_a_caption_of_its_own():
    captions = load_rsa92_captions()
    assert captions.ids.tolist() == image_ids()
    assert len(set(captions.texts)) == 92
    assert all(4 <= len(text.split()) <= 25 for text in captions.texts[:12])


def test_regions_of_the_81_objects(data_folder, tmp_path):
    """Features z-scored over all rows, responses centred in training, penalty 10, folds by row index mod 9."""
    folder = data_folder / "objects81"
    dataset = load_objects81(folder)
    recording = dataset.recordings[0]
    Y, roi = recording.mean(), recording.data["roi"].values
    fold = np.arange(81) % 9
    published = {
        "alexnet": {"EVC": 0.474, "LOC": 0.644, "PPA": 0.637},
        "word2vec": {"EVC": 0.173, "LOC": 0.589, "PFS": 0.493},
    }
    for kind, regions in published.items():
        X = load_objects81_features(kind, folder=folder).layer(0).astype(float)
        X, predicted = (X - X.mean(axis=0)) / X.std(axis=0), np.empty_like(Y)
        for each in range(9):
            train, level = X[fold != each], Y[fold != each].mean(axis=0)
            weights = np.linalg.solve(train.T @ train + 10 * np.eye(X.shape[1]), train.T @ (Y[fold != each] - level))
            predicted[fold == each] = X[fold == each] @ weights + level
        r = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, Y.T, strict=True)])
        for region, value in regions.items():
            assert r[roi == region].mean() == pytest.approx(value, abs=5.1e-4)
    assert {name: (roi == name).sum() for name in ("LOC", "FFA")} == {"LOC": 96, "FFA": 100}
    (tmp_path / PICKLE).write_bytes((folder / PICKLE).read_bytes())
    pickled = load_objects81(tmp_path)
    np.testing.assert_array_equal(pickled.recordings[0].data.values, recording.data.values)
    assert pickled.stimuli.texts == dataset.stimuli.texts
    assert pickled.recordings[0].data["roi"].values.tolist() == roi.tolist()


def test_eight_categories_of_haxby_are_told_apart(data_folder):
    dataset = load_haxby(data_folder / "haxby_pymvpa")
    recording, run, category = dataset.recordings[0], dataset.stimuli["run"], dataset.stimuli["category"]
    assert recording.data.shape == (1, 96, 530)
    X, names, right = recording.mean(), np.unique(category), 0
    for each in range(12):
        means = np.stack([X[(run != each) & (category == name)].mean(axis=0) for name in names])
        for row, name in zip(X[run == each], category[run == each], strict=True):
            right += names[np.argmax([np.corrcoef(row, mean)[0, 1] for mean in means])] == name
    assert right == 49


def test_both_layouts_of_haxby_agree(data_folder):
    folder = data_folder / "haxby_pymvpa"
    volumes, coarse = load_haxby_volumes(folder), load_haxby_openfmri(folder)
    assert volumes.recordings[0].data.shape == (1, 1452, 530)
    assert coarse.recordings[0].data.shape == (1, 1452, 129)
    assert volumes.stimuli.ids.tolist() == coarse.stimuli.ids.tolist()
    same = volumes.stimuli["category"] == coarse.stimuli["category"]
    assert (same | (volumes.stimuli["category"] == "rest") | (coarse.stimuli["category"] == "rest")).all()
    assert same.mean() > 0.95
    attrs = volumes.recordings[0].attrs
    assert np.reshape(attrs["affine"], (4, 4))[1, 1] == 3.75
    assert attrs["shape"] == [40, 20, 1]

"""Classifiers of others come through the same door with their own numbers; files of others are opened with care."""

import os
import pickle

import numpy as np
import pytest
import safetensors.torch
import torch
import xarray as xr
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from torch import nn

from consona.core.errors import InvalidInput, MissingData, ModelError
from consona.engine.fingerprint import fingerprint
from consona.stats.splits import subject_folds
from consona.training.adapters import Estimator, predict_module, shrinkage_lda, train_estimator, train_module
from consona.training.checkpoints import load_checkpoint, with_weights
from consona.training.outside import OutsideNetwork, as_images
from consona.training.recipe import Recipe

DIMS = ("subject", "stimulus", "shift", "window", "channel", "band")
LABELS = np.repeat([0, 1, 2], 2)
RECIPE = Recipe(epochs=4, batch=16, noise=0.2, drop=0.0, gain=0.0, learning_rate=1e-2)


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 6, 1, 3, 4, 2)) + 0.7 * rng.normal(size=(3, 1, 3, 4, 2))[LABELS]
    coords = {
        "subject": [f"s{i}" for i in range(16)],
        "stimulus": [f"c{i}" for i in range(6)],
        "shift": [0.0],
        "emotion": ("stimulus", np.array(["joy", "anger", "fear"])[LABELS]),
        "channel": list("abcd"),
        "band": ["x", "y"],
    }
    tensor = xr.DataArray(x.astype(np.float32), dims=DIMS, coords=coords)
    return tensor, subject_folds(np.repeat([1, 2], 8), 2, 6, validation=3, seed=0)


def small(n_outputs=3):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(4, 8, 2), nn.BatchNorm1d(8), nn.ELU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(40, n_outputs)
    )


@pytest.mark.parametrize("pool", ["emotion", "stimulus"])
def test_an_estimator_gives_what_it_gives_by_itself(planted, pool):
    tensor, split = planted
    found = train_estimator(tensor, split, Estimator(LogisticRegression(C=0.1, max_iter=500), pool))
    cells, target = tensor.values.reshape(96, -1), np.tile(LABELS if pool == "emotion" else np.arange(6), 16)
    for fold in range(2):
        rows = split.test[fold].ravel()
        model = LogisticRegression(C=0.1, max_iter=500).fit(
            *(each[split.train[fold].ravel()] for each in (cells, target))
        )
        expected = model.predict_proba(cells[rows])
        if pool == "stimulus":
            expected = expected.reshape(-1, 3, 2).sum(axis=2)
        assert np.allclose(found.probability.values[0].reshape(96, 3)[rows], expected, atol=1e-5)
        assert np.allclose(found.weight[fold], model.coef_, atol=1e-6)
    assert found.sizes["feature"] == 24


def test_an_estimator_without_coefficients_has_no_features_and_one_without_probabilities_is_refused(planted):
    tensor, split = planted
    found = train_estimator(tensor, split, Estimator(RandomForestClassifier(5, random_state=0)))
    assert found.sizes["feature"] == 0
    assert np.allclose(found.probability.sum("emotion"), 1, atol=1e-5)
    with pytest.raises(InvalidInput, match="RidgeClassifier has no predict_proba"):
        train_estimator(tensor, split, Estimator(RidgeClassifier()))


def test_an_emotion_without_training_rows_has_probability_zero(planted):
    tensor, split = planted
    found = train_estimator(tensor, split._replace(train=split.train & (LABELS < 2)), Estimator(DummyClassifier()))
    assert np.array_equal(found.probability.values[0, ..., 2], np.zeros((16, 6)))
    assert not np.isnan(found.validation).any()


def test_estimators_are_told_apart_by_class_and_settings():
    prints = {
        fingerprint(each) for each in (shrinkage_lda(), shrinkage_lda("stimulus"), Estimator(LogisticRegression()))
    }
    assert len(prints) == 3
    assert fingerprint(shrinkage_lda()) == fingerprint(shrinkage_lda())
    assert fingerprint(Estimator(LogisticRegression(class_weight={0: 2.0}))) is None


def test_a_module_with_dropout_and_statistics_of_batches_trains_the_same_every_time(planted):
    tensor, split = planted
    outside = OutsideNetwork(small(28), fresh=True, read=lambda x: x.permute(0, 2, 1, 3).flatten(2))
    before = {name: value.clone() for name, value in outside.module.state_dict().items()}
    first = train_module(tensor, split, outside, RECIPE, seed=0)
    assert first.identical(train_module(tensor, split, outside, RECIPE, seed=0))
    assert all(torch.equal(value, before[name]) for name, value in outside.module.state_dict().items())
    assert first.sizes["feature"] == 40
    assert first.validation.max() > 0.5  # chance is a third


def test_a_module_is_asked_as_it_is(planted):
    tensor, split = planted
    module = nn.Sequential(nn.Flatten(), nn.Linear(24, 5), nn.Tanh(), nn.Linear(5, 3)).eval()
    found = predict_module(tensor, split, OutsideNetwork(module, read=as_images))
    x = torch.as_tensor(tensor.values[:, :, 0]).flatten(0, 1).permute(0, 3, 2, 1)
    assert np.allclose(found.probability.values[0].reshape(96, 3), module(x).softmax(-1).detach(), atol=1e-6)
    assert np.allclose(found.features.values.reshape(96, 5), module[:3](x).detach(), atol=1e-6)
    assert np.allclose(found.weight[0], module[3].weight.detach())


def test_the_last_layer_must_be_there_with_the_right_outputs(planted):
    tensor, split = planted
    with pytest.raises(InvalidInput, match=r"'5' of Sequential has 4 outputs; 3 are needed"):
        train_module(tensor, split, OutsideNetwork(small(4)), RECIPE, seed=0)
    with pytest.raises(InvalidInput, match=r"no linear layer 'head'; it has 5"):
        train_module(tensor, split, OutsideNetwork(small(), last="head"), RECIPE, seed=0)
    with pytest.raises(InvalidInput, match=r"was given \(16, 3, 4, 2\)"):
        train_module(tensor, split, OutsideNetwork(nn.Sequential(nn.Linear(2, 3)), read=lambda x: x), RECIPE, seed=0)


def test_modules_are_told_apart_by_weights_and_by_what_they_read():
    module = small()
    prints = [OutsideNetwork(module).fingerprint(), OutsideNetwork(module, as_images).fingerprint()]
    again = OutsideNetwork(small()).fingerprint()
    with torch.no_grad():
        module[0].weight[0, 0, 0] += 1e-3
    prints.append(OutsideNetwork(module).fingerprint())
    assert len(set(prints)) == 3
    assert again == prints[0]


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_weights_come_back_and_their_file_is_known(tmp_path, ending):
    module, file = small(), tmp_path / f"weights.{ending}"
    named = {f"encoder.{name}": value for name, value in module.state_dict().items()} | {"decoder.bias": torch.ones(2)}
    if ending == "pt":
        torch.save({"state_dict": named, "epoch": 3}, file)
    else:
        safetensors.torch.save_file(named, file)
    checkpoint = load_checkpoint(file)
    empty = small()
    for value in empty.parameters():
        nn.init.zeros_(value)
    with_weights(empty, checkpoint, prefix="encoder.")
    assert all(torch.equal(value, empty.state_dict()[name]) for name, value in module.state_dict().items())
    assert load_checkpoint(str(file), expected=checkpoint.sha256).fingerprint() == checkpoint.sha256
    with pytest.raises(ModelError, match="expected was 00"):
        load_checkpoint(file, expected="00" * 32)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path):
    done, file = str(tmp_path / "done"), tmp_path / "weights.pt"
    torch.save({"state_dict": {"a": torch.ones(1)}, "extra": Hostile(done)}, file)
    bare = tmp_path / "bare.pth"
    bare.write_bytes(pickle.dumps(Hostile(done)))
    for path in (file, bare):
        with pytest.raises(ModelError, match=r"nothing of it was run"):
            load_checkpoint(path)
    assert not os.path.exists(done)


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_a_damaged_file_is_named(tmp_path, ending):
    whole, file = tmp_path / f"whole.{ending}", tmp_path / f"weights.{ending}"
    weights = {"a": torch.arange(4000.0)}
    if ending == "pt":
        torch.save(weights, whole)
    else:
        safetensors.torch.save_file(weights, whole)
    content = whole.read_bytes()
    for damaged in (
        content[: len(content) // 2],
        b"",
        b"<html>not found</html>",
        content[:10] + b"\xff" * 40 + content[50:],
    ):
        file.write_bytes(damaged)
        with pytest.raises(ModelError, match=f"weights.{ending}"):
            load_checkpoint(file)
    with pytest.raises(MissingData, match="There is no file"):
        load_checkpoint(tmp_path / "none.pt")


def test_names_that_do_not_match_are_told_and_nothing_changes(tmp_path):
    module = small()
    given = {name: value + 1 for name, value in module.state_dict().items() if name != "5.bias"} | {
        "7.scale": torch.ones(3)
    }
    given["0.weight"] = torch.ones(8, 4, 3)
    safetensors.torch.save_file(given, tmp_path / "w.safetensors")
    checkpoint, before = load_checkpoint(tmp_path / "w.safetensors"), module[5].weight.detach().clone()
    expected = (
        r"1 missing \(5.bias\); 1 unexpected \(7.scale\); 1 of another shape \(0.weight \(8, 4, 3\) for \(8, 4, 2\)\)"
    )
    with pytest.raises(ModelError, match=expected):
        with_weights(module, checkpoint)
    assert torch.equal(module[5].weight, before)
    del checkpoint.weights["0.weight"]
    with_weights(module, checkpoint, absent=("0.", "5.", "7."))
    assert torch.equal(module[5].weight, before + 1)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ModelError, match="No weights were found"):
        load_checkpoint(tmp_path / "list.pt")

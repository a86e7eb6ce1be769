"""Networks of scenes learn what is planted and nothing else, are alike in all but what is compared, and go on."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.training import scene_training
from consona.training.scene_features import network_features, readout_check, require_better_than_mean
from consona.training.scene_networks import layer_width, scene_network
from consona.training.scene_recipe import SceneRecipe
from consona.training.scene_training import SceneTrainer, train_scene_network
from consona.training.scene_weights import network_of, untrained

N, SIDE = 320, 32
TINY = {"width": 12, "n_epochs": 12, "batch": 32, "shift": 1, "n_times": 3, "learning_rate": 1e-2}
SHORT = SceneRecipe(**{**TINY, "n_epochs": 3, "batch": 64})
ARCHITECTURES = ("recurrent", "feedforward")


def squares(n=N, *, seed=0):
    """A red or blue square, at the left or the right, on grey noise; and what there is, as four signs."""
    rng = np.random.default_rng(seed)
    images = rng.integers(100, 156, (n, SIDE, SIDE, 3))
    red, left = rng.integers(0, 2, (2, n)).astype(bool)
    down = rng.integers(2, 18, n)
    for image, is_red, is_left, y in zip(images, red, left, down):
        x = 3 if is_left else 17
        image[y : y + 12, x : x + 12] = (220, 30, 30) if is_red else (30, 30, 220)
    coords = {"stimulus": [f"scene{i:05d}" for i in range(n)]}
    shown = xr.DataArray(images.astype(np.uint8), coords, ("stimulus", "y", "x", "colour"))
    # Captions have much in common: the first feature.
    values = np.stack([np.full(n, 2.0), red * 2.0 - 1, left * 2.0 - 1, (red ^ left) * 2.0 - 1], 1)
    return shown, Features.of(values, coords["stimulus"])


@pytest.fixture(scope="module")
def planted():
    return squares()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_planted_is_read_out_and_what_is_not_is_not(planted, architecture):
    images, targets = planted
    recipe = SceneRecipe(**TINY, architecture=architecture)
    trained = train_scene_network(images, targets, recipe=recipe, seed=0, held_out_share=0.25)
    # The mean target is (2, 0, 0, 0) up to sampling, every target (2, ±1, ±1, ±1): a cosine of 2 / 7 ** .5.
    assert trained.attrs["mean_baseline"] == pytest.approx(2 / 7**0.5, abs=0.02)
    assert trained.attrs["mean_cosine"] > 0.9
    assert trained.sizes["stimulus"] == N // 4
    assert float(trained.held_out_loss[-1]) == pytest.approx(1 - trained.attrs["mean_cosine"], abs=0.01)
    new, wanted = squares(100, seed=1)
    check = readout_check(trained, new, wanted)
    require_better_than_mean(check)
    np.testing.assert_allclose(check.cosine.mean(), check["mean"].sel(measure="cosine"))
    assert float(check["mean"].sel(measure="centred")) > 0.6
    wrong = Features.of(wanted.layer(0)[np.random.default_rng(2).permutation(100)], wanted.ids)
    with pytest.raises(InvalidInput, match="before it is compared"):
        require_better_than_mean(readout_check(trained, new, wrong), name="It")


def test_targets_of_other_images_are_not_learnt(planted):
    images, targets = planted
    drawn = Features.of(targets.layer(0)[np.random.default_rng(3).permutation(N)], targets.ids)
    trained = train_scene_network(images, drawn, recipe=SHORT, seed=0, held_out_share=0.25)
    assert trained.attrs["mean_cosine"] < trained.attrs["mean_baseline"] + 0.02
    with pytest.raises(InvalidInput, match="before it is compared"):
        require_better_than_mean(readout_check(trained, images[-80:], drawn.select(drawn.ids[-80:])))


def test_both_architectures_have_as_many_weights():
    for width, n_layers in ((64, 3), (32, 4), (12, 2)):
        made = [untrained(SceneRecipe(architecture=a, width=width, n_layers=n_layers), seed=0) for a in ARCHITECTURES]
        counts = [each.attrs["n_weights"] for each in made]
        # One feature more or less in every layer changes the count by 2 / width of itself, and half of that can be off.
        assert abs(counts[1] / counts[0] - 1) < 1.5 / width
        network = network_of(made[0])
        assert counts[0] == sum(each.numel() for each in network.parameters())


def test_states_are_those_of_the_formula():
    recipe = SceneRecipe(width=5, n_layers=3, n_times=3)
    network, (images, _) = scene_network(recipe, 4, 7), squares(2)
    weights = {name: each.detach() for name, each in network.named_parameters()}
    bare = torch.from_numpy(images.values).permute(0, 3, 1, 2).float().sub(127.5).div(63.75)
    before = None
    with torch.no_grad():
        found = network.states(torch.from_numpy(images.values))
        for time in range(3):
            below, now = F.conv2d(bare, weights["stem.weight"], weights["stem.bias"], 4, 2).relu(), []
            for layer, stride in enumerate((2, 2, 1)):
                kernel, bias = weights[f"bottom_up.{layer}.weight"], weights[f"bottom_up.{layer}.bias"]
                heard = F.conv2d(below, kernel, bias, stride, 1)
                if before:
                    heard += F.conv2d(before[layer], weights[f"lateral.{layer}.weight"], padding=1)
                if before and layer < 2:
                    above = F.conv2d(before[layer + 1], weights[f"top_down.{layer}.weight"], padding=1)
                    size = 2 if layer == 0 else 1
                    heard += above.repeat_interleave(size, 2).repeat_interleave(size, 3)
                flat = heard.flatten(1)
                flat = (flat - flat.mean(1, keepdim=True)) / (flat.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
                below = flat.reshape(heard.shape).relu()
                now.append(below)
                np.testing.assert_allclose(found[time][layer], below, atol=2e-5)
            before = now
        read = weights["output.weight"] @ found[2][2].mean((2, 3)).T + weights["output.bias"][:, None]
        np.testing.assert_allclose(network(torch.from_numpy(images.values))[-1], read.T, atol=1e-5)


def test_objectives_and_architectures_see_the_same_images_in_the_same_order(planted, monkeypatch):
    images, targets = planted
    seen, real = [], scene_training._augmented

    def noted(batch, recipe, rng):
        made = real(batch, recipe, rng)
        seen.append((recipe.architecture, recipe.objective, made.tobytes()))
        return made

    monkeypatch.setattr(scene_training, "_augmented", noted)
    kinds = [("recurrent", "embedding"), ("recurrent", "categories"), ("feedforward", "embedding")]
    for architecture, objective in kinds:
        recipe = SceneRecipe(**{**TINY, "n_epochs": 1, "batch": 64}, architecture=architecture, objective=objective)
        values = targets.layer(0) if objective == "embedding" else (targets.layer(0) > 0).astype(float)
        train_scene_network(images[:100], Features.of(values[:100], targets.ids[:100]), recipe=recipe, seed=5)
    batches = [[made for *kind, made in seen if tuple(kind) == each] for each in kinds]
    assert len(batches[0]) == 2
    assert batches[0] == batches[1] == batches[2]
    twins = [untrained(SceneRecipe(objective=each), seed=5) for each in ("embedding", "categories")]
    assert twins[0].drop_attrs().identical(twins[1].drop_attrs())


def test_a_training_that_was_stopped_ends_with_the_same_bytes(planted, tmp_path):
    images, targets = planted

    def stopped(epoch, loss):
        if epoch == 2:
            raise KeyboardInterrupt

    whole = train_scene_network(images, targets, recipe=SHORT, seed=1)
    assert whole.identical(train_scene_network(images, targets, recipe=SHORT, seed=1))
    with pytest.raises(KeyboardInterrupt):
        SceneTrainer(str(tmp_path), progress=stopped).train(images, targets, recipe=SHORT, seed=1)
    epochs = []
    again = SceneTrainer(str(tmp_path), progress=lambda epoch, loss: epochs.append(epoch))
    assert again.train(images, targets, recipe=SHORT, seed=1).identical(whole)
    assert epochs == [3]
    assert again.train(images, targets, recipe=SHORT, seed=1).identical(whole)
    assert epochs == [3]
    other = again.train(images, targets, recipe=SHORT, seed=2)
    assert not np.array_equal(other["weight.stem.weight"], whole["weight.stem.weight"])
    assert again.fingerprint() == SceneTrainer(device="cuda").fingerprint()
    assert not torch.are_deterministic_algorithms_enabled()


def test_features_are_means_of_every_layer_and_time(planted, tmp_path):
    images = planted[0][:10]
    twin = untrained(SHORT, seed=3)
    features = network_features(twin, images)
    assert features.data.shape == (10, 9, 12)
    assert features.data["name"].values[4] == "layer 2 time 2"
    with torch.no_grad():
        states = network_of(twin).states(torch.from_numpy(images.values))
    np.testing.assert_allclose(features.layer(5), states[2][1].mean((2, 3)), atol=1e-6)
    last = network_features(twin, images, times="last")
    assert last.data["time"].values.tolist() == [3, 3, 3]
    np.testing.assert_array_equal(last.layer(1), features.layer(5))
    twin.to_netcdf(tmp_path / "twin.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "twin.nc", engine="h5netcdf") as kept:
        np.testing.assert_array_equal(network_features(kept.load(), images).data, features.data)
    once = network_features(untrained(SceneRecipe(architecture="feedforward"), seed=0), images)
    assert once.data.shape == (10, 3, layer_width(SceneRecipe(architecture="feedforward")))


def swapped(images, targets):
    return images, targets.select(targets.ids[::-1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (swapped, "differ from place 0"),
        (lambda i, t: (i[:30], t), "differ from place 30"),
        (lambda i, t: (i.astype(float), t), "float64"),
        (lambda i, t: (i[:, :30], t), "30 x 32 pixels"),
        (lambda i, t: (i.transpose("stimulus", "colour", "y", "x"), t), "stimulus, colour, y, x"),
        (lambda i, t: (i, Features.of(np.eye(40)[:, :39], t.ids)), "as 'scene00039': no cosine"),
        (lambda i, t: (i, Features.of(np.ones((40, 2, 3)), t.ids)), "2 layers"),
        (lambda i, t: (i[:1], t.select(t.ids[:1])), "leave some on both sides"),
    ],
)
def test_images_and_targets_that_do_not_fit_are_refused(change, words):
    images, targets = change(*squares(40))
    with pytest.raises(InvalidInput, match=words):
        train_scene_network(images, targets, recipe=SHORT, seed=0)


def test_networks_and_recipes_that_do_not_fit_are_refused(planted):
    images, targets = planted
    with pytest.raises(InvalidInput, match="0 outputs and the targets 4"):
        readout_check(untrained(SHORT, seed=0), images, targets)
    with pytest.raises(InvalidInput, match="names no recipe"):
        network_features(xr.Dataset(), images)
    part = untrained(SHORT, seed=0).drop_vars("weight.stem.bias")
    with pytest.raises(InvalidInput, match=r"0 values of 'stem\.bias'"):
        network_features(part, images)
    with pytest.raises(InvalidInput, match="known are all and last"):
        network_features(untrained(SHORT, seed=0), images, times="first")
    for wrong in ({"architecture": "vit"}, {"n_layers": 1}, {"gain": 1.0}, {"learning_rate": float("nan")}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            SceneRecipe(**wrong)
    assert SceneRecipe.from_json(SHORT.to_json()) == SHORT
    with pytest.raises(InvalidInput, match="has no .depth."):
        SceneRecipe.from_json('{"depth": 3}')


@pytest.mark.gpu
def test_a_gpu_trains_the_same_network_twice_the_same_and_nearly_as_the_cpu(planted):
    images, targets = planted
    ends = [SceneTrainer(device=d).train(images, targets, recipe=SHORT, seed=0) for d in ("cuda", "cuda", "cpu")]
    assert ends[0].identical(ends[1])
    assert ends[0].attrs["mean_cosine"] == pytest.approx(ends[2].attrs["mean_cosine"], abs=0.02)

"""Training finds what is planted and nothing else, is the same every time, and never looks at test rows."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, recall_score

from consona.core.errors import InvalidInput
from consona.stats.splits import ThreeWay, subject_folds
from consona.training import loop
from consona.training.batches import FoldBatches
from consona.training.loop import train_decoders, train_planned
from consona.training.material import material_of
from consona.training.recipe import Recipe
from consona.training.results import balanced_accuracy
from consona.training.supervision import Plan

N_SUBJECTS, N_CLASSES, STRENGTH = 40, 3, 1.7
RECIPE = Recipe(width=16, depth=1, epochs=6, batch=32, noise=0.3, gain=0.1, drop=0.1, learning_rate=1e-2)
# Between one stack and another, or one number of threads and another: rounding of float32 over some hundred steps.
TOLERANCE = 1e-4


def planted(strength=STRENGTH, *, seed=0, n_shifts=1):
    """White noise of SD 1 and a pattern of the class; the patterns are orthogonal, each ``strength`` long."""
    rng = np.random.default_rng(seed)
    shape = (2, 4, 2)
    patterns = np.linalg.qr(rng.normal(size=(16, N_CLASSES)))[0].T.reshape(N_CLASSES, *shape)
    labels = np.repeat(np.arange(N_CLASSES), 3)
    x = rng.normal(size=(N_SUBJECTS, len(labels), n_shifts, *shape))
    x += strength * patterns[labels][None, :, None]
    coords = {
        "subject": [f"s{i}" for i in range(N_SUBJECTS)],
        "stimulus": [f"clip{i}" for i in range(len(labels))],
        "shift": np.arange(n_shifts) - n_shifts // 2,
        "emotion": ("stimulus", np.array(["joy", "anger", "fear"])[labels]),
        "channel": ["Fz", "Cz", "C3", "C4"],
        "band": ["alpha", "beta"],
    }
    dims = ("subject", "stimulus", "shift", "window", "channel", "band")
    return xr.DataArray(x.astype(np.float32), dims=dims, coords=coords)


def split_of(n_folds=4):
    return subject_folds(np.repeat([1, 2], N_SUBJECTS // 2), n_folds, 9, validation=6, seed=0)


def accuracy(found):
    named = found.emotion.values[found.probability.values[0].argmax(-1)]
    truth = np.broadcast_to(found.stimulus_emotion.values, named.shape)
    return balanced_accuracy_score(truth.ravel(), named.ravel())


def best_possible(strength):
    """Chance that the class's own pattern is matched best by a row, when all patterns are known."""
    return quad(lambda z: norm.pdf(z) * norm.cdf(z + strength) ** (N_CLASSES - 1), -9, 9)[0]


@pytest.mark.parametrize(("network", "pool"), [("linear", "emotion"), ("mlp", "stimulus")])
def test_planted_patterns_are_read_almost_as_well_as_can_be(network, pool):
    """Above the bound by chance: 3 binomial SEs. Below it: as much, and .05 for 17 weights a class from 250 rows."""
    recipe = replace(RECIPE, network=network, pool=pool, epochs=20, noise=1.0, drop=0.0, gain=0.0)
    found, bound = train_decoders(planted(), split_of(), recipe, seed=0), best_possible(STRENGTH)
    margin = 3 * np.sqrt(bound * (1 - bound) / found.tested_in.size)
    assert bound - margin - 0.05 < accuracy(found) < bound + margin


def test_without_a_pattern_it_is_chance():
    """Three SEs of a binomial around 1 / 3."""
    found = train_decoders(planted(0.0), split_of(), RECIPE, seed=0)
    assert abs(accuracy(found) - 1 / 3) < 3 * np.sqrt(2 / 9 / found.tested_in.size)


def test_stimuli_that_are_dealt_anew_within_each_person_are_chance():
    tensor, rng = planted(), np.random.default_rng(5)
    shuffled = np.stack([each[rng.permutation(9)] for each in tensor.values])
    found = train_decoders(tensor.copy(data=shuffled), split_of(), RECIPE, seed=0)
    assert abs(accuracy(found) - 1 / 3) < 3 * np.sqrt(2 / 9 / found.tested_in.size)


@pytest.mark.parametrize("pool", ["emotion", "stimulus"])
def test_what_comes_out_hangs_together(pool):
    tensor, split = planted(n_shifts=3), split_of()
    found = train_decoders(tensor, split, replace(RECIPE, pool=pool, borrowed=0.5), seed=3, snapshots=(2, 6))
    assert np.allclose(found.probability.sum("emotion"), 1, atol=1e-5)
    assert found.snapshot.values.tolist() == [0, 2, 6]
    logits = np.einsum("sif,siof->sio", found.features, found.weight.values[found.tested_in])
    logits += found.bias.values[found.tested_in]
    softmax = np.exp(logits - logits.max(-1, keepdims=True))
    softmax /= softmax.sum(-1, keepdims=True)
    summed = [softmax[..., found.output_emotion.values == each].sum(-1) for each in found.emotion.values]
    assert np.allclose(np.stack(summed, -1), found.probability[0], atol=1e-5)
    best = found.validation.values.argmax(axis=1) + 1
    assert np.array_equal(found.chosen, best)
    at_end = best == RECIPE.epochs
    same = np.isin(found.tested_in, np.flatnonzero(at_end))
    assert np.array_equal(found.probability[2].values[same], found.probability[0].values[same])
    for fold, rows in enumerate(split.test):
        assert (found.tested_in.values[rows] == fold).all()


def test_balanced_accuracy_is_that_of_scikit_learn_over_the_emotions_that_occur():
    rng = np.random.default_rng(1)
    probability, labels = rng.random((200, 4)), rng.choice(3, 200, p=[0.6, 0.3, 0.1])
    found = balanced_accuracy(torch.as_tensor(probability), torch.as_tensor(labels))
    per_class = recall_score(labels, probability.argmax(1), labels=[0, 1, 2], average=None)
    assert found == pytest.approx(per_class.mean())


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_network():
    given = (planted(n_shifts=3), split_of(), replace(RECIPE, borrowed=0.5))
    first = train_decoders(*given, seed=1)
    torch.manual_seed(99)  # what the caller draws elsewhere is of no account, and is left as it was
    before = torch.random.get_rng_state()
    assert train_decoders(*given, seed=1).identical(first)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not np.allclose(train_decoders(*given, seed=2).weight, first.weight)


@pytest.mark.parametrize("network", ["mlp", "graph", "recurrent"])
def test_a_fold_is_the_same_beside_others_and_alone(network, monkeypatch):
    tensor, split, recipe = planted(), split_of(), replace(RECIPE, network=network)
    together = train_decoders(tensor, split, recipe, seed=0)
    first = ThreeWay(*(part[:1] for part in split[:3]), "the first fold")
    by_itself = train_decoders(tensor, first, recipe, seed=0)
    monkeypatch.setattr(loop, "ONE_BY_ONE", frozenset({network}))
    in_turn = train_decoders(tensor, split, recipe, seed=0)
    rows = split.test[0]
    for other in (by_itself, in_turn):
        assert np.array_equal(together.validation[0], other.validation[0])
        assert np.allclose(together.probability.values[0][rows], other.probability.values[0][rows], atol=TOLERANCE)
        assert np.allclose(together.weight[0], other.weight[0], atol=TOLERANCE)


def test_the_number_of_threads_changes_rounding_only():
    one_fold = ThreeWay(*(part[:1] for part in split_of()[:3]), "one fold")
    given = (planted(), one_fold, replace(RECIPE, epochs=2))
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = train_decoders(*given, seed=0)
        torch.set_num_threads(2)
        two = train_decoders(*given, seed=0)
    finally:
        torch.set_num_threads(n_threads)
    assert np.allclose(one.probability, two.probability, atol=TOLERANCE, equal_nan=True)


def test_test_rows_change_neither_weights_nor_the_choice():
    tensor, split = planted(), split_of(2)
    one = ThreeWay(*(part[:1] for part in split[:3]), "one fold")
    changed = tensor.values.copy()
    changed[one.test[0]] = np.random.default_rng(8).normal(size=changed[one.test[0]].shape) * 50
    first, second = (train_decoders(each, one, RECIPE, seed=0) for each in (tensor, tensor.copy(data=changed)))
    for name in ("weight", "bias", "validation", "chosen"):
        assert np.array_equal(first[name], second[name])
    assert not np.allclose(first.probability.values[0][one.test[0]], second.probability.values[0][one.test[0]])


def test_without_validation_rows_nothing_is_trained():
    split = split_of()
    none = split.validation.copy()
    none[1] = False
    with pytest.raises(InvalidInput, match=r"Fold 1 has no validation rows.*never on test rows"):
        train_decoders(planted(), split._replace(validation=none), RECIPE, seed=0)


def test_what_does_not_fit_is_named():
    tensor, split = planted(), split_of()
    broken = tensor.copy(deep=True)
    broken[3, 2, 0, 1, 0, 1] = np.nan
    with pytest.raises(InvalidInput, match="subject 's3', stimulus 'clip2'"):
        train_decoders(broken, split, RECIPE, seed=0)
    with pytest.raises(InvalidInput, match="Transpose"):
        train_decoders(tensor.transpose("stimulus", ...), split, RECIPE, seed=0)
    with pytest.raises(InvalidInput, match=r"of \(40, 9\) subjects and stimuli, the tensor of \(39, 9\)"):
        train_decoders(tensor[:39], split, RECIPE, seed=0)
    with pytest.raises(InvalidInput, match="exactly one must be 0"):
        train_decoders(tensor.assign_coords(shift=[1.0]), split, RECIPE, seed=0)
    with pytest.raises(InvalidInput, match="The axis has 8 rows"):
        train_decoders(tensor, split, RECIPE, seed=0, axis=np.arange(8.0))
    with pytest.raises(InvalidInput, match="epochs from 1 to 6"):
        train_decoders(tensor, split, RECIPE, seed=0, snapshots=(7,))
    few = [np.zeros((1, N_SUBJECTS, 9), bool) for _ in range(3)]
    for person, part in enumerate(few):
        part[0, person] = True
    with pytest.raises(InvalidInput, match="no stimulus has two training rows"):
        train_decoders(tensor, ThreeWay(*few, "one person"), replace(RECIPE, borrowed=1.0), seed=0)


def test_batches_hold_what_the_recipe_says():
    """Moments over 50 batches of 64 rows and 16 cells, 5 SEs wide."""
    tensor = planted(0.0, n_shifts=3)
    tensor.values[:] = np.arange(3).reshape(1, 1, 3, 1, 1, 1) - 1 + 10.0 * np.arange(9)[None, :, None, None, None, None]
    material = material_of(tensor, RECIPE, None)
    rows = torch.arange(100)

    def drawn(**changes):
        bare = {"noise": 0.0, "drop": 0.0, "gain": 0.0, "jitter": False, "batch": 64}
        batches = FoldBatches(material, rows, Recipe(**(bare | changes)), seed=0, fold=0)
        out, found = torch.empty(64, 2, 4, 2), []
        for _ in range(50):
            order = batches.order()[0]
            assert order.unique().numel() == 64
            batches.fill(order, out)
            found.append(out - 10.0 * material.stimulus[order].reshape(-1, 1, 1, 1))
        return torch.stack(found).double()

    assert torch.equal(drawn(), torch.zeros(50, 64, 2, 4, 2).double())
    jittered = drawn(jitter=True)
    assert set(jittered.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert bool((jittered == jittered[:, :, :1, :1, :1]).all())
    noise = drawn(noise=0.7)
    assert float(noise.std()) == pytest.approx(0.7, abs=5 * 0.7 / np.sqrt(2 * noise.numel()))
    level = 10.0 * material.stimulus[rows]
    share = float((drawn(drop=0.25) < -1).double().mean() / (level > 0).double().mean())
    assert share == pytest.approx(0.25, abs=5 * np.sqrt(0.19 / noise.numel()) + 0.01)
    whole = drawn(drop=0.25, dropped="channel") < -1
    assert bool((whole == whole[:, :, :1, :, :1]).all())
    gained = drawn(gain=0.1)
    assert bool((gained == gained[:, :, :1, :, :1]).all())
    assert float(gained.abs().max()) > 0


def test_borrowed_noise_has_the_covariance_within_stimuli():
    """20,000 differences of 40 people: the covariance of the people, within 5 %."""
    tensor = planted(3.0)
    tensor.values[:] = tensor.values @ np.array([[2.0, 1.0], [0.0, 0.5]], np.float32)
    material = material_of(tensor, RECIPE, None)
    recipe = Recipe(noise=0.0, drop=0.0, gain=0.0, jitter=False, borrowed=1.0, batch=100)
    batches = FoldBatches(material, torch.arange(360), recipe, seed=0, fold=0)
    drawn, out = [], torch.empty(100, 2, 4, 2)
    for _ in range(200):
        order = batches.order()[0]
        batches.fill(order, out)
        drawn.append(out - material.x[order, 0])
    differences = torch.cat(drawn).flatten(1).numpy()
    x = material.x[:, 0].flatten(1).numpy().reshape(N_SUBJECTS, 9, 16)
    residual = (x - x.mean(axis=0)).reshape(-1, 16)
    expected = residual.T @ residual / (9 * (N_SUBJECTS - 1))
    assert np.abs(differences.mean(axis=0)).max() < 0.1
    assert np.abs(np.cov(differences.T) - expected).max() < 0.05 * expected.max()


@pytest.mark.gpu
@pytest.mark.parametrize("network", ["mlp", "transformer"])
def test_a_gpu_changes_rounding_only(network):
    given = (planted(), split_of())
    recipe = replace(RECIPE, network=network)
    here, there = (train_planned(*given, Plan(recipe, 0, device=device)) for device in ("cpu", "cuda"))
    assert np.allclose(here.probability, there.probability, atol=1e-3, equal_nan=True)

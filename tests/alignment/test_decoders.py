"""Trained decoders compared: planted axes are found and their removal costs, exchanged ones are not and it does not."""

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import NearestCentroid

from consona.alignment.decoders import axis_strength, cell_patterns, confusion, subject_accuracy
from consona.alignment.ensembles import contributions, pool_gains, selected_accuracy
from consona.alignment.rediscovery import class_rediscovery, component_removal, residual_rediscovery
from consona.alignment.refitted import refitted_null, widened_p
from consona.alignment.saturation import saturation
from consona.alignment.strategy_effects import strategy_effects
from consona.alignment.transfer import axis_transfer, clip_cells
from consona.alignment.windows import by_window, single_windows, single_windows_split
from consona.core.errors import InvalidInput
from consona.stats.dose import planted_gains
from consona.stats.splits import stimulus_folds, subject_folds

EMOTIONS = np.repeat(["an", "di", "fe", "sa", "ne", "am", "in", "jo", "te"], 3)
NAMES = list(dict.fromkeys(EMOTIONS))
N_SUBJECTS, N_STIMULI, N_FEATURES, N_FOLDS = 12, len(EMOTIONS), 8, 3
COHORTS = np.repeat([1, 2], N_SUBJECTS // 2)
SUBJECTS = [f"s{i:02d}" for i in range(N_SUBJECTS)]
CLIPS = [f"c{i:02d}" for i in range(N_STIMULI)]


def trained(features, *, weight=None, accuracy=0.6, seed=0):
    """What a training gives, with these penultimate features and a head, or with answers that are right so often."""
    rng = np.random.default_rng(seed)
    fold = np.repeat((np.arange(N_SUBJECTS) % N_FOLDS)[:, None], N_STIMULI, axis=1)
    codes = np.array([NAMES.index(e) for e in EMOTIONS])
    head = rng.standard_normal((9, N_FEATURES)) if weight is None else weight
    if weight is None:
        right = rng.random((N_SUBJECTS, N_STIMULI)) < accuracy
        told = np.where(right, codes, rng.integers(0, 9, (N_SUBJECTS, N_STIMULI)))
        probability = 0.02 + 0.8 * np.equal.outer(told, np.arange(9)) + 0.01 * rng.random((N_SUBJECTS, N_STIMULI, 9))
    else:
        logits = features @ head.T
        probability = np.exp(logits - logits.max(-1, keepdims=True))
    probability = probability / probability.sum(-1, keepdims=True)
    return xr.Dataset(
        {
            "probability": (("snapshot", "subject", "stimulus", "emotion"), probability[None].astype(np.float32)),
            "features": (("subject", "stimulus", "feature"), features.astype(np.float32)),
            "weight": (("fold", "output", "feature"), np.repeat(head[None], N_FOLDS, axis=0)),
            "bias": (("fold", "output"), np.zeros((N_FOLDS, 9))),
            "tested_in": (("subject", "stimulus"), fold),
            "validation": (("fold", "epoch"), rng.random((N_FOLDS, 4))),
        },
        {
            "snapshot": [0],
            "subject": SUBJECTS,
            "stimulus": CLIPS,
            "emotion": NAMES,
            "output_emotion": ("output", NAMES),
            "stimulus_emotion": ("stimulus", EMOTIONS),
        },
    )


def axes_of(values):
    return xr.DataArray(np.atleast_2d(values), {"axis": ["planted"], "stimulus": CLIPS}, ("axis", "stimulus"))


def class_axis(rng):
    return rng.standard_normal(9)[[NAMES.index(e) for e in EMOTIONS]]


def tensor_of(values, *, n_windows=2, channels=("Fz", "Pz"), bands=("alpha",), emotions=EMOTIONS):
    """``values (n_subjects, n_stimuli, n_cells)``, the same in every window."""
    n_subjects, n_stimuli, _ = values.shape
    shaped = values.reshape(n_subjects, n_stimuli, 1, 1, len(channels), len(bands)).repeat(n_windows, axis=3)
    coords = {
        "subject": [f"s{i:02d}" for i in range(n_subjects)],
        "stimulus": [f"c{i:02d}" for i in range(n_stimuli)],
        "shift": [0.0],
        "window": np.arange(n_windows) * 5.0,
        "channel": list(channels),
        "band": list(bands),
        "emotion": ("stimulus", emotions),
        "cohort": ("subject", np.arange(n_subjects) % 2 + 1),
    }
    return xr.DataArray(
        shaped.astype(np.float32), coords, ("subject", "stimulus", "shift", "window", "channel", "band")
    )


def test_a_planted_axis_is_the_first_component_in_every_fold_and_an_exchanged_one_is_not():
    rng = np.random.default_rng(1)
    axis = class_axis(rng)
    features = rng.standard_normal((N_SUBJECTS, N_STIMULI, N_FEATURES))
    planted = trained(3 * axis[:, None] * np.eye(N_FEATURES)[0] + 0.2 * features)
    strength = axis_strength({"planted": planted}, axes_of(axis))
    assert strength.dims == ("axis", "model", "fold")
    assert (strength > 0.98).all()
    how = {"positive": ("am", "in"), "negative": ("an", "di"), "n_orders": 199, "seed": 0}
    found = class_rediscovery({"planted": planted}, axes_of(axis), **how)
    assert float(found["p_mean"][0]) == 1 / 200
    absent = class_rediscovery({"noise": trained(features)}, axes_of(axis), **how)
    assert float(absent["p_mean"][0]) > 0.05
    constant = residual_rediscovery({"planted": planted}, axes_of(axis), n_orders=49, seed=0)
    assert np.isnan(constant["score"]).all()  # a value per class says nothing within classes


def test_a_component_that_the_head_does_not_use_costs_nothing():
    rng = np.random.default_rng(2)
    within = rng.standard_normal(N_STIMULI)
    means = np.linalg.qr(rng.standard_normal((9, 9)))[0][:, : N_FEATURES - 1]
    features = np.zeros((N_SUBJECTS, N_STIMULI, N_FEATURES))
    features[..., 1:] = 2.0 * means[[NAMES.index(e) for e in EMOTIONS]]
    features += 0.3 * rng.standard_normal(features.shape)
    features[..., 0] += 0.5 * within
    blind = np.hstack([np.zeros((9, 1)), 3.0 * means])
    idle = component_removal({"idle": trained(features, weight=blind)}, within, n_orders=99, seed=0)
    assert abs(float(idle["drop"][0])) < 1e-9
    assert idle.attrs["p_orders"] > 0.5


def test_accuracy_confusion_and_patterns_are_those_of_the_answers():
    rng = np.random.default_rng(3)
    answers = trained(rng.standard_normal((N_SUBJECTS, N_STIMULI, N_FEATURES)), accuracy=0.7)
    share = confusion(answers)["share"]
    np.testing.assert_allclose(share.sum("predicted"), 1.0)
    # classes of equal size: the diagonal is the accuracy
    np.testing.assert_allclose(np.diag(share.values).mean(), subject_accuracy({"a": answers}).mean())
    positive = answers["probability"].sel(snapshot=0, emotion=["am", "in"]).sum("emotion").values
    cells = np.stack([positive, rng.standard_normal(positive.shape)], axis=-1)
    r = cell_patterns(answers, tensor_of(cells), ["am", "in"])["r"]
    assert float(r.sel(channel="Fz").item()) == pytest.approx(1.0, abs=1e-5)
    assert abs(float(r.sel(channel="Pz").item())) < 4 / np.sqrt(N_SUBJECTS * N_STIMULI)


def test_pools_gain_over_their_members_and_members_of_another_material_are_refused():
    rng = np.random.default_rng(4)
    features = rng.standard_normal((N_SUBJECTS, N_STIMULI, N_FEATURES))
    members = {f"m{k}": trained(features, accuracy=0.5, seed=k) for k in range(5)}
    copies = {f"k{k}": members["m0"] for k in range(5)}
    found = pool_gains({"seeds": members, "copies": copies}, reference="seeds", seed=0)
    assert float(found["gain"].sel(pool="seeds")) > 0.1  # independent errors are outvoted
    codes = np.array([NAMES.index(e) for e in EMOTIONS])
    told = np.mean([each["probability"].values[0] for each in members.values()], axis=0).argmax(-1)
    oracle = [balanced_accuracy_score(codes, own) for own in told]
    np.testing.assert_allclose(found["subject_accuracy"].sel(pool="seeds"), oracle)
    single = [
        [balanced_accuracy_score(codes, own) for own in m["probability"].values[0].argmax(-1)] for m in members.values()
    ]
    np.testing.assert_allclose(found["single"].sel(pool="seeds"), np.mean(single))
    assert float(found["gain"].sel(pool="copies")) == pytest.approx(0.0, abs=1e-12)
    assert float(found["beyond"].sel(pool="seeds")) == 0.0
    added = contributions(members, xr.DataArray(np.arange(5.0), {"model": list(members)}, ("model",)), seed=0)
    assert added.sizes["model"] == 5
    assert added.attrs["n"] == 5
    without = np.mean([members[f"m{k}"]["probability"].values[0] for k in range(4)], axis=0).argmax(-1)
    lost = np.mean(oracle) - np.mean([balanced_accuracy_score(codes, own) for own in without])
    assert float(added["contribution"].sel(model="m4")) == pytest.approx(lost)
    fold = np.arange(N_SUBJECTS) % N_FOLDS
    validated = np.array([each["validation"].values.max(axis=1) for each in members.values()])
    best = [np.argsort(-validated[:, k])[:2] for k in fold]
    picked = [
        np.mean([members[f"m{m}"]["probability"].values[0, i] for m in best[i]], axis=0) for i in range(N_SUBJECTS)
    ]
    expected = [balanced_accuracy_score(codes, each.argmax(-1)) for each in picked]
    np.testing.assert_allclose(selected_accuracy(members, size=2), expected)
    other = members["m1"].assign_coords(subject=[f"x{i}" for i in range(N_SUBJECTS)])
    with pytest.raises(InvalidInput, match="was tested on another subject"):
        pool_gains({"mixed": {"m0": members["m0"], "m1": other}}, reference="mixed", seed=0)
    with pytest.raises(InvalidInput, match="not among"):
        pool_gains({"seeds": members}, reference="absent", seed=0)


def test_effects_are_differences_of_the_same_people_and_seeds():
    rng = np.random.default_rng(5)
    base = xr.DataArray(rng.random((2, 40)), {"model": ["0", "1"], "subject": range(40)}, ("model", "subject"))
    harmed, twin = base - 0.05 + 0.01 * rng.standard_normal((2, 40)), base + 0.01 * rng.standard_normal((2, 40))
    found = strategy_effects(base, {"loss": harmed}, {"loss": twin}, folds=np.arange(40) % 10, seed=0)
    for reference, other in (("base", base), ("twin", twin)):
        expected = float((harmed - other).mean())
        assert float(found["effect"].sel(reference=reference, strategy="loss")) == pytest.approx(expected)
        assert float(found["p"].sel(reference=reference, strategy="loss")) < 0.001
    assert float(found["p_equal"].sel(reference="twin-base", strategy="loss")) < 0.001


def test_a_planted_threshold_is_claimed_and_a_constant_gain_is_not():
    x = np.linspace(0.1, 0.9, 9)
    strength = xr.DataArray(np.repeat(x[:, None, None], 3, axis=2), dims=("dose", "model", "fold"))
    plain = xr.DataArray(np.zeros((9, 1, 100)), {"dose": [str(i) for i in range(9)]}, ("dose", "model", "subject"))
    how = {"kinds": ["people"] * 9, "n_draws": 400, "seed": 0}
    planted = planted_gains(x, "saturating", gain=0.08, threshold=0.5, spread=0.03, seed=1)
    found = saturation(strength, plain, plain + planted[:, None], **how)
    assert found.attrs["threshold_low"] < 0.5 < found.attrs["threshold_high"]
    assert float(found["subject_slope"].mean()) == pytest.approx(found.attrs["slope"])
    constant = planted_gains(x, "constant", gain=0.08, spread=0.03, seed=1)
    none = saturation(strength, plain, plain + constant[:, None], **how)
    assert np.isnan(none.attrs["threshold"])
    assert none.attrs["failed"]


def test_windows_of_a_clip_come_back_to_their_clip_and_stay_on_its_side():
    rng = np.random.default_rng(6)
    tensor = tensor_of(rng.standard_normal((4, N_STIMULI, 2)), n_windows=3)
    tensor = tensor + xr.DataArray(np.arange(3.0), {"window": tensor["window"]}, ("window",)).astype(np.float32)
    tensor = tensor.transpose("subject", "stimulus", "shift", "window", "channel", "band")
    single = single_windows(tensor)
    assert single.sizes["stimulus"] == 3 * N_STIMULI
    assert single.sizes["window"] == 1
    np.testing.assert_array_equal(single.values[:, 4, 0, 0], tensor.values[:, 1, 0, 1])
    assert str(single["emotion"].values[4]) == EMOTIONS[1]
    split = single_windows_split(subject_folds(np.ones(4), 2, N_STIMULI, validation=1, seed=0), 3)
    assert split.train.shape == (2, 4, 3 * N_STIMULI)
    flat = xr.DataArray(
        np.arange(4 * 3 * N_STIMULI * 2.0).reshape(4, -1, 2),
        {"subject": range(4), "emotion": ["a", "b"]},
        ("subject", "stimulus", "emotion"),
    )
    back = by_window(flat, tensor)
    np.testing.assert_array_equal(back.values[:, 1, 1], flat.values[:, 4])


def test_an_axis_is_carried_to_the_other_corpus_where_both_hold_it():
    rng = np.random.default_rng(7)
    weights = rng.standard_normal(6)
    corpora, axes = [], []
    for n_subjects, emotions in (
        (8, np.repeat(["a", "b", "c", "d", "e"], 4)),
        (6, np.repeat(["a", "b", "c", "d", "e"], 6)),
    ):
        values = np.array([-1.5, -0.5, 0.0, 0.7, 1.3])[np.unique(emotions, return_inverse=True)[1]]
        noise = rng.standard_normal((n_subjects, len(emotions), 6))
        cells = values[:, None] * weights + noise
        corpora.append(tensor_of(cells, channels=("Fz", "Cz", "Pz"), bands=("alpha", "beta"), emotions=emotions))
        axes.append(values)
    found = axis_transfer(*corpora, *axes)
    assert (found["r"] > 0.9).all()
    assert (found["p"] <= 2 / 120).all()
    other = corpora[1].assign_coords(channel=["Fz", "Cz", "Oz"])
    with pytest.raises(InvalidInput, match="differ in channel"):
        axis_transfer(corpora[0], other, *axes)


def test_the_decoder_behind_the_null_is_the_nearest_centroid_and_its_p_counts_the_null():
    rng = np.random.default_rng(8)
    tensor = tensor_of(rng.standard_normal((N_SUBJECTS, N_STIMULI, 6)), channels=("a", "b", "c"), bands=("x", "y"))
    split = stimulus_folds(EMOTIONS, COHORTS, 3, n_subject_folds=2, validation=2, seed=0)
    cells, told = clip_cells(tensor), np.full((N_SUBJECTS, N_STIMULI), "  ")
    labels = np.broadcast_to(EMOTIONS, told.shape)
    for train, test in zip(split.train, split.test, strict=True):
        told[test] = NearestCentroid().fit(cells[train], labels[train]).predict(cells[test])
    oracle = np.mean([balanced_accuracy_score(EMOTIONS, own) for own in told])
    found = refitted_null(tensor, split, n_permutations=19, seed=0)
    assert found.attrs["observed"] == pytest.approx(oracle)
    null = np.array([0.0, 1.0, 2.0, 3.0])
    assert widened_p(2.5, null, 1.0) == 2 / 5
    assert widened_p(3.2, null, 1.0) == 1 / 5
    assert widened_p(3.2, null, 1.2) == 2 / 5  # 3 becomes 1.5 + 1.2 * 1.5 = 3.3


def test_the_null_of_new_clips_is_widened_as_refitting_asks_and_then_holds_its_level():
    split = stimulus_folds(EMOTIONS, COHORTS, 3, n_subject_folds=2, validation=2, seed=0)
    rejected = ratios = 0.0
    n_runs = 60
    for run in range(n_runs):
        rng = np.random.default_rng(run)
        clips = rng.standard_normal((N_STIMULI, 20))  # every clip has a pattern of its own, classes have none
        cells = clips + 0.5 * rng.standard_normal((N_SUBJECTS, N_STIMULI, 20))
        tensor = tensor_of(cells, n_windows=1, channels=tuple("abcdefghij"), bands=("alpha", "beta"))
        found = refitted_null(tensor, split, n_permutations=99, seed=run)
        ratios += found.attrs["ratio"] / n_runs
        rejected += widened_p(found.attrs["observed"], found["refitted"].values, 1.0) <= 0.05
    assert ratios > 1.05
    assert rejected <= 8  # 60 runs at .05: more than 8 with a probability of .002

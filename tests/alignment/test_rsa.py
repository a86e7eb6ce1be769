"""RSA finds a planted geometry, is calibrated without one, aligns by id, and reproduces figures of the 92 images."""

import numpy as np
import pytest

from consona.alignment.rsa import brain_rdm, layer_rdms, model_rdm, noise_precision, rsa_score
from consona.alignment.rsa_models import partial_rsa_score, rsa_contrasts, rsa_differences, weighted_rsa_score
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.core.score import Score
from consona.stats.crossnobis import mahalanobis_rdm
from consona.stats.rdm_comparison import compare_rdms

N = 24
IDS = np.array([f"s{i:02d}" for i in range(N)])
GROUPS = {name: f"g{i // 3}" for i, name in enumerate(IDS)}


def rdm_of(X, subject=""):
    return brain_rdm(Recording.of(X, IDS, subject)) if subject else model_rdm(Features.of(X, IDS))


@pytest.fixture
def world():
    """Two models; five brains that hold a noisy, rotated copy of the first."""
    rng = np.random.default_rng(0)
    held, other = rng.standard_normal((2, N, 40))
    copies = [held @ np.linalg.qr(rng.standard_normal((40, 40)))[0] + rng.standard_normal((N, 40)) for _ in range(5)]
    return {"held": rdm_of(held), "other": rdm_of(other)}, [rdm_of(X, f"sub-{k}") for k, X in enumerate(copies)]


def test_a_planted_geometry_is_found_and_another_is_not(world):
    models, brains = world
    score = rsa_score(models, brains, n_permutations=200, n_draws=200, seed=1)
    assert score.data.dims == ("subject", "attribute")
    assert score.null.sizes == {"permutation": 200, "subject": 5, "attribute": 2}
    facts = score.attrs
    assert facts["p"][0] == pytest.approx(1 / 201)
    assert facts["p"][1] > 0.05
    assert facts["low"][0] > 0 > facts["low"][1]
    # The held model is the truth: on average it reaches at least the lower bound, and no model exceeds the upper one.
    assert np.mean(facts["ceiling_lower"]) - 0.05 < facts["effect"][0] < np.mean(facts["ceiling_upper"])
    np.testing.assert_array_equal(score.ceiling, facts["ceiling_lower"])
    again = Score.from_xarray(score.to_xarray())
    assert again.attrs == facts


def test_p_is_uniform_without_an_effect():
    """Mean over 40 experiments of a uniform p: SE 0.046."""
    p = []
    for seed in range(40):
        X, *brains = np.random.default_rng(seed).standard_normal((3, N, 8))
        subjects = [rdm_of(each, f"sub-{k}") for k, each in enumerate(brains)]
        score = rsa_score({"m": rdm_of(X)}, subjects, groups=GROUPS, n_permutations=60, n_draws=0, seed=seed)
        p += score.attrs["p"]
    assert np.mean(p) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 40))
    assert np.mean(np.array(p) <= 0.1) < 0.1 + 4 * np.sqrt(0.09 / 40)


def test_groups_change_places_whole():
    """Stimuli of a group are alike on both sides for reasons of their own: single labels call that an effect."""
    rng = np.random.default_rng(3)
    p = {"single": [], "whole": []}
    for seed in range(25):
        both = [np.repeat(rng.standard_normal((8, 10)), 3, axis=0) + 0.3 * rng.standard_normal((N, 10)) for _ in "ab"]
        model, brain = rdm_of(both[0]), rdm_of(both[1], "sub-0")
        for name, groups in (("single", None), ("whole", GROUPS)):
            score = rsa_score({"m": model}, [brain], groups=groups, n_permutations=99, n_draws=0, seed=seed)
            p[name] += score.attrs["p"]
    assert np.mean(np.array(p["single"]) <= 0.05) > 0.5
    assert np.mean(np.array(p["whole"]) <= 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 25)


def test_stimuli_are_aligned_by_id_and_others_refused(world):
    models, brains = world
    order = np.random.default_rng(1).permutation(N)
    shuffled = RDM.of_matrix(
        brains[1].matrix()[np.ix_(order, order)], IDS[order], metric="correlation", subject="sub-1"
    )
    given = rsa_score(models, [brains[0], shuffled], n_permutations=0, n_draws=0)
    np.testing.assert_array_equal(given.data, rsa_score(models, brains[:2], n_permutations=0, n_draws=0).data)
    assert given.null is None
    fewer = RDM.of_matrix(brains[1].matrix()[1:, 1:], IDS[1:], metric="correlation", subject="sub-9")
    with pytest.raises(InvalidInput, match="24 stimuli and The RDM of 'sub-9' 23"):
        rsa_score(models, [brains[0], fewer])
    with pytest.raises(InvalidInput, match="'sub-0' occur more than once"):
        rsa_score(models, [brains[0], brains[0]])
    with pytest.raises(InvalidInput, match="1 of 24 stimuli have no group: 's00'"):
        rsa_score(models, brains, groups={name: group for name, group in GROUPS.items() if name != "s00"})
    with pytest.raises(InvalidInput, match="0 models and 5 RDMs"):
        rsa_score({}, brains)


def test_rdms_of_recordings_leave_out_missing_targets_and_noise_where_they_can():
    rng = np.random.default_rng(2)
    signal = rng.standard_normal((N, 30))
    values = signal + rng.standard_normal((4, N, 30)) * np.linspace(0.2, 2, 30)
    values[2, 5] = np.nan  # one repetition of one stimulus
    gone = np.concatenate([values, np.full((4, N, 2), np.nan)], axis=2)
    whole, with_gap = (Recording.of(each, IDS, "sub-0") for each in (values, gone))
    for metric in ("correlation", "squared euclidean", "crossnobis"):
        both = (brain_rdm(each, metric=metric).data for each in (whole, with_gap))
        np.testing.assert_allclose(*both, atol=1e-14)
    precision = noise_precision(with_gap)
    variance = np.linspace(0.2, 2, 30) ** 2
    # Shrinkage keeps the sum of variances: 95 rows x 30 targets know it to about 5 %.
    assert np.trace(np.linalg.inv(precision)) == pytest.approx(variance.sum(), rel=0.15)
    truth = mahalanobis_rdm(signal, precision)
    found = {m: brain_rdm(whole, metric=m, precision=precision).data.values for m in ("crossnobis", "mahalanobis")}
    for each in found.values():
        assert compare_rdms(each[None], truth[None], comparison="pearson")[0, 0] > 0.7
    lifted = 2 / 4 * np.trace(precision * variance) / 30  # the noise of two means over four repetitions
    assert found["crossnobis"].mean() == pytest.approx(truth.mean(), rel=0.1)
    assert found["mahalanobis"].mean() == pytest.approx(truth.mean() + lifted, rel=0.1)
    with pytest.raises(InvalidInput, match="crossnobis needs two repetitions"):
        brain_rdm(Recording.of(signal, IDS, "sub-0"), metric="crossnobis")
    with pytest.raises(InvalidInput, match="repeats no stimulus"):
        noise_precision(Recording.of(signal, IDS, "sub-0"))
    with pytest.raises(InvalidInput, match="patterns are constant or missing"):
        rdm_of(np.ones((N, 3)))
    layers = layer_rdms(Features.of(rng.standard_normal((N, 3, 5)), IDS), metric="cosine")
    assert list(layers) == ["layer 0", "layer 1", "layer 2"]


def test_a_missing_pair_is_counted_and_an_undefined_model_stays_nan(world):
    models, brains = world
    gap = brains[0].data.copy()
    gap[4] = np.nan
    constant = RDM.of_matrix(1 - np.eye(N), IDS, metric="category")
    given = [RDM(gap, "correlation", "sub-0"), *brains[1:]]
    score = rsa_score({**models, "constant": constant}, given, n_permutations=20, n_draws=20)
    assert score.attrs["n_missing_pairs"] == 1
    assert score.n_undefined == score.attrs["n_undefined"] == 5
    assert np.isfinite([score.attrs["p"][0], score.attrs["p_corrected"][0], score.attrs["low"][0]]).all()


def test_differences_of_models_have_intervals(world):
    models, brains = world
    twin = {"held": models["held"], "other": models["other"], "twin": models["held"]}
    found = rsa_differences(twin, brains, n_draws=200)
    assert found["first"].values.tolist() == ["held", "held", "other"]
    assert float(found["low"][0]) > 0
    assert float(found["difference"][1]) == 0
    assert float(found["high"][2]) < 0
    one = rsa_differences(models, brains[:1], n_draws=100)
    assert one.attrs["over"] == "stimuli"
    with pytest.raises(InvalidInput, match="'kendall tau-a'"):
        rsa_differences(models, brains, comparison="kendall tau-a")


def test_what_is_shared_beyond_another_rdm():
    """Brains hold a and b; c is a with noise: beyond a it has nothing, b beyond a everything."""
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, N, 30))
    models = {"b": rdm_of(b), "c": rdm_of(a + 0.7 * rng.standard_normal((N, 30)))}
    brains = [rdm_of(np.hstack([a, b]) + rng.standard_normal((N, 60)), f"sub-{k}") for k in range(4)]
    plain = rsa_score(models, brains, n_permutations=99, n_draws=0)
    beyond = partial_rsa_score(models, brains, given={"a": rdm_of(a)}, n_permutations=99)
    assert np.max(plain.attrs["p"]) < 0.05
    assert beyond.attrs["p"][0] == 0.01
    assert beyond.attrs["p"][1] > 0.05
    assert beyond.attrs["low"][0] > 0
    with pytest.raises(InvalidInput, match="No RDM is given"):
        partial_rsa_score(models, brains, given={})


def test_weighted_models_are_fitted_on_others_and_refitted_under_the_null(world):
    models, brains = world
    score = weighted_rsa_score(models, brains, groups=GROUPS, n_permutations=19)
    assert score.attrs["weights"]["held"] > 5 * score.attrs["weights"]["other"]
    assert score.attrs["p"] == pytest.approx(0.05)
    assert score.null.sizes == {"permutation": 19, "subject": 5}
    assert "leave-one-subject-out" in score.cv
    with pytest.raises(InvalidInput, match="make no two folds"):
        weighted_rsa_score(models, brains, groups=dict.fromkeys(IDS, "all"))


@pytest.mark.data
def test_figures_of_the_92_images(data_folder):
    """Mean of the eight RDMs of human IT (four people measured twice), Spearman, from the notes on the data."""
    from consona.datasets.rsa92 import load_rsa92, load_rsa92_models

    folder = data_folder / "rsa92"
    brains, models = load_rsa92(folder).rdms, load_rsa92_models(folder)
    mean = RDM(sum(rdm.data for rdm in brains) / len(brains), "correlation", "mean of four")
    published = {"animacy": 0.588, "monkeyIT": 0.439, "FaceBodyManmadeNatobj": 0.405, "V1": 0.039}
    chosen = {name: models[name] for name in published}
    score = rsa_score(chosen, [mean], comparison="spearman", n_permutations=0, n_draws=0)
    np.testing.assert_allclose(score.data.values[0], list(published.values()), atol=5e-4)
    group = rsa_score(chosen, brains, n_permutations=99, n_draws=100)
    assert group.attrs["p"][0] == 0.01
    assert group.attrs["effect"][0] > group.attrs["effect"][3]
    assert max(group.attrs["effect"]) < np.mean(group.attrs["ceiling_upper"])


def test_contrasts_of_means_weigh_the_same_draws(world):
    models, brains = world
    twin = {**models, "twin": models["other"]}
    pair = rsa_differences(twin, brains, n_draws=200).isel(pair=0)
    weights = {"alone": {"held": 1.0, "other": -1.0}, "mean": {"held": 1.0, "other": -0.5, "twin": -0.5}}
    found = rsa_contrasts(twin, brains, weights, n_draws=200)
    for name in ("difference", "error", "low", "high", "p"):
        np.testing.assert_allclose(found[name].values, float(pair[name]), rtol=1e-10)
    with pytest.raises(InvalidInput, match="'none of these'"):
        rsa_contrasts(twin, brains, {"x": {"none of these": 1.0}})

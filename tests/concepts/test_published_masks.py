"""Published masks analysed again: figures as published, links found where planted and not where there are none."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import pearsonr, spearmanr, ttest_1samp, ttest_ind

from consona.concepts.published_concepts import agreement_link, concept_figures
from consona.concepts.published_masks import (
    COVARIATES,
    MEAN,
    OWN,
    attribute_drops,
    attribute_level_link,
    emotion_level_link,
    layer_link,
    masks_compared,
    one_draw,
)
from consona.core.errors import InvalidInput
from consona.datasets.emotion_concepts import attribute_scores, load_emotion_raters, load_masking_tables

N_EMOTIONS, N_ATTRIBUTES, N_LAYERS = 27, 14, 12


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def made_up(rng, *, cost=None, importance=None, luck=0.01, share=None, sizes=(4000,)):
    """Tables of masks: every attribute costs what ``cost`` says, every random mask what its luck says."""
    cost = 0.05 * rng.standard_normal(N_ATTRIBUTES) if cost is None else cost
    importance = rng.uniform(0, 0.6, N_ATTRIBUTES) if importance is None else importance
    share = rng.dirichlet(np.full(N_LAYERS, 5.0), N_ATTRIBUTES) if share is None else share
    random = 0.75 - luck * rng.exponential(size=(len(sizes), N_ATTRIBUTES))
    selective = np.tile(0.75 - cost, (len(sizes), 1))
    drop = random[-1] - selective[-1] + 0.02 * rng.standard_normal((N_EMOTIONS, N_ATTRIBUTES))
    return xr.Dataset(
        {
            "accuracy": (("kind", "n", "attribute"), np.stack([selective, random])),
            "drop": (("emotion", "attribute"), drop),
            "importance": ("attribute", importance),
            "n_neurons": (("attribute", "layer"), np.round(4000 * share)),
        },
        {
            "kind": ["selective", "random"],
            "n": list(sizes),
            "attribute": [f"attribute{k}" for k in range(N_ATTRIBUTES)],
            "emotion": [f"emotion{k}" for k in range(N_EMOTIONS)],
            "layer": np.arange(N_LAYERS),
        },
    )


def test_links_and_masks_are_those_of_scipy(rng):
    tables = made_up(rng, sizes=(2000, 4000), luck=0.03)
    emotions = emotion_level_link(tables, n_permutations=99, seed=0)
    r = [pearsonr(row, tables["importance"]).statistic for row in tables["drop"].values]
    np.testing.assert_allclose(emotions["r"], r, atol=1e-12)
    oracle = ttest_1samp(np.arctanh(r), 0.0)
    assert (emotions["t"], emotions["p"]) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-9)
    interval = np.tanh(oracle.confidence_interval(0.95))
    np.testing.assert_allclose([emotions["low"], emotions["high"]], interval, atol=1e-12)
    links = attribute_level_link(tables, n_permutations=99, seed=0)
    for name, n in ((OWN, 2000), (MEAN, 4000)):
        drop = attribute_drops(tables).sel(against=name, n=n)
        found = links.sel(against=name, n=n)
        assert found["r"] == pytest.approx(pearsonr(drop, tables["importance"]).statistic, abs=1e-8)
        assert found["rho"] == pytest.approx(spearmanr(drop, tables["importance"]).statistic, abs=1e-8)
    selective, random = (tables["accuracy"].sel(kind=kind, n=4000) for kind in ("selective", "random"))
    masks = masks_compared(tables).sel(n=4000)
    oracle = ttest_ind(selective, random, equal_var=False, alternative="less")
    assert (masks["t"], masks["p"]) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert masks["n_below"] == (selective < random.min()).sum()
    assert (masks["low"], masks["sd"]) == pytest.approx((random.values.min(), random.values.std(ddof=1)))


def test_a_planted_link_is_found_at_every_level_and_size(rng):
    importance = np.linspace(0.0, 0.6, N_ATTRIBUTES)
    tables = made_up(rng, cost=0.3 * importance, importance=importance, sizes=(2000, 3000, 4000))
    links = attribute_level_link(tables, n_permutations=999, seed=1)
    # Luck has an SD of .01 and the planted drops one of .055: r is about .98 against the own mask, 1 against the mean.
    assert (links["r"].sel(against=OWN) > 0.9).all()
    assert (links["r"].sel(against=MEAN) == pytest.approx(1.0)).all()
    assert (links["p"] == pytest.approx(1 / 1000)).all()
    assert (links["p_any"] == pytest.approx(1 / 1000)).all()
    assert (links["leave_one_out"] > 0.9).all()
    found = emotion_level_link(tables, n_permutations=999, seed=1)
    assert found["p_exchanged"] == pytest.approx(1 / 1000)
    given = layer_link(tables, n_permutations=999, seed=1)
    assert given["covariate"].values.tolist() == list(COVARIATES)
    assert (given["p"] < 0.01).all()


def test_masks_shared_by_all_emotions_make_the_t_test_see_links_that_are_not_there():
    """80 sets of masks that cost at random: one point per attribute keeps .05, the t-test over emotions does not."""
    p, naive, exchanged = [], [], []
    for seed in range(80):
        tables = made_up(np.random.default_rng(seed))
        p.append(attribute_level_link(tables, n_permutations=99, seed=seed)["p"].sel(against=OWN).item())
        emotions = emotion_level_link(tables, n_permutations=99, seed=seed)
        naive.append(emotions["p"].item())
        exchanged.append(emotions["p_exchanged"].item())
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)  # three standard errors of a share of 80
    assert np.mean(np.array(p) <= 0.05) < most
    assert np.mean(np.array(exchanged) <= 0.05) < most
    assert np.mean(np.array(naive) < 0.05) > 0.6
    # The test says so of itself, from one set of masks.
    assert emotion_level_link(made_up(np.random.default_rng(0)), seed=0)["share_significant"] > 0.6


def test_a_link_that_is_where_the_neurons_lie_is_gone_given_the_layers(rng):
    early = np.linspace(0.0, 1.0, N_ATTRIBUTES)[:, None]
    share = early * np.linspace(2, 0, N_LAYERS) / N_LAYERS + (1 - early) / N_LAYERS
    by_layer = 0.2 * early[:, 0]
    importance = early[:, 0] + 0.1 * rng.standard_normal(N_ATTRIBUTES)
    cost = by_layer + 0.01 * rng.standard_normal(N_ATTRIBUTES)
    links = layer_link(made_up(rng, cost=cost, importance=importance, share=share), n_permutations=999, seed=2)
    assert links["p"].sel(against=MEAN, covariate="none") < 0.01
    assert (links["p"].sel(against=MEAN).drop_sel(covariate="none") > 0.05).all()
    assert links["drop_r"].sel(against=MEAN, layer=0) > 0.95
    assert links["drop_r"].sel(against=MEAN, layer=N_LAYERS - 1) < -0.95
    assert links["p_layer"].sel(against=MEAN, layer=0) == pytest.approx(1 / 1000)


def test_one_unlucky_random_mask_is_told_from_a_drop(rng):
    tables = made_up(rng, cost=np.full(N_ATTRIBUTES, 0.02), luck=0.0)
    tables["accuracy"].loc[{"kind": "random", "attribute": "attribute3"}] -= 0.14
    drawn = one_draw(tables)
    assert drawn["drop"].sel(attribute="attribute3") == pytest.approx(-0.12)
    assert drawn["luck"].sel(attribute="attribute3") == pytest.approx(-0.14 * 13 / 14)
    assert drawn["rank"].sel(attribute="attribute3") == 1
    np.testing.assert_allclose(drawn["drop"] - drawn["luck"], drawn["drop_mean"])
    assert drawn.attrs["variance_share"] == pytest.approx(1.0)


def test_tables_that_lack_something_are_refused(rng):
    tables = made_up(rng)
    for function, lacking in ((attribute_level_link, "importance"), (layer_link, "n_neurons")):
        with pytest.raises(InvalidInput, match=f"The tables lack '{lacking}'"):
            function(tables.drop_vars(lacking), seed=0)
    with pytest.raises(InvalidInput, match="no masks of 77 neurons; there are those of '4000'"):
        one_draw(tables, n=77)
    with pytest.raises(InvalidInput, match="both selective and random"):
        masks_compared(tables.where(tables["kind"] == "random"))
    with pytest.raises(InvalidInput, match="The tables lack 'kappa'"):
        agreement_link(tables)
    scores = xr.DataArray(rng.uniform(size=(5, 2)), {"attribute": ["a", "b"]}, ("emotion", "attribute"))
    with pytest.raises(InvalidInput, match="5 emotions have 10"):
        concept_figures(rng.uniform(size=(3, 15)), scores, seed=0)


def test_attributes_that_people_weigh_explain_their_similarities(rng):
    scores = xr.DataArray(rng.uniform(size=(12, 3)), {"attribute": ["a", "b", "c"]}, ("emotion", "attribute"))
    i, j = np.triu_indices(12, 1)
    A = np.abs(scores.values[i] - scores.values[j])
    found = concept_figures((A @ [3.0, 1.0, 0.0])[None] + 1e-3 * rng.standard_normal((8, 66)), scores, seed=0)
    assert found["r2"] == pytest.approx(1.0, abs=1e-4)
    assert found["tau"].values.argmax() == 0
    assert found["split_half"] > 0.999
    noise = concept_figures(rng.standard_normal((8, 66)), scores, seed=0)
    assert noise["r2"] < 0.2  # three free weights for 66 pairs: 3/65 on average
    assert abs(noise["split_half"]) < 0.4


@pytest.mark.data
def test_the_published_figures_come_out_of_the_tables(data_folder):
    tables = load_masking_tables(data_folder / "emotion_concepts")
    emotions = emotion_level_link(tables, seed=0)
    assert emotions["mean_r"] == pytest.approx(0.474, abs=5e-4)
    assert emotions["t"] == pytest.approx(16.92, abs=5e-3)
    assert (emotions["low"], emotions["high"]) == pytest.approx((0.424, 0.521), abs=5e-4)
    assert emotions["p"] == pytest.approx(1.5e-15, rel=0.02)
    np.testing.assert_allclose(emotions["r"], tables["link_r"], atol=5.1e-3)
    masks = masks_compared(tables)
    assert masks["p"].sel(n=[2000, 3000, 4000]).values == pytest.approx([0.037, 0.5005, 0.106], abs=5.1e-4)
    np.testing.assert_allclose(
        masks["selective"], [0.7727, 0.7588, 0.7472, 0.7363, 0.6993, 0.6580, 0.6349], atol=5.1e-5
    )
    np.testing.assert_allclose(masks["random"], [0.7855, 0.7854, 0.7691, 0.7363, 0.7280, 0.6780, 0.6617], atol=5.1e-5)
    declared = masks.sel(n=4000)
    assert (declared["sd"], declared["low"], declared["high"]) == pytest.approx((0.048, 0.591, 0.776), abs=5.1e-4)
    assert declared["n_below"] == 1
    drops = 100 * attribute_drops(tables).sel(n=4000, against=OWN).values
    printed = [-15.1, 12.3, 19.0, -0.3, -0.6, 7.2, -3.0, -6.0, 11.8, 9.0, -3.6, 0.2, 2.6, 6.7]
    np.testing.assert_allclose(drops, printed, atol=0.06)
    agreement = agreement_link(tables)
    assert agreement["r"].values == pytest.approx([0.797, 0.632], abs=5.1e-4)
    assert agreement["baseline"] == pytest.approx(0.8318, abs=5e-5)
    raters = load_emotion_raters(data_folder / "model_emotion")
    human = np.array([rdm.data.values for rdm in raters.rdms])
    people = concept_figures(human, attribute_scores(raters, raters.stimuli.ids), seed=0)
    np.testing.assert_allclose(people["tau"], tables["importance"], atol=2e-3)
    assert people["tau"].sel(attribute="valence") == pytest.approx(0.5865, abs=5e-5)
    assert (people["r2"], people["split_half"]) == pytest.approx((0.804, 0.976), abs=6e-4)
    assert (people["reliability"], people["spearman"]) == pytest.approx((0.988, 0.740), abs=5e-4)
    assert (people["spearman_upper"], people["kendall"]) == pytest.approx((0.749, 0.588), abs=5e-4)


@pytest.mark.data
def test_with_the_right_unit_the_published_link_is_at_the_edge(data_folder):
    tables = load_masking_tables(data_folder / "emotion_concepts")
    emotions = emotion_level_link(tables, seed=0)
    assert emotions["share_significant"] > 0.8
    assert emotions["p_exchanged"] == pytest.approx(0.05, abs=0.01)
    links = attribute_level_link(tables, seed=0)
    assert links["r"].sel(n=4000).values == pytest.approx([0.527, 0.548], abs=1e-3)
    assert (links["p_any"] > 0.05).all()
    assert links["leave_one_out"].sel(n=4000, attribute="happy-face").max() < 0.4
    given = layer_link(tables, seed=0)
    assert (given["p"].drop_sel(covariate="none") > 0.05).all()
    arousal = one_draw(tables).sel(attribute="arousal")
    assert (arousal["drop"], arousal["luck"]) == pytest.approx((-0.151, -0.137), abs=1e-3)

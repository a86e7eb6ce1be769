"""Planted valence is read out of unseen clips; clip identity alone fools only the null that does not refit."""

import numpy as np
import pytest

from consona.alignment.cells import cell_map
from consona.alignment.controls import (
    class_decoding,
    cohort_projection,
    controlled_projection,
    readout_reliability,
    within_levels,
)
from consona.alignment.projection import goals_of, projection
from consona.alignment.reliability import rating_reliability
from consona.alignment.responses import responses, subject_folds
from consona.alignment.scores import projection_score
from consona.alignment.scrutiny import scrutiny
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.recording import Recording
from consona.core.score import Score
from consona.datasets.texts import load_rated
from consona.datasets.twins import faced_ratings_twin, faced_twin
from consona.stats.permutation import all_orders


def goals():
    rated = load_rated()
    code = np.asarray(rated["valence_code"], dtype=float)
    return goals_of({"rated valence": rated["rated_valence"], "three-level code": code}, rated.ids)


def twin(plant, strength=0.4, seed=0):
    return faced_twin(plant, n_subjects=12, strength=strength, seed=seed)


@pytest.fixture(scope="module")
def planted():
    return projection(twin("valence"), goals(), hold_out="clip")


@pytest.fixture(scope="module")
def absent():
    return projection(twin("none"), goals(), hold_out="clip")


def test_planted_valence_is_found_on_new_clips(planted):
    one = planted.sel(goal="rated valence")
    assert float(one["r"]) > 0.8
    assert float(one["p"].sel(null="class block")) <= 0.001
    assert float(one["low"]) > 0
    assert "one clip held out" in planted.attrs["cv"]


def test_new_emotions_too():
    score = projection(twin("valence", 0.8), goals(), hold_out="emotion")
    assert float(score["p"].sel(goal="rated valence", null="class block")) <= 0.01


def test_nothing_is_found_where_nothing_is(absent):
    assert float(absent["p"].sel(goal="rated valence", null="class block")) > 0.05


def test_clip_identity_alone_is_no_valence():
    """New people, same clips: r is high because the clip is known; the refitted null is as high."""
    score = projection(twin("clip", 2.0), goals(), hold_out="subject").sel(goal="rated valence")
    assert float(score["null_mean"].sel(null="class block")) > 0.3
    assert float(score["p"].sel(null="class block")) > 0.05


def test_the_exact_p_counts_all_orders(planted):
    p = float(planted["p"].sel(goal="rated valence", null="class block"))
    assert p * 362_880 == pytest.approx(round(p * 362_880), abs=1e-6)
    assert planted["null_counts"].sel(goal="rated valence").sum() == 362_880


def test_class_means_and_distinct_values_are_counted(planted):
    assert planted["n_values"].sel(goal="three-level code") == 3
    assert abs(float(planted["r_classes"].sel(goal="rated valence"))) <= 1


def test_the_edge_of_the_grid_is_counted(planted):
    lost = projection(twin("none"), goals(), hold_out="emotion")
    assert (lost["alpha_highest"] > 0.2).all()
    assert (planted["alpha_highest"] < 0.2).all()


def test_orders_within_levels():
    rated = load_rated()
    levels = np.asarray(rated["valence_code"], dtype=float)
    orders = within_levels(rated["emotion"], levels)
    assert len(orders) == 24 * 24
    of_class = levels[np.unique(rated["emotion"], return_index=True)[1]]
    every = all_orders(9)
    np.testing.assert_array_equal(orders, every[(of_class[every] == of_class).all(axis=1)])


def test_controls_have_a_value_for_every_other_goal():
    rated = load_rated()
    values = np.asarray(rated["rated_valence"])
    more = goals_of(
        {
            "axis": values + np.linspace(0, 0.1, 28),
            **{str(n): goals().sel(goal=n).values for n in goals()["goal"].values},
        },
        rated.ids,
    )
    found = controlled_projection(twin("valence"), more, hold_out="clip")
    assert found["goal"].values.tolist() == ["axis", "rated valence"]
    assert np.isfinite(found["p"].sel(goal="axis")).all()
    assert np.isnan(found["p"].sel(goal="rated valence", control="given rated valence"))
    with pytest.raises(InvalidInput, match="three-level code"):
        controlled_projection(twin("valence"), more.sel(goal=["axis"]), hold_out="clip")


def test_every_cohort_alone():
    found = cohort_projection(twin("valence", 0.8), goals(), hold_out="clip")
    assert found["n_subjects"].values.tolist() == [6, 6]
    assert (found["p"].sel(goal="rated valence") <= 0.05).all()


def test_folds_hold_both_cohorts_evenly():
    cohorts = np.array(["1"] * 13 + ["2"] * 8)
    folds = subject_folds(cohorts, seed=0)
    for cohort in "12":
        counts = np.bincount(folds[cohorts == cohort], minlength=10)
        assert counts.max() - counts.min() <= 1


def test_class_labels_are_decoded_from_seen_clips_and_undefined_for_unseen_emotions():
    seen = class_decoding(twin("clip", 2.0), hold_out="subject")
    assert float(seen["null_mean"]) > 0.4  # any labelling of known clips can be decoded, not only the true one
    absent = class_decoding(twin("none"), hold_out="subject")
    # 500 labellings of 28 clips, each right with 1/9: the mean has an SE below .006
    assert float(absent["null_mean"]) == pytest.approx(1 / 9, abs=0.03)
    assert np.isnan(float(class_decoding(twin("clip"), hold_out="emotion")["accuracy"]))


def test_scrutiny_asks_every_question_of_one_readout(absent):
    families = {"random": np.random.default_rng(0).normal(size=(50, 28))}
    found = scrutiny(twin("none"), goals(), families, hold_out="clip")
    assert found["families"]["random"].shape == (50,)
    np.testing.assert_array_equal(found["score"]["p"].values, absent["p"].values)
    score = projection_score(found["score"], found["reliability"])
    assert score.attrs["held_out"] == "clip"
    assert len(score.attrs["folds"]) == 28
    assert all(not set(fold["train"]) & set(fold["test"]) for fold in score.attrs["folds"])
    assert isinstance(score, Score)


def test_reliability_follows_the_planted_signal():
    strong = readout_reliability(twin("valence", 0.8), goals(), hold_out="clip")["reliability"]
    weak = readout_reliability(twin("none"), goals(), hold_out="clip")["reliability"]
    assert float(strong.sel(goal="rated valence")) > 0.8 > float(weak.sel(goal="rated valence"))


def test_behavioural_reliability_is_that_of_the_ratings():
    ratings = faced_ratings_twin(n_subjects=24)
    expected = ratings.truth["valence_reliability"]
    assert float(rating_reliability(ratings, item="valence")["reliability"]) == pytest.approx(expected, abs=0.02)
    with pytest.raises(InvalidInput, match="'boredom' was not rated"):
        rating_reliability(ratings, item="boredom")


def test_cells_find_the_strongest_one_and_correct_for_all():
    data = twin("valence", 0.8)
    found = cell_map(data, load_rated()["rated_valence"])
    channel, band = data.truth["strongest"].split()
    assert abs(float(found["r"].sel(channel=channel, band=band))) > 0.9
    assert float(found["p_max"].sel(channel=channel, band=band)) <= 0.01
    assert (found["p_max"].values >= found["p"].values - 1e-12).all()
    none = cell_map(twin("none"), load_rated()["rated_valence"])
    assert float(none["p_max"].min()) > 0.05


def _changed(data, change):
    first = data.recordings[0]
    values = first.data.copy(deep=True)
    return Dataset(data.stimuli, (change(first, values), *data.recordings[1:]), data.name, "1", "", "")


def test_a_missing_target_is_left_out_and_counted():
    def without_target(first, values):
        values[:, :, 5] = np.nan
        return Recording(values, first.subject, first.attrs)

    data = responses(_changed(twin("none"), without_target))
    assert data.dropped == (5,)
    assert data.values.shape == (12, 28, 159)


def test_a_subject_without_some_clips_is_refused():
    with pytest.raises(InvalidInput, match="28 stimuli and recording 'sub000' 25; 25 are shared"):
        responses(_changed(twin("none"), lambda first, values: Recording(values[:, :25], first.subject, first.attrs)))


def test_goals_in_another_order_are_aligned_by_id_and_others_refused(planted):
    mixed = goals().isel(stimulus=np.random.default_rng(0).permutation(28))
    again = projection(twin("valence"), mixed, hold_out="clip")
    np.testing.assert_array_equal(again["r"].values, planted["r"].values)
    with pytest.raises(InvalidInput, match="28 stimuli and goals 27; 27 are shared"):
        projection(twin("none"), goals().isel(stimulus=slice(1, None)), hold_out="clip")


def test_mean_rows_cannot_hold_out_subjects():
    with pytest.raises(InvalidInput, match="at least 3 subjects"):
        projection(twin("none"), goals(), hold_out="subject", rows="cohort mean")

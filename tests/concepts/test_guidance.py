"""A planted answer is found in held-out forms and a confound is not; no label of a tested item enters anything."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.concepts.guidance import mean_shift, published_guidance, published_random, shift_directions
from consona.concepts.guidance_controls import (
    ANOTHER,
    CONDITIONS,
    GAUSSIAN,
    LABEL,
    OTHERS,
    OWN,
    PERMUTED,
    RANDOM,
    RESPONSE_TIME,
    gaussian_brain,
    guides,
    number_brain,
    permuted_similarity,
)
from consona.concepts.guidance_design import NestedDesign, asked_margins
from consona.concepts.guidance_dose import best_strength, dose_response
from consona.concepts.guidance_effects import NO_GUIDANCE, guidance_effects, guidance_flips
from consona.concepts.guidance_nested import nested_guidance
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.stats.guidance_ascent import Ascent

LAYERS, WIDTH, PEOPLE, VOXELS = 2, 12, 3, 30
DESIGN = NestedDesign.quick(((0,), (0, 1)))
FEW = {OWN: 1, PERMUTED: 3, RANDOM: 1}


def made_problems():
    """Two kinds of eight forms, 36 items each, two thirds of them true, as in ds003076."""
    rows = [
        {"kind": kind, "label": label, "form": f"{kind} {n} {label} {negated}", "text": "x"}
        for kind in ("syllogism", "transitive")
        for n in (2, 3)
        for label in (True, False)
        for negated in (False, True)
        for _ in range(9 if label and not negated else 3)
    ]
    return Stimuli(pd.DataFrame(rows, index=[f"p{i:02d}" for i in range(len(rows))]))


PROBLEMS = made_problems()
LABELS, KINDS = PROBLEMS["label"], PROBLEMS["kind"]


class Linear:
    """A model whose margin is linear in its states: ``w . (r + d)``, right about two times in three."""

    def __init__(self, seed=0):
        rng, sign = np.random.default_rng(seed), np.where(LABELS, 1.0, -1.0)
        self.w = rng.normal(size=(LAYERS, WIDTH)) / np.sqrt(LAYERS * WIDTH)
        states = rng.normal(size=(len(LABELS), LAYERS, WIDTH)) + 3 * rng.normal(size=(LAYERS, WIDTH))
        along = self.w / (self.w**2).sum()
        self.states = states + 0.5 * sign[:, None, None] * along
        self.margins = np.einsum("nld,ld->n", self.states, self.w)
        self.margins -= self.margins.mean() - 0.5 * sign.mean()
        self.n, self.asked = 0, []

    def __call__(self, shifts):
        place = [PROBLEMS.ids.tolist().index(name) for name in shifts["stimulus"].values]
        self.n += shifts.sizes["variant"] * shifts.sizes["stimulus"]
        self.asked.append(shifts.values)
        weights = self.w[shifts["layer"].values]
        moved = np.einsum("vnld,ld->vn", shifts.values.astype(float), weights) + self.margins[place]
        return xr.DataArray(moved, {"stimulus": shifts["stimulus"].values}, ("variant", "stimulus"))


def brains(plant, seed=0):
    """Patterns: a mean, noise, kind and response time; with "answer" also what a right solver would have answered."""
    rng, n = np.random.default_rng(seed + 100), len(LABELS)
    times, S = rng.normal(size=(PEOPLE, n)), []
    for k in range(PEOPLE):
        Y = 2 * rng.normal(size=VOXELS) + rng.normal(size=(n, VOXELS))
        Y += np.outer(KINDS == "transitive", rng.normal(size=VOXELS)) + np.outer(times[k], rng.normal(size=VOXELS))
        if plant == "answer":
            solved = np.where(LABELS, 1.5, -1.5) + 0.3 * rng.normal(size=n)
            Y += 1.5 * np.outer(solved, rng.normal(size=VOXELS))
        S.append(Y @ Y.T)
    names = [f"s{k}" for k in range(PEOPLE)]
    coords = {"subject": names, "stimulus": PROBLEMS.ids, "other": PROBLEMS.ids}
    similarity = xr.DataArray(np.stack(S), coords, ("subject", "stimulus", "other"))
    return similarity, xr.DataArray(times, {"subject": names, "stimulus": PROBLEMS.ids}, ("subject", "stimulus"))


def conducted(plant, draws=FEW, problems=PROBLEMS, model=None):
    model = model or Linear()
    similarity, times = brains(plant)
    every = guides(similarity, problems, times, draws=draws, seed=1)
    return nested_guidance(Features.of(model.states, PROBLEMS.ids), problems, every, model, DESIGN), model


def wrong_share(model):
    return ((model.margins > 0) != LABELS).mean()


def test_a_planted_answer_turns_wrong_answers_right_in_held_out_forms_and_controls_do_not():
    result, model = conducted("answer")
    assert model.n == result.attrs["n_item_variants"] == DESIGN.item_variants(len(LABELS), PEOPLE, 5)
    effects = guidance_effects(result, n_draws=200, seed=0)
    net = effects["effect"].sel(measure="net", control=NO_GUIDANCE)
    # a third of the answers are wrong; the twin in which brains hold the answer turns more than half of them
    assert (net > 0.15).all()
    assert (effects["low"].sel(measure="net", control=PERMUTED) > 0).all()
    assert effects["p_draws"].sel(measure="net", control=PERMUTED).values.tolist() == [0.25, 0.25]  # 1 / (3 + 1)
    flips = guidance_flips(result)
    np.testing.assert_allclose(flips["net"], flips["wrong_to_right"] - flips["right_to_wrong"], atol=1e-12)
    np.testing.assert_allclose(flips["accuracy"] - flips["net"], 1 - wrong_share(model), atol=1e-12)
    assert (flips["right_to_wrong"].sel(guide=RANDOM, version="matched") > 0).any()  # right items are moved as well


def test_a_confound_alone_gives_no_gain():
    result, _ = conducted("confound")
    effects = guidance_effects(result, n_draws=200, seed=0)
    # 72 items, 3 subjects: the SD of a net gain of nothing is below sqrt(0.3 / 72) = .065 where all subjects agree
    assert (np.abs(effects["effect"].sel(measure="net", control=[NO_GUIDANCE, PERMUTED])) < 0.13).all()


def test_no_label_of_a_tested_item_enters_shifts_or_settings():
    draws = {OWN: 1, LABEL: 1, RESPONSE_TIME: 1}
    first, model = conducted("answer", draws)
    fold = first["fold_of"].values == 1
    turned = PROBLEMS.with_columns(label=np.where(fold, ~LABELS, LABELS))
    second, other = conducted("answer", draws, turned)
    assert (first["chosen"][:, 1] == second["chosen"][:, 1]).all()
    assert (first["inner_gain"][:, 1] == second["inner_gain"][:, 1]).all()
    for name in ("after", "matched", "after_length"):
        np.testing.assert_array_equal(first[name].values[..., fold], second[name].values[..., fold])
    assert len(model.asked) == len(other.asked)
    # the labels of fold 1 do choose and teach for the other folds
    label = first["condition"].values == LABEL
    assert not np.array_equal(first["after"].values[label][..., ~fold], second["after"].values[label][..., ~fold])


def test_every_guide_has_the_same_tries_and_in_matched_settings_the_same_lengths():
    result, model = conducted("answer", dict.fromkeys(CONDITIONS, 1))
    lengths = result["matched_length"].values
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[:1], lengths.shape), rtol=1e-4)
    assert (result["after_length"] > 0).all()
    # one label brain for all subjects: asked once
    n_calls = [len(each) for each in model.asked]
    per = DESIGN.n_inner * len(DESIGN.settings)
    assert n_calls.count(PEOPLE * per) == len(CONDITIONS) - 1
    assert n_calls.count(per) == 1
    # whole brains exchanged between people leave the mean over people as it was
    net = guidance_flips(result)["net"].sel(version="after").mean("subject")
    assert float(net.sel(guide=ANOTHER)) == pytest.approx(float(net.sel(guide=OWN)))
    assert set(result["condition"].values) == set(CONDITIONS)
    assert {OTHERS, GAUSSIAN} <= set(CONDITIONS)


def test_controls_keep_spectrum_norm_and_mean_pattern():
    similarity, times = brains("answer")
    of_kind = np.flatnonzero(KINDS == "syllogism")
    real = similarity.values[0][np.ix_(of_kind, of_kind)]
    for make in (permuted_similarity, gaussian_brain):
        S = make(similarity, KINDS, draw=0, seed=2).values[0]
        spectra = [np.linalg.eigvalsh(each) for each in (S, similarity.values[0])]
        np.testing.assert_allclose(*spectra, atol=1e-10 * spectra[1].max())
        assert S[np.ix_(of_kind, of_kind)].mean() == pytest.approx(real.mean())
        assert np.abs(S - similarity.values[0]).max() > 1
    number = number_brain(times, similarity, KINDS).values[0][np.ix_(of_kind, of_kind)]
    ratio = [each.mean() / (np.trace(each) / len(each) - each.mean()) for each in (real, number)]
    assert ratio[0] == pytest.approx(ratio[1])


def test_published_guidance_gains_from_any_brain_and_random_directions_with_equal_tries():
    model = Linear()
    states, ascent = Features.of(model.states, PROBLEMS.ids), Ascent(40, record_every=5)
    similarity, _ = brains("none")
    correct = xr.ones_like(similarity[:, :, 0].drop_vars("other"))
    found = published_guidance(states, PROBLEMS, similarity, correct, model, layers=(0, 1), ascent=ascent)
    wrong = (model.margins > 0) != LABELS
    assert (found["eligible"].values == wrong).all()
    assert not found["success"].values[:, ~wrong].any()
    # a brain of noise "corrects" many errors, because the right answer stops it and right items are never moved
    assert float(found["success"].values[:, wrong].mean()) > 0.3
    few, many = (
        published_random(states, PROBLEMS, correct, model, layers=(0, 1), n_tries=n, seed=0)["accuracy"].mean()
        for n in (2, 40)
    )
    assert float(found["accuracy_before"]) < float(few) < float(many)
    mean = mean_shift(found["shift"], found["success"], KINDS)
    direction = shift_directions(mean, states, kind="transitive", name="brain")[1]
    np.testing.assert_allclose(direction.values * direction.spread, mean.sel(kind="transitive", layer=1), atol=1e-6)


def test_dose_has_a_random_band_and_a_cost():
    model = Linear()
    along = xr.DataArray(
        np.stack([model.w, -model.w])[None] * [[[[1.0]], [[-1.0]]]],
        {"condition": ["true"], "kind": ["syllogism", "transitive"], "layer": [0, 1]},
        ("condition", "kind", "layer", "feature"),
    )
    doses = dose_response(
        along, PROBLEMS, model, cost=lambda shifts: (shifts**2).sum(["layer", "feature"]), n_random=9, seed=0
    )
    # toward True for all: true items can only be won, false ones only be lost
    assert (doses["wrong_to_right"].diff("strength") >= 0).all()
    assert (doses["right_to_wrong"].diff("strength") >= 0).all()
    np.testing.assert_allclose(doses["cost"][0], (model.w**2).sum() * doses["strength"] ** 2, rtol=1e-5)
    np.testing.assert_allclose(doses["random_cost"], doses["cost"][0], rtol=1e-5)  # equal lengths, layer by layer
    assert (doses["low"] <= doses["random_net"]).all()
    assert (doses["random_net"] <= doses["high"]).all()
    assert float(best_strength(doses)[0]) in doses["strength"]


def test_what_cannot_be_guided_is_said():
    similarity, times = brains("none")
    with pytest.raises(InvalidInput, match="each drawn once or more"):
        guides(similarity, PROBLEMS, times, draws={"mind reading": 1}, seed=0)
    with pytest.raises(InvalidInput, match="NaN or infinity"):
        guides(similarity, PROBLEMS, times * np.nan, draws={OWN: 1, RESPONSE_TIME: 1}, seed=0)
    with pytest.raises(InvalidInput, match="strengths are positive"):
        NestedDesign(((0,),), strengths=(0.0,))
    with pytest.raises(InvalidInput, match="at least 1 other fold"):
        NestedDesign(((0,),), n_folds=2, n_inner=2)
    model = Linear()
    every = guides(similarity, PROBLEMS, times, draws={OWN: 1}, seed=0)
    states = Features.of(model.states, PROBLEMS.ids)
    with pytest.raises(InvalidInput, match="are to be shifted"):
        nested_guidance(states, PROBLEMS, every, model, NestedDesign.quick(((7,),)))
    with pytest.raises(InvalidInput, match="Forms cannot be held out"):
        nested_guidance(states, PROBLEMS.with_columns(form=KINDS), every, model, DESIGN)
    coords = {"variant": [0], "stimulus": PROBLEMS.ids, "layer": [0, 1]}
    shifts = xr.DataArray(model.states[None], coords, ("variant", "stimulus", "layer", "feature"))
    with pytest.raises(InvalidInput, match="not finite"):
        asked_margins(lambda each: model(each) * np.nan, shifts)

"""Passing the last token again gives the answers of edited models, in every family that is steered this way."""

import numpy as np
import pytest
import xarray as xr
from tokenizers import processors

from consona.core.errors import InvalidInput, ModelError
from consona.core.intervention import Steer
from consona.core.stimuli import Stimuli
from consona.lm import language_model_of
from consona.lm.answers import answer_log_probabilities
from consona.lm.last_token import LastToken, answered_text_share

FAMILIES = ("llama", "gpt2", "qwen2", "gemma2", "phi3", "mistral", "bloom")
ANSWERS = (" sad", " glad")
# two lengths twice, one word, and one text beyond the window of 24 tokens
ASKED = Stimuli.of(["the dog sat", "she sang again", "a cat", "he ran", "never", " ".join(["the old house"] * 9)])
# Float32 logits of size 10; the same sums in another order.
CLOSE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def decoder(make_model, make_tokenizer):
    """``decoder(family)``: a model whose tokenizer begins texts with a token and puts none behind them."""
    made = {}

    def of(family):
        if family not in made:
            tokenizer = make_tokenizer()
            begin = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 0)])
            tokenizer.backend_tokenizer.post_processor = begin
            made[family] = language_model_of(make_model(family), tokenizer)
        return made[family]

    return of


def drawn(n_variants, stimuli, layers, width=32, size=2.0):
    rng = np.random.default_rng(5)
    values = size * rng.standard_normal((n_variants, len(stimuli), len(layers), width)).astype(np.float32)
    coords = {"variant": [f"v{i}" for i in range(n_variants)], "stimulus": stimuli.ids, "layer": layers}
    return xr.DataArray(values, coords, ("variant", "stimulus", "layer", "feature"))


def steered(lm, stimuli, shifts, variant, site="attn.out", **asking):
    """The answers of models that are edited anew for every stimulus."""
    made = []
    for name in shifts["stimulus"].values:
        layers = shifts["layer"].values
        rows = {layer: shifts.sel(stimulus=name, layer=layer)[variant].values for layer in layers}
        edits = [Steer(tuple(row), 1.0, 1.0, site, int(layer), "last") for layer, row in rows.items()]
        made.append(answer_log_probabilities(lm.edited(*edits), stimuli.select([name]), ANSWERS, **asking).values[0])
    return np.array(made)


@pytest.mark.parametrize("family", FAMILIES)
def test_shifts_give_the_answers_of_edited_models(decoder, family):
    lm = decoder(family)
    last = LastToken.of(lm, ASKED, ANSWERS, n_rows=5)  # blocks that end within the variants of a prompt
    shifts = drawn(3, ASKED, [0, 1])
    found = last.answers(shifts)
    expected = np.stack([steered(lm, ASKED, shifts, i) for i in range(3)])
    np.testing.assert_allclose(found, expected, **CLOSE)
    plain = last.answers()
    np.testing.assert_allclose(plain[0], answer_log_probabilities(lm, ASKED, ANSWERS), **CLOSE)
    assert np.abs(found - plain[0].drop_vars("variant")).max() > 0.1  # shifts of this size are seen
    np.testing.assert_array_equal(found, last.answers(shifts))  # nothing was left in the caches


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("site", ["attn.out", "resid.post"])
def test_states_are_those_captured(decoder, family, site):
    lm = decoder(family)
    states = LastToken.of(lm, ASKED, ANSWERS, site=site, template="in {text} was").states()
    captured = lm.capture(ASKED, site=site, template="in {text} was")
    np.testing.assert_allclose(states.data, captured.data, **CLOSE)
    assert states.data.attrs == captured.data.attrs


def test_own_edits_come_first_and_some_stimuli_may_be_shifted_in_any_order(decoder):
    own = Steer(tuple(np.linspace(-1, 1, 32)), 1.0, 3.0, "resid.post", 0, "all")
    lm = decoder("llama").edited(own)
    some = ASKED.select(ASKED.ids[[4, 0, 5]])
    shifts = drawn(2, some, [-1])
    found = LastToken.of(lm, ASKED, ANSWERS).answers(shifts)
    np.testing.assert_allclose(found[1], steered(lm, some, shifts, 1), **CLOSE)
    assert found["stimulus"].values.tolist() == some.ids.tolist()
    assert found["variant"].values.tolist() == ["v0", "v1"]
    people = xr.concat([shifts, 2 * shifts], dim="subject").assign_coords(subject=["s1", "s2"])
    stacked = people.rename(variant="record").stack(variant=["subject", "record"]).transpose(*shifts.dims)
    each = LastToken.of(lm, ASKED, ANSWERS).answers(stacked).unstack("variant")
    np.testing.assert_allclose(each.sel(subject="s1").transpose(*found.dims[1:], "record")[..., 1], found[1], **CLOSE)


def test_the_share_of_other_tokens_is_told(decoder):
    lm = decoder("llama")
    words = [f" {word}" for word in lm.tokenizer.get_vocab() if word.isalpha()]
    found = LastToken.of(lm, ASKED, words).answers(drawn(2, ASKED, [1]))
    best = {token: [n for n in words if n != token] for token in found["answer"].values[found.argmax("answer")[0]]}
    assert answered_text_share(found).dims == ("variant",)
    without = LastToken.of(lm, ASKED, best[next(iter(best))]).answers(drawn(2, ASKED, [1]))
    assert float(answered_text_share(without)[0]) > float(answered_text_share(found)[0])
    with pytest.raises(InvalidInput, match="'neither'"):
        answered_text_share(found.drop_vars("neither"))


def test_what_cannot_be_shifted_is_said(decoder, tiny):
    lm = decoder("llama")
    with pytest.raises(InvalidInput, match=r"splits the answer ' glad again' into 2 pieces \('glad', 'again'\)"):
        LastToken.of(lm, ASKED, (" sad", " glad again"))
    for wrong, message in (({"answers": []}, "all different"), ({"n_rows": 0}, "n_rows=0"), ({"site": "q"}, "no site")):
        with pytest.raises(InvalidInput, match=message):
            LastToken.of(lm, ASKED, **{"answers": ANSWERS, **wrong})
    with pytest.raises(ModelError, match="no output layer"):
        LastToken.of(tiny("bert"), ASKED, ANSWERS)
    last = LastToken.of(lm, ASKED, ANSWERS)
    shifts = drawn(2, ASKED, [0])
    for wrong, message in (
        (shifts.transpose("stimulus", "variant", "layer", "feature"), "Transpose"),
        (shifts.drop_vars("layer"), "with coordinates stimulus and layer"),
        (shifts.assign_coords(stimulus=[f"q{i}" for i in range(6)]), "6 unknown"),
        (shifts[..., :5], "5 features; the site has 32"),
        (shifts.assign_coords(layer=[2]), "no layer 2"),
    ):
        with pytest.raises(InvalidInput, match=message):
            last.answers(wrong)


def test_a_shift_that_gives_nan_names_stimuli_and_variants(decoder):
    last = LastToken.of(decoder("gpt2"), ASKED, ANSWERS)
    shifts = drawn(3, ASKED, [1])
    shifts[1, 4] = np.nan
    shifts[2, 4] = np.inf
    with pytest.raises(ModelError, match=rf"1 stimuli \('{ASKED.ids[4]}'\) .* 2 variants \('v1', 'v2'\)"):
        last.answers(shifts)

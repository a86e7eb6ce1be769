"""Interventions on neurons, resampling and patching, as values: what they write, their names, what they refuse."""

import json

import numpy as np
import pytest
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.held_arrays import array_key
from consona.core.intervention import AblateNeurons, Patch, ProjectOut, Resample, Steer, intervention_from_json

RNG = np.random.default_rng(0)
N_LAYERS, N_NEURONS, N_BANK = 3, 200, 16
MASK = xr.DataArray(RNG.random((N_LAYERS, N_NEURONS)) < 0.4, dims=("layer", "neuron"))
MASK[1] = False
FILLS = xr.DataArray(RNG.normal(size=(N_LAYERS, N_NEURONS)), dims=("layer", "neuron"))
BANK = xr.DataArray(RNG.normal(size=(N_BANK, N_LAYERS, N_NEURONS)).astype(np.float32), dims=("bank", "layer", "neuron"))
POSITION, TEXT = np.tile(np.arange(5), 4), np.repeat(np.array([7, -3, 2**60, 0]), 5)
WIDE = [
    *AblateNeurons.of_mask(MASK, FILLS),
    *Resample.of_mask(MASK, BANK, 3),
    Patch(RNG.normal(size=(5, 20)), "resid.post", 1, (2, 7)),
    Patch(np.ones(100), "resid.post", np.int64(1), "last"),
    Steer(RNG.normal(size=384), 1, 2, "resid.post", np.int64(0)),
    ProjectOut(RNG.normal(size=384), np.zeros(384), "resid.pre", 1),
]


@pytest.mark.parametrize("edit", WIDE, ids=lambda edit: type(edit).__name__)
def test_long_arrays_are_named_by_their_key(edit):
    facts = json.loads(edit.to_json())
    named = {each["sha256"]: each for each in facts.values() if isinstance(each, dict)}
    held = edit.arrays()
    assert set(held) == set(named)
    for key, array in held.items():
        assert array_key(array) == key
        assert [list(array.shape), array.dtype.name] == [named[key]["shape"], named[key]["dtype"]]
    assert len(edit.to_json()) < 900
    back = intervention_from_json(edit.to_json(), held)
    assert back == edit
    assert hash(back) == hash(edit)
    with pytest.raises(InvalidInput, match="was not given"):
        intervention_from_json(edit.to_json())
    key = next(iter(held))
    with pytest.raises(InvalidInput, match="It was changed"):
        intervention_from_json(edit.to_json(), held | {key: held[key] + 1})


def test_short_arrays_stand_in_the_json():
    edit = Resample((4, 2), 1, [[0.1, 0.2], [0.3, 0.4]], 5)
    assert edit.arrays() == {}
    assert intervention_from_json(edit.to_json()) == edit
    assert edit != Resample((4, 2), 1, [[0.1, 0.2], [0.3, 0.5]], 5)


def test_the_key_of_an_array_is_that_of_its_numbers_alone():
    x = RNG.normal(size=(4, 5))
    assert array_key(x) == array_key(np.asfortranarray(x)) == array_key(x.astype(">f8"))
    assert len({array_key(each) for each in (x, x.T, x.astype(np.float32), x.reshape(2, 10))}) == 4


def test_a_mask_becomes_one_intervention_per_layer_with_neurons():
    edits = AblateNeurons.of_mask(MASK, FILLS)
    assert [edit.layer for edit in edits] == [0, 2]
    x = RNG.normal(size=(2, N_NEURONS))
    for edit in edits:
        silent = MASK.values[edit.layer]
        np.testing.assert_array_equal(edit.apply(x), np.where(silent, FILLS.values[edit.layer], x))
    assert all(edit.apply(x)[:, edit.neurons].any() == 0 for edit in AblateNeurons.of_mask(MASK.T))
    partly = FILLS.where(MASK)  # what is not looked at may be missing
    assert AblateNeurons.of_mask(MASK, partly) == edits
    assert AblateNeurons.of_mask(MASK & False) == ()


def test_resampled_neurons_take_their_values_together_from_one_token():
    first, last = Resample.of_mask(MASK, BANK, 3)
    x = RNG.normal(size=(len(TEXT), N_NEURONS)).astype(np.float32)
    changed = first.apply(x, POSITION, TEXT)
    donors = first.donors(POSITION, TEXT)
    silent = MASK.values[0]
    np.testing.assert_array_equal(changed[:, silent], BANK.values[donors][:, 0, silent])
    np.testing.assert_array_equal(changed[:, ~silent], x[:, ~silent])
    np.testing.assert_array_equal(donors, last.donors(POSITION, TEXT))  # one token in all layers
    order = RNG.permutation(len(TEXT))
    np.testing.assert_array_equal(first.donors(POSITION[order], TEXT[order]), donors[order])
    other = Resample.of_mask(MASK, BANK, 4)[0]
    assert not np.array_equal(other.donors(POSITION, TEXT), donors)
    with pytest.raises(InvalidInput, match="position and text are needed"):
        first.apply(x)


def test_every_row_of_the_bank_is_as_likely():
    """Chi-square with 15 degrees of freedom exceeds 44.3 once in 10,000; the correlation has an SE of 1/sqrt(n)."""
    edit = Resample((0,), 0, np.zeros((N_BANK, 1)), 0)
    texts, positions = (each.ravel() for each in np.meshgrid(np.arange(200), np.arange(40)))
    counts = np.bincount(edit.donors(positions, texts), minlength=N_BANK)
    expected = len(texts) / N_BANK
    assert ((counts - expected) ** 2 / expected).sum() < 44.3
    along = edit.donors(positions, texts).reshape(40, 200).astype(float)
    neighbours = np.corrcoef(along[:-1].ravel(), along[1:].ravel())[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(39 * 200)


def test_a_patch_writes_its_rows_at_their_positions():
    values = RNG.normal(size=(2, 3)).astype(np.float32)
    x = RNG.normal(size=(4, 5, 3)).astype(np.float32)
    changed = Patch(values, "resid.post", 0, (1, 3)).apply(x, POSITION)
    np.testing.assert_array_equal(changed[:, 1:3], np.tile(values, (4, 1, 1)))
    np.testing.assert_array_equal(changed[:, [0, 3, 4]], x[:, [0, 3, 4]])
    np.testing.assert_array_equal(Patch(values[0], "resid.post", 0).apply(x), np.tile(values[0], (4, 5, 1)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AblateNeurons.of_mask(MASK, FILLS[:, :199]), "'neuron': 199"),
        (lambda: AblateNeurons.of_mask(MASK * 1), "A mask is boolean"),
        (lambda: AblateNeurons.of_mask(MASK[0]), r"boolean \(layer, neuron\); found bool \('neuron',\)"),
        (
            lambda: AblateNeurons.of_mask(MASK, FILLS.where(FILLS < 0)),
            r"layer 0 holds \d+ of \d+ values that are NaN",
        ),
        (lambda: AblateNeurons((1, 2), 0, (1.0,)), "2 neurons and 1 values"),
        (lambda: AblateNeurons((-1,), 0), "the lowest -1"),
        (lambda: AblateNeurons((7,), 0, (), mask_shape=(6, 9)).require_fit(8, 6), "6 layers of 9 .* the model 6 of 8"),
        (lambda: AblateNeurons((7,), 0, (), mask_shape=(6, 9)).require_fit(9, 5), "6 layers of 9 .* the model 5 of 9"),
        (lambda: Resample((1, 2), 0, np.zeros((4, 3)), 0), r"bank \(n_bank, 2\).*found \(4, 3\)"),
        (lambda: Resample((1,), 0, np.zeros((0, 1)), 0), "at least one row"),
        (lambda: Resample((1,), 0, [[np.inf]], 0), "NaN or infinite"),
        (lambda: Resample.of_mask(MASK, BANK[0], 0), "Values .* go with a mask"),
        (lambda: Patch(np.zeros((2, 3)), "resid.post", 0), r"found \(2, 3\) for 'all'"),
        (lambda: Patch(np.zeros((2, 3)), "resid.post", 0, (0, 3)), r"found \(2, 3\) for \(0, 3\)"),
        (lambda: Patch([np.nan], "resid.post", 0), "NaN or infinite"),
        (lambda: Patch(np.zeros(3), "resid.post", 0).apply(np.zeros((2, 4))), "3 features and the activations 4"),
        (lambda: Patch(np.zeros((1, 3)), "resid.post", 0, (0, 1)).apply(np.zeros((2, 3))), "needed for 2 rows"),
        (lambda: Steer((1.0,), 1.0, np.inf, "resid.post", 0), "finite"),
        (lambda: Steer((np.nan,), 1.0, 1.0, "resid.post", 0), "vector of Steer holds 1 of 1"),
        (lambda: ProjectOut((1.0,), (1.0, 2.0), "resid.post", 0), "of one length; found 1 and 2"),
        (lambda: Steer((1.0,), 1.0, 1.0, "resid.post", 0, "first"), "'last' or"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(make, words):
    with pytest.raises(InvalidInput, match=words):
        make()

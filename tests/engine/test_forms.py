"""Does a value come back from the disk as it was, and are its bytes the same in every process?"""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from consona.core import RDM, Direction, Features, Recording, Score, Stimuli, Verdict
from consona.core.errors import InvalidInput
from consona.core.intervention import AblateNeurons, Patch, Resample, Steer
from consona.engine import forms, results
from consona.engine.fingerprint import fingerprint
from consona.engine.store import Store

RNG = np.random.default_rng(0)
IDS = ["clip01", "clip é", "clip<3>"]
VECTOR = np.eye(4)[1]
NOUNS = {
    "stimuli": Stimuli(
        pd.DataFrame(
            {"text": ["a", ("b", "c"), "n/a"], "group": ["x", "y", ""], "order": [1, 2, 3], "new": [True, False, True]},
            index=IDS,
        )
    ),
    "features": Features.of(
        RNG.normal(size=(3, 2, 4)),
        IDS,
        {"model": "m", "revision": None, "truncated": False, "n_truncated": 2, "of": [1, 2]},
    ),
    "recording": Recording.of(RNG.normal(size=(2, 3, 4)), IDS, "sub-01", {"cohort": 1}),
    "rdm": RDM.of_matrix(np.array([[0, 1, 2], [1, 0, np.nan], [2, np.nan, 0]]), IDS, metric="correlation"),
    "direction": Direction(VECTOR, np.zeros(4), 2.0, "valence", "joy", "resid.post", 3, "m"),
    "score": Score(
        xr.DataArray([0.1, np.nan], {"target": [0, 1], "channel": ("target", ["Fp1", "Fp2"])}, ("target",)),
        "pearson r",
        "clip held out",
        null=xr.DataArray(RNG.normal(size=(5, 2)), dims=("permutation", "target")),
        ceiling=xr.DataArray(0.5),
        attrs={"held_out": "clip", "folds": [{"train": ["a"], "test": ["b"]}]},
    ),
    "dataset": xr.Dataset(
        {"y": (("a", "b"), np.arange(6).reshape(2, 3))}, {"a": ["x", "ü"]}, {"figure": "lines", "ok": True}
    ),
    "steer": Steer((0.6, 0.8), 2.0, 1.5, "resid.post", 1, "generated"),
    "ablate": AblateNeurons(range(0, 200, 2), 2, RNG.normal(size=100), "last", mask_shape=(6, 200)),
    "resample": Resample((1, 5, 7), 0, RNG.normal(size=(30, 3)), 4, (2, 9)),
    "patches": [Patch(np.ones(80), "resid.pre", 0), Patch(np.ones((2, 3)), "attn.out", 1, (0, 2))],
    "array": RNG.normal(size=(3, 0, 2)).astype(np.float32),
    "text": np.array([["a", "bcd"], ["", "é"]]),
    "labelled": xr.DataArray(np.arange(3.0), {"time": [0.1, 0.2, 0.3]}, ("time",), name="eeg"),
    "table": pd.DataFrame(
        {"r": [0.1 + 0.2, np.nan, -np.inf], "n": [1, 2, 3], "ok": [True, False, True], "t": ["a,b", "", 'q"\nq']},
        index=IDS,
    ).rename_axis("stimulus"),
    "plain table": pd.DataFrame({"t": ["x", None]}),
    "json": {"b": [1, 2.5, None, True], "a": float("nan"), "c": "number:nan", "d": float("-inf")},
    "several": {"z": (Verdict("held", "rule", "1"), np.float32(0.1)), "a": [np.arange(2), None]},
}


@pytest.mark.parametrize("name", NOUNS)
def test_a_value_comes_back_with_the_fingerprint_it_had(tmp_path, name):
    store = Store(tmp_path)
    node = results.keep(store, NOUNS[name])
    back = results.load(Store(tmp_path), node)
    assert type(back) is type(NOUNS[name])
    assert fingerprint(back) == fingerprint(NOUNS[name]) is not None
    # What comes back is stored as the same bytes again: a result does not wander on its way through steps.
    assert [leaf.item for leaf in results.leaves(results.keep(store, back))] == [
        leaf.item for leaf in results.leaves(node)
    ]


def test_long_arrays_of_an_intervention_are_objects_of_their_own(tmp_path):
    store = Store(tmp_path)
    node = results.keep(store, NOUNS["ablate"])
    assert [leaf.path for leaf in results.leaves(node)] == [("json",), *((key,) for key in NOUNS["ablate"].arrays())]
    assert results.noun_name(node) == "AblateNeurons"
    back = results.load(Store(tmp_path), node)
    assert back == NOUNS["ablate"]
    assert fingerprint(back) != fingerprint(NOUNS["steer"])


def test_tables_come_back_exactly(tmp_path):
    store = Store(tmp_path)
    for name in ("table", "plain table"):
        back = results.load(store, results.keep(store, NOUNS[name]))
        pd.testing.assert_frame_equal(back, NOUNS[name], check_exact=True, check_dtype=False, check_index_type=False)
    assert forms.from_csv(*forms.to_csv(NOUNS["table"]))["t"].tolist() == ["a,b", "", 'q"\nq']


PRINT_HASH = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import test_forms as t
for name, noun in t.NOUNS.items():
    if type(noun) in t.forms.NOUNS.values():
        print(hashlib.sha256(t.forms.to_netcdf(noun.to_xarray())).hexdigest())
"""


def test_equal_values_give_equal_bytes_in_every_process():
    words = [sys.executable, "-c", PRINT_HASH, os.path.dirname(__file__)]
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        found = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout.split()
        nouns = [noun for noun in NOUNS.values() if type(noun) in forms.NOUNS.values()]
        assert found == [hashlib.sha256(forms.to_netcdf(noun.to_xarray())).hexdigest() for noun in nouns]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


@given(JSON)
def test_json_gives_back_what_it_was_given(value):
    back = forms.from_json(forms.to_json(value))
    assert fingerprint(back) == fingerprint(value)


def test_large_features_lie_in_one_file_per_layer(tmp_path, monkeypatch):
    values = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    coords = {"stimulus": list("abcde"), "layer": [7, 3, 11], "cut": ("stimulus", [True, False] * 2 + [True])}
    features = Features(
        xr.DataArray(values, coords, ("stimulus", "layer", "feature"), attrs={"model": "m", "n_cut": 3})
    )
    store = Store(tmp_path)
    whole = results.load(store, results.keep(store, features))
    monkeypatch.setattr(results, "LARGEST_FILE_BYTES", values.nbytes - 1)
    node = results.keep(store, features)
    assert [leaf.path for leaf in results.leaves(node)] == [("layer7",), ("layer3",), ("layer11",)]
    assert results.noun_name(node) == "Features"
    xr.testing.assert_identical(results.load(store, node).data, whole.data)
    store.path(next(results.leaves(node)).item).unlink()
    with pytest.raises(results.Gone):
        results.load(Store(tmp_path), node)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "type object cannot be stored"),
        ({1: "a"}, "keys of a mapping"),
        (xr.DataArray([1 + 2j]), "complex128"),
        (np.array([1, "a", None], dtype=object), "object values"),
        (pd.DataFrame({"a": [1, "b"]}), "mixes types"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "distinct names"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(tmp_path, value, words):
    with pytest.raises(InvalidInput, match=words):
        results.keep(Store(tmp_path), value)

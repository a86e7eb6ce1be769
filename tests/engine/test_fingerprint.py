"""Do different values have different fingerprints, and equal ones equal ones? (F20)"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conducted_steps import centred

from consona.core import Features, Steer, Stimuli
from consona.core.errors import InvalidInput
from consona.engine.config import Execution
from consona.engine.fingerprint import NotCacheable, fingerprint, identify

ALL_DIFFERENT = [
    None,
    True,
    1,
    1.0,
    float("nan"),
    "",
    "1",
    b"1",
    [],
    [[]],
    [1, 2],
    [[1], 2],
    {},
    {"a": 1},
    {"b": 1},
    {"a": 1, "b": 2},
    {"b": 2, "a": 1},
    {1},
    np.array(1),
    np.array([1]),
    np.array([[1]]),
    np.array([1.0]),
    np.array([1.0], dtype=np.float32),
    np.array(["a", "b"]),
    np.array(["ab", ""]),
    np.array([["a"], ["b"]]),
    xr.DataArray([1.0], dims="a"),
    xr.DataArray([1.0], dims="b"),
    xr.DataArray([1.0], {"a": ["x"]}, ("a",)),
    xr.DataArray([1.0], {"a": ["x"]}, ("a",), attrs={"model": "m"}),
    pd.DataFrame({"a": [1]}),
    pd.DataFrame({"a": [1]}, index=["x"]),
    pd.DataFrame({"a": ["1"]}),
    pd.Series([1], name="a"),
    Execution(),
    Execution(block_size=3),
    Steer((1.0, 0.0), 1.0, 2.0, "resid.post", 1),
    Steer((1.0, 0.0), 1.0, 2.0, "resid.pre", 1),
    Stimuli.of(["a"]),
    Stimuli.of(["b"]),
    partial(centred, 1),
    partial(centred, 2),
    centred,
]


def test_values_that_differ_have_different_fingerprints():
    prints = [fingerprint(value) for value in ALL_DIFFERENT]
    assert None not in prints
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.array(["a", "bc"]), np.array(["a", "bc"], dtype=object)),
        (np.array(["a", "bc"]), np.array(["a", "bc"], dtype=np.dtypes.StringDType())),
        (pd.DataFrame({"a": ["x"]}, dtype=object), pd.DataFrame({"a": ["x"]}, dtype="string")),
        (np.arange(6).reshape(2, 3).T, np.arange(6).reshape(2, 3).T.copy()),
        (np.array([1.5], dtype=">f8"), np.array([1.5])),
        ((1, "a"), [1, "a"]),
        (np.float32(1.5), 1.5),
        (np.bool_(True), True),
        (xr.DataArray([1.0], attrs={"a": 1, "b": 2}), xr.DataArray([1.0], attrs={"b": np.int64(2), "a": 1})),
    ],
)
def test_the_same_value_in_another_dress_has_the_same_fingerprint(first, second):
    assert fingerprint(first) == fingerprint(second)


@dataclass(frozen=True)
class Model:
    """Like a language model: an identity of its own, and things that do not belong to it."""

    name: str = "m"
    revision: str | None = "abc"
    template: str = ""
    dtype: str = "float32"
    tokenizer: str = "t1"
    device: str = "cpu"

    def fingerprint(self):
        if self.revision is None:
            return None
        return "|".join((self.name, self.revision, self.template, self.dtype, self.tokenizer))

    def capture(self, stimuli):
        return Features.of(np.ones((len(stimuli), 2)), stimuli.ids)


def test_a_change_of_the_model_changes_its_fingerprint_and_a_change_of_device_does_not():
    model = Model()
    others = [replace(model, **{name: "other"}) for name in ("name", "revision", "template", "dtype", "tokenizer")]
    assert len({fingerprint(each) for each in [model, *others]}) == 6
    assert fingerprint(replace(model, device="cuda")) == fingerprint(model)


def test_a_bound_method_counts_with_its_owner_also_inside_a_partial():
    first, second = Model(), Model(revision="def")
    assert fingerprint(first.capture) != fingerprint(second.capture)
    assert fingerprint(partial(first.capture, layers=1)) != fingerprint(partial(second.capture, layers=1))


def test_what_states_no_identity_has_none_and_the_reason_is_told():
    assert fingerprint(Model(revision=None)) is None
    assert fingerprint([1, {"a": object()}]) is None
    with pytest.raises(NotCacheable, match="Model states no fingerprint"):
        identify([Model(revision=None)])
    assert fingerprint(np.random.default_rng(0)) is None


def test_a_path_is_refused():
    with pytest.raises(InvalidInput, match="Load it first"):
        fingerprint({"file": Path("a.csv")})

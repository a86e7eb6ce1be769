"""A planted preference for an answer is found by every calibration, and taken out."""

import numpy as np
import pytest
import xarray as xr

from consona.core.errors import InvalidInput
from consona.lm.answer_bias import answer_bias, answer_margins, content_free
from consona.lm.answers import answer_log_probabilities


def log_probabilities(margins):
    """Two answers with these log odds, and less than all of the probability."""
    first = -np.logaddexp(0, -np.asarray(margins))
    values = np.stack([first, first - margins], axis=-1) - 1.0
    coords = {"stimulus": [f"q{i}" for i in range(len(values))], "answer": [" True", " False"]}
    return xr.DataArray(values, coords, ("stimulus", "answer"))


def test_a_planted_bias_is_found_whatever_the_balance_of_labels():
    rng = np.random.default_rng(0)
    labels = np.r_[np.ones(460, bool), np.zeros(240, bool)]
    evidence = np.where(labels, 1.0, -1.0) + 0.5 * rng.standard_normal(700)
    found = log_probabilities(evidence + 1.7)
    bias = answer_bias(found, method="median", labels=labels)
    # between the two labels there are few margins, so the median of the 700 has an SE of about .1
    assert bias == pytest.approx(1.7, abs=0.3)
    right = (answer_margins(found, bias=bias) > 0) == labels
    assert right.mean() > 0.95
    assert ((answer_margins(found) > 0) == labels).mean() < 0.8
    assert answer_bias(found, method="none") == 0.0


def test_the_balanced_median_is_the_median_of_a_balanced_set():
    margins = np.random.default_rng(1).standard_normal(20)
    labels = np.arange(20) % 2 == 0
    assert answer_bias(log_probabilities(margins), method="median", labels=labels) == pytest.approx(np.median(margins))
    # thrice the problems of one label, each thrice: the same
    more = np.r_[margins, np.repeat(margins[labels], 2)]
    found = answer_bias(log_probabilities(more), method="median", labels=np.r_[labels, np.ones(20, bool)])
    assert found == pytest.approx(np.median(margins))


def test_content_free_prompts_divide_by_the_mean_probability(tiny):
    asked = log_probabilities(np.array([2.0, 0.5, -1.0]))
    shares = np.exp(asked.values) / np.exp(asked.values).sum(axis=1, keepdims=True)
    bias = answer_bias(asked, method="content-free")
    assert bias == pytest.approx(np.log(shares[:, 0].mean() / shares[:, 1].mean()))
    found = answer_log_probabilities(tiny("gpt2"), content_free(), (" sad", " glad"), template="{text} was")
    assert np.isfinite(answer_bias(found, method="content-free"))


def test_what_gives_no_bias_is_said():
    found, labels = log_probabilities(np.array([1.0, -1.0])), np.array([True, False])
    for given, message in (
        ({"method": "mean"}, "no way 'mean'"),
        ({"method": "median"}, "Labels belong"),
        ({"method": "none", "labels": labels}, "Labels belong"),
        ({"method": "median", "labels": ~labels | labels}, "All 2 labels are True"),
        ({"method": "median", "labels": labels[:1]}, r"shape \(1,\)"),
    ):
        with pytest.raises(InvalidInput, match=message):
            answer_bias(found, **given)
    with pytest.raises(InvalidInput, match="two answers"):
        answer_margins(found[:, :1])
    with pytest.raises(InvalidInput, match="finite number"):
        answer_margins(found, bias=np.nan)
    with pytest.raises(InvalidInput, match="1 margins"):
        answer_bias(found.where(found["stimulus"] == "q0"), method="content-free")

"""The packaged small reasoner: the original weights or none, and how well it reasons about forms it never saw."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from consona.core.errors import ModelError
from consona.datasets.deduction_problems import deduction_problems
from consona.datasets.problem_wordings import worded
from consona.lm import load_language_model, sources
from consona.lm.answers import answer_log_probabilities
from consona.studies.guided_reasoning.lessons import WORDING, WORDS

N = 200


def test_it_is_the_original():
    lm = load_language_model(sources.REASONER)
    assert lm.describe()["files"]["model.safetensors"] == sources.REASONER_SHA256
    assert (lm.family.name, lm.causal, lm.source.name) == ("llama", True, "reasoner")
    assert lm.fingerprint() == load_language_model("reasoner").fingerprint() is not None
    known = lm.tokenizer.get_vocab()
    assert set(WORDS) <= set(known)
    assert all(len(lm.tokenizer(f"Answer:{each}").input_ids) == 3 for each in (" True", " False"))


def test_a_damaged_file_is_not_loaded(monkeypatch, tmp_path):
    shutil.copytree(Path(sources.__file__).parent / "reasoner", tmp_path / "reasoner")
    weights = tmp_path / "reasoner" / "model.safetensors"
    monkeypatch.setattr(sources, "__file__", str(tmp_path / "sources.py"))
    assert load_language_model("reasoner").source.folder == tmp_path / "reasoner"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    for found in (bytes(data), None):
        weights.write_bytes(found) if found is not None else weights.unlink()
        with pytest.raises(ModelError, match="packaged model 'reasoner' is not the original: SHA-256 .* It was not"):
            load_language_model("reasoner")


@pytest.mark.parametrize("kind", ["syllogism", "transitive"])
def test_it_reasons_about_forms_that_were_held_out_but_not_perfectly(kind):
    """Between 65 and 90 % of all such problems; of 200, two standard errors beside that."""
    problems = deduction_problems(kind, N, n_premises=3, seed=2024)
    found = answer_log_probabilities(load_language_model("reasoner"), worded(problems, WORDING), (" True", " False"))
    accuracy = np.mean((found[:, 0] > found[:, 1]).values == problems["label"])
    low, high = 0.65, 0.90
    assert low - 2 * np.sqrt(low * (1 - low) / N) < accuracy < high + 2 * np.sqrt(high * (1 - high) / N)

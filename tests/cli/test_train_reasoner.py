"""Training the small reasoner from the command line: said beforehand, stopped, gone on with, not repeated."""

import pytest

from consona.studies.guided_reasoning import reasoner
from consona.training.small_reasoner import SmallReasoner


@pytest.fixture
def short(monkeypatch):
    """Six steps of a tiny model, its state written after every second one."""
    tiny = SmallReasoner(n_layers=1, n_heads=2, width=8, n_steps=6, batch=2)
    monkeypatch.setattr("consona.training.small_reasoner.SmallReasoner", lambda: tiny)
    monkeypatch.setattr(reasoner, "_EVERY", 2)


def test_a_model_is_trained_once_and_its_cost_said_before(consona, short, tmp_path):
    status, shown, told = consona("train-reasoner", "made")
    assert status == 0
    assert told.startswith("6 steps; with one core: It takes about 1 s, 700 MB of memory")
    assert "The model is in made (loss of answers" in shown
    first = (tmp_path / "made" / "model.safetensors").read_bytes()
    assert consona("train-reasoner", "made")[1] == shown
    assert (tmp_path / "made" / "model.safetensors").read_bytes() == first
    status, _, told = consona("train-reasoner", "made", "--seed", "1")
    assert status == 4
    assert "another seed" in told


def test_a_stopped_training_says_how_to_go_on_and_ends_the_same(consona, short, tmp_path, monkeypatch):
    whole, taught = reasoner.train_reasoner(str(tmp_path / "whole"), seed=3), reasoner.train_reasoner

    def stopped(folder, *, seed, progress):
        def at_four(step, loss):
            progress(step, loss)
            if step == 4:
                raise KeyboardInterrupt

        return taught(folder, seed=seed, progress=at_four)

    monkeypatch.setattr(reasoner, "train_reasoner", stopped)
    status, _, told = consona("train-reasoner", "parts", "--seed", "3")
    assert status == 130
    assert "go on with: consona train-reasoner parts --seed 3" in told
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    monkeypatch.setattr(reasoner, "train_reasoner", taught)
    assert consona("train-reasoner", "parts", "--seed", "3")[0] == 0
    steps = []
    again = taught(str(tmp_path / "parts"), seed=3, progress=lambda step, loss: steps.append(step))
    assert steps == []
    assert again.identical(whole)
    ends = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert ends[0] == ends[1]


def test_a_folder_that_cannot_be_written_is_said(consona, short, tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    status, _, told = consona("train-reasoner", "taken")
    assert status in (2, 5)
    assert "taken" in told
    assert "Traceback" not in told

"""Ratings of 27 emotions and published accuracies: found, put in order by name, refused where odd; their twins."""

import shutil

import numpy as np
import pytest
from scipy.stats import spearmanr

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.emotion_concepts import (
    ATTRIBUTES,
    attribute_scores,
    load_emotion_concepts,
    load_emotion_raters,
    load_masking_tables,
)
from consona.datasets.emotion_twins import EMOTIONS, emotion_comments_twin, emotion_concepts_twin
from consona.datasets.goemotions import LABELS

FIRST, SECOND = np.triu_indices(27, 1)


def distances(dataset):
    scores = dataset.stimuli.table.to_numpy()
    return np.round(np.abs(scores[FIRST] - scores[SECOND]), 9)  # what ties in exact arithmetic ties here


@pytest.fixture
def tables(data_folder, tmp_path):
    """A copy of the tables to be damaged."""
    return shutil.copytree(data_folder / "emotion_concepts", tmp_path / "tables", copy_function=shutil.copyfile)


def spoil(folder, name, old, new):
    (folder / name).chmod(0o644)
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def test_release_and_tables_say_the_same_of_the_emotions(data_folder, monkeypatch, tmp_path):
    released = load_emotion_concepts(data_folder / "model_emotion")
    tabled = load_emotion_concepts(data_folder / "emotion_concepts")
    assert released.stimuli.ids.tolist() == tabled.stimuli.ids.tolist()
    assert sorted(released.stimuli.ids.tolist()) == sorted(EMOTIONS)
    np.testing.assert_allclose(released.stimuli.table, tabled.stimuli.table, atol=5e-13)  # 12 decimals
    np.testing.assert_allclose(released.rdms[0].data, tabled.rdms[0].data, atol=5e-7)  # 6 decimals
    assert len(released.checksums) == 3
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CONSONA_DATA", str(data_folder))
    assert load_emotion_concepts().checksums == released.checksums  # the release where both are there
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "emotion_concepts").symlink_to(data_folder / "emotion_concepts")
    monkeypatch.setenv("CONSONA_DATA", str(tmp_path / "only"))
    assert load_emotion_concepts().checksums == tabled.checksums
    monkeypatch.delenv("CONSONA_DATA")
    with pytest.raises(MissingData, match="consona fetch model_emotion"):
        load_emotion_concepts()


def test_the_published_figures_of_attributes_and_raters(data_folder):
    dataset, raters = load_emotion_concepts(), load_emotion_raters()
    human, A = dataset.rdms[0].data.values, distances(dataset)
    for name, rho in {"valence": 0.806, "happy-face": 0.808, "fairness": 0.621, "arousal": -0.004}.items():
        assert spearmanr(human, A[:, ATTRIBUTES.index(name)]).statistic == pytest.approx(rho, abs=5.1e-4)
    assert len(raters.rdms) == 61
    np.testing.assert_allclose(np.mean([rdm.data.values for rdm in raters.rdms], axis=0), human, atol=1e-13)
    released = np.loadtxt(
        data_folder / "model_emotion/preprocessed/emotional_features/dist_emotional_PCs.csv", delimiter=",", skiprows=1
    )
    np.testing.assert_allclose(A * load_masking_tables()["scale"].values, released, atol=1e-6)
    nearest = dataset.rdms[0].data[int(human.argmin())]
    assert (nearest["first"].item(), nearest["second"].item()) == ("love", "caring")


def test_the_published_tables(data_folder):
    tables = load_masking_tables(data_folder / "emotion_concepts")
    assert (tables["drop"] > 0).sum() == 222
    assert tables["n_neurons"].sum("layer").values.tolist() == [4000] * 14
    assert tables["accuracy"].sel(kind="random", n=4000, attribute="arousal") == pytest.approx(0.5907)
    assert np.isnan(tables["accuracy"].sel(kind="selective", n=[500, 1000])).all()
    own = tables["accuracy"].sel(n=4000, kind="random") - tables["accuracy"].sel(n=4000, kind="selective")
    np.testing.assert_allclose(tables["drop"].mean("emotion"), own, atol=1.1e-4)  # cells were rounded to 4 decimals
    assert tables["kappa"].sel(emotion="gratitude") == pytest.approx(0.7488)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("neuron_rsa.csv", "\nvalence,", "\nvalance,", "expected 'arousal'"),
        ("masking_accuracy.csv", "random,4000", "random,3000", "each n once"),
        ("masking_accuracy.csv", "0.7976", "high", "no number in rows '1'"),
        ("per_emotion.csv", "\nfear,", "\njoy,", "twice"),
        ("per_emotion.csv", "\nfear,", "\nfright,", "name other emotions"),
        ("accuracy_drop.csv", "arousal,", "", "missing: 'arousal'"),
    ],
)
def test_damaged_tables_are_refused(tables, name, old, new, message):
    spoil(tables, name, old, new)
    with pytest.raises(InvalidInput, match=message):
        load_masking_tables(tables)


def test_pairs_in_another_order_and_missing_files_are_refused(tables):
    spoil(tables, "human_distance.csv", "0,surprise,realization", "0,realization,surprise")
    with pytest.raises(InvalidInput, match="351 pairs of attributes.csv in order"):
        load_emotion_concepts(tables)
    (tables / "human_distance.csv").unlink()
    with pytest.raises(MissingData, match="human_distance.csv"):
        load_emotion_concepts(tables)


def test_scores_are_found_by_name_and_unknown_emotions_are_refused():
    twin = emotion_concepts_twin(seed=1)
    names = [name for name in reversed(LABELS) if name != "neutral"]
    scores = attribute_scores(twin, names)
    assert scores.sizes == {"emotion": 27, "attribute": 14}
    assert scores.sel(emotion="joy", attribute="control") == twin.stimuli.table.loc["joy", "control"]
    with pytest.raises(InvalidInput, match=r"The labels 'neutral' have no attributes.*'admiration'"):
        attribute_scores(twin, LABELS)
    with pytest.raises(InvalidInput, match="hold a name twice"):
        attribute_scores(twin, ["joy", "joy"])
    with pytest.raises(InvalidInput, match="has no attribute"):
        attribute_scores(emotion_comments_twin(n_each=1), ["train00000"])


def test_raters_of_the_twin_weigh_attributes_exactly_as_stated():
    twin = emotion_concepts_twin(seed=2)
    assert twin.synthetic
    planted = distances(twin) @ np.array(list(twin.truth["weights"].values()))
    r = [np.corrcoef(planted, rdm.data.values)[0, 1] for rdm in twin.rdms]
    np.testing.assert_allclose(r, twin.truth["r"], atol=1e-12)
    nothing = emotion_concepts_twin(plant="none", seed=2)
    found = [np.corrcoef(distances(nothing).mean(axis=1), rdm.data.values)[0, 1] for rdm in nothing.rdms]
    # 27 stimuli: the SD of a correlation of RDMs that have nothing in common is about .05 to .1.
    assert np.abs(np.mean(found)) < 0.3
    assert set(nothing.truth["weights"].values()) == {0.0}
    with pytest.raises(InvalidInput, match="no plant 'strong'"):
        emotion_concepts_twin(plant="strong")


def test_made_up_comments_have_every_emotion_and_no_text_twice():
    splits = {name: emotion_comments_twin(n_each=n, split=name) for name, n in (("train", 9), ("dev", 3), ("test", 30))}
    for name, twin in splits.items():
        labels, counts = np.unique(twin.stimuli["labels"], return_counts=True)
        assert labels.tolist() == sorted(LABELS)
        assert set(counts) == {twin.truth["n_each"]}
        assert twin.synthetic
        assert twin.name.endswith(name)
    texts = [text.casefold() for twin in splits.values() for text in twin.stimuli.texts]
    assert len(set(texts)) == len(texts) == 28 * 42
    again = emotion_comments_twin(n_each=9)
    assert again.stimuli.texts == splits["train"].stimuli.texts
    assert emotion_comments_twin(n_each=9, seed=1).stimuli.texts != again.stimuli.texts
    with pytest.raises(InvalidInput, match="no split 'all'"):
        emotion_comments_twin(split="all")
    with pytest.raises(InvalidInput, match="choose from 1 to"):
        emotion_comments_twin(n_each=0)

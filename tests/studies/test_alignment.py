"""The study of one's own data, from files: a planted effect found, nothing where nothing is, every control answered."""

import json

import numpy as np
import pandas as pd
import pytest

from consona.core.errors import ConfigError, InvalidInput, MissingData
from consona.engine.config import Execution, load_toml
from consona.engine.run import Run
from consona.report.html import build_report
from consona.studies.alignment import Alignment
from consona.studies.alignment.claims import NAMES
from consona.studies.registry import STUDIES

N, N_FEATURES, N_TARGETS = 120, 10, 30
SMALL = {"n_permutations": 39, "n_permutations_rsa": 99, "n_folds": 4}
WORDS = ("red", "green", "small", "large", "round", "old", "soft", "loud")


def written(folder, *, snr, n_subjects=2, seed=0, opposed=False):
    """Files of a user: stimuli with texts and groups, features, and recordings that hold them (or do not).

    The noise of the second repetition can be the first's with its sign turned, which no ceiling can know.
    """
    rng = np.random.default_rng(seed)
    ids = [f"s{i:03d}" for i in range(N)]
    # 17 divides no repetition of the texts' words, so a text tells nothing of the features
    texts = [" ".join(rng.choice(WORDS, 4)) + f" thing {i}" for i in range(N)]
    table = pd.DataFrame({"stimulus": ids, "text": texts, "group": [f"g{i // 3}" for i in range(N)]})
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "stimuli.csv", index=False)
    X = rng.standard_normal((N, N_FEATURES))
    np.savez(folder / "features.npz", features=X, stimulus=np.array(ids))
    weights = rng.standard_normal((N_FEATURES, N_TARGETS)) / np.sqrt(N_FEATURES)
    roi = np.array(["front"] * 15 + ["back"] * 15)
    for subject in range(n_subjects):
        signal = np.sqrt(snr) * X @ weights
        noise = rng.standard_normal((2, N, N_TARGETS))
        if opposed:
            noise[1] = -noise[0]
        np.savez(folder / f"sub-{subject:02d}.npz", responses=signal + noise, stimulus=np.array(ids), roi=roi)
    return {
        "stimuli": str(folder / "stimuli.csv"),
        "recordings": (str(folder / "sub-*.npz"),),
        "features": str(folder / "features.npz"),
        "group": "group",
    }


def conducted(folder, files, **settings):
    study = Alignment(**{**files, **SMALL, **settings})
    run = Run.create(study, Execution(store=str(folder / "store")), folder / "run")
    return {claim.id: claim for claim in run.conduct()}, run


def outcomes(run):
    """What every check said of a run."""
    file = json.loads((run.folder / "checks.json").read_text())
    return {check["code"]: check["outcome"] for check in file["checks"]}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    return conducted(folder, written(folder / "files", snr=1.0))


def test_a_planted_effect_is_found_up_to_its_ceiling(planted):
    claims, _ = planted
    encoding = claims["encoding"]
    assert encoding.p == 1 / 40
    # two repetitions at snr 1: a perfect model reaches sqrt(1 / (1 + 1/2)); 10 weights from 90 rows cost a little
    assert encoding.ceiling == pytest.approx(np.sqrt(1 / 1.5), abs=0.03)
    assert encoding.ceiling - 0.1 < encoding.effect < encoding.ceiling + 0.02
    assert encoding.interval.low > 0.5
    for name in ("bag of words", "length and position", "shuffled within groups"):
        assert encoding.controls[name].verdict == "held", name
    assert claims["geometry"].p == 1 / 100
    assert claims["decoding"].effect > 0.9


def test_every_control_has_a_verdict_in_every_claim(planted):
    claims, _ = planted
    assert list(claims) == ["encoding", "geometry", "decoding"]
    for claim in claims.values():
        assert tuple(claim.controls) == NAMES == Alignment.controls
    assert "no weights" in claims["encoding"].controls["random weights"].value
    assert "not a time series" in claims["encoding"].controls["autocorrelation"].value


def test_nothing_is_claimed_where_nothing_is(tmp_path):
    claims, _ = conducted(tmp_path, written(tmp_path / "files", snr=0.0, seed=4))
    for claim in claims.values():
        assert claim.controls["Holm over the claims"].verdict == "did not hold"
        assert "not reliably" in claim.statement


def test_scores_are_a_table_and_the_report_shows_every_region(planted):
    _, run = planted
    table = pd.read_csv(run.folder / "results" / "scores.csv")
    assert {"subject", "layer", "target", "roi", "r", "p", "p_max", "q", "ceiling"} <= set(table)
    assert len(table) == 2 * N_TARGETS
    page = build_report(run.folder).read_text()
    for word in ("front", "back", "length and position", "shuffled within groups"):
        assert word in page
    checks = outcomes(run)
    assert "error" not in checks.values()
    assert checks["CON001"] == checks["CON006"] == checks["CON011"] == "passed"


def test_a_score_above_its_ceiling_is_told(planted, tmp_path):
    """Signal 2, noise 1 that cancels in the mean: r is 1, and the ceiling sqrt((2 - 1) / 2) or less."""
    assert outcomes(planted[1])["CON003"] == "passed"
    claims, run = conducted(tmp_path, written(tmp_path / "files", snr=2.0, opposed=True), analyses=("encoding",))
    assert claims["encoding"].ceiling < 0.75
    assert claims["encoding"].effect > 0.99
    assert outcomes(run)["CON003"] == "fired"


def test_a_subject_by_itself_and_all_together_give_the_same_scores(planted, tmp_path):
    run = planted[1]
    first = (run.study.recordings[0].replace("*", "00"),)
    one, _ = conducted(tmp_path, {**run.study.model_dump(exclude_unset=True), "recordings": first})
    table = pd.read_csv(run.folder / "results" / "scores.csv").query("subject == 'sub-00'")
    alone = pd.read_csv(tmp_path / "run" / "results" / "scores.csv")
    np.testing.assert_allclose(alone["r"], table["r"], atol=1e-10)
    assert one["geometry"].ceiling.startswith("one subject")


def test_a_time_series_gets_its_gap_and_the_control_of_order(tmp_path):
    rng, n = np.random.default_rng(3), 200
    ids = [f"v{i:03d}" for i in range(n)]
    smooth = np.exp(-0.5 * (np.arange(-12, 13) / 3) ** 2)
    noise = np.apply_along_axis(np.convolve, 0, rng.standard_normal((n + 24, 12)), smooth, mode="valid")
    X = rng.standard_normal((n, 6))
    np.save(tmp_path / "s1.npy", noise)
    np.savez(tmp_path / "features.npz", features=X, stimulus=np.array(ids))
    pd.DataFrame({"stimulus": ids, "run": "a", "time": np.arange(n) * 2.0}).to_csv(
        tmp_path / "volumes.csv", index=False
    )
    files = {"stimuli": str(tmp_path / "volumes.csv"), "order": str(tmp_path / "volumes.csv"), "hold_out": "time"}
    files |= {"recordings": (str(tmp_path / "s1.npy"),), "features": str(tmp_path / "features.npz")}
    claims, run = conducted(tmp_path, files)
    assert list(claims) == ["encoding"]
    assert claims["encoding"].p > 0.05
    assert claims["encoding"].controls["autocorrelation"].verdict != "not testable here"
    gaps = [note for note in run.manifest.notes if note.startswith("Gap beside test blocks")]
    assert int(gaps[0].split()[4]) >= 6  # the noise is smoothed over about 3 volumes to each side


def test_every_file_of_the_settings_is_looked_for():
    named = ("stimuli", "mask", "features", "order", "targets", "words")
    study = Alignment(**{key: f"{key}.csv" for key in named}, recordings=("a.npy",), hold_out="time")
    assert set(study.requires().paths) == {*(f"{key}.csv" for key in named), "a.npy"}


def test_slips_in_the_settings_are_named(tmp_path):
    files = written(tmp_path / "files", snr=1.0, n_subjects=1)
    with pytest.raises(ValueError, match="Give either 'model'"):
        Alignment(**{**files, "model": "minilm"})
    (tmp_path / "study.toml").write_text('study = "alignment"\n[science]\nstimuli = "stimuli.csv"\n')
    with pytest.raises(ConfigError, match="'recordings' has no default and must be given"):
        load_toml(tmp_path / "study.toml", STUDIES)
    with pytest.raises(MissingData, match="no-such"):
        conducted(tmp_path / "a", {**files, "recordings": (str(tmp_path / "no-such.npz"),)})
    with pytest.raises(InvalidInput, match="no column 'storey'"):
        conducted(tmp_path / "b", {**files, "group": "storey"})
    with pytest.raises(InvalidInput, match="have no coordinate 'area'"):
        conducted(tmp_path / "c", {**files, "region": "area"})

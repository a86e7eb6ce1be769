"""Results of every figure kind, made from planted numbers, and a run folder that holds them."""

import numpy as np
import pandas as pd
import xarray as xr
from decoding_samples import KINDS as OF_DECODERS
from guidance_samples import KINDS as OF_GUIDANCE
from neuron_samples import KINDS as OF_NEURONS
from scene_samples import KINDS as OF_SCENES

from consona.engine.claims import ChecksFile, ClaimsFile
from consona.engine.forms import to_netcdf
from consona.engine.manifest import (
    Commit,
    DatasetEntry,
    Environment,
    Manifest,
    ObjectEntry,
    ShardsEntry,
    StepEntry,
)

SCRIPT = "<script>alert(1)</script></style></title><img src=x onerror=alert(2)>{{ 7*7 }}"
EMOTIONS = ["Anger", "Disgust", "Fear", "Sadness", "Neutral", "Amusement", "Inspiration", "Joy", "Tenderness"]
CODE = np.array([-1, -1, -1, -1, 0, 1, 1, 1, 1])
CLIPS_PER_CLASS = [3, 3, 3, 3, 4, 3, 3, 3, 3]
CHANNELS = [
    "Fp1",
    "Fp2",
    "Fz",
    "F3",
    "F4",
    "F7",
    "F8",
    "FC1",
    "FC2",
    "FC5",
    "FC6",
    "Cz",
    "C3",
    "C4",
    "T7",
    "T8",
    "CP1",
    "CP2",
    "CP5",
    "CP6",
    "Pz",
    "P3",
    "P4",
    "P7",
    "P8",
    "PO3",
    "PO4",
    "Oz",
    "O1",
    "O2",
    "A2",
    "A1",
]
BANDS = ["delta", "theta", "alpha", "beta", "gamma"]
HOLD_OUTS = ["in-sample", "subject", "clip", "emotion"]


def _named(ds, kind, title, caption, **attrs):
    return ds.assign_attrs(figure=kind, title=title, caption=caption, **attrs)


def axis_profile(rng):
    x = np.array([-1.12, -1.07, -0.98, -0.68, -0.27, 0.97, 0.78, 0.55, 1.89])
    ds = xr.Dataset(
        {"projection": ("emotion", x), "low": ("emotion", x - 0.12), "high": ("emotion", x + 0.14)},
        coords={"emotion": EMOTIONS, "valence_code": ("emotion", CODE)},
    )
    return _named(
        ds,
        "axis_profile",
        "Class means on the axis",
        "Mean projection of the 50 paraphrases of each story, in standard deviations; whiskers: 95 % over paraphrases.",
        n="450 texts",
    )


def roc(rng):
    point = np.linspace(0, 1, 60)
    power = np.array([4.2, 1.7, 1.05])
    auc = power / (power + 1)
    ds = xr.Dataset(
        {
            "fpr": (("corpus", "point"), np.tile(point, (3, 1))),
            "tpr": (("corpus", "point"), point ** (1 / power[:, None])),
            "auc": ("corpus", auc),
            "low": ("corpus", auc - 0.025),
            "high": ("corpus", auc + 0.022),
        },
        coords={"corpus": ["SST-2", "GoEmotions", "nonce texts"]},
    )
    return _named(
        ds,
        "roc",
        "Zero-shot sentiment",
        "The axis was never shown a sentiment label. Intervals: bootstrap over sentences, 95 %.",
        n="872 and 3,112 texts",
    )


def layer_sweep(rng):
    layer = np.arange(12)
    base = 0.52 + 0.32 / (1 + np.exp(-(layer - 7.5)))
    score = np.stack([base, base - 0.06 - 0.05 * np.sin(layer)])
    ds = xr.Dataset(
        {"score": (("treatment", "layer"), score), "low": (("treatment", "layer"), score - 0.02),
         "high": (("treatment", "layer"), score + 0.02)},
        coords={"treatment": ["standardised", "as they are"], "layer": layer},
    )  # fmt: skip
    return _named(
        ds,
        "layer_sweep",
        "Sentiment by layer",
        "With and without features standardised, since one massive dimension can hide the axis.",
        ylabel="AUC on SST-2",
        chosen_layer=10,
        reference=0.5,
    )


def clip_scatter(rng):
    emotion = np.repeat(EMOTIONS, CLIPS_PER_CLASS)
    code = np.repeat(CODE, CLIPS_PER_CLASS)
    x = np.repeat([-1.12, -1.07, -0.98, -0.68, -0.27, 0.97, 0.78, 0.55, 1.89], CLIPS_PER_CLASS)
    y = 0.6 * x + rng.normal(0, 0.55, 28)
    null = rng.normal(0.02, 0.33, 4000).clip(-0.97, 0.97)
    r = float(np.corrcoef(x, y)[0, 1])
    ds = xr.Dataset(
        {"value": ("stimulus", x), "readout": ("stimulus", y), "null": ("permutation", null)},
        coords={
            "stimulus": [f"clip{i:02d}" for i in range(1, 29)],
            "emotion": ("stimulus", emotion),
            "valence_code": ("stimulus", code),
        },
    )
    return _named(
        ds,
        "clip_scatter",
        "28 clips: model and EEG",
        "Each point is one clip. The nine values on the horizontal axis are class texts, so n is 9, not 28.",
        r=r,
        p=0.0113,
        hold_out="clip",
        xlabel="projection of the class text [SD]",
        ylabel="EEG read-out [SD]",
        n="28 clips, 9 distinct values",
    )


def hold_outs(rng):
    goals = ["axis, class text", "axis, plot line", "rated valence"]
    r = np.array([[0.93, 0.86, 0.43, 0.05], [0.91, 0.79, 0.38, -0.02], [0.94, 0.88, 0.49, 0.11]])
    mean = np.array([[0.88, 0.74, -0.12, -0.2]] * 3)
    ds = xr.Dataset(
        {
            "r": (("goal", "hold_out"), r),
            "null_mean": (("goal", "hold_out"), mean),
            "null_low": (("goal", "hold_out"), mean - 0.28),
            "null_high": (("goal", "hold_out"), np.minimum(mean + 0.28, 0.97)),
            "p": (
                ("goal", "hold_out"),
                np.array([[0.31, 0.08, 0.011, 0.21], [0.4, 0.22, 0.02, 0.33], [0.2, 4e-5, 3e-3, 0.1]]),
            ),
        },
        coords={"goal": goals, "hold_out": HOLD_OUTS},
    )
    return _named(
        ds,
        "hold_outs",
        "Four hold-outs",
        "Dot: r of the cohort mean. Grey: mean and 95 % range of r when whole classes change places and everything is "
        "fitted again. Hollow: in-sample, shown only for comparison with published numbers.",
        n="123 subjects, 28 clips",
    )


def scalp(rng):
    r = rng.normal(0, 0.13, (32, 5)) + 0.3 * np.outer(np.sin(np.arange(32) / 6), [0.1, 0.1, 0.4, 0.7, 1.0])
    p = np.where(np.abs(r) > 0.4, 0.02, 0.6)
    ds = xr.Dataset(
        {"r": (("channel", "band"), r), "p_max": (("channel", "band"), p), "q": (("channel", "band"), p * 1.5)},
        coords={"channel": CHANNELS, "band": BANDS},
    )
    return _named(
        ds,
        "scalp",
        "Where and in which band",
        "Correlation of each cell with the axis over 28 clips.",
        n="32 channels × 5 bands",
    )


def subjects(rng):
    r = np.stack([rng.normal(m, 0.2, 123) for m in (0.55, 0.21, 0.12, 0.02)])
    ds = xr.Dataset(
        {"r": (("hold_out", "subject"), r)},
        coords={
            "hold_out": HOLD_OUTS,
            "subject": [f"sub{i:03d}" for i in range(123)],
            "cohort": ("subject", np.where(np.arange(123) < 68, 1, 2)),
        },
    )
    return _named(ds, "subjects", "Every subject", "One dot per subject; bar: median.", n="123 subjects")


def lines(rng):
    x = np.array([1, 2, 5, 10, 20, 50])
    y = np.stack([0.6 + 0.06 * np.log(x), 0.55 + 0.05 * np.log(x), np.full(6, 0.51)])
    ds = xr.Dataset(
        {"y": (("series", "x"), y), "low": (("series", "x"), y - 0.03), "high": (("series", "x"), y + 0.03)},
        coords={"series": ["SST-2", "GoEmotions", "shuffled classes"], "x": x},
    )
    return _named(
        ds,
        "lines",
        "How many stories are needed",
        "AUC by stories per class.",
        xlabel="stories per class",
        ylabel="AUC",
        reference=0.5,
    )


def heatmap(rng):
    names = ["MiniLM", "GPT-2", "Pythia-1.4B", "Qwen3-0.6B"]
    value = np.array([[1, 0.61, 0.24, 0.87], [0.61, 1, 0.35, 0.58], [0.24, 0.35, 1, np.nan], [0.87, 0.58, np.nan, 1]])
    ds = xr.Dataset({"value": (("row", "column"), value)}, coords={"row": names, "column": names})
    return _named(ds, "heatmap", "Agreement of models", "Pearson r of 28 clip values.", label="r")


def bars(rng):
    names = ["axis projected out", "random direction", "three-level code", "given rated valence"]
    effect = np.array([-0.21, -0.003, 0.14, 0.05])
    ds = xr.Dataset(
        {
            "effect": ("label", effect),
            "low": ("label", effect - 0.05),
            "high": ("label", effect + 0.04),
            "null_low": ("label", np.full(4, -0.06)),
            "null_high": ("label", np.full(4, 0.06)),
        },
        coords={"label": names},
    )
    return _named(ds, "bars", "Taking the axis away", "Change in AUC; grey: 199 matched directions.", xlabel="Δ AUC")


def regions(rng):
    series, names = ["MiniLM", "random weights", "length and position"], ["EVC", "LOC", "PPA", "FFA"]
    score = np.array([[0.12, 0.48, 0.41, 0.22], [0.05, 0.2, 0.18, 0.02], [0.01, 0.04, -0.03, 0.06]])
    ds = xr.Dataset(
        {
            "score": (("series", "region"), score),
            "low": (("series", "region"), score - 0.06),
            "high": (("series", "region"), score + 0.05),
            "null_low": ("region", np.full(4, -0.08)),
            "null_high": ("region", np.full(4, 0.07)),
            "ceiling": ("region", np.array([0.5, 0.7, 0.65, np.nan])),
        },
        coords={"series": series, "region": names},
    )
    return _named(ds, "regions", "Regions", "Dots with 95 % intervals; grey: the null; dashes: ceiling.", xlabel="r")


def rdms(rng):
    square = np.abs(np.arange(24)[:, None] - np.arange(24)) + rng.random((24, 24))
    noise = rng.random((24, 24))
    both = np.stack([square + square.T, noise + noise.T])
    names = [f"s{i:02d}" for i in range(24)]
    coords = {"matrix": ["brain", "model"], "first": names, "second": names}
    ds = xr.Dataset({"dissimilarity": (("matrix", "first", "second"), both)}, coords)
    return _named(ds, "rdms", "Dissimilarities", "Ranks; light is alike.")


def null(rng):
    counts = np.stack([np.histogram(rng.normal(0, s, 200), np.linspace(-0.5, 0.5, 31))[0] for s in (0.1, 0.15)])
    ds = xr.Dataset(
        {
            "counts": (("label", "bin"), counts.astype(float)),
            "edges": ("edge", np.linspace(-0.5, 0.5, 31)),
            "observed": ("label", np.array([0.42, 0.1])),
            "p": ("label", np.array([0.005, 0.22])),
        },
        coords={"label": ["encoding", "geometry"]},
    )
    return _named(ds, "null", "Nulls", "Each order fitted again.", xlabel="r")


def slices(rng):
    volume = np.full((12, 10, 4), np.nan)
    volume[2:10, 2:8, 1:] = rng.normal(0.1, 0.1, (8, 6, 3))
    return _named(xr.Dataset({"value": (("i", "j", "k"), volume)}), "slices", "Map", "Voxels of the mask.", label="r")


def table(rng):
    ds = pd.DataFrame(
        {"corpus": ["SST-2", "EmoBank"], "texts": [872, 1000], "AUC": [0.8123, np.nan], "Pearson": [np.nan, 0.412]}
    ).to_xarray()
    return _named(ds, "table", "Text corpora", "All scores without a label shown to the axis.")


DRAWN = (axis_profile, roc, layer_sweep, clip_scatter, hold_outs, scalp, subjects, lines, heatmap, bars)
KINDS = {each.__name__: each for each in (*DRAWN, regions, rdms, null, slices, table)}
KINDS |= OF_DECODERS | OF_NEURONS | OF_GUIDANCE | OF_SCENES


def sample(kind):
    return KINDS[kind](np.random.default_rng(7))


CLAIMS = [
    {
        "id": "text",
        "statement": "The model orders the sentiment of sentences it was never shown a label for",
        "effect": 0.808,
        "unit": "AUC on SST-2 (0.5 is chance)",
        "interval": {"low": 0.783, "high": 0.83, "level": 0.95, "method": "bootstrap over sentences"},
        "p": 0.005,
        "null": {"name": "matched directions", "permuted": "the axis", "n": 199, "exact": False},
        "n": 872,
        "n_of": "sentences",
        "ceiling": "human labels are the criterion, their reliability is not published",
        "controls": {
            "random directions": {
                "verdict": "held",
                "rule": "above the 95th percentile of 199 directions matched in variance",
                "value": "0.808 against 0.571",
            },
            "nonce texts": {
                "verdict": "held",
                "rule": "at most 0.60 on nonce-word stories",
                "value": "0.512 against 0.600",
            },
        },
        "synthetic": False,
    },
    {
        "id": "eeg-clip",
        "statement": "The valence axis of the model is in the EEG of clips that the read-out was not fitted on",
        "effect": 0.55,
        "unit": "r minus the mean of its null",
        "interval": {"low": 0.21, "high": 0.74, "level": 0.95, "method": "bootstrap over subjects"},
        "p": 0.0113,
        "null": {"name": "classes permuted as blocks", "permuted": "nine class labels", "n": 362880, "exact": True},
        "n": 9,
        "n_of": "distinct class values of 28 clips",
        "ceiling": 0.89,
        "controls": {
            "random axes": {
                "verdict": "held",
                "rule": "above the 95th percentile of nine-level random goals",
                "value": "0.430 against 0.312",
            },
            "new emotion": {
                "verdict": "did not hold",
                "rule": "p at most 0.05, whole emotion held out",
                "value": "p = 0.21",
            },
            "given rated valence": {
                "verdict": "did not hold",
                "rule": "partial r above 0.2",
                "value": "0.051 against 0.200",
            },
            "repetitions": {
                "verdict": "not testable here",
                "rule": "split-half reliability above 0.5",
                "value": "each clip was shown once",
            },
        },
        "synthetic": False,
    },
]
CHECKS = [
    {"code": code, "title": title, "severity": severity, "outcome": outcome, "message": message, "where": (),
     "page": f"docs/checks/{code}.md"}
    for code, title, severity, outcome, message in (
        ("CON001", "A group is in both train and test", "serious", "passed", "Looked at 3."),
        ("CON002", "A layer was chosen on the data it is reported on", "serious", "passed", "Looked at 1."),
        ("CON003", "A score exceeds its ceiling by more than its interval", "serious", "not applicable",
         "Nothing to look at."),
        ("CON004", "The smallest p is above α after correction", "caution", "passed", "Looked at 5."),
        ("CON007", "Many targets tested, none corrected", "serious", "passed", "Looked at 1."),
        ("CON008", "A stimulus was truncated by the tokenizer", "caution", "passed", "Looked at 4."),
        ("CON011", "A score is in-sample, or what was held out shares stimuli with training", "caution", "fired",
         "hold-out subject: all 28 clips are in training as well; in-sample is shown for comparison only."),
    )
]  # fmt: skip
TOML = """# Is it there?
study = "valence-axis"

[science]
# Language model: Hub id, local folder, or minilm.
model = "minilm"
# Block to read, from the end.
layer = -2
# How the axis is made from class means. One of: A, B, C.
recipe = "A"
# Seed of everything random.
seed = 7

[execution]
device = "cpu"
"""
ENVIRONMENT = Environment(
    python="3.11.9",
    platform="Linux-6.1-x86_64",
    machine="x86_64",
    n_cores=2,
    packages={
        "jinja2": "3.1.6",
        "mne": "1.13.2",
        "numpy": "2.4.6",
        "scipy": "1.17.1",
        "torch": "2.13.0+cpu",
        "zipp": "3.1",
    },
    consona=Commit(commit="cbe50ab1f766a69d5c2a0f6b1d8e5e1b7a1c2d3e", dirty=True),
    here=None,
)
DATASETS = (
    DatasetEntry(
        name="FACED", version="1", licence="CC-BY-4.0", synthetic=False, n_subjects=123, n_stimuli=28,
        citation="Chen J, Wang X, Huang C, et al. A Large Finer-grained Affective Computing EEG Dataset. "
        "Scientific Data 10, 740 (2023).",
        checksums={f"sub{i:03d}.pkl": f"{i:02d}aa51172d142c89d9012cce15ae4d6c" for i in range(9)},
    ),
    DatasetEntry(
        name="SST-2", version="1", licence="research", synthetic=False, n_subjects=0, n_stimuli=872,
        citation="Socher R, et al. Recursive deep models for semantic compositionality over a sentiment treebank. "
        "EMNLP (2013).",
        checksums={"dev.tsv": "91aa53b0d142c89d9012cce15ae4d6cc"},
    ),
)  # fmt: skip
CALLS = {
    "told": ("consona.lm.model.LanguageModel.capture", 21.4, ShardsEntry(made=2)),
    "axis": ("consona.concepts.axis.concept_axis", 0.03, ShardsEntry()),
    "controls": ("consona.stats.ridge.ridge_path", 74.0, ShardsEntry(found=4, quarantined=1)),
}


def manifest(objects=(), **changes):
    """The manifest of a finished run whose last step made ``objects``."""
    steps = [
        StepEntry(
            name=name, status="finished", function=function, key=f"{i}b41c09d77e1f2aa", code="0", inputs={}, seed=7,
            device="cpu", reused=False, seconds=seconds, peak_memory_mb=812.3, shards=shards,
            objects=tuple(objects) if name == "controls" else (),
        )
        for i, (name, (function, seconds, shards)) in enumerate(CALLS.items())
    ]  # fmt: skip
    facts = {
        "study": "valence-axis",
        "question": "Is the valence axis of a language model also in the EEG of people who watch emotional films?",
        "science": {"model": "minilm", "layer": -2, "recipe": "A", "seed": 7},
        "execution": {"device": "cpu", "threads": 1},
        "status": "finished",
        "version": "0.1.0",
        "created": "2026-11-22T16:20:34+00:00",
        "updated": "2026-11-22T16:24:10+00:00",
        "command": ("consona", "run", "valence.toml"),
        "environment": ENVIRONMENT,
        "models": ({"name": "minilm", "revision": "53aa51172d142c89d9012cce", "dtype": "float32", "layers": 6},),
        "datasets": DATASETS,
        "steps": tuple(steps),
        "notes": ("13 of the 14 models of the paper are not on this computer; consistency was computed over 1",),
    }
    return Manifest(**(facts | changes))


def write_run(folder, results=None, *, claims=CLAIMS, checks=CHECKS, **changes):
    """A run folder such as a finished run leaves behind; ``results`` by name, by default one of each kind."""
    results = {f"{i:02d}-{kind}": sample(kind) for i, kind in enumerate(KINDS)} if results is None else results
    (folder / "results").mkdir(parents=True)
    objects = []
    for name, data in results.items():
        (folder / "results" / f"{name}.nc").write_bytes(to_netcdf(data))
        objects.append(
            ObjectEntry(file=f"results/{name}.nc", sha256="0", size=0, suffix="nc", noun="Dataset", dims=(), shape=())
        )
    about = {"study": "valence-axis", "run": folder.name}
    (folder / "claims.json").write_text(
        ClaimsFile(**about, question="?", claims=claims).model_dump_json(), encoding="utf-8"
    )
    (folder / "checks.json").write_text(ChecksFile(**about, checks=checks).model_dump_json(), encoding="utf-8")
    (folder / "manifest.json").write_text(manifest(objects, **changes).model_dump_json(), encoding="utf-8")
    (folder / "study.toml").write_text(TOML, encoding="utf-8")
    return folder


def hostile_run(folder):
    """A run in which every text that a user or a file can set is a script."""
    data = sample("axis_profile").assign_coords(emotion=[SCRIPT, *EMOTIONS[1:]])
    data = data.assign_attrs(title=SCRIPT, caption=SCRIPT, n=SCRIPT, notes=SCRIPT)
    table = sample("table").assign(corpus=("index", [SCRIPT, "b"])).assign_attrs(title=SCRIPT)
    odd = sample("table").assign_attrs(figure=SCRIPT, title=SCRIPT)
    claims = [CLAIMS[0] | {"statement": SCRIPT, "unit": SCRIPT, "ceiling": SCRIPT, "n_of": SCRIPT}]
    claims[0]["controls"] = {SCRIPT: {"verdict": "did not hold", "rule": SCRIPT, "value": SCRIPT}}
    checks = [CHECKS[6] | {"title": SCRIPT, "message": SCRIPT, "code": SCRIPT}]
    facts = dict.fromkeys(("name", "version", "licence", "citation"), SCRIPT)
    return write_run(
        folder,
        {"a": data, "b": table, "c": odd, "d<script>": sample("lines")},
        claims=claims,
        checks=checks,
        question=SCRIPT,
        study=SCRIPT,
        science={SCRIPT: SCRIPT},
        models=({"name": SCRIPT, SCRIPT: SCRIPT},),
        datasets=(DATASETS[0].model_copy(update=facts | {"checksums": {SCRIPT: SCRIPT}}),),
        notes=(SCRIPT,),
        error=SCRIPT,
        command=(SCRIPT,),
    )

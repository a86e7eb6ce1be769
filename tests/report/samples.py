"""Results of every figure kind, made from planted numbers, and a run folder that holds them."""

import json

import numpy as np
import pandas as pd
import xarray as xr

EMOTIONS = ["Anger", "Disgust", "Fear", "Sadness", "Neutral", "Amusement", "Inspiration", "Joy", "Tenderness"]
CODE = np.array([-1, -1, -1, -1, 0, 1, 1, 1, 1])
CLIPS_PER_CLASS = [3, 3, 3, 3, 4, 3, 3, 3, 3]
CHANNELS = (
    "Fp1 Fp2 Fz F3 F4 F7 F8 FC1 FC2 FC5 FC6 Cz C3 C4 T7 T8 CP1 CP2 CP5 CP6 Pz P3 P4 P7 P8 PO3 PO4 Oz O1 O2 A2 A1"
).split()
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
            "p": (("goal", "hold_out"), np.array([[0.31, 0.08, 0.011, 0.21], [0.4, 0.22, 0.02, 0.33], [0.2, 4e-5, 3e-3, 0.1]])),
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


def table(rng):
    ds = pd.DataFrame(
        {"corpus": ["SST-2", "EmoBank"], "texts": [872, 1000], "AUC": [0.8123, np.nan], "Pearson": [np.nan, 0.412]}
    ).to_xarray()
    return _named(ds, "table", "Text corpora", "All scores without a label shown to the axis.")


KINDS = {
    each.__name__: each
    for each in (axis_profile, roc, layer_sweep, clip_scatter, hold_outs, scalp, subjects, lines, heatmap, bars, table)
}


def sample(kind):
    return KINDS[kind](np.random.default_rng(7))

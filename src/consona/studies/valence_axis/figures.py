"""The pictures of the study: results with a title, a caption and the kind of drawing; nothing is computed here."""

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.score import Score

Array = npt.NDArray[np.float64]


def _figure(data: xr.Dataset, kind: str, title: str, caption: str, **more: str | float | int) -> xr.Dataset:
    attrs = {**data.attrs, "figure": kind, "title": title, "caption": typeset(caption), **more}
    return data.assign_attrs(attrs)


def typeset(text: str) -> str:
    """Hyphens before digits become minus signs."""
    return re.sub(r"(?<![\w.])-(?=[\d.])", "\N{MINUS SIGN}", text)


def profile(data: xr.Dataset, *, share: float, recipe: str, layer: int) -> xr.Dataset:
    """Classes along the axis."""
    caption = (
        f"Mean projection of the texts of each class (recipe {recipe}, block {layer}, counted from 0), with 95 % "
        f"bootstrap "
        f"intervals over texts. The first component explains {share:.0%} of the variance between class means. The "
        f"axis was fitted on "
        f"these "
        "texts: the order is a description, not a test."
    )
    return _figure(data, "axis_profile", "Nine classes of story along the axis", caption)


def roc(data: xr.Dataset) -> xr.Dataset:
    """Sentiment without labels."""
    caption = (
        "Sentences the axis never saw, ordered by their projection. No label was used; intervals are 95 %, over texts."
    )
    return _figure(data, "roc", "Zero-shot sentiment", caption)


def zero_shot_numbers(scores: Mapping[str, Score]) -> xr.Dataset:
    """AUC and label-free accuracy of every labelled corpus."""
    keys = ("AUC", "low", "high", "accuracy, median threshold", "texts", "cut by the tokenizer")
    rows = [
        (*s.data.values[:1], s.attrs["low"], s.attrs["high"], s.data.values[1], s.attrs["n"], s.attrs["n_truncated"])
        for s in scores.values()
    ]
    columns = {key: ("label", np.array(column, dtype=float)) for key, column in zip(keys, zip(*rows), strict=True)}
    caption = "The threshold of the accuracy is the median of all projections: no label sets it."
    return _figure(xr.Dataset(columns, {"label": list(scores)}), "table", "Zero-shot sentiment in numbers", caption)


def text_controls(
    zero_shot: Score, references: xr.Dataset, chance: Mapping[str, Array], removal: xr.Dataset, *, corpus: str
) -> xr.Dataset:
    """The axis between what labels can do and what chance can do."""
    rows = [("the axis", float(zero_shot.data[0]), zero_shot.attrs["low"], zero_shot.attrs["high"], np.nan, np.nan)]
    for i, name in enumerate(references["label"].values):
        effect, low, high = (float(references[key][i]) for key in ("effect", "low", "high"))
        rows.append((str(name), effect, low, high, np.nan, np.nan))
    for name, values in chance.items():
        spread = np.quantile(values, (0.025, 0.975)) if len(values) > 1 else (np.nan, np.nan)
        rows.append((name, float(np.asarray(values).mean()), np.nan, np.nan, float(spread[0]), float(spread[1])))
    names = [row[0] for row in rows]
    table = np.array([row[1:] for row in rows], dtype=float)
    keys = ("effect", "low", "high", "null_low", "null_high")
    data = xr.Dataset({key: ("label", table[:, i]) for i, key in enumerate(keys)}, {"label": names})
    lost = float(removal["loss"]), float(removal["null_mean"]), float(removal["p"])
    caption = (
        f"Area under the ROC curve on {corpus}. The regression is trained on labels of the same features and is a "
        f"reference. "
        "Grey ranges hold 95 % of the content-free axes. Projected out of the features, the axis costs a probe that is "
        f"trained again {lost[0]:.4f}; directions of equal variance cost {lost[1]:.4f} on average (p = {lost[2]:.2g})."
    )
    return _figure(
        data, "bars", "The axis beside references and chance", caption, xlabel=f"AUC on {corpus}", reference=0.5
    )


def layers(data: xr.Dataset, *, chosen: int, corpus: str) -> xr.Dataset:
    """Every layer, with and without massive dimensions."""
    massive = ", ".join(str(int(n)) for n in data["n_massive"].values)
    caption = (
        f"Axis fitted and tried at every block, on {corpus}. Massive dimensions are found among the axis texts "
        f"(per block: {massive}). The dashed line marks the block that the settings fixed beforehand."
    )
    return _figure(data, "layer_sweep", "Layer by layer", caption, ylabel=f"AUC on {corpus}", chosen_layer=chosen)


def shots(data: xr.Dataset, *, corpus: str) -> xr.Dataset:
    """How many texts an axis needs."""
    caption = "Median and 95 % range over 20 random choices of texts per class (the last point uses all of them)."
    return _figure(
        data, "lines", "How many texts make an axis", caption, xlabel="texts per class", ylabel=f"AUC on {corpus}"
    )


def recipes(data: xr.Dataset, *, corpus: str) -> xr.Dataset:
    """Other recipes for the axis."""
    caption = "Every recipe read in its own way; 95 % bootstrap intervals over texts."
    return _figure(data, "bars", "Other recipes for the axis", caption, xlabel=f"AUC on {corpus}", reference=0.5)


def seed_sets(data: xr.Dataset, *, corpus: str) -> xr.Dataset:
    """Axes from independently written stories."""
    others = data["cosine"].values[np.triu_indices(data.sizes["label"], 1)]
    counts = ", ".join(str(int(n)) for n in data["n_texts"].values)
    caption = (
        f"Three sets of stories written independently ({counts} texts). Cosines between their axes run from "
        f"{others.min():.2f} to {others.max():.2f}."
    )
    kept = data[["effect"]].drop_vars("other", errors="ignore")
    return _figure(kept, "bars", "Axes from other stories", caption, xlabel=f"AUC on {corpus}", reference=0.5)


def graded(scores: Mapping[str, Score]) -> xr.Dataset:
    """Correlation with graded ratings of texts."""
    table = np.array([(float(s.data[0]), s.attrs["low"], s.attrs["high"]) for s in scores.values()])
    data = xr.Dataset(
        {k: ("label", table[:, i]) for i, k in enumerate(("effect", "low", "high"))}, {"label": list(scores)}
    )
    caption = (
        "Pearson r with graded ratings, 95 % bootstrap intervals over texts. Arousal: an axis fitted by the same "
        "call to "
        "the mean rated arousal of the nine classes."
    )
    return _figure(data, "bars", "Graded ratings of texts", caption, xlabel="Pearson r", reference=0.0)


def clip_scatter(score: xr.Dataset, goal: str, value: Array, *, xlabel: str) -> xr.Dataset:
    """28 clips: axis against EEG read-out, beside the null in which whole classes change places."""
    one = score.sel(goal=goal)
    p = float(one["p"].sel(null="class block"))
    data = xr.Dataset(
        {
            "value": ("stimulus", value),
            "readout": ("stimulus", one["predicted"].values),
            "null_counts": ("bin", one["null_counts"].values),
            "null_edges": ("edge", np.linspace(-1, 1, one.sizes["bin"] + 1)),
        },
        {"stimulus": score["stimulus"].values, "emotion": ("stimulus", score["emotion"].values)},
    )
    caption = (
        f"{int(one['n_values'])} distinct values over {score.sizes['stimulus']} clips; every read-out comes from "
        f"fits that "
        f"never saw the clip. Right: all orders of the nine classes, each fitted again. r = {float(one['r']):.2f}, "
        f"mean of "
        f"the null {float(one['null_mean'].sel(null='class block')):.2f}, p = {p:.3g}."
    )
    data = data.assign_attrs(r=float(one["r"]), p=p, hold_out=str(score.attrs["hold_out"]))
    return _figure(data, "clip_scatter", f"Clips: {goal}", caption, xlabel=xlabel, ylabel="EEG read-out")


def hold_outs(scores: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Four hold-outs side by side, each beside its own null; nothing is averaged across them."""
    block = {name: score.sel(null="class block") for name, score in scores.items()}
    keys = ("r", "null_mean", "null_low", "null_high", "p")
    first = next(iter(block.values()))
    data = xr.Dataset(
        {key: (("goal", "hold_out"), np.stack([s[key].values for s in block.values()], axis=1)) for key in keys},
        {"goal": first["goal"].values, "hold_out": list(block)},
    )
    caption = (
        "r over 28 clips (dots) beside the mean and 95 % range of its class-block null (grey), in which every order "
        "of the "
        "nine classes is fitted again. Only the distance from the grey range counts: under 'subject' the same clips "
        "are in "
        "training, and any label that is tied to the clip is predicted."
    )
    return _figure(data, "hold_outs", "Four ways of holding out", caption, n=f"{first.attrs['n_subjects']} subjects")


def scalp(data: xr.Dataset, *, goal: str) -> xr.Dataset:
    """Every channel and band alone."""
    n, best = int((data["p_max"] <= 0.05).sum()), float(data["p_max"].min())
    caption = (
        f"Correlation over clips of each channel and band with {goal} (mean over subjects of z-scored differential "
        f"entropy). "
        f"Corrected by the maximum over all cells, all orders of the classes: {n} of {data['r'].size} cells at p ≤ "
        f".05; the "
        f"smallest corrected p is {best:.2g}."
    )
    return _figure(data, "scalp", "Where on the scalp", caption)


def subjects(scores: Mapping[str, xr.Dataset], goal: str) -> xr.Dataset:
    """The same agreement in every single subject."""
    rows = {name: score.sel(goal=goal) for name, score in scores.items()}
    first = next(iter(rows.values()))
    data = xr.Dataset(
        {"r": (("hold_out", "subject"), np.stack([row["r_subject"].values for row in rows.values()]))},
        {"hold_out": list(rows), "subject": first["subject"].values, "cohort": ("subject", first["cohort"].values)},
    )
    caption = f"r over clips between the read-out of one subject and {goal}; colours are the two recording cohorts."
    return _figure(data, "subjects", "Single subjects", caption)


def models(data: xr.Dataset, *, version: str) -> xr.Dataset:
    """Agreement between models."""
    caption = f"Pearson r between the values that two models give to the 28 clips ({version})."
    return _figure(data, "heatmap", "Agreement between models", caption, label="Pearson r")


def controls(data: xr.Dataset) -> xr.Dataset:
    """What is left of the agreement when something simpler is held constant."""
    flat = data[["r", "null_mean", "p"]].stack(row=("goal", "control")).dropna("row")
    names = [f"{goal}, {control}" for goal, control in flat["row"].values.tolist()]
    plain = {key: ("label", flat[key].values) for key in ("r", "null_mean", "p")}
    table = xr.Dataset(plain, {"label": names})
    caption = (
        "Under hold-out of the clip. Held constant: the three-level code (orders that exchange classes of one level) "
        "or the "
        "rated valence (all orders); or only clips of one pole."
    )
    return _figure(table, "table", "When something simpler is held constant", caption)


def nulls(scores: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """All nulls of all hold-outs, as numbers."""
    rows = []
    for name, score in scores.items():
        for goal in score["goal"].values:
            one = score.sel(goal=goal)
            p = [float(one["p"].sel(null=null)) for null in score["null"].values]
            mean = float(one["null_mean"].sel(null="class block"))
            values = [float(one["r"]), mean, float(one["r"]) - mean, float(one["low"]), float(one["high"])]
            rows.append((f"{goal} | {name}", *values, *p, float(one["r_classes"]), float(one["p_classes"])))
    keys = (
        "r",
        "mean of null",
        "difference",
        "low",
        "high",
        "p class block",
        "p iid",
        "p random levels",
        "r of 9 classes",
        "p of 9 classes",
    )
    table = np.array([row[1:] for row in rows])
    data = xr.Dataset({key: ("label", table[:, i]) for i, key in enumerate(keys)}, {"label": [row[0] for row in rows]})
    caption = (
        "The iid null exchanges single clips and is too narrow for a predictor with nine values; it is shown because "
        "it was "
        "used. Intervals are of the difference, over subjects, fits kept."
    )
    return _figure(data, "table", "Every null, in numbers", caption)


def cohort_mean(scores: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """The same with the mean EEG of all subjects as the only row per clip."""
    rows, names = [], []
    for name, score in scores.items():
        one = score.sel(null="class block")
        for i, goal in enumerate(score["goal"].values):
            rows.append([float(one[key][i]) for key in ("r", "null_mean", "p")])
            names.append(f"{goal} | {name}")
    table = np.array(rows)
    data = xr.Dataset({k: ("label", table[:, i]) for i, k in enumerate(("r", "null_mean", "p"))}, {"label": names})
    caption = (
        "28 rows, 160 features: the mean over subjects first, then the same ridge. In-sample, 160 features describe 28 "
        "values of any kind; subjects cannot be held out of their own mean."
    )
    return _figure(data, "table", "Mean EEG of all subjects", caption)


def classes(scores: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Nine one-hot classes as the target."""
    keys = ("accuracy", "null_mean", "p")
    columns = {key: ("label", np.array([float(score[key]) for score in scores.values()])) for key in keys}
    data = xr.Dataset(columns, {"label": list(scores)})
    caption = (
        "Balanced accuracy of nine classes over 28 clips (one in nine by guessing); the null permutes the labels of "
        "clips and "
        "fits again. A class that is held out whole was never seen, so its accuracy is undefined."
    )
    return _figure(data, "table", "One-hot class as target", caption)


def published(data: xr.Dataset) -> xr.Dataset:
    """The comparison as it was published."""
    caption = (
        "The published headline correlates an axis with an EEG read-out of rated valence. Here it is beside the "
        "class-block "
        "p, and what is left when the ratings are held constant. Nothing in it tests EEG beyond the ratings."
    )
    return _figure(data, "table", "The published comparison", caption)


def reliability(readout: xr.Dataset, ratings: xr.Dataset) -> xr.Dataset:
    """Behavioural and neural reliability under their own names."""
    names = [f"neural: read-out of {goal}, clip held out" for goal in readout["goal"].values]
    values = [*readout["reliability"].values.tolist(), float(ratings["reliability"])]
    data = xr.Dataset({"reliability": ("label", np.array(values))}, {"label": [*names, str(ratings.attrs["what"])]})
    caption = (
        "Split-half over subjects, 200 splits, Spearman-Brown. Ratings that repeat well say nothing about the EEG."
    )
    return _figure(data, "table", "Reliability", caption)

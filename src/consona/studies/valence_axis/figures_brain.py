"""The pictures of the brain half: results with a title, a caption and the kind of drawing; nothing is computed here."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.figure import figure

Array = npt.NDArray[np.float64]


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
    return figure(data, "clip_scatter", f"Clips: {goal}", caption, xlabel=xlabel, ylabel="EEG read-out")


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
    return figure(data, "hold_outs", "Four ways of holding out", caption, n=f"{first.attrs['n_subjects']} subjects")


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
    return figure(data, "scalp", "Where on the scalp", caption)


def subjects(scores: Mapping[str, xr.Dataset], goal: str) -> xr.Dataset:
    """The same agreement in every single subject."""
    rows = {name: score.sel(goal=goal) for name, score in scores.items()}
    first = next(iter(rows.values()))
    data = xr.Dataset(
        {"r": (("hold_out", "subject"), np.stack([row["r_subject"].values for row in rows.values()]))},
        {"hold_out": list(rows), "subject": first["subject"].values, "cohort": ("subject", first["cohort"].values)},
    )
    caption = f"r over clips between the read-out of one subject and {goal}; colours are the two recording cohorts."
    return figure(data, "subjects", "Single subjects", caption)


def models(data: xr.Dataset, *, version: str) -> xr.Dataset:
    """Agreement between models."""
    caption = f"Pearson r between the values that two models give to the 28 clips ({version})."
    return figure(data, "heatmap", "Agreement between models", caption, label="Pearson r")


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
    return figure(table, "table", "When something simpler is held constant", caption)


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
    return figure(data, "table", "Every null, in numbers", caption)


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
    return figure(data, "table", "Mean EEG of all subjects", caption)


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
    return figure(data, "table", "One-hot class as target", caption)


def published(data: xr.Dataset) -> xr.Dataset:
    """The comparison as it was published."""
    caption = (
        "The published headline correlates an axis with an EEG read-out of rated valence. Here it is beside the "
        "class-block "
        "p, and what is left when the ratings are held constant. Nothing in it tests EEG beyond the ratings."
    )
    return figure(data, "table", "The published comparison", caption)


def reliability(readout: xr.Dataset, ratings: xr.Dataset) -> xr.Dataset:
    """Behavioural and neural reliability under their own names."""
    names = [f"neural: read-out of {goal}, clip held out" for goal in readout["goal"].values]
    values = [*readout["reliability"].values.tolist(), float(ratings["reliability"])]
    data = xr.Dataset({"reliability": ("label", np.array(values))}, {"label": [*names, str(ratings.attrs["what"])]})
    caption = (
        "Split-half over subjects, 200 splits, Spearman-Brown. Ratings that repeat well say nothing about the EEG."
    )
    return figure(data, "table", "Reliability", caption)

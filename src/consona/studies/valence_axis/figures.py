"""The pictures of the text half: results with a title, a caption and the kind of drawing; nothing is computed here."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.figure import figure
from consona.core.score import Score

Array = npt.NDArray[np.float64]


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
    return figure(data, "axis_profile", "Nine classes of story along the axis", caption)


def roc(data: xr.Dataset) -> xr.Dataset:
    """Sentiment without labels."""
    caption = (
        "Sentences the axis never saw, ordered by their projection. No label was used; intervals are 95 %, over texts."
    )
    return figure(data, "roc", "Zero-shot sentiment", caption)


def zero_shot_numbers(scores: Mapping[str, Score]) -> xr.Dataset:
    """AUC and label-free accuracy of every labelled corpus."""
    keys = ("AUC", "low", "high", "accuracy, median threshold", "texts", "cut by the tokenizer")
    rows = [
        (*s.data.values[:1], s.attrs["low"], s.attrs["high"], s.data.values[1], s.attrs["n"], s.attrs["n_truncated"])
        for s in scores.values()
    ]
    columns = {key: ("label", np.array(column, dtype=float)) for key, column in zip(keys, zip(*rows), strict=True)}
    caption = "The threshold of the accuracy is the median of all projections: no label sets it."
    return figure(xr.Dataset(columns, {"label": list(scores)}), "table", "Zero-shot sentiment in numbers", caption)


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
    return figure(
        data, "bars", "The axis beside references and chance", caption, xlabel=f"AUC on {corpus}", reference=0.5
    )


def layers(data: xr.Dataset, *, chosen: int, corpus: str) -> xr.Dataset:
    """Every layer, with and without massive dimensions."""
    massive = ", ".join(str(int(n)) for n in data["n_massive"].values)
    caption = (
        f"Axis fitted and tried at every block, on {corpus}. Massive dimensions are found among the axis texts "
        f"(per block: {massive}). The dashed line marks the block that the settings fixed beforehand."
    )
    return figure(data, "layer_sweep", "Layer by layer", caption, ylabel=f"AUC on {corpus}", chosen_layer=chosen)


def shots(data: xr.Dataset, *, corpus: str) -> xr.Dataset:
    """How many texts an axis needs."""
    caption = "Median and 95 % range over 20 random choices of texts per class (the last point uses all of them)."
    return figure(
        data, "lines", "How many texts make an axis", caption, xlabel="texts per class", ylabel=f"AUC on {corpus}"
    )


def recipes(data: xr.Dataset, *, corpus: str) -> xr.Dataset:
    """Other recipes for the axis."""
    caption = "Every recipe read in its own way; 95 % bootstrap intervals over texts."
    return figure(data, "bars", "Other recipes for the axis", caption, xlabel=f"AUC on {corpus}", reference=0.5)


def seed_sets(data: xr.Dataset, *, corpus: str) -> xr.Dataset:
    """Axes from independently written stories."""
    others = data["cosine"].values[np.triu_indices(data.sizes["label"], 1)]
    counts = ", ".join(str(int(n)) for n in data["n_texts"].values)
    caption = (
        f"Three sets of stories written independently ({counts} texts). Cosines between their axes run from "
        f"{others.min():.2f} to {others.max():.2f}."
    )
    kept = data[["effect"]].drop_vars("other", errors="ignore")
    return figure(kept, "bars", "Axes from other stories", caption, xlabel=f"AUC on {corpus}", reference=0.5)


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
    return figure(data, "bars", "Graded ratings of texts", caption, xlabel="Pearson r", reference=0.0)

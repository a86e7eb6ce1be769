"""Results of the figures about decoders, of the size a full study has, made from planted numbers."""

import numpy as np
import xarray as xr

EMOTIONS = ["Anger", "Disgust", "Fear", "Sadness", "Neutral", "Amusement", "Inspiration", "Joy", "Tenderness"]
STRATEGIES = {
    "regression": ["EEG-AUX MSE, λ .1", "EEG-AUX MSE, λ .5", "anger-weighted, λ .5", "several axes, λ .5"],
    "masked regression": ["frontal, λ .1", "frontal, λ .5", "occipital, λ .1", "topographic, λ .05", "asymmetry, λ .5"],
    "geometry": ["RSA, λ 1", "RSA, λ 5", "Procrustes, λ .05"],
    "soft targets": ["distance cross-entropy, τ 5", "distillation"],
    "contrast": ["soft contrast, classes", "soft contrast, stimuli", "stimuli in pairs"],
    "adapters": ["full head, λ .1", "low rank 8, λ .1", "IA3, λ .1"],
    "schedules": ["pre-trained, frozen", "pre-trained, not frozen", "curriculum", "uncertainty", "transfer"],
}


def _named(ds, kind, title, caption, **attrs):
    return ds.assign_attrs(figure=kind, title=title, caption=caption, **attrs)


def confusion(rng):
    """Nine classes, .58 right on average, neighbours of the same valence taken for one another."""
    same = np.equal.outer(np.sign(np.arange(9) - 4), np.sign(np.arange(9) - 4))
    share = 0.03 + 0.07 * same + rng.uniform(0, 0.04, (9, 9)) + np.diag(rng.uniform(0.4, 1.1, 9))
    share /= share.sum(axis=1, keepdims=True)
    ds = xr.Dataset({"share": (("true", "predicted"), share)}, {"true": EMOTIONS, "predicted": EMOTIONS})
    return _named(
        ds,
        "confusion",
        "What is taken for what",
        "Share of the clips of a class (rows) that the network called each class, new people, ten folds of subjects.",
        n="100 subjects, 28 clips",
        chance=1 / 9,
    )


def holdouts(rng):
    """Three hold-outs by three scalings by two methods."""
    held_out = {"new people": 0.55, "new clips": 0.18, "new emotion": 0.12}
    rows, groups, value = [], [], []
    for name, level in held_out.items():
        for scaling, less in (("over all clips", 0.0), ("clips before", 0.06), ("unscaled", 0.2)):
            for method, more in (("MLP", 0.1), ("shrinkage LDA", 0.0)):
                rows.append(f"{method}, {scaling}")
                groups.append(name)
                value.append(0.111 + (level - 0.111 + more * (level > 0.5)) * (1 - less))
    x = np.array(value) + rng.normal(0, 0.004, len(value))
    chance = np.where(np.array(groups) == "new emotion", 0.125, 1 / 9)
    ds = xr.Dataset(
        {"value": ("row", x), "low": ("row", x - 0.018), "high": ("row", x + 0.017), "chance": ("row", chance)},
        {"row": rows, "group": ("row", groups)},
    )
    caption = "Balanced accuracy of nine classes per clip by what was held out; 95 % over subjects."
    return _named(ds, "holdouts", "Accuracy by hold-out", caption, n="100 subjects")


def scatter_groups(rng):
    """Six architectures by five seeds and six pools; within an architecture nothing is related."""
    names = ["linear", "mlp", "eegnet", "graph", "transformer", "recurrent"]
    group = np.array([*np.repeat(names, 5), *names])
    level = np.array([names.index(each) for each in group])
    x, y = 0.25 + 0.08 * level + rng.normal(0, 0.03, 36), 0.4 + 0.045 * level + rng.normal(0, 0.02, 36)
    within = [np.array([each[i] - each[group == group[i]].mean() for i in range(36)]) for each in (x, y)]
    ds = xr.Dataset(
        {"x": ("point", x), "y": ("point", y), "x_partial": ("point", within[0]), "y_partial": ("point", within[1])},
        {"group": ("point", group), "pool": ("point", np.arange(36) >= 30)},
    )
    caption = "Strength of the axis against balanced accuracy of 36 classifiers, and the same within architectures."
    told = {"r": 0.91, "r_low": 0.83, "r_high": 0.95, "p": 0.004}
    told |= {f"{k[0]}_partial{k[1:]}": v for k, v in {"r": 0.05, "r_low": -0.28, "r_high": 0.37, "p": 0.71}.items()}
    more = {"xlabel": "|r| of class-PC1", "ylabel": "balanced accuracy"}
    return _named(ds, "scatter_groups", "Rediscovery", caption, n="36 classifiers", **told, **more)


def forest(rng):
    """Two of the families of ``full_forest``: quick to draw, one strategy beyond the axis."""
    whole = full_forest(rng)
    return whole.isel(row=np.isin(whole["family"].values, ["soft targets", "contrast"]))


def full_forest(rng):
    """25 strategies on two bases, three of which fail; the published effect of the weak base beside them."""
    rows = [(f, f"{s} ({b})") for f, all_s in STRATEGIES.items() for b in ("weak", "strong") for s in all_s]
    effect = rng.normal(-0.012, 0.012, len(rows))
    twin = effect + rng.normal(0, 0.006, len(rows))
    names = [name for _, name in rows]
    for name, size in (("pre-trained, frozen", -0.39), ("pre-trained, not frozen", -0.2), ("distance", -0.4)):
        for i in (i for i, each in enumerate(names) if each.startswith(name)):
            effect[i], twin[i] = size, size + 0.02
    paper = np.where([name.endswith("(weak)") for name in names], effect + rng.normal(0, 0.01, len(rows)), np.nan)
    half = rng.uniform(0.006, 0.014, len(rows))
    ds = xr.Dataset(
        {
            "effect": ("row", effect),
            "low": ("row", effect - half),
            "high": ("row", effect + half),
            "twin": ("row", twin),
            "twin_low": ("row", twin - half),
            "twin_high": ("row", twin + half),
            "paper": ("row", paper),
        },
        {"row": names, "family": ("row", [family for family, _ in rows])},
    )
    caption = "Change of balanced accuracy against the recipe without the axis; 95 % over subjects, seeds averaged."
    return _named(ds, "forest", "25 ways to align", caption, n="100 subjects, 2 seeds", margin=0.01)


def saturation(rng):
    """Gains that fall with the strength of the axis until it is .55."""
    kinds = np.repeat(["training subjects", "epochs", "depth"], [6, 6, 4])
    amount = np.array([5, 10, 20, 40, 60, 80, 1, 2, 5, 10, 20, 40, 0, 1, 2, 3])
    strength = np.concatenate([np.linspace(0.2, 0.75, 6), np.linspace(0.15, 0.7, 6), np.linspace(0.5, 0.72, 4)])
    gain = 0.06 * np.maximum(0, 0.55 - strength) / 0.4 - 0.004 + rng.normal(0, 0.003, 16)
    ds = xr.Dataset(
        {"strength": ("point", strength), "gain": ("point", gain), "low": ("point", gain - 0.009),
         "high": ("point", gain + 0.009)},
        {"dose": ("point", kinds), "amount": ("point", amount)},
    )  # fmt: skip
    told = {"threshold": 0.54, "threshold_low": 0.47, "threshold_high": 0.62}
    caption = "Gain from one more term in the loss where the axis is weaker or stronger in the network without it."
    return _named(ds, "saturation", "When the axis stops helping", caption, n="100 subjects", **told)


def gains(rng):
    """Four ways to fill a pool of ten."""
    names = ["one training length, ten seeds", "two lengths, five seeds", "snapshots of one seed", "diverse recipes"]
    single = rng.normal(0.64, 0.008, (4, 10))
    single[2, 5:] = np.nan
    gain = np.array([0.031, 0.034, 0.012, 0.046])
    accuracy = np.nanmean(single, axis=1) + gain
    ds = xr.Dataset(
        {
            "accuracy": ("pool", accuracy), "low": ("pool", accuracy - 0.02), "high": ("pool", accuracy + 0.019),
            "gain": ("pool", gain), "gain_low": ("pool", gain - 0.008), "gain_high": ("pool", gain + 0.007),
            "single": (("pool", "member"), single),
        },
        {"pool": names, "size": ("pool", [10, 10, 5, 10])},
    )  # fmt: skip
    caption = "Uniform average of probabilities; small dots: members alone; 95 % over subjects."
    return _named(ds, "gains", "What a pool gains", caption, n="100 subjects")


def scalp_importance(rng):
    """Importance of every channel and band, largest at the back in the high bands, never negative."""
    from report_samples import BANDS, CHANNELS

    back = np.linspace(0, 1, 32)[:, None] * np.array([0.1, 0.2, 0.3, 0.7, 1.0])
    ds = xr.Dataset({"importance": (("channel", "band"), 0.04 * back + rng.uniform(0, 0.004, (32, 5)))})
    ds = ds.assign_coords(channel=CHANNELS, band=BANDS)
    caption = "Loss of balanced accuracy when the cell is exchanged between clips of a subject."
    return _named(ds, "scalp", "What the decoder uses", caption, label="loss of accuracy")


KINDS = {each.__name__: each for each in (confusion, holdouts, scatter_groups, forest, saturation, gains)}

"""The pictures of the study: results with a title, a caption and the kind of drawing; nothing is computed here."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.decoders import cell_patterns
from consona.concepts.axis import POSITIVE
from consona.core.figure import figure
from consona.studies.eeg_emotion.decoding import Decoded
from consona.studies.eeg_emotion.doses import STRATEGY, Doses
from consona.studies.eeg_emotion.found import Found
from consona.studies.eeg_emotion.pools import Pools
from consona.studies.eeg_emotion.supervision import Supervised

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.parts import Parts
    from consona.studies.eeg_emotion.study import EEGEmotion

CHANCE = 1 / 9


def draw(study: "EEGEmotion", run: "Run", parts: "Parts") -> None:
    """Every figure, as steps of the run."""
    decoded, found, material = parts.decoded, parts.found, parts.material
    run.step("figure-hold-outs", holdouts, decoded)
    run.step("figure-confusion", confused, decoded)
    run.step("figure-rediscovery", scatter, found)
    run.step("figure-forest", forest, parts.supervised)
    run.step("figure-saturation", saturated, parts.doses)
    run.step("figure-gains", gained, parts.pools)
    name, first = next(iter(decoded.classifiers.items()))
    patterns = run.step("patterns", cell_patterns, first, material.tensor, POSITIVE)
    run.step("figure-patterns", scalp, patterns, name)
    run.step("figure-table-strategies", strategy_table, parts.supervised)
    run.step("figure-table-classifiers", classifier_table, found)
    run.step("figure-table-cohorts", cohort_table, decoded)
    run.step("figure-table-removal", removal_table, found)
    if parts.carried is not None:
        run.step("figure-table-transfer", transfer_table, parts.carried)


def holdouts(decoded: Decoded) -> xr.Dataset:
    """Accuracy of every split, scaling and length; valence of new emotions has a chance of its own."""
    rows, groups, table = [], [], []
    for name, score in decoded.scores.items():
        for place, what in enumerate(score.data["attribute"].values):
            facts = [float(score.attrs[key][place]) for key in ("mean", "low", "high")]
            own = f"{_short(name)}, {what}s" if score.data.sizes["attribute"] > 1 else _short(name)
            rows.append(own)
            groups.append(_what_is_new(name))
            table.append([*facts, float(score.attrs.get("chance", 0.5))])
    order = sorted(range(len(rows)), key=lambda i: ("people", "clips", "emotions").index(groups[i].split()[-1]))
    values = np.array(table)[order]
    data = xr.Dataset(
        {key: ("row", values[:, i]) for i, key in enumerate(("value", "low", "high", "chance"))},
        {"row": [rows[i] for i in order], "group": ("row", [groups[i] for i in order])},
    )
    caption = (
        "Balanced accuracy of nine classes, except for new emotions: there, area under the curve of positive against "
        "negative clips. Dashes: chance. LDA: with a shrunk covariance. Where people are new and "
        "clips are not, a decoder may recognise the clip. Bars: 95 % over subjects."
    )
    return figure(data, "holdouts", "Accuracy by what is new at test", caption, xlabel="accuracy (AUC for emotions)")


def _short(name: str) -> str:
    """The name of a hold-out under its heading, in the width of a label."""
    return name.replace("new people and new", "people and").replace("new clips, the same", "clips, the same")


def _what_is_new(name: str) -> str:
    if "new emotions" in name:
        return "new emotions"
    return "new clips" if "new clips" in name else "new people"


def confused(decoded: Decoded) -> xr.Dataset:
    """What is taken for what, by the strong base under new people."""
    caption = "Share of the clips of a class (rows) that is given each name. New people, the same clips in training."
    return figure(decoded.confusion, "confusion", "What is taken for what", caption, chance=CHANCE)


def scatter(found: Found) -> xr.Dataset:
    """Classifiers by the strength of the axis and by accuracy, whole and within architecture."""
    table = found.table
    keys = ("x", "y", "x_partial", "y_partial")
    data = xr.Dataset(
        {key: ("point", table[key].values) for key in keys},
        {
            "group": ("point", table["group"].values.astype(str)),
            "pool": ("point", table["pool"].values.astype(bool).astype(int)),
        },
    )
    more: dict[str, float | str] = {
        "given": "architecture and regime",
        "xlabel": "|r| of class component",
        "ylabel": "balanced accuracy",
    }
    for suffix, selection in (("", "all"), ("_partial", "all, architecture taken out")):
        row = table.sel(selection=selection)
        named = {f"r{suffix}": "r", f"r{suffix}_low": "low", f"r{suffix}_high": "high", f"p{suffix}": "p_order"}
        more |= {key: float(row[of]) for key, of in named.items()}
    caption = (
        "Each point is a classifier (architecture by regime by seed); right: deviations from the means of its "
        "architecture and regime. Accuracy is for new people and known clips. p by orders of the accuracies."
    )
    return figure(data, "scatter_groups", "Does an axis found go with accuracy?", caption, **more)


def forest(supervised: Supervised) -> xr.Dataset:
    """Every strategy and its twin against the base; families as headings."""
    columns: dict[str, list[float]] = {
        key: [] for key in ("effect", "low", "high", "twin", "twin_low", "twin_high", "paper")
    }
    rows, families = [], []
    for label, effects in (("weak", supervised.weak), ("strong", supervised.strong)):
        for name in [] if effects is None else effects["strategy"].values:
            assert effects is not None  # the list is empty otherwise
            row = supervised.rows[str(name)]
            base, twin = (effects.sel(reference=each, strategy=name) for each in ("base", "twin-base"))
            published = row.published.difference if row.published is not None and label == "weak" else np.nan
            own = [float(base[key]) for key in ("effect", "low", "high")] + [
                float(twin[key]) for key in ("effect", "low", "high")
            ]
            for key, value in zip(columns, [*own, published], strict=True):
                columns[key].append(value)
            rows.append(str(name) if label == "weak" else f"{name} (strong base)")
            families.append(row.family if row.regime == "together" else f"{row.family}, in stages")
    data = xr.Dataset({key: ("row", each) for key, each in columns.items()}, {"row": rows, "family": ("row", families)})
    caption = (
        "Change of balanced accuracy (new people, known clips) against the base without supervision. The twin has the "
        "same loss and the same values, exchanged among the classes. Bars: 95 % over subjects, seeds averaged. "
        "Published: on another network, raw signals and 123 people. XEEG transfer starts from the second corpus."
    )
    return figure(data, "forest", "Training on the axis", caption, margin=float(supervised.weak.attrs["margin"]))


def saturated(doses: Doses) -> xr.Dataset:
    """Gain of supervision over the strength of the axis without it."""
    table = doses.axis
    amounts = [int(str(each).split("-")[0]) for each in table["dose"].values]
    data = xr.Dataset(
        {key: ("point", table[key].values) for key in ("strength", "gain", "low", "high")},
        {"dose": ("point", table["kind"].values.astype(str)), "amount": ("point", amounts)},
    )
    attrs = {key: float(table.attrs[key]) for key in ("threshold", "threshold_low", "threshold_high")}
    why = "" if np.isfinite(attrs["threshold"]) else f" No threshold is claimed: {table.attrs['failed']}."
    caption = (
        f"Each point is one amount of training; the gain is that of {STRATEGY} over the same training without it. "
        f"Bars: 95 % over subjects.{why}"
    )
    return figure(data, "saturation", "Does supervision stop to help?", caption, **attrs)


def gained(pools: Pools) -> xr.Dataset:
    """Pools of equal size, their members, and the gain over them."""
    table = pools.gains
    data = xr.Dataset(
        {key: ("pool", table[key].values) for key in ("accuracy", "low", "high", "gain", "gain_low", "gain_high")}
        | {"single": (("pool", "member"), table["member_accuracy"].values)},
        {"pool": table["pool"].values.astype(str), "size": ("pool", table["n_members"].values)},
    )
    caption = (
        "Uniform mean of probabilities; small dots are members. New people, known clips. Bars: 95 % over subjects."
    )
    return figure(data, "gains", "What pools gain", caption)


def scalp(patterns: xr.Dataset, name: str) -> xr.Dataset:
    """Where the answer of a classifier comes from."""
    caption = (
        "Correlation, over the clips of each tested person, of a cell with the decoder's probability of the positive "
        "emotions, mean over people: the pattern of the decoder, not its weights. "
        f"Classifier {name}: architecture, regime, seed."
    )
    return figure(patterns, "scalp", "What goes with the answer 'positive'", caption)


def strategy_table(supervised: Supervised) -> xr.Dataset:
    """Numbers of the forest: effects, p and corrections."""
    keys = ("effect", "low", "high", "p", "holm", "bh", "p_equal", "power", "p_seeds")
    both = [each for each in (supervised.weak, supervised.strong) if each is not None]
    labels = [f"{name}, {each.attrs['base']}" for each in both for name in each["strategy"].values]
    columns = {
        f"{key}, {ref}": np.concatenate([each[key].sel(reference=ref).values for each in both])
        for ref in ("base", "twin")
        for key in keys
    }
    data = xr.Dataset({key: ("label", values) for key, values in columns.items()}, {"label": labels})
    caption = "Against base and against the random-target twin; Holm and BH within one reference and base."
    return figure(data, "table", "Strategies in numbers", caption)


def classifier_table(found: Found) -> xr.Dataset:
    """Correlations of score and accuracy by selection of classifiers."""
    keys = ("r", "low", "high", "p", "p_order", "n", "df")
    both = {"class component": found.table, "within classes": found.residual_table}
    taken = ("architecture taken out", "architecture and regime taken out")
    labels = [f"{name}: {each}".replace(*taken) for name, table in both.items() for each in table["selection"].values]
    columns = {key: np.concatenate([table[key].values for table in both.values()]).astype(float) for key in keys}
    data = xr.Dataset({key: ("label", values) for key, values in columns.items()}, {"label": labels})
    return figure(data, "table", "Rediscovery and accuracy", "Correlation over classifiers, by selection.")


def cohort_table(decoded: Decoded) -> xr.Dataset:
    """Every score, for each cohort of people by itself."""
    rows = {name: score.attrs["by_cohort"] for name, score in decoded.scores.items()}
    cohorts = sorted({cohort for each in rows.values() for cohort in each})
    columns = {f"cohort {c}": [float(each.get(c, [np.nan])[0]) for each in rows.values()] for c in cohorts}
    columns["all"] = [float(score.attrs["mean"][0]) for score in decoded.scores.values()]
    data = xr.Dataset({key: ("label", values) for key, values in columns.items()}, {"label": list(rows)})
    caption = "Cohorts were recorded with different equipment."
    return figure(data, "table", "Accuracy by cohort", caption)


def removal_table(found: Found) -> xr.Dataset:
    """What every classifier loses without the within-class component that follows rated valence."""
    table = found.removal
    keys = ("drop", "null_mean", "null_sd", "z", "p")
    data = xr.Dataset({key: ("label", table[key].values) for key in keys}, {"label": table["model"].values.astype(str)})
    facts = table.attrs
    caption = (
        f"Against {facts['n_matched']} directions of equal variance; with clips of the axis exchanged within classes: "
        f"{facts['others']:+.4f} on average, p = {facts['p_orders']:.2g}. {facts['n_undefined']} folds had no matched "
        "directions."
    )
    return figure(data, "table", "Accuracy lost without a residual component", caption)


def transfer_table(carried: xr.Dataset) -> xr.Dataset:
    """The axis carried to the second corpus, and back."""
    keys = ("r", "p", "subject_r", "low", "high")
    labels = [
        {"a to b": "first to second corpus", "b to a": "second to first"}[str(each)]
        for each in carried["direction"].values
    ]
    data = xr.Dataset({key: ("label", carried[key].values) for key in keys}, {"label": labels})
    made_up = (
        "The second corpus is synthetic: it shows that the way is open, and nothing about brains. "
        if carried.attrs["synthetic"]
        else ""
    )
    channels = f"Ridge on the {carried.attrs['n_channels']} channels that both have; p over all orders of the classes."
    caption = f"{made_up}{channels}"
    synthetic = int(carried.attrs["synthetic"])
    return figure(data, "table", "The axis in another corpus", caption, synthetic=synthetic)

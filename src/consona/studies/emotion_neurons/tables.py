"""The tables of the report: attributes, conditions, masks that ruin, other capabilities, the published figures."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.concepts.masks import mask_balance
from consona.core.figure import figure
from consona.stats.mask_effects import heterogeneity
from consona.studies.emotion_neurons.names import DECLARED, LEVEL
from consona.studies.emotion_neurons.published import Published
from consona.studies.emotion_neurons.selection import Selected
from consona.studies.emotion_neurons.silencing import Condition, Silenced
from consona.studies.emotion_neurons.verdicts import effect_of, emotion_losses

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.parts import Parts
    from consona.studies.emotion_neurons.study import EmotionNeurons


def draw_tables(study: "EmotionNeurons", run: "Run", parts: "Parts") -> None:
    """Every table, as steps of the run."""
    silenced = parts.silenced
    run.step("figure-table-attributes", attribute_table, parts.selected, silenced.declared, study.readout)
    run.step("figure-table-conditions", condition_table, silenced, study.share, study.readout)
    run.step("figure-table-random", random_table, silenced, study.readout)
    run.step("figure-table-capabilities", capability_table, silenced)
    run.step("figure-table-emotions", emotion_table, silenced.declared)
    run.step("figure-table-outliers", outlier_table, silenced)
    if parts.published is not None:
        run.step("figure-table-published", published_table, parts.published)


def attribute_table(selected: Selected, condition: Condition, readout: str) -> xr.Dataset:
    """Neurons of every attribute by both p, and what their silence costs."""
    rsa, found = selected.rsa, effect_of(condition, readout)
    tau = rsa["tau"].max(("layer", "neuron")).values
    columns = {
        "naive p < .05": (rsa["p_naive"] <= LEVEL).mean(("layer", "neuron")).values,
        "permutation p < .05": rsa["share"].values,
        "p of that share": rsa["p_share"].values,
        "largest tau": tau,
        "overlap within": selected.distinct["within"].values,
        "overlap between": selected.distinct["between"].values,
        "loss beyond random": found.effect,
        "z": found.z,
        "p": found.p,
        "p, largest of all": found.p_max,
    }
    data = xr.Dataset({name: ("label", value) for name, value in columns.items()}, {"label": rsa["attribute"].values})
    caption = "Shares of all neurons; loss in accuracy; p against random masks, alone and corrected for all attributes."
    return figure(data, "table", "Attributes in numbers", caption)


def condition_table(silenced: Silenced, share: float, readout: str) -> xr.Dataset:
    """Every way of silencing: the loss of selected masks beyond random ones, all attributes together."""
    several = {f"{DECLARED} (declared)": silenced.declared, **silenced.kinds}
    several |= {f"{100 * size:.1f} % of neurons": each for size, each in silenced.doses.items()}
    several |= {
        f"random masks: {name}" if name != "without outlier units" else name: each
        for name, each in silenced.families.items()
    }
    found = {name: effect_of(each, readout) for name, each in several.items()}
    columns = {
        "neurons": [each.n for each in several.values()],
        "random masks": [len(each.pooled_null) for each in found.values()],
        "loss beyond random": [each.pooled for each in found.values()],
        "low": [each.pooled_low for each in found.values()],
        "high": [each.pooled_high for each in found.values()],
        "p": [each.pooled_p for each in found.values()],
    }
    data = xr.Dataset(
        {name: ("label", np.asarray(value, dtype=float)) for name, value in columns.items()}, {"label": list(several)}
    )
    caption = (
        "Mean of all attributes and tested emotions, in accuracy; 95 % over emotions. Only the first was declared."
    )
    return figure(data, "table", "Ways of silencing", caption)


def random_table(silenced: Silenced, readout: str) -> xr.Dataset:
    """How much random masks differ among themselves."""
    condition = silenced.declared
    found = heterogeneity(emotion_losses(condition, readout)[1])
    balance = mask_balance(
        silenced.masks.isel(mask=0, drop=True), silenced.masks.isel(mask=slice(1, None)), silenced.moments
    )
    size = balance["selected"].sel(moment="size").values / balance["random"].sel(moment="size").mean("mask").values
    columns = {
        "mean loss": found.mean,
        "SD": found.sd,
        "least": found.least,
        "largest": found.most,
        "kurtosis": found.kurtosis,
        "lose over 5 points": found.share,
        "outliers selected": balance["selected"].sel(moment="outliers").values,
        "activation, selected to random": size,
    }
    names = condition.accuracy["attribute"].values
    data = xr.Dataset({name: ("label", np.asarray(value, float)) for name, value in columns.items()}, {"label": names})
    caption = "Loss of accuracy under matched random masks, mean of the tested emotions; what the mask is made of."
    return figure(data, "table", "Random masks differ", caption)


def capability_table(silenced: Silenced) -> xr.Dataset:
    """Scores of other capabilities: intact, under selected and under random masks."""
    found = silenced.capabilities
    selected, random = found.scores.isel(mask=0), found.scores.isel(mask=slice(1, None))
    columns = {
        "intact": found.intact.values,
        "selected masks": selected.mean("attribute").values,
        "random masks": random.mean(("attribute", "mask")).values,
        "SD of random": random.mean("attribute").std("mask").values,
    }
    names = [str(each) for each in found.intact["capability"].values]
    data = xr.Dataset({name: ("label", value) for name, value in columns.items()}, {"label": names})
    caption = "Sentiment and part of speech: accuracy; sentence length: correlation. Mean of all attributes."
    return figure(data, "table", "What else silence costs", caption)


def emotion_table(condition: Condition) -> xr.Dataset:
    """Accuracy of the intact model by emotion and read-out, and how many test comments there are."""
    intact = condition.intact
    columns = {f"{name}": intact["accuracy"].sel(readout=name).values for name in intact["readout"].values}
    columns |= {f"AUC, {name}": intact["auc"].sel(readout=name).values for name in intact["readout"].values}
    columns |= {"test comments": intact["n_available"].values, "tested": intact["tested"].values}
    names = [str(each) for each in intact["emotion"].values]
    data = xr.Dataset({name: ("label", np.asarray(value, float)) for name, value in columns.items()}, {"label": names})
    caption = "Accuracy on balanced test comments, fitted on train, penalty chosen on dev. Untested: fewer than 30."
    return figure(data, "table", "What the intact model tells", caption)


def outlier_table(silenced: Silenced) -> xr.Dataset:
    """Units that vary far more over tokens than their layer, and in how many selected sets each is."""
    at = np.argwhere(silenced.outliers.transpose("layer", "neuron").values)
    sets = silenced.masks.isel(mask=0).transpose("attribute", "layer", "neuron").values
    layer, neuron = at[:, 0], at[:, 1]
    columns = {
        "SD over tokens": silenced.moments["sd"].values[layer, neuron],
        "largest": silenced.moments["extreme"].values[layer, neuron],
        "times the median SD": silenced.moments["sd"].values[layer, neuron]
        / np.median(silenced.moments["sd"].values, axis=1)[layer],
        "selected sets": sets[:, layer, neuron].sum(axis=0),
    }
    names = [f"layer {a}, neuron {b}" for a, b in at]
    order = np.argsort(-columns["times the median SD"])[:30]
    data = xr.Dataset(
        {name: ("label", np.asarray(value, float)[order]) for name, value in columns.items()},
        {"label": [names[place] for place in order]},
    )
    caption = (
        f"{len(names)} units lie beyond three times the interquartile range of log SD in their layer (30 shown); "
        "random masks hold as many of them as the selected one."
    )
    return figure(data, "table", "Outlier units", caption)


def published_table(published: Published) -> xr.Dataset:
    """The link in the published tables at every number of neurons, with the attribute as unit."""
    found = published.attributes
    columns = {}
    for against in found["against"].values:
        for name in ("r", "rho", "p", "p_any"):
            columns[f"{name}, {against}"] = found[name].sel(against=against).values
    data = xr.Dataset(
        {name: ("label", value) for name, value in columns.items()},
        {"label": [f"{n} neurons" for n in found["n"].values]},
    )
    old = published.emotions
    caption = (
        f"As published at 4000: mean r {float(old['mean_r']):.3f}, t = {float(old['t']):.2f} over emotions that share "
        f"their masks; exchanging attributes, p = {float(old['p_exchanged']):.3f}. p_any: for all sizes looked at."
    )
    return figure(data, "table", "The published tables with the attribute as unit", caption)

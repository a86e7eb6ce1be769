"""The pictures of neurons and of people: results with a title, a caption and the kind of drawing."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.concepts.concept_rdms import attribute_rdms
from consona.core.figure import figure
from consona.stats.rdm import square
from consona.studies.emotion_neurons.figures_masks import draw_masks
from consona.studies.emotion_neurons.material import Material
from consona.studies.emotion_neurons.names import EMOTIONS, VALENCE
from consona.studies.emotion_neurons.people import People
from consona.studies.emotion_neurons.tables import draw_tables

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.parts import Parts
    from consona.studies.emotion_neurons.study import EmotionNeurons

N_BINS = 20


def draw(study: "EmotionNeurons", run: "Run", parts: "Parts") -> None:
    """Every figure, as steps of the run."""
    chosen, found = parts.selected, parts.people
    run.step("figure-attributes", gallery, parts.material)
    run.step("figure-p", histograms, chosen.rsa)
    run.step("figure-layers", layers, chosen.masks)
    run.step("figure-overlap", overlaps, chosen.jaccard)
    draw_masks(study, run, parts)
    run.step("figure-importance", importance_bars, found.importance)
    run.step("figure-link", link_scatter, found, parts.read.lm.n_layers)
    run.step("figure-geometry", geometry, parts)
    draw_tables(study, run, parts)


def gallery(material: Material) -> xr.Dataset:
    """How differently people score two emotions, attribute by attribute."""
    rdms = attribute_rdms(material.attributes, np.array(EMOTIONS))
    values = np.stack([square(row) for row in rdms.values])
    coords = {"attribute": material.names, "emotion": list(EMOTIONS), "other": list(EMOTIONS)}
    data = xr.Dataset({"value": (("attribute", "emotion", "other"), values)}, coords)
    if VALENCE in material.names:
        order = material.attributes.sel(attribute=VALENCE, emotion=list(EMOTIONS)).values
        data = data.assign_coords(valence=("emotion", order))
    caption = "Absolute difference of mean ratings of two emotions, which are sorted by valence."
    return figure(data, "rdm_gallery", "What each attribute calls alike", caption)


def histograms(rsa: xr.Dataset) -> xr.Dataset:
    """Both p of every neuron, attribute by attribute."""
    edges = np.linspace(0, 1, N_BINS + 1)
    names = {"naive": "p_naive", "permutation": "p"}
    shares = {key: _shares(rsa[name].values, edges) for key, name in names.items()}
    coords = {"attribute": rsa["attribute"].values, "p_from": ("bin", edges[:-1]), "p_to": ("bin", edges[1:])}
    data = xr.Dataset({key: (("attribute", "bin"), value) for key, value in shares.items()}, coords)
    caption = (
        "Share of neurons by the p of tau. Naive: as if all pairs of emotions were independent. Permutation: emotions "
        "change places. By chance every bar would be level."
    )
    return figure(data, "p_histograms", "What the naive p does", caption).assign_attrs(columns=["p_from", "p_to"])


def _shares(p: np.ndarray, edges: np.ndarray) -> np.ndarray:
    rows = [row[np.isfinite(row)] for row in p.reshape(len(p), -1)]
    return np.stack([np.histogram(row, edges)[0] / max(len(row), 1) for row in rows])


def layers(masks: xr.DataArray) -> xr.Dataset:
    """Where the chosen neurons lie."""
    counts = masks.sum("neuron").transpose("attribute", "layer").astype(float)
    data = (counts / counts.sum("layer")).to_dataset(name="share")
    n = int(counts.sum("layer").max())
    caption = f"The {n} neurons of highest tau for each attribute, by layer. Without a preference all would be equal."
    return figure(data, "neuron_map", "Where the neurons are", caption)


def overlaps(jaccard: xr.DataArray) -> xr.Dataset:
    """How many neurons two attributes share."""
    names = [str(each) for each in jaccard["attribute"].values]
    values = jaccard.values.copy()
    np.fill_diagonal(values, np.nan)
    data = xr.Dataset({"value": (("row", "column"), values)}, {"row": names, "column": names})
    caption = "Jaccard index of two sets: neurons in both, divided by neurons in either."
    return figure(data, "heatmap", "Neurons that attributes share", caption, label="Jaccard index")


def importance_bars(importance: xr.Dataset) -> xr.Dataset:
    """What every attribute accounts for in people's similarities, with the wider of two intervals."""
    order = np.argsort(-importance["tau"].values)
    sd = importance["null_sd"].values[order]
    columns = {
        "effect": importance["tau"].values[order],
        "low": importance["low_stimuli"].values[order],
        "high": importance["high_stimuli"].values[order],
        "null_low": -1.96 * sd,
        "null_high": 1.96 * sd,
    }
    data = xr.Dataset(
        {name: ("label", value) for name, value in columns.items()}, {"label": importance["attribute"].values[order]}
    )
    caption = (
        "Kendall's tau-a of an attribute's RDM with the mean of all raters. Bars: 95 % over emotions, which are few; "
        "grey: 95 % with emotions permuted."
    )
    return figure(data, "bars", "What attributes weigh for people", caption, xlabel="tau-a")


def link_scatter(found: People, n_layers: int) -> xr.Dataset:
    """What silence costs against what an attribute weighs, plain and given the layers."""
    link, importance = found.link, found.importance
    names = ("drop", "importance", "residual_drop", "residual_importance")
    data = xr.Dataset({name: ("attribute", link[name].values) for name in names}, {"attribute": link["attribute"]})
    half = 1.96 * link["spread"].values
    for end, side in (("low", -half), ("high", half)):
        data[f"importance_{end}"] = ("attribute", importance[f"{end}_stimuli"].values)
        data[end] = ("attribute", link["drop"].values + side)
    facts = link.attrs
    more = {"r": float(facts["r"]), "r_partial": float(facts["r_layers"]), "p_partial": float(facts["p_layers"])}
    caption = (
        "Each point is an attribute: accuracy lost beyond matched random masks, and tau of its RDM with people's "
        "similarities. Bars: 95 % of single random masks; 95 % over emotions. Below: what layer shares leave of both."
    )
    words = {
        "covariate": "shares of layers",
        "xlabel": "importance for people (tau-a)",
        "ylabel": "loss beyond random masks",
    }
    p = float(max(facts["p_above"], facts["p_masks"]))
    title = "What silence costs, and what attributes weigh for people"
    return figure(data, "attribute_link", title, caption, p=p, n_layers=n_layers, **more, **words)


def geometry(parts: "Parts") -> xr.Dataset:
    """Emotions of people and of the model in the plane."""
    maps, score = parts.people.maps, parts.people.geometry
    valence = parts.material.attributes.sel(attribute=VALENCE, emotion=maps["emotion"].values).values
    names = [str(each) for each in score.data["attribute"].values]
    effect = float(score.attrs["effect"][names.index("model")])
    caption = (
        "Two dimensions of the distances between emotions, the model's turned to fit people's (classical scaling, "
        f"Procrustes). Colour: valence. rho-a of all distances {effect:.2f}; a plane shows only part of them."
    )
    data = maps.assign_coords(valence=("emotion", valence))
    return figure(data, "geometry", "Emotions of people and of the model", caption, middle=float(np.median(valence)))

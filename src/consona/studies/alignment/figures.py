"""The pictures of the study: results with a title, a caption and the kind of drawing; nothing is computed here."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.encoding_draws import interval
from consona.alignment.regions import region_means, subject_mean
from consona.core.figure import figure
from consona.core.invariants import as_names
from consona.core.score import Score
from consona.studies.alignment.encoding import Encoded, null_of_mean
from consona.studies.alignment.geometry import Geometry, fact, null_of_effect
from consona.studies.alignment.material import Material
from consona.studies.alignment.parts import Parts
from consona.studies.alignment.reading import MODEL

if TYPE_CHECKING:
    from consona.core.claim import Claim
    from consona.engine.run import Run

_BINS = 40


def draw(run: "Run", material: Material, parts: Parts, claims: "list[Claim]") -> None:
    """Every figure that the parts allow, as steps of the run."""
    p = {claim.id: float("nan") if claim.p is None else claim.p for claim in claims}
    found: dict[str, tuple[float, np.ndarray, float]] = {}
    if parts.encoded is not None:
        run.step("regions", regions, material, parts.encoded)
        if parts.encoded.whole[MODEL].data.sizes["layer"] > 1:
            run.step("layers", layers, parts.encoded)
        found["encoding, r"] = (parts.encoded.value(MODEL), null_of_mean(parts.encoded), p["encoding"])
    if parts.geometry is not None:
        run.step("geometry", dissimilarities, parts.geometry)
        run.step("geometry-models", rsa_bars, parts.geometry)
        found["geometry"] = (fact(parts.geometry.score, "effect"), null_of_effect(parts.geometry), p["geometry"])
    if parts.decoded is not None:
        found["decoding, identification"] = (
            float(np.nanmean(parts.decoded.values())),
            parts.decoded.null,
            p["decoding"],
        )
    if found:
        run.step("nulls", nulls, found)
    if parts.encoded is not None:
        for subject, score in parts.encoded.scores.items():
            if {"i", "j", "k"} <= set(score.data.coords):
                run.step(f"map-{subject}", brain_map, subject, score, parts.encoded.draws[MODEL][subject])


def regions(material: Material, encoded: Encoded) -> xr.Dataset:
    """Every region: the model and its controls beside the model's null and the ceiling."""
    names = list(encoded.draws)
    drawn = {name: list(each.values()) for name, each in encoded.draws.items()}
    places = [str(place) for place in drawn[MODEL][0]["target"].values]
    table = np.full((3, len(names), len(places)), np.nan)
    for i, each in enumerate(drawn.values()):
        for j, place in enumerate(places):
            here = [one.sel(target=place) for one in each if place in one["target"].values]
            table[0, i, j] = np.nanmean([float(one["score"]) for one in here])
            table[1:, i, j] = interval(np.mean([one["draws"].values for one in here], axis=0))
    null, ceiling = _null_and_ceiling(material, encoded, places)
    data = xr.Dataset(
        {
            **{
                key: (("series", "region"), values) for key, values in zip(("score", "low", "high"), table, strict=True)
            },
            "null_low": ("region", null[0]),
            "null_high": ("region", null[1]),
            "ceiling": ("region", ceiling),
        },
        {"series": names, "region": places},
    )
    where = "held-out predictions pooled over folds" if encoded.pooled else "mean over folds"
    facts = next(iter(encoded.scores.values())).attrs
    dashes = f"Dashes: ceiling, {facts['ceiling_of']}. " if "ceiling_of" in facts else "There is no ceiling. "
    caption = (
        f"Correlation of predicted and measured responses, {where}, averaged over the targets of a region and "
        f"{counted(len(encoded.scores))}, with 95 % intervals over draws of the stimuli. Grey: the model's null, the "
        f"best layer of every order, fitted and tuned again. {dashes}Layers are chosen in folds within the training "
        "stimuli."
    )
    return figure(data, "regions", "Encoding by region", caption, xlabel="r, held out")


def _null_and_ceiling(material: Material, encoded: Encoded, places: list[str]) -> tuple[np.ndarray, np.ndarray]:
    null, ceiling = np.full((2, len(places)), np.nan), np.full(len(places), np.nan)
    for j, place in enumerate(places):
        region = None if place == places[-1] else material.region
        means = [region_means(score, region) for score in encoded.scores.values()]
        here = [_at(score, place) for score in means if place in score.data["target"].values]
        nulls = [score.null.max("layer").values for score in here if score.null is not None]
        if nulls:
            null[:, j] = np.nanquantile(np.mean(nulls, axis=0), [0.025, 0.975])
        known = [float(score.ceiling.mean()) for score in here if score.ceiling is not None]
        if len(known) == len(here):
            ceiling[j] = np.mean(known)
    return null, ceiling


def _at(score: Score, place: str) -> Score:
    null = None if score.null is None else score.null.sel(target=place)
    ceiling = None if score.ceiling is None else score.ceiling.sel(target=place)
    return Score(score.data.sel(target=place, drop=False), score.metric, score.cv, null, ceiling)


def counted(n_subjects: int) -> str:
    """So many subjects, in words."""
    return "one subject" if n_subjects == 1 else f"{n_subjects} subjects"


def layers(encoded: Encoded) -> xr.Dataset:
    """The score of every layer, of the model and of its controls; a control with a single layer is a level line."""
    n_layers = encoded.whole[MODEL].data.sizes["layer"]
    means = {name: subject_mean(score).data.isel(target=0) for name, score in encoded.whole.items()}
    rows = [np.broadcast_to(each.values, n_layers) for each in means.values()]  # a single layer is a level line
    data = xr.Dataset(
        {"score": (("treatment", "layer"), np.stack(rows))},
        {"treatment": list(means), "layer": means[MODEL]["layer"].values},
    )
    caption = (
        "Every layer, averaged over targets and subjects. The best of them is no estimate: it was looked for. Claims "
        "use the layer that each training set chooses for itself."
    )
    return figure(data, "layer_sweep", "Encoding by layer", caption, ylabel="r, held out", reference=0.0)


def nulls(found: dict[str, tuple[float, np.ndarray, float]]) -> xr.Dataset:
    """Observed values in their nulls: name → (observed, null, p)."""
    known = {name: each for name, each in found.items() if np.isfinite(each[1]).any()}
    every = np.concatenate([np.append(null[np.isfinite(null)], value) for value, null, _ in known.values()])
    every = every[np.isfinite(every)]
    edges = np.linspace(every.min() - 0.02, every.max() + 0.02, _BINS + 1)
    counts = np.stack([np.histogram(null[np.isfinite(null)], edges)[0] for _, null, _ in known.values()])
    data = xr.Dataset(
        {
            "counts": (("label", "bin"), counts.astype(float)),
            "edges": ("edge", edges),
            "observed": ("label", np.array([value for value, _, _ in known.values()])),
            "p": ("label", np.array([p for _, _, p in known.values()])),
        },
        {"label": list(known)},
    )
    caption = (
        "What the claims are measured against: every order is fitted and tuned again. The line is what was observed."
    )
    return figure(data, "null", "Observed values in their nulls", caption, xlabel="score")


def brain_map(subject: str, score: Score, draws: xr.Dataset) -> xr.Dataset:
    """The scores of voxels as slices, at the layer that training chose most often (the lowest of several)."""
    layers, times = np.unique(draws["layer"].values, return_counts=True)
    layer = score.data["layer"].values.tolist().index(layers[times.argmax()])
    values = score.data.isel(layer=layer).values
    ijk = np.stack([score.data[name].values.astype(int) for name in ("i", "j", "k")])
    lowest = ijk.min(axis=1, keepdims=True)
    volume = np.full((ijk - lowest).max(axis=1) + 1, np.nan)
    volume[tuple(ijk - lowest)] = values
    number = int(score.data["layer"].values[layer])
    caption = f"Scores of the voxels of {subject}, layer {number} (training's choice), not corrected; the file has p."
    data = xr.Dataset({"value": (("i", "j", "k"), volume)}, {"k": np.arange(volume.shape[2]) + lowest[2, 0]})
    return figure(data, "slices", f"Map of {subject}", caption, label="r, held out")


def dissimilarities(geometry: Geometry) -> xr.Dataset:
    """Mean dissimilarities of the brains and those of the model."""
    brain = np.mean([each.matrix() for each in geometry.brains], axis=0)
    model = geometry.models[MODEL]
    data = xr.Dataset(
        {"dissimilarity": (("matrix", "first", "second"), np.stack([brain, model.matrix()]))},
        {"matrix": ["responses, mean over subjects", "model"], "first": model.ids, "second": model.ids},
    )
    caption = (
        f"Ranks of the dissimilarities ({model.metric}) of all pairs, stimuli in the order of the table; light: alike."
    )
    return figure(data, "rdms", "Geometry", caption)


def rsa_bars(geometry: Geometry) -> xr.Dataset:
    """RSA of the model, of its controls, and of every layer."""
    rows = [(geometry.score, name) for name in geometry.models]
    rows += [(geometry.layers, name) for name in as_names(geometry.layers.data["attribute"].values).tolist()]
    table = {key: [fact(score, key, of=name) for score, name in rows] for key in ("effect", "low", "high")}
    null = null_of_effect(geometry)
    ends = [np.nanquantile(null, q) if name == MODEL else np.nan for q in (0.025, 0.975) for _, name in rows]
    n = len(rows)
    data = xr.Dataset(
        {
            **{key: ("label", np.array(values)) for key, values in table.items()},
            "null_low": ("label", np.array(ends[:n])),
            "null_high": ("label", np.array(ends[n:])),
        },
        {"label": [name for _, name in rows]},
    )
    ceiling = geometry.score.ceiling
    above = "" if ceiling is None else f" Lower bound of the ceiling: {float(ceiling.mean()):.2f}."
    caption = (
        f"Agreement of dissimilarities, mean over {counted(len(geometry.brains))}, with intervals "
        f"({geometry.score.attrs['interval']}). Grey: stimuli of the model relabelled. The layer of the claim was "
        f"fixed before; the others are shown for comparison.{above}"
    )
    return figure(data, "bars", "Geometry: model, controls, layers", caption, xlabel=geometry.score.metric)

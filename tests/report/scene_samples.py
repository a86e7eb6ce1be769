"""Results of the figures about scenes and captions, of the size a full study has, from planted numbers."""

import numpy as np
import xarray as xr

from consona.brain.meshes import fsaverage5_mesh

REGIONS = ["early", "ventral", "lateral", "parietal"]
MODELS = [
    "caption mean", "single caption", "scrambled", "word average", "nouns", "verbs", "adjectives", "category words",
    "categories", "fastText categories", "recurrent, captions", "recurrent, categories",
]  # fmt: skip
KINDS_OF_MODEL = ["sentences"] * 4 + ["words"] * 4 + ["labels"] * 2 + ["networks"] * 2
NETWORKS = [
    "CLIP RN50", "CLIP ViT-B/32", "ResNet-50", "SimCLR", "CORnet-S", "BLT captions", "BLT categories", "Places365",
    "Taskonomy", "random weights",
]  # fmt: skip
TRUE = [
    "A man in a red shirt throws a ball to a dog on the beach.",
    "Two cups stand to the left of a lamp.",
    "A street at night with many cars, a bus that waits at a crossing, people under umbrellas, and behind them a row "
    "of tall houses with lit windows, of which one has a green door and another a sign that nobody in this picture "
    "seems to read.",
]


def _named(ds, kind, title, caption, **attrs):
    return ds.assign_attrs(figure=kind, title=title, caption=caption, **attrs)


def posterior_map(rng, n_maps, n_vertices):
    """A patch at the back of the brain that is positive, another at the top that is negative, nothing in front."""
    where = np.concatenate([fsaverage5_mesh("pial", side)[0][:n_vertices] for side in ("left", "right")])
    back, top = (np.exp(-(((where - at) / [60, 25, 25]) ** 2).sum(axis=1)) for at in ([0, -90, 0], [0, -50, 60]))
    maps = np.stack([back * np.cos(k) - top * np.sin(k + 0.5) for k in range(n_maps)])
    maps += 0.03 * rng.normal(size=maps.shape)
    maps[:, where[:, 1] > 20] = np.nan
    roi = np.select([where[:, 1] < -85, (where[:, 2] > 25) & (where[:, 1] < -45)], ["early", "parietal"], "")
    return maps, roi


def surface_map(rng, n_maps=4, n_vertices=10_242, view="flat"):
    maps, roi = posterior_map(rng, n_maps, n_vertices)
    names = ["people − places", "food − people", "places − food", "caption − categories", *"abcdefgh"][:n_maps]
    ds = xr.Dataset(
        {"value": (("map", "target"), maps), "significant": (("map", "target"), np.abs(maps) > 0.4)},
        {"map": names, "roi": ("target", roi)},
    )
    return _named(ds, "surface_map", "Where", "Eight people.", view=view, label="difference [r]", outline="q ≤ 0.05")


def roi_bars(rng):
    """Sentences above words above labels, everywhere; letters join what does not differ."""
    base = np.array([0.24, 0.3, 0.28, 0.2])[:, None] * np.linspace(1, 0.35, len(MODELS))
    value = base[..., None] + rng.normal(0, 0.02, (4, 1, 8)) + rng.normal(0, 0.01, (4, len(MODELS), 8))
    letters = np.array(["a", "ab", "b", "bc", "cd", "de", "ef", "fg", "g", "g", "gh", "h"])
    ds = xr.Dataset(
        {"value": (("region", "model", "subject"), value), "ceiling_low": ("region", [0.3, 0.38, 0.37, 0.27]),
         "ceiling_high": ("region", [0.34, 0.42, 0.41, 0.31])},
        {"region": REGIONS, "model": MODELS, "subject": [f"subj{i:02d}" for i in range(1, 9)],
         "group": ("model", KINDS_OF_MODEL), "letters": (("region", "model"), np.tile(letters, (4, 1)))},
    )  # fmt: skip
    return _named(ds, "roi_bars", "Models by region", "Bars: mean of eight people; dots: people; line: s.e.m.")


def caption_cards(rng, side=48):
    colours = rng.integers(40, 220, (len(TRUE), 1, 1, 3))
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    disc = ((x - side / 3) ** 2 + (y - side / 2) ** 2 < (side / 4) ** 2)[None, :, :, None]
    image = np.where(disc, 255 - colours, colours).astype(np.uint8)
    ds = xr.Dataset(
        {"image": (("card", "y", "x", "colour"), image), "rank": ("card", np.array([0, 64, 129])),
         "true": ("card", TRUE), "read_out": ("card", TRUE[1:] + TRUE[:1]), "control": ("card", TRUE[::-1])},
        {"card": np.arange(len(TRUE))},
    )  # fmt: skip
    return _named(ds, "caption_cards", "Read out of the brain", "At fixed ranks.", n_test=130)


def training_size_scatter(rng):
    n = np.array([4e8, 4e8, 1.2e6, 1.2e6, 1.2e6, 7.3e4, 7.3e4, 1.8e6, 4e6, 7.3e4])
    match = 0.12 + 0.06 * rng.random((len(n), 4)) + np.array([0, 0.05, 0.04, 0.02])
    match[5] += 0.06
    objective = ["captions"] * 2 + ["categories", "self-supervised", "categories", "captions"] + ["categories"] * 2
    ds = xr.Dataset(
        {"match": (("model", "region"), match), "n_images": ("model", n),
         "ceiling": ("region", [0.26, 0.33, 0.3, 0.25]),
         "published": ("model", np.array([1, 1, 1, 1, 1, 0, 0, 1, 1, 0], dtype=bool))},
        {"model": NETWORKS, "region": REGIONS, "objective": ("model", [*objective, "tasks", "none at all"])},
    )  # fmt: skip
    return _named(ds, "training_size_scatter", "Images seen", "Ten networks.")


def layer_time_grid(rng):
    """What the brain shares grows with depth and time; a feed-forward network has one step."""
    depth, time = np.arange(6)[:, None], np.arange(6)
    value = 0.05 + 0.012 * depth + 0.01 * time + 0.01 * rng.random((2, 4, 6, 6))
    value[1, :, :, 1:] = np.nan
    ds = xr.Dataset(
        {"value": (("network", "region", "layer", "time"), value)},
        {"network": ["recurrent, captions", "feed-forward, captions"], "region": REGIONS,
         "layer": [f"layer {i}" for i in range(6)], "time": np.arange(1, 7)},
    )  # fmt: skip
    return _named(ds, "layer_time_grid", "Layers in time", "Eight people.")


def vertex_scatter(rng, n=10_000):
    x = rng.beta(2, 4, n)
    roi = np.array([*REGIONS, ""])[rng.integers(0, 5, n)]
    share = np.select([roi == "ventral", roi == "early"], [0.85, 0.35], 0.6)
    ds = xr.Dataset({"x": ("target", x), "y": ("target", share * x + rng.normal(0, 0.05, n))}, {"roi": ("target", roi)})
    return _named(ds, "vertex_scatter", "Against the ceiling", "One person.", xlabel="ceiling [r]")


def readout_density(rng, n=515):
    middle, spread = np.array([0.93, 0.34, 0.84]), np.array([0.02, 0.16, 0.04])
    value = np.tanh(rng.normal(np.arctanh(middle)[:, None, None], spread[:, None, None], (3, 8, n)))
    ds = xr.Dataset(
        {"value": (("measure", "subject", "stimulus"), value)},
        {"measure": ["raw", "centred", "mean of the training captions"], "subject": [f"subj{i:02d}" for i in range(8)]},
    )
    return _named(ds, "readout_density", "Scores of read-outs", "515 images.", ceiling=0.55)


def text_ladder(rng):
    rungs = [*MODELS[:9]]
    value, rdm = np.linspace(1, 0.45, 9), np.linspace(1, 0.3, 9)
    spread = np.r_[0, rng.uniform(0.01, 0.03, 8)]
    parts = {"value": value, "low": value - spread, "high": value + spread, "rdm": rdm, "rdm_low": rdm - 2 * spread,
             "rdm_high": rdm + 2 * spread, "mismatched": 0.2 * value, "rdm_mismatched": 0.02 * value}  # fmt: skip
    ds = xr.Dataset({name: ("rung", each) for name, each in parts.items()}, {"rung": rungs})
    return _named(ds, "text_ladder", "What is left", "5,000 images.")


def model_geometry(rng):
    groups = np.array(KINDS_OF_MODEL)
    centre = rng.normal(0, 1, (4, 3))[np.unique(groups, return_inverse=True)[1]]
    points = centre + 0.35 * rng.normal(size=centre.shape)
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    ds = xr.Dataset(
        {"dissimilarity": (("model", "model2"), apart)},
        {"model": MODELS, "model2": MODELS, "objective": ("model", groups)},
    )
    return _named(ds, "model_geometry", "Models among each other", "1 − r of dissimilarities.")


MADE = (
    surface_map,
    roi_bars,
    caption_cards,
    training_size_scatter,
    layer_time_grid,
    vertex_scatter,
    readout_density,
    text_ladder,
    model_geometry,
)
FULL = {each.__name__: each for each in MADE}
SMALLER = {
    "surface_map": lambda rng: surface_map(rng, n_maps=1, n_vertices=642),
    "roi_bars": lambda rng: roi_bars(rng).isel(model=slice(5), region=slice(2)),
    "caption_cards": lambda rng: caption_cards(rng, side=8),
    "training_size_scatter": lambda rng: training_size_scatter(rng).isel(model=slice(3, 7), region=slice(2)),
    "layer_time_grid": lambda rng: layer_time_grid(rng).isel(layer=slice(3), region=slice(2)),
    "vertex_scatter": lambda rng: vertex_scatter(rng, 300),
    "readout_density": lambda rng: readout_density(rng, 20).isel(subject=slice(2)),
    "model_geometry": lambda rng: model_geometry(rng).isel(model=slice(5), model2=slice(5)),
}
KINDS = FULL | SMALLER

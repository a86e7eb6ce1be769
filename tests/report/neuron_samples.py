"""Results of the figures about neurons of emotion concepts, of the size a full study has, from planted numbers."""

import numpy as np
import xarray as xr

EMOTIONS = [
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise",
]  # fmt: skip
PLEASANT = [1, 1, -1, -0.7, 0.7, 0.8, -0.3, 0.3, 0.5, -0.8, -0.7, -1, -0.6, 1, -1, 0.9, -1, 1.2, 1.2, -0.8, 0.8, 0.8,
            0.2, 0.7, -0.8, -1, 0.2]  # fmt: skip
ATTRIBUTES = [
    "arousal", "valence", "happy-face", "anger-face", "sad-face", "fear-face", "surprise-face", "disgust-face",
    "control", "fairness", "self-relativity", "other-relativity", "expectedness", "novelty",
]  # fmt: skip
N_MASKS, SIZES, DECLARED = 99, [0.5, 1, 2, 5, 10.9, 20, 40], 10.9


def _named(ds, kind, title, caption, **attrs):
    return ds.assign_attrs(figure=kind, title=title, caption=caption, **attrs)


def _scores(rng):
    """Emotions by attributes: some follow valence, some are their own."""
    weight = np.array([0.1, 1, 0.9, -0.6, -0.7, -0.5, 0.2, -0.7, 0.6, 0.7, 0.3, 0.1, 0.5, -0.1])
    return np.outer(PLEASANT, weight) + rng.normal(0, 0.45, (27, 14))


def rdm_gallery(rng):
    """Fourteen squares, emotions from unpleasant to pleasant."""
    apart = np.abs(_scores(rng)[:, None] - _scores(rng)[None]).transpose(2, 0, 1)
    apart = (apart + apart.transpose(0, 2, 1)) / 2
    apart[:, np.arange(27), np.arange(27)] = 0
    ds = xr.Dataset(
        {"value": (("attribute", "emotion", "other"), apart)},
        {"attribute": ATTRIBUTES, "emotion": EMOTIONS, "other": EMOTIONS, "valence": ("emotion", PLEASANT)},
    )
    return _named(ds, "rdm_gallery", "What each attribute calls alike", "Differences of ratings of 27 emotions.")


def neuron_map(rng):
    """Valence late, arousal early, the others anywhere."""
    share = rng.dirichlet(np.full(6, 9.0), 14)
    share[1] = np.array([2, 4, 8, 16, 30, 40]) / 100
    ds = xr.Dataset({"share": (("attribute", "layer"), share)}, {"attribute": ATTRIBUTES, "layer": np.arange(6)})
    return _named(ds, "neuron_map", "Where the neurons are", "The 1,000 neurons of each attribute by layer.")


def drop_matrix(rng):
    """Losses of up to seven points; four emotions are too rare."""
    drop = rng.normal(0.012, 0.02, (27, 14)) + 0.04 * np.clip(_scores(rng) - 1, 0, 1)
    tested = ~np.isin(EMOTIONS, ["grief", "pride", "relief", "nervousness"])
    ds = xr.Dataset(
        {"value": (("emotion", "attribute"), drop)},
        {"emotion": EMOTIONS, "attribute": ATTRIBUTES, "tested": ("emotion", tested)},
    )
    return _named(
        ds, "drop_matrix", "What silencing costs", "Loss against random masks.", label="loss over random masks"
    )


def p_histograms(rng):
    """The naive p is mostly small, the permuted one nearly uniform."""
    edges = np.linspace(0, 1, 21)
    naive = np.stack([np.histogram(rng.beta(0.25, 1, 9216), edges)[0] for _ in ATTRIBUTES]) / 9216
    permuted = np.stack([np.histogram(rng.beta(0.85, 1, 9216), edges)[0] for _ in ATTRIBUTES]) / 9216
    ds = xr.Dataset(
        {"naive": (("attribute", "bin"), naive), "permutation": (("attribute", "bin"), permuted)},
        {"attribute": ATTRIBUTES, "p_from": ("bin", edges[:-1]), "p_to": ("bin", edges[1:])},
    )
    return _named(ds, "p_histograms", "What the naive p does", "9,216 neurons.", columns=["p_from", "p_to"])


def mask_clouds(rng):
    """Narrow clouds with a few masks that ruin the model; valence and control are worse than chance."""
    random = 0.76 - rng.gamma(4, 0.003, (14, N_MASKS))
    random[rng.random(random.shape) < 0.02] = 0.51
    selected = 0.748 - np.isin(ATTRIBUTES, ["valence", "control"]) * 0.03 + rng.normal(0, 0.004, 14)
    ds = xr.Dataset(
        {"selected": ("attribute", selected), "random": (("attribute", "mask"), random)},
        {"attribute": ATTRIBUTES, "mask": [f"random {i:02d}" for i in range(1, N_MASKS + 1)]},
    )
    return _named(ds, "mask_clouds", "Selected against random", "99 matched random masks each.", intact=0.768)


def dose_bands(rng):
    """Falling with the dose; the selected masks of three attributes fall faster."""
    fall = 0.15 * (np.array(SIZES) / 40) ** 1.3
    worse = np.where(np.isin(ATTRIBUTES, ["valence", "control", "fairness"]), 1.6, 1.0)[:, None]
    middle = np.tile(0.768 - fall, (14, 1))
    wide = 0.004 + 0.3 * np.tile(fall, (14, 1))
    selected = 0.768 - worse * fall + rng.normal(0, 0.003, (14, 7))
    dims = ("attribute", "size")
    ds = xr.Dataset(
        {"selected": (dims, selected), "low": (dims, middle - wide), "high": (dims, middle + wide),
         "random": (dims, middle)},
        {"attribute": ATTRIBUTES, "size": SIZES},
    )  # fmt: skip
    return _named(ds, "dose_bands", "Dose", "19 masks per size, 99 at 10.9 %.", declared=DECLARED, intact=0.768)


def attribute_link(rng):
    """A relation of .5 that the share of late layers explains in part."""
    importance = np.sort(rng.uniform(0.02, 0.34, 14))[::-1]
    drop = 0.005 + 0.04 * importance + rng.normal(0, 0.004, 14)
    spread = rng.uniform(0.002, 0.005, 14)
    found = {
        "drop": drop, "low": drop - spread, "high": drop + spread, "importance": importance,
        "importance_low": importance - 0.02, "importance_high": importance + 0.02,
        "residual_drop": 0.5 * (drop - drop.mean()) + rng.normal(0, 0.003, 14),
        "residual_importance": importance - importance.mean() + rng.normal(0, 0.03, 14),
    }  # fmt: skip
    ds = xr.Dataset({name: ("attribute", each) for name, each in found.items()}, {"attribute": ATTRIBUTES})
    told = {"r": 0.52, "p": 0.057, "r_partial": 0.21, "p_partial": 0.48, "covariate": "the share of late layers"}
    words = {"xlabel": "importance for people (τ)", "ylabel": "loss over random masks"}
    return _named(ds, "attribute_link", "Loss against importance", "14 attributes.", **told, **words)


def geometry(rng):
    """Both maps run from unpleasant to pleasant, the second with more noise."""
    x = np.array(PLEASANT) + rng.normal(0, 0.15, 27)
    y = rng.normal(0, 0.5, 27)
    across, up = np.stack([x, x + rng.normal(0, 0.2, 27)]), np.stack([y, y + rng.normal(0, 0.3, 27)])
    ds = xr.Dataset(
        {"x": (("kind", "emotion"), across), "y": (("kind", "emotion"), up)},
        {"kind": ["people", "model"], "emotion": EMOTIONS, "valence": ("emotion", PLEASANT)},
    )
    return _named(ds, "geometry", "Two maps of 27 emotions", "Metric MDS, turned by Procrustes.", middle=0.0)


FULL = {
    each.__name__: each
    for each in (
        rdm_gallery,
        neuron_map,
        drop_matrix,
        p_histograms,
        mask_clouds,
        dose_bands,
        attribute_link,
        geometry,
    )
}


def _some(full):
    """The same figure with three of the fourteen attributes, which is drawn in a quarter of the time."""
    return lambda rng: full(rng).isel(attribute=slice(3), missing_dims="ignore")


KINDS = {name: _some(full) for name, full in FULL.items()}

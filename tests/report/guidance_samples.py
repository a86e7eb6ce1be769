"""Results of the figures about guided reasoning, of the size a full study has, from planted numbers."""

import numpy as np
import xarray as xr

ITEMS = ["all", "syllogism", "transitive"]
TRIVIAL = [
    "task", "response time", "response time, label and task", "premises, label and negation", "run",
    "position in run", "random",
]  # fmt: skip
MODELS = ["MiniLM, block", "small reasoner, attention", "small reasoner, block", "random weights", "localised units"]
CONDITIONS = [
    "own brain", "random directions", "permuted similarity", "another subject", "response time as brain",
    "one-hot label as brain", "Gaussian brain",
]  # fmt: skip
ARMS = ["regression", "brain and label", "label", "label and permuted brain", "label and response time", "more items"]
TESTS = [
    "syllogism, 6 orders", "transitive, 6 orders", "4 premises", "5 premises", "6 premises", "propositional",
    "relational",
]  # fmt: skip
STRENGTHS = [0.0, 0.5, 1, 2, 3, 5, 7, 10]


def _named(ds, kind, title, caption, **attrs):
    return ds.assign_attrs(figure=kind, title=title, caption=caption, **attrs)


def trivial_against_ceiling(rng):
    """One bit reaches the ceiling over all items; no model does within a kind."""
    names = TRIVIAL + MODELS
    score = 0.12 + rng.normal(0, 0.05, (len(names), 3))
    score[0] = [0.199, np.nan, np.nan]
    spread = rng.uniform(0.02, 0.05, score.shape)
    dims = ("feature", "kind")
    ds = xr.Dataset(
        {"score": (dims, score), "low": (dims, score - spread), "high": (dims, score + spread),
         "ceiling": ("kind", [0.16, 0.061, 0.065]), "ceiling_low": ("kind", [0.12, 0.03, 0.02]),
         "ceiling_high": ("kind", [0.2, 0.09, 0.11])},
        {"feature": names, "kind": ITEMS, "group": ("feature", ["trivial"] * len(TRIVIAL) + ["model"] * len(MODELS))},
    )  # fmt: skip
    return _named(
        ds, "trivial_against_ceiling", "Trivial features against the ceiling", "Ten people.", region="reasoning region"
    )


def released_against_corrected(rng):
    """What the best layer on the test folds shows is gone in nested folds."""
    corrected = rng.normal(0.03, 0.03, (len(MODELS), 3))
    released = corrected + rng.uniform(0.05, 0.15, corrected.shape)
    dims = ("model", "kind")
    ds = xr.Dataset(
        {"released": (dims, released), "corrected": (dims, corrected), "low": (dims, corrected - 0.03),
         "high": (dims, corrected + 0.03), "ceiling": ("kind", [0.16, 0.061, 0.065]),
         "released_ceiling": ("kind", [0.208, 0.123, 0.116])},
        {"model": MODELS, "kind": ITEMS},
    )  # fmt: skip
    return _named(ds, "released_against_corrected", "As released and corrected", "Ten people.", region="reasoning")


def layer_profile(rng):
    """Highest in the middle; the attention output of the last layer is undefined."""
    layers = np.arange(7)
    score = 0.02 + 0.06 * np.exp(-((layers - [[3], [4], [3]]) ** 2) / 4) * [[1], [1.2], [0.3]]
    score[0, 6] = np.nan
    chosen = rng.dirichlet(np.exp(-((layers - 3.5) ** 2) / 2) * 20, 3)
    dims = ("site", "layer")
    ds = xr.Dataset(
        {"score": (dims, score), "low": (dims, score - 0.015), "high": (dims, score + 0.015), "ceiling": 0.16,
         "chosen": (dims, chosen)},
        {"site": ["attention", "block", "random weights"], "layer": layers},
    )  # fmt: skip
    return _named(ds, "layer_profile", "Layer by layer", "Nested choice.", ylabel="score [r]")


def flip_matrix(rng):
    """Only one's own brain mends more answers than it spoils."""
    mended, spoiled = rng.integers(20, 40, 7), rng.integers(20, 40, 7)
    mended[0] = 71
    count = np.stack([160 - mended, mended, spoiled, 540 - spoiled], axis=1).reshape(7, 2, 2).astype(float)
    net = 100 * (mended - spoiled) / 700
    ds = xr.Dataset(
        {"count": (("condition", "before", "after"), count), "net_low": ("condition", net - 2.1),
         "net_high": ("condition", net + 2.1)},
        {"condition": CONDITIONS, "before": ["wrong", "right"], "after": ["wrong", "right"]},
    )  # fmt: skip
    return _named(ds, "flip_matrix", "Answers that flip", "Ten people, 70 items each.")


def steering_dose(rng):
    """A gain that peaks at a moderate strength; strong shifts ruin the answers and the neutral task."""
    strength = np.array(STRENGTHS)
    peak = np.outer([4, 0.5, 1, 1.5, 0.4, 2, 0.2], strength * np.exp(-strength / 2)) - 0.08 * strength**2
    width = 0.6 * strength
    ds = xr.Dataset(
        {"net": (("condition", "strength"), peak + rng.normal(0, 0.2, peak.shape) * (strength > 0)),
         "low": ("strength", -width - 0.08 * strength**2), "high": ("strength", width - 0.08 * strength**2),
         "cost": ("strength", 0.02 * strength**2)},
        {"condition": CONDITIONS, "strength": STRENGTHS},
    )  # fmt: skip
    return _named(
        ds, "steering_dose", "Dose", "Held-out forms.", chosen=2.0, cost_label="loss on the neutral task [points]"
    )


def arm_intervals(rng):
    """Labels help everywhere, a brain on top of them nowhere."""
    effect = np.array([0.01, 0.12, 0.12, 0.11, 0.12, 0.2])[:, None] * np.linspace(1, -0.1, 7) + rng.normal(
        0, 0.015, (6, 7)
    )
    dims = ("arm", "test")
    ds = xr.Dataset(
        {"effect": (dims, effect), "low": (dims, effect - 0.04), "high": (dims, effect + 0.04)},
        {"arm": ARMS, "test": TESTS},
    )
    return _named(ds, "arm_intervals", "Arms of tuning", "Five seeds.", xlabel="change of accuracy")


def transfer_table(rng):
    """Gains on what was trained, little elsewhere."""
    effect = arm_intervals(rng)
    trained = np.zeros((6, 7), dtype=bool)
    trained[:, :2] = True
    ds = effect.rename(effect="value").assign(trained=(("arm", "test"), trained))
    return _named(ds, "transfer_table", "Transfer", "Five seeds.", label="Change of accuracy")


def power_curve(rng):
    """More of both is better."""
    subjects, items = np.array([5, 10, 20, 40]), np.array([36, 70, 140, 280])
    power = 1 - np.exp(-np.outer(subjects, items) / 2500) * 0.95
    dims = ("n_subjects", "n_items")
    ds = xr.Dataset(
        {"power": (dims, power), "low": (dims, power - 0.05), "high": (dims, np.minimum(power + 0.05, 1))},
        {"n_subjects": subjects, "n_items": items},
    )
    return _named(ds, "power_curve", "Subjects and items", "200 twins each.", xlabel="subjects", ylabel="power")


FULL = {
    each.__name__: each
    for each in (
        trivial_against_ceiling,
        released_against_corrected,
        layer_profile,
        flip_matrix,
        steering_dose,
        arm_intervals,
        transfer_table,
        power_curve,
    )
}


def _some(full):
    """The same figure with fewer rows, arms and conditions, which is drawn in a part of the time."""
    few = {"feature": [0, 1, 7, 8], "model": slice(3), "condition": slice(3), "arm": slice(2), "test": slice(2)}
    return lambda rng: full(rng).isel(few, missing_dims="ignore")


KINDS = {name: _some(full) for name, full in FULL.items()}

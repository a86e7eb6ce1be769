"""What attributes weigh for people, and whether silence costs in proportion; the geometry of model and people."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.rdms import model_rdm
from consona.alignment.rsa import rsa_score
from consona.concepts.neurons import attribute_rdms, layer_shares
from consona.core.dataset import Dataset
from consona.core.features import Features
from consona.core.rdm import RDM
from consona.core.score import Score
from consona.stats.attribute_importance import attribute_importance
from consona.stats.attribute_link import attribute_link, link_of_random
from consona.stats.mask_losses import defined_mean
from consona.stats.permutation import random_orders
from consona.studies.emotion_neurons.material import Material
from consona.studies.emotion_neurons.selection import Selected
from consona.studies.emotion_neurons.silencing import Silenced
from consona.studies.emotion_neurons.verdicts import losses

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.study import EmotionNeurons

MODEL = "model"
MARGIN = 0.5
MOST_COVARIATES = 6
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class People:
    """Importance of every attribute, its link with what silence costs, and the geometry of the whole model.

    ``importance``: variables over ``attribute``. ``link``: ``drop``, its ``spread`` over random masks, ``importance``
    and what the layers leave, over ``attribute``; its attributes are the results of :func:`attribute_link` and
    :func:`link_of_random`.
    """

    importance: xr.Dataset
    link: xr.Dataset
    geometry: Score
    models: dict[str, RDM]
    maps: xr.Dataset


def people(study: "EmotionNeurons", run: "Run", material: Material, selected: Selected, silenced: Silenced) -> People:
    """Importance first, from people alone; then the link, then geometry."""
    n, seed = study.counts.n_permutations, study.seed
    importance = run.step("importance", importances, material.people, material.attributes, n_permutations=n, seed=seed)
    mean, of_masks = losses(silenced.declared, study.readout)
    shares = run.step("layer-shares", layer_shares, selected.masks)
    tuning = tuned(selected.rsa, selected.masks)
    link = run.step("link", linked, (mean, of_masks), importance["tau"], shares, tuning, seed=seed)
    models = {MODEL: _geometry(selected.concepts), **{name: _geometry(each) for name, each in selected.without.items()}}
    raters = material.people.rdms
    comparison = {"comparison": "rho-a", "n_permutations": n, "n_draws": n, "seed": seed}
    geometry = run.step("geometry", rsa_score, models, raters, **comparison)
    maps = run.step("maps", geometry_maps, _mean(raters), models[MODEL])
    return People(importance, link, geometry, models, maps)


def importances(people: Dataset, attributes: xr.DataArray, *, n_permutations: int, seed: int) -> xr.Dataset:
    """Tau of every attribute RDM with the mean of the raters, over ``attribute``; see :func:`attribute_importance`."""
    names = [str(each) for each in people.rdms[0].ids]
    human = np.stack([rdm.data.values for rdm in people.rdms])
    rdms = attribute_rdms(attributes, np.array(names))
    orders = random_orders(len(names), n_permutations, seed=seed)
    found = attribute_importance(human, rdms.values, orders, seed=seed)._asdict()
    data = xr.Dataset({name: ("attribute", value) for name, value in found.items()}, {"attribute": rdms["attribute"]})
    return data.rename(tau_a="tau").assign_attrs(n_raters=len(human))


def tuned(rsa: xr.Dataset, masks: xr.DataArray) -> Array:
    """Mean tau of the selected neurons of every attribute, ``(n_attributes,)``."""
    return np.asarray(rsa["tau"].where(masks).mean(("layer", "neuron")).values)


def linked(
    losses: tuple[Array, Array], importance: xr.DataArray, shares: xr.DataArray, tuning: Array, *, seed: int
) -> xr.Dataset:
    """Drop and importance over attributes, plain and given the layers; results as attributes of the data.

    ``losses``: mean over emotions of selected masks ``(n_attributes,)`` and of random ones ``(n_random,
    n_attributes)``. ``r_NAME`` and ``p_NAME``: given layers, given tuning, and by ranks, each with random masks in the
    place of the selected ones, one-sided.
    """
    selected, random = losses
    drop, weight = selected - defined_mean(random, axis=0), importance.values
    layers = covariates(shares)
    plain = attribute_link(drop, weight, margin=MARGIN, seed=seed)
    masks = link_of_random(selected, random, weight)
    attrs = {name: float(getattr(plain, name)) for name in ("r", "p_above", "low", "high", "p_equal", "least_margin")}
    attrs |= {"margin": MARGIN, "n_random": len(random), "n_covariates": layers.shape[1]}
    attrs |= {"p_masks": masks.p, "r_ranks": masks.rho, "p_ranks": masks.p_rho}
    for name, given in {"layers": layers, "tuning": tuning[:, None]}.items():
        left = link_of_random(selected, random, weight, covariates=given)
        attrs |= {f"r_{name}": left.r, f"p_{name}": left.p}
    over = {
        "drop": drop,
        "spread": random.std(axis=0, ddof=1),
        "importance": weight,
        "tuning": tuning,
        "residual_drop": _without(drop, layers),
        "residual_importance": _without(weight, layers),
        "leave_one_out": plain.leave_one_out,
    }
    data = {name: ("attribute", np.asarray(value)) for name, value in over.items()}
    return xr.Dataset({**data, "null": ("draw", masks.null)}, {"attribute": importance["attribute"].values}, attrs)


def covariates(shares: xr.DataArray) -> Array:
    """Shares of all layers but one where these are few; otherwise where neurons lie on average, and how far spread."""
    values = shares.transpose("attribute", "layer").values
    if values.shape[1] - 1 <= MOST_COVARIATES:
        return np.asarray(values[:, 1:])
    depth = np.arange(values.shape[1])
    middle = values @ depth
    spread = np.sqrt(np.maximum(values @ depth**2 - middle**2, 0))
    return np.column_stack([middle, spread])


def _without(values: Array, layers: Array) -> Array:
    design = np.column_stack([np.ones(len(values)), layers])
    return np.asarray(values - design @ np.linalg.lstsq(design, values, rcond=None)[0])


def _geometry(concepts: xr.DataArray) -> RDM:
    """One minus the correlation of two concepts over all neurons of all layers."""
    mean = concepts.mean("split").stack(feature=("layer", "neuron")).reset_index("feature", drop=True)
    varies = mean.values.std(axis=0) > 0
    values = mean.transpose("emotion", "feature").values[:, varies]
    data = xr.DataArray(
        values.astype(np.float32)[:, None],
        {"stimulus": concepts["emotion"].values, "layer": [0]},
        ("stimulus", "layer", "feature"),
        attrs={"site": "mlp.act"},
    )
    return model_rdm(Features(data), layer=0, metric="correlation")


def geometry_maps(human: RDM, model: RDM) -> xr.Dataset:
    """Both RDMs in the plane, ``x`` and ``y (kind, emotion)``, the model's turned and scaled to fit people's."""
    names = human.ids.tolist()
    order = [model.ids.tolist().index(name) for name in names]
    first, second = _plane(human.matrix()), _plane(model.matrix()[np.ix_(order, order)])
    U, s, Vt = np.linalg.svd(second.T @ first)
    turned = second @ U @ Vt * (s.sum() / (second**2).sum())
    both = np.stack([first, turned])
    over = ("kind", "emotion")
    return xr.Dataset(
        {"x": (over, both[..., 0]), "y": (over, both[..., 1])}, {"kind": ["people", MODEL], "emotion": names}
    )


def _plane(distances: Array) -> Array:
    """Classical scaling: the two leading eigenvectors of the doubly centred squared distances."""
    centre = np.eye(len(distances)) - 1 / len(distances)
    values, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    return np.asarray(vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0)))[:, ::-1]


def _mean(rdms: tuple[RDM, ...]) -> RDM:
    whole = np.mean([rdm.matrix() for rdm in rdms], axis=0)
    return RDM.of_matrix(whole, rdms[0].ids.tolist(), metric=rdms[0].metric, subject="mean of all")

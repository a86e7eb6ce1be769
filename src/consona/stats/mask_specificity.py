"""Does silencing an attribute's neurons hurt those emotions more that are extreme on this attribute?"""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from consona.stats.correlation import unit_columns
from consona.stats.mask_losses import defined_mean, selected_first
from consona.stats.permutation import fwer_p_values, p_value
from consona.stats.shapes import Float, Int, Real

__all__ = ["Specificity", "extremity", "specificity"]

_FEWEST = 6


class Specificity(NamedTuple):
    """Rank correlation over emotions of loss and extremity on the attribute; one entry per attribute, and over all.

    ``p``: that a random mask gives as large a ``rho``; ``p_max``: the same for the largest of all attributes.
    ``mean`` of ``rho``, its ``null`` from each draw of random masks, ``p_mean``. ``other``: mean correlation with the
    extremity on the other attributes, ``p_other``: that random masks give as large a difference of the two.
    ``n_emotions``: how many were defined under all masks.
    """

    rho: Float[np.ndarray, " n_attributes"]
    p: Float[np.ndarray, " n_attributes"]
    p_max: Float[np.ndarray, " n_attributes"]
    mean: float
    null: Float[np.ndarray, " n_random"]
    p_mean: float
    other: float
    p_other: float
    n_emotions: Int[np.ndarray, " n_attributes"]


def extremity(scores: Real[np.ndarray, "n_attributes n_emotions"]) -> Float[np.ndarray, "n_attributes n_emotions"]:
    """How far each emotion lies from the mean emotion on each attribute, on either side."""
    scores = np.asarray(scores, dtype=np.float64)
    return np.asarray(np.abs(scores - defined_mean(scores, axis=1)[:, None]))


def specificity(
    selected: Real[np.ndarray, "n_attributes n_emotions"],
    random: Real[np.ndarray, "n_attributes n_random n_emotions"],
    loading: Real[np.ndarray, "n_attributes n_emotions"],
) -> Specificity:
    r"""Spearman's correlation of what a mask costs each emotion with the emotion's loading, against random masks.

    .. math:: \rho_{aj} = \mathrm{corr}\big(\mathrm{rank}\, M_a x_{aj\cdot},\; \mathrm{rank}\, l_a\big), \qquad
              M_a = I - P_{(1, \bar x, \bar x_a)}

    Some emotions are fragile, whatever is silenced, and a mask that costs more costs them more. So the mean loss of
    every emotion over all masks of all attributes, :math:`\bar x`, and over those of this attribute,
    :math:`\bar x_a`, are taken away, selected masks among them; else a large unspecific loss would look specific
    wherever fragile emotions are extreme ones. Random masks pass through the same, in place of the selected one, so
    that p is exact where these are exchangeable.

    ``p_other`` is about the mean correlation with the attribute's own loading minus that with the loadings of the other
    attributes, again with random masks in the place of the selected ones. Exchanging attributes instead would find too
    much: similar attributes share neurons, hence losses, and have similar loadings.

    ``loading``: see :func:`extremity`. Emotions that are undefined under some mask are left out of that attribute; a
    mask under which all are is undefined itself, and counts as one that reaches the observed value. An attribute with
    fewer than six emotions, or an undefined selected mask, is NaN and left out of means.

    Raises
    ------
    ValueError
        When shapes do not belong together.
    """
    losses = selected_first(selected, random)
    if loading.shape != selected.shape:
        raise ValueError(f"loadings are {loading.shape} and losses {selected.shape}; both are attributes by emotions.")
    fragile = defined_mean(defined_mean(losses, axis=1), axis=0)
    found = [_correlations(each, loading, fragile, own) for own, each in enumerate(losses)]
    r = np.round(np.stack([each for each, _ in found]), 9)  # (attribute, mask, loading of)
    rho = np.einsum("aja->aj", r)
    tested = np.flatnonzero(np.isfinite(rho[:, 0]))
    of_draw = np.where(np.isfinite(rho[tested, 1:]), rho[tested, 1:], np.inf)
    p_max = np.full(len(rho), np.nan)
    mean, null = float("nan"), np.full(rho.shape[1] - 1, np.nan)
    if len(tested):
        p_max[tested] = fwer_p_values(rho[tested, 0], of_draw.max(axis=0))
        mean, null = float(rho[tested, 0].mean()), of_draw.mean(axis=0)
    other, beyond = _beyond_others(r[tested][:, :, tested])
    p_mean, p_other = float(p_value(mean, null)), float(p_value(beyond[0], beyond[1:]))
    null = np.where(np.isfinite(null), null, np.nan)
    p = p_value(rho[:, 0], rho[:, 1:].T)
    return Specificity(rho[:, 0], p, p_max, mean, null, p_mean, other, p_other, np.array([n for _, n in found]))


def _correlations(losses: np.ndarray, loading: np.ndarray, fragile: np.ndarray, own: int) -> tuple[np.ndarray, int]:
    """Rank correlations of all masks with all loadings ``(n_masks, n_attributes)``, and the number of emotions."""
    alive = np.isfinite(losses).any(axis=1)
    usable = np.isfinite(losses[alive]).all(axis=0) & np.isfinite(loading[own])
    found = np.full((len(losses), len(loading)), np.nan)
    n = int(usable.sum()) if alive[0] else 0
    if n < _FEWEST:
        return found, n
    profiles = losses[alive][:, usable]
    general = unit_columns(np.column_stack([fragile[usable], profiles.mean(axis=0)]))
    basis, scale, _ = np.linalg.svd(np.nan_to_num(general), full_matrices=False)
    basis = basis[:, scale > 1e-9]
    rest = profiles - profiles.mean(axis=1, keepdims=True)
    rest = np.round(rest - (rest @ basis) @ basis.T, 12)  # so that what is equal has one rank
    ranks, of_loading = _ranked(rest), _ranked(loading[:, usable])
    found[alive] = unit_columns(ranks.T).T @ unit_columns(of_loading.T)
    return found, n


def _ranked(rows: np.ndarray) -> np.ndarray:
    """Ranks within rows, ties their mean; a row with a gap is NaN."""
    whole = np.isfinite(rows).all(axis=1, keepdims=True)
    return np.where(whole, rankdata(np.where(whole, rows, 0.0), axis=1), np.nan)


def _beyond_others(r: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean correlation with the loadings of other attributes, and for every mask how far its own exceeds it.

    ``r (n_attributes, n_masks, n_attributes)``, the selected masks first.
    """
    n = len(r)
    if n < 2:
        return float("nan"), np.full(r.shape[1], np.nan)
    own = np.einsum("aja->j", r)
    other = (r.sum(axis=(0, 2)) - own) / (n * (n - 1))
    return float(other[0]), np.round(own / n - other, 9)

"""Centred kernel alignment: how alike two sets of features arrange the same stimuli, without bias."""

import numpy as np

from consona.stats.shapes import Float, Real

__all__ = ["debiased_cka", "linear_cka"]


def linear_cka(X: Real[np.ndarray, "n_stimuli n_left"], Y: Real[np.ndarray, "n_stimuli n_right"]) -> float:
    r"""Linear CKA as first published: between 0 and 1, **but far from 0 for unrelated features**.

    .. math:: \mathrm{CKA} = \frac{\|X^\top Y\|_F^2}{\|X^\top X\|_F \, \|Y^\top Y\|_F}
              \qquad\text{columns centred}

    Kornblith et al. (2019). With more features than stimuli it approaches 1 whatever the features are; it stands here
    to be compared with published values. NaN when either set is constant or holds a value that is not finite.

    Raises
    ------
    ValueError
        When the numbers of stimuli differ.
    """
    K, L = _grams(X, Y, 2)
    return _ratio(float(np.vdot(K, L)), float(np.vdot(K, K)), float(np.vdot(L, L)))


def debiased_cka(X: Real[np.ndarray, "n_stimuli n_left"], Y: Real[np.ndarray, "n_stimuli n_right"]) -> float:
    r"""Linear CKA from the unbiased estimate of HSIC: 0 on average for unrelated features, 1 for the same geometry.

    .. math:: \mathrm{HSIC}_1(K, L) = \frac{1}{n (n - 3)} \left[ \mathrm{tr}(\tilde K \tilde L)
              + \frac{1^\top \tilde K 1 \; 1^\top \tilde L 1}{(n - 1)(n - 2)}
              - \frac{2}{n - 2} 1^\top \tilde K \tilde L 1 \right], \qquad
              \mathrm{CKA} = \frac{\mathrm{HSIC}_1(K, L)}{\sqrt{\mathrm{HSIC}_1(K, K)\,\mathrm{HSIC}_1(L, L)}}

    with the kernels :math:`K = X X^\top`, :math:`L = Y Y^\top`, their diagonals set to zero (Song et al. 2012). It can
    be negative. NaN where a set of features has no geometry beyond chance (its own HSIC is not positive), is constant
    or not finite.

    Raises
    ------
    ValueError
        With fewer than four stimuli, or when their numbers differ.
    """
    kernels = _grams(X, Y, 4)
    K, L = (_u_centred(each) for each in kernels)
    return _ratio(float(np.vdot(K, L)), float(np.vdot(K, K)), float(np.vdot(L, L)))


def _grams(X: np.ndarray, Y: np.ndarray, least: int) -> list[Float[np.ndarray, "n_stimuli n_stimuli"]]:
    if len(X) != len(Y) or len(X) < least:
        raise ValueError(
            f"the features hold {len(X)} and {len(Y)} stimuli; they must be the same, at least {least}. Align them."
        )
    grams = []
    for features in (X, Y):
        centred = np.asarray(features, dtype=np.float64)
        if not np.isfinite(centred).all():
            return [np.full((len(X), len(X)), np.nan)] * 2
        centred = centred - centred[:1]  # constant columns are now exactly zero
        centred = centred - centred.mean(axis=0)
        scale = np.abs(centred).max(initial=0.0)
        centred = centred / scale if scale else centred
        grams.append(centred @ centred.T)
    return grams


def _u_centred(K: np.ndarray) -> np.ndarray:
    """A kernel without diagonal whose rows sum to zero: inner products of two of them are n (n - 3) HSIC_1."""
    n = len(K)
    K = K - np.diag(np.diagonal(K))
    rows = K.sum(axis=0) / (n - 2)
    K = K - rows - rows[:, None] + K.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(K, 0.0)
    return K


def _ratio(both: float, own: float, other: float) -> float:
    return both / float(np.sqrt(own) * np.sqrt(other)) if own > 0 and other > 0 else float("nan")

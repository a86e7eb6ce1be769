"""Orthogonal Procrustes: how far one set of features is from another after the best rotation."""

import numpy as np

from consona.stats.folds import Folds
from consona.stats.shapes import Float, Real

__all__ = ["held_out_procrustes", "procrustes_angle", "procrustes_similarity"]


def procrustes_similarity(X: Real[np.ndarray, "n_stimuli n_left"], Y: Real[np.ndarray, "n_stimuli n_right"]) -> float:
    r"""Cosine between two sets of features after the best rotation or reflection, from 0 to 1.

    .. math:: s = \max_{Q} \frac{\mathrm{tr}(Q^\top X^\top Y)}{\|X\|_F \|Y\|_F}
              = \frac{\|X^\top Y\|_*}{\|X\|_F \|Y\|_F} \qquad\text{columns centred}

    Schönemann (1966); the sum of singular values. Numbers of features may differ: the smaller set is taken as having
    more, empty ones. **In-sample**: with more features than stimuli a rotation can be found for anything, so unrelated
    features are far above 0; :func:`held_out_procrustes` is not. NaN when a set is constant or not finite.

    Raises
    ------
    ValueError
        When the numbers of stimuli differ.
    """
    _require_rows(X, Y)
    if not (np.isfinite(X).all() and np.isfinite(Y).all()):
        return float("nan")
    A, B = _unit(X, X), _unit(Y, Y)
    if A is None or B is None:
        return float("nan")
    return float(_rotation(A, B)[1].sum())


def procrustes_angle(X: Real[np.ndarray, "n_stimuli n_left"], Y: Real[np.ndarray, "n_stimuli n_right"]) -> float:
    r"""Angular distance :math:`\arccos s` in radians, a metric, 0 for the same geometry (Williams et al. 2021).

    NaN and errors as :func:`procrustes_similarity`.
    """
    s = procrustes_similarity(X, Y)
    return float(np.arccos(min(s, 1.0)))  # rounding may lift the similarity of equal sets above 1


def held_out_procrustes(
    X: Real[np.ndarray, "n_stimuli n_left"], Y: Real[np.ndarray, "n_stimuli n_right"], folds: Folds
) -> Float[np.ndarray, " n_folds"]:
    r"""The same cosine on test stimuli, means and rotation from the training stimuli: 0 on average for unrelated sets.

    .. math:: s_k = \frac{\mathrm{tr}(Q_k^\top X_k^\top Y_k)}{\|X_k\|_F \|Y_k\|_F}, \qquad Q_k = U V^\top
              \;\text{ of }\; X_{-k}^\top Y_{-k} = U S V^\top

    NaN for a fold whose training or test stimuli do not vary, or for all when a value is not finite.

    Raises
    ------
    ValueError
        When the numbers of stimuli differ.
    """
    _require_rows(X, Y)
    found = np.full(len(folds.test), np.nan)
    if not (np.isfinite(X).all() and np.isfinite(Y).all()):
        return found
    for k, (train, test) in enumerate(zip(folds.train, folds.test, strict=True)):
        A, B = (_unit(each[train], each[train]) for each in (X, Y))
        C, D = (_unit(each[test], each[train]) for each in (X, Y))
        if A is None or B is None or C is None or D is None:
            continue
        U, s, V = _rotation(A, B)
        real = s > s.max(initial=0.0) * max(A.shape) * np.finfo(np.float64).eps  # others were never seen in training
        found[k] = float(np.vdot(C @ U[:, real], D @ V[:, real]))
    return found


def _unit(X: np.ndarray, reference: np.ndarray) -> np.ndarray | None:
    """Minus the mean of the reference, then of length 1; None where nothing is left."""
    base = np.asarray(reference, dtype=np.float64)
    centred = np.asarray(X, dtype=np.float64) - base[:1] - (base - base[:1]).mean(axis=0)
    length = np.linalg.norm(centred)
    return centred / length if length > 0 else None


def _rotation(A: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Singular vectors and values of ``A' B``, from a product no larger than the number of stimuli."""
    (Q_a, R_a), (Q_b, R_b) = (np.linalg.qr(each.T) for each in (A, B))
    U, s, Vt = np.linalg.svd(R_a @ R_b.T, full_matrices=False)
    return Q_a @ U, s, Q_b @ Vt.T


def _require_rows(X: np.ndarray, Y: np.ndarray) -> None:
    if len(X) != len(Y):
        raise ValueError(f"the features hold {len(X)} and {len(Y)} stimuli; they must be the same ones. Align them.")

"""How often a class is told right, every class counting the same, for one subject after the other."""

import numpy as np

from consona.stats.shapes import Float, Int

__all__ = ["balanced_accuracy", "most_probable"]

UNTESTED = -1
"""Stands for a class where a row was never tested."""


def balanced_accuracy(
    predicted: Int[np.ndarray, "*draws n_subjects n_stimuli"], labels: Int[np.ndarray, " n_stimuli"]
) -> Float[np.ndarray, "*draws n_subjects"]:
    r"""Balanced accuracy of every subject: the share that was told right, averaged over classes.

    .. math:: \mathrm{BACC}_s = \frac{1}{C_s} \sum_c \frac{\#\{i \in c : \hat y_{si} = c\}}{\#\{i \in c\}}

    Rows that were never tested (-1) are left out, and so is, for a subject, a class that it has no row of; a subject
    without any row is NaN. The score of a whole set is the mean over subjects.

    Parameters
    ----------
    predicted
        Codes of classes, -1 where untested.
    labels
        The true code of every stimulus, 0 or more.

    Raises
    ------
    ValueError
        When a label is negative.
    """
    labels = np.asarray(labels)
    if np.any(labels < 0):
        raise ValueError(
            f"{int((labels < 0).sum())} of {len(labels)} stimuli have a negative class; a class is 0 or more. Leave "
            "stimuli without a class out."
        )
    of_class = np.equal.outer(labels, np.unique(labels)).astype(np.float64)
    tested = predicted != UNTESTED
    n_tested = tested @ of_class
    n_right = (tested & (predicted == labels)) @ of_class
    shares = np.divide(n_right, n_tested, out=np.zeros_like(n_right), where=n_tested > 0)
    n_classes = (n_tested > 0).sum(axis=-1)
    mean: np.ndarray = np.divide(
        shares.sum(axis=-1), n_classes, out=np.full(n_classes.shape, np.nan), where=n_classes > 0
    )
    return mean


def most_probable(
    probabilities: Float[np.ndarray, "*draws n_subjects n_stimuli n_classes"],
) -> Int[np.ndarray, "*draws n_subjects n_stimuli"]:
    """The class with the largest probability or logit, -1 in rows that hold NaN (untested)."""
    tested = np.isfinite(probabilities).all(axis=-1)
    best = np.argmax(np.where(tested[..., None], probabilities, 0.0), axis=-1)
    return np.where(tested, best, UNTESTED)

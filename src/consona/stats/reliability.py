"""How much subjects agree with each other: split halves, and each subject against the others."""

import numpy as np

from consona.stats.correlation import pearson_columns
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Real

__all__ = ["leave_one_subject_out", "others_correlation", "spearman_brown", "split_half_reliability"]


def split_half_reliability(
    values: Real[np.ndarray, "n_subjects n_stimuli"], *, n_splits: int = 1000, seed: int
) -> tuple[float, Float[np.ndarray, " n_splits"]]:
    r"""Reliability of the mean over subjects: half of them against the other half, corrected to their full number.

    .. math:: \rho = \frac{2 r}{1 + r}, \qquad r = \mathrm{corr}(\bar v_{\text{half}}, \bar v_{\text{other half}})

    Spearman (1910), Brown (1910). Subjects are divided at random, with an odd number one half has one more. Missing
    values (NaN) leave a subject out of the mean of that stimulus only.

    Returns
    -------
    The reliability, from the mean correlation over splits, corrected once (a mean of corrected splits would be ruled by
    the pole at r = -1); and the uncorrected correlation of each split. Undefined splits (a constant or empty half) are
    NaN and left out of the mean, which is NaN when there is no other.

    Raises
    ------
    ValueError
        With fewer than two subjects, or without any split.
    """
    n_subjects = len(values)
    if n_subjects < 2 or n_splits < 1:
        raise ValueError(
            f"{n_subjects} subjects were to be divided in halves {n_splits} times; that needs at least 2 subjects and "
            "1 split. With a single subject, compare repetitions instead."
        )
    order = np.tile(np.arange(n_subjects) < n_subjects // 2, (n_splits, 1)).astype(np.float64)
    half = rng_for(seed, "split half").permuted(order, axis=1)
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0).astype(np.float64)
    means = [_defined_mean(side @ filled, side @ known) for side in (half, 1.0 - half)]
    each = pearson_columns(means[0].T, means[1].T)
    defined = each[np.isfinite(each)]
    return (float(spearman_brown(defined.mean())) if len(defined) else float("nan")), each


def _defined_mean(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    mean: np.ndarray = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean


def spearman_brown(r: Real[np.ndarray, "..."] | float, *, factor: float = 2.0) -> Float[np.ndarray, "..."]:
    r"""Reliability that a measurement would have if it were ``factor`` times as long.

    .. math:: \rho = \frac{k r}{1 + (k - 1) r}

    NaN where the correlation is so negative that the denominator is not positive.
    """
    r = np.asarray(r, dtype=np.float64)
    below = 1.0 + (factor - 1.0) * r
    longer: np.ndarray = np.divide(factor * r, below, out=np.full_like(r, np.nan), where=below > 1e-12)
    return longer


def others_correlation(values: Real[np.ndarray, "n_subjects n_stimuli"]) -> Float[np.ndarray, " n_subjects"]:
    """Correlation of each subject with the mean of all others; its mean is the lower bound of the noise ceiling.

    Missing values (NaN) leave a subject out of the mean of that stimulus; a stimulus that the subject itself misses, or
    that nobody else saw, is left out of that subject's correlation.

    Raises
    ------
    ValueError
        With fewer than two subjects.
    """
    return np.asarray(leave_one_subject_out(values[:, :, None])[:, 0])


def leave_one_subject_out(
    responses: Real[np.ndarray, "n_subjects n_stimuli n_targets"],
) -> Float[np.ndarray, "n_subjects n_targets"]:
    r"""Correlation of each subject with the mean of all others, for every target.

    .. math:: r_s = \mathrm{corr}\Big(y_s, \tfrac{1}{N-1}\sum_{u \ne s} y_u\Big), \qquad
              E\,r_s \approx \frac{\sigma^2_s}{\sqrt{(\sigma^2_s + \sigma^2_e)(\sigma^2_s + \sigma^2_e / (N - 1))}}

    A lower bound of what a model of the *shared* response can reach in one subject, because the others are noisy too;
    :func:`consona.stats.pools.pool_growth` takes that noise away. Targets have to mean the same in every subject. What
    is missing (NaN) in a subject is left out there and in the mean of the others.

    Raises
    ------
    ValueError
        With fewer than two subjects.
    """
    if len(responses) < 2:
        raise ValueError(
            f"{len(responses)} subject was given; comparing one with the others needs at least two. Add some."
        )
    known = np.isfinite(responses)
    values = np.where(known, responses, 0.0).astype(np.float64)
    total, count = values.sum(axis=0), known.sum(axis=0)
    r = np.empty((len(values), values.shape[2]))
    for subject, (own, there) in enumerate(zip(values, known, strict=True)):
        others = count - there
        both = there & (others > 0)
        r[subject] = pearson_columns(_levelled(own, both), _levelled(_defined_mean(total - own, others), both))
    return r


def _levelled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Gaps filled with the mean of what is known of the column: they then add nothing to a correlation."""
    first = np.take_along_axis(values, np.argmax(known, axis=0)[None], axis=0)  # so that a constant stays one
    rest = np.where(known, values - first, 0.0)
    return np.where(known, rest, _defined_mean(rest.sum(axis=0), known.sum(axis=0)))

"""Which of two answers a model prefers before it has read anything: margins, and the bias that is taken from them."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli

__all__ = ["BIASES", "answer_bias", "answer_margins", "content_free"]

Bias = Literal["none", "content-free", "median"]
BIASES: tuple[Bias, ...] = ("none", "content-free", "median")
_EMPTY = ("N.A.", "[MASK]", "...")


def content_free() -> Stimuli:
    """Texts that say nothing, to be put in the wording of the questions: ``N.A.``, ``[MASK]`` and ``...``.

    Zhao et al. (2021) took "N/A", "[MASK]" and the empty string; a missing or an empty text is refused here.
    """
    return Stimuli.of(list(_EMPTY))


def answer_margins(log_probabilities: xr.DataArray, *, bias: float = 0.0) -> xr.DataArray:
    """Log odds of the first answer against the second, less the bias, in nats.

    Parameters
    ----------
    log_probabilities
        ``(…, answer)`` with two answers, as ``answer_log_probabilities`` and ``LastToken.answers`` give them.
    bias
        Of :func:`answer_bias`.

    Returns
    -------
    xr.DataArray
        ``(…)``; above 0 the first answer is given. A margin of exactly 0 counts to the second.

    Raises
    ------
    InvalidInput
        When there are not two answers, or the bias is no finite number.
    """
    if "answer" not in log_probabilities.dims or log_probabilities.sizes["answer"] != 2:
        sizes = ", ".join(f"{name} {size}" for name, size in log_probabilities.sizes.items())
        raise InvalidInput(f"A margin is between two answers; found ({sizes}). Choose two along 'answer'.")
    if not np.isfinite(bias):
        raise InvalidInput(f"The bias is {bias}; a bias is a finite number of nats.")
    first, second = (log_probabilities.isel(answer=i, drop=True) for i in (0, 1))
    found: xr.DataArray = (first - second - bias).rename("margin")
    return found.assign_attrs(unit="nat", bias=float(bias))


def answer_bias(log_probabilities: xr.DataArray, *, method: Bias, labels: npt.NDArray[np.bool_] | None = None) -> float:
    r"""How much more probable the first answer is, in nats, where it should not be.

    ``none``: 0. ``content-free``: of prompts that say nothing (:func:`content_free`), after Zhao et al. (2021), who
    divide probabilities by their mean over such prompts. With :math:`p` normed over the two answers this is

    .. math:: b = \log \overline{p_1} - \log \overline{p_2}

    ``median``: the median margin of training problems, each label counted as one half whatever their numbers are, so
    that half of a balanced set is answered with the first. Labels of *test* problems must not go into it.

    Parameters
    ----------
    log_probabilities
        ``(stimulus, answer)``, two answers: of content-free prompts or of training problems; not looked at for
        ``none``.
    method
        One of the three.
    labels
        ``(n_stimuli,)`` bool, True where the first answer is right; for ``median`` alone.

    Raises
    ------
    InvalidInput
        When the method is unknown, shapes do not fit, labels are missing or not asked for, or one label is absent.
    """
    if method not in BIASES:
        raise InvalidInput(f"There is no way '{method}' to a bias; there are {', '.join(BIASES)}.")
    if (labels is not None) != (method == "median"):
        raise InvalidInput(f"Labels belong to the method 'median' and to no other; the method is '{method}'.")
    if method == "none":
        return 0.0
    if log_probabilities.dims != ("stimulus", "answer") or not log_probabilities.sizes["stimulus"]:
        raise InvalidInput(f"A bias needs (stimulus, answer) of at least one; found {dict(log_probabilities.sizes)}.")
    margins = answer_margins(log_probabilities).values.astype(np.float64)
    if not np.isfinite(margins).all():
        raise InvalidInput(f"{int((~np.isfinite(margins)).sum())} margins are not finite. Drop these stimuli.")
    if labels is None:
        shares = 1 / (1 + np.exp(-margins))
        return float(np.log(shares.mean()) - np.log((1 - shares).mean()))
    return _balanced_median(margins, np.asarray(labels))


def _balanced_median(margins: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_]) -> float:
    """The median where both labels weigh the same."""
    if labels.shape != margins.shape or labels.dtype != bool:
        raise InvalidInput(f"Labels are {len(margins)} bool; found {labels.dtype} of shape {labels.shape}.")
    if labels.all() or not labels.any():
        raise InvalidInput(f"All {len(labels)} labels are {bool(labels[0])}: no bias can be told from right answers.")
    order = np.argsort(margins, kind="stable")
    weights = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())[order]
    below = np.cumsum(weights)
    tiny = 1e-9  # half of the weight is reached but for rounding
    low, high = np.searchsorted(below, 0.5 - tiny), np.searchsorted(below, 0.5 + tiny)
    return float((margins[order[low]] + margins[order[high]]) / 2)

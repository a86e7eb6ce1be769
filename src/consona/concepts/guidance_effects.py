"""What guidance did: flips both ways, and the own brain minus every control, with intervals and two kinds of p."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.guidance_controls import OWN
from consona.core.errors import InvalidInput
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.permutation import p_value
from consona.stats.rdm_bootstrap import drawn
from consona.stats.subject_test import subject_test

__all__ = ["NO_GUIDANCE", "VERSIONS", "guidance_effects", "guidance_flips"]

Matrix = npt.NDArray[np.float64]

VERSIONS = ("after", "matched")
"""Settings a guide has chosen itself, and those of the own brain: equal layers, lengths and stops."""

NO_GUIDANCE = "no guidance"


def guidance_flips(result: xr.Dataset, *, items: xr.DataArray | None = None) -> xr.Dataset:
    """How many answers turned, in both directions, of **all** items.

    Parameters
    ----------
    result
        What :func:`consona.concepts.guidance_nested.nested_guidance` gave.
    items
        ``(subject, stimulus)`` bool: only these count, such as those that the person judged correctly.

    Returns
    -------
    xr.Dataset
        ``(version, guide, subject)``, shares of the items that count: ``wrong_to_right``, ``right_to_wrong``, ``net``
        (their difference), ``accuracy`` and ``push`` (mean shift of margins toward the label, in nats);
        ``accuracy_before (subject)``; ``n_items (subject)``.

    Raises
    ------
    InvalidInput
        When no item counts for a subject.
    """
    counted, n = _counted(result, items)
    labels = np.asarray(result["label"].values, dtype=bool)
    before = (np.asarray(result["before"].values) > 0) == labels
    after = np.stack([(np.asarray(result[name].values) > 0) == labels for name in VERSIONS])
    push = np.stack([_push(result, name) for name in VERSIONS])
    parts = {
        "wrong_to_right": after & ~before,
        "right_to_wrong": ~after & before,
        "net": after.astype(np.int64) - before,
        "accuracy": after,
        "push": push,
    }
    dims = ("version", "guide", "subject")
    flips = {name: (dims, np.where(counted, each, 0.0).sum(axis=-1) / n) for name, each in parts.items()}
    alone = {"accuracy_before": ("subject", (counted & before).sum(axis=1) / n), "n_items": ("subject", n)}
    coords = {"version": list(VERSIONS), **{name: result[name] for name in ("guide", "condition", "draw", "subject")}}
    return xr.Dataset({**flips, **alone}, coords)


def guidance_effects(
    result: xr.Dataset, *, items: xr.DataArray | None = None, n_draws: int = 2000, seed: int
) -> xr.Dataset:
    r"""The own brain minus every control, per subject, for ``net`` (share of items) and ``push`` (nats).

    A control that was drawn several times enters by the mean of its draws; ``no guidance`` is the model alone. The
    interval is the widest of three: subjects drawn again, items drawn again, and both at once. Two p, one-sided:

    * ``p_subjects`` exchanges the names of the two conditions within subjects (signs of differences; all :math:`2^n`
      where there are few). Subjects share the items and the model, so it says nothing about other items.
    * ``p_draws`` holds the own brain's mean against every draw of a control that was drawn more than once,
      :math:`p = (k + 1) / (n + 1)`. Permuted brains went through the same selection in the same exchange of items for
      all subjects, so this one is exact if patterns say nothing about items beyond the exchanged groups. It is the p to
      quote; 19 draws end at .05.

    Parameters
    ----------
    result, items
        As for :func:`guidance_flips`.
    n_draws, seed
        Of the bootstrap.

    Returns
    -------
    xr.Dataset
        ``effect``, ``low``, ``high``, ``widest`` (over what), ``p_subjects``, ``p_draws`` and ``n_drawn`` over
        ``(version, measure, control)``; ``difference (version, measure, control, subject)``.

    Raises
    ------
    InvalidInput
        When the own brain is missing or alone, there are fewer than two subjects, or no item counts for a subject.
    """
    conditions = result["condition"].values
    controls = [NO_GUIDANCE, *dict.fromkeys(name for name in conditions.tolist() if name != OWN)]
    if OWN not in conditions or result.sizes["subject"] < 2:
        raise InvalidInput(
            f"The guides are {sorted(set(conditions.tolist()))}, of {result.sizes['subject']} subjects; effects need "
            f"'{OWN}' and two subjects."
        )
    counted, n = _counted(result, items)
    rows: dict[str, list[object]] = {name: [] for name in _FOUND}
    for version in VERSIONS:
        for values in (_gain(result, version), _push(result, version)):
            weighed = np.where(counted, values, 0.0) * (counted.shape[1] / n[:, None])
            own = weighed[conditions == OWN].mean(axis=0)
            for control in controls:
                others = weighed[conditions == control] if control != NO_GUIDANCE else np.zeros((1, *own.shape))
                for name, value in _effect(own, others, n_draws, seed).items():
                    rows[name].append(value)
    shape = (len(VERSIONS), 2, len(controls))
    dims = ("version", "measure", "control")
    variables = {name: (dims, np.array(found).reshape(shape)) for name, found in rows.items() if name != "difference"}
    each = np.stack([np.asarray(row) for row in rows["difference"]]).reshape(*shape, -1)
    coords = {"version": list(VERSIONS), "measure": ["net", "push"], "control": controls, "subject": result["subject"]}
    return xr.Dataset({**variables, "difference": ((*dims, "subject"), each)}, coords)


_FOUND = ("effect", "low", "high", "widest", "p_subjects", "p_draws", "n_drawn", "difference")


def _counted(result: xr.Dataset, items: xr.DataArray | None) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    shape = (result.sizes["subject"], result.sizes["stimulus"])
    if items is None:
        counted = np.ones(shape, dtype=bool)
    else:
        held = items.sel(subject=result["subject"].values, stimulus=result["stimulus"].values)
        counted = np.asarray(held.transpose("subject", "stimulus").values, dtype=bool)
    n = counted.sum(axis=1)
    if (n == 0).any():
        raise InvalidInput(f"No item counts for {int((n == 0).sum())} of {len(n)} subjects. Leave these out.")
    return counted, n


def _gain(result: xr.Dataset, version: str) -> Matrix:
    labels = np.asarray(result["label"].values, dtype=bool)
    right = (np.asarray(result[version].values) > 0) == labels
    return right.astype(np.float64) - ((np.asarray(result["before"].values) > 0) == labels)


def _push(result: xr.Dataset, version: str) -> Matrix:
    sign = np.where(np.asarray(result["label"].values, dtype=bool), 1.0, -1.0)
    return np.asarray(sign * (np.asarray(result[version].values) - np.asarray(result["before"].values)))


def _effect(own: Matrix, others: Matrix, n_draws: int, seed: int) -> dict[str, object]:
    """Own ``(n_subjects, n_items)`` minus the draws of a control ``(n_drawn, n_subjects, n_items)``."""
    cells = own - others.mean(axis=0)
    low, high, widest = _widest(cells, n_draws, seed)
    difference = cells.mean(axis=1)
    several = len(others) > 1
    # means of gains are counts over one number: rounded, equal ones are equal
    draws = np.round(others.mean(axis=(1, 2)), 12)
    return {
        "effect": float(difference.mean()),
        "low": low,
        "high": high,
        "widest": widest,
        "p_subjects": float(subject_test(difference[:, None], seed=seed).p[0]),
        "p_draws": float(p_value(np.asarray(np.round(own.mean(), 12)), draws)) if several else np.nan,
        "n_drawn": len(others),
        "difference": difference,
    }


def _widest(cells: Matrix, n_draws: int, seed: int) -> tuple[float, float, str]:
    n_subjects, n_items = cells.shape
    people = drawn(n_subjects, n_draws, seed=seed, of="subjects") / n_subjects
    rows = drawn(n_items, n_draws, seed=seed, of="stimuli") / n_items
    crossed = np.quantile(np.einsum("ds,si,di->d", people, cells, rows, optimize=True), [0.025, 0.975])
    ends = {
        "subjects": bootstrap_interval(cells.mean(axis=1)[:, None], n_draws=n_draws, seed=seed),
        "items": bootstrap_interval(cells.mean(axis=0)[:, None], n_draws=n_draws, seed=seed),
        "subjects and items": (crossed[:1], crossed[1:]),
    }
    name = max(ends, key=lambda over: float(ends[over][1][0] - ends[over][0][0]))
    return float(ends[name][0][0]), float(ends[name][1][0]), name

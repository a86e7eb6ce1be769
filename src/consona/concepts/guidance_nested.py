"""Guidance that may be believed: settings chosen on other forms of problems, all items tested, equal tries for all."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.guidance_controls import LABEL, OWN
from consona.concepts.guidance_design import DIMS, Answered, NestedDesign, asked_margins
from consona.concepts.guidance_moves import Moves, Part, form_folds
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.core.stimuli import Stimuli

__all__ = ["nested_guidance"]

Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def nested_guidance(
    states: Features, problems: Stimuli, guides: xr.DataArray, answered: Answered, design: NestedDesign
) -> xr.Dataset:
    r"""Shift every item of held-out forms toward a guide, with settings that no held-out item has chosen.

    For every guide (own brain, controls, every draw of a control) and every fold of forms:

    1. Maps are fitted within a kind on the items outside the fold and outside one other fold; the items of that other
       fold are shifted in every setting. ``n_inner`` others are used.
    2. The setting with the largest net gain (wrong to right minus right to wrong) over these items and all subjects is
       chosen; of equal ones that with the larger mean shift of margins toward the label, then the first.
    3. Maps are fitted on all items outside the fold, and **all** items of the fold are shifted in the chosen setting,
       right ones too. There is no stopping at the right answer and no way not to shift.

    A label of a tested item enters nothing of this. Its pattern enters as what it is moved toward. Lengths are exactly
    the strength for every guide, so that no control is weaker or stronger. As choices of strength may differ between
    guides, every guide is also tested in the settings that the own brain has chosen (``matched``): equal layers,
    lengths and stops.

    The guide ``label`` knows labels of the map's items alone; a tested item is moved toward the label that a map from
    states to labels of these items predicts. It is the same for all subjects.

    Parameters
    ----------
    states
        Of the site that is shifted, at the last token.
    problems
        With the columns ``kind``, ``form`` and ``label`` (bool).
    guides
        See :func:`consona.concepts.guidance_controls.guides`.
    answered
        See :data:`~consona.concepts.guidance_design.Answered`; margins above 0 answer
        True. Called seldom, with many variants of all stimuli.
    design
        What is tried.

    Returns
    -------
    xr.Dataset
        Margins in nats: ``before (stimulus)``, ``after`` and ``matched (guide, subject, stimulus)``;
        ``after_length`` and ``matched_length`` of the shifts there; ``chosen (guide, fold)``, a position in
        ``setting``; ``inner_gain (guide, fold, setting)``, a share of the items. Coordinates: condition, draw; label,
        kind, form, fold of every stimulus; layers, strength and stop of every setting.

    Raises
    ------
    InvalidInput
        When stimuli or layers differ, a kind has fewer forms than folds, or margins have another shape or are NaN.
    """
    ids, moves = _prepared(states, problems, guides, design)
    asked = _Asked(answered, ids, design)
    before = asked.margins(np.zeros((1, len(ids), *moves.states.shape[1:]), np.float32))[0]
    found: dict[str, list[Matrix]] = {name: [] for name in ("after", "after_length", "matched", "matched_length")}
    gains, choices = [], []
    own = _own_first(guides)
    for place in own:
        guide = guides[place]
        alone = str(guide["condition"].values) == LABEL
        people = range(1 if alone else guides.sizes["subject"])
        inner = np.concatenate([asked.margins(each) for each in _inner_shifts(moves, guide, people, design)])
        gain, push = _inner_scores(inner.reshape(-1, design.n_inner, len(design.settings), len(ids)), before, moves)
        gains.append(gain)
        choices.append(_best(gain, push))
        wide = (guides.sizes["subject"], len(ids))
        tests = _test_shifts(moves, guide, people, (choices[-1], choices[0]), design)
        for name, shifts in zip(("after", "matched"), tests, strict=True):
            found[name].append(np.broadcast_to(asked.margins(shifts), wide))
            found[f"{name}_length"].append(np.broadcast_to(np.sqrt((shifts**2).sum(axis=(2, 3))), wide))
    back = np.argsort(own)
    parts = {name: np.stack(rows)[back] for name, rows in found.items()}
    return _result(parts, (before, np.stack(gains)[back], np.stack(choices)[back]), guides, problems, moves, design)


class _Asked(NamedTuple):
    """The model, asked about arrays."""

    answered: Answered
    ids: npt.NDArray[np.str_]
    design: NestedDesign

    def margins(self, shifts: npt.NDArray[np.float32]) -> Matrix:
        """Margins ``(n_variants, n_items)`` of shifts ``(n_variants, n_items, n_layers, n_features)``."""
        coords = {"variant": np.arange(len(shifts)), "stimulus": self.ids, "layer": list(self.design.layers)}
        return asked_margins(self.answered, xr.DataArray(shifts, coords, DIMS))


def _prepared(
    states: Features, problems: Stimuli, guides: xr.DataArray, design: NestedDesign
) -> tuple[npt.NDArray[np.str_], Moves]:
    ids = problems.ids
    if as_names(guides["stimulus"].values).tolist() != ids.tolist():
        raise InvalidInput("The guides are of other stimuli than the problems, or in another order. Align them.")
    absent = sorted(set(design.layers) - set(states.layers.tolist()))
    if absent:
        raise InvalidInput(f"Layers {listed(absent)} are to be shifted, and states are of {listed(states.layers, 12)}.")
    if OWN not in guides["condition"].values:
        raise InvalidInput(f"The guides lack '{OWN}', whose settings the others are matched to. Draw it once.")
    labels = np.asarray(problems["label"]).astype(bool)
    try:
        folds = form_folds(problems["form"], problems["kind"], design.n_folds, seed=design.seed)
    except ValueError as error:
        raise InvalidInput(f"Forms cannot be held out: {error}") from error
    X = np.asarray(states.select(ids).data.sel(layer=list(design.layers)).values, dtype=np.float64)
    settings = design.strengths, design.stops, design.n_iterations, design.objective, design.alphas, design.seed
    return ids, Moves(X, labels, problems["kind"], folds, *settings)


def _own_first(guides: xr.DataArray) -> Rows:
    """Positions of the guides, the own brain first, because others are matched to it."""
    return np.argsort(guides["condition"].values != OWN, kind="stable")


def _inner_shifts(
    moves: Moves, guide: xr.DataArray, people: range, design: NestedDesign
) -> Iterator[npt.NDArray[np.float32]]:
    """Shifts ``(subject x inner fold x setting, item, layer, feature)``, some subjects at a time.

    For the inner fold number r, items of fold j are moved by maps without the folds j and j - r: they choose for the
    latter.
    """
    per, n_items = design.n_inner * len(design.settings), len(moves.labels)
    step = max(1, design.n_variants // per)
    for start in range(0, len(people), step):
        some = people[start : start + step]
        made = np.zeros((len(some), design.n_inner, len(design.settings), *moves.states.shape), np.float32)
        for row, subject in enumerate(some):
            for r, fold, kind in product(range(design.n_inner), range(design.n_folds), np.unique(moves.kinds)):
                part = Part(fold, (fold - r - 1) % design.n_folds, str(kind))
                made[row, r][:, moves.rows(part)[1]] = _in_settings(moves.shifts(guide, subject, part), design)
        yield made.reshape(len(some) * per, n_items, *moves.states.shape[1:])


def _in_settings(shifts: npt.NDArray[np.float32], design: NestedDesign) -> npt.NDArray[np.float32]:
    """Shifts of all layers ``(strength, stop, item, layer, feature)`` to ``(setting, item, layer, feature)``."""
    used = np.array([[layer in layers for layer in design.layers] for layers in design.layer_sets])
    made = shifts[None] * used[:, None, None, None, :, None]
    return np.asarray(made.reshape(-1, *shifts.shape[2:]), dtype=np.float32)


def _test_shifts(
    moves: Moves, guide: xr.DataArray, people: range, chosen: tuple[Rows, Rows], design: NestedDesign
) -> npt.NDArray[np.float32]:
    """Shifts of held-out items ``(choice, subject, item, layer, feature)`` in the settings of either choice."""
    made = np.zeros((len(chosen), len(people), *moves.states.shape), np.float32)
    for row, fold, kind in product(people, range(design.n_folds), np.unique(moves.kinds)):
        part = Part(fold, None, str(kind))
        every = _in_settings(moves.shifts(guide, row, part), design)
        for which, choice in enumerate(chosen):
            made[which, row, moves.rows(part)[1]] = every[choice[fold]]
    return made


def _inner_scores(margins: Matrix, before: Matrix, moves: Moves) -> tuple[Matrix, Matrix]:
    """Net gain and shift toward the label ``(fold, setting)`` on the items that choose for a fold."""
    sign, n_folds = np.where(moves.labels, 1.0, -1.0), int(moves.folds.max()) + 1
    right = (margins > 0) == moves.labels
    gain = right.astype(np.float64) - ((before > 0) == moves.labels)
    push = sign * (margins - before)
    # fold k is chosen for by items of fold k + r, moved by the maps of inner fold r
    chooses = np.stack([(moves.folds - r - 1) % n_folds for r in range(margins.shape[1])])
    scores = [
        np.stack([each.swapaxes(1, 2)[:, :, chooses == fold].mean(axis=(0, 2)) for fold in range(n_folds)])
        for each in (gain, push)
    ]
    return scores[0], scores[1]


def _best(gain: Matrix, push: Matrix) -> Rows:
    """Position of the best setting of every fold."""
    near = gain >= gain.max(axis=1, keepdims=True) - 1e-12
    return np.asarray(np.argmax(np.where(near, push, -np.inf), axis=1))


def _result(
    parts: dict[str, Matrix],
    chosen: tuple[Matrix, Matrix, Rows],
    guides: xr.DataArray,
    problems: Stimuli,
    moves: Moves,
    design: NestedDesign,
) -> xr.Dataset:
    before, gains, choices = chosen
    variables = {name: (("guide", "subject", "stimulus"), values) for name, values in parts.items()}
    settings = design.settings
    coords = {
        **{name: guides[name] for name in ("guide", "condition", "draw", "subject")},
        "stimulus": problems.ids,
        **{name: ("stimulus", problems[name]) for name in ("label", "kind", "form")},
        "fold_of": ("stimulus", moves.folds),
        "layers": ("setting", [" ".join(map(str, each.layers)) for each in settings]),
        "strength": ("setting", [each.strength for each in settings]),
        "stop": ("setting", [str(each.stop) for each in settings]),
    }
    more = {
        "before": ("stimulus", before),
        "inner_gain": (("guide", "fold", "setting"), gains),
        "chosen": (("guide", "fold"), choices),
    }
    n = design.item_variants(len(before), guides.sizes["subject"], guides.sizes["guide"])
    return xr.Dataset({**variables, **more}, coords, {"objective": design.objective, "n_item_variants": n})

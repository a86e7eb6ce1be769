"""Deduction problems as stimuli: premises, a conclusion, and whether the conclusion follows from the premises."""

import itertools
import re
from collections.abc import Iterable, Sequence
from math import factorial

import numpy as np
import pandas as pd

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli

KINDS = ("syllogism", "transitive", "propositional", "relational")
COLUMNS = ("text", "premises", "conclusion", "kind", "label", "negated", "n_premises", "n_integrated", "form", "run")
MOST_ORDERS = 100_000
"""More reordered problems than this are refused: the orders of six premises alone are 720."""

_NEEDED = ("premises", "conclusion", "kind", "label")
_CONDITION = re.compile(r"(?:(\d+)_)?(.*?)_?(true|false)(?:_(affirm|negate))?")


def problems(rows: pd.DataFrame) -> Stimuli:
    """Problems from a table with one row per problem; the index holds the ids.

    Parameters
    ----------
    rows
        ``premises`` (a sequence of sentences), ``conclusion``, ``kind`` (one of :data:`KINDS`) and ``label`` (true
        where the conclusion follows) are needed. May be there: ``n_integrated`` (how many premises the answer takes;
        all of them if not given), ``form`` (the structure that is held out; ``"syllogism 3 true negate"`` if not given)
        and ``run`` (empty if not given). Other columns are kept.

    Returns
    -------
    Stimuli
        With the columns of :data:`COLUMNS`. Sentences lose their final full stop and stray blanks; ``text`` is all
        premises and then the conclusion, each ended by a full stop; ``negated`` says that the conclusion holds "not".
        ``premises`` are tuples: take them from ``.table["premises"]``.

    Raises
    ------
    InvalidInput
        When a column is missing, a sentence is empty, a kind is unknown or a label is neither true nor false; the
        problems are named.
    """
    missing = [name for name in _NEEDED if name not in rows]
    if missing or not len(rows):
        raise InvalidInput(f"Problems need rows with {listed(_NEEDED)}; {len(rows)} rows lack {listed(missing)}.")
    table = rows.copy()
    table["premises"] = pd.Series([_sentences(each) for each in rows["premises"]], rows.index, dtype=object)
    table["conclusion"] = [plain_sentence(each) for each in rows["conclusion"]]
    _require(table, [bool(p) and all(p) and bool(c) for p, c in _pairs(table)], "an empty sentence", "Fill them in")
    _require(table, table["kind"].isin(KINDS), f"a kind other than {listed(KINDS)}", "Name their kind")
    _require(table, [_is_label(each) for each in rows["label"]], "a label that is neither true nor false", "Mend them")
    table["label"] = np.array([bool(each) for each in rows["label"]])
    table["negated"] = [" not " in f" {each.lower()} " for each in table["conclusion"]]
    table["n_premises"] = [len(each) for each in table["premises"]]
    if "n_integrated" in rows:
        counts = pd.to_numeric(rows["n_integrated"], errors="coerce")
        _require(
            table, counts.between(1, table["n_premises"]), "another n_integrated than 1 to all premises", "Mend it"
        )
    table["n_integrated"] = rows["n_integrated"].astype(int) if "n_integrated" in rows else table["n_premises"]
    table["form"] = rows["form"] if "form" in rows else [_form(row) for row in table.to_dict("records")]
    table["run"] = rows["run"].astype(str) if "run" in rows else ""
    table["text"] = [_text(premises, conclusion) for premises, conclusion in _pairs(table)]
    others = [name for name in table if name not in COLUMNS]
    return Stimuli(table[[*COLUMNS, *others]])


def plain_sentence(sentence: str) -> str:
    """A sentence without its final full stop and without blanks that do not belong there."""
    return " ".join(str(sentence).split()).removesuffix(".").strip()


def condition(name: str, kind: str, n_premises: int) -> tuple[int, bool, str]:
    """What a trial type such as ``3_true_negate`` or ``modus_ponens_false`` says.

    Returns how many premises are integrated (``n_premises`` where it does not say), the label, and the form
    (``"syllogism 3 true negate"``, ``"propositional modus ponens false"``).

    Raises :class:`InvalidInput` when it holds neither true nor false.
    """
    found = _CONDITION.fullmatch(name.strip())
    if found is None:
        raise InvalidInput(f"The trial type '{name}' is none such as '3_true_negate': no true or false in it.")
    n_integrated, rule, label, polarity = found.groups()
    words = (kind, n_integrated, (rule or "").replace("_", " "), label, polarity)
    return int(n_integrated or n_premises), label == "true", " ".join(word for word in words if word)


def reordered(stimuli: Stimuli, order: Sequence[int]) -> Stimuli:
    """The same problems with their premises in another order: premise ``order[0]`` (from 0) is printed first.

    Ids stay; the column ``order`` says which order it is (``"102"``). Whether a conclusion follows does not depend on
    it.

    Raises
    ------
    InvalidInput
        When a problem has not as many premises as ``order`` has places, or ``order`` is no order of 0, 1, 2 ….
    """
    places = [int(place) for place in order]
    if sorted(places) != list(range(len(places))):
        raise InvalidInput(f"{tuple(places)} is no order of premises; expected each of 0 to {len(places) - 1} once.")
    table = stimuli.to_frame()
    same = [len(each) == len(places) for each in table["premises"]]
    _require(table, same, f"another number of premises than {len(places)}", "Select by n_premises first")
    turned = [tuple(each[place] for place in places) for each in table["premises"]]
    table["premises"] = pd.Series(turned, table.index, dtype=object)
    table["text"] = [_text(premises, conclusion) for premises, conclusion in _pairs(table)]
    return Stimuli(table.assign(order="".join(map(str, places))))


def all_orders(stimuli: Stimuli) -> Stimuli:
    """Every problem in every order of its premises: six of three, 720 of six; ids ``syllogism00-102``.

    The column ``problem`` holds the id of the problem and ``order`` the order; orders of one problem are no independent
    samples: group by ``problem``.

    Raises :class:`InvalidInput` where they would be more than :data:`MOST_ORDERS`.
    """
    counts = stimuli["n_premises"].astype(int)
    total = sum(factorial(count) for count in counts.tolist())
    if total > MOST_ORDERS:
        raise InvalidInput(
            f"All orders of the premises of {len(stimuli)} problems are {total}; at most {MOST_ORDERS} are made. "
            "Select some problems first, or take single orders with reordered()."
        )
    parts, places = [], []
    for count in sorted(set(counts.tolist())):
        some = stimuli.select(counts == count)
        for order in itertools.permutations(range(count)):
            parts.append(reordered(some, order).to_frame())
            places.append(np.flatnonzero(counts == count))
    table = pd.concat(parts).iloc[np.argsort(np.concatenate(places), kind="stable")]
    ids = [f"{name}-{order}" for name, order in zip(table.index, table["order"], strict=True)]
    return Stimuli(table.assign(problem=table.index).set_axis(ids))


def _sentences(premises: object) -> tuple[str, ...]:
    if isinstance(premises, str) or not isinstance(premises, Iterable):
        raise InvalidInput(f"Premises are a sequence of sentences; found {premises!r}. Give a tuple of them.")
    return tuple(plain_sentence(each) for each in premises)


def _pairs(table: pd.DataFrame) -> list[tuple[tuple[str, ...], str]]:
    return list(zip(table["premises"], table["conclusion"], strict=True))


def _text(premises: tuple[str, ...], conclusion: str) -> str:
    return ". ".join((*premises, conclusion)) + "."


def _form(row: dict[str, object]) -> str:
    truth, polarity = ("true" if row["label"] else "false"), ("negate" if row["negated"] else "affirm")
    return f"{row['kind']} {row['n_integrated']} {truth} {polarity}"


def _is_label(value: object) -> bool:
    return isinstance(value, (bool, np.bool_)) or (isinstance(value, (int, np.integer)) and value in (0, 1))


def _require(table: pd.DataFrame, holds: Iterable[bool], found: str, remedy: str) -> None:
    bad = [name for name, each in zip(table.index, holds, strict=True) if not each]
    if bad:
        raise InvalidInput(f"{len(bad)} of {len(table)} problems have {found}: {listed(bad)}. {remedy}.")

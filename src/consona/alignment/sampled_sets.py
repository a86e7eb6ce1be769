"""Sets of stimuli drawn once per subject, so that every model is compared on the same small matrices."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_unique
from consona.stats.seeds import rng_for

__all__ = ["rows_of_sets", "sampled_sets"]

FEWEST = 3  # two stimuli are one pair, and a correlation over one pair is none


def sampled_sets(ids: npt.ArrayLike, *, n: int = 100, seed: int) -> xr.DataArray:
    """Disjoint random sets of ``n`` stimuli each, as many as there are; the rest is left out.

    Ids are sorted before they are drawn, so the order in which a file holds them changes nothing.

    Returns
    -------
    xr.DataArray
        Ids over ``(set, place)``; ``attrs`` hold ``seed`` and ``n_left_out``.

    Raises
    ------
    InvalidInput
        When ids repeat, there are fewer of them than one set takes, or a set has fewer than three places.
    """
    names = as_names(ids)
    require_unique(names, "stimulus ids", "Sets of stimuli")
    if not FEWEST <= n <= len(names):
        raise InvalidInput(
            f"Sets of {n} were asked for, of {len(names)} stimuli; a set has from {FEWEST} to {len(names)}. Give n."
        )
    drawn = rng_for(seed, "sampled sets").permutation(np.sort(names))
    n_sets = len(names) // n
    chosen = drawn[: n_sets * n].reshape(n_sets, n)
    return xr.DataArray(chosen, dims=("set", "place"), attrs={"seed": seed, "n_left_out": len(names) - n_sets * n})


def rows_of_sets(sets: xr.DataArray, ids: npt.ArrayLike, name: str) -> npt.NDArray[np.intp]:
    """Where the stimuli of each set stand among ``ids``, ``(n_sets, n_places)``; ``name`` is whose ids they are.

    Raises
    ------
    InvalidInput
        When the sets are no ids over ``(set, place)``, a set holds a stimulus twice, or one is not among the ids.
    """
    if sets.dims != ("set", "place") or sets.sizes["place"] < FEWEST or not sets.size:
        raise InvalidInput(
            f"Sets are ids over ('set', 'place') with {FEWEST} places or more; found {dict(sets.sizes)}. Make them "
            "with sampled_sets."
        )
    wanted = as_names(sets.values.ravel()).reshape(sets.shape)
    twice = [k for k, row in enumerate(wanted) if len(set(row.tolist())) < len(row)]
    if twice:
        raise InvalidInput(f"Set {listed(twice)} holds a stimulus twice, whose distance to itself is no distance.")
    place = {each: i for i, each in enumerate(as_names(ids).tolist())}
    lacking = sorted({each for each in wanted.ravel().tolist() if each not in place})
    if lacking:
        raise InvalidInput(
            f"{name}: {len(lacking)} of the {wanted.size} stimuli of the sets are not among its {len(place)}: "
            f"{listed(lacking)}. Draw the sets from the stimuli that brain and models share."
        )
    return np.array([[place[each] for each in row] for row in wanted.tolist()], dtype=np.intp)

"""One number for an image of NSD: from 0 everywhere inside; converters for all the ways in which files count."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed

N_IMAGES = 73_000
"""Images of NSD: 9,000 for each of eight subjects and 1,000 that all of them saw."""

Ids = npt.NDArray[np.int64]
_SHARED = re.compile(r"(?:.*/)?shared(?P<place>\d{4})_nsd(?P<image>\d{5})(?:\.\w+)?")
_STIMULUS = re.compile(r"nsd(\d{5})")


def from_73k(values: npt.ArrayLike, *, n_images: int = N_IMAGES, source: str = "73KID") -> Ids:
    """Image numbers that count from 1 (``73KID``, ``subjectim``, ``sharedix``) as numbers from 0.

    Parameters
    ----------
    values
        Any shape; kept.
    n_images
        How many images there are, 73,000 except in a twin.
    source
        Where the numbers come from, for messages.

    Raises
    ------
    InvalidInput
        When a number is no whole number, below 1 or above ``n_images``. A 0 among them says that they already count
        from 0, and the message says so.
    """
    found = _whole(values, source)
    if (found == 0).any():
        raise InvalidInput(
            f"{source}: {_where(found == 0)} holds the image 0, so these {found.size} numbers count from 0; expected "
            f"1 to {n_images}. Use them as they are (require_nsd_ids), or check which column was read."
        )
    _require_within(found, 1, n_images, source)
    return found - 1


def require_nsd_ids(values: npt.ArrayLike, *, n_images: int = N_IMAGES, source: str = "nsd_id") -> Ids:
    """Image numbers that count from 0, checked; parameters as in :func:`from_73k`.

    Raises
    ------
    InvalidInput
        When a number is no whole number, below 0 or not below ``n_images``. Where ``n_images`` itself is among them
        and 0 is not, they count from 1, and the message says so.
    """
    found = _whole(values, source)
    if (found == n_images).any() and not (found == 0).any():
        raise InvalidInput(
            f"{source}: {_where(found == n_images)} holds the image {n_images} and none holds 0, so these {found.size} "
            f"numbers count from 1; expected 0 to {n_images - 1}. Convert them with from_73k."
        )
    _require_within(found, 0, n_images - 1, source)
    return found


def stimulus_ids(values: npt.ArrayLike) -> tuple[str, ...]:
    """Stimulus ids of images that count from 0: 13 is ``nsd00013``."""
    return tuple(f"nsd{number:05d}" for number in np.asarray(values).ravel().tolist())


def nsd_ids(names: Iterable[str], *, n_images: int = N_IMAGES) -> Ids:
    """Image numbers, from 0, of stimulus ids such as ``nsd00013``: the inverse of :func:`stimulus_ids`.

    Raises
    ------
    InvalidInput
        When a name has another form, or a number is none of an image.
    """
    given = [str(name) for name in names]
    found = [_STIMULUS.fullmatch(name) for name in given]
    odd = [name for name, match in zip(given, found, strict=True) if match is None]
    if odd:
        raise InvalidInput(f"{len(odd)} of {len(given)} are no ids of NSD: {listed(odd)}; expected such as 'nsd00013'.")
    return require_nsd_ids([int(match[1]) for match in found if match], n_images=n_images, source="stimulus ids")


def from_shared_name(name: str) -> tuple[int, int]:
    """Place among the shared images and image number, both from 0, of a name such as ``shared0001_nsd02951.png``.

    Both numbers in the name count from 1: the example is place 0 and image 2950.

    Raises
    ------
    InvalidInput
        When the name has another form.
    """
    match = _SHARED.fullmatch(str(name))
    if match is None or int(match["place"]) == 0 or int(match["image"]) == 0:
        raise InvalidInput(
            f"'{name}' is no name of a shared image; expected sharedNNNN_nsdNNNNN.png, both numbers from 1."
        )
    return int(match["place"]) - 1, int(match["image"]) - 1


def require_shared_names(names: Sequence[str], shared: npt.ArrayLike) -> Ids:
    """Image numbers, from 0, of the names of shared images, checked against ``sharedix``.

    Parameters
    ----------
    names
        File names, in any order; some or all.
    shared
        ``sharedix`` of the experiment as image numbers from 0, ``(n_shared,)``.

    Raises
    ------
    InvalidInput
        When a name is not at its place in ``sharedix``; that all differ by one (a list that counts from the other
        base) is said.
    """
    places, images = (
        np.array(each, dtype=np.int64) for each in zip(*(from_shared_name(n) for n in names), strict=True)
    )
    order = np.asarray(shared, dtype=np.int64)
    outside = places >= len(order)
    expected = order[np.where(outside, 0, places)]
    wrong = np.flatnonzero(outside | (images != expected))
    if not len(wrong):
        return images
    off = set((images - expected)[~outside].tolist())
    hint = " All are off by one: one of the lists counts from the other base." if off in ({1}, {-1}) else ""
    raise InvalidInput(
        f"{len(wrong)} of {len(names)} names of shared images do not match sharedix (which has {len(order)}): "
        f"{listed(np.asarray(names)[wrong])}, the first should be nsd{int(expected[wrong[0]]) + 1:05d}.{hint} Get the "
        "files again."
    )


def require_order(first: npt.ArrayLike, second: npt.ArrayLike, files: tuple[str, str]) -> None:
    """Two files name the same images in the same order.

    Raises
    ------
    InvalidInput
        With both numbers of rows and the first row (from 1) that differs; a constant difference of one is said.
    """
    a, b = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    n = min(len(a), len(b))
    differ = np.flatnonzero(a[:n] != b[:n])
    if len(a) == len(b) and not len(differ):
        return
    row = int(differ[0]) if len(differ) else n
    shown = [str(each[row]) if row < len(each) else "nothing" for each in (a, b)]
    off = set((a[:n] - b[:n]).tolist()) in ({1}, {-1})
    raise InvalidInput(
        f"{files[0]} has {len(a)} rows and {files[1]} {len(b)}; they first differ in row {row + 1}, image {shown[0]} "
        f"against {shown[1]} (from 0).{' All differ by one: one of them counts from the other base.' if off else ''} "
        "Brain and stimuli must have one order: get the files again, of one release."
    )


def _whole(values: npt.ArrayLike, source: str) -> Ids:
    array = np.asarray(values)
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{source} holds {listed(as_names(array.ravel()), 2)}; image numbers expected.") from error
    odd = ~np.isfinite(numbers) | (numbers != np.round(numbers))
    if odd.any():
        raise InvalidInput(f"{source}: {_where(odd)} holds {array[odd].ravel()[0]}; a whole image number expected.")
    return numbers.astype(np.int64)


def _require_within(found: Ids, low: int, high: int, source: str) -> None:
    outside = (found < low) | (found > high)
    if outside.any():
        raise InvalidInput(
            f"{source}: {_where(outside)} holds the image {found[outside].ravel()[0]}, and {int(outside.sum())} of "
            f"{found.size} lie outside; expected {low} to {high}. Check the base, and that the file belongs to NSD."
        )


def _where(bad: npt.NDArray[Any]) -> str:
    return f"row {int(np.flatnonzero(bad.ravel())[0]) + 1}"

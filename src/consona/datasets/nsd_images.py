"""Images of NSD in small: read one by one from the file of all images, and reduced before the next is read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from PIL import Image

from consona.datasets.algonauts import load_algonauts_images
from consona.datasets.nsd import load_nsd_images

__all__ = ["load_small_algonauts", "load_small_images", "reduced_images"]

BLOCK = 200  # images that are in memory at their full size


def load_small_images(ids: Sequence[str], folder: Path | str | None = None, *, size: int) -> xr.DataArray:
    """These images at ``size`` x ``size`` pixels, uint8 ``(stimulus, y, x, colour)``.

    Images of that size are as they are in the file; others are reduced by Lanczos' filter (Pillow). Errors as
    :func:`~consona.datasets.nsd.load_nsd_images`.
    """
    starts = range(0, len(ids), BLOCK)
    small = [reduced_images(load_nsd_images(ids[start : start + BLOCK], folder), size) for start in starts]
    return xr.concat(small, "stimulus")


def load_small_algonauts(
    ids: Sequence[str], subjects: Mapping[str, Sequence[str]], folder: Path | str | None = None, *, size: int
) -> xr.DataArray:
    """These images of Algonauts, each from the first of the ``subjects`` (ids by name) that has it; else as above."""
    held: list[xr.DataArray] = []
    wanted = set(ids)
    for who, seen in subjects.items():
        own = [name for name in seen if name in wanted]
        wanted -= set(own)
        for start in range(0, len(own), BLOCK):
            held.append(reduced_images(load_algonauts_images(own[start : start + BLOCK], folder, who), size))
    return xr.concat(held, "stimulus").sel(stimulus=list(ids))


def reduced_images(images: xr.DataArray, size: int) -> xr.DataArray:
    """Images ``(stimulus, y, x, colour)`` at ``size`` x ``size`` pixels, by Lanczos' filter where they have others."""
    if images.sizes["y"] == images.sizes["x"] == size:
        return images
    small = [np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.LANCZOS)) for each in images.values]
    coords = {name: each for name, each in images.coords.items() if each.dims in (("stimulus",), ("colour",))}
    return xr.DataArray(np.stack(small), coords, images.dims)

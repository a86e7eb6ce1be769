"""CIFAR-10 sample: 300 small photographs of ten kinds of things, to check image networks with (Krizhevsky 2009).

Their licence is not stated: they are for computing only, never shown or passed on.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.datasets.locate import corpus_file, corpus_folder

NAME = "cifar10_sample"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""In the order of the outputs of networks that were trained on CIFAR-10."""
N_EACH = 30
SIZE = 32


def load_cifar10_sample(folder: Path | str | None = None) -> tuple[Stimuli, xr.DataArray]:
    """300 test images of CIFAR-10, 30 of every class, and the images ``(stimulus, y, x, colour)``, uint8, 32 pixels.

    Stimuli are ``airplane00`` to ``truck29`` with the columns ``category`` and ``category_code`` (0 to 9).

    Raises
    ------
    MissingData
        When the folder or an image is not there.
    InvalidInput
        When a file is no RGB image of 32 x 32 pixels.
    """
    root = corpus_folder(NAME, folder)
    rows = [(kind, number) for kind in CLASSES for number in range(N_EACH)]
    images = np.stack([_image(corpus_file(root, f"test/{kind}/{number:04d}.jpg", NAME)) for kind, number in rows])
    ids = [f"{kind}{number:02d}" for kind, number in rows]
    kinds = [kind for kind, _ in rows]
    table = pd.DataFrame({"category": kinds, "category_code": [CLASSES.index(kind) for kind in kinds]}, index=ids)
    coords = {"stimulus": ids, "colour": ["red", "green", "blue"]}
    return Stimuli(table), xr.DataArray(images, coords, ("stimulus", "y", "x", "colour"))


def _image(path: Path) -> npt.NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError  # comes with matplotlib

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image)
    except (UnidentifiedImageError, OSError) as error:
        raise InvalidInput(f"{path.name} in {path.parent.name} is no image ({error}). Get the file again.") from error
    if pixels.shape != (SIZE, SIZE, 3) or pixels.dtype != np.uint8:
        raise InvalidInput(
            f"{path.name} in {path.parent.name} has the shape {pixels.shape} and the type {pixels.dtype}; expected "
            f"({SIZE}, {SIZE}, 3) and uint8. Get the file again."
        )
    return pixels

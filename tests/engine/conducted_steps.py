"""The steps of the small study that is killed: apart from it, so that few files lie behind them."""

import os
import time
from typing import Any

import numpy as np

from consona.core.features import Features
from consona.core.separable import separable
from consona.core.stimuli import Stimuli

LOG = "CONSONA_TEST_LOG"


def _logged(what: str) -> None:
    handle = os.open(os.environ[LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{what}\n".encode())
    os.close(handle)


@separable("stimulus")
def capture(stimuli: Stimuli, *, seed: int) -> Features:
    """Random features that depend on the text and the seed only."""
    rows = [np.random.default_rng([seed, *text.encode()]).normal(size=(2, 500)) for text in stimuli.texts]
    time.sleep(0.004)
    _logged(f"capture {stimuli.ids[0]}")
    return Features.of(np.stack(rows), stimuli.ids, {"n_truncated": len(stimuli), "model": "none"})


def centred(features: Features) -> dict[str, Any]:
    """Two results in one: the centred features and their mean."""
    mean = features.data.mean("stimulus")
    _logged("centred")
    return {"features": Features(features.data - mean), "mean": mean}

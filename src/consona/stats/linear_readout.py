"""Linear outputs of chosen stimuli, and of no others: what is kept of a model when very many edits of it are read."""

from typing import NamedTuple

import numpy as np

from consona.stats.shapes import Float, Real, Shaped

__all__ = ["LinearReadout"]


class LinearReadout(NamedTuple):
    """Outputs ``w x + b`` of pooled states, and which of them are wanted: one cell per stimulus and output.

    ``outputs`` names the rows of ``weight``; cell ``i`` is output ``output[i]`` of stimulus ``stimulus[i]``, by name.
    """

    outputs: Shaped[np.ndarray, " n_outputs"]
    weight: Float[np.ndarray, "n_outputs n_features"]
    bias: Float[np.ndarray, " n_outputs"]
    stimulus: Shaped[np.ndarray, " n_cells"]
    output: Shaped[np.ndarray, " n_cells"]

    def cells(
        self, X: Real[np.ndarray, "n_stimuli n_features"], ids: Shaped[np.ndarray, " n_stimuli"]
    ) -> Float[np.ndarray, " n_cells"]:
        """The wanted outputs, float64; NaN where a state is not finite.

        Raises
        ------
        ValueError
            When a stimulus or an output of a cell is not there.
        """
        rows, columns = _places(self.stimulus, ids, "stimuli"), _places(self.output, self.outputs, "outputs")
        values = np.asarray(X, dtype=np.float64) @ self.weight.T + self.bias
        found = values[rows, columns]
        return np.where(np.isfinite(found), found, np.nan)


def _places(wanted: np.ndarray, names: np.ndarray, what: str) -> np.ndarray:
    place = {str(name): i for i, name in enumerate(names)}
    missing = sorted({str(each) for each in wanted} - set(place))
    if missing:
        raise ValueError(f"cells ask for {what} that are not there: {', '.join(missing[:5])}. Read them as well.")
    return np.array([place[str(each)] for each in wanted], dtype=np.int64)

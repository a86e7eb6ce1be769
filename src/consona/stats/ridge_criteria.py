"""By what penalties are compared: squared error, explained variance, or correlation of held-out rows."""

from collections.abc import Callable

from array_api_compat import array_namespace

from consona.stats.shapes import Array, Float

__all__ = ["Judge", "criterion_of"]

Judge = Callable[[Array], Array]


def criterion_of(name: str) -> Callable[[Float[Array, "n_test width"]], Judge]:
    """How predictions are judged: for the truth ``(n_test, width)``, a function of predictions that it overwrites.

    Raises
    ------
    ValueError
        When there is no criterion of that name.
    """
    if name not in _CRITERIA:
        raise ValueError(f"the criterion is '{name}'; it is one of {sorted(_CRITERIA)}. Name one of them.")
    return _CRITERIA[name]


def _squared_error(truth: Array) -> Judge:
    ones = array_namespace(truth).ones_like(truth[:, 0])

    def judge(predicted: Array) -> Array:
        predicted -= truth
        predicted *= predicted
        return ones @ predicted / -len(ones)

    return judge


def _r2(truth: Array) -> Judge:
    xp, (varies, centred) = array_namespace(truth), _centred(truth)
    spread = xp.where(varies, xp.mean(centred * centred, axis=0), xp.nan)
    error = _squared_error(truth)
    return lambda predicted: 1 + error(predicted) / spread


def _pearson(truth: Array) -> Judge:
    xp, (varies, centred) = array_namespace(truth), _centred(truth)
    ones = xp.ones_like(truth[:, 0])
    power = xp.where(varies, ones @ (centred * centred), xp.nan)

    def judge(predicted: Array) -> Array:
        predicted -= ones @ predicted / len(ones)
        shared = ones @ (predicted * centred)
        predicted *= predicted
        own = ones @ predicted
        return shared / xp.sqrt(xp.where(own > 0, own, xp.nan) * power)

    return judge


_CRITERIA = {"squared error": _squared_error, "r2": _r2, "pearson": _pearson}


def _centred(truth: Array) -> tuple[Array, Array]:
    """Which columns vary, and all of them about their means."""
    xp = array_namespace(truth)
    return xp.max(truth, axis=0) > xp.min(truth, axis=0), truth - xp.mean(truth, axis=0)

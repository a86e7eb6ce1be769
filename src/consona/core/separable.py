"""A mark on functions whose result for a block of the input is that block of the result."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def separable(*dims: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function as separable along ``dims``; it changes nothing else.

    ``function.separable_dims`` is what the engine reads. Joined blocks must equal the whole, which a test checks
    for every marked function.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        function.separable_dims = dims  # type: ignore[attr-defined]  # a mark on a function object
        return function

    return mark

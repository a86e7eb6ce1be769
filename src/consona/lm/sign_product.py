"""Inner products of rows of signs in whole numbers, by the int8 matrix instructions of the processor."""

import numpy as np
import torch

from consona.core.errors import InvalidInput

__all__ = ["has_int8_instructions", "int8_product"]

_ROWS = 2048  # a block: the fastest size measured, and 126 MB of signs for 27 stimuli
_CELLS = 2**13  # of a block in float32
_EXACT = 2**24  # float32 holds whole numbers up to here


def has_int8_instructions() -> bool:
    """Whether this processor multiplies int8 in hardware (AMX, or AVX-512 VNNI)."""
    tests = (getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_vnni_supported"))
    return any(bool(test()) for test in tests if test is not None)


def int8_product(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    r"""``A B^T`` of int8 matrices ``(n, k)`` and ``(m, k)`` as int32 ``(n, m)``, exact, in blocks of rows.

    By ``torch._int_mm`` where the processor has int8 matrix instructions, else in float32, whose sums are exact as well
    for signs (-1, 0, 1) and rows up to 2^24 long. bfloat16 would be as fast as int8, but gives its sums in eight binary
    digits: the third decimal digit of tau is wrong. On as many threads as torch has.

    Raises
    ------
    InvalidInput
        When an array is not int8, or the rows differ in length.
    """
    if A.dtype != np.int8 or B.dtype != np.int8 or A.shape[1] != B.shape[1] or A.shape[1] > _EXACT:
        raise InvalidInput(
            f"Signs are int8 rows of one length, at most {_EXACT}; found {A.dtype} {A.shape} and {B.dtype} {B.shape}. "
            "Make both with tau_a_signs."
        )
    a, b = (torch.from_numpy(np.ascontiguousarray(each)) for each in (A, B))
    found = torch.empty((len(A), len(B)), dtype=torch.int32)
    hardware = has_int8_instructions()
    for row in range(0, len(A), _ROWS):
        for column in range(0, len(B), _ROWS):
            left, right = a[row : row + _ROWS], b[column : column + _ROWS].T
            # torch 2.13 leaves memory as it was where a side is 1 (github.com/pytorch/pytorch/issues/195066).
            multiply = torch._int_mm if hardware and min(*left.shape, *right.shape) > 1 else _float32
            found[row : row + _ROWS, column : column + _ROWS] = multiply(left, right)
    return found.numpy()


def _float32(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    total = torch.zeros((a.shape[0], b.shape[1]))
    for start in range(0, a.shape[1], _CELLS):
        total.addmm_(a[:, start : start + _CELLS].float(), b[start : start + _CELLS].float())
    return total.to(torch.int32)

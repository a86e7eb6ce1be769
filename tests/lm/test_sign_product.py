"""Products of signs are exact whole numbers, whatever instructions the processor has; bfloat16 would not be."""

import numpy as np
import pytest
import torch

from consona.core.errors import InvalidInput
from consona.lm import sign_product
from consona.lm.sign_product import int8_product


def signs(n, k, seed):
    return np.random.default_rng(seed).integers(-1, 2, (n, k), dtype=np.int8)


@pytest.mark.parametrize("k", [1, 3, 61, 2145, 8192, 9001])
@pytest.mark.parametrize("hardware", [True, False])
def test_products_equal_whole_numbers(k, hardware, monkeypatch):
    if not hardware:
        monkeypatch.setattr(sign_product, "has_int8_instructions", lambda: False)
    monkeypatch.setattr(sign_product, "_ROWS", 16)
    A, B = signs(37, k, 0), signs(21, k, 1)
    A[0] = B[0] = 1  # the largest sum there can be
    found = int8_product(A, B)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, A.astype(np.int64) @ B.T.astype(np.int64))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 40), (33, 1), (33, 17)])
def test_the_last_block_may_hold_one_row(n, m, monkeypatch):
    monkeypatch.setattr(sign_product, "_ROWS", 16)
    A, B = signs(n, 300, 5), signs(m, 300, 6)
    np.testing.assert_array_equal(int8_product(A, B), A.astype(int) @ B.T.astype(int))


def test_no_rows_and_views():
    A = signs(8, 50, 2)
    assert int8_product(A[:0], A).shape == (0, 8)
    assert (int8_product(A[:, :0], A[:, :0]) == 0).all()
    np.testing.assert_array_equal(int8_product(A[::2], A[::-1]), A[::2].astype(int) @ A[::-1].T.astype(int))


def test_bfloat16_is_wrong_in_the_third_digit():
    """Why it is refused: sums of this size are given to eight binary digits."""
    A, B = signs(50, 61425, 3), signs(50, 61425, 4)
    exact = int8_product(A, B) / 61425
    a, b = (torch.from_numpy(each).bfloat16() for each in (A + (A == 0), A))
    rounded = (a @ b.T).float().numpy() / 61425
    true = int8_product(A + (A == 0), A) / 61425
    assert 1e-4 < np.abs(rounded - true).max() < 4e-3
    assert np.abs(exact).max() < 0.03


@pytest.mark.parametrize("B", [np.ones((2, 4), dtype=np.int8), np.ones((2, 3))])
def test_what_is_no_sign_is_refused(B):
    with pytest.raises(InvalidInput, match="Signs are int8 rows of one length"):
        int8_product(np.ones((2, 3), dtype=np.int8), B)

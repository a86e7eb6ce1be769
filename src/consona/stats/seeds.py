"""The one door for randomness: a generator for every named use, so that the order of work changes nothing."""

import hashlib

import numpy as np

__all__ = ["rng_for"]


def rng_for(seed: int, *key: str | int) -> np.random.Generator:
    """A generator that belongs to ``seed`` and ``key`` alone, independent of every other key.

    ``rng_for(seed, "permutation", 17)`` is the same whether seventeen others were asked for before it or none, on any
    number of workers. Strings and integers are told apart: ``"1"`` and ``1`` are different keys.

    Parameters
    ----------
    *key
        Names and numbers that say what the randomness is for.
    seed
        A non-negative integer, the seed of the step.

    Raises
    ------
    ValueError
        When the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"the seed is {seed}; a seed is 0 or a positive integer. Give another one.")
    text = "".join(f"{type(part).__name__}:{len(str(part))}:{part};" for part in key)
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(int(word) for word in words)))

"""64-bit hashes that are the same on every machine, Python and numpy version."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def text_hash(text: str) -> int:
    """Return 64 bits of BLAKE2b of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble each value: the finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection of 64 bits.

    Parameters
    ----------
    values : (N,) uint64

    Returns
    -------
    (N,) uint64
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed


def combine(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash ordered pairs: ``combine(a, b) != combine(b, a)``.

    Parameters
    ----------
    first, second : (N,) uint64, broadcast against each other

    Returns
    -------
    (N,) uint64
    """
    return mix(mix(first + _GOLDEN) ^ second)

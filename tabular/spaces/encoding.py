"""Encodings that need nothing but a space's cardinalities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def one_hot(architectures: NDArray[np.uint8], cardinalities: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mark the choice at each position.

    Parameters
    ----------
    architectures : (N, L) uint8
    cardinalities : (L,) int64

    Returns
    -------
    (N, sum of cardinalities) float32
    """
    offsets = np.concatenate([[0], np.cumsum(cardinalities)[:-1]])
    features = np.zeros((len(architectures), int(cardinalities.sum())), dtype=np.float32)
    features[np.arange(len(features))[:, None], architectures + offsets] = 1
    return features

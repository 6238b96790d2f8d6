"""What one training gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

METRICS = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "train_seconds",
)
"""What is measured after every epoch: losses in nats, accuracies as fractions, seconds of training so far."""


@dataclass(frozen=True)
class Training:
    """The metrics of one training run after each of its epochs.

    Parameters
    ----------
    metrics : dict of str to (E,) float32
        One array for each of `METRICS`. Training loss and accuracy are averages over the steps of the epoch, the loss
        being the one minimised (with label smoothing); the others are measured on the whole split after the epoch.
        ``train_seconds`` is cumulative and leaves evaluation out; on a CPU it is processor time.
    diverged : bool
        Whether a loss became infinite or NaN. From that epoch on all metrics are NaN, but for ``train_seconds``, which
        stays at what was spent.
    epochs : int
        ``E``, the epochs of the recipe.
    """

    metrics: dict[str, NDArray[np.float32]]
    diverged: bool
    epochs: int

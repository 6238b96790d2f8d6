"""Images with labels, as the readers of files hand them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    LabelledImages = tuple[NDArray[Any], NDArray[np.int64]]
    """Images (N, C, H, W), uint8 or float32, and their labels (N,)."""


def check_labels_below(where: object, labels: NDArray[np.int64], classes: int) -> None:
    """Refuse labels that a data set of this many classes does not have.

    Raises
    ------
    DataError
    """
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if bad.size:
        raise DataError(
            f"{where}: image {bad[0]} has label {labels[bad[0]]}, the classes are 0 to {classes - 1}; "
            "the file is damaged or of another data set"
        )

"""How much faster networks train together than one at a time: the same networks, one thread each way, in turn.

The other side is `nasbench.training.train` in channels-last layout. A machine runs either way in as many processes as it
has cores, so the ratio is that of the whole machine as long as its memory keeps up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from timing import Figure, measure_pair

from nasbench import get_space
from nasbench.training import Recipe, load_dataset, train
from nasbench.training.fused import train_together

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SETTINGS = (
    # channels, batch size, image size, numbers of networks
    (8, 64, 8, (1, 4, 8, 16, 32)),
    (8, 256, 8, (4, 16)),
    (16, 64, 8, (4, 8, 16)),
    (8, 64, 16, (4, 8)),
    (16, 64, 28, (2, 4)),
)
AIM = "1/1.5"


def figures(folder: Path) -> list[Figure]:  # noqa: ARG001
    """Measure an epoch of random nb201 cells, and of neighbours in the space, for several widths, batches and sizes."""
    space, dataset = get_space("nb201"), load_dataset("digits")
    unique = space.unique()
    by_rank = unique[np.argsort(space.rank(unique))]
    drawn = by_rank[np.random.default_rng(0).permutation(len(by_rank))]
    found = []
    for channels, batch, size, numbers in SETTINGS:
        recipe = Recipe(epochs=1, channels=channels, batch_size=batch, image_size=size)
        for networks in numbers:
            for kind, rows in (("random", drawn[:networks]), ("neighbouring", by_rank[3000 : 3000 + networks])):
                what = f"an epoch of {networks} {kind} cells: {channels} channels, {size}x{size}, batch {batch}"

                def together(rows: NDArray[np.uint8] = rows, recipe: Recipe = recipe) -> None:
                    train_together(space, rows, recipe, dataset, range(len(rows)))

                def alone(rows: NDArray[np.uint8] = rows, recipe: Recipe = recipe) -> None:
                    for seed, row in enumerate(rows):
                        train(space, row, recipe, dataset, seed)

                found.append(Figure(what, *_turned(measure_pair(together, alone, rounds=5)), AIM))
    return found


def _turned(pair: tuple[float, float, float]) -> tuple[float, str, float, float]:
    ours, other, ratio = pair
    return ours, "one at a time", other, ratio

"""How much faster networks train together than one at a time: the same networks, one thread each way, in turn.

The other side is `nasbench.training.train` in channels-last layout. A machine runs either way in as many processes as
it has cores, so the ratio is that of the whole machine as long as its memory keeps up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from timing import Figure, measure_pair

from nasbench import get_space
from nasbench.training import Recipe, load_dataset, train, train_together

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SEEDS = 3
SETTINGS = (
    # channels, batch size, image size, numbers of networks
    (8, 64, 8, (3, 9, 15, 30)),
    (8, 256, 8, (3, 9)),
    (16, 64, 8, (3, 9)),
    (8, 64, 16, (3,)),
    (16, 64, 28, (3,)),
)
AIM = "1/1.5"


def figures(folder: Path) -> list[Figure]:  # noqa: ARG001
    """Measure an epoch and its evaluation for several widths, batches and sizes.

    Once of random nb201 cells, and once of what a table of all of them can train together: cells that follow each other
    in the space, which share most operations, with three seeds each.
    """
    space, dataset = get_space("nb201"), load_dataset("digits")
    unique = space.unique()
    by_rank = unique[np.argsort(space.rank(unique))]
    drawn = by_rank[np.random.default_rng(0).permutation(len(by_rank))]
    found = []
    for channels, batch, size, numbers in SETTINGS:
        recipe = Recipe(epochs=1, channels=channels, batch_size=batch, image_size=size)
        for networks in numbers:
            following = np.repeat(by_rank[3000 : 3000 + networks // SEEDS], SEEDS, axis=0)
            for kind, rows in (("random cells", drawn[:networks]), ("cells in order, 3 seeds", following)):

                def together(rows: NDArray[np.uint8] = rows, recipe: Recipe = recipe) -> None:
                    train_together(space, rows, recipe, dataset, range(len(rows)))

                def alone(rows: NDArray[np.uint8] = rows, recipe: Recipe = recipe) -> None:
                    for seed, row in enumerate(rows):
                        train(space, row, recipe, dataset, seed)

                ours, other, ratio = measure_pair(together, alone, rounds=5)
                what = f"{networks} networks, {kind}: {channels} channels, {size}x{size}, batch {batch}"
                found.append(Figure(what, ours, "one at a time", other, ratio, AIM))
    return found

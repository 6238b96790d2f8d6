"""How much faster networks train together than one at a time: the same networks, one thread each way, in turn.

The other side is `tabular.training.train` in channels-last layout. A machine runs either way in as many processes as
it has cores, so the ratio is that of the whole machine as long as its memory keeps up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from timing import Figure, measure_pair

from nasbench import get_space
from tabular.training import Recipe, load_dataset, networks_together, train, train_together

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SETTINGS = (
    # channels, batch size, image size, numbers of networks
    (8, 64, 8, (3, 6, 12)),
    (8, 128, 8, (3, 6)),
    (8, 256, 8, (3,)),
    (16, 64, 8, (3,)),
    (8, 64, 16, (2,)),
    (16, 64, 28, (2,)),
)
PLACES = (1000, 4000)
"""Where in the order of the space neighbours are taken: some share more operations than others."""
AIM = "1/1.5"


def figures(folder: Path) -> list[Figure]:  # noqa: ARG001
    """Measure an epoch and its evaluation for several widths, batches and sizes.

    Once of random nb201 cells, and once of what a table trains together: cells that follow each other, with one seed.
    """
    space, dataset = get_space("nb201"), load_dataset("digits")
    unique = space.unique()
    by_rank = unique[np.argsort(space.rank(unique))]
    drawn = by_rank[np.random.default_rng(0).permutation(len(by_rank))]
    found = []
    for channels, batch, size, numbers in SETTINGS:
        recipe = Recipe(epochs=1, channels=channels, batch_size=batch, image_size=size)
        advised = networks_together(recipe)
        for networks in numbers:
            for kind, rows in (("random cells", drawn), ("neighbours", by_rank)):
                groups = [rows[place : place + networks] for place in PLACES]

                def together(groups: list[NDArray[np.uint8]] = groups, recipe: Recipe = recipe) -> None:
                    for group in groups:
                        train_together(space, group, recipe, dataset, [0] * len(group))

                def alone(groups: list[NDArray[np.uint8]] = groups, recipe: Recipe = recipe) -> None:
                    for row in np.concatenate(groups):
                        train(space, row, recipe, dataset, 0)

                ours, other, ratio = measure_pair(together, alone, rounds=3)
                what = f"{networks} networks, {kind}: {channels} channels, {size}x{size}, batch {batch}"
                note = " (advised)" if networks == advised else ""
                found.append(Figure(what + note, ours, "one at a time", other, ratio, AIM))
    return found

"""Training a group of networks at once where that pays and as far as memory allows."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import torch

from tabular.errors import RecipeError
from tabular.training.fused import train_together
from tabular.training.trainer import train

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset
    from tabular.training.result import Training


def train_group(
    space: Space, architectures: NDArray[np.uint8], recipe: Recipe, dataset: Dataset, seed: int, device: str = "cpu"
) -> list[Training]:
    """Train K architectures from scratch with one seed, all at once, or in halves where memory does not suffice.

    Parameters
    ----------
    space : Space
    architectures : (K, L) uint8
    recipe : Recipe
    dataset : Dataset
    seed : int
    device : str
        As torch names it.

    Returns
    -------
    list of K Training

    Raises
    ------
    RecipeError
        If memory does not even suffice for one network.
    InvalidArchitectureError, QueryError, SpaceError, UnknownNameError
    """
    try:
        if len(architectures) == 1:
            return [train(space, architectures[0], recipe, dataset, seed, device)]
        return train_together(space, architectures, recipe, dataset, [seed] * len(architectures), device)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
    # Not within the except clause: there the error holds on to all that filled the memory.
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    if len(architectures) == 1:
        raise RecipeError(
            f"recipe: the memory of {device} does not suffice for one network ({space.to_text(architectures[0])}) with "
            f"batch_size {recipe.batch_size}, channels {recipe.channels} and image_size {recipe.image_size}; take less "
            "of these"
        )
    middle = len(architectures) // 2
    halves = architectures[:middle], architectures[middle:]
    return [each for half in halves for each in train_group(space, half, recipe, dataset, seed, device)]


_SIGNS = ("can't allocate memory", "could not create a primitive", "could not create a memory object")
"""By what a CPU's plain RuntimeErrors tell of it: torch's own allocator, and oneDNN, which computes convolutions."""


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(sign in str(error) for sign in _SIGNS)

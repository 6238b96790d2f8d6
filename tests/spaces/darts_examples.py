"""A published architecture of the DARTS space, and what tests ask of its networks."""

from __future__ import annotations

import torch

from tabular.spaces.darts import Darts, Genotype
from tabular.training import Recipe

# As DARTS published it (Liu et al. 2019, the second-order result).
DARTS_V2 = Genotype(
    normal=[
        ("sep_conv_3x3", 0),
        ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 0),
        ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1),
        ("skip_connect", 0),
        ("skip_connect", 0),
        ("dil_conv_3x3", 2),
    ],
    normal_concat=[2, 3, 4, 5],
    reduce=[
        ("max_pool_3x3", 0),
        ("max_pool_3x3", 1),
        ("skip_connect", 2),
        ("max_pool_3x3", 1),
        ("max_pool_3x3", 0),
        ("skip_connect", 2),
        ("skip_connect", 2),
        ("max_pool_3x3", 1),
    ],
    reduce_concat=[2, 3, 4, 5],
)


def parameters_of(row, **changes):
    """Count the weights at 20 layers on CIFAR-10, unless told otherwise."""
    recipe = Recipe(**{"stages": 3, "cells_per_stage": 6, "image_size": 32, **changes})
    with torch.device("meta"):
        network = Darts().network(row, recipe, (3, 32, 32), 10)
    return sum(each.numel() for each in network.parameters())

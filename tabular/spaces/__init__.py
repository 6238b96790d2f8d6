"""Search spaces.

The choices, the rows that are the same network, and a row as text, features or a torch network.
"""

from tabular.spaces.cell import OPERATIONS, CellSpace
from tabular.spaces.nb201 import NB201
from tabular.spaces.registry import declared_space, get_space, space_names
from tabular.spaces.space import Space

__all__ = ["NB201", "OPERATIONS", "CellSpace", "Space", "declared_space", "get_space", "space_names"]

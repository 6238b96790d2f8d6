"""Search spaces: what can be built, which rows are the same network, and how a row becomes text or features."""

from nasbench.spaces.cell import OPERATIONS, CellSpace
from nasbench.spaces.declared import declared_space, get_space, space_names
from nasbench.spaces.nb201 import NB201
from nasbench.spaces.space import Space

__all__ = ["NB201", "OPERATIONS", "CellSpace", "Space", "declared_space", "get_space", "space_names"]

"""The torch modules of architectures, built of plain values.

Edges, names of operations, widths, strides.
"""

from typing import TYPE_CHECKING

from tabular.lazy import hand_on

if TYPE_CHECKING:
    from torch.nn import Module

    from tabular.networks.cell import CellNetwork
    from tabular.networks.darts import DartsNetwork
    from tabular.networks.layers import NatsSizeNetwork, NBMacroNetwork, TransNasMacroNetwork
    from tabular.networks.nb101 import NB101Network

__all__ = [
    "CellNetwork",
    "DartsNetwork",
    "Module",
    "NB101Network",
    "NBMacroNetwork",
    "NatsSizeNetwork",
    "TransNasMacroNetwork",
]

__getattr__ = hand_on(
    __name__,
    {
        "Module": "torch.nn",
        "CellNetwork": "tabular.networks.cell",
        "DartsNetwork": "tabular.networks.darts",
        "NBMacroNetwork": "tabular.networks.layers",
        "NatsSizeNetwork": "tabular.networks.layers",
        "TransNasMacroNetwork": "tabular.networks.layers",
        "NB101Network": "tabular.networks.nb101",
    },
)

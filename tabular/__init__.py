"""Spaces, networks, training, generation, importers, and the HDF5 table.

The table is read through its oracle.
"""

from typing import TYPE_CHECKING

from tabular.lazy import hand_on

if TYPE_CHECKING:
    from tabular.generation.generator import GenerationSummary, generate
    from tabular.generation.merge import MergeSummary, merge
    from tabular.importers.mapped import import_csv
    from tabular.layout import TableData, TaskData, write_table
    from tabular.oracle import TableOracle
    from tabular.table import Table, shipped_tables

__all__ = [
    "GenerationSummary",
    "MergeSummary",
    "Table",
    "TableData",
    "TableOracle",
    "TaskData",
    "generate",
    "import_csv",
    "merge",
    "shipped_tables",
    "write_table",
]

__getattr__ = hand_on(
    __name__,
    {
        "GenerationSummary": "tabular.generation.generator",
        "generate": "tabular.generation.generator",
        "MergeSummary": "tabular.generation.merge",
        "merge": "tabular.generation.merge",
        "import_csv": "tabular.importers.mapped",
        "TableData": "tabular.layout",
        "TaskData": "tabular.layout",
        "write_table": "tabular.layout",
        "TableOracle": "tabular.oracle",
        "shipped_tables": "tabular.table",
        "Table": "tabular.table",
    },
)

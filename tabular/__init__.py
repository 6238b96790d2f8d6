"""Make tables: spaces, networks, training and generation; the HDF5 table and its oracle; importers of published ones."""

from typing import TYPE_CHECKING

from tabular.lazy import hand_on

if TYPE_CHECKING:
    from tabular.generation.generator import GenerationSummary, generate
    from tabular.generation.merging import MergeSummary, merge
    from tabular.importers.csv import import_csv
    from tabular.layout import TableData, TaskData, write_table
    from tabular.oracle import TableOracle
    from tabular.shipped import shipped_tables
    from tabular.table import Table

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
        "MergeSummary": "tabular.generation.merging",
        "merge": "tabular.generation.merging",
        "import_csv": "tabular.importers.csv",
        "TableData": "tabular.layout",
        "TaskData": "tabular.layout",
        "write_table": "tabular.layout",
        "TableOracle": "tabular.oracle",
        "shipped_tables": "tabular.shipped",
        "Table": "tabular.table",
    },
)

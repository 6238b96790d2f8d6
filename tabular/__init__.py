"""Tables: every architecture of a space, trained once, in one HDF5 file; their oracle, their making, their import."""

from tabular.generator import GenerationSummary, generate
from tabular.importers.csv import import_csv
from tabular.layout import TableData, TaskData, write_table
from tabular.merging import MergeSummary, merge
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

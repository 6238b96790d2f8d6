"""Tables: every architecture of a space, trained once, in one HDF5 file; their oracle, their making, their import."""

from tabular.generator import GenerationSummary, generate
from tabular.importers.csv import import_csv
from tabular.layout import TableData, TaskData, write_table
from tabular.oracle import TableOracle
from tabular.table import Table

__all__ = [
    "GenerationSummary",
    "Table",
    "TableData",
    "TableOracle",
    "TaskData",
    "generate",
    "import_csv",
    "write_table",
]

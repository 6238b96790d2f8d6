"""Tables: every architecture of a space, trained once, in one HDF5 file; their oracle, their making, their import."""

from tabular.layout import TableData, TaskData, write_table
from tabular.oracle import TableOracle
from tabular.table import Table

__all__ = ["Table", "TableData", "TableOracle", "TaskData", "write_table"]

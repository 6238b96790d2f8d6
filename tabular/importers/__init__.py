"""Importers: results that others published, into tables."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Importer(NamedTuple):
    """An importer of one format, imported when it is asked for.

    Parameters
    ----------
    module, function : str
        In this package.
    needs : str or None
        A third argument: ``mapping``, a file, which comes after the source, or ``onto``, a table, which comes before.
    """

    module: str
    function: str
    needs: str | None = None

    def load(self) -> Callable[..., Any]:
        """Import the function."""
        function: Callable[..., Any] = getattr(import_module(f"{__name__}.{self.module}"), self.function)
        return function


IMPORTERS = {
    "csv": Importer("mapped", "import_csv", "mapping"),
    "parquet": Importer("mapped", "import_parquet", "mapping"),
    "nasbench101": Importer("nasbench101", "import_nasbench101"),
    "nats-bench": Importer("nats_bench", "import_nats_bench"),
    "nasbench201": Importer("nats_bench", "import_nasbench201"),
    "nasbench301": Importer("nasbench301", "import_nasbench301"),
    "nasbench-macro": Importer("nasbench_macro", "import_nasbench_macro"),
    "hw-nas-bench": Importer("hw_nas_bench", "join_costs", "onto"),
}
"""The formats that can be imported, each a line here and a function in a file of this folder."""

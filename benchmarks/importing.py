"""How long importing and exporting take, and how much memory: a table of 6,466 networks, 3 seeds and 12 epochs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from queries import synthetic_table
from timing import Figure

if TYPE_CHECKING:
    from pathlib import Path

_MEASURED = """
import sys, time
from pathlib import Path
{imports}
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
peak = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(seconds, int(peak[0]) * 1024)
"""
"""The peak is read from /proc, as what `resource` tells of a new process includes its parent's."""


def figures(folder: Path) -> list[Figure]:
    """Measure exporting a table and importing it again, as CSV and as Parquet, each in a process of its own."""
    table, again = folder / "table.h5", folder / "again.h5"
    synthetic_table(table)
    found = []
    for kind in ("csv", "parquet"):
        file, mapping = folder / f"table.{kind}", folder / "table.mapping.toml"
        imports = "import pandas; from tabular import Table; from tabular.frames import export"
        statement = f"rows = export(Table.open({str(table)!r}), {str(file)!r}).rows"
        found.append(_figure(f"export 232,776 rows as {kind}", imports, statement))
        imports = f"from tabular.importers.{kind} import import_{kind}"
        statement = f"import_{kind}({str(file)!r}, {str(mapping)!r}, {str(again)!r})"
        found.append(_figure(f"import them from {kind} ({file.stat().st_size / 1e6:.0f} MB)", imports, statement))
    return found


def _figure(what: str, imports: str, statement: str) -> Figure:
    script = _MEASURED.format(imports=imports, statement=statement)
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(3)
    ]
    seconds, peak = sorted((float(seconds), float(peak)) for seconds, peak in runs)[1]
    return Figure(f"{what}, peak memory {peak / 2**20:.0f} MiB", seconds)

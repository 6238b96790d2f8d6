"""NAS-Bench-201's own archives, ``NAS-Bench-201-v1_0-e61699.pth`` and ``NAS-Bench-201-v1_1-096897.pth``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tabular.files import check_writable
from tabular.importers.arch_results import Benchmark, Schedule
from tabular.importers.one_file import collect_file
from tabular.importers.torch_file import read_torch_file
from tabular.layout import write_table
from tabular.progress import silent
from tabular.table import Table

if TYPE_CHECKING:
    from tabular.progress import Progress

NASBENCH201 = Benchmark(
    "NAS-Bench-201",
    "nb201",
    {"less": Schedule("12", 12, (111, 777)), "full": Schedule("200", 200, (777, 888, 999))},
    "X. Dong and Y. Yang: NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search. ICLR 2020",
    "https://github.com/D-X-Y/NAS-Bench-201",
)


def import_nasbench201(source: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Turn an archive of NAS-Bench-201 into a table; torch is not needed.

    Parameters
    ----------
    source : str or Path
        A ``.pth`` file, in either of torch's formats.
    out : str or Path
        The table to write.
    progress : Progress

    Returns
    -------
    Table
        Opened. A row stands for its architecture alone. Tasks are named by data set and epochs: ``cifar10-valid-12``,
        ``cifar100-200``. Version 1.0 has no times, and the 12 epochs on ``cifar10-valid`` alone.

    Raises
    ------
    FileFormatError
        If something is missing, damaged or not what the archives have; the message names the architecture, the data
        set, the seed and the field.
    OutputError

    Notes
    -----
    The archive is read architecture by architecture, by a reader that builds plain values only. The numbers of all of
    them take about 3 GB of memory.
    """
    check_writable(out)
    source = Path(source)
    data = collect_file(lambda filled: read_torch_file(source, filled), source, lambda _: NASBENCH201, progress)
    write_table(out, data)
    return Table.open(out)

"""NATS-Bench and NAS-Bench-201, as their authors publish them.

NATS-Bench is a folder of pickles, one an architecture, or one large pickle; NAS-Bench-201 an archive of torch.
"""

from __future__ import annotations

import re
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabular.errors import FileFormatError
from tabular.files import check_writable
from tabular.importers.arch_results import ArchResultsCollector, Benchmark, Schedule, check_names, field, shown
from tabular.layout import write_table
from tabular.safe_pickle import PickleReader, opened, read_pickle, read_torch_file
from tabular.table import Table
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tabular.layout import TableData
    from tabular.work import Progress

CITATION = (
    "X. Dong, L. Liu, K. Musial and B. Gabrys: NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and "
    "Size. IEEE TPAMI 2021"
)

SOURCE = "https://github.com/D-X-Y/NATS-Bench"
SEEDS = (777, 888, 999)

SHORT_SEEDS = (111, 777)
"""Those of the topology space's 12 epochs."""

TOPOLOGY = Benchmark(
    "NATS-Bench, topology search space",
    "nb201",
    {"12": Schedule("12", 12, SHORT_SEEDS), "200": Schedule("200", 200, SEEDS)},
    CITATION,
    SOURCE,
)

SIZE = Benchmark(
    "NATS-Bench, size search space",
    "nats-size",
    {"01": Schedule("01", 1, SEEDS), "12": Schedule("12", 12, SEEDS), "90": Schedule("90", 90, SEEDS)},
    CITATION,
    SOURCE,
)

NASBENCH201 = Benchmark(
    "NAS-Bench-201",
    "nb201",
    {"less": Schedule("12", 12, (111, 777)), "full": Schedule("200", 200, (777, 888, 999))},
    "X. Dong and Y. Yang: NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search. ICLR 2020",
    "https://github.com/D-X-Y/NAS-Bench-201",
)

META = "meta.pickle.pbz2"
ONE_ARCHITECTURE = re.compile(r"(\d{1,6})\.pickle\.pbz2")
SIZES_WRITTEN = re.compile(r"\d+(:\d+)+")


def import_nats_bench(source: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Turn NATS-Bench's files into a table.

    Parameters
    ----------
    source : str or Path
        A folder such as ``NATS-tss-v1_0-3ffb9-simple`` or ``NATS-sss-v1_0-50262-simple``, or a file such as
        ``NATS-tss-v1_0-3ffb9.pickle.pbz2``. Of a folder that lacks architectures those that are there are taken; the
        table's provenance says how many.
    out : str or Path
        The table to write.
    progress : Progress

    Returns
    -------
    Table
        Opened. A row stands for its architecture alone. Tasks are named by data set and schedule, ``cifar10-valid-12``.

    Raises
    ------
    FileFormatError
        If something is missing, damaged or not what the benchmark's files have; the message names the file, the data
        set, the seed and the field.
    OutputError

    Notes
    -----
    Files are read one at a time, by a reader that builds plain values only. The numbers of either whole space take
    1.8 GB of memory; reading them from one large file takes a gigabyte more.
    """
    check_writable(out)
    source = Path(source)
    if source.is_dir():
        data = _collect_folder(source, progress)
    else:
        with opened(source) as stream:
            data = collect_file(
                lambda filled: PickleReader(stream, str(source), filled).load(), source, _benchmark_of, progress
            )
    write_table(out, data)
    return Table.open(out)


def _collect_folder(folder: Path, progress: Progress) -> TableData:
    meta = folder / META
    names = field(read_pickle(meta), "meta_archs", str(meta))
    found = {path: int(match[1]) for path in folder.iterdir() if (match := ONE_ARCHITECTURE.fullmatch(path.name))}
    if not found:
        raise FileFormatError(f"{folder}: holds no architecture, that is, no file such as 000000.pickle.pbz2")
    benchmark = _benchmark_of(names[0] if isinstance(names, list) and names else None)
    check_names(names, benchmark, str(meta))
    collected = ArchResultsCollector(benchmark, folder, progress, len(found))
    for path, index in sorted(found.items(), key=itemgetter(1)):
        results = read_pickle(path)
        if not isinstance(results, dict) or not results:
            raise FileFormatError(f"{path}: is a {type(results).__name__}, expected results by schedule")
        collected.note(results, str(path), index)
    return collected.finish()


def _benchmark_of(text: object) -> Benchmark:
    """Return the benchmark that an architecture is of.

    ``8:16:32:8:64`` is a size, ``|...|`` a topology.
    """
    return SIZE if isinstance(text, str) and SIZES_WRITTEN.fullmatch(text) else TOPOLOGY


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


def collect_file(
    load: Callable[[Callable[[dict[Any, Any]], None]], object],
    source: Path,
    benchmark_of: Callable[[object], Benchmark],
    progress: Progress,
) -> TableData:
    """Return the contents of a table from a benchmark in one pickle.

    Parameters
    ----------
    load : callable
        Reads the pickle, calling its argument with each dictionary that was filled.
    source : Path
        For errors.
    benchmark_of : callable
        Says which benchmark it is, from the first architecture's text.
    progress : Progress

    Raises
    ------
    FileFormatError
    """
    collected: list[ArchResultsCollector] = []

    def filled(entries: dict[Any, Any]) -> None:
        if entries and all(type(entry) is dict and "all_results" in entry for entry in entries.values()):
            first = next(iter(entries.values()))
            if not collected:
                collected.append(ArchResultsCollector(benchmark_of(first.get("arch_str")), source, progress))
            collected[0].note(entries, f"{source}: architecture {shown(first.get('arch_index'))}")
            _forget(entries)

    whole = load(filled)
    names, found, said = (field(whole, key, str(source)) for key in ("meta_archs", "arch2infos", "evaluated_indexes"))
    if not collected:
        raise FileFormatError(f"{source}: holds no architecture")
    indices = collected[0].indices
    for key, listed in (("arch2infos", found), ("evaluated_indexes", said)):
        plain = isinstance(listed, dict | list | set) and all(type(index) is int for index in listed)
        if not plain or set(listed) != indices:
            raise FileFormatError(f"{source}: {key} does not list the {len(indices):,} architectures that are there")
    check_names(names, collected[0].benchmark, str(source))
    return collected[0].finish()


def _forget(entries: dict[Any, Any]) -> None:
    """Empty a dictionary and all in it.

    The pickle may refer to each again, so they stay in memory to its end.
    """
    values = list(entries.values())
    entries.clear()
    for value in values:
        if type(value) is dict:
            _forget(value)

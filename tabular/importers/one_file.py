"""A whole benchmark in one pickle: NATS-Bench's large files and NAS-Bench-201's archives.

Both are a dictionary of ``meta_archs``, all architectures in the benchmark's order; ``arch2infos``, what is recorded of
each by its index and schedule; and ``evaluated_indexes``. In memory it would take tens of gigabytes, so each
architecture is taken and forgotten as soon as it was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabular.errors import FileFormatError
from tabular.importers.arch_results import ArchResultsCollector, check_names
from tabular.importers.results_count import field, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tabular.importers.arch_results import Benchmark
    from tabular.layout import TableData
    from tabular.progress import Progress


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
        if entries and all(type(each) is dict and "all_results" in each for each in entries.values()):
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
        plain = isinstance(listed, dict | list | set) and all(type(each) is int for each in listed)
        if not plain or set(listed) != indices:
            raise FileFormatError(f"{source}: {key} does not list the {len(indices):,} architectures that are there")
    check_names(names, collected[0].benchmark, str(source))
    return collected[0].finish()


def _forget(entries: dict[Any, Any]) -> None:
    """Empty a dictionary and all in it: the pickle may refer to each again, so they stay in memory to its end."""
    values = list(entries.values())
    entries.clear()
    for value in values:
        if type(value) is dict:
            _forget(value)

"""Joining tables and journals of one plan, wherever they were made, to one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.errors import FileFormatError, PlanMismatchError
from nasbench.replacing import check_writable
from nasbench.spaces.declared import declared_space
from tabular.invariants import DIVERGED, MISSING
from tabular.journal import JournalHeader
from tabular.lock import journal_folder
from tabular.plan import PORTIONS
from tabular.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class MergeSummary:
    """What a merge made.

    Parameters
    ----------
    path : Path
        The table.
    trainings : int
        In the table, those that diverged included.
    missing : int
        Architectures times seeds of the table without a training.
    diverged : int
    repeated : int
        Trainings that were in more than one source; the first is kept.
    """

    path: Path
    trainings: int
    missing: int
    diverged: int
    repeated: int


def merge(path: str | Path, sources: Sequence[str | Path]) -> MergeSummary:
    """Join tables, journals and folders of journals to one table.

    What ``path`` holds already comes first; a table that comes with a folder of journals brings them along. Sources are
    left as they are.

    Parameters
    ----------
    path : str or Path
        The table to write.
    sources : sequence of str or Path
        Tables, ``.journal`` files, folders of these.

    Raises
    ------
    PlanMismatchError
        If they do not belong together; the message names the first difference.
    FileFormatError
        If a source is missing or damaged, or none holds a training.
    OutputError
    """
    path = Path(path)
    check_writable(path)
    with journal_folder(path):
        found = Sources.read(*_sorted_out([path] * path.exists() + [Path(each) for each in sources]))
        plans = list(found.plans().items())
        if not plans:
            raise FileFormatError(f"{', '.join(map(str, sources))}: hold no training that could be merged")
        where, first = plans[0]
        if first is None:
            raise PlanMismatchError(
                f"{where}: is a table that was not generated here, so nothing can be merged with it"
            )
        plan = {**first, PORTIONS: sorted(found.portions())}
        found.check(plan, path)
        space = declared_space(plan["space"], where=str(where))
        ledger = found.to_ledger(space, space.unique(), (), (), _header(found, plan))
        found.write(path, ledger, plan["task"])
    trainings = int((ledger.status != MISSING).sum())
    held = sum(int((data.tasks[0].status != MISSING).sum()) for data in found.tables.values())
    held += sum(len(journal.records) for journal in found.journals.values())
    return MergeSummary(
        path,
        trainings,
        ledger.status.size - trainings,
        int((ledger.status == DIVERGED).sum()),
        held - trainings,
    )


def _sorted_out(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return the tables and the journals among paths, each once, those in folders included."""
    tables: dict[Path, None] = {}
    journals: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            journals.update(dict.fromkeys(sorted(path.glob("*.journal"))))
        elif not path.exists():
            raise FileFormatError(f"{path}: no such file or folder")
        elif path.suffix == ".journal":
            journals[path] = None
        else:
            tables[path] = None
            journals.update(dict.fromkeys(sorted(path.with_name(f"{path.name}.journal").glob("*.journal"))))
    return list(tables), list(journals)


def _header(found: Sources, plan: dict[str, Any]) -> JournalHeader:
    """Return what the numbers of the sources mean, as the first of them says."""
    for journal in found.journals.values():
        if journal.header is not None:
            return replace(journal.header, plan=plan)
    data = next(iter(found.tables.values()))
    task = data.tasks[0].task
    return JournalHeader(plan, found.origins()[-1], tuple(task.metrics), task.epochs, tuple(data.tasks[0].costs))

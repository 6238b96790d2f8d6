"""Merging tables and journals, and looking at a table under construction.

All that is merged has one plan. Looking takes no lock and writes no file, so no generator is kept from starting or
going on.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.errors import FileFormatError, OutputError
from tabular.files import check_writable, remove, remove_leftovers
from tabular.generation.journal import Journal, journal_folder, journal_folder_of, read_journal
from tabular.generation.ledger import Sources, read_table
from tabular.generation.throughput import remove_scratch
from tabular.layout import MISSING
from tabular.table import located

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabular.layout import TableData


@dataclass(frozen=True)
class MergeSummary:
    """The table that a merge made.

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
        Trainings that a source had after another one; the first is kept.
    different : int
        Those of them with other numbers than the first, seconds aside: such come from other hardware or versions.
    """

    path: Path
    trainings: int
    missing: int
    diverged: int
    repeated: int
    different: int


def merge(path: str | Path, sources: Sequence[str | Path]) -> MergeSummary:
    """Join tables, journals and folders of journals to one table.

    What ``path`` and the journals beside it hold comes first, then the sources in their order. Sources are left as they
    are, and may be worked on: what is on record of them now is taken. Of damage to journals a warning tells.

    Parameters
    ----------
    path : str or Path
        The table to write. Journals beside it become part of it.
    sources : sequence of str or Path
        Tables (with the journals beside them), names of shipped tables, ``.journal`` files, folders of these.

    Raises
    ------
    PlanMismatchError
        If they do not belong together; the message names the first difference.
    FileFormatError
        If a source is missing or damaged, or none holds a training.
    OutputError
        If ``path`` cannot be written, or a generator is working on it.
    """
    path = Path(path)
    check_writable(path)
    with journal_folder(path) as folder:
        remove_leftovers(path)
        remove_scratch(folder)
        own = journals_in(folder)
        found = read_with_journals(path)
        known = {file.resolve() for file in found.files}
        for source in sources:
            for file, content in _read(Path(source)).files.items():
                if file.resolve() not in known:
                    known.add(file.resolve())
                    found.files[file] = content
        for problem in damage_in(found, held=folder):
            warnings.warn(f"{problem}; what that held is left out", stacklevel=2)
        joined = found.join_all()
        if joined is None or not (joined.ledger.status != MISSING).any():
            raise FileFormatError(f"{', '.join(map(str, sources)) or path}: no training is there that could be merged")
        ledger = joined.ledger
        found.write(path, ledger, ledger.header.plan["task"])
        for journal in own:
            remove(journal)
    missing = int((ledger.status == MISSING).sum())
    trainings = ledger.status.size - missing
    return MergeSummary(path, trainings, missing, ledger.diverged, joined.repeated, joined.different)


def _read(source: Path) -> Sources:
    """Read a table with what is beside it, a journal, or those in a folder."""
    if source.is_dir():
        journals = journals_in(source)
        if not journals:
            raise FileFormatError(f"{source}: holds no .journal file; name tables, .journal files or folders of these")
        return Sources.read([], journals)
    if source.suffix == ".journal" and source.exists():
        return Sources.read([], [source])
    found = read_with_journals(located(source))
    if not found.files and not journal_folder_of(source).is_dir():
        raise FileFormatError(f"{source}: no such file or folder; name tables, .journal files or folders of these")
    return found


@dataclass(frozen=True)
class Construction:
    """The state of a table under construction.

    Parameters
    ----------
    space, task : str
        None before anything is on record, as all but ``generator`` are none or nothing then.
    architectures : int
        How many were asked for.
    seeds : tuple of int
        Those that are begun.
    trainings : int
        On record, each once, those that diverged included.
    missing : int
        Of these architectures with these seeds.
    in_journals : int
        Trainings that are not in the table yet.
    diverged : int
    best : str or None
        The architecture with the best final validation accuracy of a training, as text,
    best_accuracy : float or None
        and that.
    generator : int or None
        The process on this machine that is at work on it.
    problems : list of str
        One line for each part of a journal that cannot be read.
    """

    space: str | None
    task: str | None
    architectures: int
    seeds: tuple[int, ...]
    trainings: int
    missing: int
    in_journals: int
    diverged: int
    best: str | None
    best_accuracy: float | None
    generator: int | None
    problems: list[str]


def construction(table: str | Path) -> Construction | None:
    """Look at a table under construction.

    None if there are no journals beside it and no generator is at work.

    Raises
    ------
    PlanMismatchError
        If table and journals do not belong together.
    FileFormatError, OutputError
    """
    folder = journal_folder_of(Path(table))
    return on_record(table) if journals_in(folder) or generator_at_work(folder) is not None else None


def on_record(table: str | Path) -> Construction:
    """Look at a table and the journals beside it, whether they are there or not.

    Raises
    ------
    PlanMismatchError, FileFormatError, OutputError
    """
    table = Path(table)
    sources = read_with_journals(table)
    generator = generator_at_work(journal_folder_of(table))
    joined, problems = sources.join_all(), damage_in(sources)
    if joined is None:
        return Construction(None, None, 0, (), 0, 0, 0, 0, None, None, generator, problems)
    ledger, plan = joined.ledger, joined.ledger.header.plan
    trainings = int((ledger.status != MISSING).sum())
    held = sum(int((data.tasks[0].status != MISSING).sum()) for data in sources.tables.values())
    best, accuracy = ledger.best or (None, None)
    return Construction(
        ledger.space.name,
        plan["task"],
        len(ledger.architectures),
        ledger.seeds,
        trainings,
        ledger.status.size - trainings,
        trainings - held,
        ledger.diverged,
        None if best is None else str(ledger.space.to_text(best)),
        accuracy,
        generator,
        problems,
    )


def generator_at_work(folder: Path) -> int | None:
    """Return which process on this machine writes the journals of a folder.

    None if none does. Trying the lock would refuse a generator that starts at that moment, so this looks who has the
    lock's file open.
    """
    lock = folder / "lock"
    try:
        process, file = int(lock.read_text(encoding="ascii")), lock.stat()
    except (OSError, ValueError):
        return None
    return process if _has_open(process, file) else None


def _has_open(process: int, file: os.stat_result) -> bool:
    """Say whether a process has a file open.

    Where the system does not tell, whether there is such a process.
    """
    if process <= 0 or sys.platform == "win32":
        return False
    try:
        os.kill(process, 0)  # signal 0 does nothing but fail if there is none
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    opened = Path(f"/proc/{process}/fd")
    if not opened.exists():
        return True
    with suppress(OSError):  # it has just ended
        for handle in opened.iterdir():
            with suppress(FileNotFoundError):
                if os.path.samestat(handle.stat(), file):
                    return True
    return False


def read_with_journals(table: Path) -> Sources:
    """Read a table, if it is there, and the journals beside it.

    It works whatever a generator makes of them meanwhile.

    Raises
    ------
    FileFormatError, OutputError
    """
    read = {path: _read_if_there(path) for path in journals_in(journal_folder_of(table))}
    # The table comes first and is read last: a journal is removed only when the table holds all of it.
    files: dict[Path, TableData | Journal] = {table: read_table(table)} if table.exists() else {}
    files.update((path, journal) for path, journal in read.items() if journal is not None)
    return Sources(files)


def _read_if_there(path: Path) -> Journal | None:
    try:
        return read_journal(path)
    except OutputError:
        if path.exists():
            raise
        return None


def journals_in(folder: Path) -> list[Path]:
    """Return the journals in a folder."""
    return sorted(path for path in folder.glob("*.journal") if path.is_file())


def damage_in(sources: Sources, held: Path | None = None) -> list[str]:
    """Return one line for each part of a journal that cannot be read.

    Where a generator is at work, a journal that ends within a training is being written, not damaged.

    Parameters
    ----------
    sources : Sources
    held : Path, optional
        A folder that the caller keeps generators from.
    """
    journals = {path: journal for path, journal in sources.journals.items() if journal.problems}
    written = {path for path in journals if path.parent != held and generator_at_work(path.parent) is not None}
    return [
        problem
        for path, journal in journals.items()
        for problem in journal.problems
        if path not in written or not problem.startswith(f"{path}: its last ")
    ]

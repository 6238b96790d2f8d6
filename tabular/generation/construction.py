"""How far a table under construction is: its last version, and the journals of a generator at work or killed.

Nothing here takes a lock or writes a file, so no generator is kept from starting or going on.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.errors import OutputError
from tabular.generation.joining import join
from tabular.generation.journal import Journal, read_journal
from tabular.generation.lock import journal_folder_of
from tabular.invariants import MISSING
from tabular.layout import TableData
from tabular.table import Table

if TYPE_CHECKING:
    from tabular.generation.joining import Parts


@dataclass(frozen=True)
class Construction:
    """How far a table under construction is.

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
    """Look at a table under construction; None if there are no journals beside it and no generator is at work.

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
    parts = read_with_journals(table)
    generator = generator_at_work(journal_folder_of(table))
    found, problems = join(parts), damage_in(parts)
    if found is None:
        return Construction(None, None, 0, (), 0, 0, 0, 0, None, None, generator, problems)
    ledger, plan = found.ledger, found.ledger.header.plan
    trainings = int((ledger.status != MISSING).sum())
    held = sum(int((part.tasks[0].status != MISSING).sum()) for part in parts.values() if isinstance(part, TableData))
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
    """Return which process on this machine writes the journals of a folder; None if none does.

    Trying the lock would refuse a generator that starts at that moment, so this looks who has the lock's file open.
    """
    lock = folder / "lock"
    try:
        process, file = int(lock.read_text(encoding="ascii")), lock.stat()
    except (OSError, ValueError):
        return None
    return process if _has_open(process, file) else None


def _has_open(process: int, file: os.stat_result) -> bool:
    """Say whether a process has a file open; where the system does not tell, whether there is such a process."""
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
        for each in opened.iterdir():
            with suppress(FileNotFoundError):
                if os.path.samestat(each.stat(), file):
                    return True
    return False


def read_with_journals(table: Path) -> Parts:
    """Read a table, if it is there, and the journals beside it, whatever a generator makes of them meanwhile.

    Raises
    ------
    FileFormatError, OutputError
    """
    read = {path: _read_if_there(path) for path in journals_in(journal_folder_of(table))}
    journals = {path: journal for path, journal in read.items() if journal is not None}
    # The table comes first and is read last: a journal is removed only when the table holds all of it.
    return {**({table: read_table(table)} if table.exists() else {}), **journals}


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


def read_table(path: Path) -> TableData:
    """Read a whole table.

    Raises
    ------
    FileFormatError
    """
    with Table.open(path) as table:
        return table.load()


def damage_in(parts: Parts, held: Path | None = None) -> list[str]:
    """Return one line for each part of a journal that cannot be read.

    Where a generator is at work, a journal that ends within a training is being written, not damaged.

    Parameters
    ----------
    parts : dict
    held : Path, optional
        A folder that the caller keeps generators from.
    """
    journals = {path: part for path, part in parts.items() if isinstance(part, Journal) and part.problems}
    written = {path for path in journals if path.parent != held and generator_at_work(path.parent) is not None}
    return [
        problem
        for path, journal in journals.items()
        for problem in journal.problems
        if path not in written or not problem.startswith(f"{path}: its last ")
    ]

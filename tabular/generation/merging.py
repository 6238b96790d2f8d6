"""Joining tables and journals of one plan, wherever they were made, to one table."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.errors import FileFormatError
from tabular.files import check_writable, remove, remove_leftovers
from tabular.generation.construction import damage_in, journals_in, read_with_journals
from tabular.generation.joining import join
from tabular.generation.journal import Journal, read_journal
from tabular.generation.lock import journal_folder, journal_folder_of
from tabular.generation.sources import Sources
from tabular.generation.throughput import remove_scratch
from tabular.invariants import MISSING
from tabular.layout import TableData
from tabular.shipped import located

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabular.generation.joining import Parts


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
        parts = read_with_journals(path)
        known = {part.resolve() for part in parts}
        for source in sources:
            for where, part in _read(Path(source)).items():
                if where.resolve() not in known:
                    known.add(where.resolve())
                    parts[where] = part
        for problem in damage_in(parts, held=folder):
            warnings.warn(f"{problem}; what that held is left out", stacklevel=2)
        joined = join(parts)
        if joined is None or not (joined.ledger.status != MISSING).any():
            raise FileFormatError(f"{', '.join(map(str, sources)) or path}: no training is there that could be merged")
        ledger = joined.ledger
        origins = Sources(
            {where: part for where, part in parts.items() if isinstance(part, TableData)},
            {where: part for where, part in parts.items() if isinstance(part, Journal)},
        )
        origins.write(path, ledger, ledger.header.plan["task"])
        for journal in own:
            remove(journal)
    missing = int((ledger.status == MISSING).sum())
    trainings = ledger.status.size - missing
    return MergeSummary(path, trainings, missing, ledger.diverged, joined.repeated, joined.different)


def _read(source: Path) -> Parts:
    """Read a table with what is beside it, a journal, or those in a folder.

    Raises
    ------
    FileFormatError, OutputError
    """
    if source.is_dir():
        journals = journals_in(source)
        if not journals:
            raise FileFormatError(f"{source}: holds no .journal file; name tables, .journal files or folders of these")
        return {path: read_journal(path) for path in journals}
    if source.suffix == ".journal" and source.exists():
        return {source: read_journal(source)}
    parts = read_with_journals(located(source))
    if not parts and not journal_folder_of(source).is_dir():
        raise FileFormatError(f"{source}: no such file or folder; name tables, .journal files or folders of these")
    return parts

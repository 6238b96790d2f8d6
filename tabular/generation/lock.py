"""One generator at a time on one table."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from tabular.errors import OutputError
from tabular.files import sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def journal_folder_of(table: Path) -> Path:
    """Return where the journals of a table are until they are part of it."""
    return table.with_name(f"{table.name}.journal")


@contextmanager
def journal_folder(table: Path) -> Iterator[Path]:
    """Give the folder of a table's journals to this process alone; it is removed on the way out if it is empty.

    The operating system lets go of the lock when the process ends, however it ends.

    Raises
    ------
    OutputError
        If another process holds it (the message names it), or the folder cannot be made.
    """
    folder = journal_folder_of(table)
    try:
        lock = _locked(folder, table)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        yield folder
    finally:
        with suppress(OSError):
            (folder / "lock").unlink()
            folder.rmdir()
        lock.close()


def _locked(folder: Path, table: Path) -> IO[str]:
    import fcntl  # not on Windows, where tables can be read but not generated

    path = folder / "lock"
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("a+", encoding="ascii")
        except FileNotFoundError:  # the one who held it before removed the folder just now
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise OutputError(
                f"{table}: another generator (process {holder}) is working on it; wait until it ends, or stop it"
            ) from None
        # The one who held it before may have removed the file between our opening and locking it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        file.close()
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    sync(table.parent)  # or a power failure could take the folder's name, and the journals with it
    return file

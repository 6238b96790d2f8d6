"""The journal: finished trainings, each appended as it ends.

The file survives a kill at any moment. A journal is the bytes ``NASJRNL1`` and then frames: a mark of 4 bytes, the
payload's length and its CRC-32 (both little-endian uint32), the payload. The first frame is a header in JSON, every
other one a training. A frame that was cut short or damaged is left out; reading goes on at the next mark. Each process
writes a journal of its own, so writing takes no lock; the folder of the journals is one generator's at a time.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import OutputError
from tabular.files import sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from typing_extensions import Self

MAGIC = b"NASJRNL1"
MARK = b"\xf5\xabNJ"
_FRAME = struct.Struct("<4sII")
_RECORD = struct.Struct("<qqB")


@dataclass(frozen=True)
class JournalHeader:
    """The meaning of every record of a journal.

    Parameters
    ----------
    plan : dict
        What fixed the trainings, JSON-ready.
    provenance : dict
        Where they were made, JSON-ready.
    metrics : tuple of str
    epochs : tuple of int
    costs : tuple of str
    """

    plan: dict[str, Any]
    provenance: dict[str, Any]
    metrics: tuple[str, ...]
    epochs: tuple[int, ...]
    costs: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return the header as JSON."""
        return json.dumps(self.__dict__, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> JournalHeader:
        """Read what `to_bytes` wrote.

        Raises ValueError, KeyError or TypeError on anything else.
        """
        fields: dict[str, Any] = json.loads(payload)
        recorded = (tuple(fields[name]) for name in ("metrics", "epochs", "costs"))
        return cls(dict(fields["plan"]), dict(fields["provenance"]), *recorded)


class Record(NamedTuple):
    """One finished training.

    Parameters
    ----------
    row : int
        The architecture's index in `tabular.generation.plan.listed_networks`.
    seed : int
    status : int
        `tabular.layout.DONE` or `DIVERGED`.
    metrics : (M, E) float32
    costs : (C,) float64
        NaN where they were recorded with another training of the same architecture.
    """

    row: int
    seed: int
    status: int
    metrics: NDArray[np.float32]
    costs: NDArray[np.float64]


class JournalWriter:
    """Appends trainings to a new file; they are on the disk when `append` returns.

    Parameters
    ----------
    path : Path
        Must not exist.
    header : JournalHeader

    Raises
    ------
    OutputError
        If the disk is full or the path cannot be written.
    """

    def __init__(self, path: Path, header: JournalHeader) -> None:
        self.path = path
        self._shape = (len(header.metrics), len(header.epochs))
        try:
            self._file = path.open("xb", buffering=0)
            self._write(MAGIC + _frame(header.to_bytes()))
            sync(path.parent)  # or a power failure could take the file's name, and all that was flushed to it
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, records: Iterable[Record]) -> None:
        """Write trainings that ended together."""
        self._write(b"".join(self._frame(record) for record in records))

    def _frame(self, record: Record) -> bytes:
        metrics = np.ascontiguousarray(record.metrics, dtype="<f4").reshape(self._shape)
        costs = np.ascontiguousarray(record.costs, dtype="<f8")
        numbers = _RECORD.pack(record.row, record.seed, record.status)
        return _frame(numbers + metrics.tobytes() + costs.tobytes())

    def _write(self, content: bytes) -> None:
        try:
            left = memoryview(content)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from None


def _frame(payload: bytes) -> bytes:
    return _FRAME.pack(MARK, len(payload), zlib.crc32(payload)) + payload


@dataclass(frozen=True)
class Journal:
    """The readable contents of a journal.

    Parameters
    ----------
    header : JournalHeader or None
        None if the file was cut short within it or it is damaged; then there are no records either.
    records : list of Record
    problems : list of str
        One line for each part that could not be read.
    """

    header: JournalHeader | None
    records: list[Record]
    problems: list[str]


def read_journal(path: str | Path) -> Journal:
    """Read every whole record of a journal, however the file was cut or damaged.

    Raises
    ------
    OutputError
        If the file is not there or not readable.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from None
    problems: list[str] = []
    frames = _frames(content, str(path), problems)
    header = None
    for offset, payload in frames:
        if offset == len(MAGIC):
            with suppress(ValueError, KeyError, TypeError):
                header = JournalHeader.from_bytes(payload)
        break
    if header is None:
        if not _is_begun(content):
            return Journal(None, [], [])
        return Journal(None, [], [f"{path}: its header is missing or damaged, so none of its records can be read"])
    records = []
    for offset, payload in frames:
        record = _record(payload, header)
        if record is None:
            problems.append(f"{path}: the record at byte {offset} does not have the length that the header says")
        else:
            records.append(record)
    return Journal(header, records, problems)


def _is_begun(content: bytes) -> bool:
    """Say whether a file without a sound header ever had a whole one.

    If not, it recorded nothing and lost nothing.
    """
    head = MAGIC + MARK
    if not head.startswith(content[: len(head)]):
        return True
    if len(content) < len(MAGIC) + _FRAME.size:
        return False
    _, length, _ = _FRAME.unpack_from(content, len(MAGIC))
    return len(content) >= len(MAGIC) + _FRAME.size + length or content.find(MARK, len(head)) >= 0


def _frames(content: bytes, where: str, problems: list[str]) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and payload of each sound frame.

    ``problems`` is told of what lies between them.
    """
    if content[: len(MAGIC)] != MAGIC:
        return
    offset = len(MAGIC)
    while offset < len(content):
        payload = _payload_at(content, offset)
        if payload is not None:
            yield offset, payload
            offset += _FRAME.size + len(payload)
            continue
        following = content.find(MARK, offset + 1)
        while following >= 0 and _payload_at(content, following) is None:
            following = content.find(MARK, following + 1)
        if following < 0:
            problems.append(f"{where}: its last {len(content) - offset} bytes, from byte {offset}, are no whole record")
            return
        problems.append(f"{where}: bytes {offset} to {following - 1} are damaged and left out")
        offset = following


def _payload_at(content: bytes, offset: int) -> bytes | None:
    if offset + _FRAME.size > len(content):
        return None
    mark, length, crc = _FRAME.unpack_from(content, offset)
    start = offset + _FRAME.size
    payload = content[start : start + length]
    sound = mark == MARK and len(payload) == length and zlib.crc32(payload) == crc
    return payload if sound else None


def _record(payload: bytes, header: JournalHeader) -> Record | None:
    shape = (len(header.metrics), len(header.epochs))
    values, costs = shape[0] * shape[1], len(header.costs)
    if len(payload) != _RECORD.size + 4 * values + 8 * costs:
        return None
    row, seed, status = _RECORD.unpack_from(payload)
    metrics = np.frombuffer(payload, dtype="<f4", count=values, offset=_RECORD.size).reshape(shape)
    return Record(
        row, seed, status, metrics, np.frombuffer(payload, dtype="<f8", offset=_RECORD.size + 4 * values, count=costs)
    )


def journal_folder_of(table: Path) -> Path:
    """Return where the journals of a table are until they are part of it."""
    return table.with_name(f"{table.name}.journal")


@contextmanager
def journal_folder(table: Path) -> Iterator[Path]:
    """Give the folder of a table's journals to this process alone.

    It is removed on the way out if it is empty. The operating system lets go of the lock when the process ends, however
    it ends.

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

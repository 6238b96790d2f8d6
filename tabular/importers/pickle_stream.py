"""The bytes of a pickle: read in pieces, from plain files and compressed ones, and never more than a file may give."""

from __future__ import annotations

import bz2
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import BadZipFile

from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK = 1 << 20
NEAR_END = 300
"""Bytes that must be there for an opcode with at most one byte of length; fewer make the reader read on."""

LONGEST = 1 << 30
"""Bytes that one text, number or array may take."""

MOST_TIMES = 100
FREE_BYTES = 1 << 24
"""A compressed file may unpack to `MOST_TIMES` its size and these bytes; benchmarks' files unpack to about 4 times."""

BZ2_MAGIC = b"BZh"


class Readable(Protocol):
    """What a pickle is read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to this many bytes, none at the end."""


class Bounded:
    """A stream that unpacks something, held to a number of bytes in all."""

    def __init__(self, stream: Readable, packed: int, name: str) -> None:
        self._stream, self._left, self._name = stream, MOST_TIMES * packed + FREE_BYTES, name

    def read(self, size: int, /) -> bytes:
        """Return up to this many bytes, none at the end."""
        try:
            piece = self._stream.read(size)
        except (BadZipFile, zlib.error) as error:
            raise OSError(str(error)) from None
        self._left -= len(piece)
        if self._left < 0:
            raise FileFormatError(f"{self._name}: unpacks to more than {MOST_TIMES} times its size; it is no such file")
        return piece


@contextmanager
def opened(path: Path) -> Iterator[Readable]:
    """Open a file, unpacking it if it is in bzip2's format, whatever its name.

    Raises
    ------
    FileFormatError
    """
    try:
        with path.open("rb") as file:
            packed = file.read(len(BZ2_MAGIC)) == BZ2_MAGIC
            file.seek(0)
            if packed:
                with bz2.BZ2File(file) as unpacked:
                    yield Bounded(unpacked, path.stat().st_size, str(path))
            else:
                yield file
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror or error}") from None


class ByteReader:
    """The bytes that lie ahead: ``data`` from ``pos`` on; beyond ``safe`` it is time to `read_on`.

    Parameters
    ----------
    stream : binary file
    name : str
        What errors call it.
    """

    def __init__(self, stream: Readable, name: str) -> None:
        self._stream, self._name = stream, name
        self.data, self.pos, self.safe = b"", 0, -1

    def read_on(self, needed: int = NEAR_END) -> None:
        """See that ``needed`` bytes lie ahead, unless the stream ends before."""
        pieces = [self.data[self.pos :]]
        size = len(pieces[0])
        ended = False
        while size < needed and not ended:
            pieces.append(self._stream.read(CHUNK))
            size += len(pieces[-1])
            ended = not pieces[-1]
        self.data, self.pos = b"".join(pieces), 0
        self.safe = size if ended else size - NEAR_END

    def take(self, size: int) -> bytes:
        """Return the next bytes, all of them.

        Raises
        ------
        EOFError
            If they are not there.
        FileFormatError
            If that is more than one value may have.
        """
        if not 0 <= size <= LONGEST:
            raise FileFormatError(f"{self._name}: claims a value of {size:,} bytes; {LONGEST:,} are the most")
        if self.pos + size > len(self.data):
            self.read_on(size)
        piece = self.data[self.pos : self.pos + size]
        if len(piece) < size:
            raise EOFError(f"{size} bytes are claimed, {len(piece)} are there")
        self.pos += size
        return piece

    def number(self, form: str) -> Any:
        """Return the next number, in a format of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        """Return what lies ahead up to the next line break."""
        ahead = CHUNK
        while (end := self.data.find(b"\n", self.pos)) < 0:
            before = len(self.data) - self.pos
            self.read_on(ahead)
            if len(self.data) == before or ahead > LONGEST:
                raise EOFError("a line does not end")
            ahead *= 2
        line = self.data[self.pos : end]
        self.pos = end + 1
        return line

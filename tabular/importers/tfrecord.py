"""TFRecord files read without TensorFlow, every checksum compared.

A record is eight bytes of length, a CRC-32C of these, the data and a CRC-32C of the data, all little-endian; the
checksums are stored "masked": rotated right by 15 bits and raised by a constant (TensorFlow, ``lib/io/record_writer``).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CASTAGNOLI = 0x82F63B78
"""The polynomial of CRC-32C, its lowest power in the highest bit."""

MASK = 0xA282EAD8

HEAD, FOOT = 12, 4
"""Bytes before the data of a record and behind it."""

BLOCK = 1 << 22
"""Bytes read at a time."""

LONGEST = 1 << 20
"""A record that claims more bytes of data than this is refused."""

_LENGTH = struct.Struct("<Q")


class Record(NamedTuple):
    """The data of one record, its number, and the byte where it begins.

    Records are numbered from 0.
    """

    number: int
    offset: int
    data: bytes


def read_tfrecord(path: str | Path) -> Iterator[list[Record]]:
    """Yield the records of a file, some thousands at a time.

    Raises
    ------
    FileFormatError
        If the file cannot be read, is cut short, or a checksum does not match; the message names the record, from 0,
        and the byte where it begins.
    """
    path = Path(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror}") from None
    with file:
        number = offset = 0
        held = b""
        while block := file.read(BLOCK):
            held += block
            starts, lengths, end = _frames(held)
            whole = [length <= LONGEST for length in lengths]
            _check(path, held, starts, lengths, number, offset)
            if not all(whole):
                first = whole.index(False)
                raise FileFormatError(
                    f"{path}: record {number + first} at byte {offset + starts[first]:,} claims {lengths[first]:,} "
                    "bytes, more than a record of results has; is it another kind of file?"
                )
            yield [
                Record(number + i, offset + start, held[start + HEAD : start + HEAD + length])
                for i, (start, length) in enumerate(zip(starts, lengths, strict=True))
            ]
            number, offset, held = number + len(starts), offset + end, held[end:]
    if len(held) >= HEAD:  # a damaged length may point behind the end of the file
        _check(path, held, [0], [LONGEST + 1], number, offset)
    if held or not number:
        what = "ends within" if held else "is empty, it lacks even"
        raise FileFormatError(f"{path}: {what} record {number}, which begins at byte {offset:,}; get the whole file")


def _frames(held: bytes) -> tuple[list[int], list[int], int]:
    """Return where the records that lie whole in ``held`` begin.

    With it come the lengths of their data, and where the last one ends. A record that claims too much is returned too,
    as the last, so that its checksum can tell why.
    """
    starts, lengths, start = [], [], 0
    while start + HEAD <= len(held):
        length = _LENGTH.unpack_from(held, start)[0]
        end = start + HEAD + length + FOOT
        if end > len(held) and length <= LONGEST:
            break
        starts.append(start)
        lengths.append(length)
        if length > LONGEST:
            break
        start = end
    return starts, lengths, start


def _check(path: Path, held: bytes, starts: list[int], lengths: list[int], number: int, offset: int) -> None:
    """Compare the checksums of every record in ``held``.

    Those of lengths first, as they say where data end.
    """
    data = np.frombuffer(held, dtype=np.uint8)
    heads = np.asarray(starts, dtype=np.int64)
    sizes = np.minimum(lengths, LONGEST + 1).astype(np.int64)
    wrong_length = masked_crc32c(data, heads, np.full(len(heads), 8)) != _stored(data, heads + 8)
    readable = sizes <= LONGEST
    readable[np.argmax(wrong_length) if wrong_length.any() else len(heads) :] = False
    heads, sizes = heads[readable], sizes[readable]
    wrong_data = masked_crc32c(data, heads + HEAD, sizes) != _stored(data, heads + HEAD + sizes)
    for wrong, what in ((wrong_data, "data do"), (wrong_length, "length does")):
        if wrong.any():
            first = int(np.argmax(wrong))
            raise FileFormatError(
                f"{path}: record {number + first} at byte {offset + starts[first]:,} is damaged: its {what} not match "
                "the checksum; get a fresh copy"
            )


def _stored(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint32]:
    stored: NDArray[np.uint32] = data[offsets[:, None] + np.arange(4)].view("<u4")[:, 0]
    return stored


def masked_crc32c(data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the masked CRC-32C of many stretches of one buffer.

    It takes four bytes of every stretch a step.

    Parameters
    ----------
    data : (B,) uint8
        At least four bytes longer than where the last stretch ends, or as long.
    starts, lengths : (N,) int64

    Returns
    -------
    (N,) uint32
    """
    order = np.argsort(-lengths, kind="stable")  # the longest first: at each step a prefix of them is still going on
    offsets, words, tails = starts[order], lengths[order] // 4, lengths[order] % 4
    going = np.searchsorted(-words, -np.arange(words.max(initial=0)), side="left")
    four_bytes = np.ndarray(max(len(data) - 3, 0), dtype="<u4", buffer=data, strides=(1,))
    sums = np.full(len(order), 0xFFFFFFFF, dtype=np.uint32)
    for step, count in enumerate(going.tolist()):
        mixed = sums[:count] ^ four_bytes[offsets[:count] + 4 * step]
        sums[:count] = _LOW_HALF[mixed & 0xFFFF] ^ _HIGH_HALF[mixed >> 16]
    for step in range(3):
        rest = np.flatnonzero(tails > step)
        mixed = sums[rest] ^ data[offsets[rest] + 4 * words[rest] + step]
        sums[rest] = _shifted(mixed)
    crc = np.empty_like(sums)
    crc[order] = ~sums
    masked: NDArray[np.uint32] = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(MASK)
    return masked


def _shifted(sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Take one byte, mixed into the lowest eight bits already, into the sums."""
    for _ in range(8):
        sums = (sums >> np.uint32(1)) ^ np.where(sums & np.uint32(1), np.uint32(CASTAGNOLI), np.uint32(0))
    return sums


def _four_bytes_on(sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    for _ in range(4):
        sums = _shifted(sums)
    return sums


# A CRC is linear, so what four bytes do to it is the exclusive or of what their two halves do.
_LOW_HALF = _four_bytes_on(np.arange(1 << 16, dtype=np.uint32))
_HIGH_HALF = _four_bytes_on(np.arange(1 << 16, dtype=np.uint32) << np.uint32(16))

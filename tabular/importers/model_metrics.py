"""What one training of NAS-Bench-101 recorded: its protocol buffer ``ModelMetrics``, read without a library.

The message is declared in ``nasbench/lib/model_metrics.proto`` of NAS-Bench-101. EC-NAS adds fields behind the first
five of an evaluation; its sixth is the energy used so far, a double, where NAS-Bench-101 has the text of a path.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5
"""Wire types: a number of seven bits a byte, eight bytes, a counted run of bytes, four bytes."""

HALFWAY = "halfway_"
"""How the name of a metric begins that was measured halfway through a training."""

JOULES = 3.6e6
"""In a kilowatt-hour, which EC-NAS counts in."""

NAN = float("nan")

_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")
_FIVE_DOUBLES = struct.Struct("<xdxdxdxdxd")
_FIVE_TAGS = bytes(field << 3 | DOUBLE for field in range(1, 6))


class Evaluation(NamedTuple):
    """What was measured at one point of a training; NaN where the message has no such field.

    Parameters
    ----------
    epoch, seconds : float
        Trained so far.
    train, validation, test : float
        Accuracies, fractions.
    energy : float
        Joules used so far.
    """

    epoch: float = NAN
    seconds: float = NAN
    train: float = NAN
    validation: float = NAN
    test: float = NAN
    energy: float = NAN


class ModelMetrics(NamedTuple):
    """The evaluations of a training, from its start to its end, and the network's trainable parameters."""

    evaluations: list[Evaluation]
    parameters: int


def read_model_metrics(message: bytes) -> ModelMetrics:
    """Decode the message of one training; fields that it does not know are passed over.

    Raises
    ------
    ValueError
        If the bytes are no such message.
    """
    evaluations, parameters = [], -1
    for field, wire, value in _fields(message):
        if field == 1 and isinstance(value, bytes):
            evaluations.append(_evaluation(value))
        elif field == 2 and wire == VARINT:
            parameters = int(value)
    return ModelMetrics(evaluations, parameters)


def _evaluation(message: bytes) -> Evaluation:
    if message[:45:9] == _FIVE_TAGS:  # as every known file writes it; the rest is slower by half
        epoch, seconds, train, validation, test = _FIVE_DOUBLES.unpack_from(message)
        energy = _DOUBLE.unpack_from(message, 46)[0] if message[45:46] == b"\x31" else NAN
        return Evaluation(epoch, seconds, train, validation, test, energy * JOULES)
    values = [NAN] * 6
    for field, wire, value in _fields(message):
        if 1 <= field <= 6 and wire == DOUBLE:
            values[field - 1] = float(value)
    values[5] *= JOULES
    return Evaluation(*values)


def _fields(message: bytes) -> Iterator[tuple[int, int, int | float | bytes]]:
    """Yield number, wire type and value of each field of a message."""
    place, end = 0, len(message)
    while place < end:
        tag, place = _varint(message, place)
        field, wire = tag >> 3, tag & 7
        value: int | float | bytes
        if wire == VARINT:
            value, place = _varint(message, place)
        elif wire == BYTES:
            size, place = _varint(message, place)
            value, place = message[place : place + size], place + size
        elif wire == DOUBLE:
            value, place = message[place : place + 8], place + 8
            value = _DOUBLE.unpack(value)[0] if place <= end else value
        elif wire == FLOAT:
            value, place = message[place : place + 4], place + 4
            value = _FLOAT.unpack(value)[0] if place <= end else value
        else:
            raise ValueError(f"a field of wire type {wire} at byte {place}")
        if place > end:
            raise ValueError(f"field {field} ends behind the message")
        yield field, wire, value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("the message ends within a number")

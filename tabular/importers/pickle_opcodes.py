"""What each opcode of pickle's protocols 0 to 5 asks of the reader; those that could make objects are refused."""

from __future__ import annotations

import codecs
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tabular.importers.restricted_pickle import PickleReader

LONGEST_INTEGER = 1 << 10
"""Bytes of an integer; nothing that is measured has one of 8,192 bits."""

MOST_DIGITS = 3000
"""Of an integer that is written out: time to read them grows with their square."""


def _integer(reader: PickleReader, size: int) -> None:
    if not 0 <= size <= LONGEST_INTEGER:
        raise ValueError(f"an integer of {size} bytes")
    reader.push(int.from_bytes(reader.ahead.take(size), "little", signed=True))


def _digits(reader: PickleReader) -> int:
    line = reader.ahead.line().strip().rstrip(b"L")
    if len(line) > MOST_DIGITS:
        raise ValueError(f"an integer of {len(line)} digits")
    return int(line)


def _integer_line(reader: PickleReader) -> None:
    boolean = reader.ahead.data[reader.ahead.pos : reader.ahead.pos + 3] in {b"00\n", b"01\n"}
    number = _digits(reader)
    reader.push(bool(number) if boolean else number)


def _text_of_python_2(piece: bytes) -> str | bytes:
    """Return text if it is ASCII; Python 2 wrote bytes in the same way."""
    return piece.decode() if piece.isascii() else piece


def _quoted_line(reader: PickleReader) -> None:
    line = reader.ahead.line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in {b"'", b'"'}:
        raise ValueError("text without its quotes")
    reader.push(_text_of_python_2(codecs.escape_decode(line[1:-1])[0]))


def _find_lines(reader: PickleReader) -> None:
    module, name = reader.ahead.line().decode(), reader.ahead.line().decode()
    reader.find(module, name)


def _find_on_stack(reader: PickleReader) -> None:
    name, module = reader.stack.pop(), reader.stack.pop()
    reader.find(module, name)


def _refuse_named(reader: PickleReader) -> None:
    module, name = reader.ahead.line().decode(), reader.ahead.line().decode()
    reader.find(module, name)
    reader.refuse("an object")


def _tuple_of(count: int) -> Callable[[PickleReader], object]:
    def step(reader: PickleReader) -> None:
        if len(reader.stack) < count:
            raise IndexError("too few values for a tuple")
        reader.stack[-count:] = [tuple(reader.stack[-count:])]

    return step


def _set_one(reader: PickleReader) -> None:
    value, key = reader.stack.pop(), reader.stack.pop()
    reader.set_items([key, value])


def _sized(form: str) -> Callable[[PickleReader], bytes]:
    return lambda reader: reader.ahead.take(reader.ahead.number(form))


def _text(form: str) -> Callable[[PickleReader], object]:
    piece = _sized(form)
    return lambda reader: reader.push(reader.text(piece(reader)))


def _bytes(form: str, made: Callable[[bytes], object] = bytes) -> Callable[[PickleReader], object]:
    piece = _sized(form)
    return lambda reader: reader.push(made(piece(reader)))


def _number(form: str) -> Callable[[PickleReader], object]:
    return lambda reader: reader.push(reader.ahead.number(form))


def _constant(value: object) -> Callable[[PickleReader], object]:
    return lambda reader: reader.push(value)


def _refusal(what: str) -> Callable[[PickleReader], object]:
    return lambda reader: reader.refuse(what)


def _unknown(reader: PickleReader) -> None:
    code = reader.ahead.data[reader.ahead.pos - 1]
    raise ValueError(f"byte {code:#04x} is no opcode")


_STEPS: dict[str, Callable[[PickleReader], object]] = {
    "PROTO": lambda reader: reader.ahead.take(1),
    "FRAME": lambda reader: reader.ahead.take(8),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "INT": _integer_line,
    "LONG": _integer_line,
    "BININT": _number("<i"),
    "BININT1": _number("<B"),
    "BININT2": _number("<H"),
    "LONG1": lambda reader: _integer(reader, reader.ahead.number("<B")),
    "LONG4": lambda reader: _integer(reader, reader.ahead.number("<i")),
    "FLOAT": lambda reader: reader.push(float(reader.ahead.line())),
    "BINFLOAT": _number(">d"),
    "UNICODE": lambda reader: reader.push(reader.ahead.line().decode("raw-unicode-escape")),
    "SHORT_BINUNICODE": _text("<B"),
    "BINUNICODE": _text("<I"),
    "BINUNICODE8": _text("<Q"),
    "STRING": _quoted_line,
    "SHORT_BINSTRING": _bytes("<B", _text_of_python_2),
    "BINSTRING": _bytes("<i", _text_of_python_2),
    "SHORT_BINBYTES": _bytes("<B"),
    "BINBYTES": _bytes("<I"),
    "BINBYTES8": _bytes("<Q"),
    "BYTEARRAY8": _bytes("<Q", bytearray),
    "MARK": lambda reader: reader.mark(),
    "POP": lambda reader: reader.pop(),
    "POP_MARK": lambda reader: reader.marked(),
    "EMPTY_LIST": lambda reader: reader.push([]),
    "EMPTY_DICT": lambda reader: reader.push({}),
    "EMPTY_SET": lambda reader: reader.push(set()),
    "EMPTY_TUPLE": _constant(()),
    "LIST": lambda reader: reader.push(reader.marked()),
    "TUPLE": lambda reader: reader.push(tuple(reader.marked())),
    "DICT": lambda reader: reader.new_dict(reader.marked()),
    "FROZENSET": lambda reader: reader.new_frozenset(reader.marked()),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "APPEND": lambda reader: reader.extend([reader.stack.pop()]),
    "APPENDS": lambda reader: reader.extend(reader.marked()),
    "SETITEM": _set_one,
    "SETITEMS": lambda reader: reader.set_items(reader.marked()),
    "ADDITEMS": lambda reader: reader.add(reader.marked()),
    "PUT": lambda reader: reader.keep(_digits(reader)),
    "BINPUT": lambda reader: reader.keep(reader.ahead.number("<B")),
    "LONG_BINPUT": lambda reader: reader.keep(reader.ahead.number("<I")),
    "GET": lambda reader: reader.recall(_digits(reader)),
    "BINGET": lambda reader: reader.recall(reader.ahead.number("<B")),
    "LONG_BINGET": lambda reader: reader.recall(reader.ahead.number("<I")),
    "GLOBAL": _find_lines,
    "STACK_GLOBAL": _find_on_stack,
    "REDUCE": lambda reader: reader.reduce(),
    "BUILD": lambda reader: reader.build(),
    "INST": _refuse_named,
    **dict.fromkeys(("OBJ", "NEWOBJ", "NEWOBJ_EX"), _refusal("an object")),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _refusal("a name in copyreg's registry of extensions")),
    **dict.fromkeys(("PERSID", "BINPERSID"), _refusal("a reference to something outside, such as torch's tensors")),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), _refusal("a buffer that lies outside")),
    "DUP": _refusal("a value that is put twice"),
}


def _table() -> list[Callable[[PickleReader], Any]]:
    steps: list[Callable[[PickleReader], Any]] = [_unknown] * 256
    for name, step in _STEPS.items():
        steps[getattr(pickle, name)[0]] = step
    return steps


TABLE = _table()
"""What to do for each byte that may come as an opcode."""

"""A reader of other people's pickles, which runs nothing that they ask for.

Python's own unpickler calls what a pickle names, and trusts the sizes that it claims. This one is a small machine of
its own for the opcodes of protocols 0 to 5 (Python's ``pickletools`` describes them): it builds dictionaries, lists,
tuples, sets, text, bytes, numbers and numpy arrays, and refuses the rest when it meets it. An ``OrderedDict`` or a
``defaultdict`` becomes a plain dictionary. In the order of this file: reading files, also those that ``torch.save``
wrote; the machine; the bytes, never more than a file may give; what a name may stand for; the opcodes.
"""

from __future__ import annotations

import bz2
import codecs
import math
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import BadZipFile

import numpy as np

from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

READ = "plain containers, text, numbers and numpy arrays are read, nothing else"

MOST_ON_STACK = 1 << 20
"""Values that wait to be put somewhere; pickles write their containers in batches of a thousand."""

KNOWN_TEXTS = 1 << 17
"""Texts are kept to be used again, up to this many: most keys of a benchmark's dictionaries come thousands of times."""

LARGEST_GAP = 1 << 10
"""How far a number in the memo may run ahead of those in use: a claim of billions would be a claim on memory."""

MEMO_ENTRIES_OF_ONE_VALUE = 1 << 10
KEYS = frozenset((str, int, float, bool, bytes, type(None)))

DAMAGE = (
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    struct.error,
    EOFError,
    OSError,
    MemoryError,
    RecursionError,
)

ZIP_DAMAGE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError)
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
_GAP = object()

_BINFLOAT, _BININT1, _SHORT_BINUNICODE, _MEMOIZE, _STOP = (
    getattr(pickle, name)[0] for name in ("BINFLOAT", "BININT1", "SHORT_BINUNICODE", "MEMOIZE", "STOP")
)


class RefusedPickleError(FileFormatError):
    """A pickle that holds something else than plain values; ``what`` says what."""

    def __init__(self, name: str, what: str) -> None:
        self.name, self.what = name, what
        super().__init__(f"{name}: is refused, since it holds {what}; {READ}")

    def __reduce__(self) -> tuple[type[RefusedPickleError], tuple[str, str]]:
        """Let the error travel between processes."""
        return type(self), (self.name, self.what)


def read_pickle(path: str | Path) -> Any:
    """Return what was pickled in a file, plain or packed by bzip2.

    Raises
    ------
    FileFormatError
        If it is missing, damaged, cut short or names anything else than plain values; the message names what.
    """
    with opened(Path(path)) as stream:
        return PickleReader(stream, str(path)).load()


def read_torch_file(path: Path, filled: Callable[[dict[Any, Any]], None] | None = None) -> Any:
    """Return what ``torch.save`` wrote.

    Parameters
    ----------
    path : Path
    filled : callable, optional
        As `PickleReader` takes it.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, none of torch's, or holds anything else than plain values.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        return _read_zip(path, filled)
    with opened(path) as stream:
        reader = PickleReader(stream, str(path), filled)
        for expected in (MAGIC_NUMBER, PROTOCOL_VERSION):
            number = reader.load()
            if type(number) is not int or number != expected:
                raise FileFormatError(f"{path}: is no file that torch.save wrote")
        reader.load()  # byte order and sizes of the system's integers: nothing plain depends on them
        return reader.load()


def _read_zip(path: Path, filled: Callable[[dict[Any, Any]], None] | None) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [member for member in archive.infolist() if member.filename.rpartition("/")[2] == "data.pkl"]
            if len(pickles) != 1:
                raise FileFormatError(f"{path}: is a zip file, but none that torch.save wrote")
            with archive.open(pickles[0]) as stream:
                bounded = Bounded(stream, pickles[0].compress_size, str(path))
                return PickleReader(bounded, str(path), filled).load()
    except ZIP_DAMAGE as error:
        raise FileFormatError(f"{path}: is damaged or cut short: {error}; get a fresh copy") from None


class PickleReader:
    """Reads one pickle after another from a stream.

    Parameters
    ----------
    stream : binary file
    name : str
        What errors call it.
    filled : callable, optional
        Called with each dictionary when entries were put into it. It may empty the dictionary and those in it, so that
        what it has taken note of does not stay in memory.
    """

    def __init__(self, stream: Readable, name: str, filled: Callable[[dict[Any, Any]], None] | None = None) -> None:
        self._name, self._filled = name, filled
        self.ahead: ByteReader = ByteReader(stream, name)
        self._texts: dict[bytes, str] = {}
        self._clear()

    def _clear(self) -> None:
        self.stack: list[Any] = []
        self._outer: list[list[Any]] = []
        self._memo: list[Any] = []

    def load(self) -> Any:
        """Return what the next pickle holds.

        Raises
        ------
        FileFormatError
            If it names anything else than plain values, is damaged or cut short; the message names what.
        """
        self._clear()
        try:
            return self._run()
        except DAMAGE as error:
            detail = f"{type(error).__name__}: {error}".rstrip(": ")
            raise FileFormatError(
                f"{self._name}: is no whole pickle, it may be damaged or cut short ({detail}); get a fresh copy"
            ) from None
        finally:
            self._clear()

    def _run(self) -> Any:
        """Run the opcodes.

        Those that make up nearly all of a file are dealt with here, the others by a table.
        """
        unpack, texts, ahead = struct.Struct(">d").unpack_from, self._texts, self.ahead
        stack, memo, data, pos, safe = self.stack, self._memo, ahead.data, ahead.pos, ahead.safe
        while True:
            if pos > safe:
                ahead.pos = pos
                self._read_on()
                data, pos, safe = ahead.data, ahead.pos, ahead.safe
            code = data[pos]
            pos += 1
            if code == _BINFLOAT:
                stack.append(unpack(data, pos)[0])
                pos += 8
            elif code == _BININT1:
                stack.append(data[pos])
                pos += 1
            elif code == _SHORT_BINUNICODE:
                end = pos + 1 + data[pos]
                piece = data[pos + 1 : end]
                text = texts.get(piece)
                stack.append(self.text(piece) if text is None else text)
                pos = end
            elif code == _MEMOIZE:
                memo.append(stack[-1])
            elif code == _STOP:
                ahead.pos = pos
                return self._result()
            else:
                ahead.pos = pos
                TABLE[code](self)
                stack, data, pos, safe = self.stack, ahead.data, ahead.pos, ahead.safe

    def _read_on(self) -> None:
        if len(self.stack) + len(self._outer) > MOST_ON_STACK:
            raise FileFormatError(f"{self._name}: has more than {MOST_ON_STACK:,} values in one piece")
        self.ahead.read_on()

    def _result(self) -> Any:
        value = self.stack.pop()
        if isinstance(value, PendingArray | Named):
            raise self.refusal(value.name if isinstance(value, Named) else "an array without values")
        return value

    def refusal(self, what: str) -> RefusedPickleError:
        """Return the error that says what was refused."""
        return RefusedPickleError(self._name, what)

    def text(self, piece: bytes) -> str:
        """Return text from its UTF-8.

        The same object each time, as long as there are not too many.
        """
        text = self._texts.get(piece)
        if text is None:
            text = piece.decode("utf-8", "surrogatepass")
            if len(self._texts) < KNOWN_TEXTS:
                self._texts[piece] = text
        return text

    def push(self, value: object) -> None:
        """Put a value onto the stack."""
        self.stack.append(value)

    def mark(self) -> None:
        """Start a new stack above the one in use."""
        self._outer.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        """Return what lies above the last mark, and go back to the stack below."""
        items, self.stack = self.stack, self._outer.pop()
        return items

    def pop(self) -> None:
        """Drop the topmost value or mark."""
        if self.stack:
            self.stack.pop()
        else:
            self.marked()

    def keep(self, number: int) -> None:
        """Remember the topmost value in the memo under a number."""
        gap = number - len(self._memo)
        if gap > LARGEST_GAP or number < 0:
            raise ValueError(f"value number {number:,} after {len(self._memo):,}")
        self._memo.extend([_GAP] * (gap + 1))
        self._memo[number] = self.stack[-1]

    def recall(self, number: int) -> None:
        """Push a value of the memo."""
        if number < 0 or self._memo[number] is _GAP:
            raise ValueError(f"value number {number:,}, which is not there")
        self.push(self._memo[number])

    def _checked(self, keys: list[Any]) -> list[Any]:
        """Return keys whose hashing is quick.

        That of tuples in tuples could take for ever.
        """
        for kind in set(map(type, keys)) - KEYS:
            plain = issubclass(kind, np.generic)
            if kind is tuple:
                plain = KEYS.issuperset(type(part) for key in keys if isinstance(key, tuple) for part in key)
            if not plain:
                raise self.refusal(f"a {kind.__name__} as the key of a dictionary or in a set")
        return keys

    def set_items(self, items: list[Any]) -> None:
        """Put keys and values, in turn, into the topmost dictionary."""
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise self.refusal(f"entries for a {type(target).__name__}")
        target.update(zip(self._checked(items[::2]), items[1::2], strict=True))
        if self._filled:
            self._filled(target)

    def extend(self, items: list[Any]) -> None:
        """Append to the topmost list."""
        if type(self.stack[-1]) is not list:
            raise self.refusal(f"a {type(self.stack[-1]).__name__} that is appended to")
        self.stack[-1].extend(items)

    def add(self, items: list[Any]) -> None:
        """Add to the topmost set."""
        if type(self.stack[-1]) is not set:
            raise self.refusal(f"a {type(self.stack[-1]).__name__} that is added to")
        self.stack[-1].update(self._checked(items))

    def new_dict(self, items: list[Any]) -> None:
        """Push a dictionary of keys and values in turn."""
        self.push({})
        self.set_items(items)

    def new_frozenset(self, items: list[Any]) -> None:
        """Push a frozenset."""
        self.push(frozenset(self._checked(items)))

    def find(self, module: object, name: object) -> None:
        """Push what stands for a name, if it is one of the few that are known."""
        if type(module) is not str or type(name) is not str:
            raise self.refusal("a name that is no text")
        full = f"{module}.{name}"
        if full not in BUILDERS:
            raise self.refusal(f"the name {full[:200]}")
        self.push(Named(full, BUILDERS[full]))

    def reduce(self) -> None:
        """Build a value from a name and arguments."""
        arguments, what = self.stack.pop(), self.stack.pop()
        if not isinstance(what, Named) or type(arguments) is not tuple:
            raise self.refusal(f"a call of a {type(what).__name__}")
        try:
            self.push(what.build(arguments))
        except (TypeError, ValueError, IndexError) as error:
            raise self.refusal(f"{what.name} with other contents than expected ({error})") from None

    def build(self) -> None:
        """Give an array or a numpy type its state; nothing else has one."""
        state, target = self.stack.pop(), self.stack[-1]
        try:
            value = with_state(target, state)
        except (TypeError, ValueError) as error:
            what = "an array" if isinstance(target, PendingArray) else f"a {type(target).__name__}"
            raise self.refusal(f"a state for {what} ({error})") from None
        self.stack[-1] = value
        last = len(self._memo) - 1
        for index in range(last, max(-1, last - MEMO_ENTRIES_OF_ONE_VALUE), -1):
            if self._memo[index] is target:
                self._memo[index] = value
                break

    def refuse(self, what: str) -> None:
        """Refuse an opcode, naming what it is about to use."""
        waiting = [value.name for stack in (*self._outer, self.stack) for value in stack if isinstance(value, Named)]
        named = waiting[-1] if waiting else ""
        raise self.refusal(what + (f" made of {named}" if named else ""))


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
    """A stream that a pickle is read from."""

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
    """The bytes that lie ahead: ``data`` from ``pos`` on.

    Beyond ``safe`` it is time to `read_on`.

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


Builder = Callable[[tuple[Any, ...]], Any]
"""Takes the arguments as pickled; raises ValueError or TypeError where they are not those of such a value."""

NUMERIC_CODE = re.compile(r"[biufcSU]\d{1,9}")
"""How numpy names the types whose values are bytes. What has objects, fields or dates in it is refused, and the longer
descriptions that numpy takes too are not passed on to it: it parses them as Python."""

LARGEST_CODE_POINT = 0x10FFFF
MOST_AXES = 32


class Named:
    """A name that a pickle may use.

    It is a function of some arguments, or an argument itself.
    """

    def __init__(self, name: str, build: Builder) -> None:
        self.name, self.build = name, build


class PendingArray:
    """An array of which the pickle has not yet given the shape and the values."""


def with_state(target: object, state: object) -> Any:
    """Return an array or a numpy type with what its pickled state adds.

    Raises
    ------
    TypeError, ValueError
        If it is another value, or another state.
    """
    if isinstance(target, PendingArray):
        return _filled_array(state)
    if isinstance(target, np.dtype):
        return _with_byte_order(target, state)
    raise TypeError("it has none")


def _with_byte_order(dtype: np.dtype[Any], state: object) -> np.dtype[Any]:
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
    if type(order) is not str or order not in {"<", ">", "|", "="}:
        raise ValueError("a numpy type with a state that is none")
    ordered: np.dtype[Any] = dtype.newbyteorder(">" if order == ">" else "<" if order == "<" else "=")
    return ordered


def _filled_array(state: object) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the array of a state.

    That is version, shape, type, whether in Fortran's order, values.
    """
    if not isinstance(state, tuple) or len(state) not in {4, 5}:
        raise ValueError("an array with a state that is none")
    shape, dtype, fortran, values = state[-4:]
    return _array(values, dtype, shape, "F" if fortran else "C")


def _from_buffer(arguments: tuple[Any, ...]) -> np.ndarray[Any, np.dtype[Any]]:
    return _array(*arguments[:3], *arguments[3:4])


def _array(values: object, dtype: object, shape: object, order: object = "C") -> np.ndarray[Any, np.dtype[Any]]:
    numeric, raw = _numeric(dtype), _raw(values)
    if type(shape) is not tuple or len(shape) > MOST_AXES or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError("an array of a shape that is none")
    if type(order) is not str or order not in {"C", "F"}:
        raise ValueError("an array of another order than C's and Fortran's")
    if len(raw) != math.prod(shape) * numeric.itemsize:
        raise ValueError(f"an array of shape {shape} and type {numeric} in {len(raw)} bytes")
    codes = np.frombuffer(raw, np.dtype(np.uint32).newbyteorder(numeric.byteorder)) if numeric.kind == "U" else None
    if codes is not None and codes.size and codes.max() > LARGEST_CODE_POINT:
        raise ValueError("an array of text that is none")
    array: np.ndarray[Any, np.dtype[Any]] = np.frombuffer(raw, numeric).copy().reshape(shape, order=order)
    return array


def _scalar(arguments: tuple[Any, ...]) -> Any:
    dtype, raw = arguments
    return _array(raw, dtype, ())[()]


def _pending(arguments: tuple[Any, ...]) -> PendingArray:
    kind, shape, _ = arguments
    if not isinstance(kind, Named) or kind.name != "numpy.ndarray" or shape != (0,):
        raise ValueError("an array of another kind than numpy's own")
    return PendingArray()


def _raw(values: object) -> bytes:
    if isinstance(values, str):
        return values.encode("latin-1")  # how Python 2 and old protocols write bytes
    if not isinstance(values, bytes | bytearray):
        raise TypeError(f"an array whose values are a {type(values).__name__}")
    return bytes(values)


def _numeric(dtype: object) -> np.dtype[Any]:
    if not isinstance(dtype, np.dtype) or not dtype.itemsize:
        raise ValueError("an array of a numpy type that is none")
    return dtype


def _dtype(arguments: tuple[Any, ...]) -> np.dtype[Any]:
    code = arguments[0]
    if type(code) is not str:
        raise ValueError("a numpy type that is not named by text")
    if not NUMERIC_CODE.fullmatch(code):
        raise ValueError(f"numpy type {code[:20]!r}, which is not one of plain numbers or text")
    return np.dtype(code)


def _plain_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    pairs = arguments[0] if arguments else []
    if type(pairs) is not list or len(arguments) > 1:
        raise ValueError("a dictionary made of something else than a list of pairs")
    if any(type(key) not in {str, int, float} for key, _ in pairs):
        raise ValueError("a dictionary with a key that is neither text nor a number")
    return dict(pairs)


def _default_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    if len(arguments) > 1 or not all(isinstance(argument, Named) or argument is None for argument in arguments):
        raise ValueError("a defaultdict with more than a factory")
    return {}


def _members(arguments: tuple[Any, ...]) -> list[Any]:
    (members,) = arguments or ([],)
    if type(members) is not list or any(type(member) not in {str, int, float, bool, bytes} for member in members):
        raise ValueError("a set of something else than text and numbers")
    return members


def _complex(arguments: tuple[Any, ...]) -> complex:
    real, imaginary = (float(part) for part in arguments)
    return complex(real, imaginary)


def _encoded(arguments: tuple[Any, ...]) -> bytes:
    text, encoding = arguments
    if type(encoding) is not str or encoding not in {"latin1", "latin-1"}:
        raise ValueError("bytes in another encoding")
    return _raw(text)


def _nothing(arguments: tuple[Any, ...]) -> bytes:
    if arguments:
        raise ValueError("bytes made of something else")
    return b""


def _refused_call(_: tuple[Any, ...]) -> Any:
    raise ValueError("a type that is called")


_BUILTINS: dict[str, Builder] = {
    "set": lambda arguments: set(_members(arguments)),
    "frozenset": lambda arguments: frozenset(_members(arguments)),
    "complex": _complex,
    "bytes": _nothing,
    **dict.fromkeys(("dict", "list", "tuple", "int", "float", "str", "bool"), _refused_call),
}

_NUMPY: dict[str, Builder] = {
    f"{package}.{name}": build
    for package in ("numpy.core", "numpy._core")
    for name, build in (
        ("multiarray._reconstruct", _pending),
        ("multiarray.scalar", _scalar),
        ("numeric._frombuffer", _from_buffer),
    )
}

BUILDERS: dict[str, Builder] = {
    **{f"{module}.{name}": build for module in ("builtins", "__builtin__") for name, build in _BUILTINS.items()},
    **_NUMPY,
    "numpy.dtype": _dtype,
    "numpy.ndarray": _refused_call,
    "collections.OrderedDict": _plain_dict,
    "collections.defaultdict": _default_dict,
    "_codecs.encode": _encoded,
}
"""What a pickle may name, as module and name; all else is refused."""

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

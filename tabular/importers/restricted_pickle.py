"""Reads pickles of others without running anything that they ask for.

Python's own unpickler calls what a pickle names, and trusts the sizes that it claims. This one is a small machine of
its own for the opcodes of protocols 0 to 5 (Python's ``pickletools`` describes them): it builds dictionaries, lists,
tuples, sets, text, bytes, numbers and numpy arrays, and refuses the rest when it meets it. An ``OrderedDict`` or a
``defaultdict`` becomes a plain dictionary.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError
from tabular.importers.pickle_opcodes import TABLE
from tabular.importers.pickle_stream import ByteReader, opened
from tabular.importers.pickled_values import BUILDERS, Named, PendingArray, with_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from tabular.importers.pickle_stream import Readable

MOST_ON_STACK = 1 << 20
"""Values that wait to be put somewhere; pickles write their containers in batches of a thousand."""

KNOWN_TEXTS = 1 << 17
"""Texts are kept to be used again, up to this many: most keys of a benchmark's dictionaries come thousands of times."""

LARGEST_GAP = 1 << 10
"""How far a number in the memo may run ahead of those in use: a claim of billions would be a claim on memory."""

MEMO_ENTRIES_OF_ONE_VALUE = 1 << 10
KEYS = frozenset((str, int, float, bool, bytes, type(None)))
READ = "plain containers, text, numbers and numpy arrays are read, nothing else"
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
_GAP = object()
_BINFLOAT, _BININT1, _SHORT_BINUNICODE, _MEMOIZE, _STOP = (
    getattr(pickle, name)[0] for name in ("BINFLOAT", "BININT1", "SHORT_BINUNICODE", "MEMOIZE", "STOP")
)


def read_pickle(path: str | Path) -> Any:
    """Return what a file holds in which something was pickled, plain or packed by bzip2.

    Raises
    ------
    FileFormatError
        If it is missing, damaged, cut short or names anything else than plain values; the message names what.
    """
    with opened(Path(path)) as stream:
        return PickleReader(stream, str(path)).load()


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
        """Run the opcodes; those that make up nearly all of a file are dealt with here, the others by a table."""
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

    def refusal(self, what: str) -> FileFormatError:
        """Return the error that says what was refused."""
        return FileFormatError(f"{self._name}: is refused, since it holds {what}; {READ}")

    def text(self, piece: bytes) -> str:
        """Return text from its UTF-8; the same object each time, as long as there are not too many."""
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
        """Return keys whose hashing is quick: that of tuples in tuples could take for ever."""
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
        for place in range(last, max(-1, last - MEMO_ENTRIES_OF_ONE_VALUE), -1):
            if self._memo[place] is target:
                self._memo[place] = value
                break

    def refuse(self, what: str) -> None:
        """Refuse an opcode, naming what it is about to use."""
        waiting = [each.name for stack in (*self._outer, self.stack) for each in stack if isinstance(each, Named)]
        named = waiting[-1] if waiting else ""
        raise self.refusal(what + (f" made of {named}" if named else ""))

"""The few things that a pickle may name, and how each is built: plain containers, numbers and numpy's arrays.

Nothing here calls what a pickle names. Each name that is known stands for a function of this file, which takes
arguments of exactly the kinds that pickling such a value writes, and builds a plain value from them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

Builder = Callable[[tuple[Any, ...]], Any]
"""Takes the arguments as pickled; raises ValueError or TypeError where they are not those of such a value."""

NUMERIC_CODE = re.compile(r"[biufcSU]\d{1,9}")
"""How numpy names the types whose values are bytes. What has objects, fields or dates in it is refused, and the longer
descriptions that numpy takes too are not passed on to it: it parses them as Python."""

LARGEST_CODE_POINT = 0x10FFFF
MOST_AXES = 32


class Named:
    """A name that a pickle may use: as a function of some arguments, or as an argument itself."""

    def __init__(self, name: str, build: Builder) -> None:
        self.name, self.build = name, build


class PendingArray:
    """An array of which the pickle has not yet given the shape and the values."""


def _plain_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    pairs = arguments[0] if arguments else []
    if type(pairs) is not list or len(arguments) > 1:
        raise ValueError("a dictionary made of something else than a list of pairs")
    if any(type(key) not in {str, int, float} for key, _ in pairs):
        raise ValueError("a dictionary with a key that is neither text nor a number")
    return dict(pairs)


def _default_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    if len(arguments) > 1 or not all(isinstance(each, Named) or each is None for each in arguments):
        raise ValueError("a defaultdict with more than a factory")
    return {}


def _members(arguments: tuple[Any, ...]) -> list[Any]:
    (members,) = arguments or ([],)
    if type(members) is not list or any(type(each) not in {str, int, float, bool, bytes} for each in members):
        raise ValueError("a set of something else than text and numbers")
    return members


def _complex(arguments: tuple[Any, ...]) -> complex:
    real, imaginary = (float(each) for each in arguments)
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


def _dtype(arguments: tuple[Any, ...]) -> np.dtype[Any]:
    code = arguments[0]
    if type(code) is not str:
        raise ValueError("a numpy type that is not named by text")
    if not NUMERIC_CODE.fullmatch(code):
        raise ValueError(f"numpy type {code[:20]!r}, which is not one of plain numbers or text")
    return np.dtype(code)


def _numeric(dtype: object) -> np.dtype[Any]:
    if not isinstance(dtype, np.dtype) or not dtype.itemsize:
        raise ValueError("an array of a numpy type that is none")
    return dtype


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
    """Return the array of a state: version, shape, type, whether in Fortran's order, values."""
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

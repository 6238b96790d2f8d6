"""Pickles made to run something, to make what is no plain value, or to take all memory or time: each is refused."""

import bz2
import collections
import copyreg
import functools
import io
import operator
import os
import pickle
import struct
import time
import tracemalloc

import numpy as np
import pytest

from tabular.errors import FileFormatError
from tabular.safe_pickle import BUILDERS, PickleReader, read_pickle


def loads(data):
    return PickleReader(io.BytesIO(data), "some.pickle").load()


class Reducing:
    """An object that is pickled as whatever it is given."""

    def __init__(self, *how):
        self.how = how

    def __reduce__(self):
        return self.how


TOUCH = "touch MARKER"
CALL = Reducing(os.system, (TOUCH,))
SYSTEM = f"{os.system.__module__}.system"

LIVE = {
    "a call": (pickle.dumps(CALL), SYSTEM),
    "a call in protocol 0": (pickle.dumps(CALL, 0), SYSTEM),
    "eval": (pickle.dumps(Reducing(eval, (f"__import__('os').system({TOUCH!r})",))), "builtins.eval"),
    "exec": (pickle.dumps(Reducing(exec, (f"import os; os.system({TOUCH!r})",))), "builtins.exec"),
    "deep inside": (pickle.dumps({"meta_archs": [1], "x": [({"y": CALL},)]}), SYSTEM),
    "after much that is plain": (pickle.dumps([list(range(300_000)), CALL]), SYSTEM),
    "a chain of calls": (
        pickle.dumps(Reducing(map, (operator.methodcaller("lower"), Reducing(list, (Reducing(str, (CALL,)),))))),
        "builtins.map",
    ),
    "a partial": (pickle.dumps(Reducing(functools.partial(os.system, TOUCH), ())), "functools.partial"),
    "the state of an allowed class": (pickle.dumps(Reducing(collections.OrderedDict, (), {"x": CALL})), SYSTEM),
    "an item of an allowed class": (
        pickle.dumps(Reducing(collections.OrderedDict, (), None, None, iter([("x", CALL)]))),
        SYSTEM,
    ),
    "an argument of an allowed class": (pickle.dumps(Reducing(collections.OrderedDict, ([("x", CALL)],))), SYSTEM),
    "a factory": (pickle.dumps(Reducing(collections.defaultdict, (None, [("x", CALL)]))), SYSTEM),
    "an object in an array": (pickle.dumps(np.array([CALL], dtype=object)), "object"),
    "numpy's file writer": (pickle.dumps(Reducing(np.savetxt, ("MARKER", [1]))), "numpy.savetxt"),
    "INST": (b"(S'touch MARKER'\nios\nsystem\n.", "os.system"),
    "OBJ": (b"(cos\nsystem\nS'touch MARKER'\no.", "os.system"),
    "a dotted name": (b"\x80\x04\x8c\x04glob\x8c\x09os.system\x93\x8c\x0ctouch MARKER\x85R.", "glob.os.system"),
}
"""Pickles that make the file MARKER when Python's own reader loads them, and what the refusal names."""


@pytest.mark.parametrize("name", LIVE)
def test_nothing_is_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, named = LIVE[name]
    marker = tmp_path / "MARKER"
    pickle.loads(data)  # noqa: S301 - shows that the pickle is a live one
    assert marker.exists()
    marker.unlink()
    for path, packed in (("evil.pickle", data), ("evil.pickle.pbz2", bz2.compress(data))):
        (tmp_path / path).write_bytes(packed)
        with pytest.raises(FileFormatError, match=named) as error:
            read_pickle(tmp_path / path)
        assert str(error.value).startswith(f"{tmp_path / path}: ")
        assert "is refused" in str(error.value)
        assert not marker.exists()


class Plain:
    """A class of this module."""


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (pickle.dumps(Plain()), "Plain"),
        (pickle.dumps(Plain(), 1), "copy_reg._reconstructor"),
        (pickle.dumps(os.system), "system"),
        (b"cbuiltins\ngetattr\n.", "builtins.getattr"),
        (b"c__builtin__\n__import__\n(S'os'\ntR.", "__builtin__.__import__"),
        (pickle.dumps(np.random.default_rng(0)), "numpy.random"),
        (pickle.dumps(Reducing(np.fromfile, ("/dev/zero",))), "fromfile"),
        (pickle.dumps(Reducing(np.ndarray, ((1 << 50,),))), "numpy.ndarray"),
        (pickle.dumps(Reducing(bytes, (1 << 50,))), "builtins.bytes"),
        (pickle.dumps(Reducing(list, ("abc",))), "builtins.list"),
        (pickle.dumps(Reducing(dict, ([],))), "builtins.dict"),
        (pickle.dumps(Reducing(collections.OrderedDict, ([((1, 2), 3)],))), "collections.OrderedDict"),
        (pickle.dumps(Reducing(collections.OrderedDict, (), {"items": 1})), "a state for a dict"),
        (pickle.dumps(np.array([(1, 2.0)], dtype="i4,f8")), "numpy type"),
        (pickle.dumps(np.datetime64("2020-01-01")), "numpy type"),
        (pickle.dumps(np.array([None])), "numpy type 'O"),
        (pickle.dumps(np.dtype("O")), "numpy type 'O"),
        (b"cnumpy\ndtype\n(S'i4,,4'\nI00\nI01\ntR.", "numpy type 'i4,,4'"),
        (b"cnumpy\ndtype\n(S'(2,2)f8'\ntR.", "numpy type"),
        (b"cnumpy\ndtype\n(S'f9'\ntR.", "numpy.dtype with other contents"),
        (b"ccollections\nOrderedDict\n.", "collections.OrderedDict"),
        (b"ccollections\nOrderedDict\n(d(dS'x'\nI1\ns\x86b.", "a state for a Named"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "an object made of collections.OrderedDict"),
        (b"\x80\x02cbuiltins\nset\n(N}\x92.", "an object made of builtins.set"),
        (b"\x80\x02\x82\x01.", "copyreg's registry"),
        (b"\x80\x02S'key'\nQ.", "a reference to something outside"),
        (b"Pkey\n.", "a reference to something outside"),
        (b"\x80\x05\x97.", "a buffer that lies outside"),
        (b"N2.", "a value that is put twice"),
        (b"N(tR.", "a call of a NoneType"),
        (b"]K\x01K\x02s.", "entries for a list"),
        (b"}K\x01a.", "a dict that is appended to"),
        (b"](K\x01\x90.", "a list that is added to"),
        (b"}]K\x01s.", "a list as the key"),
        (b"\x80\x04NN\x93.", "a name that is no text"),
    ],
)
def test_what_is_no_plain_value_is_refused_by_name(data, named):
    with pytest.raises(FileFormatError, match=named) as error:
        loads(data)
    assert "some.pickle: is refused" in str(error.value)
    assert "plain containers, text, numbers and numpy arrays are read, nothing else" in str(error.value)


def test_a_registered_extension_is_refused_even_if_python_has_it_cached():
    copyreg.add_extension("os", "system", 77)
    try:
        data = b"\x80\x02\x82\x4d."
        assert pickle.loads(data) is os.system  # noqa: S301 - now it is cached
        with pytest.raises(FileFormatError, match="copyreg"):
            loads(data)
    finally:
        copyreg.remove_extension("os", "system", 77)


def test_names_that_are_known_stand_for_plain_values_only():
    modules = {name.rpartition(".")[0] for name in BUILDERS}
    assert modules == {
        "builtins",
        "__builtin__",
        "collections",
        "numpy",
        "numpy.core.multiarray",
        "numpy._core.multiarray",
        "numpy.core.numeric",
        "numpy._core.numeric",
        "_codecs",
    }


def _array_claiming(shape):
    data = pickle.dumps(np.arange(3, dtype=np.uint8), 2)
    return data.replace(b"K\x03\x85", b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", size) for size in shape) + b"t")


NESTED = b")" + b"".join(b"q%c0h%ch%c\x86" % (i, i, i) for i in range(200))
"""A tuple of a tuple twice, of a tuple twice, ...: small in memory, and 2^200 steps for whoever hashes it."""

BOMBS = {
    "a text of terabytes": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 42),
    "a text of nearly a gigabyte": b"\x80\x04X" + struct.pack("<I", 1 << 29) + b"abc",
    "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62),
    "a bytearray": b"\x80\x05\x96" + struct.pack("<Q", 1 << 62),
    "a negative size": b"T" + struct.pack("<i", -5) + b"abc.",
    "an integer": b"\x80\x02\x8b" + struct.pack("<i", (1 << 31) - 1),
    "an integer in digits": b"L" + b"9" * 10_000_000 + b"L\n.",
    "a number in the memo": b"\x80\x02Nr" + struct.pack("<I", (1 << 32) - 1) + b".",
    "a number in the memo in digits": b"Np999999999999\n.",
    "an array whose size overflows": _array_claiming((1 << 32, 1 << 32)),
    "an array of terabytes": _array_claiming((1 << 20, 1 << 22)),
    "an array of a negative size": _array_claiming((-1, -3)),
    "a hash without end, in a set": b"\x80\x04\x8f(" + NESTED + b"\x90.",
    "a hash without end, in a dictionary": b"\x80\x04}" + NESTED + b"Ns.",
    "a hash without end, in a frozenset": b"\x80\x04(" + NESTED + b"\x91.",
    "a hash without end, in a set that is called": b"\x80\x02cbuiltins\nset\n](" + NESTED + b"e\x85R.",
    "a hash without end, of an encoding": b"c_codecs\nencode\n(S'a'\n" + NESTED + b"tR.",
    "a hash without end, of an order": b"cnumpy\ndtype\n(S'i4'\ntR(I3\n" + NESTED + b"tb.",
    "a text without end": b"cnumpy\ndtype\n(" + NESTED + b"tR.",
    "an array of many axes": _array_claiming((1,) * 99 + (3,)),
    "a deep list": b"]" * 100_000 + b"a" * 99_999,
}


@pytest.mark.parametrize("name", BOMBS)
def test_claims_on_memory_and_time_end_in_an_error(name):
    start = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=r"^some.pickle: "):
            loads(BOMBS[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(("unit", "end"), [(b"\x00" * 9, b"."), (b"N", b"."), (b"]", b"."), (b"(", b".")])
def test_a_small_file_that_unpacks_to_much_is_refused(unit, end, tmp_path):
    content = b"\x80\x04B" + struct.pack("<I", 1 << 25) if unit[0] == 0 else b"\x80\x04"
    path = tmp_path / "small.pbz2"
    path.write_bytes(bz2.compress(content + unit * ((1 << 25) // len(unit)) + end))
    assert path.stat().st_size < 10_000
    with pytest.raises(FileFormatError, match=r"small.pbz2: (unpacks to more than 100 times its size|has more than)"):
        read_pickle(path)

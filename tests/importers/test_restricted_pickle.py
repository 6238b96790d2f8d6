"""The reader of other people's pickles: plain values come out whole, and what is damaged is named."""

import bz2
import collections
import io
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tabular.errors import FileFormatError
from tabular.safe_pickle import PickleReader, read_pickle

PROTOCOLS = range(6)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=300)
VALUES = st.recursive(
    SCALARS | st.frozensets(st.integers()) | st.sets(st.text(max_size=5)) | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=5) | st.tuples(st.text(max_size=5), st.integers()), inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
    ),
    max_leaves=30,
)
DTYPES = hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.floating_dtypes() | hnp.complex_number_dtypes()


def loads(data):
    return PickleReader(io.BytesIO(data), "some.pickle").load()


@settings(deadline=None)
@given(VALUES, st.sampled_from(PROTOCOLS))
def test_plain_values_are_what_python_reads(value, protocol):
    data = pickle.dumps([value, value], protocol=protocol)
    ours = loads(data)
    assert ours == pickle.loads(data)  # noqa: S301 - made a line above
    assert repr(ours) == repr(pickle.loads(data)) or isinstance(value, set | frozenset | dict | list | tuple)  # noqa: S301


@settings(deadline=None)
@given(hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, min_side=0)), st.sampled_from(PROTOCOLS), st.booleans())
def test_arrays_are_what_numpy_pickled(array, protocol, fortran):
    value = np.asfortranarray(array) if fortran else array
    read, again, scalar = loads(pickle.dumps([value, value, value.dtype.type(1)], protocol=protocol))
    assert type(read) is np.ndarray
    assert read is again
    assert read.dtype == value.dtype
    assert read.shape == value.shape
    assert read.tobytes() == value.tobytes()
    assert type(scalar) is value.dtype.type


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_dictionaries_of_all_kinds_become_plain_ones_in_their_order(protocol):
    ordered = collections.OrderedDict(b=1, a=2)
    default = collections.defaultdict(list, b=[1], a=[2])
    read = loads(pickle.dumps([ordered, default, np.array(["é", "ab"]), np.dtype(">i4"), np.dtype("<i4")], protocol))
    assert [list(each.items()) for each in read[:2]] == [[("b", 1), ("a", 2)], [("b", [1]), ("a", [2])]]
    assert {type(each) for each in read[:2]} == {dict}
    assert read[2].tolist() == ["é", "ab"]
    assert read[3:] == [np.dtype(">i4"), np.dtype("<i4")]


def test_values_of_python_2_are_read():
    """Python 2's own pickler numbered its memo from 1, wrote bytes as text and named modules otherwise."""
    text, data = b"U\x03abcq\x02", b"T\x04\x00\x00\x00ab\xffcq\x03"
    made_set = b"c__builtin__\nset\nq\x04]q\x05K\x01a\x85Rq\x06"
    assert loads(b"\x80\x02]q\x01(" + text + b"h\x02" + data + made_set + b"e.") == ["abc", "abc", b"ab\xffc", {1}]
    assert loads(b"(dp1\nS'a\\n'\np2\nI01\nsS'b'\nL12L\nsS'c'\nF1.5\ns.") == {"a\n": True, "b": 12, "c": 1.5}


def test_one_value_after_another_is_read_from_a_stream():
    stream = io.BytesIO(b"".join(pickle.dumps(each) for each in ("one", {"two": 2}, [3] * 10)))
    reader = PickleReader(stream, "three")
    assert [reader.load() for _ in range(3)] == ["one", {"two": 2}, [3] * 10]


def test_whoever_asks_is_told_of_each_dictionary_and_may_empty_it():
    seen = []

    def filled(entries):
        seen.append(dict(entries))
        if "inner" in entries:
            entries.clear()

    data = pickle.dumps({"a": {"inner": 1}, "b": {"inner": 2}})
    assert PickleReader(io.BytesIO(data), "x", filled).load() == {"a": {}, "b": {}}
    assert seen == [{"inner": 1}, {"inner": 2}, {"a": {}, "b": {}}]


WHOLE = pickle.dumps({"a": [1.5, 2, "text", np.arange(5.0)], ("b", 777): collections.OrderedDict(x=1), "c": {1, 2}}, 4)


@settings(deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_pickle_cut_short_is_named_as_such(length):
    with pytest.raises(FileFormatError, match=r"some.pickle: is no whole pickle.*get a fresh copy|is refused"):
        loads(WHOLE[:length])


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(PROTOCOLS), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_flipped_bytes_give_plain_values_or_an_error(protocol, flips):
    data = bytearray(pickle.dumps(loads(WHOLE), protocol))
    for place, value in flips:
        data[place % len(data)] = value
    _plain_or_refused(bytes(data))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_gives_plain_values_or_an_error(data):
    _plain_or_refused(data)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([bytes([code]) for code in b"(.0123KNRS}]abcdeg)lqrstu\x81\x85\x86\x8f\x90\x91\x93\x94"]))
)
def test_opcodes_in_any_order_give_plain_values_or_an_error(codes):
    _plain_or_refused(b"cnumpy\ndtype\n" + b"".join(codes) + b".")


def _plain_or_refused(data):
    try:
        value = loads(data)
    except FileFormatError:
        return
    assert type(value) in {
        *(dict, list, tuple, set, frozenset, str, bytes, bytearray, int, float, bool, complex, type(None), np.ndarray)
    } or isinstance(value, np.generic | np.dtype)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"nowhere.pickle: cannot be read: No such file"):
        read_pickle(tmp_path / "nowhere.pickle")
    packed = bz2.compress(WHOLE)
    for name, content in {"cut": packed[:-20], "changed": packed[:30] + b"xx" + packed[32:], "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=f"{name}: is no whole pickle"):
            read_pickle(tmp_path / name)

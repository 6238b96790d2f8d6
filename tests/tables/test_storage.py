"""HDF5 files that are whole or absent, and that say so when they are damaged."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tabular.errors import FileFormatError, OutputError
from tabular.files import check_writable, replacing
from tabular.storage import (
    array_digest,
    file_format_of,
    find_damage,
    open_hdf5,
    read_array,
    read_json,
    read_text,
    write_array,
    write_hdf5,
    write_text,
)

VALUES = np.random.default_rng(0).random((40, 6))

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere, permissions or not")


def fill(file: h5py.File) -> None:
    write_array(file, "values", VALUES, unit="fraction")
    write_array(file.create_group("names"), "all", np.array(["a", "é", ""], dtype=object))
    write_text(file, "recipe", '{"epochs": 3}')


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file.h5"
    write_hdf5(path, "test-format", 2, fill)
    return path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("arrays")


# What is written comes back.


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=hnp.arrays(
        st.sampled_from(["u1", "i8", "f4", ">f8", "?", "u8"]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
    )
)
def test_arrays_come_back_bit_for_bit(scratch, values):
    path = scratch / "arrays.h5"
    write_hdf5(path, "test-format", 1, lambda file: write_array(file, "values", values))
    with open_hdf5(path, "test-format", 1) as file:
        back = read_array(file, "values")
    assert back.shape == values.shape
    np.testing.assert_array_equal(back, values)


@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5), max_size=5)
)
def test_text_comes_back(scratch, texts):
    path = scratch / "texts.h5"
    write_hdf5(path, "test-format", 1, lambda file: write_array(file, "texts", np.array(texts, dtype=object)))
    with open_hdf5(path, "test-format", 1) as file:
        assert read_array(file, "texts", kinds="O").tolist() == texts


def test_attributes_come_back(path):
    with open_hdf5(path, "test-format", 2) as file:
        assert read_text(file["values"], "unit") == "fraction"
        assert read_json(file, "recipe") == {"epochs": 3}
        assert find_damage(file) == []
    assert file_format_of(path) == "test-format"


def test_digest_tells_types_shapes_and_values_apart():
    arrays = [
        np.zeros(4, "u1"), np.zeros(4, "i1"), np.zeros((2, 2), "u1"), np.zeros(1, "u4"), np.ones(4, "u1"),
        np.array(["", "a"], dtype=object), np.array(["a", ""], dtype=object),
    ]  # fmt: skip
    assert len({array_digest(array) for array in arrays}) == len(arrays)
    assert array_digest(VALUES.astype(">f8")) == array_digest(VALUES.T.copy().T) == array_digest(VALUES)


# A file is whole or absent.


def test_failure_keeps_the_old_file(path):
    before = path.read_bytes()

    def fail(file: h5py.File) -> None:
        fill(file)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_hdf5(path, "test-format", 2, fail)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_success_replaces_the_old_file(path):
    write_hdf5(path, "other-format", 1, lambda file: write_array(file, "values", VALUES + 1))
    with open_hdf5(path, "other-format", 1) as file:
        np.testing.assert_array_equal(read_array(file, "values"), VALUES + 1)
    assert list(path.parent.iterdir()) == [path]


def test_killed_while_writing_keeps_the_old_file(path):
    before = path.read_bytes()
    program = f"""
import os, signal, numpy as np
from tabular.storage import write_array, write_hdf5
def fill(file):
    write_array(file, "values", np.zeros((1000, 1000)))
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
write_hdf5({str(path)!r}, "test-format", 2, fill)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode < 0
    assert path.read_bytes() == before


def test_a_reader_keeps_the_file_it_opened(path):
    with open_hdf5(path, "test-format", 2) as old:
        write_hdf5(path, "test-format", 2, lambda file: write_array(file, "values", VALUES + 1))
        np.testing.assert_array_equal(read_array(old, "values"), VALUES)


def test_folders_on_the_way_are_made_and_nothing_else(tmp_path):
    check_writable(tmp_path / "a" / "file.txt")
    assert list((tmp_path / "a").iterdir()) == []
    with replacing(tmp_path / "a" / "b" / "file.txt") as temporary:
        temporary.write_text("text")
    assert (tmp_path / "a" / "b" / "file.txt").read_text() == "text"


# Paths that cannot be written.


def test_a_file_where_a_folder_should_be(path):
    inside = path / "inner.h5"
    for write in (check_writable, lambda out: write_hdf5(out, "test-format", 1, fill)):
        with pytest.raises(
            OutputError, match=f"^{re.escape(str(inside))}: cannot be written: (File exists|.* is a file, not a folder)"
        ):
            write(inside)


def test_a_folder_where_a_file_should_be(tmp_path):
    with pytest.raises(OutputError, match=f"^{re.escape(str(tmp_path))}: is a folder; name a file in it$"):
        check_writable(tmp_path)
    with pytest.raises(OutputError, match="cannot be written: Is a directory"):
        write_hdf5(tmp_path, "test-format", 1, fill)


@needs_permissions
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    for write in (check_writable, lambda out: write_hdf5(out, "test-format", 1, fill)):
        with pytest.raises(OutputError, match="cannot be written: Permission denied"):
            write(tmp_path / "file.h5")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk(path):
    before = path.read_bytes()

    def fill_the_disk() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half a fi")
            with Path("/dev/full").open("wb", buffering=0) as file:
                file.write(b"le")

    with pytest.raises(OutputError, match=r"file\.h5: cannot be written: No space left on device$"):
        fill_the_disk()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_reason_that_hdf5_buries_in_its_own_words_is_dug_out(path):
    def fail(file):
        raise OSError(
            "Unable to create file (file write failed: time = now\n, errno = 28, error message = 'x', buf = 0)"
        )

    with pytest.raises(OutputError, match=r"file\.h5: cannot be written: No space left on device$"):
        write_hdf5(path, "test", 1, fail)


# Files that cannot be read.


def test_missing(tmp_path):
    with pytest.raises(FileFormatError, match=r"gone\.h5: no such file$"):
        open_hdf5(tmp_path / "gone.h5", "test-format", 1)
    with pytest.raises(FileFormatError, match=r"is a folder$"):
        open_hdf5(tmp_path, "test-format", 1)
    assert file_format_of(tmp_path / "gone.h5") == ""


def test_not_hdf5(tmp_path):
    path = tmp_path / "notes.h5"
    for content in (b"", b"some notes"):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"notes\.h5: is not an HDF5 file"):
            open_hdf5(path, "test-format", 1)


def test_foreign_hdf5(tmp_path):
    path = tmp_path / "foreign.h5"
    h5py.File(path, "w").close()
    with pytest.raises(FileFormatError, match=r"foreign\.h5: is not a test-format file \(its format is ''\)"):
        open_hdf5(path, "test-format", 1)


def test_newer_version(path):
    with pytest.raises(
        FileFormatError, match="has version 2 of test-format, this program reads up to 1; upgrade nasbench"
    ):
        open_hdf5(path, "test-format", 1)


@pytest.mark.parametrize("version", ["2", 0, -1, [1, 2]])
def test_version_that_is_none(path, version):
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = version
    with pytest.raises(FileFormatError, match=r"has version .* of test-format"):
        open_hdf5(path, "test-format", 2)


def test_cut_short_anywhere(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match=r"file\.h5: is (damaged or cut short|not an HDF5 file)"):
            open_hdf5(path, "test-format", 2)


def test_flipped_bits_never_pass_for_values(path):
    """Flip one bit at many places: a read gives what was written or an error of ours, never other values or no end."""
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 13):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        refused += not reads_the_same(path)
    assert refused > 2000 / 13, "the file has 2,000 bytes of values or more, and a flip in each must be noticed"


def reads_the_same(path) -> bool:
    try:
        with open_hdf5(path, "test-format", 2) as file:
            values, names, recipe = (
                read_array(file, "values"),
                read_array(file, "names/all", "O"),
                read_json(file, "recipe"),
            )
    except FileFormatError as error:
        if str(path) not in str(error):
            raise
        return False
    np.testing.assert_array_equal(values, VALUES)
    return names.tolist() == ["a", "é", ""] and recipe == {"epochs": 3}


def test_checksum_beyond_that_of_hdf5(path):
    """Values that were changed through HDF5 itself, whose own checksums agree with them."""
    with h5py.File(path, "r+") as file:
        file["values"][3, 3] += 1e-9
        file["names/all"][0] = b"b"
    with open_hdf5(path, "test-format", 2) as file:
        for name, kinds in (("values", "f"), ("names/all", "O")):
            with pytest.raises(
                FileFormatError, match=f"file.h5: {name}: its checksum does not match, the file is damaged"
            ):
                read_array(file, name, kinds)
        assert len(find_damage(file)) == 2


def test_data_set_missing_or_other(path):
    with h5py.File(path, "r+") as file:
        file["bare"] = [1, 2]
        file.create_dataset("vast", shape=(1 << 40,), dtype="f8", chunks=True).attrs["sha256"] = ""
    with open_hdf5(path, "test-format", 2) as file:
        for name, message in {
            "gone": "is damaged or not written whole",
            "bare": "is damaged or not written whole",
            "names": "expected a data set, found a group",
            "names/all": "unexpected type ",
            "vast": "claims 1,099,511,627,776 values, more than this program reads",
        }.items():
            with pytest.raises(FileFormatError, match=f"file.h5: {name}: {message}"):
                read_array(file, name)


def test_attribute_that_is_no_json(path):
    with h5py.File(path, "r+") as file:
        file.attrs["recipe"] = "{"
        file.attrs["number"] = np.zeros(3)
    with open_hdf5(path, "test-format", 2) as file:
        for attribute in ("recipe", "number", "gone"):
            with pytest.raises(FileFormatError, match=f"attribute '{attribute}' of /: is damaged or not written whole"):
                read_json(file, attribute)

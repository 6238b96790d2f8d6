"""A damaged, cut, foreign or newer file gives one clear error, never a silently different number."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabular import Table, TableOracle
from tabular.errors import FileFormatError
from tabular.layout import content_digest
from tabular.storage import write_text


@pytest.fixture(scope="module")
def content(toy_table):
    return toy_table.read_bytes()


def everything(path):
    """Return all that a table tells, as one comparable value."""
    with Table.open(path) as table:
        data = table.load()
        parts = [table.space.declaration(), data.represents, data.provenance, data.architectures.tobytes()]
        for each in data.tasks:
            metrics = {name: values.tobytes() for name, values in each.metrics.items()}
            parts += [each.task, metrics, each.status.tobytes(), each.cost_units]
            parts += [{name: values.tobytes() for name, values in each.costs.items()}]
        return parts


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte_is_noticed_or_harmless(tmp_path, toy_table, content, place, flip):
    damaged = bytearray(content)
    damaged[int(place * len(damaged))] ^= flip
    path = tmp_path / "damaged.h5"
    path.write_bytes(damaged)
    try:
        found = everything(path)
    except FileFormatError as error:
        assert "damaged.h5" in str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert found == everything(toy_table)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_refused(tmp_path, content, share):
    path = tmp_path / "cut.h5"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileFormatError, match=r"cut\.h5"):
        Table.open(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"none\.h5: no such file"):
        Table.open(tmp_path / "none.h5")
    with pytest.raises(FileFormatError, match="is a folder"):
        TableOracle(tmp_path)


def test_text_is_no_table(tmp_path):
    (tmp_path / "t.h5").write_text("index,arch\n")
    with pytest.raises(FileFormatError, match=r"t\.h5: is not an HDF5 file"):
        Table.open(tmp_path / "t.h5")


def test_foreign_hdf5_is_refused(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["x"] = np.arange(3)
    with pytest.raises(FileFormatError, match=r"is not a nasbench-table file \(its format is .*\)"):
        Table.open(tmp_path / "f.h5")


def edited(tmp_path, toy_table, edit, *, sign=True):
    """Return a copy of a table that someone changed, with a digest that fits unless ``sign`` is false."""
    path = tmp_path / "edited.h5"
    shutil.copy(toy_table, path)
    with h5py.File(path, "r+") as file:
        edit(file)
        if sign:
            write_text(file, "digest", content_digest(file))
    return path


def test_a_newer_version_says_upgrade(tmp_path, toy_table):
    def edit(file):
        file.attrs["version"] = 2

    with pytest.raises(FileFormatError, match="has version 2 of nasbench-table, this program reads up to 1; upgrade"):
        Table.open(edited(tmp_path, toy_table, edit))


def test_a_space_of_a_newer_program_is_named(tmp_path, toy_table):
    path = edited(tmp_path, toy_table, lambda file: write_text(file, "space", '{"kind": "hypergraph"}'))
    with pytest.raises(FileFormatError, match=r"its space is not one this program knows.*'hypergraph'"):
        Table.open(path)


def test_an_attribute_changed_by_hand_is_noticed_at_once(tmp_path, toy_table):
    def edit(file):
        write_text(file["tasks/toy/metrics/validation_accuracy"], "direction", "minimize")

    with pytest.raises(FileFormatError, match="its digest does not match"):
        Table.open(edited(tmp_path, toy_table, edit, sign=False))


def test_a_value_changed_by_hand_is_noticed_when_it_is_read(tmp_path, toy_table):
    def edit(file):
        file["tasks/toy/metrics/validation_accuracy"][0, 0, 0] = 0.99

    table = Table.open(edited(tmp_path, toy_table, edit))
    table.metric("toy", "test_accuracy")
    with pytest.raises(FileFormatError, match="tasks/toy/metrics/validation_accuracy: its checksum does not match"):
        table.metric("toy", "validation_accuracy")
    assert len(table.check()) == 1


def test_a_removed_part_is_named(tmp_path, toy_table):
    def edit(file):
        del file["tasks/toy/status"]

    table = Table.open(edited(tmp_path, toy_table, edit))
    with pytest.raises(FileFormatError, match="tasks/toy/status"):
        table.status("toy")
    assert len(table.check()) == 1


def test_groups_that_contain_themselves_do_not_trap_the_reader(tmp_path, toy_table):
    def edit(file):
        file["tasks/toy/again"] = file["tasks"]

    with pytest.raises(FileFormatError, match="nested too deep"):
        Table.open(edited(tmp_path, toy_table, edit, sign=False))

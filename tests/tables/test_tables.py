"""Tables: what is written is what is read, other tools can read it too, and nothing unsound is written."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench import CellSpace, Metric, Task
from tabular import Table, TableData, TaskData, write_table
from tabular.errors import FileFormatError, OutputError, UnknownNameError
from tabular.layout import DIVERGED, DONE, FORMAT, MISSING, content_digest
from tabular.measures import standard_metric
from tabular.storage import write_text

TINY = CellSpace("tiny", 3, ("none", "skip_connect", "nor_conv_3x3"))


def task_data(rows, name="digits", epochs=(1, 2), seeds=(0, 1), seed=0):
    rng = np.random.default_rng(seed)
    shape = (rows, len(seeds), len(epochs))
    metrics = {
        "validation_accuracy": rng.random(shape, dtype=np.float32),
        "train_seconds": np.cumsum(rng.random(shape), axis=2).astype(np.float32),
    }
    task = Task(name, epochs, {each: standard_metric(each) for each in metrics}, seeds, {"recipe": {"länge": 3}})
    status = np.full(shape[:2], DONE, dtype=np.uint8)
    return TaskData(task, metrics, status, {"parameters": rng.random(rows)}, {"parameters": "count"})


def tiny_data(**kwargs):
    rows = TINY.unique()
    return TableData(TINY, rows, "class", [task_data(len(rows), **kwargs)], {"licence": "MIT", "note": "é"})


@pytest.fixture
def tiny_table(tmp_path):
    write_table(tmp_path / "tiny.h5", tiny_data())
    return tmp_path / "tiny.h5"


def assert_same(found: TableData, data: TableData) -> None:
    assert found.space == data.space
    assert found.represents == data.represents
    assert found.provenance == data.provenance
    np.testing.assert_array_equal(found.architectures, data.architectures)
    assert [each.task.name for each in found.tasks] == sorted(each.task.name for each in data.tasks)
    for a, b in zip(found.tasks, sorted(data.tasks, key=lambda each: each.task.name), strict=True):
        assert a.task == b.task
        assert a.cost_units == b.cost_units
        np.testing.assert_array_equal(a.status, b.status)
        for name in b.metrics:
            np.testing.assert_array_equal(a.metrics[name], b.metrics[name])
        for name in b.costs:
            np.testing.assert_array_equal(a.costs[name], b.costs[name])


@settings(deadline=None, max_examples=15)
@given(
    seeds=st.lists(st.integers(0, 2**60), min_size=1, max_size=3, unique=True).map(tuple),
    epochs=st.lists(st.integers(0, 10**6), min_size=1, max_size=3, unique=True).map(lambda e: tuple(sorted(e))),
    represents=st.sampled_from(["class", "row"]),
    names=st.lists(
        st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True), min_size=1, max_size=3, unique=True
    ),
    random=st.integers(0, 1000),
)
def test_a_table_reads_back_as_it_was_written(tmp_path_factory, seeds, epochs, represents, names, random):
    rows = TINY.unique() if represents == "class" else TINY.all()
    rows = rows[np.random.default_rng(random).permutation(len(rows))]
    names = [name for name in names if name not in {"index", "seed", "epoch"}] or ["t"]
    tasks = [task_data(len(rows), name, epochs, seeds, random) for name in names]
    data = TableData(TINY, rows, represents, tasks, {"a": [1, None, "ß"]})
    path = tmp_path_factory.mktemp("table") / "t.h5"
    write_table(path, data)
    with Table.open(path) as table:
        assert table.check() == []
        assert_same(table.load(), data)


def test_rows_finds_every_architecture(tmp_path):
    data = tiny_data()
    write_table(tmp_path / "class.h5", data)
    everything = TINY.all()
    keys = TINY.canonical_key(everything)
    table = Table.open(tmp_path / "class.h5")
    np.testing.assert_array_equal(TINY.canonical_key(table.architectures[table.rows(everything)]), keys)

    chosen = everything[[20, 3, 11]]
    write_table(tmp_path / "row.h5", TableData(TINY, chosen, "row", [task_data(3)]))
    found = Table.open(tmp_path / "row.h5").rows(everything)
    assert {i: row for i, row in enumerate(found.tolist()) if row >= 0} == {20: 0, 3: 1, 11: 2}


def test_arrays_are_read_only_and_read_once(tiny_table):
    table = Table.open(tiny_table)
    values = table.metric("digits", "validation_accuracy")
    assert values is table.metric("digits", "validation_accuracy")
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0, 0] = 1


def test_a_table_keeps_its_file_though_another_takes_its_place(tiny_table):
    table = Table.open(tiny_table)
    write_table(tiny_table, tiny_data(seed=1))
    with Table.open(tiny_table) as newer:
        theirs = newer.metric("digits", "validation_accuracy")
    np.testing.assert_array_equal(
        table.metric("digits", "validation_accuracy"), tiny_data().tasks[0].metrics["validation_accuracy"]
    )
    assert not np.array_equal(theirs, table.metric("digits", "validation_accuracy"))


def test_a_closed_table_says_so(tiny_table):
    with Table.open(tiny_table) as table:
        table.architectures  # noqa: B018 - read while open
    assert len(table.architectures) == 9
    with pytest.raises(FileFormatError, match=r"tiny\.h5: was closed before tasks/digits/status was read"):
        table.status("digits")


def test_a_table_travels_to_another_process(tiny_table):
    table = Table.open(tiny_table)
    copy = pickle.loads(pickle.dumps(table))  # noqa: S301 - our own bytes
    assert_same(copy.load(), table.load())


def test_unknown_names_offer_the_nearest(tiny_table):
    table = Table.open(tiny_table)
    with pytest.raises(UnknownNameError, match=r"unknown task 'digit'; did you mean 'digits'"):
        table.status("digit")
    with pytest.raises(UnknownNameError, match=r"did you mean 'train_seconds'"):
        table.metric("digits", "train_second")
    with pytest.raises(UnknownNameError, match=r"cost 'params' of task 'digits'"):
        table.cost("digits", "params")


def test_xarray_gives_named_dimensions_with_coordinates(tiny_table):
    xarray = pytest.importorskip("xarray")
    table = Table.open(tiny_table)
    with xarray.open_dataset(tiny_table, group="/tasks/digits/metrics", engine="h5netcdf") as dataset:
        accuracy = dataset["validation_accuracy"]
        assert accuracy.dims == ("index", "seed", "epoch")
        assert accuracy.attrs["unit"] == "fraction"
        assert accuracy.attrs["direction"] == "maximize"
        np.testing.assert_array_equal(dataset["index"], TINY.index(table.architectures))
        picked = accuracy.sel(index=int(TINY.index(table.architectures[4])), seed=1, epoch=2)
        assert float(picked) == table.metric("digits", "validation_accuracy")[4, 1, 1]
    with xarray.open_datatree(tiny_table, engine="h5netcdf") as tree:
        assert tree["/architectures"].dims == ("index", "position")
        assert tree["/tasks/digits/status"].dims == ("index", "seed")
        assert tree["/tasks/digits/costs/parameters"].dims == ("index",)


def test_a_table_can_be_read_by_its_specification_alone(tiny_table):
    data = tiny_data()
    with h5py.File(tiny_table) as file:
        assert file.attrs["format"] in {FORMAT, FORMAT.encode()}
        np.testing.assert_array_equal(file["architectures"], data.architectures)
        np.testing.assert_array_equal(file["canonical_keys"], TINY.canonical_key(data.architectures))
        np.testing.assert_array_equal(file["index"], TINY.index(data.architectures))
        group = file["tasks/digits"]
        np.testing.assert_array_equal(group["epoch"], [1, 2])
        np.testing.assert_array_equal(group["seed"], [0, 1])
        np.testing.assert_array_equal(group["metrics/train_seconds"], data.tasks[0].metrics["train_seconds"])


def digest_by_specification(file):
    described = {}

    def describe(path, item):
        left_out = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"} | ({"digest"} if path == "/" else set())
        values = {name: value for name, value in item.attrs.items() if name not in left_out}
        described[path] = {k: v.decode() if isinstance(v, bytes) else int(v) for k, v in values.items()}
        if isinstance(item, h5py.Group):
            for name in item:
                describe(f"{path.rstrip('/')}/{name}", item[name])

    describe("/", file)
    document = json.dumps(described, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(document.encode()).hexdigest()


def test_the_digest_is_what_the_specification_says(tiny_table):
    with h5py.File(tiny_table) as file:
        assert file.attrs["digest"].decode() == digest_by_specification(file)
        epochs = file["tasks/digits/epoch"]
        expected = hashlib.sha256(b"<i8(2,)" + np.array([1, 2], dtype="<i8").tobytes()).hexdigest()
        assert epochs.attrs["sha256"].decode() == expected


def test_a_long_provenance_is_kept(tmp_path):
    data = tiny_data()
    data.provenance = {"log": ["ö" * 1000] * 300}
    write_table(tmp_path / "t.h5", data)
    assert Table.open(tmp_path / "t.h5").provenance == data.provenance


def test_importing_tables_loads_no_heavy_library():
    code = "import sys, tabular; print([m for m in ('torch', 'pandas', 'sklearn', 'xgboost') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What must not be written.


def broken(change):
    data = tiny_data()
    change(data, data.tasks[0])
    return data


def set_value(name, place, value):
    def change(_, task):
        task.metrics[name][place] = value

    return change


def repeat_row(data, _):
    data.architectures = data.architectures.copy()
    data.architectures[1] = data.architectures[0]


def leave_numbers(_, task):
    task.status[4, 1] = MISSING


def lose_numbers(_, task):
    for values in task.metrics.values():
        values[2, 0] = np.nan


def unclocked_divergence(_, task):
    task.status[3, 0] = DIVERGED
    task.metrics["train_seconds"][3, 0, 1] = np.nan


def swap_epochs(_, task):
    task.task = Task("digits", (2, 1), task.task.metrics, task.task.seeds)


def turn(_, task):
    task.task = Task(
        "digits", (1, 2), {**task.task.metrics, "validation_accuracy": Metric("v", "fraction", "v", "up")}, (0, 1)
    )


def outside(data, _):
    data.architectures = data.architectures + np.uint8(2)


def halve_status(_, task):
    task.status = task.status[:, :1]


def cut_metric(_, task):
    task.metrics["train_seconds"] = task.metrics["train_seconds"][:, :, :1]


def double_metric(_, task):
    task.metrics["train_seconds"] = task.metrics["train_seconds"].astype(np.float64)


def unknown_status(_, task):
    task.status[0, 0] = 7


def no_unit(_, task):
    task.cost_units = {}


def short_cost(_, task):
    task.costs["parameters"] = task.costs["parameters"][1:]


def mistaken_represents(data, _):
    data.represents = "classes"


def no_tasks(data, _):
    data.tasks = []


def extra_metric(_, task):
    task.metrics["test_loss"] = task.metrics["train_seconds"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_value("validation_accuracy", (3, 1, 0), 1.5), r"row 3, seed number 1, epoch number 0 is not in 0\.\.1"),
        (set_value("train_seconds", (3, 1, 0), -1), "row 3, seed number 1, epoch number 0 is negative"),
        (set_value("train_seconds", (3, 1, 0), 99), "row 3, seed number 1, epoch number 1 is less than at an earlier"),
        (set_value("train_seconds", (3, 1, 1), np.inf), "is infinite"),
        (repeat_row, "rows 0 and 1 are the same network: |none~0|"),
        (leave_numbers, "row 4, seed number 1 has numbers though its status is missing"),
        (lose_numbers, "row 2, seed number 0 is done and has no number"),
        (unclocked_divergence, "row 3, seed number 0 is not known of a diverged training"),
        (swap_epochs, r"epochs must ascend from 0 or more, they are \(2, 1\)"),
        (turn, "direction is 'up'"),
        (outside, "not an architecture of 'tiny'"),
        (halve_status, r"status must be \(9, 2\) uint8, it is \(9, 1\)"),
        (cut_metric, r"metric train_seconds must be \(9, 2, 2\) float32, it is \(9, 2, 1\)"),
        (double_metric, "it is .* float64"),
        (unknown_status, "status has a value other than 0, 1, 2"),
        (no_unit, r"costs are \['parameters'\] and have units for \[\]"),
        (short_cost, r"cost parameters must be \(9,\), it is \(8,\)"),
        (mistaken_represents, "represents is 'classes', expected one of class, row"),
        (no_tasks, "there is no task"),
        (extra_metric, "recorded as .*test_loss"),
    ],
)
def test_unsound_data_are_refused_by_name(tmp_path, change, message):
    path = tmp_path / "bad.h5"
    with pytest.raises(FileFormatError, match=message):
        write_table(path, broken(change))
    assert list(tmp_path.iterdir()) == []


def test_seconds_may_decrease_where_each_epoch_ended_a_training_of_its_own(tmp_path):
    data = broken(set_value("train_seconds", (3, 1, 0), 99))
    data.tasks[0].task = replace(data.tasks[0].task, provenance={"restarts": True})
    write_table(tmp_path / "odd.h5", data)
    assert Table.open(tmp_path / "odd.h5").check() == []


@pytest.mark.parametrize("name", ["a/b", "", ".", "..", "index", "é", "a b"])
def test_names_that_hdf5_or_xarray_would_mistake_are_refused(tmp_path, name):
    with pytest.raises(FileFormatError, match="is no name for a task"):
        write_table(tmp_path / "t.h5", tiny_data(name=name))


@pytest.mark.parametrize("seeds", [(), (0, 0), (-2, 1), (-1, 0)])
def test_impossible_seeds_are_refused(tmp_path, seeds):
    with pytest.raises(FileFormatError, match="seeds must differ"):
        write_table(tmp_path / "t.h5", tiny_data(seeds=seeds))


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"t\.h5: cannot be written"):
        write_table(tmp_path / "file" / "t.h5", tiny_data())


def test_check_finds_values_that_fit_their_checksum_but_not_their_meaning(tiny_table):
    from tabular.storage import write_array

    with h5py.File(tiny_table, "r+") as file:
        group = file["tasks/digits"]
        del group["status"]
        write_array(group, "status", np.zeros((9, 2), dtype=np.uint8))
        write_text(file, "digest", content_digest(file))
    assert any("has numbers though its status is missing" in line for line in Table.open(tiny_table).check())


def test_check_finds_foreign_canonical_keys(tiny_table):
    from tabular.storage import write_array

    with h5py.File(tiny_table, "r+") as file:
        keys = file["canonical_keys"][()] + np.uint64(1)
        del file["canonical_keys"]
        write_array(file, "canonical_keys", keys)
        write_text(file, "digest", content_digest(file))
    assert any("canonical_keys" in line for line in Table.open(tiny_table).check())

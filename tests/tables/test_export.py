"""Exporting tables: importing what was exported gives the same table, and files are whole or absent."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nasbench import CellSpace, Metric, Task
from tabular import Table, TableData, TaskData, import_csv, write_table
from tabular.errors import FileFormatError, NasbenchError, OutputError
from tabular.frames import export
from tabular.importers.mapped import import_parquet
from tabular.layout import DIVERGED, DONE, MISSING
from tabular.measures import standard_metric

IMPORTS = {".csv": import_csv, ".parquet": import_parquet}
SPACE = CellSpace("tiny", 3, ("none", "skip_connect", "nor_conv_3x3"))
ENERGY = Metric("energy", "joule", "none", "minimize")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
provenances = st.dictionaries(st.text(max_size=8), json_values, max_size=3)


@st.composite
def tasks(draw, name, count):
    epochs = tuple(sorted(draw(st.sets(st.integers(0, 500), min_size=1, max_size=3))))
    seeds = draw(st.lists(st.integers(0, 2**62), min_size=1, max_size=3, unique=True).map(tuple) | st.just((-1,)))
    shape = (count, len(seeds), len(epochs))
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.just(np.nan)  # the one NaN of a table
    metrics = {
        "test_accuracy": draw(hnp.arrays(np.float32, shape, elements=st.floats(0, 1, width=32) | st.just(np.nan))),
        ENERGY.name: draw(hnp.arrays(np.float32, shape, elements=st.floats(0, 2**100, width=32) | st.just(np.nan))),
        "a.b-c": draw(hnp.arrays(np.float32, shape, elements=numbers)),
    }
    measured = np.any([~np.isnan(values).all(axis=2) for values in metrics.values()], axis=0)
    unknown = draw(hnp.arrays(np.uint8, shape[:2], elements=st.sampled_from([MISSING, DIVERGED])))
    known = draw(hnp.arrays(np.uint8, shape[:2], elements=st.sampled_from([DONE, DIVERGED])))
    costs = {"parameters": draw(hnp.arrays(np.float64, count, elements=st.floats(0, 1e30) | st.just(np.nan)))}
    meanings = {
        "test_accuracy": standard_metric("test_accuracy"),
        ENERGY.name: ENERGY,
        "a.b-c": Metric("a.b-c", draw(st.text("ab \"'\\\x7f°", min_size=1, max_size=4)), "none", "maximize"),
    }
    task = Task(name, epochs, meanings, seeds, draw(provenances))
    return TaskData(task, metrics, np.where(measured, known, unknown).astype(np.uint8), costs, {"parameters": "count"})


@st.composite
def tables(draw):
    represents = draw(st.sampled_from(["row", "class"]))
    rows = SPACE.unique() if represents == "class" else SPACE.all()
    chosen = draw(st.lists(st.sampled_from(range(len(rows))), min_size=1, max_size=4, unique=True))
    names = draw(st.lists(st.sampled_from(["t", "cifar10-valid", "1.2", "_"]), min_size=1, max_size=2, unique=True))
    return TableData(
        SPACE, rows[chosen], represents, [draw(tasks(name, len(chosen))) for name in names], draw(provenances)
    )


@pytest.mark.parametrize("ending", IMPORTS)
@settings(deadline=None, max_examples=25)
@given(data=tables())
def test_what_was_exported_is_imported_as_the_same_table(tmp_path_factory, ending, data):
    if ending == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    folder = tmp_path_factory.mktemp("export")
    write_table(folder / "t.h5", data)
    with Table.open(folder / "t.h5") as table:
        exported = export(table, folder / f"t{ending}")
        assert exported.path == folder / f"t{ending}"
        with IMPORTS[ending](exported.path, exported.mapping, folder / "again.h5") as again:
            assert again.digest == table.digest  # which stands for every number, name, unit and provenance


@pytest.mark.parametrize("ending", IMPORTS)
def test_a_shipped_table_survives_in_pieces(tmp_path, ending, monkeypatch):
    if ending == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    monkeypatch.setattr("tabular.frames.ROWS_AT_ONCE", 50_000)
    told = []
    with Table.open("nb201-digits") as table:
        exported = export(table, tmp_path / f"digits{ending}", lambda *call: told.append(call))
        assert IMPORTS[ending](exported.path, exported.mapping, tmp_path / "again.h5").digest == table.digest
        task = table.tasks["digits"]
        assert exported.rows == len(table) * len(task.seeds) * len(task.epochs)
    assert len(told) > 3
    assert told[-1] == (exported.rows, exported.rows, "")


def test_a_row_is_what_the_table_says(toy_table, tmp_path):
    with Table.open(toy_table) as table:
        frame = pd.read_csv(export(table, tmp_path / "toy.csv").path)
        assert list(frame.columns[:6]) == ["architecture", "index", "task", "seed", "epoch", "status"]
        assert len(frame) == 64 * 3 * 3
        row = frame[(frame["index"] == 5) & (frame.seed == 1) & (frame.epoch == 3)].iloc[0]
        assert row.architecture == table.space.to_text(table.architectures[5])
        assert (row.task, row.status) == ("toy", "diverged")
        assert np.isnan(row.test_accuracy)
        assert np.float32(row.train_seconds) == table.metric("toy", "train_seconds")[5, 1, 1]


def test_files_are_whole_or_not_at_all(toy_table, tmp_path, monkeypatch):
    monkeypatch.setattr("tabular.frames.ROWS_AT_ONCE", 100)

    def stop(*_):
        raise KeyboardInterrupt

    (tmp_path / "toy.csv").write_text("years of work")
    with Table.open(toy_table) as table, pytest.raises(KeyboardInterrupt):
        export(table, tmp_path / "toy.csv", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.csv"]
    assert (tmp_path / "toy.csv").read_text() == "years of work"


def test_what_cannot_be_exported_is_named(toy_table, tmp_path, monkeypatch):
    with Table.open(toy_table) as table:
        with pytest.raises(OutputError, match=r"toy\.xlsx: ends in \.xlsx, not in \.csv or \.parquet"):
            export(table, tmp_path / "toy.xlsx")
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=r"file/toy\.csv: cannot be written: .*file is a file, not a folder"):
            export(table, tmp_path / "file/toy.csv")
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        with pytest.raises(NasbenchError, match=r"Parquet files need pyarrow .*pip install 'nasbench\[parquet\]'"):
            export(table, tmp_path / "toy.parquet")
        data = table.load()
    data.tasks[0].costs, data.tasks[0].cost_units = {"status": np.zeros(64)}, {"status": "count"}
    write_table(tmp_path / "odd.h5", data)
    with (
        Table.open(tmp_path / "odd.h5") as table,
        pytest.raises(FileFormatError, match=r"odd\.h5: task 'toy': 'status' would be the name of two columns"),
    ):
        export(table, tmp_path / "odd.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "odd.h5"]

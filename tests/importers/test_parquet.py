"""Importing Parquet files: what CSV gives, with types; and every kind of mistake."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tabular import import_csv
from tabular.errors import FileFormatError, NasbenchError, UnknownNameError
from tabular.importers.mapped import import_parquet

pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
csv = pytest.importorskip("pyarrow.csv")

ROOT = Path(__file__).parents[2]
NASBENCH201 = ROOT.parent / "shared/data/nasbench201/nasbench201.csv"
MAPPING = """
space = { name = "tiny", nodes = 3, operations = ["none", "skip_connect", "nor_conv_3x3"] }
[architecture]
column = "arch"
written = "row"
[tasks.t]
seed_column = "seed"
metrics = [{ column = "acc", metric = "test_accuracy", epoch = 3 }]
costs = [{ column = "params", name = "parameters", unit = "count" }]
"""


def columns(**changed):
    given = {
        "arch": pa.array([[0, 0, 0], [2, 0, 1], [2, 0, 1]], pa.list_(pa.uint8())),
        "seed": pa.array([2**60 + 1, 2**60 + 1, 5], pa.int64()),
        "acc": pa.array([0.1, None, 0.3], pa.float32()),
        "params": pa.array([7, 9, None], pa.int32()),
    }
    return pa.table(given | changed)


@pytest.fixture
def run(tmp_path):
    """Import a Parquet file of some columns by a mapping text."""

    def run(table, mapping=MAPPING, **options):
        parquet.write_table(table, tmp_path / "in.parquet")
        (tmp_path / "map.toml").write_text(mapping)
        return import_parquet(tmp_path / "in.parquet", tmp_path / "map.toml", tmp_path / "out.h5", **options)

    return run


def test_types_are_kept(run):
    table = run(columns())
    assert table.check() == []
    assert table.tasks["t"].seeds == (2**60 + 1, 5)  # which no float64 could hold
    np.testing.assert_array_equal(table.architectures, [[0, 0, 0], [2, 0, 1]])
    expected = np.array([[0.1, np.nan], [np.nan, 0.3]], dtype=np.float32)
    np.testing.assert_array_equal(table.metric("t", "test_accuracy")[:, :, 0], expected)
    np.testing.assert_array_equal(table.cost("t", "parameters"), [7, 9])
    np.testing.assert_array_equal(table.status("t"), [[1, 0], [0, 1]])


def test_text_is_read_as_in_csv(run):
    text = {
        "arch": pa.array(["0 0 0", "2 0 1", "2 0 1"]).dictionary_encode(),
        "seed": pa.array(["3", "3", "5"]),
        "acc": pa.array(["0.1", "NaN", None]),
    }
    table = run(columns(**text))
    assert table.tasks["t"].seeds == (3, 5)
    assert np.nansum(table.metric("t", "test_accuracy")) == np.float32(0.1)


def test_batches_are_read_one_after_the_other(run, monkeypatch):
    whole = run(columns())
    monkeypatch.setattr("tabular.importers.columns.ROWS_AT_ONCE", 2)
    told = []
    assert run(columns(), progress=lambda *call: told.append(call)).digest == whole.digest
    assert told == [(2, 3, ""), (3, 3, "")]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"acc": [0.1, 0.2, 30.0]},
            FileFormatError,
            r"in\.parquet: row 3, column 'acc': 30\.0 x scale 1 is not a fracti",
        ),
        ({"acc": [0.1, np.inf, 0.3]}, FileFormatError, "row 2, column 'acc': inf is infinite; test_accuracy must be"),
        ({"acc": ["0.1", "x", "0.3"]}, FileFormatError, "row 2, column 'acc': 'x' is not a number"),
        ({"seed": [1.5, 2, 3]}, FileFormatError, r"row 1, column 'seed': 1\.5 is not a whole number"),
        ({"seed": [1, None, 3]}, FileFormatError, "row 2, column 'seed': nan is not a whole number"),
        (
            {"arch": ["0 0 0", None, "0 0 1"]},
            FileFormatError,
            "row 2, column 'arch': '' is not an architecture written",
        ),
        ({"seed": [1, 5, 5], "acc": [0.1, 0.2, 0.3]}, FileFormatError, "rows 2 and 3 are the same training with diff"),
    ],
)
def test_mistakes_in_the_file_are_named(run, tmp_path, changed, error, message):
    with pytest.raises(error, match=message):
        run(columns(**changed))
    assert not (tmp_path / "out.h5").exists()


def test_files_that_cannot_be_read_are_named(run, tmp_path):
    with pytest.raises(UnknownNameError, match=r"unknown column of .*in\.parquet .*'acc'; did you mean 'arch'"):
        run(columns().drop_columns("acc"))
    with pytest.raises(FileFormatError, match=r"in\.parquet: has no rows"):
        run(columns().slice(0, 0))
    again = (tmp_path / "map.toml", tmp_path / "out.h5")
    with pytest.raises(FileFormatError, match=r"none\.parquet: cannot be read: .*[Nn]o such file"):
        import_parquet(tmp_path / "none.parquet", *again)
    (tmp_path / "in.parquet").write_text("arch,acc\n")
    with pytest.raises(FileFormatError, match=r"in\.parquet: is not a sound Parquet file"):
        import_parquet(tmp_path / "in.parquet", *again)


def test_a_missing_library_is_named_with_its_extra(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(NasbenchError, match=r"Parquet files need pyarrow .*pip install 'nasbench\[parquet\]'"):
        import_parquet(tmp_path / "in.parquet", tmp_path / "map.toml", tmp_path / "out.h5")


def test_parquet_gives_the_table_that_csv_gives(tmp_path):
    if not NASBENCH201.exists():
        pytest.skip(f"NAS-Bench-201's published results are not at {NASBENCH201}")
    mapping = ROOT / "examples/nasbench201.toml"
    parquet.write_table(csv.read_csv(NASBENCH201), tmp_path / "in.parquet")
    found = import_parquet(tmp_path / "in.parquet", mapping, tmp_path / "parquet.h5")
    assert found.digest == import_csv(NASBENCH201, mapping, tmp_path / "csv.h5").digest

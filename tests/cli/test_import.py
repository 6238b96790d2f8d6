"""Importing and exporting at the command line: what is printed, and which options belong to which format."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nasbench import get_space
from nasbench.cli.tables import export_table
from tabular import Table
from tabular.importers import IMPORTERS

CSV = """arch,seed,acc,params
0 0 0,1,50,3
0 0 0,2,,3
2 0 1,1,60,
"""
MAPPING = """
space = { name = "tiny", nodes = 3, operations = ["none", "skip_connect", "nor_conv_3x3"] }
[architecture]
column = "arch"
written = "row"
[tasks.t]
seed_column = "seed"
metrics = [
    { column = "acc", metric = "test_accuracy", epoch = 4, scale = 0.01 },
    { column = "acc", metric = "validation_accuracy", epoch = 9, scale = 0.01 },
]
costs = [{ column = "params", name = "parameters", unit = "count" }]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text(CSV)
    (tmp_path / "map.toml").write_text(MAPPING)
    return tmp_path


@pytest.fixture
def succeed(command):
    def run(*arguments):
        done = command(*arguments)
        assert done.code == 0, done.err
        return json.loads(done.out) if "--json" in arguments else done.out

    return run


@pytest.fixture
def refused(command, folder):
    """Run a command that must be refused with one line, which is returned."""

    def run(*arguments):
        before = sorted(folder.iterdir())
        done = command(*arguments)
        assert (done.code, done.out) == (2, "")
        assert sorted(folder.iterdir()) == before
        (line,) = done.err.splitlines()
        return line

    return run


def test_what_is_on_record_and_what_is_missing(succeed):
    made = succeed("import", "csv", "in.csv", "--mapping", "map.toml", "--out", "t.h5", "--json")
    assert (made["path"], made["space"], made["rows"], made["tasks"]) == ("t.h5", "tiny", 2, ["t"])
    assert made["completeness"] == [
        {
            "task": "t",
            "architectures": 2,
            "seeds": 2,
            "epochs": 2,
            "means": False,
            "done": 2,
            "diverged": 0,
            "missing": 2,
            "metric_gaps": {"test_accuracy": 2, "validation_accuracy": 2},
            "cost_gaps": {"parameters": 1},
        }
    ]
    text = succeed("import", "csv", "in.csv", "--mapping", "map.toml", "--out", "t.h5")
    first, second = text.splitlines()
    assert first == "t.h5: 2 architectures of tiny, which has 27"
    gaps = "test_accuracy lacks 2 of 4, validation_accuracy lacks 2 of 4, parameters lacks 1 of 2"
    assert second == f"t: 2 of 2 x 2 trainings done, 2 missing, {gaps}"


def test_costs_are_joined_onto_a_table(succeed, folder):
    space = get_space("nb201")
    rows = space.from_index(np.array([7, 9]))
    text = "".join(f"{space.to_text(row)},0.5\n" for row in rows)
    (folder / "acc.csv").write_text(f"arch,acc\n{text}")
    (folder / "acc.toml").write_text(
        """space = "nb201"
        [architecture]
        column = "arch"
        written = "text"
        [tasks.cifar10]
        metrics = [{ column = "acc", metric = "test_accuracy", epoch = 200 }]
        """
    )
    succeed("import", "csv", "acc.csv", "--mapping", "acc.toml", "--out", "acc.h5")
    (folder / "hw.csv").write_text(f"arch,hwnasbench_cifar10_fpga_energy\n{space.to_text(rows[1])},3\n")
    text = succeed("import", "hw-nas-bench", "hw.csv", "--onto", "acc.h5", "--out", "hw.h5")
    assert text.splitlines()[1] == "cifar10: 2 of 2 x 1 means done, fpga_energy_joules lacks 1 of 2"
    with Table.open("hw.h5") as table:
        np.testing.assert_array_equal(table.cost("cifar10", "fpga_energy_joules"), [np.nan, 0.003])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("csv in.csv", "Missing option '--mapping' (see"),
        ("parquet in.parquet", "Missing option '--mapping' (see"),
        ("hw-nas-bench in.csv", "Missing option '--onto' (see"),
        (
            "nasbench101 in.csv --mapping map.toml",
            "option '--mapping' is for csv, parquet; the format nasbench101 takes none",
        ),
        ("csv in.csv --mapping map.toml --onto t.h5", "option '--onto' is for hw-nas-bench; the format csv takes none"),
        ("nas-bench-201 in.csv", "unknown format 'nas-bench-201'; did you mean 'nasbench201'?"),
        ("hw-nas-bench in.csv --onto none.h5", "none.h5: no such file"),
    ],
)
def test_options_that_do_not_belong_are_named(refused, arguments, message):
    assert message in refused("import", *arguments.split(), "--out", "t.h5")


def test_formats_have_an_importer():
    for name, importer in IMPORTERS.items():
        assert callable(importer.load()), name


def test_a_table_goes_out_and_comes_back(succeed, toy_table, folder):
    from nasbench.cli.app import app

    if not any(command.name == "export" for command in app.registered_commands):
        app.command("export")(export_table)
    written = succeed("export", toy_table, "--out", "toy.csv", "--json")
    assert written == {"path": "toy.csv", "mapping": "toy.mapping.toml", "rows": 576}
    succeed("import", "csv", "toy.csv", "--mapping", "toy.mapping.toml", "--out", "again.h5")
    with Table.open(toy_table) as table, Table.open("again.h5") as again:
        assert again.digest == table.digest
    text = succeed("export", toy_table, "--out", "toy.csv")
    assert text == "toy.csv: 576 rows; their meaning is in toy.mapping.toml\n"

"""Joining hardware costs onto tables of NAS-Bench-201: units, coverage, provenance, and what is refused."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from nasbench import Task, get_space
from tabular import Table, TableData, TableOracle, TaskData, import_csv, write_table
from tabular.errors import FileFormatError, UnknownNameError
from tabular.importers.collecting import completeness
from tabular.importers.hw_nas_bench import join_costs
from tabular.measures import standard_metric

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data/nasbench201"
SPACE = get_space("nb201")
ISOMORPHIC = np.array([[3, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=np.uint8)
"""Two cells whose outputs no edge reaches."""
FILE = """index,arch,hwnasbench_cifar10_edgegpu_latency,hwnasbench_cifar10_edgegpu_energy,\
hwnasbench_cifar10_edgetpu_latency,hwnasbench_cifar100_edgegpu_latency,hwnasbench_ImageNet16-120_fpga_latency,\
help_titan_rtx_256_latency_ms,help_essential_ph_1_latency_ms,hwnasbench_cifar10_raspi4_latency,help_raspi4_latency_ms
"""


def line(row, *values):
    return ",".join(["0", SPACE.to_text(np.asarray(row, dtype=np.uint8)), *map(str, values)]) + "\n"


FIRST = line(ISOMORPHIC[0], 4, 20, -1.0, 5, 6, 7, 8, 9, 9)
SECOND = line([4, 0, 2, 3, 1, 1], 40, 200, 1.5, 50, 60, 70, 80, 90, 90)


@pytest.fixture
def table(tmp_path):
    """Make a table of some cells with tasks of some names."""

    def table(rows=((3, 0, 0, 0, 0, 0), (1, 2, 3, 4, 0, 1)), tasks=("cifar10-valid",), represents="row", **provenance):
        rows = np.array(rows, dtype=np.uint8)
        data = [
            TaskData(
                Task(name, (1,), {"test_accuracy": standard_metric("test_accuracy")}, (0,), provenance),
                {"test_accuracy": np.full((len(rows), 1, 1), 0.5, dtype=np.float32)},
                np.ones((len(rows), 1), dtype=np.uint8),
                {"flops": np.ones(len(rows))},
                {"flops": "FLOP"},
            )
            for name in tasks
        ]
        write_table(tmp_path / "in.h5", TableData(SPACE, rows, represents, data, {"licence": "CC0"}))
        return Table.open(tmp_path / "in.h5")

    return table


@pytest.fixture
def join(tmp_path, table):
    """Join a file of some text onto a table."""

    def join(text=FILE + FIRST + SECOND, onto=None):
        (tmp_path / "hardware.csv").write_text(text)
        return join_costs(onto or table(), tmp_path / "hardware.csv", tmp_path / "out.h5")

    return join


def test_costs_find_their_architecture_task_and_unit(join, table):
    found = join(onto=table(tasks=("cifar10-valid", "CIFAR100", "ImageNet16-120", "digits")))
    assert found.check() == []
    assert found.costs("cifar10-valid") == {
        "edgegpu_energy_joules": "joule",
        "edgegpu_latency_seconds": "second",
        "edgetpu_latency_seconds": "second",
        "essential_ph_1_latency_seconds": "second",
        "flops": "FLOP",
        "raspi4_latency_seconds": "second",
        "titan_rtx_batch256_latency_seconds": "second",
    }
    assert found.costs("CIFAR100").keys() == {"flops", "edgegpu_latency_seconds"}
    assert found.costs("ImageNet16-120").keys() == {"flops", "fpga_latency_seconds"}
    assert found.costs("digits").keys() == {"flops"}
    nan = np.nan
    np.testing.assert_array_equal(found.cost("cifar10-valid", "edgegpu_latency_seconds"), [0.004, nan])
    np.testing.assert_array_equal(found.cost("cifar10-valid", "edgegpu_energy_joules"), [0.02, nan])
    np.testing.assert_array_equal(found.cost("cifar10-valid", "edgetpu_latency_seconds"), [nan, nan])
    np.testing.assert_array_equal(found.cost("CIFAR100", "edgegpu_latency_seconds"), [0.005, nan])
    np.testing.assert_array_equal(found.metric("digits", "test_accuracy"), np.full((2, 1, 1), np.float32(0.5)))


def test_origin_and_coverage_are_on_record(join):
    found = join()
    assert found.provenance["licence"] == "CC0"
    origin = found.provenance["hardware_costs"]
    assert (origin["licence"], origin["file"], len(origin["sha256"])) == ("MIT", "hardware.csv", 64)
    assert any("HW-NAS-Bench" in each for each in origin["citation"])
    assert any("HELP" in each for each in origin["citation"])
    assert origin["coverage"] == {"cifar10-valid": {"costs": 6, "architectures": 1, "of": 2}}
    (record,) = completeness(found)
    assert record.cost_gaps["edgetpu_latency_seconds"] == 2
    assert record.cost_gaps["raspi4_latency_seconds"] == 1
    assert "flops" not in record.cost_gaps


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (",4,20", ",4ms,20", "hardware.csv: row 2, column 'hwnasbench_cifar10_edgegpu_latency': '4ms' is not a number"),
        (",4,20", ",-1,20", "row 2, column 'hwnasbench_cifar10_edgegpu_latency': -1 is negative"),
        (
            "help_essential",
            "halp_essential",
            "hardware.csv: column 'halp_essential_ph_1_latency_ms' is not known; they",
        ),
        ("nor_conv_3x3~0", "nor_conv_7x7~0", "row 2, column 'arch': .* unknown operation 'nor_conv_7x7'"),
        (
            "9,9\n",
            "9,10\n",
            "row 2, column '.*raspi4_latency' and row 2, column '.*' give different raspi4_latency_seconds; give each",
        ),
    ],
)
def test_mistakes_in_the_file_are_named(join, tmp_path, before, after, message):
    text = FILE + FIRST + SECOND
    assert before in text
    with pytest.raises(FileFormatError, match=message):
        join(text.replace(before, after, 1))
    assert not (tmp_path / "out.h5").exists()


def test_files_without_what_is_needed_are_refused(join, table):
    with pytest.raises(UnknownNameError, match=r"unknown column of .*hardware\.csv 'arch'; did you mean 'arc'"):
        join((FILE + FIRST).replace(",arch", ",arc"))
    with pytest.raises(FileFormatError, match=r"hardware\.csv: has none of the architectures of .*in\.h5"):
        join(FILE + SECOND)


def test_tables_that_the_costs_are_not_of_are_refused(join, table, toy_table):
    with pytest.raises(FileFormatError, match=r"toy\.h5: is of the space 'toy'; .*hardware\.csv is of 'nb201'"):
        join(onto=Table.open(toy_table))
    with pytest.raises(FileFormatError, match=r"no task is of NAS-Bench-201's networks on cifar10, .*; it has digits"):
        join(onto=table(tasks=("digits",)))
    # A table of CIFAR-10 whose networks are narrower than those that were measured.
    with pytest.raises(FileFormatError, match="no task is of NAS-Bench-201's networks"):
        join(onto=table(recipe={"channels": 8, "cells_per_stage": 5}))
    joined = join(onto=table(recipe={"channels": 16, "cells_per_stage": 5, "stages": 3}, dataset={"name": "CIFAR-10"}))
    with pytest.raises(FileFormatError, match=r"out\.h5: task 'cifar10-valid' has the cost '\w+' already"):
        join(onto=joined)


def test_a_class_table_takes_costs_that_are_true_of_all_its_class(join, table):
    assert len(set(SPACE.canonical_key(ISOMORPHIC).tolist())) == 1
    classes = table(rows=[ISOMORPHIC[1]], represents="class")
    same = FIRST.replace(SPACE.to_text(ISOMORPHIC[0]), SPACE.to_text(ISOMORPHIC[1]))
    np.testing.assert_array_equal(
        join(FILE + FIRST + same, classes).cost("cifar10-valid", "edgegpu_energy_joules"), 0.02
    )
    differs = same.replace(",20,", ",21,")
    with pytest.raises(
        FileFormatError, match=r"row 2, .* and row 3, .* give different edgegpu_energy_joules; both are of one iso"
    ):
        join(FILE + FIRST + differs, table(rows=[ISOMORPHIC[1]], represents="class"))


# The published costs.


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    if not (DATA / "hardware.csv").exists():
        pytest.skip(f"HW-NAS-Bench's and HELP's costs are not at {DATA}")
    folder = tmp_path_factory.mktemp("hardware")
    base = import_csv(DATA / "nasbench201.csv", ROOT / "examples/nasbench201.toml", folder / "base.h5")
    return join_costs(base, DATA / "hardware.csv", folder / "joined.h5")


def test_the_published_costs_are_whole(published):
    assert published.check() == []
    # The first architecture on CIFAR-10, as HW-NAS-Bench's own documentation prints it.
    expected = {
        "edgegpu_latency_seconds": 5.807418537139893e-3,
        "edgegpu_energy_joules": 24.226614330768584e-3,
        "raspi4_latency_seconds": 10.481976820010459e-3,
        "edgetpu_latency_seconds": 0.9571811309997429e-3,
        "pixel3_latency_seconds": 3.60585e-3,
        "eyeriss_latency_seconds": 3.64562e-3,
        "eyeriss_energy_joules": 0.6872827645e-3,
        "fpga_latency_seconds": 2.57296e-3,
        "fpga_energy_joules": 18.01072e-3,
    }
    for name, value in expected.items():
        assert published.cost("cifar10-200", name)[0] == pytest.approx(value, rel=1e-12)
    assert set(published.costs("cifar100-12")) == set(published.costs("cifar100-200")) >= set(expected)
    gaps = {each.task: each.cost_gaps for each in completeness(published)}
    assert gaps["cifar100-12"] == {"edgetpu_latency_seconds": 4699}
    # 27 columns of HELP, of which 4 devices are also in HW-NAS-Bench, its 10 columns of CIFAR-10, parameters and FLOPs
    assert len(published.costs("cifar10-12")) == 27 - 4 + 10 + 2


def test_the_published_costs_of_isomorphic_networks_differ(published, tmp_path):
    classes = published.load()
    first = np.sort(np.unique(published.canonical_keys, return_index=True)[1])
    for task in classes.tasks:
        task.metrics = {name: values[first] for name, values in task.metrics.items()}
        task.status, task.costs, task.cost_units = task.status[first], {}, {}
    write_table(tmp_path / "c.h5", TableData(SPACE, classes.architectures[first], "class", classes.tasks))
    with pytest.raises(
        FileFormatError, match=r"both are of one isomorphism class, for which one row of .*c\.h5 stands"
    ):
        join_costs(Table.open(tmp_path / "c.h5"), DATA / "hardware.csv", tmp_path / "out.h5")


def test_accuracies_are_as_before(published):
    with (DATA / "nasbench201.csv").open(newline="") as file:
        best = max(csv.DictReader(file), key=lambda row: float(row["cifar10_valid200"]))
    row = SPACE.from_text(best["arch"])
    assert TableOracle(published).query(row, "cifar10-200/test_accuracy") == pytest.approx(0.9437, abs=5e-5)

"""Importing CSV files by a declared mapping: a small file, every kind of mistake, and NAS-Bench-201's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nasbench import CellSpace, Metric
from tabular import Table, TableOracle, import_csv
from tabular.errors import FileFormatError, OutputError, UnknownNameError
from tabular.spaces import NB201

SPACE = CellSpace("tiny", 3, ("none", "skip_connect", "nor_conv_3x3"))
ROOT = Path(__file__).parents[2]
NASBENCH101 = ROOT.parent / "shared/data/nasbench101/nasbench101_first20001.csv"
NASBENCH201 = ROOT.parent / "shared/data/nasbench201/nasbench201.csv"

CSV = """arch,acc,energy,seconds,params_k
|none~0|+|none~0|none~1|,10.5,,2,0
|nor_conv_3x3~0|+|none~0|skip_connect~1|,50,3.5,4,7
"""
MAPPING = """
space = { name = "tiny", nodes = 3, operations = ["none", "skip_connect", "nor_conv_3x3"] }
rows = 2
[architecture]
column = "arch"
written = "text"
[provenance]
licence = "MIT"
[tasks.t]
metrics = [
    { column = "acc", metric = "validation_accuracy", epoch = 3, scale = 0.01 },
    { column = "seconds", metric = "train_seconds", epoch = 3 },
    { column = "energy", metric = "energy", epoch = 3, unit = "joule", split = "none", direction = "minimize" },
]
costs = [{ column = "params_k", name = "parameters", unit = "count", scale = 1000 }]
"""


@pytest.fixture
def run(tmp_path):
    """Import a CSV text by a mapping text."""

    def run(table=CSV, mapping=MAPPING):
        (tmp_path / "in.csv").write_text(table)
        (tmp_path / "map.toml").write_text(mapping)
        return import_csv(tmp_path / "in.csv", tmp_path / "map.toml", tmp_path / "out.h5")

    return run


def test_every_number_finds_its_place(run):
    table = run()
    assert isinstance(table, Table)
    assert table.check() == []
    assert table.space == SPACE
    assert table.represents == "row"
    assert table.provenance == {"licence": "MIT"}
    assert table.means_only("t")
    task = table.tasks["t"]
    assert task.epochs == (3,)
    assert task.metrics["energy"] == Metric("energy", "joule", "none", "minimize")
    np.testing.assert_array_equal(table.architectures, [[0, 0, 0], [2, 0, 1]])
    np.testing.assert_allclose(table.metric("t", "validation_accuracy")[:, 0, 0], [0.105, 0.5])
    np.testing.assert_array_equal(table.metric("t", "energy")[:, 0, 0], [np.nan, 3.5])
    np.testing.assert_array_equal(table.cost("t", "parameters"), [0, 7000])
    assert table.costs("t") == {"parameters": "count"}


def test_trainings_of_several_seeds_and_epochs_stay_apart(run):
    mapping = """
space = "nb201-mini"
[architecture]
column = "i"
written = "index"
[tasks.t]
metrics = [
    { column = "a", metric = "test_accuracy", epoch = 1, seed = 7 },
    { column = "b", metric = "test_accuracy", epoch = 2, seed = 7 },
    { column = "c", metric = "test_accuracy", epoch = 2, seed = 3 },
]
"""
    table = run("i,a,b,c\n5,0.1,0.2,0.3\n700,0.4,nan,\n1,NA,,\n", mapping)
    assert table.tasks["t"].seeds == (3, 7)
    assert table.tasks["t"].epochs == (1, 2)
    assert not table.means_only("t")
    np.testing.assert_array_equal(table.space.index(table.architectures), [5, 700, 1])
    expected = np.array(
        [[[np.nan, 0.3], [0.1, 0.2]], [[np.nan] * 2, [0.4, np.nan]], [[np.nan] * 2] * 2], dtype=np.float32
    )
    np.testing.assert_array_equal(table.metric("t", "test_accuracy"), expected)
    np.testing.assert_array_equal(table.status("t"), [[1, 1], [0, 1], [0, 0]])


@pytest.mark.parametrize("row", ["[2, 0, 1]", "2 0 1", "(2,0,1)"])
def test_rows_of_choices_are_read(run, row):
    mapping = MAPPING.replace('written = "text"', 'written = "row"').replace("rows = 2", "")
    table = run(f'arch,acc,energy,seconds,params_k\n"{row}",1,1,1,1\n', mapping)
    np.testing.assert_array_equal(table.architectures, [[2, 0, 1]])


def test_the_same_line_twice_counts_once(run):
    line = CSV.splitlines()[2]
    table = run(CSV + line + "\n", MAPPING.replace("rows = 2", "rows = 3"))
    assert len(table) == 2


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("arch,acc,", "arch,accu,", r"unknown column of .*in\.csv \(named in .*map\.toml\) 'acc'; did you mean 'accu'"),
        ("arch,acc,", "arch,arch,", "has more than one column 'arch'"),
        (
            "nor_conv_3x3~0|+",
            "nor_conv_3x4~0|+",
            r"row 3, column 'arch': .*unknown operation 'nor_conv_3x4'; did you mean",
        ),
        (",50,", ",fifty,", "row 3, column 'acc': 'fifty' is not a number"),
        (",50,", ",5000,", r"row 3, column 'acc': 5000 x scale 0\.01 is not a fraction in 0\.\.1"),
        ("0\n|nor", "0,1\n|nor", "row 2 has 6 cells, the header names 5 columns"),
        (
            "|none~0|+|none~0|none~1|",
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|",
            "rows 2 and 3 are the same architecture with different 'acc': 10.5 and 50$",
        ),
        (",4,7", ",-4,7", "row 3, column 'seconds': -4 is negative, which train_seconds in the unit second cannot be"),
        (",4,7", ",inf,7", "row 3, column 'seconds': inf is infinite; train_seconds must be a number or empty"),
        (",4,7", ",4,1e400", "row 3, column 'params_k': 1e400 is infinite; parameters must be a number or empty"),
        (",50,", ",1e300,", "row 3, column 'acc': 1e300 is infinite"),
        (",4,7", ",4,-7", "row 3, column 'params_k': -7 is negative, which parameters in the unit count cannot be"),
        (",50,", ",-0.1,", "row 3, column 'acc': -0.1 x scale 0.01 is not a fraction"),
        ("|nor_conv_3x3~0|+|none~0|skip_connect~1|", "", "row 3, column 'arch': '' is not an architecture written as"),
        (",4,7\n", ",4,7\n|none~0|+|none~0|skip_connect~1|,1,1,1,1\n", r"has 3 rows, .*map\.toml says 2; is it whole"),
    ],
)
def test_mistakes_in_the_file_are_named(run, tmp_path, before, after, message):
    assert before in CSV
    with pytest.raises((FileFormatError, UnknownNameError), match=message):
        run(CSV.replace(before, after, 1))
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            ", scale = 0.01",
            "",
            r"row 2, column 'acc': 10\.5 x scale 1 is not a fraction .* did you forget scale = 0\.01\?",
        ),
        ('written = "text"', 'written = "txt"', r"\[architecture\]: unknown written 'txt'; did you mean 'text'"),
        ('column = "arch"\n', "", r"\[architecture\]: 'column' is missing; it has written"),
        ("[architecture]", "[architectures]", "'architecture' is missing"),
        ("rows = 2", "row = 2", "unknown field 'row'; did you mean 'rows'"),
        ("rows = 2", 'rows = "2"', "rows must be of type int, got '2'"),
        (
            "epoch = 3, scale",
            "epoch = 3, scales",
            r"\[t\]: metrics number 1: unknown field 'scales'; did you mean 'scale'",
        ),
        ('metric = "train_seconds"', 'metric = "seconds"', "metrics number 2: unknown metric 'seconds'"),
        ('unit = "joule", ', "", "energy needs all of unit, split, direction or none"),
        ('direction = "minimize"', 'direction = "min"', "unknown direction 'min'; did you mean 'minimize'"),
        (
            '{ column = "seconds", metric = "train_seconds"',
            '{ column = "seconds", metric = "validation_accuracy"',
            "two columns",
        ),
        (
            'column = "seconds", metric = "train_seconds"',
            'column = "seconds", seed = 1, metric = "train_seconds"',
            "some metrics name",
        ),
        ("nodes = 3", "nodes = 1", "space: .*2 to 16 nodes"),
        ("[tasks.t]", "[tasks]", "number 1|is missing|must be of type"),
        ('written = "text"', 'written = "index"', "row 2, column 'arch': .* is not an architecture written as index"),
        ("[provenance]", "[provenance", "not valid TOML"),
        ('column = "arch"', "columns = []", r"\[architecture\]: columns must be names of columns, got \[\]"),
        (
            "scale = 1000 }]",
            'scale = 1000 }, { column = "acc", name = "parameters", unit = "count" }]',
            "a cost before",
        ),
        (
            "[tasks.t]",
            '[tasks.t]\nepoch_column = "seconds"',
            "metrics number 1: names epoch 3, but epoch_column = 'seconds' holds it",
        ),
        ("[tasks.t]", "[tasks.t]\nwhere = { acc = 11 }", "has no row of the task t, that is, with acc = '11'"),
    ],
)
def test_mistakes_in_the_mapping_are_named(run, before, after, message):
    assert before in MAPPING
    with pytest.raises(FileFormatError, match=message) as caught:
        run(mapping=MAPPING.replace(before, after, 1))
    assert "map.toml" in str(caught.value) or "in.csv" in str(caught.value)


def test_provenance_may_be_json(run):
    def imported(text):
        return run(mapping=f"provenance = {text!r}\n" + MAPPING.replace('[provenance]\nlicence = "MIT"', ""))

    assert imported('{"licence": null, "a": [1, "b"]}').provenance == {"licence": None, "a": [1, "b"]}
    with pytest.raises(FileFormatError, match=r"map\.toml: provenance is not JSON: Expecting"):
        imported("{")
    with pytest.raises(FileFormatError, match=r"map\.toml: provenance must be a JSON object, got '\[\]'"):
        imported("[]")


def test_files_that_are_not_there_are_named(run, tmp_path):
    run()
    with pytest.raises(FileFormatError, match=r"none\.csv: cannot be read: No such file"):
        import_csv(tmp_path / "none.csv", tmp_path / "map.toml", tmp_path / "out.h5")
    with pytest.raises(FileFormatError, match=r"none\.toml: cannot be read"):
        import_csv(tmp_path / "in.csv", tmp_path / "none.toml", tmp_path / "out.h5")
    with pytest.raises(OutputError, match=r"in\.csv/out\.h5: cannot be written"):
        import_csv(tmp_path / "in.csv", tmp_path / "map.toml", tmp_path / "in.csv" / "out.h5")


def test_a_file_that_is_no_csv_is_named(run, tmp_path):
    run()
    (tmp_path / "in.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(FileFormatError, match=r"in\.csv: is not a CSV file in UTF-8"):
        import_csv(tmp_path / "in.csv", tmp_path / "map.toml", tmp_path / "out.h5")
    for text in ("", "\n", CSV.splitlines()[0]):
        with pytest.raises(FileFormatError, match="has no rows below"):
            run(text)


# One row a training, or an epoch of it.

LONG = """set,arch,seed,epoch,state,acc,loss,params
a,0 0 0,7,1,done,0.1,3,5
a,0 0 0,7,4,done,0.2,,5
a,2 0 1,7,1,diverged,0.3,1,
a,2 0 1,3,4,missing,,,6
b,1 1 1,0,2,done,0.9,,
"""
LONG_MAPPING = """
space = { name = "tiny", nodes = 3, operations = ["none", "skip_connect", "nor_conv_3x3"] }
[architecture]
column = "arch"
written = "row"
[tasks.t]
where = { set = "a" }
seed_column = "seed"
epoch_column = "epoch"
status_column = "state"
metrics = [{ column = "acc", metric = "test_accuracy" }, { column = "loss", metric = "test_loss", scale = 2 }]
costs = [{ column = "params", name = "parameters", unit = "count" }]
"""


def test_a_row_for_each_training_and_epoch(run):
    table = run(LONG, LONG_MAPPING)
    assert table.check() == []
    task = table.tasks["t"]
    assert (task.seeds, task.epochs) == ((7, 3), (1, 4))
    np.testing.assert_array_equal(table.architectures, [[0, 0, 0], [2, 0, 1]])
    nan = np.nan
    expected = np.array([[[0.1, 0.2], [nan, nan]], [[0.3, nan], [nan, nan]]], dtype=np.float32)
    np.testing.assert_array_equal(table.metric("t", "test_accuracy"), expected)
    np.testing.assert_array_equal(table.metric("t", "test_loss")[:, 0], [[6, nan], [2, nan]])
    np.testing.assert_array_equal(table.status("t"), [[1, 0], [2, 0]])
    np.testing.assert_array_equal(table.cost("t", "parameters"), [5, 6])


def test_several_tasks_of_one_file_and_epochs_that_columns_name(run):
    tasks = """
[tasks.b]
where = { set = "b" }
seed_column = "seed"
metrics = [{ column = "acc", metric = "test_accuracy", epoch = 9 }]
"""
    table = run(LONG, LONG_MAPPING + tasks)
    np.testing.assert_array_equal(table.architectures, [[0, 0, 0], [2, 0, 1], [1, 1, 1]])
    assert (table.tasks["b"].seeds, table.tasks["b"].epochs) == ((0,), (9,))
    np.testing.assert_array_equal(table.status("b"), [[0], [0], [1]])
    assert table.metric("b", "test_accuracy")[2, 0, 0] == np.float32(0.9)
    assert table.status("t")[2].tolist() == [0, 0]


def test_rows_of_one_class_are_one_architecture_of_a_class_table(run):
    # An edge into the middle node that no edge leaves changes nothing.
    mapping = LONG_MAPPING.replace("[architecture]", 'represents = "class"\n[architecture]', 1)
    text = LONG.replace("a,0 0 0,7,4", "a,2 0 0,7,4")
    assert len(run(text, mapping)) == 2
    with pytest.raises(
        FileFormatError, match=r"rows 2 and 3 are the same training with different 'acc': 0\.1 and 0\.2"
    ):
        run(text.replace("7,4,done", "7,1,done"), mapping)


def test_an_architecture_in_several_columns(run):
    mapping = MAPPING.replace('column = "arch"\nwritten = "text"', 'columns = ["x", "y"]\nwritten = "row"')
    table = run("x,y,acc,energy,seconds,params_k\n2,0 1,1,1,1,1\n0,0 0,1,1,1,1\n", mapping)
    np.testing.assert_array_equal(table.architectures, [[2, 0, 1], [0, 0, 0]])
    with pytest.raises(FileFormatError, match=r"row 3, column 'x' and 'y': '0 0 7' is not an architecture .* as row"):
        run("x,y,acc,energy,seconds,params_k\n2,0 1,1,1,1,1\n0,0 7,1,1,1,1\n", mapping)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("a,0 0 0,7,4", "a,0 0 0,7,1", r"rows 2 and 3 are the same training with different 'acc': 0\.1 and 0\.2"),
        (",0.2,,5", ",0.2,,6", "rows 2 and 3 are the same architecture with different 'params': 5 and 6"),
        ("7,4,done", "7,4,diverged", "rows 2 and 3 are the same training with different 'state': done and diverged"),
        ("7,4,done", "7.5,4,done", r"row 3, column 'seed': '7\.5' is not a whole number"),
        ("7,4,done", ",4,done", "row 3, column 'seed': '' is not a whole number"),
        ("7,4,done", "7,-4,done", "row 3, column 'epoch': -4 is less than 0"),
        ("7,4,done", "-2,4,done", "row 3, column 'seed': -2 is less than -1"),
        ("7,4,done", "-1,4,done", r"column 'seed' has -1, which stands for means, beside the seed 7"),
        ("7,4,done", "99999999999999999999,4,done", "row 3, column 'seed': '9+' is not a whole number"),
        ("7,4,done", "7,4,dome", "row 3, column 'state': unknown status 'dome'; did you mean 'done'"),
        ("7,4,done,0.2", "7,4,done,nan?", "row 3, column 'acc': 'nan.' is not a number"),
        ("set,arch", "sett,arch", r"unknown column of .*in\.csv \(named in .*map\.toml\) 'set'; did you mean 'sett'"),
    ],
)
def test_mistakes_in_long_files_are_named(run, tmp_path, before, after, message):
    assert before in LONG
    with pytest.raises((FileFormatError, UnknownNameError), match=message):
        run(LONG.replace(before, after, 1), LONG_MAPPING)
    assert not (tmp_path / "out.h5").exists()


def test_progress_tells_of_all_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("tabular.importers.columns.ROWS_AT_ONCE", 2)
    (tmp_path / "in.csv").write_text(LONG)
    (tmp_path / "map.toml").write_text(LONG_MAPPING)
    told = []
    table = import_csv(tmp_path / "in.csv", tmp_path / "map.toml", tmp_path / "out.h5", lambda *call: told.append(call))
    assert told == [(2, 5, ""), (4, 5, ""), (5, 5, "")]
    assert len(table) == 2


# NAS-Bench-101's cells as an edge list and operations, 20,001 of them.

NASBENCH101_MAPPING = """
space = "nb101"
rows = 20001
[architecture]
columns = ["adjacency_upper", "ops"]
written = "upper_triangle"
[tasks.cifar10]
provenance = { restarts = true }
metrics = [
    { column = "valid_acc_4", metric = "validation_accuracy", epoch = 4, seed = 0 },
    { column = "valid_acc_12", metric = "validation_accuracy", epoch = 12, seed = 0 },
    { column = "valid_acc_36", metric = "validation_accuracy", epoch = 36, seed = 0 },
    { column = "valid_acc_108", metric = "validation_accuracy", epoch = 108, seed = 0 },
    { column = "training_time_108_s", metric = "train_seconds", epoch = 108, seed = 0 },
]
costs = [{ column = "trainable_parameters", name = "parameters", unit = "count" }]
"""


def test_nasbench101_cells_of_any_size_are_read(tmp_path):
    if not NASBENCH101.exists():
        pytest.skip(f"NAS-Bench-101's sample is not at {NASBENCH101}")
    (tmp_path / "map.toml").write_text(NASBENCH101_MAPPING)
    table = import_csv(NASBENCH101, tmp_path / "map.toml", tmp_path / "nb101.h5")
    assert table.check() == []
    assert len(table) == 20001
    assert len(np.unique(table.canonical_keys)) == 20001  # no two of its cells are isomorphic
    accuracy = table.metric("cifar10", "validation_accuracy")
    np.testing.assert_allclose(accuracy[0, 0], [0.3604767620, 0.4219751656, 0.9001402259, 0.9304887652], rtol=1e-6)
    assert table.tasks["cifar10"].restarts
    # The first cell of the file: 110100110001... and 02001, seven vertices.
    assert table.architectures[0].tolist() == [int(digit) for digit in "100110100001001010101" + "02001"]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("111,00", "'111 00' is not an architecture written as upper_triangle: 3 edges and 2 operations do not make"),
        ("1x1,0", "'1x1 0' is not an architecture written as upper_triangle"),
        ("111,3", "'111 3' is not an architecture written as upper_triangle"),
        ("001,0", "'001 0' is not an architecture written as upper_triangle"),  # no path from input to output
    ],
)
def test_edges_and_operations_that_make_no_cell_are_named(run, cell, message):
    mapping = """
space = "nb101"
[architecture]
columns = ["adjacency_upper", "ops"]
written = "upper_triangle"
[tasks.t]
metrics = [{ column = "acc", metric = "test_accuracy", epoch = 4 }]
"""
    table = run("adjacency_upper,ops,acc\n111,0,0.5\n1,,0.5\n", mapping)
    assert len(table) == 2
    with pytest.raises(FileFormatError, match=f"row 3, column 'adjacency_upper' and 'ops': {message}"):
        run(f"adjacency_upper,ops,acc\n111,0,0.5\n{cell},0.5\n", mapping)
    tiny = '{ name = "tiny", nodes = 3, operations = ["none", "skip_connect"] }'
    with pytest.raises(FileFormatError, match="'tiny' does not consist of such cells"):
        run("adjacency_upper,ops,acc\n111,0,0.5\n", mapping.replace('"nb101"', tiny))


# NAS-Bench-201 as published (Dong and Yang, ICLR 2020).


@pytest.fixture(scope="module")
def nasbench201(tmp_path_factory):
    if not NASBENCH201.exists():
        pytest.skip(f"NAS-Bench-201's published results are not at {NASBENCH201}")
    return import_csv(
        NASBENCH201, ROOT / "examples/nasbench201.toml", tmp_path_factory.mktemp("nb201") / "nasbench201.h5"
    )


def test_nasbench201_is_whole(nasbench201):
    assert nasbench201.check() == []
    assert list(nasbench201.tasks) == ["cifar10-12", "cifar10-200", "cifar100-12", "cifar100-200"]
    np.testing.assert_array_equal(NB201().index(nasbench201.architectures), np.arange(15625))
    assert nasbench201.provenance["licence"] == "MIT"
    assert all((nasbench201.status(task) == 1).all() for task in nasbench201.tasks)


@pytest.mark.parametrize(
    ("task", "metric", "best", "index"),
    [
        ("cifar10-200", "validation_accuracy", 0.9161, 6111),
        ("cifar10-200", "test_accuracy", 0.9437, 6111),
        ("cifar100-200", "test_accuracy", 0.7351, 9930),
    ],
)
def test_nasbench201_has_its_published_optima(nasbench201, task, metric, best, index):
    values = nasbench201.metric(task, metric)[:, 0, 0]
    assert int(values.argmax()) == index
    assert values.max() == pytest.approx(best, abs=5e-5)
    oracle = TableOracle(nasbench201)
    measure = f"{task}/{metric}"
    assert oracle.query(NB201().from_index(index), measure) == oracle.reference(measure).best


def test_nasbench201_charges_twelve_epochs_their_share(nasbench201):
    twelve = nasbench201.metric("cifar10-12", "train_seconds")
    np.testing.assert_allclose(twelve, nasbench201.metric("cifar10-200", "train_seconds") * 12 / 200, rtol=1e-6)


def test_nasbench201_costs_are_in_plain_units(nasbench201):
    # 3 stages of 5 cells of six 3x3 convolutions, 16 channels at 32x32 first: 212.3 M multiply-adds; stem and
    # reductions add 7.8 M. The published count is 1.3% above that.
    largest = nasbench201.rows(NB201().check([[3] * 6]))[0]
    convolutions = 3 * 5 * 6 * (32 * 32 * 16 * 16 * 9)
    stem_and_reductions = 32 * 32 * 3 * 16 * 9 + 2 * (16 * 16 * 32 * (16 * 9 + 32 * 9 + 16))
    expected = 2 * (convolutions + stem_and_reductions)
    assert nasbench201.cost("cifar10-12", "flops")[largest] == pytest.approx(expected, rel=0.02)
    weights = 5 * 6 * 9 * (16**2 + 32**2 + 64**2)
    assert weights < nasbench201.cost("cifar10-12", "parameters")[largest] < 1.1 * weights

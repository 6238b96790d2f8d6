"""NAS-Bench-101's API over tables: the original's example and tests, real numbers, and tables of our own making."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from importers.nb101_files import CHAIN, CONV, FIVE_VERTICES, FOUR_VERTICES, POOL, metrics, record, write_file
from nasbench import Task, api, get_space
from tabular import Table, TableData, TaskData, write_table
from tabular.errors import FileFormatError, InvalidArchitectureError, NasbenchError, QueryError, UnknownNameError
from tabular.importers.nasbench101 import import_nasbench101
from tabular.measures import standard_metric
from tabular.spaces.nb101 import NB101

INPUT, OUTPUT = "input", "output"
CONV3X3, CONV1X1, MAXPOOL3X3 = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"

real = pytest.mark.skipif(not FOUR_VERTICES.exists(), reason="needs ../shared/data/nasbench101")


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return import_nasbench101(FOUR_VERTICES, tmp_path_factory.mktemp("four") / "four.h5").path


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    return import_nasbench101(FIVE_VERTICES, tmp_path_factory.mktemp("five") / "five.h5").path


def table_of(path, space, rows, epochs, seeds=(0, 1), restarts=False):
    """A table whose every number says what it is: row, then seed, then epochs, in thousandths."""
    shape = (len(rows), len(seeds), len(epochs))
    values = np.add.outer(
        np.add.outer(np.arange(len(rows)) * 0.1, np.arange(len(seeds)) * 0.01), np.array(epochs) / 1000
    )
    names = ("train_accuracy", "validation_accuracy", "test_accuracy", "train_seconds")
    metrics = dict.fromkeys(names, values.astype(np.float32))
    status = np.ones(shape[:2], dtype=np.uint8)
    task = Task("t", tuple(epochs), {n: standard_metric(n) for n in names}, tuple(seeds), {"restarts": restarts})
    data = TaskData(task, metrics, status, {"parameters": np.arange(len(rows)) * 10}, {"parameters": "count"})
    write_table(path, TableData(space, rows, "class", [data]))
    return path


@pytest.fixture
def own(tmp_path):
    """All cells of three vertices, as a generator would have trained them: each epoch of one training on record."""
    space = NB101(vertices=3)
    return table_of(tmp_path / "own.h5", space, space.unique(), (1, 2, 3, 4))


# The original's example.


@real
def test_the_example_of_the_original(five):
    # Load the data from file
    nasbench = api.NASBench(five)

    # Create an Inception-like module (5x5 convolution replaced with two 3x3 convolutions).
    model_spec = api.ModelSpec(
        # Adjacency matrix of the module
        matrix=[
            [0, 1, 1, 1, 0, 1, 0],  # input layer
            [0, 0, 0, 0, 0, 0, 1],  # 1x1 conv
            [0, 0, 0, 0, 0, 0, 1],  # 3x3 conv
            [0, 0, 0, 0, 1, 0, 0],  # 5x5 conv (replaced by two 3x3's)
            [0, 0, 0, 0, 0, 0, 1],  # 5x5 conv (replaced by two 3x3's)
            [0, 0, 0, 0, 0, 0, 1],  # 3x3 max-pool
            [0, 0, 0, 0, 0, 0, 0],
        ],  # output layer
        # Operations at the vertices of the module, matches order of matrix
        ops=[INPUT, CONV1X1, CONV3X3, CONV3X3, CONV3X3, MAXPOOL3X3, OUTPUT],
    )
    # The real file at hand has cells of five vertices and four epochs only.
    with pytest.raises(api.OutOfDomainError, match=r"invalid number of epochs, must be one of \{4\}, got 108"):
        nasbench.query(model_spec)
    with pytest.raises(api.OutOfDomainError, match=r"too many vertices, got 7 \(max vertices = 5\)"):
        nasbench.query(model_spec, epochs=4)
    smaller = api.ModelSpec(
        matrix=[[0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]],
        ops=[INPUT, MAXPOOL3X3, MAXPOOL3X3, CONV1X1, OUTPUT],
    )
    data = nasbench.query(smaller, epochs=4)
    assert list(data) == [
        "module_adjacency",
        "module_operations",
        "trainable_parameters",
        "training_time",
        "train_accuracy",
        "validation_accuracy",
        "test_accuracy",
    ]
    # The record of this cell in the file, to the last digit.
    assert smaller.hash_spec(nasbench.config["available_ops"]) == "e10d317d066bdb1010685d7dd4a975d3"
    assert data["module_adjacency"].tolist() == smaller.matrix.tolist()
    assert data["module_adjacency"].dtype == np.int8
    assert data["module_operations"] == smaller.ops
    assert (data["trainable_parameters"], data["training_time"]) == (2793866, 102.46600341796875)
    accuracies = (data["train_accuracy"], data["validation_accuracy"], data["test_accuracy"])
    assert accuracies == (0.659254789352417, 0.6373196840286255, 0.6335136294364929)
    assert [type(value) for value in data.values()] == [np.ndarray, list, int, float, float, float, float]
    half = nasbench.query(smaller, epochs=4, stop_halfway=True)
    assert (half["training_time"], half["test_accuracy"]) == (50.97600173950195, 0.36508414149284363)
    assert nasbench.get_budget_counters() == (102.46600341796875 + 50.97600173950195, 6)


@real
def test_repeats_budgets_and_statistics_of_a_real_file(four):
    nasbench = api.NASBench(four, seed=1)
    assert nasbench.valid_epochs == {4, 12, 36, 108}
    assert nasbench.config == {
        "module_vertices": 4,
        "max_edges": 9,
        "num_repeats": 3,
        "available_ops": [CONV3X3, CONV1X1, MAXPOOL3X3],
    }
    spec = api.ModelSpec([[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], [INPUT, CONV1X1, CONV3X3, OUTPUT])
    fixed, computed = nasbench.get_metrics_from_spec(spec)
    assert fixed["trainable_parameters"] == 3468426
    assert list(computed) == [4, 12, 36, 108]
    assert [each["final_training_time"] for each in computed[36]] == [
        668.5900268554688,
        660.5250244140625,
        667.637939453125,
    ]
    assert list(computed[36][0]) == [
        f"{side}_{name}"
        for side in ("halfway", "final")
        for name in ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
    ]
    assert np.isnan(computed[36][0]["halfway_test_accuracy"])  # evaluated after one epoch, which is not halfway
    seen = Counter(nasbench.query(spec, 36)["validation_accuracy"] for _ in range(300))
    assert set(seen) == {each["final_validation_accuracy"] for each in computed[36]}
    assert min(seen.values()) > 60
    hashes = list(nasbench.hash_iterator())
    assert len(nasbench.hash_iterator()) == len(set(hashes)) == 91
    assert hashes[0] == spec.hash_spec(nasbench.config["available_ops"]) == "5529e1779433733d1145e20de5d8604e"
    for module_hash in hashes:
        fixed, computed = nasbench.get_metrics_from_hash(module_hash)
        again = api.ModelSpec(fixed["module_adjacency"], fixed["module_operations"])
        assert again.hash_spec(nasbench.config["available_ops"]) == module_hash
        assert {len(trainings) for trainings in computed.values()} == {3}
    assert hashes[7] in nasbench.fixed_statistics
    assert nasbench.computed_statistics[hashes[7]][108][0].keys() == computed[4][0].keys()
    assert nasbench.get_budget_counters()[1] == 300 * 36  # analysis is free


# Specs: the original's own test cases, and more.


@pytest.mark.parametrize(
    ("matrix", "ops", "left", "labels"),
    [
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], [0, 0, 0], None, None),
        ([[0, 1, 1], [0, 0, 1], [0, 0, 0]], [0, 0, 0], None, None),
        ([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], [0] * 4, None, None),
        ([[0, 1, 0, 0], [0, 0, 0, 1], [0] * 4, [0] * 4], [1, 2, 3, 4], CHAIN, [1, 2, 4]),
        ([[0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 0], [0] * 5, [0] * 5], [1, 2, 3, 4, 5], CHAIN, [1, 2, 5]),
        ([[0, 1, 1, 0], [0] * 4, [0, 0, 0, 1], [0] * 4], [1, 2, 3, 4], CHAIN, [1, 3, 4]),
        ([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0] * 4], [1, 2, 3, 4], CHAIN, [1, 3, 4]),
    ],
)
def test_what_dangles_is_cut_off(matrix, ops, left, labels):
    for given in (matrix, np.array(matrix), np.array(matrix, dtype=bool), np.array(matrix, dtype=float)):
        spec = api.ModelSpec(given, ops)
        assert spec.valid_spec
        np.testing.assert_array_equal(spec.matrix, matrix if left is None else left)
        assert spec.ops == (ops if labels is None else labels)
        np.testing.assert_array_equal(spec.original_matrix, matrix)
        assert spec.original_ops == ops
        assert spec.data_format == "channels_last"
        assert spec.matrix.dtype == np.asarray(given).dtype


@pytest.mark.parametrize(
    "matrix",
    [
        [[0]],
        [[0, 0], [0, 0]],
        [[0, 1, 0, 0], [0] * 4, [0, 0, 0, 1], [0] * 4],
        [[0] * 4, [0, 0, 1, 0], [0] * 4, [0] * 4],
    ],
)
def test_what_is_not_connected_is_no_valid_spec(matrix):
    spec = api.ModelSpec(matrix, list(range(len(matrix))), data_format="channels_first")
    assert not spec.valid_spec
    assert spec.matrix is None
    assert spec.ops is None
    assert spec.data_format == "channels_first"
    assert "not connected" in repr(spec)
    with pytest.raises(InvalidArchitectureError, match="provided graph is disconnected; it has no hash"):
        spec.hash_spec([CONV3X3])


@pytest.mark.parametrize(
    ("matrix", "ops", "problem"),
    [
        ([[0, 1]], [0], r"matrix must be square, got shape \(1, 2\)"),
        ([0, 1], [0, 0], r"matrix must be square, got shape \(2,\)"),
        ([], [], r"matrix must be square, got shape \(0,\)"),
        (5, [], r"matrix must be square, got shape \(\)"),
        ([[0, 1], [0]], [0, 0], "matrix must be square: its rows differ in length"),
        ([[0, 1], [0, 0]], [0], "length of ops must match matrix dimensions: 1 ops for a matrix of 2 vertices"),
        ([[0, 1], [1, 0]], [0, 0], "matrix must be upper triangular: row 1 has an edge to vertex 0"),
        ([[1]], [0], "matrix must be upper triangular: row 0 has an edge to vertex 0"),
        (np.eye(9, dtype=int)[::-1], [0] * 9, "matrix must be upper triangular: row 4 has an edge to vertex 4"),
        ([[0, 2], [0, 0]], [0, 0], "matrix must hold 0 and 1 only, row 0 column 1 is 2"),
        ([[0, 0.5], [0, 0]], [0, 0], "matrix must hold 0 and 1 only, row 0 column 1 is 0.5"),
        ([[0, "x"], [0, 0]], [0, 0], "matrix must hold 0 and 1 only, row 0 column 0 is 0"),
        (np.zeros((65, 65)), [0] * 65, "matrix has 65 vertices, at most 64 can be read"),
    ],
)
def test_specs_that_cannot_be_read_are_refused(matrix, ops, problem):
    with pytest.raises(ValueError, match=problem) as error:
        api.ModelSpec(matrix, ops)
    assert isinstance(error.value, NasbenchError)


def test_a_spec_is_a_copy_of_what_was_given():
    matrix, ops = np.array(CHAIN), [INPUT, CONV3X3, OUTPUT]
    spec = api.ModelSpec(matrix, ops)
    matrix[:], ops[1] = 0, MAXPOOL3X3
    assert spec.matrix.tolist() == spec.original_matrix.tolist() == [list(row) for row in CHAIN]
    assert spec.ops == spec.original_ops == [INPUT, CONV3X3, OUTPUT]
    with pytest.raises(ValueError, match="read-only"):
        spec.matrix[0, 1] = 0


def test_labels_may_come_as_any_sequence():
    matrix = [[0, 1, 1, 0], [0] * 4, [0, 0, 0, 1], [0] * 4]
    ops = [INPUT, CONV3X3, CONV1X1, OUTPUT]
    for given in (ops, tuple(ops), np.array(ops)):
        assert api.ModelSpec(matrix, given).ops == [INPUT, CONV1X1, OUTPUT]


def test_specs_agree_with_the_space():
    rng = np.random.default_rng(0)
    for name, count in (("nb101-v5", 100), ("nb101", 40)):
        space = get_space(name)
        for row in space.sample(rng, count):
            size = space.vertices
            matrix = np.zeros((size, size), dtype=int)
            matrix[np.triu_indices(size, 1)] = row[: len(space.edges)]
            ops = [INPUT, *(space.operations[choice] for choice in row[len(space.edges) :]), OUTPUT]
            spec = api.ModelSpec(matrix, ops)
            left, labels = space.to_cell(row)
            np.testing.assert_array_equal(spec.matrix, left)
            assert spec.ops == labels
            assert spec.hash_spec(space.operations) == space.module_hash(row)


def test_large_specs_are_cut_down_too():
    matrix = np.zeros((12, 12), dtype=int)
    matrix[0, 3] = matrix[3, 7] = matrix[7, 11] = matrix[1, 3] = matrix[7, 9] = 1
    spec = api.ModelSpec(matrix, list("abcdefghijkl"))
    assert spec.ops == ["a", "d", "h", "l"]
    assert spec.matrix.tolist() == np.eye(4, k=1, dtype=int).tolist()
    with pytest.raises(InvalidArchitectureError, match=r"unsupported op h \(canonical ops = \['d'\]\)"):
        spec.hash_spec(["d"])


# Validity.


def test_what_is_outside_the_space_is_said(own):
    nasbench = api.NASBench(own)

    def problem(matrix, ops):
        spec = api.ModelSpec(matrix, ops)
        assert not nasbench.is_valid(spec)
        with pytest.raises(api.OutOfDomainError) as error:
            nasbench.query(spec, epochs=4)
        return str(error.value)

    assert problem([[0, 0], [0, 0]], [INPUT, OUTPUT]) == "invalid spec, provided graph is disconnected."
    assert problem(np.eye(4, k=1, dtype=int), [INPUT, CONV3X3, CONV3X3, OUTPUT]) == (
        "too many vertices, got 4 (max vertices = 3)"
    )
    assert problem(CHAIN, ["in", CONV3X3, OUTPUT]) == "first operation should be 'input', got 'in'"
    assert problem(CHAIN, [INPUT, CONV3X3, CONV3X3]) == f"last operation should be 'output', got {CONV3X3!r}"
    assert problem(CHAIN, [INPUT, "conv5x5", OUTPUT]) == (
        f"unsupported op conv5x5 (available ops = {[CONV3X3, CONV1X1, MAXPOOL3X3]})"
    )
    assert problem(CHAIN, [INPUT, [], OUTPUT]).startswith("unsupported op [] (available ops")
    assert nasbench.is_valid(api.ModelSpec(CHAIN, [INPUT, MAXPOOL3X3, OUTPUT]))
    # A wrong label that is cut off does not matter; dangling vertices do not count.
    dangling = [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0] * 4]
    assert nasbench.is_valid(api.ModelSpec(dangling, [INPUT, "conv5x5", CONV1X1, OUTPUT]))
    with pytest.raises(api.OutOfDomainError, match=r"invalid number of epochs, must be one of \{1, 2, 3, 4\}, got 108"):
        nasbench.query(api.ModelSpec(CHAIN, [INPUT, MAXPOOL3X3, OUTPUT]))
    assert issubclass(api.OutOfDomainError, NasbenchError)


def test_cells_have_at_most_nine_edges(tmp_path):
    space = NB101(vertices=5)
    nasbench = api.NASBench(table_of(tmp_path / "few.h5", space, space.unique()[:5], (1,)))
    full = np.triu(np.ones((5, 5), dtype=int), 1)
    spec = api.ModelSpec(full, [INPUT, CONV3X3, CONV3X3, CONV3X3, OUTPUT])
    with pytest.raises(api.OutOfDomainError, match=r"too many edges, got 10 \(max edges = 9\)"):
        nasbench.query(spec, 1)
    full[0, 4] = 0
    spec = api.ModelSpec(full, [INPUT, CONV3X3, CONV3X3, CONV3X3, OUTPUT])
    assert nasbench.is_valid(spec)
    with pytest.raises(
        api.NoRecordError, match=r"few\.h5: has no record of <ModelSpec 01110 .*nasbench generate"
    ) as error:
        nasbench.query(spec, 1)
    assert isinstance(error.value, (QueryError, KeyError))
    with pytest.raises(KeyError):
        nasbench.get_metrics_from_spec(spec)
    with pytest.raises(api.NoRecordError, match="has no record of a cell with the hash 'abc'"):
        nasbench.get_metrics_from_hash("abc")
    assert "abc" not in nasbench.fixed_statistics


# Tables of our own making.


def test_a_generated_table_answers_with_its_own_epochs(own):
    nasbench = api.NASBench(own, seed=0)
    space = nasbench._records.space
    rows = space.unique()
    for number, row in enumerate(rows):
        spec = api.ModelSpec(*space.to_cell(row))
        fixed, computed = nasbench.get_metrics_from_spec(spec)
        assert fixed["trainable_parameters"] == 10 * number
        for epochs in (1, 2, 3, 4):
            for seed, training in enumerate(computed[epochs]):
                at_end = number * 0.1 + seed * 0.01 + epochs / 1000
                assert training["final_test_accuracy"] == pytest.approx(at_end)
                half = training["halfway_validation_accuracy"]
                if epochs == 1:
                    assert np.isnan(half)  # epoch 0 is not on record
                else:
                    assert half == pytest.approx(number * 0.1 + seed * 0.01 + epochs // 2 / 1000)
        answer = nasbench.query(spec, 4, stop_halfway=True)
        assert answer["training_time"] in {each["halfway_training_time"] for each in computed[4]}
    assert nasbench.get_budget_counters()[1] == 2 * len(rows)
    nasbench.reset_budget_counters()
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_budgets_that_are_trainings_of_their_own_have_no_halfway(tmp_path):
    space = NB101(vertices=3)
    nasbench = api.NASBench(table_of(tmp_path / "t.h5", space, space.unique(), (2, 4), restarts=True))
    spec = api.ModelSpec(CHAIN, [INPUT, CONV3X3, OUTPUT])
    assert np.isnan(nasbench.query(spec, 4, stop_halfway=True)["test_accuracy"])


def test_missing_metrics_and_parameters_are_nan(tmp_path):
    space = NB101(vertices=3)
    task = Task("t", (4,), {"test_accuracy": standard_metric("test_accuracy")}, (0,))
    values = {"test_accuracy": np.full((1, 1, 1), 0.5, dtype=np.float32)}
    data = TaskData(task, values, np.ones((1, 1), dtype=np.uint8))
    write_table(tmp_path / "t.h5", TableData(space, space.unique()[:1], "class", [data]))
    answer = api.NASBench(tmp_path / "t.h5").query(api.ModelSpec([[0, 1], [0, 0]], [INPUT, OUTPUT]), 4)
    assert answer["test_accuracy"] == 0.5
    assert np.isnan([answer["trainable_parameters"], answer["training_time"], answer["train_accuracy"]]).all()


def test_only_trainings_on_record_are_drawn(tmp_path):
    records = [record(POOL, 4, metrics(4, 10 + i)) for i in range(3)] + [record(CONV, 4, metrics(4, 20))]
    records += [record(CONV, 12, metrics(12, 60))]
    table = import_nasbench101(write_file(tmp_path / "in.tfrecord", records), tmp_path / "out.h5")
    nasbench = api.NASBench(table)
    conv, pool = (api.ModelSpec(CHAIN, [INPUT, op, OUTPUT]) for op in (CONV3X3, MAXPOOL3X3))
    assert {nasbench.query(conv, 4)["training_time"] for _ in range(20)} == {20}
    assert {nasbench.query(pool, 4)["training_time"] for _ in range(60)} == {10, 11, 12}
    assert nasbench.query(conv, 12, stop_halfway=True)["training_time"] == 30
    assert list(nasbench.get_metrics_from_spec(pool)[1]) == [4]
    with pytest.raises(api.NoRecordError, match=r"has no training of 12 epochs of \['input', 'maxpool3x3', 'output'\]"):
        nasbench.query(pool, 12)


def test_a_diverged_training_is_a_training(tmp_path):
    space = NB101(vertices=3)
    rows = space.unique()[:1]
    task = Task("t", (4,), {n: standard_metric(n) for n in ("test_accuracy", "train_seconds")}, (0, 1))
    values = {
        "test_accuracy": np.array([[[np.nan], [0.5]]], dtype=np.float32),
        "train_seconds": np.array([[[3], [4]]], dtype=np.float32),
    }
    data = TaskData(task, values, np.array([[2, 1]], dtype=np.uint8))
    write_table(tmp_path / "t.h5", TableData(space, rows, "class", [data]))
    nasbench = api.NASBench(tmp_path / "t.h5", seed=0)
    spec = api.ModelSpec(*space.to_cell(rows[0]))
    assert {nasbench.query(spec, 4)["training_time"] for _ in range(30)} == {3, 4}


def test_rows_drawn_with_dangling_vertices_are_told_pruned(tmp_path):
    space = NB101(vertices=4)
    row = space.from_cell([[0, 1, 1, 0], [0] * 4, [0, 0, 0, 1], [0] * 4], [INPUT, CONV3X3, CONV1X1, OUTPUT])
    nasbench = api.NASBench(table_of(tmp_path / "t.h5", space, row[None], (1,)))
    answer = nasbench.query(api.ModelSpec(CHAIN, [INPUT, CONV1X1, OUTPUT]), 1)
    assert answer["module_adjacency"].tolist() == [list(each) for each in CHAIN]
    assert answer["module_operations"] == [INPUT, CONV1X1, OUTPUT]
    answer["module_adjacency"][:] = 0  # a copy, as the original gives
    assert nasbench.query(api.ModelSpec(CHAIN, [INPUT, CONV1X1, OUTPUT]), 1)["module_adjacency"].any()


# Randomness.


def test_draws_are_the_originals_and_disturb_nobody(own):
    spec = api.ModelSpec(CHAIN, [INPUT, CONV3X3, OUTPUT])
    random.seed(99)
    state = random.getstate()
    nasbench, twin = api.NASBench(own, seed=7), api.NASBench(own, 7)
    drawn = [nasbench.query(spec, 4)["train_accuracy"] for _ in range(50)]
    assert random.getstate() == state
    assert drawn == [twin.query(spec, 4)["train_accuracy"] for _ in range(50)]
    trainings = nasbench.get_metrics_from_spec(spec)[1][4]
    random.seed(7)  # what the original's constructor does, and its query
    assert drawn == [trainings[random.randint(0, 1)]["final_train_accuracy"] for _ in range(50)]  # noqa: S311


# Files.


def test_an_original_file_is_refused_with_the_command_that_imports_it(own, tmp_path):
    with pytest.raises(
        FileFormatError,
        match=r"nasbench import nasbench101 data/nasbench_full\.tfrecord --out data/nasbench_full\.h5",
    ):
        api.NASBench("data/nasbench_full.tfrecord")
    with pytest.raises(FileFormatError, match=r"none\.h5: no such file"):
        api.NASBench(tmp_path / "none.h5")
    with Table.open(own) as table:
        assert api.NASBench(table).valid_epochs == {1, 2, 3, 4}
        assert "own.h5" in repr(api.NASBench(table))


def test_tables_of_other_spaces_and_of_several_tasks(toy_table, tmp_path):
    with pytest.raises(QueryError, match="is a table of 'toy'; this API answers for NAS-Bench-101's space"):
        api.NASBench(toy_table)
    space = NB101(vertices=3)
    rows = space.unique()
    tasks = []
    for number, name in enumerate(("a", "b")):
        values = {"test_accuracy": np.full((len(rows), 1, 1), number / 2, dtype=np.float32)}
        task = Task(name, (1,), {"test_accuracy": standard_metric("test_accuracy")}, (0,))
        tasks.append(TaskData(task, values, np.ones((len(rows), 1), dtype=np.uint8)))
    write_table(tmp_path / "two.h5", TableData(space, rows, "class", tasks))
    with pytest.raises(QueryError, match="has the tasks a, b; name one by task="):
        api.NASBench(tmp_path / "two.h5")
    with pytest.raises(UnknownNameError, match="unknown task 'c'"):
        api.NASBench(tmp_path / "two.h5", task="c")
    spec = api.ModelSpec(CHAIN, [INPUT, CONV3X3, OUTPUT])
    assert api.NASBench(tmp_path / "two.h5", task="b").query(spec, 1)["test_accuracy"] == 0.5


def test_evaluate_says_that_tables_do_not_train(own, tmp_path):
    with pytest.raises(QueryError, match=r"a table does not train, use 'nasbench generate' or tabular\.training"):
        api.NASBench(own).evaluate(api.ModelSpec(CHAIN, [INPUT, CONV3X3, OUTPUT]), str(tmp_path))


def test_the_api_loads_neither_torch_nor_pandas_and_nasbench_not_the_api():
    script = (
        "import sys, nasbench; assert 'nasbench.api' not in sys.modules; from nasbench import api; "
        "print([name for name in ('torch', 'pandas', 'xgboost', 'tabular.importers.tfrecord') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

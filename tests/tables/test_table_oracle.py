"""The table as an oracle: every way of asking gives what the table holds."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench import CellSpace, Measure, Oracle, Task
from tabular import TableData, TableOracle, TaskData, write_table
from tabular.errors import InvalidArchitectureError, QueryError, UnknownNameError
from tabular.measures import standard_metric
from tabular.spaces import NB201

SPACE = CellSpace("tiny", 3, ("none", "skip_connect", "nor_conv_3x3"))
HUGE = CellSpace("huge", 7, ("none", "skip_connect", "nor_conv_3x3"))  # 3^21 rows: answered by sorted search
SEEDS = (0, 1, 5)
EPOCHS = (1, 4)


def write(path, space, rows, represents, seeds=SEEDS):
    """Write a table with missing and diverged trainings; a row of nothing but missing ones too."""
    rng = np.random.default_rng(2)
    shape = (len(rows), len(seeds), len(EPOCHS))
    metrics = {
        "validation_accuracy": rng.random(shape, dtype=np.float32),
        "validation_loss": rng.random(shape, dtype=np.float32) * 3,
        "train_seconds": np.cumsum(rng.random(shape), axis=2).astype(np.float32),
    }
    status = rng.choice(np.array([0, 1, 1, 1, 2], dtype=np.uint8), shape[:2])
    status[0], status[1] = 0, 1
    for name, values in metrics.items():
        values[status == 0] = np.nan
        if name != "train_seconds":
            values[status == 2, 1] = np.nan
    task = Task("t", EPOCHS, {name: standard_metric(name) for name in metrics}, seeds)
    write_table(path, TableData(space, rows, represents, [TaskData(task, metrics, status)]))
    return TableOracle(path)


def _oracle(tmp_path_factory, kind):
    path = tmp_path_factory.mktemp("oracle") / f"{kind}.h5"
    if kind == "class":
        return write(path, SPACE, SPACE.unique(), "class")
    if kind == "row":
        return write(path, SPACE, SPACE.all()[np.random.default_rng(0).permutation(27)], "row")
    rows = HUGE.sample(np.random.default_rng(3), 50)
    rows = rows[np.unique(HUGE.canonical_key(rows), return_index=True)[1]]
    return write(path, HUGE, rows, kind.removeprefix("huge-"))


@pytest.fixture(scope="module", params=["class", "row", "huge-class", "huge-row"])
def oracle(request, tmp_path_factory):
    return _oracle(tmp_path_factory, request.param)


@pytest.fixture(scope="module")
def class_oracle(tmp_path_factory):
    return _oracle(tmp_path_factory, "class")


def held(oracle):
    """Return architectures that the oracle knows, in an order of their own, and the rows that answer for them."""
    rows = oracle.space.all() if oracle.space.size < 100 else oracle.table.architectures[::-1]
    return rows, oracle.table.rows(rows)


MEASURES = [
    f"t/{name}@{epoch}" for name in ("validation_accuracy", "validation_loss", "train_seconds") for epoch in EPOCHS
]


@pytest.mark.parametrize("measure", MEASURES)
def test_answers_are_those_of_the_table(oracle, measure):
    architectures, rows = held(oracle)
    _, metric, epoch = measure.replace("@", "/").split("/")
    values = oracle.table.metric("t", metric)[rows, :, EPOCHS.index(int(epoch))].astype(np.float64)
    there = ~np.isnan(values)
    means = np.array([each[known].mean() if known.any() else np.nan for each, known in zip(values, there, strict=True)])
    np.testing.assert_allclose(oracle.query(architectures, measure), means, rtol=1e-12)
    for number, seed in enumerate(SEEDS):
        np.testing.assert_array_equal(oracle.query(architectures, measure, seed=seed), values[:, number])


@pytest.mark.parametrize("measure", MEASURES)
def test_one_by_one_and_in_a_batch_are_the_same(oracle, measure):
    architectures, _ = held(oracle)
    draws = np.random.default_rng(1).integers(0, 2**64, len(architectures), dtype=np.uint64)
    resolved = Measure("t", *measure[2:].split("@")[:1], int(measure[-1]))
    for _ in range(2):  # the second time from memory
        one = [oracle.query(each, measure) for each in architectures]
        np.testing.assert_array_equal(one, oracle.query(architectures, resolved))
        one = [oracle.query(each, measure, seed=5) for each in architectures]
        np.testing.assert_array_equal(one, oracle.query(architectures, measure, seed=5))
        one = [oracle.query(each, measure, draw=int(d)) for each, d in zip(architectures, draws, strict=True)]
        np.testing.assert_array_equal(one, oracle.query(architectures, measure, draw=draws))
        assert all(isinstance(each, float) for each in one)


def test_a_draw_takes_each_training_on_record_and_no_other(oracle):
    architectures, rows = held(oracle)
    status = oracle.table.status("t")[rows]
    seconds = oracle.table.metric("t", "train_seconds")[rows, :, -1]
    for row, architecture in enumerate(architectures[:20]):
        on_record = np.flatnonzero(status[row] != 0)
        drawn = [oracle.query(architecture, "train_seconds", draw=d) for d in range(6)]
        if len(on_record):
            assert drawn == [float(seconds[row, on_record[d % len(on_record)]]) for d in range(6)]
        else:
            assert np.isnan(drawn).all()


def test_one_draw_serves_for_all(class_oracle):
    architectures, _ = held(class_oracle)
    many = class_oracle.query(architectures, draw=np.full(len(architectures), 7, dtype=np.uint64))
    np.testing.assert_array_equal(class_oracle.query(architectures, draw=7), many)


def test_every_drawing_of_a_network_has_one_answer(class_oracle):
    everything = SPACE.all()
    answers = class_oracle.query(everything)
    for key in np.unique(SPACE.canonical_key(everything)):
        same = answers[SPACE.canonical_key(everything) == key]
        np.testing.assert_array_equal(same, same[0])


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=0, max_size=5))
def test_plain_lists_and_other_types_are_understood(class_oracle, rows):
    as_uint8 = np.array(rows, dtype=np.uint8).reshape(-1, 3)
    expected = class_oracle.query(as_uint8)
    assert expected.shape == (len(rows),)
    np.testing.assert_array_equal(class_oracle.query(as_uint8.astype(np.int64)), expected)
    for row, answer in zip(rows, expected, strict=True):
        np.testing.assert_array_equal(class_oracle.query(np.array(row)), answer)
        np.testing.assert_array_equal(class_oracle.query(row), answer)


def test_bytes_of_another_type_are_not_taken_for_a_row(class_oracle):
    row = np.array([0, 1, 2], dtype=np.uint8)
    class_oracle.query(row)
    for wrong in (row.view("S3"), row[:2], np.zeros(4, dtype=np.uint8), row[None, None]):
        with pytest.raises(InvalidArchitectureError):
            class_oracle.query(wrong)


def test_rows_outside_the_space_are_refused(oracle):
    bad = oracle.table.architectures[:2].copy()
    bad[1, 0] = 3
    for query in (bad, bad[1]):
        with pytest.raises(InvalidArchitectureError, match="position 0 has choice 3, allowed are 0 to 2"):
            oracle.query(query)
    with pytest.raises(InvalidArchitectureError, match="row 1"):
        oracle.query(bad, draw=np.zeros(2, dtype=np.uint64))


@pytest.mark.parametrize("space", [SPACE, HUGE])
def test_an_architecture_that_is_not_on_record_is_named(tmp_path, space):
    rows = space.sample(np.random.default_rng(0), 3)
    oracle = write(tmp_path / "few.h5", space, rows, "row")
    absent = space.check((rows[0] + 1) % 3)
    assert oracle.table.rows(absent[None])[0] == -1
    text = space.to_text(absent)
    for options in ({}, {"draw": 1}, {"seed": 0}):
        with pytest.raises(QueryError) as caught:
            oracle.query(absent, **options)
        assert f"few.h5: has no record of the architecture {text}" in str(caught.value)
        assert "can be finished with 'nasbench generate', a surrogate fitted on it knows the whole space" in str(
            caught.value
        )
        with pytest.raises(QueryError) as caught:
            oracle.query(np.stack([rows[1], absent]), **options)
        assert text in str(caught.value)


def test_questions_the_table_cannot_answer_are_refused(class_oracle):
    row = np.zeros(3, dtype=np.uint8)
    with pytest.raises(QueryError, match=r"no training with seed 3; .*class\.h5 holds the seeds 0, 1, 5"):
        class_oracle.query(row, seed=3)
    with pytest.raises(QueryError, match="task 't' has no epoch 2; it has 1, 4"):
        class_oracle.query(row, "validation_accuracy@2")
    with pytest.raises(UnknownNameError, match="did you mean 'validation_accuracy'"):
        class_oracle.query(row, "validation_acuracy")
    with pytest.raises(QueryError, match="give either"):
        class_oracle.query(row, seed=0, draw=1)
    with pytest.raises(QueryError, match="3 architectures need one draw or 3 draws, got 2"):
        class_oracle.query(SPACE.all()[:3], draw=np.zeros(2, dtype=np.uint64))
    for rows in (row, SPACE.all()[:2]):
        with pytest.raises(QueryError, match=r"a draw is a whole number from 0 to 2\*\*64 - 1, got -1"):
            class_oracle.query(rows, draw=-1)


def test_a_table_of_means_has_no_seeds(tmp_path):
    oracle = write(tmp_path / "means.h5", SPACE, SPACE.all(), "row", seeds=(-1,))
    with pytest.raises(QueryError, match=r"no training with seed 0; .*means\.h5 holds means over seeds only"):
        oracle.query(SPACE.all(), seed=0)
    np.testing.assert_array_equal(oracle.query(SPACE.all(), draw=3), oracle.query(SPACE.all()))


def test_reference_is_over_all_rows_of_the_space(class_oracle):
    answers = class_oracle.query(SPACE.all())
    known = answers[~np.isnan(answers)]
    reference = class_oracle.reference()
    np.testing.assert_allclose(reference, (known.max(), known.mean(), known.std()))
    losses = class_oracle.query(SPACE.all(), "validation_loss")
    assert class_oracle.reference("validation_loss").best == np.nanmin(losses)


def test_reference_of_a_huge_space_is_over_the_rows_on_record(tmp_path):
    oracle = write(tmp_path / "huge.h5", HUGE, HUGE.sample(np.random.default_rng(3), 50), "row")
    answers = oracle.query(oracle.table.architectures)
    assert oracle.reference().random_mean == pytest.approx(np.nanmean(answers))


def test_nothing_on_record_has_no_reference(tmp_path):
    rows = SPACE.all()[:1]
    task = Task("t", (1,), {"validation_accuracy": standard_metric("validation_accuracy")}, (0,))
    values = {"validation_accuracy": np.full((1, 1, 1), np.nan, dtype=np.float32)}
    data = TableData(SPACE, rows, "row", [TaskData(task, values, np.zeros((1, 1), dtype=np.uint8))])
    write_table(tmp_path / "none.h5", data)
    assert TableOracle(tmp_path / "none.h5").reference() is None


def test_an_oracle_travels_to_another_process(oracle):
    copy = pickle.loads(pickle.dumps(oracle))  # noqa: S301 - our own bytes
    architectures, _ = held(oracle)
    assert copy.name == oracle.name
    np.testing.assert_array_equal(copy.query(architectures), oracle.query(architectures))
    assert isinstance(copy, Oracle)


def test_batches_larger_than_a_block_and_not_contiguous(tmp_path):
    space = NB201()
    oracle = write(tmp_path / "nb201.h5", space, space.unique(), "class")
    architectures = space.sample(np.random.default_rng(0), 100_001)
    expected = oracle.query(architectures)
    np.testing.assert_array_equal(oracle.query(np.asfortranarray(architectures)), expected)
    np.testing.assert_array_equal(oracle.query(architectures[::2]), expected[::2])
    some = np.arange(0, len(architectures), 997)
    np.testing.assert_array_equal([oracle.query(each) for each in architectures[some]], expected[some])

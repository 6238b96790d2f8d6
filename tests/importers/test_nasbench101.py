"""Importing NAS-Bench-101's files: EC-NAS' own, files written record by record, and every kind of damage."""

from __future__ import annotations

import base64
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importers.nb101_files import (
    CHAIN,
    CONV,
    FIVE_VERTICES,
    FOUR_VERTICES,
    POOL,
    cell,
    evaluation,
    field,
    frame,
    metrics,
    record,
    write_file,
)
from nasbench import get_space
from tabular import TableOracle
from tabular.errors import FileFormatError
from tabular.importers.nasbench101 import Cell, import_nasbench101, read_cells, read_model_metrics
from tabular.importers.tfrecord import MASK, masked_crc32c, read_tfrecord
from tabular.measures import Metric
from tabular.spaces.nb101 import NB101

real = pytest.mark.skipif(not FOUR_VERTICES.exists(), reason="needs ../shared/data/nasbench101")


@pytest.fixture
def run(tmp_path):
    """Import a file of these records."""

    def run(*records):
        return import_nasbench101(write_file(tmp_path / "in.tfrecord", records), tmp_path / "out.h5")

    return run


def refused(run, *records):
    with pytest.raises(FileFormatError) as error:
        run(*records)
    return str(error.value)


# The real files.


@real
def test_ec_nas_four_vertices(tmp_path):
    told = []
    table = import_nasbench101(FOUR_VERTICES, tmp_path / "out.h5", lambda *each: told.append(each))
    assert table.check() == []
    assert table.space == get_space("nb101-v4")
    assert table.represents == "class"
    assert len(table) == 91
    task = table.tasks["cifar10"]
    assert (task.epochs, task.seeds) == ((4, 12, 36, 108), (0, 1, 2))
    assert task.restarts
    assert (task.provenance["records"], task.provenance["missing"]) == (1092, 0)
    assert task.provenance["licence"] == "MIT"
    assert task.metrics["energy"] == Metric("energy", "joule", "none", "minimize")
    # Its middle evaluations are after one epoch, so none is halfway.
    assert task.provenance["without_halfway"] == 1092
    assert not any(name.startswith("halfway") for name in task.metrics)
    # The first record of the file, 36 epochs of a cell with 3,468,426 parameters.
    matrix = [[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    row = table.space.from_cell(matrix, ["input", "conv1x1-bn-relu", "conv3x3-bn-relu", "output"])
    assert table.space.module_hash(row) == "5529e1779433733d1145e20de5d8604e"
    oracle = TableOracle(table)
    assert oracle.query(row, "validation_accuracy@36", seed=0) == 0.9174679517745972
    assert oracle.query(row, "test_accuracy@36", seed=2) == 0.9135617017745972
    assert oracle.query(row, "train_seconds@36", seed=1) == 660.5250244140625
    assert oracle.query(row, "energy@36", seed=0) == pytest.approx(0.113109 * 3.6e6)
    assert table.cost("cifar10", "parameters")[table.rows(row[None])[0]] == 3468426
    assert table.costs("cifar10") == {"parameters": "count"}
    assert told[-1] == (FOUR_VERTICES.stat().st_size,) * 2 + ("writing the table",)


@real
def test_ec_nas_five_vertices(tmp_path):
    table = import_nasbench101(FIVE_VERTICES, tmp_path / "out.h5")
    assert table.check() == []
    assert table.space == get_space("nb101-v5")
    assert len(table) == len(table.space.unique()) == 2532
    task = table.tasks["cifar10"]
    assert (task.epochs, task.seeds) == ((4,), (0,))
    assert task.provenance["without_halfway"] == 0
    assert task.metrics["halfway_train_seconds"].unit == "second"
    halfway, end = (table.metric("cifar10", prefix + "train_seconds") for prefix in ("halfway_", ""))
    assert (halfway < end).all()
    assert table.metric("cifar10", "energy").min() > 0


@real
@pytest.mark.parametrize("cut", [1, 5, 11, 12, 40, 793])
def test_a_real_file_cut_short_is_refused_with_the_record(tmp_path, cut):
    (tmp_path / "cut.tfrecord").write_bytes(FOUR_VERTICES.read_bytes()[:-cut])
    with pytest.raises(FileFormatError, match=r"cut\.tfrecord: ends within record 1091, which begins at byte 892,742"):
        list(read_tfrecord(tmp_path / "cut.tfrecord"))


# Checksums.


def test_the_checksum_is_crc32c():
    # RFC 3720, appendix B.4, and the check value of the CRC catalogue.
    known = {bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, bytes(range(32)): 0x46DD794E, b"123456789": 0xE3069283}
    data = np.frombuffer(b"".join(known), dtype=np.uint8)
    lengths = np.array([len(each) for each in known])
    masked = masked_crc32c(data, np.cumsum(lengths) - lengths, lengths).tolist()
    for found, expected in zip(masked, known.values(), strict=True):
        turned = (found - MASK) & 0xFFFFFFFF
        assert (turned << 15 | turned >> 17) & 0xFFFFFFFF == expected


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "sound.tfrecord"
    return write_file(path, [record(CONV, 4, metrics(4, 10 + i)) for i in range(3)])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_every_flipped_bit_is_caught(sound, tmp_path, place, bit):
    data = bytearray(sound.read_bytes())
    at = int(place * len(data))
    data[at] ^= 1 << bit
    path = tmp_path / "flipped.tfrecord"
    path.write_bytes(data)
    begins = 3 * at // len(data) * (len(data) // 3)
    with pytest.raises(FileFormatError, match=f"record {3 * at // len(data)} at byte {begins:,} is damaged"):
        list(read_tfrecord(path))


def test_every_flipped_bit_of_the_frame_is_caught(sound, tmp_path):
    whole = sound.read_bytes()
    each = len(whole) // 3
    path = tmp_path / "flipped.tfrecord"
    for at in [
        *range(12),
        *range(each - 4, each + 12),
        *range(2 * each, 2 * each + 12),
        *range(3 * each - 4, 3 * each),
    ]:
        for bit in range(8):
            data = bytearray(whole)
            data[at] ^= 1 << bit
            path.write_bytes(data)
            with pytest.raises(FileFormatError, match=f"record {at // each} at byte .* is damaged"):
                list(read_tfrecord(path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_every_truncation_is_caught_or_ends_between_records(sound, tmp_path, share):
    data = sound.read_bytes()
    each = len(data) // 3
    kept = int(share * len(data))
    path = tmp_path / "cut.tfrecord"
    path.write_bytes(data[:kept])
    if kept and kept % each == 0:
        assert sum(map(len, read_tfrecord(path))) == kept // each
    else:
        message = "ends within record" if kept else "is empty, it lacks even record 0"
        with pytest.raises(FileFormatError, match=message):
            list(read_tfrecord(path))


def test_other_files_are_refused(tmp_path):
    missing, text, long = tmp_path / "missing", tmp_path / "text", tmp_path / "long"
    text.write_bytes(b"hash,accuracy\n" * 100)
    head = struct.pack("<Q", 1 << 30)
    long.write_bytes(frame(b"")[:0] + head + frame(head)[20:])  # a length with its right checksum
    with pytest.raises(FileFormatError, match="missing: cannot be read: No such file"):
        list(read_tfrecord(missing))
    with pytest.raises(FileFormatError, match="record 0 at byte 0 is damaged: its length does not match"):
        list(read_tfrecord(text))
    with pytest.raises(
        FileFormatError, match=r"record 0 at byte 0 claims 1,073,741,824 bytes, .* another kind of file"
    ):
        list(read_tfrecord(long))


def test_records_across_blocks_stay_whole(tmp_path, monkeypatch):
    payloads = [bytes([i]) * (i * 37 % 101) for i in range(200)]
    write_file(tmp_path / "many", payloads)
    monkeypatch.setattr("tabular.importers.tfrecord.BLOCK", 97)
    records = [each for block in read_tfrecord(tmp_path / "many") for each in block]
    assert [each.data for each in records] == payloads
    assert [each.number for each in records] == list(range(200))


# What a training recorded.


def test_unknown_fields_are_passed_over():
    point = evaluation(2, 5, 0.3, 0.2, 0.1)
    other = point + field(6, b"/path/model.ckpt-1") + field(9, b"2022") + field(15, 300) + b"\x85\x01" + bytes(4)
    shuffled = b"".join(reversed([field(i, v) for i, v in enumerate((2.0, 5.0, 0.3, 0.2, 0.1, 1.0), 1)]))
    message = field(9, b"power") + field(1, other) + field(2, 1 << 24) + field(1, shuffled) + field(4, 0.5)
    found = read_model_metrics(message)
    assert found.parameters == 1 << 24
    plain, energetic = found.evaluations
    assert plain[:5] == energetic[:5] == (2, 5, 0.3, 0.2, 0.1)
    assert np.isnan(plain.energy)
    assert energetic.energy == 3.6e6
    assert read_model_metrics(field(1, point + field(6, 1.0))).evaluations[0].energy == 3.6e6


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (field(1, bytes(20))[:-3], "field 1 ends behind the message"),
        (field(3, 1.0)[:-1], "field 3 ends behind the message"),
        (b"\x10\xff", "the message ends within a number"),
        (b"\x0b", "a field of wire type 3"),
    ],
)
def test_broken_messages_are_refused(message, problem):
    with pytest.raises(ValueError, match=problem):
        read_model_metrics(message)


# Files written record by record.


def test_repeats_budgets_and_cells_find_their_places(run):
    edge = cell(((0, 1), (0, 0)))
    table = run(
        record(POOL, 12, metrics(12, 30, 0.7, 5)),
        record(CONV, 4, metrics(4, 10, 0.4)),
        record(POOL, 12, metrics(12, 31, 0.8, 5)),
        record(CONV, 12, metrics(12, 33, 0.6)),
        record(edge, 4, metrics(4, 1, 0.2, 0)),
        record(POOL, 4, metrics(4, 11, 0.5, 5)),
    )
    assert table.check() == []
    assert table.space == NB101(vertices=3)
    task = table.tasks["cifar10"]
    assert (task.epochs, task.seeds) == ((4, 12), (0, 1))
    assert (task.provenance["records"], task.provenance["missing"]) == (6, 6)
    assert (task.provenance["licence"], task.provenance["dataset"]) == ("Apache-2.0", "CIFAR-10")
    assert "learning rate decays" in task.provenance["trainings"]
    assert "energy" not in task.metrics
    nan = np.nan  # the order of the file: POOL, CONV, edge
    seconds = [[[11, 30], [nan, 31]], [[10, 33], [nan, nan]], [[1, nan], [nan, nan]]]
    np.testing.assert_array_equal(table.metric("cifar10", "train_seconds"), seconds)
    np.testing.assert_array_equal(table.metric("cifar10", "halfway_train_seconds"), np.array(seconds) / 2)
    np.testing.assert_allclose(table.metric("cifar10", "train_accuracy")[0], [[0.5, 0.7], [nan, 0.8]])
    np.testing.assert_allclose(table.metric("cifar10", "halfway_test_accuracy")[1, 0], [0.16, 0.24])
    np.testing.assert_array_equal(table.status("cifar10"), [[1, 1], [1, 0], [1, 0]])
    np.testing.assert_array_equal(table.cost("cifar10", "parameters"), [5, 1000, 0])


def test_two_drawings_of_a_cell_are_one_architecture(run):
    matrix = ((0, 1, 1, 0), (0, 0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 0))
    one, other = cell(matrix, "maxpool3x3", "conv1x1-bn-relu"), cell(matrix, "conv1x1-bn-relu", "maxpool3x3")
    table = run(record(one, 4, metrics(4, 1)), record(other, 4, metrics(4, 2)))
    assert len(table) == 1
    assert table.metric("cifar10", "train_seconds").ravel().tolist() == [1, 2]
    assert table.space.to_cell(table.architectures[0])[1][1] == "maxpool3x3"


def test_an_evaluation_elsewhere_than_halfway_is_not_taken_for_it(run):
    task = run(record(CONV, 12, metrics(12, middle=1)), record(POOL, 12, metrics(12, middle=6))).tasks["cifar10"]
    assert task.provenance["without_halfway"] == 1


def test_rows_are_those_of_the_space(tmp_path):
    space = get_space("nb101-v5")
    rows = space.unique()
    cells = []
    for row, module_hash in zip(rows, space.module_hash(rows), strict=True):
        matrix, operations = space.to_cell(row)
        cells.append(Cell(module_hash, "".join(map(str, matrix.ravel())), ",".join(operations)))
    found_space, found = read_cells(tmp_path, cells, list(range(len(cells))))
    assert found_space == space
    expected = [space.from_cell(*space.to_cell(row)) for row in rows]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"accuracy": float("nan")}, "record 1 at byte .*: train_accuracy is nan, expected a fraction in 0..1"),
        ({"accuracy": 1.01}, "record 1 at byte .*: train_accuracy is 1.01, expected a fraction in 0..1"),
        ({"accuracy": -0.1}, "record 1 at byte .*: train_accuracy is -0.1, expected a fraction in 0..1"),
        ({"seconds": float("inf")}, "record 1 at byte .*: train_seconds is inf, expected 0 or more"),
        ({"seconds": -1.0}, "record 1 at byte .*: train_seconds is -1, expected 0 or more"),
        ({"parameters": 2000}, "record 0: trainable_parameters is 1000, and 2000 in another record of its cell"),
    ],
)
def test_numbers_that_cannot_be_are_refused(run, values, problem):
    import re

    message = refused(run, record(CONV, 4, metrics(4, 9.0)), record(CONV, 4, metrics(4, **{"seconds": 8.0} | values)))
    assert re.search(problem, message), message


def test_a_record_must_be_what_it_should_be(run):
    good = record(CONV, 4, metrics(4))
    half = evaluation(2, 1, 0.1, 0.1, 0.1)
    for bad, problem in (
        (b"\xff\xfe", "record 1 at byte 314 is no training of NAS-Bench-101"),
        (b"[1, 2]", "it is not a list of hash, epochs, adjacency, operations and metrics"),
        (record(CONV, 0, metrics(4)), "it has 0 epochs"),
        (record(CONV, True, metrics(4)), "it is not a list of hash"),
        (record(CONV, 12, metrics(4)), "its last evaluation is after 4 epochs, expected 12"),
        (record(CONV, 4, field(1, half)), "it has 1 evaluations, expected those of start, middle and end"),
        (record(CONV, 4, field(1, half) * 3), "its last evaluation is after 2 epochs"),
        (record(CONV, 4, metrics(4).replace(field(2, 1000), b"")), "trainable_parameters is -1, expected a count"),
        (record(CONV, 4, b"\x0b"), "a field of wire type 3"),
        (good, "record 1 is a copy of record 0"),
    ):
        assert problem in refused(run, good, bad)


def test_a_cell_must_be_what_its_hash_says(run):
    good = record(POOL, 4, metrics(4))

    def message(*parts):
        return refused(run, good, record(parts, 4, metrics(4)))

    assert "record 1: its hash is" in message(POOL[0], *CONV[1:])
    assert CONV[0] in message(POOL[0], *CONV[1:])
    assert "record 1 has no cell: '01000100' is no 0-1 matrix over its 3 vertices" in message("", "01000100", CONV[2])
    assert "'010002000' is no 0-1 matrix" in message("", "010002000", CONV[2])
    assert "'010001100' has an edge on or below its diagonal" in message("", "010001100", CONV[2])
    assert "'conv5x5' is none of conv3x3-bn-relu, conv1x1-bn-relu" in message("", CONV[1], "input,conv5x5,output")
    assert "it has 1 vertices, expected 2 to 7" in message("", "0", "input")
    assert "it has 8 vertices, expected 2 to 7" in message("", "0" * 64, ",".join(["maxpool3x3"] * 8))
    assert "no path leads from the input to the output" in message("", "000001000", CONV[2])


def test_base64_may_be_written_in_lines_or_in_one(run):
    lines = record(CONV, 4, metrics(4))
    one = lines.replace(b"\\n", b"")
    assert lines != one
    assert base64.b64decode(b"AA==") == b"\0"
    assert run(one).metric("cifar10", "train_seconds").tolist() == [[[10]]]
    assert CHAIN[0] == (0, 1, 0)

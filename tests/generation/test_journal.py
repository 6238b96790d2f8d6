"""The journal: whatever is cut off or flipped, every other record is read as it was written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabular.errors import OutputError
from tabular.generation.journal import MAGIC, MARK, JournalHeader, JournalWriter, Record, read_journal

HEADER = JournalHeader({"space": "tiny"}, {"torch": "2"}, ("validation_accuracy", "train_seconds"), (1, 2), ("flops",))


def record(row):
    rng = np.random.default_rng(row)
    return Record(row, 10 * row, 1 + row % 2, rng.random((2, 2), dtype=np.float32), rng.random(1))


def same(a, b):
    return a[:3] == b[:3] and np.array_equal(a.metrics, b.metrics) and np.array_equal(a.costs, b.costs)


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """A journal of five records, and the size of the file after the header and after each."""
    path = tmp_path_factory.mktemp("journal") / "w.journal"
    sizes = []
    with JournalWriter(path, HEADER) as writer:
        sizes.append(path.stat().st_size)
        for row in range(5):
            writer.append([record(row)])
            sizes.append(path.stat().st_size)
    return path.read_bytes(), sizes


def test_what_is_written_is_on_the_disk_at_once_and_reads_back(journal, tmp_path):
    content, _ = journal
    (tmp_path / "j").write_bytes(content)
    read = read_journal(tmp_path / "j")
    assert read.header == HEADER
    assert read.problems == []
    assert len(read.records) == 5
    assert all(same(found, record(row)) for row, found in enumerate(read.records))


def test_cut_at_every_byte_all_whole_records_are_kept(journal, tmp_path):
    content, sizes = journal
    path = tmp_path / "cut"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        read = read_journal(path)
        whole = sum(size <= length for size in sizes[1:])
        assert len(read.records) == whole, length
        assert all(same(found, record(row)) for row, found in enumerate(read.records))
        assert (read.header is None) == (length < sizes[0])
        # A file that was cut within its header recorded nothing, so nothing is lost.
        assert bool(read.problems) == (length > sizes[0] and length not in sizes), length


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_a_flipped_byte_costs_its_own_record_only(journal, tmp_path, place, flip):
    content, sizes = journal
    place %= len(content)
    damaged = bytearray(content)
    damaged[place] ^= flip
    (tmp_path / "flipped").write_bytes(damaged)
    read = read_journal(tmp_path / "flipped")
    assert read.problems
    assert "flipped" in read.problems[0]
    if place < sizes[0]:
        assert read.header is None
        assert read.records == []
    else:
        lost = next(i for i, size in enumerate(sizes[1:]) if place < size)
        kept = [row for row in range(5) if row != lost]
        assert [found.row for found in read.records] == kept
        assert all(same(found, record(found.row)) for found in read.records)


def test_the_damaged_bytes_are_named(journal, tmp_path):
    content, sizes = journal
    damaged = bytearray(content)
    damaged[sizes[2] + 20] ^= 1
    (tmp_path / "j").write_bytes(damaged)
    assert read_journal(tmp_path / "j").problems == [
        f"{tmp_path / 'j'}: bytes {sizes[2]} to {sizes[3] - 1} are damaged and left out"
    ]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), magic=st.booleans())
def test_foreign_bytes_are_no_records(tmp_path, content, magic):
    foreign = MAGIC * magic + content
    (tmp_path / "foreign").write_bytes(foreign)
    read = read_journal(tmp_path / "foreign")
    assert read.header is None
    assert read.records == []
    assert bool(read.problems) == (not (MAGIC + MARK).startswith(foreign))


def test_a_record_of_another_shape_is_left_out(journal, tmp_path):
    content, sizes = journal
    wide = JournalHeader({}, {}, ("a", "b", "c", "d"), (1, 2), ())
    with JournalWriter(tmp_path / "wide", wide) as writer:
        start = writer.path.stat().st_size
        writer.append([Record(0, 0, 1, np.zeros((4, 2), dtype=np.float32), np.zeros(0))])
    mixed = tmp_path / "mixed"
    mixed.write_bytes(content[: sizes[1]] + (tmp_path / "wide").read_bytes()[start:] + content[sizes[1] :])
    read = read_journal(mixed)
    assert [found.row for found in read.records] == [0, 1, 2, 3, 4]
    assert "does not have the length that the header says" in read.problems[0]


def test_a_journal_is_never_written_over(tmp_path):
    with JournalWriter(tmp_path / "j", HEADER):
        pass
    with pytest.raises(OutputError, match="j: cannot be written: File exists"):
        JournalWriter(tmp_path / "j", HEADER)


def test_a_journal_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OutputError, match="none: cannot be read"):
        read_journal(tmp_path / "none")

"""NAS-Bench-101's API at the benchmark's full size: opening, asking, memory; and what importing a record costs.

The table is of all 423,624 cells, with random numbers: for speed they are all alike. Cells that are asked for are
random matrices with random operations, most of them drawn otherwise than on record. The original package needs
TensorFlow 1, which no supported Python runs, so it does not run beside ours.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
from timing import Figure

from nasbench import Task, get_space
from tabular import TableData, TaskData, write_table
from tabular.importers.tfrecord import masked_crc32c
from tabular.measures import standard_metric

if TYPE_CHECKING:
    from pathlib import Path

SEEDS, EPOCHS = 3, (4, 12, 36, 108)
ASKED = 100_000
RECORDS = 100_000

ASKING = """
import sys, time
import numpy as np
from nasbench import get_space
from nasbench import api
path, asked, block = sys.argv[1], int(sys.argv[2]), 10000
def memory(what):
    return int(next(line for line in open("/proc/self/status") if line.startswith(what)).split()[1]) * 1024
def matrices(rows):
    cells = np.zeros((len(rows), 7, 7), dtype=int)
    starts, ends = np.triu_indices(7, 1)
    cells[:, starts, ends] = rows[:, :21]
    return cells
start = time.perf_counter()
bench = api.NASBench(path, seed=0)
opened = time.perf_counter() - start
start = time.perf_counter()
bench.query(api.ModelSpec([[0, 1], [0, 0]], ["input", "output"]))
first = time.perf_counter() - start
rng, space = np.random.default_rng(1), bench._records.space
names = space.operations
seconds = done = 0
while done < asked:
    cells = matrices(rng.random((block, 21)) < 0.4).tolist()
    labels = [["input", *(names[c] for c in row), "output"] for row in rng.integers(0, 3, (block, 5)).tolist()]
    kept = [(m, o) for m, o in zip(cells, labels) if bench.is_valid(api.ModelSpec(m, o))][: asked - done]
    begin = time.perf_counter()
    for matrix, ops in kept:
        bench.query(api.ModelSpec(matrix, ops))
    seconds += time.perf_counter() - begin
    done += len(kept)
print(opened, first, seconds / done, memory("VmRSS"), memory("VmHWM"), done)
"""

IMPORTING = """
import sys, time
from tabular.importers.nasbench101 import import_nasbench101
def highest():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
before = highest()
start = time.perf_counter()
import_nasbench101(sys.argv[1], sys.argv[2])
print(time.perf_counter() - start, highest() - before)
"""


def synthetic_table(path: Path) -> None:
    """Write a table of NAS-Bench-101's cells, seeds and budgets."""
    space, rng = get_space("nb101"), np.random.default_rng(0)
    rows = space.unique()
    shape = (len(rows), SEEDS, len(EPOCHS))
    names = ("train_accuracy", "validation_accuracy", "test_accuracy")
    metrics = {prefix + name: rng.random(shape, dtype=np.float32) for prefix in ("", "halfway_") for name in names}
    for prefix in ("", "halfway_"):
        metrics[f"{prefix}train_seconds"] = np.cumsum(rng.random(shape, dtype=np.float32), axis=2)
    meanings = {name: standard_metric(name.removeprefix("halfway_")) for name in metrics}
    task = Task("cifar10", EPOCHS, meanings, tuple(range(SEEDS)), {"restarts": True})
    parameters = rng.integers(200_000, 50_000_000, len(rows))
    status = np.ones(shape[:2], dtype=np.uint8)
    write_table(
        path,
        TableData(
            space, rows, "class", [TaskData(task, metrics, status, {"parameters": parameters}, {"parameters": "count"})]
        ),
    )


def synthetic_records(path: Path, records: int) -> None:
    """Write the first records of a full file: three repeats of four budgets of each cell, one cell after the other."""
    space, rng = get_space("nb101"), np.random.default_rng(0)
    each = SEEDS * len(EPOCHS)
    rows = space.unique()[rng.permutation(423_624)[: -(-records // each)]]
    payloads = []
    for row, module_hash in zip(rows, space.module_hash(rows), strict=True):
        matrix, operations = space.to_cell(row)
        adjacency = "".join(map(str, matrix.ravel()))
        for epochs in EPOCHS:
            for _ in range(SEEDS):
                end = rng.random(4, dtype=np.float32).astype(float)
                end[0] += epochs
                points = ((0.0, 0.0, 0.1, 0.1, 0.1), (epochs / 2, *end / 2), (float(epochs), *end))
                evaluations = (b"".join(struct.pack("<Bd", i << 3 | 1, v) for i, v in enumerate(p, 1)) for p in points)
                message = b"".join(b"\x0a\x2d" + part for part in evaluations) + b"\x10\x85\xa4\x80\x04\x19" + bytes(8)
                text = base64.encodebytes(message).decode()
                payloads.append(json.dumps([module_hash, epochs, adjacency, ",".join(operations), text]).encode())
    path.write_bytes(framed(payloads[:records]))


def framed(payloads: list[bytes]) -> bytes:
    """Return the payloads as records of a TFRecord file."""
    heads = b"".join(struct.pack("<Q", len(payload)) for payload in payloads)
    lengths = np.array([len(payload) for payload in payloads], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    eights = np.full(len(payloads), 8)
    head_sums = masked_crc32c(np.frombuffer(heads, np.uint8), np.arange(len(payloads)) * 8, eights)
    sums = masked_crc32c(np.frombuffer(b"".join(payloads), np.uint8), starts, lengths)
    parts = zip(payloads, head_sums.tolist(), sums.tolist(), strict=True)
    return b"".join(
        struct.pack("<QI", len(payload), head_sum) + payload + struct.pack("<I", data_sum)
        for payload, head_sum, data_sum in parts
    )


def figures(folder: Path) -> list[Figure]:
    """Measure opening, asking and importing, each in a process of its own."""
    table, records = folder / "nasbench101.h5", folder / "nasbench101.tfrecord"
    synthetic_table(table)
    opened, first, asked, resident, most, done = _run(ASKING, table, ASKED)
    synthetic_records(records, RECORDS)
    imported, grown = _run(IMPORTING, records, folder / "imported.h5")
    print(
        f"resident after {done:,.0f} questions: {resident / 1e6:.0f} MB, at most {most / 1e6:.0f} MB; importing "
        f"{RECORDS:,} records grows by {grown / 1e6:.0f} MB, {grown / RECORDS:.0f} bytes a record",
        file=sys.stderr,
    )
    return [
        Figure("open a table of 423,624 cells", opened, aim="50 ms"),
        Figure("its first query", first),
        Figure("ModelSpec and query, random cells not seen before", asked, aim="20 us"),
        Figure("import a record of a .tfrecord file", imported / RECORDS),
    ]


def _run(script: str, *arguments: object) -> list[float]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(each) for each in done.stdout.split()]

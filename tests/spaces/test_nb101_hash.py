"""The hashes of NAS-Bench-101's cells: MD5 as its files have it, and keys that tell the same cells apart."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tabular.importers.tfrecord import read_tfrecord
from tabular.spaces.nb101 import NB101
from tabular.spaces.nb101_hash import OPERATIONS, edges, key_of_one, keys_of_many, pruned_matrices
from tabular.spaces.nb101_md5 import digests, hexadecimal, module_hash, module_hashes, padded

CAMPAIGN = bool(os.environ.get("NASBENCH_CAMPAIGN"))
"""Whether all labelled graphs are compared; else those of up to 6 vertices."""

DATA = Path(__file__).parents[3] / "shared/data/nasbench101"
published = pytest.mark.skipif(not DATA.is_dir(), reason=f"the published files are not at {DATA}")


@pytest.mark.parametrize("length", [0, 1, 54, 55, 56, 63, 64, 107, 130, 252])
def test_md5_of_many_messages(length):
    texts = np.random.default_rng(length).integers(0, 256, (20_000 if length == 55 else 50, length), dtype=np.uint8)
    messages = padded(length, len(texts))
    messages[:, :length] = texts
    found = hexadecimal(digests(messages))
    assert [bytes(each).decode() for each in found] == [
        hashlib.md5(text.tobytes(), usedforsecurity=False).hexdigest() for text in texts
    ]


def labelled_graphs(vertices):
    """All cells that keep every one of their vertices: pruned matrices, and what each interior vertex does."""
    places, pruned = edges(vertices), np.unique(pruned_matrices(vertices))[1:]
    leaving = np.zeros((len(pruned), vertices), dtype=bool)
    for place, (start, _) in enumerate(places):
        leaving[:, start] |= (pruned >> (len(places) - 1 - place) & 1).astype(bool)
    whole = pruned[leaving[:, :-1].all(axis=1)]
    choices = np.array(list(itertools.product(range(3), repeat=vertices - 2)), dtype=np.uint8)
    return np.repeat(whole, len(choices)), np.tile(choices, (len(whole), 1))


def plain_hash(matrix, operations):
    """Return the MD5 by the plain reference, of a matrix that keeps all its vertices."""
    vertices = len(operations) + 2
    square = np.zeros((vertices, vertices), dtype=int)
    square[np.triu_indices(vertices, 1)] = [matrix >> i & 1 for i in reversed(range(len(edges(vertices))))]
    return module_hash(square, [-1, *operations, -2])


def test_keys_are_equal_exactly_when_md5_is():
    """All labelled graphs, which the benchmark's authors went through in the same way to find their 423,624 cells."""
    total, keys, hashes = 0, [], []
    for vertices in range(3, 8 if CAMPAIGN else 7):
        matrices, operations = labelled_graphs(vertices)
        total += len(matrices)
        keys.append(keys_of_many(matrices, operations))
        hashes.append(module_hashes(matrices, operations))
        some = slice(None, None, 1 if CAMPAIGN or vertices < 6 else 97)
        one_by_one = list(zip(matrices[some].tolist(), operations[some].tolist(), strict=True))
        assert [key_of_one(*each) for each in one_by_one] == keys[-1][some].tolist()
        assert [plain_hash(*each) for each in one_by_one] == hashes[-1][some].astype(str).tolist()
    key, digest = np.concatenate(keys), np.concatenate(hashes)
    _, which_key = np.unique(key, return_inverse=True)
    names, which_digest = np.unique(digest, return_inverse=True)
    pairs = np.unique(which_key.astype(np.int64) * len(names) + which_digest)
    # The cell of two vertices, which no labelled graph here has, is one more of each.
    assert len(pairs) == len(np.unique(key)) == len(names) == (423_623 if CAMPAIGN else 64_541)
    assert not CAMPAIGN or total == 1_293_207


def test_a_drawing_does_not_matter():
    """Interior vertices in another order that keeps edges forward: same key, same MD5."""
    space, rng, seen = NB101(), np.random.default_rng(0), 0
    for row in space.sample(rng, 300):
        matrix, operations = space.to_cell(row)
        order = [0, *rng.permutation(np.arange(1, len(matrix) - 1)).tolist(), len(matrix) - 1]
        drawn = matrix[np.ix_(order, order)]
        if np.tril(drawn).any():
            continue
        seen += order != sorted(order)
        again = space.from_cell(drawn, [operations[v] for v in order])
        assert space.canonical_key(again) == space.canonical_key(row)
        assert space.module_hash(again) == space.module_hash(row)
    assert seen > 10


def test_operations_matter_and_those_of_dangling_vertices_do_not():
    space = NB101(4)
    texts = [
        "conv3x3-bn-relu(0)|maxpool3x3(0)|output(1)",
        "conv3x3-bn-relu(0)|conv1x1-bn-relu()|output(1)",
        "conv1x1-bn-relu(0)|maxpool3x3(0)|output(1)",
    ]
    for hashes in (space.canonical_key(space.from_text(texts)).tolist(), space.module_hash(space.from_text(texts))):
        assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("vertices", [3, 5, 7])
def test_many_hashes_are_those_of_one(vertices):
    space = NB101(vertices)
    rows = space.sample(np.random.default_rng(1), 1500)  # with repeats, and cells of fewer vertices
    hashes = space.module_hash(rows)
    numbers = {"input": -1, "output": -2, **{operation: i for i, operation in enumerate(OPERATIONS)}}
    for row, found in zip(rows[::7], hashes[::7], strict=True):
        matrix, operations = space.to_cell(row)
        assert found == space.module_hash(row) == module_hash(matrix, [numbers[each] for each in operations])
    assert space.module_hash(rows[:0]) == []


@published
def test_every_published_hash_is_that_of_its_matrix_and_of_a_unique_cell():
    space = NB101()
    with (DATA / "nasbench101_first20001.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    rows = []
    for line in lines:
        vertices = int(line["n_vertices"])
        matrix = np.zeros((vertices, vertices), dtype=int)
        matrix[np.triu_indices(vertices, 1)] = [int(bit) for bit in line["adjacency_upper"]]
        names = [OPERATIONS[int(label)] for label in line["ops"]]
        rows.append(space.from_cell(matrix, ["input", *names, "output"]))
    assert space.module_hash(np.array(rows)) == [line["hash"] for line in lines]
    assert np.isin(space.canonical_key(np.array(rows)), space.canonical_key(space.unique())).all()


@published
@pytest.mark.parametrize(
    ("name", "vertices"), [("energy_4V9E.tfrecord", 4), ("energy_5V9E_4epochs.tfrecord", 5)], ids=["4", "5"]
)
def test_the_published_files_hold_the_unique_cells(name, vertices):
    space = NB101(vertices)
    records = [json.loads(each.data) for some in read_tfrecord(DATA / name) for each in some]
    found = {}
    for md5, _, bits, operations, _ in records:
        names = operations.split(",")
        found[md5] = space.from_cell(np.array([int(bit) for bit in bits]).reshape(len(names), -1), names)
    assert space.module_hash(np.array(list(found.values()))) == list(found)
    assert set(found) == set(space.module_hash(space.unique()))

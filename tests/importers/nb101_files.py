"""TFRecord files of NAS-Bench-101's kind, written record by record."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import numpy as np

from tabular.importers.tfrecord import masked_crc32c
from tabular.spaces.nb101_hash import OPERATIONS
from tabular.spaces.nb101_md5 import module_hash

SHARED = Path(__file__).parents[3] / "shared/data/nasbench101"
FOUR_VERTICES = SHARED / "energy_4V9E.tfrecord"
FIVE_VERTICES = SHARED / "energy_5V9E_4epochs.tfrecord"


def cell(matrix, *operations):
    """A cell as files write it, with its hash."""
    labels = [-1, *map(OPERATIONS.index, operations), -2]
    adjacency = "".join(str(bit) for row in matrix for bit in row)
    return module_hash(matrix, labels), adjacency, ",".join(("input", *operations, "output"))


CHAIN = ((0, 1, 0), (0, 0, 1), (0, 0, 0))
CONV = cell(CHAIN, "conv3x3-bn-relu")
POOL = cell(CHAIN, "maxpool3x3")


def crc(data):
    found = masked_crc32c(np.frombuffer(data + bytes(4), np.uint8), np.array([0]), np.array([len(data)]))
    return struct.pack("<I", int(found[0]))


def frame(data):
    head = struct.pack("<Q", len(data))
    return head + crc(head) + data + crc(data)


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """One field of a protocol buffer: a double, a whole number or bytes."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def evaluation(epoch, seconds, train, validation, test):
    return b"".join(field(i, float(v)) for i, v in enumerate((epoch, seconds, train, validation, test), 1))


def metrics(epochs, seconds=10.0, accuracy=0.5, parameters=1000, middle=None):
    """The message of one training: start, halfway and end."""
    middle = epochs / 2 if middle is None else middle
    points = [(0, 0, 0.1), (middle, seconds / 2, accuracy / 2), (epochs, seconds, accuracy)]
    parts = [evaluation(e, s, a, a * 0.9, a * 0.8) for e, s, a in points]
    return b"".join(field(1, part) for part in parts) + field(2, parameters) + field(3, 2 * seconds)


def record(cell, epochs, message):
    module_hash, adjacency, operations = cell
    return json.dumps([module_hash, epochs, adjacency, operations, base64.encodebytes(message).decode()]).encode()


def write_file(path, records):
    path.write_bytes(b"".join(map(frame, records)))
    return path

"""NATS-Bench's API over a table beside the `nats_bench` package, on one small archive; and answers held together."""

import numpy as np
import pytest

from importers.nats_archives import HPS, write_nats_archive, write_nats_file
from nasbench.api import nats_bench as ours
from tabular import write_table
from tabular.importers.nats_bench import import_nats_bench

CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
ROUNDED = 2e-6
"""Tables hold single precision."""
OF_AN_EPOCH = 3e-5
"""An epoch's seconds are the difference of two sums over up to 200 epochs."""


def close(mine, theirs, rel=ROUNDED):
    """Compare nested answers; the texts of comments are our own."""
    if isinstance(theirs, dict):
        assert mine.keys() == theirs.keys()
        for key in theirs.keys() - {"comment"}:
            close(mine[key], theirs[key], rel)
    elif isinstance(theirs, (tuple, list)):
        assert len(mine) == len(theirs)
        for each, other in zip(mine, theirs, strict=True):
            close(each, other, rel)
    elif isinstance(theirs, float):
        assert mine == pytest.approx(theirs, rel=rel)
    else:
        assert mine == theirs


class Pair:
    """The two APIs over the same archive, which ours reads as a table."""

    def __init__(self, folder, kind, indices):
        import nats_bench

        archive = write_nats_file(folder / "archive", kind, indices)
        self.indices, self.hps = indices, HPS[kind]
        self.full = max(self.hps, key=int)
        self.path = folder / "table.h5"
        self.mine = ours.create(import_nats_bench(archive, self.path), kind, verbose=False, seed=0)
        self.theirs = nats_bench.create(str(archive), kind, verbose=False)

    def same(self, call, rel=ROUNDED):
        close(call(self.mine), call(self.theirs), rel)


def partial_topology(folder):
    """Open a table where 1234 was not trained on CIFAR-10 for 12 epochs, and its latency not measured."""
    archive = write_nats_archive(folder / "archive", "tss", (0, 1, 12, 1224, 1234))
    data = import_nats_bench(archive, folder / "whole.h5").load()
    for each in data.tasks:
        if each.task.name == "cifar10-12":
            each.status = np.where(np.arange(5)[:, None] == 4, 0, each.status).astype(np.uint8)
            each.metrics = {n: np.where(each.status[..., None] == 0, np.nan, v) for n, v in each.metrics.items()}
        each.costs["latency_seconds"] = np.where(np.arange(5) == 4, np.nan, each.costs["latency_seconds"])
    path = folder / "NATS-tss-v1_0-3ffb9.h5"
    write_table(path, data)
    return ours.create(str(path), "tss", fast_mode=True, verbose=False, seed=0)

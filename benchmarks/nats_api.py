"""NATS-Bench's API over a table beside the `nats_bench` package, on the same made-up trainings of six architectures."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from timing import Figure, measure_pair

from nasbench.api.nats_bench import create
from tabular.importers.nats_bench import import_nats_bench

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS: dict[str, tuple[Callable[[Any], object], str]] = {
    "get_more_info, a training of 12 epochs": (lambda api: api.get_more_info(284, "cifar100"), "20 times faster"),
    "the same, mean over trainings": (
        lambda api: api.get_more_info(284, "cifar100", is_random=False),
        "20 times faster",
    ),
    "get_more_info, a training of 200 epochs": (lambda api: api.get_more_info(284, "cifar100", hp="200"), "100 times"),
    "simulate_train_eval, 12 epochs": (lambda api: api.simulate_train_eval(284, "cifar10"), "100 times faster"),
    "simulate_train_eval, 200 epochs": (
        lambda api: api.simulate_train_eval(284, "cifar10", hp="200"),
        "100 times faster",
    ),
    "get_cost_info": (lambda api: api.get_cost_info(284, "cifar10"), "100 times faster"),
    "get_latency": (lambda api: api.get_latency(284, "cifar10"), "100 times faster"),
    "query_by_index, all trainings of 200 epochs": (lambda api: api.query_by_index(284, "cifar100", "200"), ""),
    "query_info_str_by_arch": (lambda api: api.query_info_str_by_arch(284), ""),
    "query_index_by_arch of a string": (lambda api: api.query_index_by_arch(api[284]), ""),
    "find_best among six": (lambda api: api.find_best("cifar10", "valid"), ""),
}


def figures(folder: Path) -> list[Figure]:
    """Measure each call once everything that it needs was read; nothing without the package to hold it against."""
    if find_spec("nats_bench") is None:
        print("skipped: the package nats_bench is not installed", file=sys.stderr)
        return []
    import nats_bench

    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from nats_archives import write_nats_file

    archive = write_nats_file(folder / "archive", "tss", (0, 11, 284, 1234, 6111, 15624))
    mine = create(import_nats_bench(archive, folder / "nats.h5"), "tss", verbose=False, seed=0)
    theirs = nats_bench.create(str(archive), "tss", verbose=False)
    found = []
    for what, (call, aim) in CALLS.items():
        ours, other, ratio = measure_pair(lambda: call(mine), lambda: call(theirs), repeat=50)  # noqa: B023
        found.append(Figure(what, ours, f"nats_bench {nats_bench.version()[1:]}", other, ratio, aim))
    return found

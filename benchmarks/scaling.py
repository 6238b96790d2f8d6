"""How much faster two workers of Ray train groups of a table than one does: the same groups, a thread each, in turn."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import ray
from timing import Figure, measure_pair

from nasbench import get_space
from tabular.generation.engine import Job, WorkerContext
from tabular.generation.journal import JournalHeader
from tabular.generation.plan import make_groups
from tabular.generation.ray import RayEngine
from tabular.training import METRICS, Recipe, load_dataset

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = Recipe(epochs=1, channels=4, image_size=8)
TOGETHER = 3
GROUPS = 12
WORKERS = 2
AIM = "1/1.8"


def figures(folder: Path) -> list[Figure]:
    """Measure the training of random nb201 cells on digits, without the start of Ray and of its workers."""
    space, dataset = get_space("nb201"), load_dataset("digits")
    networks = space.unique()
    header = JournalHeader({}, {}, METRICS, tuple(range(1, RECIPE.epochs + 1)), ())
    context = WorkerContext(space, networks, RECIPE, dataset, "cpu", folder, header)
    rows = GROUPS * TOGETHER
    groups = make_groups(networks, [rows], rows, [0], TOGETHER)

    def with_workers(number: int) -> None:
        for _ in RayEngine(workers=number).train(context, (Job(group, ()) for group in groups)):
            pass

    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0")
    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        two, one, ratio = measure_pair(lambda: with_workers(WORKERS), lambda: with_workers(1), rounds=3)
    finally:
        ray.shutdown()
    what = f"{rows} nb201 cells, {TOGETHER} at a time, by {WORKERS} workers of Ray"
    return [Figure(what, two, "by one", one, ratio, AIM)]

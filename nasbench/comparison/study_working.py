"""The runs that a study lacks, made in as many processes as wanted."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.comparison.compare import check_travels
from nasbench.comparison.extending import compare_alike
from tabular.errors import NasbenchError
from tabular.work import deaf_to_interrupts, end_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nasbench.comparison.results import Results
    from nasbench.comparison.study_cells import Cell
    from nasbench.comparison.study_planning import PlannedComparison
    from strategies.strategy import StrategyFactory
    from tabular.measures import Oracle


@dataclass(frozen=True)
class Work:
    """Runs of one cell that are made together.

    Parameters
    ----------
    comparison : int
        Its place among the comparisons of the study.
    cell : Cell
    seeds : range
    """

    comparison: int
    cell: Cell
    seeds: range


def shared_out(work: Sequence[Work], jobs: int) -> list[Work]:
    """Return the same runs in more pieces, where there are fewer than processes."""
    shares = -(-jobs // len(work)) if work else 1
    if shares == 1:
        return list(work)
    pieces = []
    for each in work:
        size = -(-len(each.seeds) // shares)
        starts = range(each.seeds.start, each.seeds.stop, size)
        pieces += [
            Work(each.comparison, each.cell, range(start, min(start + size, each.seeds.stop))) for start in starts
        ]
    return pieces


def done(
    work: Sequence[Work], planned: Sequence[PlannedComparison], jobs: int, wait: float | None
) -> Iterator[tuple[Work, Results | NasbenchError]]:
    """Yield each piece of work with what it gave, as it gets done.

    Parameters
    ----------
    work : sequence of Work
    planned : sequence of PlannedComparison
    jobs : int
        Processes.
    wait : float, optional
        See `nasbench.comparison.compare`.
    """
    if jobs == 1 or len(work) < 2:
        for each in work:
            comparison = planned[each.comparison]
            factory = comparison.strategies[each.cell.strategy]
            yield each, _run(comparison.blank, comparison.oracle, each.cell.strategy, factory, each.seeds, wait)
        return
    for comparison in planned:
        for name, factory in comparison.strategies.items():
            check_travels(name, factory)
    stages = [(each.blank, each.oracle) for each in planned]
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")  # threads of torch or OpenMP do not survive a fork
    with ProcessPoolExecutor(min(jobs, len(work)), context, initializer=_begin, initargs=(stages,)) as pool:
        try:
            with deaf_to_interrupts():
                futures = {}
                for each in work:
                    name = each.cell.strategy
                    factory = planned[each.comparison].strategies[name]
                    futures[pool.submit(_run_on_stage, each.comparison, name, factory, each.seeds, wait)] = each
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()  # nobody waits for what they compute
            raise


_stages: list[tuple[Results, Oracle]] = []
"""In a worker process: protocol and oracle of each comparison; sent once, so that an oracle keeps what it has read."""


def _begin(stages: list[tuple[Results, Oracle]]) -> None:
    end_with_parent()
    _stages[:] = stages


def _run_on_stage(
    place: int, name: str, factory: StrategyFactory, seeds: range, wait: float | None
) -> Results | NasbenchError:
    return _run(*_stages[place], name, factory, seeds, wait)


def _run(
    blank: Results, oracle: Oracle, name: str, factory: StrategyFactory, seeds: range, wait: float | None
) -> Results | NasbenchError:
    try:
        return compare_alike(blank, {name: factory}, oracle, seeds, wait=wait)
    except NasbenchError as error:
        return error

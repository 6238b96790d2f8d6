"""What figures, tables and the report of a large comparison take, and statistics beside those of scipy."""

from __future__ import annotations

import shutil
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from timing import Figure, measure_pair

from nasbench.analysis.curves import aggregate, curves
from nasbench.analysis.figures import KINDS, save_figure
from nasbench.analysis.paper_tables import final_table
from nasbench.comparison import Results, compare
from nasbench.report import write_report
from strategies import read_strategy
from tabular import TableOracle
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STRATEGIES, RUNS, TRIALS = 20, 500, 300
TABLE = "nb201-digits"
_PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"


def figures(folder: Path) -> list[Figure]:
    """Analyse 20 strategies x 500 runs x 300 evaluations: random search and evolution with other options each."""
    results = large_results()
    found = [_timed(f"curves of regret, {STRATEGIES} x {RUNS} x {TRIALS}", partial(curves, results))]
    drawn = [each for kind in KINDS if (each := _drawn(results, folder, kind)) is not None]
    total = sum(each.seconds for each in drawn)
    found += [*drawn, Figure(f"{len(drawn)} figures in all", total, aim="20 s")]
    found.append(_timed("final table with its tests", partial(final_table, results)))
    page = folder / "report.html"
    report = _timed("the report", partial(write_report, [results], page))
    found.append(Figure(f"the report, {page.stat().st_size / 1e6:.2f} MB", report.seconds))
    return [*found, *_first_paint(page), *_beside_scipy()]


def large_results() -> Results:
    """Make the results that all is measured on."""
    sizes = range(5, 5 * STRATEGIES, 5)
    names = ["random-search", *(f"regularized-evolution(population={size},sample=5)" for size in sizes)]
    made = {name: read_strategy(name) for name in names}
    return compare(made, TableOracle(TABLE), TRIALS, runs=RUNS, objectives=["parameters"], jobs=2)


def _first_paint(page: Path) -> list[Figure]:
    """Return when a browser first shows something of a page, the median of five; nothing where there is no chromium."""
    if shutil.which("chromedriver") is None:
        return []
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options, seconds = webdriver.ChromeOptions(), []
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"):
        options.add_argument(flag)
    with webdriver.Chrome(options, Service(shutil.which("chromedriver"))) as browser:
        for _ in range(5):
            browser.get(page.as_uri())
            time.sleep(1)
            seconds.append(browser.execute_script(_PAINTED) / 1000)
    return [Figure("the report opened in headless chromium, to its first paint", statistics.median(seconds))]


def _drawn(results: Results, folder: Path, kind: str) -> Figure | None:
    """Draw a figure; None where this comparison has not what it takes, one benchmark to pool, say."""
    try:
        return _timed(f"figure {kind} as PDF", partial(save_figure, results, folder / f"{kind}.pdf", kind))
    except QueryError:
        return None


def _timed(what: str, call: Callable[[], object]) -> Figure:
    start = time.perf_counter()
    call()
    return Figure(what, time.perf_counter() - start)


def _beside_scipy() -> list[Figure]:
    from scipy.stats import bootstrap, trim_mean

    values = np.random.default_rng(0).normal(size=(RUNS, 20))
    ours = partial(aggregate, values, "iqm", resamples=1000)
    iqm = partial(trim_mean, proportiontocut=0.25, axis=-1)
    theirs = partial(bootstrap, (values.T,), iqm, axis=-1, method="percentile", n_resamples=1000)
    times = measure_pair(ours, theirs, rounds=3)
    return [Figure(f"bootstrap of the interquartile mean, {RUNS} runs x 20 points", times[0], "scipy", *times[1:])]

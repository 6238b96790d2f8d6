"""Write docs/results.md: ``python benchmarks/strategies_page.py KEEP [--runs N] [--only NAME,NAME]``.

Every strategy is compared on every protocol. What is done lies in the folder KEEP, so that a second call goes on.
Strategies are left out where they cannot search; the page says why.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from published_tables import nasbench201_table, nasbench201_without_budgets, spikenas_table
from timing import machine

from nasbench.analysis import save_figure
from nasbench.comparison import Results, compare, summarise
from strategies import get_strategy, read_strategy, strategy_families
from tabular import Table, TableOracle
from tabular.errors import NasbenchError
from tabular.measures import resolve_measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nasbench.comparison import SummaryRow
    from strategies.strategy import StrategyFactory
    from tabular.measures import Oracle

DOCS = Path(__file__).parents[1] / "docs"
EVOLUTION = "regularized-evolution(population=10,sample=3)"
"""The options of NAS-Bench-201's paper."""

BOHB = "bohb(samples=4,random_fraction=0.0)"
"""The options of NAS-Bench-201's script."""

QUICK, SLOW = "all-but-model-based", "model-based"
DRAWN = (
    "random-search",
    EVOLUTION,
    "local-search",
    "reinforce",
    "bananas",
    "tpe",
    "hyperband",
    "bohb",
)
"""A figure of all strategies could not be read."""

NOT_HERE = {"foreign", "transfer", "own"}
"""Families that need a package or knowledge from elsewhere."""

PAPER = {
    "random-search": ("93.70 (0.36)", "71.04"),
    EVOLUTION: ("93.92 (0.30)", "71.84"),
    "reinforce": ("93.85 (0.37)", "71.71"),
    BOHB: ("93.61 (0.52)", "70.85"),
}
"""Printed in NAS-Bench-201's paper (Dong and Yang, ICLR 2020), tables 4 and 5."""


@dataclass(frozen=True)
class Setting:
    """A protocol of the page."""

    name: str
    title: str
    text: str
    table: Callable[[Path], Table]
    budget: str
    signal: str
    reports: tuple[str, ...]
    objectives: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    runs: int = 100


SETTINGS = (
    Setting(
        "nasbench201",
        "NAS-Bench-201, 12,000 simulated seconds",
        "The protocol of the benchmark's paper: a search sees the validation accuracy of CIFAR-10 trainings of 12 "
        "epochs and is judged by the test accuracy of its choice after 200 epochs; then the same choice by its test "
        "accuracy on CIFAR-100. [nasbench201.md](nasbench201.md) says how the table is made.",
        nasbench201_table,
        "12000s",
        "cifar10-12/validation_accuracy",
        ("cifar10-200/test_accuracy", "cifar100-200/test_accuracy"),
        runs=500,
    ),
    Setting(
        "nasbench201-budgets",
        "BOHB as NAS-Bench-201 ran it",
        "The worker of the paper's BOHB is handed a budget and does not use it: every rung trains for 12 epochs anew, "
        "at the full price. The table of this section has four rungs of the same value and price, so that strategies "
        "of several fidelities pay for what they learn nothing from.",
        nasbench201_without_budgets,
        "12000s",
        "cifar10-12/validation_accuracy",
        ("cifar10-200/test_accuracy", "cifar100-200/test_accuracy"),
        strategies=(BOHB, "bohb", "hyperband", "random-search"),
        runs=500,
    ),
    Setting(
        "nb201-digits",
        "The shipped table `nb201-digits`, 1,200 epochs",
        "6,466 networks with three seeds of 12 epochs: the price of 100 full trainings, which strategies of several "
        "fidelities spend on more and shorter ones. Seed noise is large here: the best architecture is hard to tell.",
        lambda _: Table.open("nb201-digits"),
        "1200ep",
        "validation_accuracy",
        ("test_accuracy",),
    ),
    Setting(
        "spikenas",
        "SpikeNAS-Bench, 4,000 epochs",
        "Spiking networks on CIFAR-10 with validation after each of 100 epochs: the price of 40 full trainings. The "
        "space is one of bare choices, as the file does not name its operations; what needs graphs is left out. "
        "When the budget ends, `pnas` is still among simple cells, and `neural-predictor` has trained its first 40.",
        spikenas_table,
        "4000ep",
        "validation_accuracy",
        ("test_accuracy",),
    ),
    Setting(
        "nb201-digits-parameters",
        "Two objectives: accuracy against parameters on `nb201-digits`, 1,200 epochs",
        "Beside the signal the number of parameters is to be small. Best first is by the hypervolume of the final "
        "front, 0 for the worst of both measures, at most 1; strategies of one objective see the accuracy alone.",
        lambda _: Table.open("nb201-digits"),
        "1200ep",
        "validation_accuracy",
        ("test_accuracy",),
        ("parameters",),
    ),
)


def main() -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("keep", type=Path)
    parser.add_argument("--runs", type=int, help="instead of the 500 or 100 of each setting, for a first look")
    parser.add_argument("--only", default="", help="settings, with commas between")
    parser.add_argument("--no-page", action="store_true", help="only compute what is missing")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    sections = []
    for setting in SETTINGS:
        if not options.only or setting.name in options.only.split(","):
            oracle = TableOracle(setting.table(options.keep), setting.name)
            done, seconds, left_out = _compared(setting, oracle, options.keep, options.runs or setting.runs)
            sections.append(_section(setting, done, seconds, left_out))
    if not options.no_page:
        (DOCS / "results.md").write_text("\n\n".join([_head(), *sections]) + "\n")


def _compared(
    setting: Setting, oracle: Oracle, keep: Path, runs: int
) -> tuple[Results, dict[str, float], dict[str, str]]:
    """Return the results of all strategies, how long they took, and which could not search and why.

    The strategies of a family that is not slow are compared together, the slow ones each for itself.
    """
    folder = keep / f"{setting.name}-{runs}"
    folder.mkdir(exist_ok=True)
    able, left_out = _able(oracle, setting)
    slow = {name: factory for name, factory in able.items() if _family(name) == SLOW}
    quick = {name: factory for name, factory in able.items() if name not in slow}
    parts, seconds = [], {}
    for group, factories in {QUICK: quick, **{name: {name: factory} for name, factory in slow.items()}}.items():
        path = folder / f"{group}.h5"
        if not path.exists():
            begin = time.monotonic()
            found = compare(
                factories,
                oracle,
                setting.budget,
                runs=runs,
                signal=setting.signal,
                report=setting.reports,
                objectives=setting.objectives,
                jobs=os.cpu_count() or 1,
            )
            path.with_suffix(".seconds").write_text(str(time.monotonic() - begin))
            found.save(path)
        parts.append(Results.load(path))
        left_out |= parts[-1].failed
        seconds[group] = float(path.with_suffix(".seconds").read_text())
        print(f"{setting.name}: {group} took {seconds[group]:.1f} s", flush=True)
    trials = {name: each for part in parts for name, each in part.trials.items()}
    return replace(parts[0], trials=trials), seconds, left_out


def _able(oracle: Oracle, setting: Setting) -> tuple[dict[str, StrategyFactory], dict[str, str]]:
    measure = resolve_measure(setting.signal, oracle.tasks)
    offered = [epochs for epochs in oracle.tasks[measure.task].epochs if epochs <= measure.epochs]
    able, left_out = {}, {}
    for name, factory in _strategies(setting).items():
        with suppress_into(left_out, name):
            factory(oracle.space, np.random.default_rng(0), offered)
            able[name] = factory
    return able, left_out


@contextmanager
def suppress_into(left_out: dict[str, str], name: str) -> Iterator[None]:
    """Note an error instead of raising it."""
    try:
        yield
    except NasbenchError as error:
        left_out[name] = str(error)


def _family(strategy: str) -> str:
    return get_strategy(strategy.partition("(")[0]).family


def _strategies(setting: Setting) -> dict[str, StrategyFactory]:
    not_here = NOT_HERE if setting.objectives else NOT_HERE | {"multi-objective"}
    names = [name for family, names in strategy_families().items() if family not in not_here for name in names]
    return {name: read_strategy(name) for name in setting.strategies or [*names, EVOLUTION]}


def _head() -> str:
    return (
        "# Every strategy on the same protocols\n\n"
        "Written by `python benchmarks/strategies_page.py FOLDER` from published results and the shipped table; "
        "the runs of all strategies have the same seeds. Options are the defaults, which are the papers' own: "
        "some were made for budgets far larger than these. Mean and standard deviation over runs, best first; own time "
        "is what a strategy computes for itself, per trial, which no budget here counts.\n\n"
        f"Measured on: {machine()}."
    )


def _section(setting: Setting, results: Results, seconds: dict[str, float], left_out: dict[str, str]) -> str:
    rows, *others = (summarise(results.reported_by(report)) for report in results.reports)
    elsewhere = [{row.strategy: row for row in other} for other in others]
    papers = PAPER if setting.name.startswith("nasbench201") else {}
    heads = ["strategy", "family", *map(str, results.reports), *(["paper", "CIFAR-100, paper"] if papers else [])]
    if setting.objectives:
        heads.append("hypervolume")
        rows = sorted((row for row in rows if row.runs), key=lambda row: -row.hypervolume)
    heads += ["trials", "own ms a trial"]
    text = f"{setting.text} {next(iter(results.trials.values())).runs} runs."
    lines = [f"## {setting.title}", "", text, "", _line(heads), _line(["---"] * len(heads))]
    for row in rows:
        found = [row, *(other[row.strategy] for other in elsewhere)]
        cells = [row.strategy, _family(row.strategy) if row.runs else "", *map(_mean, found)]
        cells += papers.get(row.strategy, ("", "")) if papers else ()
        cells += [f"{row.hypervolume:.3f}"] if setting.objectives else []
        cells += [f"{row.evaluations:.0f}", f"{1000 * row.own_seconds:.3g}"] if row.runs else ["", ""]
        lines.append(_line(cells))
    count = len(results.trials)
    if setting.strategies:
        return "\n".join(lines)
    lines += ["", f"All {count} strategies took {sum(seconds.values()) / 60:.1f} minutes on {os.cpu_count()} cores,"]
    lines += [f"the {count + 1 - len(seconds)} of other families than {SLOW} {seconds[QUICK]:.0f} seconds of it."]
    if left_out:
        lines += ["", f"Left out, as they cannot search here: {', '.join(left_out)}."]
    if not setting.objectives:
        drawn = {name: results.trials[name] for name in DRAWN if name in results.trials}
        save_figure(replace(results, trials=drawn), DOCS / f"results-{setting.name}.png", "regret", center="mean")
        lines += ["", f"![Mean regret of {len(drawn)} strategies](results-{setting.name}.png)"]
    return "\n".join(lines)


def _mean(row: SummaryRow) -> str:
    return f"{100 * row.report:.2f}" + (f" ({100 * row.report_std:.2f})" if row.runs else "")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

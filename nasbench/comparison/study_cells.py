"""The cells of a study: runs that have a file of their own, named by a hash of all that decides them."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.comparison.results import Results
from tabular.errors import FileFormatError
from tabular.measures import Digested
from tabular.version import __version__

if TYPE_CHECKING:
    from strategies.strategy import StrategyFactory

RUNS_IN_A_CELL = 100
"""Cells part the seeds at multiples of this, so that another number of runs, or first seed, asks for the same ones."""

_OURS = {"nasbench", "strategies"}
"""The packages whose code the version of nasbench stands for."""


@dataclass(frozen=True)
class Cell:
    """Runs of one strategy on one oracle with one budget.

    Parameters
    ----------
    strategy : str
    seeds : range
        Those that are wanted, all of one piece of `RUNS_IN_A_CELL`.
    digest : str
        SHA-256 of all that decides the runs, and of which piece they are.
    """

    strategy: str
    seeds: range
    digest: str

    def path(self, folder: Path) -> Path:
        """Return where its runs are kept in the folder of a study."""
        return folder / "cells" / f"{self.digest}.h5"

    def load(self, folder: Path) -> Results | None:
        """Return the runs on record, or None; a warning tells of a file that cannot be used.

        It may hold other runs of the piece than those that are wanted.
        """
        path = self.path(folder)
        if not path.exists():
            return None
        try:
            results = Results.load(path)
        except FileFormatError as error:
            warnings.warn(f"{error}; its runs are made again", stacklevel=2)
            return None
        if list(results.trials) != [self.strategy]:
            warnings.warn(f"{path}: holds other runs than its name stands for; they are made again", stacklevel=2)
            return None
        return results


def cells_of(blank: Results, strategy: str, factory: StrategyFactory, seeds: range) -> list[Cell]:
    """Return the cells of a strategy's runs, in the order of seeds.

    Parameters
    ----------
    blank : Results
        Tells oracle, protocol and reports; its trials do not matter.
    strategy : str
        Name with options.
    factory : Strategy class or callable
    seeds : range
        Without gaps.
    """
    basis = {**_decisive(blank), "strategy": strategy, "code": code_digests(factory)}
    cells = []
    for piece in range(seeds.start // RUNS_IN_A_CELL, (seeds.stop - 1) // RUNS_IN_A_CELL + 1):
        start = piece * RUNS_IN_A_CELL
        wanted = range(max(start, seeds.start), min(start + RUNS_IN_A_CELL, seeds.stop))
        cells.append(Cell(strategy, wanted, _hash({**basis, "piece": start})))
    return cells


def _decisive(blank: Results) -> dict[str, Any]:
    """Return what decides the runs of any strategy, as JSON."""
    protocol = blank.protocol
    oracle = blank.provenance["oracle"]
    if not oracle["digest"]:
        reference = blank.reference._asdict() if blank.reference else None
        oracle = {**oracle, "name": blank.oracle, "tasks": blank.provenance["tasks"], "reference": reference}
    return {
        "nasbench": __version__,
        "oracle": oracle,
        "space": blank.space.declaration(),
        "signal": str(protocol.signal),
        "reports": [str(each) for each in blank.reports],
        "budget": [protocol.budget.amount, protocol.budget.unit],
        "workers": protocol.workers,
        "repeats": protocol.repeats,
        "objectives": [str(each) for each in protocol.objectives],
        "constraints": [[str(each.measure), each.at_most, each.bound] for each in protocol.constraints],
    }


def code_digests(factory: StrategyFactory) -> dict[str, str]:
    """Return the SHA-256 of what a strategy's name does not tell and the version of nasbench does not either.

    That is of each file in which its class, or a class that it derives from, is written; not of what these import.
    And of oracles that are among its options.

    Parameters
    ----------
    factory : Strategy class or callable
    """
    digests: dict[str, str] = {}
    made_by: Any = factory
    while isinstance(made_by, functools.partial):
        digests |= {key: each.digest for key, each in made_by.keywords.items() if isinstance(each, Digested)}
        made_by = made_by.func
    classes = made_by.__mro__ if isinstance(made_by, type) else (made_by,)
    for module in sorted({str(each.__module__) for each in classes}):
        package = module.partition(".")[0]
        file = getattr(sys.modules.get(module), "__file__", None)
        if package not in _OURS and package not in sys.stdlib_module_names and file is not None:
            digests[module] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return digests


def _hash(value: dict[str, Any]) -> str:
    """Return the SHA-256 of canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

"""Real trainings of what strategies found, held against what the oracle had promised."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import FileFormatError, QueryError
from tabular.files import write_text_file
from tabular.json_values import without_nan
from tabular.progress import silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nasbench.comparison.results import Results
    from tabular.measures import Oracle
    from tabular.progress import Progress

FRESH_SEED = 1_000_000
"""Verification trains with seeds from here on, which no table of ours uses."""

FORMAT = "nasbench-verification"
VERSION = 1


@dataclass(frozen=True)
class Verified:
    """Promise and measurement of one architecture.

    Parameters
    ----------
    architecture : str
    found_by : dict of str to int
        Runs of each strategy that ended with it.
    promised, promised_std : float
        The oracle's report: mean and spread of single trainings.
    measured, measured_std : float
        Of the fresh trainings.
    seeds : tuple of int
        Their seeds.
    """

    architecture: str
    found_by: dict[str, int]
    promised: float
    promised_std: float
    measured: float
    measured_std: float
    seeds: tuple[int, ...]

    @property
    def difference(self) -> float:
        """Measured minus promised."""
        return self.measured - self.promised


def verify(
    results: Results, training: Oracle, *, top: int = 5, seeds: int = 3, progress: Progress = silent
) -> list[Verified]:
    """Retrain the architectures that most runs ended with, with seeds that no run has seen.

    Isomorphic architectures count as one. Of those that equally many runs found, the one with the better signal comes
    first; the report plays no part in the choice.

    Parameters
    ----------
    results : Results
    training : Oracle
        Really trains, on the task that the report names.
    top : int
        Architectures to train, the first choice of each strategy before the second of any.
    seeds : int
        Fresh trainings of each.
    progress : callable

    Returns
    -------
    list of Verified
        Best promised first.

    Raises
    ------
    QueryError
        If nothing is to be trained, or the training does not give what the report measures.
    """
    if top < 1 or seeds < 1:
        raise QueryError(f"verification needs at least 1 architecture and 1 seed, got {top} and {seeds}")
    if results.space != training.space:
        raise QueryError(f"the results are of space {results.space.name!r}, the training of {training.space.name!r}")
    task = next(iter(training.tasks.values()))
    if results.report.metric not in task.metrics or results.report.epochs not in task.epochs:
        raise QueryError(f"training on {task.name!r} for {task.epochs[-1]} epochs does not give {results.report}")
    measure = results.report._replace(task=task.name)
    fresh = tuple(range(FRESH_SEED, FRESH_SEED + seeds))

    chosen = _most_found(results, top)
    found = []
    for i, (row, found_by, promised, promised_std) in enumerate(chosen):
        values = []
        for j, seed in enumerate(fresh):
            values.append(float(training.query(row, measure, seed=seed)))
            progress(i * seeds + j + 1, len(chosen) * seeds, results.space.to_text(row))
        spread = float(np.std(values, ddof=1)) if seeds > 1 else np.nan
        text = results.space.to_text(row)
        found.append(Verified(text, found_by, promised, promised_std, float(np.mean(values)), spread, fresh))
    sign = results.report_metric.sign
    return sorted(found, key=lambda each: -sign * each.promised)


def _most_found(results: Results, top: int) -> list[tuple[np.ndarray, dict[str, int], float, float]]:
    """Return up to ``top`` networks, strategies taking turns, each giving the one that most of its runs ended with."""
    sign = results.signal_metric.sign
    found_by: dict[int, Counter[str]] = {}
    favourites: list[tuple[int, str, int, int]] = []
    for name, trials in results.trials.items():
        finals = trials.incumbent[trials.last]
        keys = results.space.canonical_key(trials.architectures[finals]).tolist()
        for key in keys:
            found_by.setdefault(key, Counter())[name] += 1
        # The best trial of each network, and networks by how many runs found them, then by that trial.
        value = np.nan_to_num(sign * trials.value[finals], nan=-np.inf).tolist()
        ranks = list(zip(trials.epochs[finals].tolist(), value, finals.tolist(), strict=True))
        best = {key: max(rank for rank, found in zip(ranks, keys, strict=True) if found == key) for key in set(keys)}
        order = sorted(best, key=lambda key: (-found_by[key][name], *(-part for part in best[key])))
        favourites += [(turn, name, key, best[key][2]) for turn, key in enumerate(order)]
    chosen: dict[int, tuple[np.ndarray, dict[str, int], float, float]] = {}
    for _, name, key, trial in sorted(favourites, key=lambda favourite: favourite[0]):
        if len(chosen) < top and key not in chosen:
            trials = results.trials[name]
            row, promise = trials.architectures[trial], float(trials.report[trial])
            chosen[key] = (row, dict(found_by[key]), promise, float(trials.report_std[trial]))
    return list(chosen.values())


class Verification(NamedTuple):
    """The content of a verification file: the oracle that had promised, the report, and the measurements."""

    oracle: str
    report: str
    verified: list[Verified]


def write_verification(oracle: str, report: str, verified: Sequence[Verified], path: str | Path) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    oracle : str
        That had promised.
    report : str
        The measure.
    verified : sequence of Verified
    path : str or Path

    Raises
    ------
    OutputError
    """
    head = {"format": FORMAT, "version": VERSION, "oracle": oracle, "report": report}
    rows = without_nan([vars(each) for each in verified])
    write_text_file(path, json.dumps({**head, "verified": rows}, indent=2, allow_nan=False) + "\n")


def read_verification(path: str | Path) -> Verification:
    """Read what `write_verification` wrote.

    Raises
    ------
    FileFormatError
        If it is missing, damaged, foreign or newer.
    """
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a str or a Path
            found = json.load(file)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise FileFormatError(f"{path}: cannot be read as a verification: {reason}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise FileFormatError(f"{path}: is not a {FORMAT} file; make one with 'nasbench verify RESULTS --out FILE'")
    if found.get("version") != VERSION:
        raise FileFormatError(
            f"{path}: is of version {found.get('version')}, this program reads {VERSION}; use a newer nasbench"
        )
    try:
        return Verification(str(found["oracle"]), str(found["report"]), [_read(each) for each in found["verified"]])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: its content is damaged: {error!r}") from None


_NUMBERS = ("promised", "promised_std", "measured", "measured_std")


def _read(row: dict[str, Any]) -> Verified:
    numbers = {name: float("nan") if row[name] is None else float(row[name]) for name in _NUMBERS}
    found_by = {str(name): int(count) for name, count in row["found_by"].items()}
    return Verified(str(row["architecture"]), found_by, seeds=tuple(map(int, row["seeds"])), **numbers)

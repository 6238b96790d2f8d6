"""The data card of a table.

It says what was trained, how, how far to trust it, and under which licence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import QueryError
from tabular.layout import DIVERGED, DONE, MISSING
from tabular.reliability import SEEDS_IN_A_MEAN, Reliability, reliability

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tabular.table import Table

BEST = 5
NEEDED = ("validation_accuracy", "validation_loss", "test_accuracy", "train_seconds")


def data_card(table: Table, task: str | None = None) -> str:
    """Describe one task of a table in Markdown.

    Every number is computed from the table.

    Parameters
    ----------
    table : Table
    task : str, optional
        May be left out where there is one only.

    Raises
    ------
    UnknownNameError, QueryError
        If there is no such task, several to choose from, or it does not record what a card tells of.
    """
    task = task or only_task(table)
    means_only = table.means_only(task)  # first, as it names a task that is not there
    absent = [name for name in NEEDED if name not in table.tasks[task].metrics]
    if absent or means_only:
        what = "records means over seeds only" if means_only else f"does not record {', '.join(absent)}"
        raise QueryError(f"{table.path}: task {task!r} {what}; a card is made of tables that this program generated")
    return "\n".join(
        [*_head(table, task), *_made(table, task), *_trust(table, task), *_worth(table, task), *_terms(table)]
    )


def only_task(table: Table) -> str:
    """Return the task of a table that has one.

    Raises
    ------
    QueryError
    """
    if len(table.tasks) > 1:
        raise QueryError(f"{table.path}: has several tasks, name one of {', '.join(table.tasks)}")
    return next(iter(table.tasks))


def _head(table: Table, task: str) -> Iterator[str]:
    seen, status = table.tasks[task], table.status(task)
    stands = "isomorphism classes" if table.represents == "class" else "architectures"
    yield f"# {table.path.stem}\n"
    yield (
        f"{len(table):,} {stands} of the space `{table.space.name}` ({table.space.size:,} architectures), task "
        f"`{task}`: {len(seen.seeds)} seeds, {len(seen.epochs)} epochs recorded. Trainings: {(status == DONE).sum():,} "
        f"done, {(status == DIVERGED).sum():,} diverged, {(status == MISSING).sum():,} missing.\n"
    )


def _made(table: Table, task: str) -> Iterator[str]:
    origin = table.tasks[task].provenance
    yield "## How it was made\n"
    seconds = table.metric(task, "train_seconds")[:, :, -1]
    dataset, device = origin.get("dataset", {}), origin.get("device", {})
    facts = {
        "data set": f"{dataset.get('name')}, images {dataset.get('image_shape')}",
        "images in each split": _listing(dataset.get("split_sizes", {})),
        "recipe": _listing(origin.get("recipe", {})),
        "networks trained at once": origin.get("plan", {}).get("together", 1),
        "seconds of training": f"{np.nansum(seconds):,.0f} in all, {np.nanmedian(seconds):.3g} a training (median)",
        "hardware": f"{device.get('hardware')}, torch device {device.get('torch')}",
        "versions": _listing(origin.get("versions", {})),
        "platform": origin.get("platform"),
        "revision": origin.get("git_revision"),
    }
    yield from _table(("what", "value"), facts.items())


def _trust(table: Table, task: str) -> Iterator[str]:
    found = reliability(table, task)
    yield "## How far to trust its ranks\n"
    yield f"Kendall's tau-b of final accuracies, {found.architectures:,} architectures.\n"
    yield from _table(("between", "tau"), _correlations(found))
    yield "Validation accuracy after each epoch against the last, means over seeds:\n"
    epochs = table.tasks[task].epochs
    yield from _table(("epoch", *map(str, epochs)), [("tau", *(_number(value) for value in found.epoch_to_final))])
    lowest, low, median, high, highest = found.quantiles
    yield (
        f"Mean validation accuracy: {lowest:.3f} at least, {low:.3f} at 10 %, {median:.3f} in the middle, {high:.3f} "
        f"at 90 %, {highest:.3f} at most; standard deviation between architectures {found.deviation:.4f}, between "
        f"seeds {found.seed_deviation:.4f}. In one training {100 * found.ties:.2f} % of all pairs are tied.\n"
    )


def _correlations(found: Reliability) -> Iterator[tuple[str, str]]:
    yield "two seeds", _number(found.between_seeds)
    if not math.isnan(found.between_seeds_drawn):
        yield "two seeds, each row as often as the space draws it", _number(found.between_seeds_drawn)
    yield "two seeds, better half", _number(found.between_seeds_upper_half)
    yield "two seeds, validation losses", _number(found.between_losses)
    if not math.isnan(found.between_means):
        yield f"two means of {SEEDS_IN_A_MEAN} seeds", _number(found.between_means)
    yield "validation and test, means over seeds", _number(found.validation_test)


def _worth(table: Table, task: str) -> Iterator[str]:
    yield "## The best by mean validation accuracy\n"
    finals = {name: table.metric(task, name)[:, :, -1].astype(np.float64) for name in NEEDED[::2]}
    whole = np.isfinite(finals["validation_accuracy"]).all(axis=1)
    ranked = np.flatnonzero(whole)[np.argsort(-finals["validation_accuracy"][whole].mean(axis=1), kind="stable")][:BEST]
    units = table.costs(task)
    costs = {name: table.cost(task, name) for name in units}
    yield from _table(
        ("architecture", "validation", "test", *costs),
        [
            (
                "`{}`".format(table.space.to_text(table.architectures[row]).replace("|", r"\|")),
                *(f"{values[row].mean():.4f} ± {_spread(values[row]):.4f}" for values in finals.values()),
                *(_amount(values[row], units[name]) for name, values in costs.items()),
            )
            for row in ranked
        ],
    )
    yield "All architectures:\n"
    yield from _table(
        ("cost", "unit", "least", "median", "most"),
        [
            (name, units[name], *(_amount(value, units[name]) for value in np.nanquantile(values, (0, 0.5, 1))))
            for name, values in costs.items()
        ],
    )


def _terms(table: Table) -> Iterator[str]:
    known: Mapping[str, Any] = table.provenance
    yield "## Limits and terms\n"
    yield from (f"- {limit}" for limit in known.get("limits", ()))
    for name in ("licence", "citation", "source"):
        if name in known:
            yield f"- {name}: {known[name]}"


def _listing(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _spread(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g}" if unit == "second" else f"{value:,.0f}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _table(columns: Sequence[str], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    yield from (f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)
    yield ""

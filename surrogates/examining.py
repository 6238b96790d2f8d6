"""Examinations of a surrogate on its table.

It is fitted to less data, scored on what strategies visit, and searched for what strategies can exploit.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from surrogates.fitting import HeldOutPredictions, fit_surrogate, prepare
from surrogates.scorecard import FEWEST_ROWS, Exploit
from surrogates.training_set import FEWEST_TRAIN, TrainingSet, known_rows
from tabular.errors import QueryError
from tabular.measures import Measure, resolve_measure
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from surrogates.scorecard import Score
    from surrogates.surrogate import Surrogate
    from tabular.measures import Oracle
    from tabular.table import Table
    from tabular.work import Progress


def leading_measure(surrogate: Surrogate) -> Measure:
    """Return the measure a surrogate is examined by: its first metric after the last of its epochs."""
    return Measure(surrogate.task.name, next(iter(surrogate.models)), surrogate.task.epochs[-1])


def check_fitted_to(surrogate: Surrogate, table: Table) -> None:
    """Make sure that a table is the one a surrogate was fitted to.

    Raises
    ------
    QueryError
    """
    if surrogate.fitted_to is not None:
        raise QueryError(
            f"the surrogate was carried over from {surrogate.fitted_to!r} to {surrogate.space.name!r}; examine the one "
            "that it was made of"
        )
    fitted = surrogate.provenance["table"]
    if fitted["digest"] != table.digest:
        raise QueryError(
            f"{table.path}: is not the table that the surrogate was fitted to: its digest is {table.digest[:12]}..., "
            f"that of {fitted['file']} was {fitted['digest'][:12]}...; name that table, or fit a surrogate to this one"
        )


def scores_by_size(
    table: Table,
    measure: Measure,
    sizes: Sequence[int],
    *,
    seed: int = 0,
    progress: Progress = silent,
    **options: Any,
) -> tuple[Score, ...]:
    """Fit one measure on ever more networks, and score each fit on all others.

    Parameters
    ----------
    table : Table
    measure : Measure
    sizes : sequence of int
        Networks to fit. A size that leaves too few to fit or to hold out is left out with a warning.
    seed : int
        Of the order in which networks join, and of the fits.
    progress : callable
    **options
        What `fit_surrogate` takes: model, options, features.
    """
    keys, known = _known_keys(table, measure)
    networks = len(np.unique(keys[known]))
    possible = [size for size in sizes if FEWEST_TRAIN <= size <= networks - FEWEST_ROWS]
    for size in sizes:
        if size not in possible:
            warnings.warn(
                f"a fit to {size} networks is left out: of the {networks} in {table.path.name} it takes at least "
                f"{FEWEST_TRAIN}, with {FEWEST_ROWS} to hold out",
                stacklevel=2,
            )
    scores = []
    for number, size in enumerate(possible):
        fitted = fit_surrogate(
            table,
            task=measure.task,
            metrics=[measure.metric],
            epochs=[measure.epochs],
            train_size=size,
            seed=seed,
            **options,
        )
        scores.append(fitted.scorecard.scores[0])
        progress(number + 1, len(possible), f"fitted to {size} networks: Kendall tau {scores[-1].kendall_tau:.3f}")
    return tuple(scores)


def leave_one_strategy_out(
    table: Table,
    measure: Measure,
    visited: Mapping[str, NDArray[np.uint8]],
    *,
    seed: int = 0,
    progress: Progress = silent,
    **options: Any,
) -> dict[str, Score]:
    """Fit what all strategies but one visited, and score on what that one visited, as NAS-Bench-301 does (section 4.2).

    A surrogate is asked about what strategies find, not about architectures drawn at random; this tells how it fares
    with a strategy that it was not made with. Networks that the one visited, too, are not fitted to.

    Parameters
    ----------
    table : Table
    measure : Measure
    visited : dict of str to (M, L) uint8
        What each strategy trained on this table.
    seed, progress, **options
        As in `scores_by_size`.

    Returns
    -------
    dict of str to Score
        By the strategy left out. One that leaves too few networks to fit or to score is missing, with a warning.

    Raises
    ------
    QueryError
        If there are fewer than two strategies.
    """
    if len(visited) < 2:
        raise QueryError(f"to leave one strategy out takes at least two, got {', '.join(visited) or 'none'}")
    keys, known = _known_keys(table, measure)
    seen = {name: np.isin(np.arange(len(table)), table.rows(rows)) & known for name, rows in visited.items()}
    scores = {}
    for number, (left_out, held_out) in enumerate(seen.items()):
        of_others = np.any([rows for name, rows in seen.items() if name != left_out], axis=0)
        train = of_others & ~np.isin(keys, keys[held_out])
        counts = [len(np.unique(keys[rows])) for rows in (train, held_out)]
        if counts[0] < FEWEST_TRAIN or counts[1] < FEWEST_ROWS:
            warnings.warn(
                f"{left_out} is not left out: it visited {counts[1]} networks and the others {counts[0]} that it did "
                f"not; to score takes {FEWEST_ROWS}, to fit {FEWEST_TRAIN}",
                stacklevel=2,
            )
            continue
        fitted = fit_surrogate(
            table,
            task=measure.task,
            metrics=[measure.metric],
            epochs=[measure.epochs],
            train=np.flatnonzero(train),
            held_out=np.flatnonzero(held_out),
            seed=seed,
            **options,
        )
        scores[left_out] = fitted.scorecard.scores[0]
        progress(number + 1, len(seen), f"left {left_out} out: Kendall tau {scores[left_out].kendall_tau:.3f}")
    return scores


def _known_keys(table: Table, measure: Measure) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return the network keys of a table's rows, (N,), and which rows have a number of a measure, (N,)."""
    data = TrainingSet.read(table, task=measure.task, metrics=[measure.metric], epochs=[measure.epochs])
    return data.keys, known_rows(data.values[measure.metric], 0)


def exploits(
    surrogate: Surrogate,
    measure: Measure,
    winners: Mapping[str, NDArray[np.uint8]],
    truth: Oracle,
    *,
    progress: Progress = silent,
) -> tuple[Exploit, ...]:
    """Hold what strategies found on a surrogate against the truth: a table of the same space, or real training.

    Parameters
    ----------
    surrogate : Surrogate
    measure : Measure
        What is promised.
    winners : dict of str to (R, L) uint8
        What each run of a strategy ended with.
    truth : Oracle
        Of a task that measures the same. Winners that it does not know, or whose training diverged, are left out of
        both means, unless that leaves none.
    progress : callable

    Raises
    ------
    QueryError, UnknownNameError
        If the truth does not measure that.
    """
    task = measure.task if measure.task in truth.tasks else next(iter(truth.tasks))
    true_measure = resolve_measure(measure._replace(task=task), truth.tasks)
    total = sum(map(len, winners.values()))
    done, found = 0, []
    for strategy, rows in winners.items():
        predicted = surrogate.predict(rows, measure)
        measured = np.full(len(rows), np.nan)
        for index, row in enumerate(rows):
            measured[index] = _answer(truth, row, true_measure)
            done += 1
            progress(done, total, strategy)
        known = np.isfinite(measured)
        meant = known if known.any() else ~known
        found.append(
            Exploit(
                strategy=strategy,
                runs=len(rows),
                promised=float(predicted.mean[meant].mean()),
                measured=float(measured[meant].mean()),
                promised_std=float(predicted.std[meant].mean()),
                unfamiliar=float(predicted.unfamiliar.mean()),
            )
        )
    return tuple(found)


def _answer(truth: Oracle, row: NDArray[np.uint8], measure: Measure) -> float:
    try:
        return float(truth.query(row, measure))
    except QueryError:  # a table of part of the space has no record of it
        return math.nan


class HeldOut(NamedTuple):
    """Measurements and predictions of held-out networks, without failed ones.

    Parameters
    ----------
    values : (N, S) float64
        Trainings, NaN where there is none.
    mean, std : (N,) float64
        Predicted, as `surrogates.surrogate.Prediction` has them; but each half of the networks is calibrated on the
        other.
    """

    values: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def held_out_again(surrogate: Surrogate, table: Table) -> HeldOut:
    """Ask a surrogate once more about the networks that were held out when it was fitted, by its leading measure.

    Raises
    ------
    QueryError
        If it was fitted to another table, or to rows that were named rather than drawn.
    """
    check_fitted_to(surrogate, table)
    task, stated = surrogate.task, surrogate.provenance["split"]
    if stated["networks"] is None:
        raise QueryError(
            "the networks that the surrogate held out are not on record: it was fitted to rows that were named"
        )
    data = TrainingSet.read(table, task=task.name, metrics=list(surrogate.models), epochs=task.epochs)
    seed, index = stated["seed"], len(task.epochs) - 1
    examples = prepare(data.split_at_random(stated["networks"], 0.5, seed), surrogate.blocks, seed)
    model = surrogate.models[leading_measure(surrogate).metric]
    known = known_rows(data.values[model.metric.name], index) & ~examples.failed
    predicted = HeldOutPredictions.of(examples, examples.to_score(known), model, index)
    halves = int(np.random.SeedSequence([seed, 0]).generate_state(1)[0])  # dealt as for the scorecard
    doubt = predicted.cross_calibrated(np.ones(len(predicted.rows), dtype=bool), halves)
    return HeldOut(predicted.trainings, *predicted.unscaled(model, doubt))

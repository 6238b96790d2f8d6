"""Which networks of a table are learnt from, and which are held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from surrogates.scores import FEWEST_ROWS
from tabular.errors import DataError, QueryError
from tabular.measures import mean_of_known

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from tabular.table import Table

FEWEST_TRAIN = 8


class Split(NamedTuple):
    """Rows of a table, ``(N,)`` bool each.

    Of the networks held out the first row is scored, so that one with many drawings (a cell that passes nothing on has
    thousands) counts once. Rows without a number are neither.
    """

    train: NDArray[np.bool_]
    held_out: NDArray[np.bool_]


def split_at_random(
    table: Table, known: NDArray[np.bool_], train_size: int | None, train_fraction: float, seed: int
) -> Split:
    """Hold networks out at random.

    Parameters
    ----------
    table : Table
    known : (N,) bool
        The rows that have a number.
    train_size : int or None
        The number of networks to fit; by default given by ``train_fraction``.
    train_fraction : float
    seed : int

    Raises
    ------
    QueryError
    """
    if not 0 < train_fraction < 1:
        raise QueryError(f"train_fraction is a share between 0 and 1, got {train_fraction}")
    networks = np.unique(table.canonical_keys[known])
    size = round(train_fraction * len(networks)) if train_size is None else train_size
    if train_size is not None and not 0 < size < len(networks):
        raise QueryError(
            f"{table.path}: has {len(networks)} networks with numbers, of which train_size must leave some to be held "
            f"out; got {train_size}"
        )
    chosen = np.random.default_rng(seed).permutation(networks)[:size]
    is_train = np.isin(table.canonical_keys, chosen)
    return Split(known & is_train, first_of_networks(table, known) & ~is_train)


def split_as_told(table: Table, known: NDArray[np.bool_], train: ArrayLike, held_out: ArrayLike | None = None) -> Split:
    """Fit some rows, and hold others out; a network that is fitted is never held out.

    Parameters
    ----------
    table : Table
    known : (N,) bool
        The rows that have a number.
    train : (M,) int
        Rows of the table.
    held_out : (K,) int, optional
        Rows to score; by default all others.

    Raises
    ------
    QueryError
        If there is no such row.
    """
    is_train = _mask(table, train, "train")
    allowed = np.ones(len(table), dtype=bool) if held_out is None else _mask(table, held_out, "held_out")
    fitted = np.isin(table.canonical_keys, table.canonical_keys[is_train])
    return Split(known & is_train, first_of_networks(table, known & allowed) & ~fitted)


def _mask(table: Table, rows: ArrayLike, name: str) -> NDArray[np.bool_]:
    numbers = np.asarray(rows)
    if numbers.size == 0 or numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= len(table):
        raise QueryError(f"{table.path}: {name} must be rows of the table, numbers from 0 to {len(table) - 1}")
    mask = np.zeros(len(table), dtype=bool)
    mask[numbers] = True
    return mask


def first_of_networks(table: Table, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of some rows, (N,), are the first of their network among them."""
    _, first = np.unique(table.canonical_keys[rows], return_index=True)
    is_first = np.zeros(len(table), dtype=bool)
    is_first[np.flatnonzero(rows)[first]] = True
    return is_first


def need_enough(what: str, values: NDArray[np.float64], split: Split) -> None:
    """Make sure that something can be learnt, and scored.

    Parameters
    ----------
    what : str
        What an error calls the measure.
    values : (N, S) float64
        Its trainings, NaN where there is none.
    split : Split
        Of rows that all have a number.

    Raises
    ------
    DataError
    """
    train, held_out = int(split.train.sum()), int(split.held_out.sum())
    if train < FEWEST_TRAIN or held_out < FEWEST_ROWS:
        raise DataError(
            f"{what}: a surrogate needs at least {FEWEST_TRAIN} architectures to fit and {FEWEST_ROWS} to hold out; "
            f"the table gives {train} and {held_out} with a number; train more of them or change the split"
        )
    for part, rows in (("fit", split.train), ("hold out", split.held_out)):
        means = mean_of_known(values[rows])
        if means.min() == means.max():
            raise DataError(
                f"{what}: all {len(means)} architectures to {part} have the same value {means[0]:g}, nothing can be "
                "learned from that; leave this measure out"
            )

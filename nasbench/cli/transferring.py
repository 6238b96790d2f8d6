"""`nasbench transfer`: a surrogate for another space, or another recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.fitting import print_scorecard
from tabular.errors import QueryError
from tabular.spaces import get_space

if TYPE_CHECKING:
    from surrogates import Surrogate

ASKED = 1000
"""Architectures of the other space, drawn at random, that tell how familiar it is."""


def transfer(
    surrogate: Annotated[Path, typer.Argument(help="A surrogate folder, fitted with --features graph.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write the new surrogate into.")],
    space: Annotated[
        str | None, typer.Option("--space", help="The space to ask it about: a name or a .toml file.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", help="A table of the other space, or of another recipe, to score it on.")
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="Which of the table's tasks; may be left out if it has one.")
    ] = None,
    train_size: Annotated[
        int,
        typer.Option(
            "--train-size", min=0, help="So many networks of the table correct the predictions: 0, or 5 and more."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of which networks these are.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Carry a surrogate over to a larger space or another recipe.

    With a few trainings of that, a table of them, it is corrected by some and scored on the others.
    """
    from surrogates import Surrogate
    from surrogates.folder import check_replaceable

    if (space is None) == (table is None):
        raise QueryError("give --space, the space to ask about, or --table, a table of trainings there: one of them")
    if table is None and (train_size or task is not None):
        raise QueryError("--train-size and --task speak of a table; give --table instead of --space")
    loaded = Surrogate.load(surrogate)
    check_replaceable(out)
    if table is not None:
        carried = _transfer(loaded, table, task, train_size, seed)
    else:
        carried = loaded.extrapolate(get_space(str(space)))
    strangers = _unfamiliar(carried)
    carried.save(out)
    if as_json:
        scorecard = [] if table is None else carried.scorecard.rows()
        console.print_json({"path": str(out), "scorecard": scorecard, "unfamiliar": strangers})
        return
    if table is not None:
        print_scorecard(carried)
    share = f"{100 * strangers:.0f} % of the architectures in {carried.space.name} lie outside of what it was fitted to"
    console.say(f"{share} (of {ASKED:,} drawn)")
    if table is None:
        console.say("Nothing says how well it predicts these; a table of some, with --table, would.")
    console.say(f"written to {out}")


def _transfer(surrogate: Surrogate, table: Path, task: str | None, train_size: int, seed: int) -> Surrogate:
    from surrogates.transferring import transfer
    from tabular import Table

    return transfer(surrogate, Table.open(table), task=task, train_size=train_size, seed=seed)


def _unfamiliar(surrogate: Surrogate) -> float:
    """Return the share of random architectures of its space that a surrogate takes for unfamiliar."""
    rows = surrogate.space.sample(np.random.default_rng(0), ASKED)
    return float(surrogate.familiarity.unfamiliar(surrogate.inputs(rows).features).mean())

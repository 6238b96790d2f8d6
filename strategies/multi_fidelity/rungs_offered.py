"""The ladder of epochs that a multi-fidelity strategy climbs, of those on offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.strategy_options import check_whole
from tabular.errors import StrategyError
from tabular.measures import rungs

if TYPE_CHECKING:
    from collections.abc import Sequence


def rungs_offered(strategy: str, fidelities: Sequence[int], eta: int) -> tuple[int, ...]:
    """Return the epochs on offer nearest to ``R, R/eta, R/eta^2, ...``, ascending, with ``R`` the last.

    Parameters
    ----------
    strategy : str
        What errors name.
    fidelities : sequence of int
    eta : int
        The factor from one rung to the next.

    Raises
    ------
    StrategyError
        If ``eta`` is not a whole number from 2, or the fidelities make one rung only.
    """
    check_whole(strategy, "eta", eta, least=2)
    ladder = rungs(fidelities, eta)
    if len(ladder) < 2:
        raise _no_short_trainings(strategy, fidelities, f"have none near {fidelities[-1]} divided by eta={eta}")
    return ladder


def checks_offered(strategy: str, fidelities: Sequence[int], checks: int) -> tuple[int, ...]:
    """Return all epochs on offer if they are at most ``checks``, else as many spread evenly up to the last, ascending.

    Parameters
    ----------
    strategy : str
        What errors name.
    fidelities : sequence of int
    checks : int
        At least 2: a look before the end, and the end.

    Raises
    ------
    StrategyError
        If ``checks`` is not such a number, or only one epoch is on offer.
    """
    check_whole(strategy, "checks", checks, least=2)
    last = fidelities[-1]
    if len(fidelities) < 2:
        raise _no_short_trainings(strategy, fidelities, f"have none before {last}")
    if len(fidelities) <= checks:
        return tuple(fidelities)
    ideal = [last * place / checks for place in range(1, checks + 1)]
    return tuple(sorted({min(fidelities, key=lambda epochs: abs(epochs - each)) for each in ideal}))


def _no_short_trainings(strategy: str, fidelities: Sequence[int], lack: str) -> StrategyError:
    offered = ", ".join(map(str, fidelities))
    return StrategyError(
        f"{strategy} chooses by short trainings, but the epochs on offer ({offered}) {lack}; ask an oracle that "
        "recorded earlier epochs, or use a strategy of full trainings only, such as random-search"
    )

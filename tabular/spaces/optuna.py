"""Spaces as those of Optuna.

Every position of a row is a categorical parameter, by the names of `tabular.spaces.named_choices`. Optuna knows no
constraint on what it suggests: where a space admits some rows only, a suggestion outside it raises
InvalidArchitectureError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabular.lazy import load_optional
from tabular.spaces.named_choices import from_named, to_named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial, FrozenTrial

    from tabular.spaces.space import Space


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return a space as Optuna distributions, for ``study.ask``, for grids and for trials made by hand.

    Raises
    ------
    NasbenchError
        If Optuna is not installed.
    """
    categorical = load_optional("optuna.distributions", "optuna", "Optuna's distributions").CategoricalDistribution
    return {name: categorical(choices) for name, choices in space.named_choices().items()}


def suggest(space: Space, trial: BaseTrial) -> NDArray[np.uint8]:
    """Let a trial choose an architecture, (L,) uint8.

    Raises
    ------
    InvalidArchitectureError
        If the space does not admit what was chosen.
    """
    named = space.named_choices().items()
    return from_named(space, {name: trial.suggest_categorical(name, choices) for name, choices in named})


def architecture_of(space: Space, trial: BaseTrial) -> NDArray[np.uint8]:
    """Return the architecture of a trial that has one, (L,) uint8.

    Parameters of other names are left aside.

    Raises
    ------
    InvalidArchitectureError
        If a parameter is missing or unknown, or the space does not admit the row.
    """
    return from_named(space, {name: trial.params[name] for name in space.named_choices() if name in trial.params})


def known_trial(space: Space, architecture: NDArray[np.uint8], value: float) -> FrozenTrial:
    """Return an architecture of known value as a finished trial, for ``study.add_trial``.

    To have one evaluated next, give ``study.enqueue_trial`` what `tabular.spaces.named_choices.to_named` writes.

    Raises
    ------
    InvalidArchitectureError
        If it is not one row of the space.
    NasbenchError
        If Optuna is not installed.
    """
    made: FrozenTrial = load_optional("optuna.trial", "optuna", "Optuna's trials").create_trial(
        params=to_named(space, architecture), distributions=distributions(space), value=value
    )
    return made

"""Spaces as those of ConfigSpace, which SMAC, DEHB, HpBandSter and others search.

Every position of a row is a categorical hyperparameter, by the names of `tabular.spaces.named_choices`. Where a space
admits some rows only, one forbidden clause asks the space, so that ConfigSpace samples and builds admissible
configurations alone. `ConfigurationSpace.to_json` cannot write that clause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabular.lazy import load_optional
from tabular.spaces.named_choices import from_named, some_architecture, to_named
from tabular.spaces.space import Choices

if TYPE_CHECKING:
    import numpy as np
    from ConfigSpace import Configuration, ConfigurationSpace
    from numpy.typing import NDArray

    from tabular.spaces.space import Space


def configuration_space(space: Space, seed: int | None = None) -> ConfigurationSpace:
    """Return a space as a `ConfigSpace.ConfigurationSpace`, without conditions and with uniform choices.

    Parameters
    ----------
    space : Space
    seed : int, optional
        Of the configurations that ``sample_configuration`` draws: uniformly from all admitted rows, isomorphic ones
        counted each.

    Raises
    ------
    NasbenchError
        If ConfigSpace is not installed.
    """
    library = load_optional("ConfigSpace", "configspace", "configuration spaces")
    default = to_named(space, some_architecture(space))
    hyperparameters = [
        library.CategoricalHyperparameter(name, choices, default_value=default[name])
        for name, choices in space.named_choices().items()
    ]
    made: ConfigurationSpace = library.ConfigurationSpace(name=space.name, seed=seed)
    made.add(*hyperparameters)
    if type(space).is_valid is not Choices.is_valid:
        from tabular.spaces.configspace_clause import Inadmissible

        made.add(Inadmissible(space, hyperparameters))
    return made


def to_configuration(space: Space, architecture: NDArray[np.uint8], within: ConfigurationSpace) -> Configuration:
    """Return a row, (L,) uint8, as a configuration of ``within``, which `configuration_space` made of the space.

    Raises
    ------
    InvalidArchitectureError
        If it is not one row of the space.
    NasbenchError
        If ConfigSpace is not installed.
    """
    configuration: Configuration = load_optional("ConfigSpace", "configspace", "configuration spaces").Configuration(
        within, values=to_named(space, architecture)
    )
    return configuration


def from_configuration(space: Space, configuration: Configuration) -> NDArray[np.uint8]:
    """Return the row, (L,) uint8, that a configuration means.

    Raises
    ------
    InvalidArchitectureError
        If a hyperparameter or a choice is missing or unknown, or the space does not admit the row.
    """
    return from_named(space, dict(configuration))

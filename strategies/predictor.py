"""Predictors of architectures' values.

Strategies fit these models during a search.

A package offers predictors in the entry-point group ``nasbench.predictors``, each a function ``(space, **options)``;
`surrogates` brings those of this project. Strategies name one or take any function ``(space) -> Predictor``.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tabular.errors import StrategyError, UnknownNameError
from tabular.options import read_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space

    PredictorFactory = Callable[[Space], "Predictor"]

ENTRY_POINTS = "nasbench.predictors"
"""The entry-point group in which packages name their predictors."""

DEFAULT_PREDICTOR = "xgboost"
"""The predictor of strategies that are given none: boosted trees over features of the active graph."""


class Belief(NamedTuple):
    """The mean and standard deviation of some values, ``(N,)`` float64 each."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


class Predictor(ABC):
    """A model that learns values of architectures of one space from a few of them."""

    @abstractmethod
    def fit(self, architectures: NDArray[np.uint8], values: NDArray[np.float64], seed: int) -> None:
        """Fit the model anew: earlier fits are forgotten.

        Parameters
        ----------
        architectures : (N, L) uint8
            At least one; the same may come more than once.
        values : (N,) float64
            Finite.
        seed : int
            The only source of randomness.
        """

    @abstractmethod
    def predict(self, architectures: NDArray[np.uint8]) -> Belief:
        """Return the values expected of architectures, (N, L) uint8.

        They are in the units of those it was fitted to.
        """


def make_predictor(predictor: str | PredictorFactory, space: Space) -> Predictor:
    """Return a new predictor.

    Parameters
    ----------
    predictor : str or callable
        A name, with options in parentheses if need be (``gin(epochs=50)``), or a function ``(space) -> Predictor``.
    space : Space

    Raises
    ------
    UnknownNameError
        If no package offers the name.
    StrategyError
        If it cannot be read, does not know an option, or makes no predictor.
    """
    if isinstance(predictor, str):
        name, options = read_named(
            predictor, "predictor", value=ast.literal_eval, example="epochs=50", error=StrategyError
        )
        try:
            made: Any = _offered(name)(space, **options)
        except TypeError as error:
            raise StrategyError(f"predictor {predictor!r}: {error}") from None
    else:
        made = predictor(space)
    if not isinstance(made, Predictor):
        raise StrategyError(f"predictor {predictor!r} made {made!r}, not a strategies.predictor.Predictor")
    return made


def predictor_names() -> list[str]:
    """Return the names that installed packages offer."""
    return sorted(_entry_points())


def _offered(name: str) -> Any:
    offered = _entry_points()
    if name not in offered:
        raise UnknownNameError("predictor", name, offered)
    return offered[name].load()


@lru_cache(maxsize=1)
def _entry_points() -> dict[str, EntryPoint]:
    """Return the entry points, read once.

    A search makes a predictor each run, and looking through installed packages takes milliseconds.
    """
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}

"""Predictors for search strategies, made of the regressors of surrogates.

The functions named like kinds of models are what the entry-point group ``nasbench.predictors`` lists. They ask for less
than surrogates of whole tables do: a search fits its predictor every few trainings, and waits for it.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from strategies.predictor import Belief, Predictor
from surrogates.features import Inputs, PathInputs, feature_blocks, some_row
from surrogates.models import regressor_class
from surrogates.models.regressor import Estimate, deal_members
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

    class Fitted(Protocol):
        """A fitted regressor."""

        def predict(self, inputs: Inputs) -> Estimate:
            """Estimate the target."""
            ...

    class Fit(Protocol):
        """A function that fits a regressor."""

        def __call__(
            self, inputs: Inputs, target: NDArray[np.float64], groups: NDArray[np.int64], *, seed: int, **options: Any
        ) -> Fitted:
            """Fit to a target; see `surrogates.models.regressor.Regressor.fit`."""
            ...


SMALL_SPACE = 20_000
"""Features of all rows of spaces up to this size are made at once, and kept for the life of the process."""

FEWEST = 3
"""The fewest networks that a model is fitted to; fewer are answered by their mean."""

LEAST_DOUBT = 0.01
"""The least doubt, in standard deviations of the normal scores: models that agree exactly are not certain."""


class NormalScores:
    """Values by their ranks, as if they were normal, and back.

    A few failed trainings then do not outweigh all others.

    Between known values the way back is linear; outside it goes on with the slope that it has overall.

    Parameters
    ----------
    values : (N,) float64
        Not all equal.
    """

    def __init__(self, values: NDArray[np.float64]) -> None:
        from scipy.special import ndtri

        self._values, indices, counts = np.unique(values, return_inverse=True, return_counts=True)
        scores = ndtri((np.cumsum(counts) - counts / 2) / len(values))
        of_values = scores[indices]
        self._scores = (scores - of_values.mean()) / of_values.std()
        self.of_values = self._scores[indices]
        """(N,) float64: equal values have equal scores; mean 0, standard deviation 1."""
        self._slope = np.ptp(self._values) / np.ptp(self._scores)

    def back(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values, (N,) float64, that scores stand for; a rising function."""
        beyond = scores - np.clip(scores, self._scores[0], self._scores[-1])
        values: NDArray[np.float64] = np.interp(scores, self._scores, self._values) + self._slope * beyond
        return values


class ModelPredictor(Predictor):
    """A predictor made of a regressor of normal scores.

    Where several rows are of one network, they are left out together.

    Fewer than `FEWEST` networks, or values that are all equal, are answered by their mean.

    Parameters
    ----------
    space : Space
    fit : callable
        Fits a regressor.
    members : int or None
        Of an ensemble; fewer are fitted where there are fewer networks.
    paths : bool
        Fit to the path encoding, instead of features of the active graph or, where a space has no graphs, its first
        encoding.
    """

    def __init__(self, space: Space, fit: Fit, *, members: int | None = None, paths: bool = False) -> None:
        self.space = space
        self._fit = fit
        self._members = members
        self._inputs_class = PathInputs if paths else Inputs
        self._model: Fitted | None = None

    def fit(self, architectures: NDArray[np.uint8], values: NDArray[np.float64], seed: int) -> None:
        """Fit; see `strategies.predictor.Predictor.fit`."""
        networks, groups = np.unique(self.space.canonical_key(architectures), return_inverse=True)
        self._mean, self._std = float(values.mean()), float(values.std()) or 1.0
        self._model = None
        if len(networks) < FEWEST or np.ptp(values) == 0:
            return
        self._scores = NormalScores(values)
        options = {} if self._members is None else {"members": min(self._members, len(networks))}
        self._model = self._fit(self._inputs(architectures), self._scores.of_values, groups, seed=seed, **options)

    def predict(self, architectures: NDArray[np.uint8]) -> Belief:
        """Predict the values of architectures; the standard deviation is above 0."""
        if self._model is None:
            return Belief(np.full(len(architectures), self._mean), np.full(len(architectures), self._std))
        mean, doubt = self._model.predict(self._inputs(architectures))
        doubt = np.maximum(doubt, LEAST_DOUBT)
        back = self._scores.back
        return Belief(back(mean), (back(mean + doubt) - back(mean - doubt)) / 2)

    def _inputs(self, architectures: NDArray[np.uint8]) -> Inputs:
        if self.space.size > SMALL_SPACE:
            return _make_inputs(self.space, architectures, self._inputs_class)
        return _all_inputs(self.space, self._inputs_class).take(self.space.rank(architectures))


def _make_inputs(space: Space, architectures: NDArray[np.uint8], inputs_class: type[Inputs]) -> Inputs:
    return inputs_class(space, architectures, feature_blocks(space)[:1])


@lru_cache(maxsize=4)
def _all_inputs(space: Space, inputs_class: type[Inputs]) -> Inputs:
    """Return the inputs of all rows of a space, in the order of their ranks, with features."""
    rows = space.all()
    inputs = _make_inputs(space, rows[np.argsort(space.rank(rows))], inputs_class)
    _ = inputs.features
    return inputs


class QuickBoosters:
    """Several small XGBoost regressions of one target.

    Each is fitted with its own seed on its own part of the rows.
    """

    def __init__(self, boosters: Sequence[Any]) -> None:
        self.boosters = tuple(boosters)

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        target: NDArray[np.float64],
        groups: NDArray[np.int64],
        *,
        seed: int,
        members: int,
        rounds: int,
        **parameters: Any,
    ) -> QuickBoosters:
        """Fit an ensemble, each member of which leaves one part of the groups out; a single one sees them all.

        Parameters
        ----------
        inputs, target, groups, seed
            See `surrogates.models.regressor.Regressor.fit`.
        members, rounds : int
            Models, and rounds of boosting in each.
        **parameters
            XGBoost's own.
        """
        import xgboost

        part, seeds = deal_members(groups, members, seed)
        boosters = []
        for member in range(members):
            rows = part != member if members > 1 else slice(None)
            data = xgboost.DMatrix(inputs.features[rows], target[rows], nthread=1)
            booster = xgboost.Booster({**parameters, "nthread": 1, "seed": seeds[member]}, [data])
            for number in range(rounds):
                booster.update(data, number)
            boosters.append(booster)
        return cls(boosters)

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the members' mean; they doubt by how far they differ."""
        import xgboost

        data = xgboost.DMatrix(inputs.features, nthread=1)
        members = np.array([booster.predict(data, validate_features=False) for booster in self.boosters], np.float64)
        return Estimate(members.mean(axis=0), members.std(axis=0))


# What the entry points name.


def xgboost(space: Space, *, members: int = 5, trees: int = 20, depth: int = 3, eta: float = 0.3) -> Predictor:
    """Make boosted trees. Over 20 to 300 trainings they rank as well as ensembles that take ten times as long to fit.

    Parameters
    ----------
    space : Space
    members, trees, depth : int
        Models, trees in each, and how deep these are.
    eta : float
        The learning rate.
    """
    _check_whole("xgboost", members=members, trees=trees, depth=depth)
    _check_eta("xgboost", eta)
    fit = partial(
        QuickBoosters.fit,
        rounds=trees,
        max_depth=depth,
        eta=eta,
        subsample=0.8,
        colsample_bytree=0.8,
        min_child_weight=2,
        tree_method="hist",
        max_bin=16,
    )
    return ModelPredictor(space, fit, members=members)


def random_forest(space: Space, *, members: int = 8, trees: int = 8) -> Predictor:
    """Make several random forests of deep trees; see `xgboost` for the parameters."""
    from surrogates.models.xgboost import FOREST_PARAMETERS

    _check_whole("random-forest", members=members, trees=trees)
    fit = partial(QuickBoosters.fit, rounds=1, num_parallel_tree=trees, tree_method="hist", **FOREST_PARAMETERS)
    return ModelPredictor(space, fit, members=members)


def lightgbm(space: Space, *, members: int = 3, trees: int = 30, eta: float = 0.3) -> Predictor:
    """Make boosted trees of LightGBM, which is to be installed; see `xgboost` for the parameters."""
    _check_whole("lightgbm", members=members, trees=trees)
    _check_eta("lightgbm", eta)
    fit = partial(regressor_class("lightgbm").fit, trees=trees, learning_rate=eta, num_leaves=8)
    return ModelPredictor(space, fit, members=members)


def ridge(space: Space) -> Predictor:
    """Make a ridge regression."""
    return ModelPredictor(space, regressor_class("ridge").fit)


def gaussian_process(space: Space) -> Predictor:
    """Make an exact Gaussian process."""
    return ModelPredictor(space, regressor_class("gaussian-process").fit)


def mlp(space: Space, *, members: int = 5, steps: int = 100) -> Predictor:
    """Make multilayer perceptrons.

    Parameters
    ----------
    space : Space
    members, steps : int
        Networks, and at least how many steps each is trained.
    """
    _check_whole("mlp", members=members, steps=steps)
    return ModelPredictor(space, partial(regressor_class("mlp").fit, steps=steps), members=members)


def path_encoding(space: Space, *, members: int = 5, steps: int = 100) -> Predictor:
    """Make the predictor of BANANAS, perceptrons over the paper's path encoding; see `mlp` for the parameters."""
    _check_whole("path-encoding", members=members, steps=steps)
    _check_graphs("path-encoding", space)
    return ModelPredictor(space, partial(regressor_class("mlp").fit, steps=steps), members=members, paths=True)


def gin(space: Space, *, members: int = 3, steps: int = 100) -> Predictor:
    """Make graph isomorphism networks, which take seconds to fit; see `mlp` for the parameters."""
    _check_whole("gin", members=members, steps=steps)
    _check_graphs("gin", space)
    return ModelPredictor(space, partial(regressor_class("gin").fit, steps=steps), members=members)


def _check_whole(predictor: str, **options: object) -> None:
    for option, value in options.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise QueryError(f"predictor {predictor!r}: {option} must be a whole number of 1 or more; got {value!r}")


def _check_eta(predictor: str, eta: object) -> None:
    if not isinstance(eta, (int, float)) or not 0 < eta <= 1:
        raise QueryError(f"predictor {predictor!r}: eta must be a number above 0 and at most 1; got {eta!r}")


def _check_graphs(predictor: str, space: Space) -> None:
    if not space.graphs(some_row(space)):
        raise QueryError(
            f"predictor {predictor!r} learns from graphs, which space {space.name!r} does not give; try 'xgboost'"
        )

"""Boosted trees that are fitted to a few rows in the middle of a search, in milliseconds, and never written to a file.

`XGBoostEnsemble` keeps its members as JSON, which takes longer to write and read than small ensembles take to fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates.models.parts import deal_members
from surrogates.models.regressor import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from surrogates.inputs import Inputs


class QuickBoosters:
    """Several XGBoost regressions of one target, each fitted with its own seed on its own part of the rows.

    Parameters
    ----------
    boosters : sequence of xgboost.Booster
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

"""Random forests (Breiman 2001) of XGBoost's trees, each grown deep on a part of the rows and columns of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from surrogates.models.xgboost_ensemble import XGBoostEnsemble

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from surrogates.inputs import Inputs

MEMBERS = 16
TREES = 8
"""In each member; more, smaller forests tell better what is not known (`RandomForest`)."""

PARAMETERS: dict[str, Any] = {
    # As deep as there are rows, but for the files' sake no tree has more than so many leaves.
    "max_depth": 0,
    "grow_policy": "lossguide",
    "max_leaves": 1024,
    "eta": 1.0,
    "subsample": 0.8,
    "colsample_bytree": 1.0,
    "colsample_bynode": 0.33,
    "min_child_weight": 1,
    "reg_lambda": 0.0,
    "max_bin": 256,
}
"""What makes XGBoost's trees those of a forest: none corrects another, and each split sees a third of the columns."""


class RandomForest(XGBoostEnsemble):
    """Several small random forests of one target, each fitted with its own seed on its own part of the rows.

    The estimate is the mean of all trees. The doubt is how far the members' means differ: single trees, grown until
    their leaves hold single rows, would differ by the noise of trainings, of which a member's mean keeps less.

    Parameters
    ----------
    texts : sequence of bytes
        Each member in XGBoost's own JSON. They are parsed when first needed.
    """

    kind: ClassVar[str] = "random-forest"

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        target: NDArray[np.float64],
        groups: NDArray[np.int64],
        *,
        seed: int = 0,
        members: int = MEMBERS,
        trees: int = TREES,
        **parameters: Any,
    ) -> RandomForest:
        """Fit the forests; see `XGBoostEnsemble.fit`.

        Parameters
        ----------
        inputs, target, groups, seed
            See `Regressor.fit`.
        members, trees : int
            Forests, and trees in each.
        **parameters
            XGBoost's own, in place of `PARAMETERS`.
        """
        chosen = {**PARAMETERS, **parameters, "num_parallel_tree": trees}
        return cls(super().fit(inputs, target, groups, seed=seed, members=members, trees=1, **chosen).texts)

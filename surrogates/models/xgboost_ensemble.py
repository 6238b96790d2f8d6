"""An ensemble of gradient-boosted trees (Chen and Guestrin 2016) whose members disagree where they know little."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from surrogates.models.arrays import read_members
from surrogates.models.forest_walk import ForestWalk
from surrogates.models.parts import deal_members, side_by_side
from surrogates.models.regressor import Estimate, Regressor
from surrogates.models.xgboost_model import booster_bytes, parse_booster

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from typing_extensions import Self

    from surrogates.inputs import Inputs

FEW_ROWS = 64
"""Up to so many rows are walked by `ForestWalk`, which is faster than XGBoost's calls, for one row ten times."""

MANY_ROWS = 2048
"""From here on members predict side by side; for fewer rows the threads would cost more than they save."""

MEMBERS = 4
TREES = 200

PARAMETERS: dict[str, Any] = {
    "max_depth": 4,
    "eta": 0.12,
    "subsample": 0.65,
    "colsample_bytree": 0.8,
    "min_child_weight": 2,
    "tree_method": "hist",
    "max_bin": 32,
    # One thread a model makes its sums, and so its trees, the same bit for bit on any number of cores.
    "nthread": 1,
}
"""The best that `benchmarks/tuning.py` found, but the depth, which `fit_surrogate` chooses anew for each table."""


class XGBoostEnsemble(Regressor):
    """Several XGBoost regressions of one target, each fitted with its own seed on its own part of the rows.

    Parameters
    ----------
    texts : sequence of bytes
        Each member in XGBoost's own JSON. They are parsed when first needed.
    """

    kind: ClassVar[str] = "xgboost"

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.texts = tuple(texts)

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
    ) -> XGBoostEnsemble:
        """Fit an ensemble.

        The groups are dealt into as many parts as there are members, and each member leaves one out; a single one sees
        them all.

        Parameters
        ----------
        inputs, target, groups, seed
            See `Regressor.fit`.
        members, trees : int
            Models, and trees in each.
        **parameters
            XGBoost's own, in place of `PARAMETERS`.
        """
        import xgboost

        part, seeds = deal_members(groups, members, seed)
        chosen = {**PARAMETERS, **parameters}
        features = inputs.features

        def fit_member(member: int) -> bytes:
            rows = part != member if members > 1 else slice(None)
            data = xgboost.DMatrix(features[rows], target[rows], nthread=1)
            return booster_bytes(xgboost.train({**chosen, "seed": seeds[member]}, data, trees))

        return cls(side_by_side(fit_member, range(members)))

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the members' mean; they doubt by how far they differ."""
        members = self.predict_members(inputs.features)
        return Estimate(members.mean(axis=0), members.std(axis=0))

    def predict_members(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what each member predicts.

        Parameters
        ----------
        features : (N, F) float32

        Returns
        -------
        (members, N) float64
        """
        if len(features) <= FEW_ROWS:
            return self._walk.predict(features).astype(np.float64)

        def predict_member(booster: Any) -> NDArray[np.float64]:
            return np.asarray(booster.inplace_predict(features), dtype=np.float64)

        if len(features) < MANY_ROWS:
            return np.array([predict_member(booster) for booster in self._boosters])
        return np.array(side_by_side(predict_member, self._boosters))

    @cached_property
    def _boosters(self) -> list[Any]:
        return [parse_booster(text, name) for name, text in self.files().items()]

    @cached_property
    def _walk(self) -> ForestWalk:
        for name, text in self.files().items():
            parse_booster(text, name)  # which refuses what is no model of its own
        return ForestWalk(self.texts)

    def files(self) -> dict[str, bytes]:
        """Return ``member-0.json``, ..., each in XGBoost's own JSON."""
        return {f"member-{number}.json": text for number, text in enumerate(self.texts)}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Self:
        """Take the texts; XGBoost reads them when a prediction is first asked for."""
        return cls(read_members(files, "json"))

    def __reduce__(self) -> tuple[type[XGBoostEnsemble], tuple[tuple[bytes, ...]]]:
        return type(self), (self.texts,)


def out_of_fold(
    inputs: Inputs,
    target: NDArray[np.float64],
    groups: NDArray[np.int64],
    *,
    folds: int,
    seed: int = 0,
    **options: Any,
) -> NDArray[np.float64]:
    """Predict each row by a model that saw neither it nor its group.

    Parameters
    ----------
    inputs, target, groups, seed
        See `Regressor.fit`.
    folds : int
        At least 2 and at most as many as there are groups.
    **options
        See `XGBoostEnsemble.fit`.

    Returns
    -------
    (N,) float64
    """
    ensemble = XGBoostEnsemble.fit(inputs, target, groups, seed=seed, members=folds, **options)
    part, _ = deal_members(groups, folds, seed)  # each left out by the member of its number
    members = ensemble.predict_members(inputs.features)
    left_out: NDArray[np.float64] = np.take_along_axis(members, part[None], axis=0)[0]
    return left_out

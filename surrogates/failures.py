"""Trainings that fail: far worse than all that are like them, for no reason that an architecture shows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates.familiarity import ROUNDING, Familiarity
from surrogates.models.parts import deal_parts, side_by_side
from surrogates.models.xgboost_model import booster_bytes, parse_booster
from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FILE = "trees.json"

FEWEST_ROWS = 50
"""Fewer do not tell what is usual."""

FEWEST_FAILURES = 8
"""Fewer do not tell what fails."""

FOLDS = 5
BELOW_EXPECTED = 6.0
"""A failure lies so many times as far below its prediction as residuals usually lie from theirs,"""

BELOW_BULK = 4.0
"""so many standard deviations of the bulk of all targets below their median,"""

BELOW_BOTH = 1.5
"""and so many of these below its prediction: what is predicted to the last digit does not fail by the last but one."""

SIGMA = 1.4826
"""The standard deviation of normal numbers by their median absolute deviation."""

PREDICTING: dict[str, Any] = {
    # The absolute error, which failures spoil less, learns so slowly what a few architectures have in common that some
    # weak ones, as all like them are, seem to have failed; scattered failures shift a mean but little.
    "objective": "reg:squarederror",
    "max_depth": 5,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "tree_method": "hist",
    "max_bin": 64,
    "nthread": 1,
}
PREDICTING_TREES = 100

CLASSIFYING: dict[str, Any] = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "eta": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "tree_method": "hist",
    "max_bin": 64,
    "nthread": 1,
}
CLASSIFYING_TREES = 100


def find_failures(
    features: NDArray[np.float32], target: NDArray[np.float64], groups: NDArray[np.int64], seed: int
) -> NDArray[np.bool_]:
    """Find the rows whose target lies far below what architectures like it reach.

    What they reach is predicted by a regression on the other folds. A weak architecture that is known to be weak is
    predicted to be, and is none; nor is one whose features lie outside of those of all others, as nothing is like it.

    Parameters
    ----------
    features : (N, F) float32
    target : (N,) float64
        Finite; higher is better, in a scale in which differences mean the same everywhere, see `surrogates.targets`.
    groups : (N,) int64
        From 0; rows of one group are drawings of one network, and are predicted together.
    seed : int

    Returns
    -------
    (N,) bool
    """
    import xgboost

    if len(np.unique(groups)) < FEWEST_ROWS:
        return np.zeros(len(target), dtype=bool)
    part = deal_parts(groups, FOLDS, np.random.default_rng(seed))
    expected, alone = np.empty(len(target)), np.empty(len(target), dtype=bool)

    def predict_fold(fold: int) -> None:
        rest, rows = part != fold, part == fold
        data = xgboost.DMatrix(features[rest], target[rest], nthread=1)
        booster = xgboost.train({**PREDICTING, "seed": seed}, data, PREDICTING_TREES)
        expected[rows] = booster.inplace_predict(features[rows])
        alone[rows] = Familiarity.fit(features[rest]).distance(features[rows]) > ROUNDING

    side_by_side(predict_fold, range(FOLDS))
    residual = target - expected
    residual -= np.median(residual)
    bulk = target - np.median(target)
    usual, width = (SIGMA * float(np.median(np.abs(each))) for each in (residual, bulk))
    far_below = residual < -max(BELOW_EXPECTED * usual, BELOW_BOTH * width)
    return far_below & (bulk < -BELOW_BULK * width) & ~alone & (width > 0)


class FailureModel:
    """How likely the training of an architecture is to fail: gradient-boosted trees (Chen and Guestrin 2016).

    Parameters
    ----------
    text : bytes
        The trees in XGBoost's own JSON. They are parsed when first needed.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text

    @classmethod
    def fit(
        cls, features: NDArray[np.float32], failed: NDArray[np.bool_], groups: NDArray[np.int64], seed: int
    ) -> FailureModel | None:
        """Learn what fails; the same arguments give the same model, bit for bit.

        Parameters
        ----------
        features : (N, F) float32
        failed : (N,) bool
        groups : (N,) int64
            From 0; rows of one group are drawings of one network, and count as one.
        seed : int

        Returns
        -------
        FailureModel or None
            None if fewer than `FEWEST_FAILURES` networks failed, or all did.
        """
        import xgboost

        if len(np.unique(groups[failed])) < FEWEST_FAILURES or failed.all():
            return None
        data = xgboost.DMatrix(features, failed, weight=1 / np.bincount(groups)[groups], nthread=1)
        return cls(booster_bytes(xgboost.train({**CLASSIFYING, "seed": seed}, data, CLASSIFYING_TREES)))

    def probability(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how likely training fails.

        Failures are rare and mostly bad luck, so the numbers are small. Some 30 of 20,001 cells of NAS-Bench-101 fail;
        where these were held out, 0.01 names 2 % of the cells, and among them 7 of 10 that fail, 0.1 names 2 of 10, and
        every fifth that it names fails.

        Parameters
        ----------
        features : (N, F) float32

        Returns
        -------
        (N,) float64

        Raises
        ------
        FileFormatError
            If XGBoost does not take the text for a model.
        """
        return np.asarray(self._booster.inplace_predict(features), dtype=np.float64)

    @cached_property
    def _booster(self) -> Any:
        return parse_booster(self.text, FILE)

    def files(self) -> dict[str, bytes]:
        """Return the files, by name, from which `read` makes this model again."""
        return {FILE: self.text}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> FailureModel:
        """Take the text; XGBoost reads it when a probability is first asked for.

        Raises
        ------
        FileFormatError
            If the files are others than `files` returned.
        """
        if set(files) != {FILE}:
            raise FileFormatError(f"{', '.join(sorted(files)) or 'no file'}: a model of failures has one file, {FILE}")
        return cls(files[FILE])

    def __reduce__(self) -> tuple[type[FailureModel], tuple[bytes]]:
        return FailureModel, (self.text,)

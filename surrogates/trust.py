"""Reasons not to trust a prediction: unfamiliar, or likely to fail."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from surrogates.models.regressor import deal_parts, side_by_side
from surrogates.models.xgboost import booster_bytes, parse_booster
from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


FOLDS = 5
USUAL = 0.995
"""The share of unseen architectures of the same kind that count as familiar."""

ROUNDING = 1e-3
"""The least limit: another processor may round features otherwise."""


@dataclass(frozen=True)
class Familiarity:
    """The box that the features of the architectures fitted to fill.

    Beyond it a regression extrapolates. A Mahalanobis distance with a shrunk covariance, which might find unseen
    mixtures inside the box, too, finds none: the few cells of NAS-Bench-201 that are like no other stretch its limit so
    far that of larger cells, and of kinds not fitted to, it tells no more than the box does.

    Parameters
    ----------
    lowest, highest : (F,) float32
        Of each feature.
    unit : (F,) float32
        The standard deviation of each feature; for one that never varied ``N**-0.5``.
    limit : float
        The distance beyond which an architecture is unfamiliar.
    """

    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]
    unit: NDArray[np.float32]
    limit: float

    NAMES: ClassVar[tuple[str, ...]] = ("lowest", "highest", "unit", "limit")

    @classmethod
    def fit(cls, features: NDArray[np.float32], groups: NDArray[np.int64] | None = None) -> Familiarity:
        """Find the box, and how far out of it others of the same kind lie: as those left out of it do, fold by fold.

        Parameters
        ----------
        features : (N, F) float32
            N at least 1.
        groups : (N,) int64, optional
            From 0; rows of one group are drawings of one network, and are left out together. By default each row is
            one.
        """
        groups = np.arange(len(features)) if groups is None else groups
        folds = min(FOLDS, int(groups.max()) + 1)
        part = deal_parts(groups, folds, np.random.default_rng(0))
        pieces = [features[part == fold] for fold in range(folds)]
        pieces = [piece for piece in pieces if len(piece)]
        lows, highs = (np.stack([each(piece, axis=0) for piece in pieces]) for each in (np.min, np.max))
        lowest, highest = lows.min(axis=0), highs.max(axis=0)
        unit = features.std(axis=0, dtype=np.float64)
        # A feature that never varied is as one that was another by 1 in one of the rows.
        unit = np.where(highest > lowest, unit, len(features) ** -0.5).astype(np.float32)
        distances = [np.zeros(1)]
        for fold, piece in enumerate(pieces if len(pieces) > 1 else []):
            box = cls(np.delete(lows, fold, axis=0).min(axis=0), np.delete(highs, fold, axis=0).max(axis=0), unit, 0)
            distances.append(box.distance(piece))
        limit = max(ROUNDING, float(np.quantile(np.concatenate(distances), USUAL)))
        return cls(lowest, highest, unit, limit)

    def distance(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return by how many standard deviations the features lie outside of the box, all of them added up.

        Parameters
        ----------
        features : (N, F) float32

        Returns
        -------
        (N,) float64
        """
        outside = np.maximum(self.lowest - features, features - self.highest)
        distance: NDArray[np.float64] = (np.maximum(outside, 0) / self.unit).sum(axis=1, dtype=np.float64)
        return distance

    def unfamiliar(self, features: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which rows of features, (N, F), lie farther out than others of the same kind, (N,)."""
        return self.distance(features) > self.limit

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return arrays, by `NAMES`, from which `from_arrays` makes this again."""
        return {name: np.atleast_1d(np.asarray(getattr(self, name), dtype=np.float32)) for name in self.NAMES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> Familiarity:
        """Read what `arrays` returned.

        Raises
        ------
        KeyError, ValueError
            If it is not that.
        """
        lowest, highest, unit, limit = (arrays[name] for name in cls.NAMES)
        if not lowest.shape == highest.shape == unit.shape or lowest.ndim != 1:
            raise ValueError(f"bounds of features differ in shape: {lowest.shape}, {highest.shape}, {unit.shape}")
        return cls(lowest, highest, unit, float(limit.item()))


FILE = "trees.json"

FEWEST_ROWS = 50
"""Fewer networks do not tell what is usual."""

FEWEST_FAILURES = 8
"""Fewer failures do not tell what fails."""

BELOW_EXPECTED = 6.0
"""A failure lies this many times as far below its prediction as residuals usually lie from theirs."""

BELOW_BULK = 4.0
"""A failure lies this many standard deviations of the bulk of all targets below their median."""

BELOW_BOTH = 1.5
"""A failure lies this many of these below its prediction, too, so that no failure is a matter of the last digits."""

SIGMA = 1.4826
"""The standard deviation of normal numbers by their median absolute deviation."""

SAMPLING: dict[str, Any] = {
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "tree_method": "hist",
    "max_bin": 64,
    "nthread": 1,
}
"""Parameters of the trees that predict as of those that classify."""

PREDICTING: dict[str, Any] = {
    # The absolute error, which failures spoil less, learns so slowly what a few architectures have in common that some
    # weak ones, as all like them are, seem to have failed; scattered failures shift a mean but little.
    "objective": "reg:squarederror",
    "max_depth": 5,
    "eta": 0.1,
    **SAMPLING,
}
PREDICTING_TREES = 100

CLASSIFYING: dict[str, Any] = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "eta": 0.05,
    **SAMPLING,
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
        Finite; higher is better, in a scale in which differences mean the same everywhere, see
        `surrogates.metric_model.Target`.
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
    """A model of failing trainings: gradient-boosted trees (Chen and Guestrin 2016).

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

        Failures are rare and mostly chance, so the numbers are small. Some 30 of 20,001 cells of NAS-Bench-101 fail;
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

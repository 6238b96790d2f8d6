"""How far an architecture lies outside of those a model was fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from surrogates.models.parts import deal_parts

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
        """Say of each row of features, (N, F), whether it lies farther out than others of the same kind, (N,)."""
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

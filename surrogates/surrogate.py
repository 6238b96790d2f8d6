"""A model of a table: what training an architecture would give, and how far off that may be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench.oracle import Measure, resolve_measure
from surrogates.features import features

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from nasbench.oracle import Metric, Task
    from nasbench.spaces import Space
    from surrogates.scorecard import Scorecard
    from surrogates.seed_noise import SeedNoise
    from surrogates.xgb_ensemble import XGBEnsemble

NUMBERS_AT_ONCE = 1 << 23
"""Features of more numbers than this are made and used piece by piece, which bounds the memory a query takes."""

_BOUNDS = {"fraction": (0.0, 1.0), "second": (0.0, np.inf), "nat": (0.0, np.inf)}


def bounds(metric: Metric) -> tuple[float, float]:
    """Return the least and the greatest value a metric's unit allows."""
    return _BOUNDS.get(metric.unit, (-np.inf, np.inf))


class Prediction(NamedTuple):
    """What a surrogate says of some architectures, each ``(N,)`` float64.

    Parameters
    ----------
    mean : array
        The mean over trainings.
    std : array
        How far a single training may lie from ``mean``: seed noise and the doubt in which the model's members differ.
    noise : array
        The seed noise alone; NaN where the table has no two trainings of an architecture to tell it from.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    noise: NDArray[np.float64]


@dataclass(frozen=True)
class MeasureModel:
    """What predicts one measure.

    Parameters
    ----------
    metric : Metric
    ensemble : XGBEnsemble
    log : bool
        Whether it was fitted to the logarithm.
    seed_noise : SeedNoise or None
        In the scale of the fit; None where the table cannot tell.
    """

    metric: Metric
    ensemble: XGBEnsemble
    log: bool
    seed_noise: SeedNoise | None

    def predict(self, inputs: NDArray[np.float32]) -> Prediction:
        """Predict for rows of features ``(N, F)``."""
        members = self.ensemble.predict(inputs)
        mean = members.mean(axis=0)
        noise = np.full(len(mean), np.nan) if self.seed_noise is None else self.seed_noise.at(mean)
        std = np.hypot(members.std(axis=0), np.nan_to_num(noise))
        if self.log:
            mean = np.exp(mean)
            std, noise = mean * std, mean * noise  # the first-order spread of an exponential
        return Prediction(np.clip(mean, *bounds(self.metric)), std, noise)


class Surrogate:
    """Models of the measures of one task, with the scores they earned.

    `surrogates.fit_surrogate` makes one, `load` reads one back.

    Parameters
    ----------
    space : Space
    task : Task
        With the metrics and epochs that were fitted.
    blocks : tuple of str
        The feature blocks, see `surrogates.features`.
    models : dict of Measure to MeasureModel
        One for each metric after each of the task's epochs.
    scorecard : Scorecard
    provenance : dict
        The table, the split, the model's parameters and the versions of the libraries, JSON-ready.
    """

    def __init__(
        self,
        space: Space,
        task: Task,
        blocks: tuple[str, ...],
        models: Mapping[Measure, MeasureModel],
        scorecard: Scorecard,
        provenance: Mapping[str, Any],
    ) -> None:
        self.space = space
        self.task = task
        self.blocks = blocks
        self.models = dict(models)
        self.scorecard = scorecard
        self.provenance = dict(provenance)

    def __repr__(self) -> str:
        return f"<Surrogate of {self.task.name!r} on {self.space.name}: {', '.join(map(str, self.models))}>"

    def predict(self, architectures: NDArray[np.uint8], measure: Measure | str | None = None) -> Prediction:
        """Predict one measure.

        The spread ``std`` is that of a single training around the mean: the variance between the ensemble's members,
        which see different architectures, plus the variance between seeds measured in the table (nothing is added where
        the table has one seed, so there it is too small). The scorecard's ``coverage`` says how honest it turned out.

        Parameters
        ----------
        architectures : (N, L) uint8
        measure : Measure or str, optional
            By default the validation accuracy at the last epoch.

        Returns
        -------
        Prediction

        Raises
        ------
        InvalidArchitectureError, QueryError, UnknownNameError
        """
        rows = np.atleast_2d(self.space.check(architectures))
        model = self.models[resolve_measure(measure, {self.task.name: self.task})]
        parts = [
            model.predict(features(self.space, rows[start : start + self._rows_at_once], self.blocks))
            for start in range(0, max(1, len(rows)), self._rows_at_once)
        ]
        return Prediction(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    @cached_property
    def _rows_at_once(self) -> int:
        some = np.zeros((1, self.space.length), dtype=np.uint8)
        return max(1, NUMBERS_AT_ONCE // features(self.space, some, self.blocks).size)

    def save(self, path: str | Path) -> None:
        """Write the surrogate as a folder, whole or not at all; see `surrogates.files`.

        Raises
        ------
        OutputError
        """
        from surrogates.files import save_surrogate

        save_surrogate(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Surrogate:
        """Read what `save` wrote, every digest checked.

        Raises
        ------
        FileFormatError
            If the folder is missing, damaged, foreign or of a newer version; the message names the file.
        """
        from surrogates.files import load_surrogate

        return load_surrogate(path)

"""A model of a table: what training an architecture would give, and how far off that may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from surrogates.inputs import GRAPH, Inputs, some_row
from surrogates.metric_model import Learnt
from tabular.errors import InvalidArchitectureError, SpaceError
from tabular.measures import Measure, resolve_measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from surrogates.failures import FailureModel
    from surrogates.familiarity import Familiarity
    from surrogates.luck import Luck
    from surrogates.metric_model import MetricModel
    from surrogates.scorecard import Scorecard
    from tabular.measures import Task
    from tabular.spaces import Space

ROWS_AT_ONCE = 1 << 15
"""More rows are predicted piece by piece, which bounds the memory that a query takes."""


class Prediction(NamedTuple):
    """What a surrogate says of some architectures, ``(N,)`` each.

    Parameters
    ----------
    mean : float64
        The mean over trainings.
    std : float64
        How far a single training may lie from ``mean``: ``noise`` and ``doubt`` together.
    noise : float64
        The seed noise: how far trainings of one architecture scatter. NaN where the table has no two of any; then it
        is part of ``doubt``.
    doubt : float64
        How far the mean itself may be off, calibrated on architectures held out.
    unfamiliar : bool
        Whether the architecture lies outside of what the surrogate was fitted to: then all of this is a guess.
    fails : float64
        The probability that training fails, as some did in the table; the other numbers are for the case that it does
        not.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    noise: NDArray[np.float64]
    doubt: NDArray[np.float64]
    unfamiliar: NDArray[np.bool_]
    fails: NDArray[np.float64]


class Surrogate:
    """Models of the metrics of one task, with the scores they earned.

    `surrogates.fit_surrogate` makes one, `load` reads one back.

    Parameters
    ----------
    space : Space
        Whose architectures it answers for.
    task : Task
        With the metrics and epochs that were fitted.
    blocks : tuple of str
        The blocks of features, see `surrogates.inputs`.
    models : dict of str to MetricModel
        One a metric.
    luck : Luck
        How the noise of one training hangs together over ``measures``.
    familiarity : Familiarity
    failures : FailureModel or None
        None where the table tells of too few.
    scorecard : Scorecard
    provenance : dict
        The table, the split, the model's parameters and the versions of the libraries, JSON-ready. After `extrapolate`
        also the space it was fitted to.
    """

    def __init__(
        self,
        space: Space,
        task: Task,
        blocks: tuple[str, ...],
        models: Mapping[str, MetricModel],
        *,
        luck: Luck,
        familiarity: Familiarity,
        failures: FailureModel | None,
        scorecard: Scorecard,
        provenance: Mapping[str, Any],
    ) -> None:
        self.space = space
        self.task = task
        self.blocks = blocks
        self.models = dict(models)
        self.luck = luck
        self.familiarity = familiarity
        self.failures = failures
        self.scorecard = scorecard
        self.provenance = dict(provenance)
        self._latest = self.inputs(np.zeros((0, space.length), dtype=np.uint8))

    def __repr__(self) -> str:
        return f"<Surrogate of {self.task.name!r} on {self.space.name}: {', '.join(map(str, self.measures))}>"

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What it predicts."""
        return tuple(Measure(self.task.name, metric, epochs) for metric in self.models for epochs in self.task.epochs)

    @property
    def fitted_to(self) -> str | None:
        """The space it was fitted to, if it was carried over from another one or another recipe."""
        declared = self.provenance.get("fitted_to")
        return None if declared is None else str(declared.get("name", declared["kind"]))

    def inputs(self, architectures: NDArray[np.uint8]) -> Inputs:
        """Return what the models see of architectures (N, L) of the space."""
        return Inputs(self.space, architectures, self.blocks)

    def predict(self, architectures: NDArray[np.uint8], measure: Measure | str | None = None) -> Prediction:
        """Predict one measure.

        Parameters
        ----------
        architectures : (N, L) or (L,) uint8
        measure : Measure or str, optional
            By default the validation accuracy at the last epoch.

        Returns
        -------
        Prediction
            Of arrays ``(N,)``; N is 1 for a single row.

        Raises
        ------
        InvalidArchitectureError, QueryError, UnknownNameError
        """
        resolved = resolve_measure(measure, {self.task.name: self.task})
        model = self.models[resolved.metric]
        parts = []
        for inputs in self._pieces(architectures):
            learnt = model.predict(inputs, resolved.epochs)
            slope = model.target.slope(learnt.mean)
            fails = np.zeros(len(inputs)) if self.failures is None else self.failures.probability(inputs.features)
            parts.append(
                Prediction(
                    mean=model.target.metric(learnt.mean),
                    std=slope * np.hypot(learnt.doubt, learnt.noise),
                    noise=model.metric_noise(learnt, resolved.epochs),
                    doubt=slope * learnt.doubt,
                    unfamiliar=self.familiarity.unfamiliar(inputs.features),
                    fails=fails,
                )
            )
        return Prediction(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def predict_learnt(self, architectures: NDArray[np.uint8], measure: Measure) -> Learnt:
        """Predict one measure in the scale in which it was learnt, for `SurrogateOracle`.

        Parameters
        ----------
        architectures : (N, L) uint8
        measure : Measure
            One of `measures`.
        """
        model = self.models[measure.metric]
        parts = [model.predict(inputs, measure.epochs) for inputs in self._pieces(architectures)]
        return Learnt(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def _pieces(self, architectures: NDArray[np.uint8]) -> Iterator[Inputs]:
        try:
            rows = np.atleast_2d(self.space.check(architectures))
        except InvalidArchitectureError as error:
            raise InvalidArchitectureError(f"{error} (of another space? see Surrogate.extrapolate)") from None
        for start in range(0, max(1, len(rows)), ROWS_AT_ONCE):
            piece, latest = rows[start : start + ROWS_AT_ONCE], self._latest
            # Several measures are often asked of the same architectures in turn, whose features are made once.
            if not np.array_equal(piece, latest.architectures):
                self._latest = latest = self.inputs(piece.copy())
            yield latest

    def extrapolate(self, space: Space) -> Surrogate:
        """Return this surrogate for another space, to whose architectures it was not fitted.

        Only features of the active graph mean the same in every space, so it must have been fitted to these alone. What
        it says there is extrapolation: `Prediction.unfamiliar` and a few real trainings tell how far to trust it.

        Raises
        ------
        SpaceError
        """
        if self.blocks != (GRAPH,):
            raise SpaceError(
                f"a surrogate of {self.space.name!r} with the features {', '.join(self.blocks)} cannot be asked about "
                f"{space.name!r}: fit it with the features '{GRAPH}' alone, which mean the same in both"
            )
        graphs, others = (len(each.graphs(some_row(each))) for each in (self.space, space))
        if graphs != others:
            raise SpaceError(
                f"a surrogate of {self.space.name!r} cannot be asked about {space.name!r}: networks of the one have "
                f"{graphs} kinds of cells, of the other {others}"
            )
        fitted_to = self.provenance.get("fitted_to", self.space.declaration())
        return Surrogate(
            space,
            self.task,
            self.blocks,
            self.models,
            luck=self.luck,
            familiarity=self.familiarity,
            failures=self.failures,
            scorecard=self.scorecard,
            provenance={**self.provenance, "fitted_to": fitted_to},
        )

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

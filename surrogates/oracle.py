"""A surrogate as an oracle over every architecture of the space."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from surrogates.metric_model import ScaledPrediction
from surrogates.surrogate import Surrogate
from tabular.errors import QueryError
from tabular.measures import BaseOracle, Measure, Reference, Task, metric_of, reference_over, resolve_measure
from tabular.spaces.hashing import combine

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_REMEMBERED = 100_000
"""Spaces up to this many rows are predicted whole when a measure is first asked for; then an answer is a look-up."""


class SurrogateOracle(BaseOracle):
    """Answers with a surrogate's predictions.

    Without seed and draw the answer is the predicted mean. With one it is a simulated training: the mean plus the seed
    noise of this architecture times a standard normal number, which the draw alone decides and which is as alike over
    epochs and metrics as the trainings of the table are (see `surrogates.training_noise`). The mean over draws is the
    predicted mean, and no answer leaves what the metric can be. The model's own doubt plays no part in it, and where
    the table cannot tell the seed noise, nothing is added. Times add up over epochs: one is the greatest that is
    predicted for as many epochs or fewer, so that of one training it never falls. A row is predicted as given: equal
    networks drawn differently may differ a bit, unless all features are those of the active graph.

    Parameters
    ----------
    surrogate : Surrogate, str or Path
    name : str, optional
        What results and figures call it; by default the name of the folder, or of the task.
    """

    def __init__(self, surrogate: Surrogate | str | Path, name: str | None = None) -> None:
        if isinstance(surrogate, Surrogate):
            self.surrogate, default = surrogate, f"{surrogate.task.name}-surrogate"
        else:
            self.surrogate, default = Surrogate.load(surrogate), Path(surrogate).name
        self.name = name or default
        self.space = self.surrogate.space
        self.tasks: dict[str, Task] = {self.surrogate.task.name: self.surrogate.task}
        self._indices = {measure: index for index, measure in enumerate(self.surrogate.measures)}
        self._remembered: dict[Measure, ScaledPrediction] = {}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the surrogate: of all that its answers depend on."""
        return self.surrogate.digest

    def __repr__(self) -> str:
        return f"<SurrogateOracle {self.name!r} on {self.surrogate!r}>"

    def reference(self, measure: Measure | str | None = None) -> Reference | None:
        """Return the best prediction, and mean and standard deviation over the space; None for very large spaces."""
        resolved = resolve_measure(measure, self.tasks)
        if self.space.size > MOST_REMEMBERED:
            return None
        return reference_over(self.query(self.space.all(), resolved), metric_of(self, resolved))

    def _means(self, batch: NDArray[np.uint8], measure: Measure) -> NDArray[np.float64]:
        return self._never_falling(batch, measure, None)

    def _of_seed(self, batch: NDArray[np.uint8], measure: Measure, seed: int) -> NDArray[np.float64]:
        """Return the simulated training of one seed: a draw made of it and of the network."""
        try:
            number = np.uint64(seed)
        except (OverflowError, ValueError, TypeError):
            raise QueryError(f"a seed is a whole number from 0 to 2**64 - 1, got {seed!r}") from None
        draws = combine(self.space.canonical_key(batch), np.full(len(batch), number))
        return self._never_falling(batch, measure, draws)

    def _drawn(self, batch: NDArray[np.uint8], measure: Measure, draws: NDArray[np.uint64]) -> NDArray[np.float64]:
        return self._never_falling(batch, measure, draws)

    def _spreads(self, batch: NDArray[np.uint8], measure: Measure) -> NDArray[np.float64]:
        """Return the seed noise; NaN if the table has no two trainings of an architecture."""
        scaled = self._predict(batch, measure)
        return self.surrogate.models[measure.metric].metric_noise(scaled, measure.epochs)

    def _never_falling(
        self, batch: NDArray[np.uint8], measure: Measure, draws: NDArray[np.uint64] | None
    ) -> NDArray[np.float64]:
        """Return predictions, of times the greatest up to the epoch asked for."""
        values = self._answer(batch, measure, draws)
        task = self.tasks[measure.task]
        if task.metrics[measure.metric].unit == "second":
            for epochs in task.epochs[: task.epochs.index(measure.epochs)]:
                np.maximum(values, self._answer(batch, measure._replace(epochs=epochs), draws), out=values)
        return values

    def _answer(
        self, batch: NDArray[np.uint8], measure: Measure, draws: NDArray[np.uint64] | None
    ) -> NDArray[np.float64]:
        """Return the predicted mean of one measure, or with ``draws`` (N,) simulated trainings."""
        target = self.surrogate.models[measure.metric].target
        scaled = self._predict(batch, measure)
        if draws is None:
            return target.unscaled(scaled.mean)
        normal = self.surrogate.training_noise.draw(draws, self._indices[measure])
        return target.unscaled(scaled.mean + scaled.noise * normal + target.shifted(scaled.noise))

    def _predict(self, batch: NDArray[np.uint8], measure: Measure) -> ScaledPrediction:
        if self.space.size > MOST_REMEMBERED:
            return self.surrogate.predict_scaled(batch, measure)
        if measure not in self._remembered:
            everything = self.space.all()
            order = np.argsort(self.space.rank(everything))
            self._remembered[measure] = self.surrogate.predict_scaled(everything[order], measure)
        ranks = self.space.rank(batch)
        return ScaledPrediction(*(values[ranks] for values in self._remembered[measure]))

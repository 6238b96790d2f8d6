"""Where a training that has begun will end: a surrogate's curve, bent to the epochs that were seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tabular.errors import QueryError
from tabular.measures import Measure, resolve_measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from surrogates.surrogate import Surrogate

JITTER = 1e-3
"""Added to correlations of epochs, which may be the same but for rounding."""


class Continued(NamedTuple):
    """What to expect of trainings that have begun, ``(N,)`` float64 each.

    Parameters
    ----------
    mean, std : array
        Of the metric of these very trainings, their own luck included.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def continue_curves(
    surrogate: Surrogate,
    architectures: NDArray[np.uint8],
    begun: NDArray[np.float64],
    epochs: Sequence[int],
    measure: Measure | str | None = None,
) -> Continued:
    """Predict where trainings will end of which the first epochs are known.

    What trainings of networks held out lay off their predictions is, in units of the predicted spread, taken for normal
    with the correlations that these epochs had there. Given how far a training lies off after the epochs seen, its end
    is normal, too (Rasmussen and Williams 2006, eq. A.6).

    Parameters
    ----------
    surrogate : Surrogate
    architectures : (N, L) uint8
    begun : (N, T) float64
        The metric after each of ``epochs``, of one training of each architecture.
    epochs : sequence of T int
        Epochs that the surrogate was fitted to; ``nasbench fit --epochs all`` fits all.
    measure : Measure or str, optional
        What is to come; by default the validation accuracy at the last epoch.

    Raises
    ------
    InvalidArchitectureError, UnknownNameError
    QueryError
        If the surrogate was not fitted to an epoch, or there is not one number for each architecture and epoch.
    """
    asked = resolve_measure(measure, {surrogate.task.name: surrogate.task})
    seen = [resolve_measure(asked._replace(epochs=each), {surrogate.task.name: surrogate.task}) for each in epochs]
    rows = np.atleast_2d(surrogate.space.check(architectures))
    values = np.atleast_2d(np.asarray(begun, dtype=np.float64))
    if values.shape != (len(rows), len(seen)) or not seen or not np.isfinite(values).all():
        raise QueryError(
            f"to continue {len(rows)} trainings takes a number for each of them after each of {len(seen)} epochs, at "
            f"least one, none of them NaN; got shape {values.shape}"
        )
    model = surrogate.models[asked.metric]
    predicted = [surrogate.predict_learnt(rows, each) for each in [*seen, asked]]
    spreads = [np.hypot(each.doubt, each.noise) for each in predicted]
    off = np.stack(
        [
            (model.target.learnt(column) - each.mean) / spread
            for column, each, spread in zip(values.T, predicted, spreads, strict=False)
        ]
    )
    places = [model.epochs.index(each.epochs) for each in [*seen, asked]]
    agreement = model.agreement[np.ix_(places, places)]
    of_seen = agreement[:-1, :-1] + JITTER * np.eye(len(seen))
    weights = np.linalg.solve(of_seen, agreement[:-1, -1])
    left = max(0.0, 1 - float(weights @ agreement[:-1, -1]))
    learnt = predicted[-1].mean + spreads[-1] * (weights @ off)
    std = spreads[-1] * np.sqrt(left)
    return Continued(model.target.metric(learnt), model.target.slope(learnt) * std)

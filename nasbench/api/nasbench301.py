"""NAS-Bench-301's interface (Zela et al., ICLR 2022) over a surrogate.

A program written for the original changes its import line::

    import nasbench.api.nasbench301 as nb

    performance_model = nb.load_ensemble("darts-surrogate")
    runtime_model = nb.load_ensemble("darts-surrogate/runtime")
    performance_model.predict(config=genotype, representation="genotype", with_noise=True)

The models are a folder that ``nasbench fit`` (or `surrogates.fit_surrogate`) made of a table of the space ``darts``,
such as NAS-Bench-301's own trainings after their import. One folder serves both models: ``folder`` and
``folder/performance`` answer validation accuracy after the most epochs that were fitted, in percent, and
``folder/runtime`` the seconds of that training. A folder in which training time alone was fitted needs no such ending.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates import SurrogateOracle
from surrogates.folder import is_surrogate
from tabular.errors import FileFormatError, QueryError, UnknownNameError
from tabular.measures import DEFAULT_SIGNAL, SECONDS, Measure
from tabular.spaces.darts import Darts, Genotype

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Genotype", "SurrogateAPI", "load_ensemble"]
PERFORMANCE, RUNTIME = "performance", "runtime"
ANSWERS = {PERFORMANCE: (DEFAULT_SIGNAL, 100.0), RUNTIME: (SECONDS, 1.0)}
"""What the ending of a path asks for: the metric, and how many of the answer's units one of ours is."""

REPRESENTATIONS = ("genotype", "configspace")


def load_ensemble(ensemble_parent_directory: str | Path, seed: int = 0) -> SurrogateAPI:
    """Load a surrogate of the space ``darts``.

    Parameters
    ----------
    ensemble_parent_directory : str or Path
        A surrogate's folder; followed by ``/runtime`` or ``/performance`` to say which of the two it shall answer.
    seed : int
        Of the generator that the noise of `SurrogateAPI.predict` is drawn from.

    Raises
    ------
    FileFormatError
        If the folder is no surrogate, damaged, or of another space.
    UnknownNameError
        If validation accuracy, or training time, was not fitted.
    """
    folder, answer = Path(ensemble_parent_directory), None
    if folder.name in ANSWERS and not folder.exists():
        folder, answer = folder.parent, folder.name
    if folder.is_dir() and not is_surrogate(folder) and any(folder.rglob("*surrogate_model.model")):
        raise FileFormatError(
            f"{folder}: holds the original's pickled models, which are never loaded, as a pickle can run any program; "
            "import NAS-Bench-301's trainings and fit a surrogate to them"
        )
    oracle = SurrogateOracle(folder)
    if oracle.space != Darts():
        raise FileFormatError(f"{folder}: is a surrogate of the space {oracle.space.name!r}, expected 'darts'")
    (task,) = oracle.tasks.values()
    if answer is None:
        answer = RUNTIME if SECONDS in task.metrics and DEFAULT_SIGNAL not in task.metrics else PERFORMANCE
    metric, scale = ANSWERS[answer]
    if metric not in task.metrics:
        raise UnknownNameError("metric", metric, task.metrics, of=f"{folder}, which cannot answer {answer}")
    return SurrogateAPI(oracle, Measure(task.name, metric, task.epochs[-1]), scale, seed)


class SurrogateAPI:
    """Answers for one architecture at a time, as the original's class of this name.

    Parameters
    ----------
    oracle : SurrogateOracle
        Of the space ``darts``.
    measure : Measure
    scale : float
        What its answers are multiplied by.
    seed : int
        Of the noise.
    """

    def __init__(self, oracle: SurrogateOracle, measure: Measure, scale: float, seed: int = 0) -> None:
        self.oracle, self.measure, self.scale = oracle, measure, scale
        self._space = Darts()
        self._rng = np.random.default_rng(seed)

    def __repr__(self) -> str:
        return f"<SurrogateAPI {self.oracle.name!r}: {self.measure}>"

    def predict(self, config: Any, representation: str, with_noise: bool = True) -> float:
        """Predict what training an architecture gives.

        Parameters
        ----------
        config : Genotype, dict or ConfigSpace configuration
            Of a configuration only the architecture counts: the surrogate is of one recipe, its table's.
        representation : str
            ``genotype`` or ``configspace``.
        with_noise : bool
            Answer as a single training would, which differs from the mean by the noise between seeds that the table
            shows (nothing where it has one training of each network), drawn from this object's own generator. The
            original draws from numpy's global state, and with the standard deviation between its models.

        Returns
        -------
        float
            Percent for performance, seconds for runtime.

        Raises
        ------
        UnknownNameError
            If there is no such representation.
        QueryError, InvalidArchitectureError
            If ``config`` is none, or not an architecture of the space.
        """
        row = self._row(config, representation)
        draw = int(self._rng.integers(1 << 63)) if with_noise else None
        return self.scale * float(self.oracle.query(row, self.measure, draw=draw))

    def query(self, config_dict: Mapping[str, Any]) -> float:
        """Predict with noise for a configuration, as the original's ensemble does."""
        return self.predict(config_dict, "configspace")

    def query_mean(self, config_dict: Mapping[str, Any]) -> float:
        """Predict without noise for a configuration, as the original's ensemble does."""
        return self.predict(config_dict, "configspace", with_noise=False)

    def _row(self, config: Any, representation: str) -> NDArray[np.uint8]:
        if representation == "genotype":
            return self._space.from_genotype(config)
        if representation != "configspace":
            raise UnknownNameError("representation", representation, REPRESENTATIONS)
        try:
            configuration = dict(config)
        except (TypeError, ValueError):
            raise QueryError(
                f"a configuration is a dict or a ConfigSpace configuration, got {type(config).__name__}; a genotype "
                "needs representation='genotype'"
            ) from None
        return self._space.from_configuration(configuration)

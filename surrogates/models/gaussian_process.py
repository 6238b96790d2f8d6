"""An exact Gaussian process (Rasmussen and Williams 2006, algorithm 2.1)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from surrogates.models.arrays import check_shapes, column_scale, read_arrays, write_arrays
from surrogates.models.regressor import Estimate, Regressor
from tabular.errors import FileFormatError, QueryError
from tabular.work import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from surrogates.inputs import Inputs

FILE = "gaussian-process.safetensors"

MOST_ROWS = 2000
"""More are not learnt from: the time grows with their cube, and the memory with their square."""

BLOCK = 1024
"""Rows that are predicted at a time."""

LEAST_NOISE = 1e-5
"""In variances of the function; it keeps the matrices well conditioned."""

BOUNDS = np.log([[0.01, 100], [LEAST_NOISE, 100]])
"""Between which the length, in root mean square distances of the rows, and the noise are searched."""

START = np.log([[3, 0.05], [8, 0.05], [3, 0.005]])
"""The first three pairs of length and noise that are tried."""


class Known(NamedTuple):
    """What a process was conditioned on.

    Parameters
    ----------
    features : (N, F) float32
    target : (N,) float64
    length : () float64
        Of the kernel, in the features brought to one scale.
    noise : () float64
        The variance of the noise, in variances of the function.
    """

    features: NDArray[np.float32]
    target: NDArray[np.float64]
    length: NDArray[np.float64]
    noise: NDArray[np.float64]


class GaussianProcess(Regressor):
    """A Gaussian process with a Matern kernel of smoothness 3/2 and normal noise.

    The kernel's length and the noise are those under which the data are most probable; the mean and variance of the
    function follow from them in closed form. At most `MOST_ROWS` rows are learnt from.

    Parameters
    ----------
    known : Known
    """

    kind: ClassVar[str] = "gaussian-process"

    def __init__(self, known: Known) -> None:
        self.known = known

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        target: NDArray[np.float64],
        groups: NDArray[np.int64],  # noqa: ARG003 - drawings of one network differ in their noise alone
        *,
        seed: int = 0,
        **options: Any,
    ) -> GaussianProcess:
        """Choose length and noise by the marginal likelihood; see `Regressor.fit`.

        Of more than `MOST_ROWS` rows as many are drawn by the seed, and the others are not looked at.
        """
        if options:
            raise QueryError(f"a Gaussian process has no options, got {', '.join(options)}")
        from scipy.optimize import Bounds, minimize
        from scipy.spatial.distance import cdist

        rows = np.sort(np.random.default_rng(seed).permutation(len(inputs))[:MOST_ROWS])
        features, target = inputs.features[rows], target[rows]
        centre, factor = column_scale(features)
        columns = (features - centre) * factor
        distances = cdist(columns, columns)
        unit = np.sqrt(np.mean(distances**2)) or 1.0
        wanted = (target - target.mean()) / (target.std() or 1.0)

        def misfit(logs: NDArray[np.float64]) -> float:
            """Return the negative of (5.8) where the function has its best variance, but for constants."""
            length, noise = np.exp(logs)
            root, weights = _condition(distances / (unit * length), noise, wanted)
            square = max(wanted @ weights, np.finfo(np.float64).tiny)  # 0 where the target is constant
            return float(len(rows) / 2 * np.log(square) + np.log(np.diag(root)).sum())

        with one_thread():
            found = minimize(
                misfit,
                START[0],
                method="Nelder-Mead",
                bounds=Bounds(*BOUNDS.T),
                options={"initial_simplex": START, "xatol": 0.05, "fatol": 0.05, "maxfev": 80},
            )
        length, noise = np.exp(found.x)
        return cls(Known(features, target, np.array(unit * length), np.array(noise)))

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the function's mean; the doubt is its standard deviation (2.25 and 2.26)."""
        from scipy.linalg import solve_triangular
        from scipy.spatial.distance import cdist

        process, known = self._process, self.known
        mean, doubt = np.empty((2, len(inputs)))
        for first in range(0, len(inputs), BLOCK):
            block = slice(first, first + BLOCK)
            columns = (inputs.features[block] - process.centre) * process.factor
            kernel = _matern(cdist(columns, process.columns) / known.length)
            with one_thread():
                explained = np.square(solve_triangular(process.root, kernel.T, lower=True)).sum(axis=0)
            mean[block] = known.target.mean() + np.einsum("nm,m->n", kernel, process.weights)
            doubt[block] = np.sqrt(process.variance * np.maximum(1 - explained, 0))
        return Estimate(mean, doubt)

    @cached_property
    def _process(self) -> Process:
        from scipy.spatial.distance import cdist

        known = self.known
        centre, factor = column_scale(known.features)
        columns = (known.features - centre) * factor
        wanted = known.target - known.target.mean()
        with one_thread():
            root, weights = _condition(cdist(columns, columns) / known.length, known.noise, wanted)
        return Process(centre, factor, columns, root, weights, float(wanted @ weights) / len(wanted))

    def files(self) -> dict[str, bytes]:
        """Return ``gaussian-process.safetensors``: what the process was conditioned on, from which all else follows."""
        return {FILE: write_arrays(self.known._asdict())}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> GaussianProcess:
        """Read what the process was conditioned on."""
        arrays = read_arrays(files, FILE, Known._fields)
        rows = arrays["target"].size
        width = arrays["features"].size // max(rows, 1)
        check_shapes(FILE, arrays, {"features": (rows, width), "target": (rows,), "length": (), "noise": ()})
        if not (rows and arrays["length"] > 0 and arrays["noise"] > 0.9 * LEAST_NOISE):
            raise FileFormatError(
                f"{FILE}: no Gaussian process has {rows} rows, length {arrays['length']} and noise {arrays['noise']}"
            )
        return cls(Known(**arrays))


class Process(NamedTuple):
    """A process after it has seen the data, with ``L`` and ``alpha`` of algorithm 2.1 for a function of variance 1."""

    centre: NDArray[np.float64]
    factor: NDArray[np.float64]
    columns: NDArray[np.float64]
    root: NDArray[np.float64]
    weights: NDArray[np.float64]
    variance: float


def _condition(
    distances: NDArray[np.float64], noise: float | NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``L`` and ``alpha`` of algorithm 2.1, for a function of variance 1."""
    from scipy.linalg import cho_solve, cholesky

    covariance = _matern(distances)
    covariance[np.diag_indices_from(covariance)] += noise
    root = cholesky(covariance, lower=True, overwrite_a=True)
    return root, cho_solve((root, True), wanted)


def _matern(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariances at distances in lengths (4.17)."""
    scaled = np.sqrt(3) * distances
    covariances: NDArray[np.float64] = (1 + scaled) * np.exp(-scaled)
    return covariances

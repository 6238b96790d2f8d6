"""Ridge regression and Gaussian processes of scikit-learn, kept as arrays."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from surrogates.models.regressor import (
    Estimate,
    Regressor,
    check_shapes,
    column_scale,
    read_arrays,
    write_arrays,
)
from tabular.errors import FileFormatError, QueryError
from tabular.work import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from surrogates.features import Inputs

RIDGE_FILE = "ridge.safetensors"
PROCESS_FILE = "gaussian-process.safetensors"

MOST_ROWS = 2000
"""The most rows that a process is fitted to: time grows with their cube, and memory with their square."""

BLOCK = 1024
"""The number of rows that are predicted at a time."""

LEAST_NOISE = 1e-5
"""The least noise of a process, in variances of the function; it keeps the matrices well conditioned."""


class Line(NamedTuple):
    """A linear function of features and how well its slopes are known; all float64.

    Parameters
    ----------
    centre : (F,) array
        Of the features, subtracted from them first.
    offset : () array
    slopes : (F,) array
    root : (F, F) array
        A root of the slopes' covariance: that is ``root @ root.T``.
    """

    centre: NDArray[np.float64]
    offset: NDArray[np.float64]
    slopes: NDArray[np.float64]
    root: NDArray[np.float64]


class Ridge(Regressor):
    """A ridge regression (Hoerl and Kennard 1970) with normal slopes.

    The penalty is the ratio of the slopes' precision and the noise's that maximise the evidence (MacKay 1992). Features
    that did not vary where it was fitted have slope zero, and nothing is doubted of them.
    """

    kind: ClassVar[str] = "ridge"

    def __init__(self, line: Line) -> None:
        self.line = line

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        target: NDArray[np.float64],
        groups: NDArray[np.int64],  # noqa: ARG003 - drawings of one network differ in their noise alone
        *,
        seed: int = 0,  # noqa: ARG003 - nothing is drawn
        **options: Any,
    ) -> Ridge:
        """Fit the line; see `Regressor.fit`."""
        if options:
            raise QueryError(f"a ridge regression has no options, got {', '.join(options)}")
        from sklearn.linear_model import BayesianRidge

        centre, factor = column_scale(inputs.features)
        columns = (inputs.features - centre) * factor
        offset, spread = target.mean(), target.std() or 1.0
        with one_thread():
            found = BayesianRidge().fit(columns, (target - offset) / spread)
            # `found.sigma_` leaves out what no row tells in releases before 1.8: that each slope is known a priori.
            values, vectors = np.linalg.eigh(columns.T @ columns)
            root = vectors / np.sqrt(found.alpha_ * np.maximum(values, 0) + found.lambda_)
        to_target = spread * factor
        return cls(Line(centre, np.array(offset), to_target * found.coef_, to_target[:, None] * root))

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the line; the doubt is its standard deviation (Rasmussen and Williams 2006, 2.9)."""
        line = self.line
        columns = inputs.features - line.centre
        with one_thread():
            return Estimate(
                line.offset + np.einsum("nf,f->n", columns, line.slopes), np.linalg.norm(columns @ line.root, axis=1)
            )

    def files(self) -> dict[str, bytes]:
        """Return ``ridge.safetensors``."""
        return {RIDGE_FILE: write_arrays(self.line._asdict())}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Ridge:
        """Read the line."""
        arrays = read_arrays(files, RIDGE_FILE, Line._fields)
        width = arrays["centre"].size
        check_shapes(RIDGE_FILE, arrays, {"centre": (width,), "offset": (), "slopes": (width,), "root": (width, width)})
        return cls(Line(**arrays))


class Known(NamedTuple):
    """The data and the parameters that a Gaussian process is conditioned on.

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

    The kernel's length and the noise are those under which the data are most probable (Rasmussen and Williams 2006,
    5.8). The function's own variance follows from them in closed form. At most `MOST_ROWS` rows are fitted to.
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
        from scipy.spatial.distance import pdist
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        rows = np.sort(np.random.default_rng(seed).permutation(len(inputs))[:MOST_ROWS])
        features, target = inputs.features[rows], target[rows]
        centre, factor = column_scale(features)
        columns = (features - centre) * factor
        unit = np.sqrt(np.mean(pdist(columns, "sqeuclidean"))) if len(rows) > 1 else 0.0
        unit = unit or 1.0
        function = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(3 * unit, (0.01 * unit, 100 * unit), nu=1.5)
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it may be at a bound, where a target is constant
            found = GaussianProcessRegressor(function + WhiteKernel(0.05, (LEAST_NOISE, 100.0))).fit(
                columns, (target - target.mean()) / (target.std() or 1.0)
            )
        (variance, length), noise = np.split(np.exp(found.kernel_.theta), [2])
        noise = np.clip(noise[0] / variance, LEAST_NOISE, 100.0)
        return cls(Known(features, target, np.array(length), np.array(noise)))

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the function's mean; the doubt is its standard deviation (2.25 and 2.26)."""
        process = self._process
        mean, doubt = np.empty((2, len(inputs)))
        for first in range(0, len(inputs), BLOCK):
            block = slice(first, first + BLOCK)
            columns = (inputs.features[block] - process.centre) * process.factor
            with one_thread():
                mean[block], doubt[block] = process.regressor.predict(columns, return_std=True)
        return Estimate(self.known.target.mean() + mean, process.spread * doubt)

    @cached_property
    def _process(self) -> Process:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import Matern

        known = self.known
        centre, factor = column_scale(known.features)
        wanted = known.target - known.target.mean()
        kernel = Matern(float(known.length), "fixed", nu=1.5)
        with one_thread():
            regressor = GaussianProcessRegressor(kernel, alpha=float(known.noise), optimizer=None)
            regressor.fit((known.features - centre) * factor, wanted)
        return Process(centre, factor, regressor, float(np.sqrt(wanted @ regressor.alpha_ / len(wanted))))

    def files(self) -> dict[str, bytes]:
        """Return ``gaussian-process.safetensors``: what the process was conditioned on, from which all else follows."""
        return {PROCESS_FILE: write_arrays(self.known._asdict())}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> GaussianProcess:
        """Read what the process was conditioned on."""
        arrays = read_arrays(files, PROCESS_FILE, Known._fields)
        rows = arrays["target"].size
        width = arrays["features"].size // max(rows, 1)
        check_shapes(PROCESS_FILE, arrays, {"features": (rows, width), "target": (rows,), "length": (), "noise": ()})
        if not (rows and arrays["length"] > 0 and arrays["noise"] > 0.9 * LEAST_NOISE):
            raise FileFormatError(
                f"{PROCESS_FILE}: no Gaussian process has {rows} rows, length {arrays['length']} and noise "
                f"{arrays['noise']}"
            )
        return cls(Known(**arrays))


class Process(NamedTuple):
    """A process conditioned on data, for a function of variance 1.

    It also keeps the spread of the function that it stands for.
    """

    centre: NDArray[np.float64]
    factor: NDArray[np.float64]
    regressor: Any
    spread: float

"""Ridge regression (Hoerl and Kennard 1970), whose penalty is the one under which the data are most probable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from surrogates.models.arrays import check_shapes, column_scale, read_arrays, write_arrays
from surrogates.models.regressor import Estimate, Regressor
from tabular.errors import QueryError
from tabular.work import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from surrogates.inputs import Inputs

FILE = "ridge.safetensors"


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
    """A linear regression with normal slopes.

    The penalty is the ratio of the slopes' precision and the noise's that maximise the evidence (MacKay 1992). Features
    that did not vary where it was fitted have slope zero, and nothing is doubted of them.

    Parameters
    ----------
    line : Line
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
        wanted = (target - offset) / spread
        with one_thread():
            precisions = BayesianRidge().fit(columns, wanted)
            values, vectors = np.linalg.eigh(columns.T @ columns)
            root = vectors / np.sqrt(precisions.alpha_ * np.maximum(values, 0) + precisions.lambda_)
            slopes = precisions.alpha_ * root @ (root.T @ (columns.T @ wanted))
        to_target = spread * factor
        return cls(Line(centre, np.array(offset), to_target * slopes, to_target[:, None] * root))

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
        return {FILE: write_arrays(self.line._asdict())}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Ridge:
        """Read the line."""
        arrays = read_arrays(files, FILE, Line._fields)
        width = arrays["centre"].size
        check_shapes(FILE, arrays, {"centre": (width,), "offset": (), "slopes": (width,), "root": (width, width)})
        return cls(Line(**arrays))

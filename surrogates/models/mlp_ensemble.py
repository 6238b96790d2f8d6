"""An ensemble of multilayer perceptrons, as BANANAS predicts accuracies by (White et al. 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch.nn.functional import silu

from surrogates.models.arrays import check_shapes, column_scale, read_arrays, write_arrays
from surrogates.models.regressor import Regressor
from surrogates.models.torch_training import MEMBERS, STEPS, array_shapes, estimate, linear, train
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from surrogates.inputs import Inputs
    from surrogates.models.regressor import Estimate
    from surrogates.models.torch_training import Arrays, View, Views, Weights

FILE = "mlp.safetensors"
WIDTH = 64
HIDDEN = ("first", "second", "third")

FARTHEST = 3
"""In standard deviations: a rare feature outweighs no other, and what was never seen is not trusted far."""


class MLPEnsemble(Regressor):
    """Perceptrons of three hidden layers on standardised features (deep ensembles: Lakshminarayanan et al. 2017).

    Parameters
    ----------
    arrays : dict of str to array
        What `surrogates.models.torch_training.train` returned, and ``centre`` and ``factor``, (F,) float64, of the
        features.
    """

    kind: ClassVar[str] = "mlp"

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        target: NDArray[np.float64],
        groups: NDArray[np.int64],
        *,
        seed: int = 0,
        members: int = MEMBERS,
        steps: int = STEPS,
        **unknown: Any,
    ) -> MLPEnsemble:
        """Fit an ensemble, each member of which leaves one part of the groups out.

        Parameters
        ----------
        inputs, target, groups, seed
            See `Regressor.fit`.
        members : int
            A single one sees all rows.
        steps : int
            At least so many are taken in training, and more where there are many rows.

        Raises
        ------
        QueryError
            If an option is unknown or out of range.
        """
        if unknown:
            raise QueryError(f"an ensemble of perceptrons has the options members and steps, not {', '.join(unknown)}")
        centre, factor = column_scale(inputs.features)
        arrays = train(
            _network,
            _sizes(len(centre)),
            _view(inputs, centre, factor),
            target,
            groups,
            seed=seed,
            members=members,
            steps=steps,
        )
        return cls({**arrays, "centre": centre, "factor": factor})

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the members' mean; they doubt by how far they differ."""
        view = _view(inputs, self.arrays["centre"], self.arrays["factor"])
        return estimate(_network, self.arrays, view, len(inputs))

    def files(self) -> dict[str, bytes]:
        """Return ``mlp.safetensors``."""
        return {FILE: write_arrays(self.arrays)}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> MLPEnsemble:
        """Read the members."""
        arrays = read_arrays(files, FILE, _shapes(0, 1))
        check_shapes(FILE, arrays, _shapes(arrays["centre"].size, arrays["answer.bias"].size))
        return cls(arrays)


def _sizes(features: int) -> dict[str, tuple[int, int]]:
    hidden = {layer: (WIDTH if place else features, WIDTH) for place, layer in enumerate(HIDDEN)}
    return {**hidden, "answer": (WIDTH, 1)}


def _shapes(features: int, members: int) -> dict[str, tuple[int, ...]]:
    return {**array_shapes(_sizes(features), max(members, 1)), "centre": (features,), "factor": (features,)}


def _view(inputs: Inputs, centre: NDArray[np.float64], factor: NDArray[np.float64]) -> View:
    columns = np.clip((inputs.features - centre) * factor, -FARTHEST, FARTHEST).astype(np.float32)
    return lambda rows: (torch.from_numpy(columns[rows]),)


def _network(weights: Weights, views: Views) -> Tensor:
    (columns,) = views
    values = columns.expand(len(weights["answer.bias"]), *columns.shape)
    for layer in HIDDEN:
        values = silu(linear(weights, layer, values))
    return linear(weights, "answer", values)[..., 0]

"""What a surrogate asks of a regressor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self

    from surrogates.inputs import Inputs


class Estimate(NamedTuple):
    """What a regressor says of some architectures, each ``(N,)`` float64.

    Parameters
    ----------
    mean : array
    doubt : array
        The standard deviation of what the model does not know; the noise of trainings is no part of it.
    """

    mean: NDArray[np.float64]
    doubt: NDArray[np.float64]


class Regressor(ABC):
    """Learns one number an architecture.

    Attributes
    ----------
    kind : str
        Its name in `surrogates.models.MODELS`.
    """

    kind: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(
        cls, inputs: Inputs, target: NDArray[np.float64], groups: NDArray[np.int64], *, seed: int = 0, **options: Any
    ) -> Self:
        """Learn a target; the same arguments give the same regressor, bit for bit.

        Parameters
        ----------
        inputs : Inputs
            Of N architectures.
        target : (N,) float64
            Finite; in units of its own standard deviation, or near that.
        groups : (N,) int64
            From 0; rows of one group are drawings of one network, and are left out together where some are.
        seed : int
        **options
            What the kind can be told.
        """

    @abstractmethod
    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate the target; a row's estimate does not depend on the rows beside it."""

    @abstractmethod
    def files(self) -> dict[str, bytes]:
        """Return the files, by name, from which `read` makes this regressor again."""

    @classmethod
    @abstractmethod
    def read(cls, files: Mapping[str, bytes]) -> Self:
        """Make a regressor of what `files` returned.

        Raises
        ------
        FileFormatError
            If a file is not what this kind writes; the message names it.
        """

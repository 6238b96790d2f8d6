"""The interface of regressors, and what several kinds of them share.

Shared are files of arrays in which nothing is executed, columns of one scale, the dealing of rows to the members of
ensembles, and the check of trees that were read from a file.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from tabular.errors import FileFormatError, QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from numpy.typing import NDArray
    from typing_extensions import Self

    from surrogates.features import Inputs


class Estimate(NamedTuple):
    """Estimates for some architectures, each ``(N,)`` float64.

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
            Those of the kind.
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


Item = TypeVar("Item")
Result = TypeVar("Result")


def deal_parts(groups: NDArray[np.int64], parts: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal groups into parts of nearly equal size, at random.

    Parameters
    ----------
    groups : (N,) int64
        From 0.
    parts : int
    rng : numpy.random.Generator

    Returns
    -------
    (N,) int64
        The part of each row, in 0..parts-1; rows of one group are in one part.
    """
    order: NDArray[np.int64] = rng.permutation(groups.max() + 1)
    return order[groups] % parts


def deal_members(groups: NDArray[np.int64], members: int, seed: int) -> tuple[NDArray[np.int64], list[int]]:
    """Return the part, (N,), that is left out by the member of its number, and a seed for each member.

    Raises
    ------
    QueryError
        If there is no member.
    """
    if members < 1:
        raise QueryError(f"an ensemble needs at least 1 member, got {members}")
    rng = np.random.default_rng(seed)
    part = deal_parts(groups, members, rng)
    return part, rng.integers(1 << 31, size=members).tolist()


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call ``work`` on each item, in threads: for libraries that let go of the interpreter while they compute."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))


def write_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the content of a file of these arrays; equal arrays make equal bytes, in any order."""
    from safetensors.numpy import save

    # Only the memory is written, so it has to lie in the order of the indices.
    return save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def read_arrays(files: Mapping[str, bytes], name: str, expected: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file; their shapes and types are the caller's to check.

    Parameters
    ----------
    files : mapping of str to bytes
    name : str
        The file, and what messages call it.
    expected : collection of str
        The names of the arrays that it must hold, no more and no fewer.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or holds other arrays.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(_file(files, name))
    except (SafetensorError, KeyError, ValueError) as error:  # the last two from types and shapes that numpy lacks
        raise FileFormatError(f"{name}: safetensors cannot read it: {error}") from None
    if set(arrays) != set(expected):
        raise FileFormatError(f"{name}: holds the arrays {sorted(arrays)}, this model needs {sorted(expected)}")
    return arrays


def read_members(files: Mapping[str, bytes], ending: str) -> list[bytes]:
    """Return the content of ``member-0.ending``, ..., which are all the files there are.

    Raises
    ------
    FileFormatError
        If one is missing, or another file is among them.
    """
    return [_file(files, f"member-{number}.{ending}") for number in range(max(len(files), 1))]


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise FileFormatError(f"{name}: is missing; the model's files are {', '.join(sorted(files)) or 'none'}")
    return files[name]


def check_shapes(name: str, arrays: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Make sure that arrays of a file hold as many finite numbers as they should.

    Raises
    ------
    FileFormatError
    """
    for array, shape in shapes.items():
        found = arrays[array]
        if found.shape != shape or found.dtype.kind != "f" or not np.isfinite(found).all():
            raise FileFormatError(
                f"{name}: its {array} should be finite numbers of shape {shape}, but are {found.dtype} of {found.shape}"
            )


def column_scale(features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what brings each column to mean 0 and standard deviation 1: ``(features - centre) * factor``.

    Parameters
    ----------
    features : (N, F) float32

    Returns
    -------
    centre, factor : (F,) float64
        The factor of a column that is constant is 0, so that nothing is made of it.
    """
    centre = features.mean(axis=0, dtype=np.float64)
    std = features.std(axis=0, dtype=np.float64)
    # Not by the standard deviation, which sums of equal numbers may miss by a rounding.
    varies = features.max(axis=0) > features.min(axis=0)
    return centre, np.where(varies, 1 / np.where(varies, std, 1), 0)


def check_trees(
    sizes: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    column: NDArray[np.int64],
    columns: int,
) -> None:
    """Make sure that a walk down any of some trees ends in a leaf, and reads columns that there are.

    Libraries follow the links of a model without a look: a damaged one crashes the process or never ends.

    Parameters
    ----------
    sizes : (T,) int64
        The number of nodes of each tree, at least 1; the first is its root.
    left, right : (M,) int64
        The children of each node of all trees, numbered within its tree; ``left`` is negative for leaves.
    column : (M,) int64
        The column that a node splits.
    columns : int
        The number of columns that there are.

    Raises
    ------
    ValueError
    """
    roots = np.cumsum(sizes) - sizes
    inner = np.flatnonzero(left >= 0)
    own_root, own_size = np.repeat(roots, sizes), np.repeat(sizes, sizes)
    children = np.stack([left, right], axis=1)
    if (children[inner] < 0).any() or (children[inner] >= own_size[inner, None]).any():
        raise ValueError("one of its trees is not a tree: it has children that there are not")
    if (column[inner] < 0).any() or (column[inner] >= columns).any():
        raise ValueError("one of its trees splits columns that there are not")
    met = np.zeros(len(left), dtype=bool)
    nodes = roots
    while len(nodes):
        if met[nodes].any() or len(np.unique(nodes)) < len(nodes):
            raise ValueError("one of its trees is not a tree: a node has two parents")
        met[nodes] = True
        nodes = nodes[left[nodes] >= 0]
        nodes = (children[nodes] + own_root[nodes, None]).ravel()

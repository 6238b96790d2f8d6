"""What several kinds of models share: files in which nothing is executed, and columns of one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray


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

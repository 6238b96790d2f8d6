"""Data sets of a user's own, in numpy's .npz files."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.training.images import LabelledImages

MOST_CHANNELS = 4
"""A last axis of at most this many is read as channels if the second axis is longer."""


def read_npz(path: Path) -> tuple[LabelledImages, LabelledImages | None]:
    """Read ``x, y`` and, where the file has them, ``x_test, y_test``.

    Parameters
    ----------
    path : Path
        ``x`` is (N, H, W), (N, C, H, W) or, with up to four channels, (N, H, W, C); whole numbers from 0 to 255 are
        kept as bytes, all else becomes float32. ``y`` is (N,) whole numbers, the classes from 0.

    Returns
    -------
    training, test : pairs of images (N, C, H, W) and labels (N,) int64; the second is None where the file has none

    Raises
    ------
    DataError
        Naming the file and the array in it that is missing, damaged or unfit.
    """
    arrays = _read_arrays(path)
    for name in ("x", "y"):
        if name not in arrays:
            raise DataError(f"{path}: has no array {name!r}; it has {', '.join(arrays) or 'none'}")
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise DataError(f"{path}: needs both of x_test and y_test, or neither")
    training = _labelled(path, arrays, "x", "y")
    return training, _labelled(path, arrays, "x_test", "y_test") if "x_test" in arrays else None


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise DataError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}; name an .npz file with x and y")
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise DataError(f"{path}: holds a single array; save it with numpy.savez(path, x=images, y=labels)")
            return {name: file[name] for name in file.files if name in {"x", "y", "x_test", "y_test"}}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as .npz of plain numbers: {error}") from None


def _labelled(path: Path, arrays: dict[str, NDArray[Any]], images: str, labels: str) -> LabelledImages:
    x, y = arrays[images], arrays[labels]
    if x.dtype.kind not in "biuf":
        raise DataError(f"{path}: {images} must hold numbers, got {x.dtype}")
    if x.ndim not in {3, 4}:
        raise DataError(f"{path}: {images} must have the shape (N, H, W), (N, C, H, W) or (N, H, W, C), got {x.shape}")
    if y.ndim != 1 or len(y) != len(x):
        raise DataError(f"{path}: {labels} must have the shape ({len(x)},), one label per image, got {y.shape}")
    if y.dtype.kind not in "iu":
        raise DataError(f"{path}: {labels} must hold whole numbers, the classes from 0; got {y.dtype}")
    return _as_images(x), y.astype(np.int64)


def _as_images(x: NDArray[Any]) -> NDArray[Any]:
    if x.ndim == 3:
        x = x[:, None]
    elif x.shape[-1] <= MOST_CHANNELS < x.shape[1]:
        x = np.moveaxis(x, -1, 1)
    as_bytes = x.dtype.kind in "biu" and x.size and x.min() >= 0 and x.max() <= 255
    return np.ascontiguousarray(x, dtype=np.uint8 if as_bytes else np.float32)

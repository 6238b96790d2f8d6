"""Fashion-MNIST (Xiao et al. 2017) in MNIST's IDX files, plain or compressed."""

from __future__ import annotations

import gzip
import math
import zlib
from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import DataError
from tabular.training.images import check_labels_below

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.training.images import LabelledImages

CLASSES = 10
_UBYTE = 0x08
"""IDX's code for the type of its values: unsigned bytes."""


def read_fashion_mnist(folder: Path) -> tuple[LabelledImages, LabelledImages]:
    """Read the four files of Fashion-MNIST (or MNIST).

    Parameters
    ----------
    folder : Path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte``, each plain or with ``.gz``.

    Returns
    -------
    training, test : pairs of images (N, 1, H, W) uint8 and labels (N,) int64

    Raises
    ------
    DataError
        Naming the file that is missing, cut short or not IDX.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the one that holds train-images-idx3-ubyte.gz")
    return _read_part(folder, "train"), _read_part(folder, "t10k")


def _read_part(folder: Path, part: str) -> LabelledImages:
    images_path = _find(folder, f"{part}-images-idx3-ubyte")
    labels_path = _find(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(images_path, dimensions=3), read_idx(labels_path, dimensions=1).astype(np.int64)
    if len(images) != len(labels):
        raise DataError(f"{images_path}: has {len(images)} images but {labels_path.name} has {len(labels)} labels")
    check_labels_below(labels_path, labels, CLASSES)
    return images[:, None], labels


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder}: has no {name} or {name}.gz; all four files of the data set are needed")


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an array of unsigned bytes from an IDX file.

    Parameters
    ----------
    path : Path
        Decompressed on the way if its name ends in ``.gz``.
    dimensions : int
        How many the array must have.

    Raises
    ------
    DataError
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read, it is damaged or cut short: {error}; download it again") from None
    head = 4 + 4 * dimensions
    if len(content) < head or content[:4] != bytes((0, 0, _UBYTE, dimensions)):
        raise DataError(f"{path}: is not an IDX file of unsigned bytes in {dimensions} dimensions")
    shape = tuple(int(size) for size in np.frombuffer(content[4:head], dtype=">u4"))
    if len(content) - head != math.prod(shape):
        raise DataError(
            f"{path}: announces {math.prod(shape):,} bytes of values and holds {len(content) - head:,}; "
            "download it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=head).reshape(shape)

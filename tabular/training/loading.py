"""Loading a data set by name, folder or file.

Its splits are the same every time.
"""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import DataError, UnknownNameError
from tabular.training.cifar10 import read_cifar10
from tabular.training.dataset import Dataset, check_labels_below, stratified_split

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tabular.training.dataset import LabelledImages

TEST_FRACTION = 0.25
"""Share of the images that is held out for test where a data set has no test images of its own."""

MOST_CHANNELS = 4
"""A last axis of at most this many is read as channels if the second axis is longer."""

CLASSES = 10
"""Classes of Fashion-MNIST, and of MNIST."""

_UBYTE = 0x08
"""IDX's code for the type of its values: unsigned bytes."""


class _Parts(NamedTuple):
    name: str
    training: LabelledImages
    test: LabelledImages | None


def load_dataset(source: str | Path, *, split_seed: int = 0, validation_fraction: float = 0.5) -> Dataset:
    """Load a data set and split it.

    Where the data set has test images of its own, they are the test split; otherwise a quarter is drawn, stratified by
    class. Of the rest, ``validation_fraction`` is drawn for validation, stratified too: NAS-Bench-201 halves CIFAR-10's
    training images in this way, and a large validation split keeps ties between architectures rare.

    Parameters
    ----------
    source : str
        ``digits`` (8x8, from scikit-learn), ``fashion-mnist:FOLDER`` (IDX files, plain or .gz), ``cifar10:FOLDER`` or
        ``cifar10:ARCHIVE`` (the binary or the Python version), or the path of an ``.npz`` file with ``x, y`` and
        optionally ``x_test, y_test``.
    split_seed : int
    validation_fraction : float

    Raises
    ------
    UnknownNameError
        If there is no such data set; the message offers the nearest name.
    DataError
        If files are missing, damaged, foreign, or hold what cannot be trained on.

    Examples
    --------
    >>> digits = load_dataset("digits")
    >>> digits.images.shape, digits.classes
    ((1797, 1, 8, 8), 10)
    """
    source = str(source)
    if not 0 < validation_fraction < 1:
        raise DataError(f"{source}: validation_fraction must be between 0 and 1, got {validation_fraction}")
    if split_seed < 0:
        raise DataError(f"{source}: split_seed must be 0 or more, got {split_seed}")
    return _split(source, _read(source), split_seed, validation_fraction)


def _read(source: str) -> _Parts:
    if source == "digits":
        return _Parts("digits", _read_digits(), None)
    name, colon, folder = source.partition(":")
    if name in FOLDER_READERS:
        if not folder:
            raise DataError(f"{source}: say where its files are: {name}:FOLDER")
        return _Parts(name, *FOLDER_READERS[name](Path(folder)))
    if source.endswith(".npz"):
        return _Parts(Path(source).stem, *read_npz(Path(source)))
    if name == "digits" and colon:
        raise DataError(f"{source}: digits comes with scikit-learn; write 'digits' alone")
    raise UnknownNameError("data set", source, ["digits", *(f"{known}:FOLDER" for known in FOLDER_READERS), "FILE.npz"])


def _read_digits() -> LabelledImages:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return images.reshape(-1, 1, 8, 8).astype(np.uint8), labels.astype(np.int64)


def _split(source: str, parts: _Parts, split_seed: int, validation_fraction: float) -> Dataset:
    rng = np.random.default_rng(split_seed)
    images, labels = parts.training
    if parts.test is None:
        test, rest = stratified_split(labels, TEST_FRACTION, rng)
    else:
        test_images, test_labels = parts.test
        if test_images.shape[1:] != images.shape[1:] or test_images.dtype != images.dtype:
            raise DataError(
                f"{source}: training images are {images.dtype} {images.shape[1:]}, test images {test_images.dtype} "
                f"{test_images.shape[1:]}; they must be alike"
            )
        rest, test = np.arange(len(images)), np.arange(len(images), len(images) + len(test_images))
        images, labels = np.concatenate([images, test_images]), np.concatenate([labels, test_labels])
    validation, train = (rest[part] for part in stratified_split(labels[rest], validation_fraction, rng))
    return Dataset(
        name=parts.name,
        source=source,
        images=images,
        labels=labels,
        train=train,
        validation=validation,
        test=test,
        split_seed=split_seed,
        validation_fraction=validation_fraction,
    )


# A user's own data sets, in numpy's .npz files.


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


# Fashion-MNIST (Xiao et al. 2017) in MNIST's IDX files, plain or compressed.


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
    """Read an array of unsigned bytes, of so many dimensions, from an IDX file, plain or with the ending ``.gz``."""
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


FOLDER_READERS: dict[str, Callable[[Path], tuple[LabelledImages, LabelledImages]]] = {
    "fashion-mnist": read_fashion_mnist,
    "cifar10": read_cifar10,
}
"""The functions that read training and test images from where a user keeps the published files."""

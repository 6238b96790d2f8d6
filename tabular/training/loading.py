"""Loading a data set by name, folder or file, with splits that are the same every time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tabular.errors import DataError, UnknownNameError
from tabular.training.cifar10 import read_cifar10
from tabular.training.dataset import Dataset, stratified_split
from tabular.training.idx import read_fashion_mnist
from tabular.training.npz import read_npz

if TYPE_CHECKING:
    from collections.abc import Callable

    from tabular.training.images import LabelledImages

FOLDER_READERS: dict[str, Callable[[Path], tuple[LabelledImages, LabelledImages]]] = {
    "fashion-mnist": read_fashion_mnist,
    "cifar10": read_cifar10,
}
"""Read training and test images from where a user keeps the published files."""

TEST_FRACTION = 0.25
"""Share of the images that is held out for test where a data set has no test images of its own."""


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
    raise UnknownNameError("data set", source, ["digits", *(f"{each}:FOLDER" for each in FOLDER_READERS), "FILE.npz"])


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

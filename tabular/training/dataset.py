"""A data set held in memory.

Images, labels, and their splits for training, validation and test.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    LabelledImages = tuple[NDArray[Any], NDArray[np.int64]]
    """Images (N, C, H, W), uint8 or float32, and their labels (N,)."""

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels in three parts that share no image.

    Parameters
    ----------
    name : str
        The default name of the task in tables.
    source : str
        The argument of `tabular.training.load_dataset` that loads it again.
    images : (N, C, H, W) uint8 or float32
    labels : (N,) int64
        Classes, numbered from 0 without gaps.
    train, validation, test : (n,) int64
        Positions in ``images``. Need not use them all.
    split_seed : int
        The seed that drew the split.
    validation_fraction : float
        The share of the images not for test that is for validation.

    Raises
    ------
    DataError
        If it cannot be trained on: shapes that do not fit, NaN, a single class, a class without training images, splits
        that overlap.
    """

    name: str
    source: str
    images: NDArray[Any]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    split_seed: int = 0
    validation_fraction: float = 0.5

    def __post_init__(self) -> None:
        _check_images(self.source, self.images)
        _check_labels(self.source, self.labels, len(self.images))
        self._check_splits()

    def _check_splits(self) -> None:
        used = np.zeros(len(self.images), dtype=np.int64)
        for split in SPLITS:
            positions = getattr(self, split)
            if len(positions) < 2:
                raise DataError(f"{self.source}: the {split} split has {len(positions)} images, at least 2 are needed")
            if positions.min() < 0 or positions.max() >= len(self.images):
                raise DataError(
                    f"{self.source}: the {split} split names images beyond the {len(self.images)} there are"
                )
            np.add.at(used, positions, 1)
        if used.max() > 1:
            raise DataError(
                f"{self.source}: image {int(used.argmax())} is in more than one place of the splits; each image may be "
                "used once, or the measured accuracies would be too good"
            )
        absent = np.setdiff1d(self.labels, self.labels[self.train])
        if absent.size:
            raise DataError(f"{self.source}: class {absent[0]} has no training image; add some or leave the class out")

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the images, the labels and the splits."""
        digest = hashlib.sha256()
        for values in (self.images, self.labels, self.train, self.validation, self.test):
            little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
            digest.update(f"{little.dtype.str}{little.shape}".encode())
            digest.update(little.data)
        return digest.hexdigest()

    def provenance(self) -> dict[str, Any]:
        """Return name, source, digest, shape, classes and split, JSON-ready."""
        return {
            "name": self.name,
            "source": self.source,
            "digest": self.digest,
            "image_shape": list(self.image_shape),
            "classes": self.classes,
            "split_sizes": {split: len(getattr(self, split)) for split in SPLITS},
            "split_seed": self.split_seed,
            "validation_fraction": self.validation_fraction,
        }


def stratified_split(
    labels: NDArray[np.int64], fraction: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw a share of the positions at random, the same share of every class to within one image.

    Parameters
    ----------
    labels : (N,) int64
    fraction : float
        In [0, 1].
    rng : numpy.random.Generator

    Returns
    -------
    drawn, rest : (round(N * fraction),) and (N - that,) int64, each ascending
    """
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # Positions at which the running total of the share passes a whole number: evenly spaced, so even over classes.
    totals = np.floor(np.arange(len(labels) + 1) * (round(len(labels) * fraction) / max(len(labels), 1)) + 1e-9)
    drawn = np.diff(totals) > 0
    return np.sort(by_class[drawn]), np.sort(by_class[~drawn])


def _check_images(source: str, images: NDArray[Any]) -> None:
    if images.ndim != 4 or 0 in images.shape:
        raise DataError(f"{source}: images must have the shape (N, C, H, W) with nothing empty, got {images.shape}")
    if images.dtype not in (np.uint8, np.float32):
        raise DataError(f"{source}: images must be uint8 or float32, got {images.dtype}")
    if images.dtype == np.float32 and not np.isfinite(images).all():
        bad = int(np.argwhere(~np.isfinite(images))[0][0])
        raise DataError(f"{source}: image {bad} holds NaN or infinity; remove it or fill it in")


def _check_labels(source: str, labels: NDArray[np.int64], images: int) -> None:
    if labels.shape != (images,) or labels.dtype != np.int64:
        raise DataError(f"{source}: {images} images need int64 labels ({images},), got {labels.dtype} {labels.shape}")
    present = np.unique(labels)
    if len(present) < 2:
        raise DataError(f"{source}: all images have the same label {present[0]}; at least two classes are needed")
    if present[0] < 0 or present[-1] != len(present) - 1:
        raise DataError(
            f"{source}: labels must number the classes from 0 without gaps; found {len(present)} classes labelled "
            f"{present[0]} to {present[-1]}"
        )


def check_labels_below(where: object, labels: NDArray[np.int64], classes: int) -> None:
    """Raise DataError for labels, read from ``where``, that a data set of this many classes does not have."""
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if bad.size:
        raise DataError(
            f"{where}: image {bad[0]} has label {labels[bad[0]]}, the classes are 0 to {classes - 1}; "
            "the file is damaged or of another data set"
        )

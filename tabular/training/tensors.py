"""A data set as normalised tensors on a device, made once for many trainings."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from tabular.training.dataset import Dataset


class DatasetTensors(NamedTuple):
    """The splits of a data set; validation and test lie behind each other so that one pass measures both.

    Parameters
    ----------
    train_images : (n, C, S, S) float32
    train_labels : (n,) int64
    held_out_images : (m, C, S, S) float32
        First validation, then test.
    held_out_labels : (m,) int64
    validation_size : int
        How many of them are for validation.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    held_out_images: torch.Tensor
    held_out_labels: torch.Tensor
    validation_size: int


@lru_cache(maxsize=4)
def dataset_tensors(dataset: Dataset, image_size: int, device: torch.device) -> DatasetTensors:
    """Resize all images and normalise each channel by mean and deviation of the training images.

    Parameters
    ----------
    dataset : Dataset
    image_size : int
        ``S``, height and width after resizing (bilinear, antialiased).
    device : torch.device
    """
    images = torch.from_numpy(dataset.images.astype(np.float32))
    if images.shape[2:] != (image_size, image_size):
        images = interpolate(images, size=(image_size, image_size), mode="bilinear", antialias=True)
    deviation, mean = torch.std_mean(images[dataset.train], dim=(0, 2, 3), keepdim=True)
    images = (images - mean) / torch.where(deviation > 0, deviation, 1.0)
    # Channels lie together in memory, as convolutions of small images like it best.
    images = images.to(device, memory_format=torch.channels_last)
    labels = torch.from_numpy(dataset.labels).to(device)
    held_out = np.concatenate([dataset.validation, dataset.test])
    return DatasetTensors(
        images[dataset.train], labels[dataset.train], images[held_out], labels[held_out], len(dataset.validation)
    )

"""Random changes to training images."""

from __future__ import annotations

import torch
from torch.nn.functional import pad

CROP_SHARE = 8
"""Images move by up to this part of their size: 4 of CIFAR's 32 pixels, as usual there."""


def augment(images: torch.Tensor, augmentation: str, generator: torch.Generator) -> torch.Tensor:
    """Mirror or move each image of a batch by chance.

    Parameters
    ----------
    images : (N, C, S, S) float32
    augmentation : str
        As in `Recipe`.
    generator : torch.Generator
        On the CPU, so that every device sees the same images.

    Returns
    -------
    (N, C, S, S) float32
    """
    if "flip" in augmentation:
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        images = torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(-1), images)
    if "crop" in augmentation:
        images = _moved(images, generator)
    return images


def _moved(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    size = images.shape[-1]
    margin = max(1, size // CROP_SHARE)
    shifts = torch.randint(0, 2 * margin + 1, (2, len(images), 1), generator=generator)
    rows, columns = (shifts + torch.arange(size)).to(images.device)
    padded = pad(images, (margin,) * 4).permute(0, 2, 3, 1)
    each = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

"""The result of one training, and the origin of its numbers.

Recipe, data, software and hardware.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabular.version import __version__

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tabular.recipe import Recipe
    from tabular.training.dataset import Dataset

METRICS = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "train_seconds",
)
"""The metrics after every epoch: losses in nats, accuracies as fractions, seconds of training so far."""


@dataclass(frozen=True)
class Training:
    """The metrics of one training run after each of its epochs.

    Parameters
    ----------
    metrics : dict of str to (E,) float32
        One array for each of `METRICS`. Training loss and accuracy are averages over the steps of the epoch, the loss
        being the one minimised (with label smoothing); the others are measured on the whole split after the epoch.
        ``train_seconds`` is cumulative and leaves evaluation out; on a CPU it is processor time.
    diverged : bool
        Whether a loss became infinite or NaN. From that epoch on all metrics are NaN, but for ``train_seconds``, which
        stays at what was spent.
    epochs : int
        ``E``, the epochs of the recipe.
    """

    metrics: dict[str, NDArray[np.float32]]
    diverged: bool
    epochs: int


def provenance(recipe: Recipe, dataset: Dataset, device: str = "cpu") -> dict[str, Any]:
    """Return the origin of trainings that run on a device, JSON-ready.

    Returns
    -------
    dict
        ``recipe`` and ``dataset`` suffice to train again; ``recipe_hash``, ``versions``, ``device`` (with the
        hardware's name), ``platform``, ``git_revision`` (None outside a checkout; ends in ``-dirty``
        if files were changed).
    """
    return {
        "recipe": recipe.to_dict(),
        "recipe_hash": recipe.hash,
        "dataset": dataset.provenance(),
        "device": {"torch": device, "hardware": _hardware(device)},
        "versions": {
            "nasbench": __version__,
            "python": platform.python_version(),
            "torch": version("torch"),
            "numpy": version("numpy"),
        },
        "platform": platform.platform(),
        "git_revision": _git_revision(),
    }


def _hardware(device: str) -> str:
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    return _processor()


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@cache
def _git_revision() -> str | None:
    """Return the commit that this package was run from, if git tracks it there."""
    git, folder = shutil.which("git"), Path(__file__).parents[1]
    if git is None or not _git(git, folder, "ls-files", "__init__.py"):
        return None
    return _git(git, folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") or None


def _git(git: str, folder: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command
            [git, "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""

"""Real training of one network.

The readable reference that everything faster is held against.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn.functional import cross_entropy, interpolate, pad

from tabular.errors import QueryError, UnknownNameError
from tabular.training.result import METRICS, Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import nn

    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset

EVALUATION_BATCH = 512
"""Images that are evaluated at once."""

CROP_SHARE = 8
"""Images move by up to this part of their size: 4 of CIFAR's 32 pixels, as usual there."""


class Streams(NamedTuple):
    """Independent sources of randomness of one training, all derived from its seed."""

    initialisation: int
    order: torch.Generator
    augmentation: torch.Generator


def train(
    space: Space,
    architecture: NDArray[np.uint8],
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    device: str = "cpu",
) -> Training:
    """Train one architecture from scratch and measure it after every epoch.

    The same arguments on the same device give bit for bit the same metrics, seconds excepted, whatever ran before; no
    global random state is left changed. A CPU trains with one thread: bits differ between numbers of threads, and small
    networks train faster side by side in several processes.

    Parameters
    ----------
    space, architecture, recipe, dataset
        The architecture is a row, (L,), of the space.
    seed : int
        Decides initial weights, order of the images and augmentation; 0 or more.
    device : str
        As torch names it: ``cpu``, ``cuda``, ``cuda:1``, ...

    Raises
    ------
    InvalidArchitectureError, QueryError, UnknownNameError
        If the architecture is not in the space, the seed is negative, or the device is not there.
    """
    streams = random_streams(seed)
    target = find_device(device)
    with deterministic(target):
        data = dataset_tensors(dataset, recipe.image_size, target)
        network = build_network(space, architecture, recipe, dataset, streams.initialisation)
        network = network.to(target, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return _Run(network, recipe, data, streams).train()


def find_device(name: str) -> torch.device:
    """Return a device of this machine.

    Raises
    ------
    UnknownNameError
        Listing the devices that there are.
    """
    present = ["cpu"]
    if torch.cuda.is_available():
        present += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        present.append("mps")
    if name not in present:
        raise UnknownNameError("device", name, present)
    return torch.device(name)


class _Run:
    """One training run: a network, its optimiser and its data."""

    def __init__(self, network: nn.Module, recipe: Recipe, data: DatasetTensors, streams: Streams) -> None:
        self.network, self.recipe, self.data, self.streams = network, recipe, data, streams
        self.optimizer = make_optimizer(network, recipe)
        self.steps = math.ceil(len(data.train_labels) / recipe.batch_size)
        self.clock = clock_of(data.train_labels.device)
        self.precision = precision_of(recipe, data.train_labels.device)

    def train(self) -> Training:
        epochs = self.recipe.epochs
        metrics = {name: np.full(epochs, np.nan, dtype=np.float32) for name in METRICS}
        seconds = 0.0
        for epoch in range(epochs):
            started = self.clock()
            measured = self._train_epoch(epoch)
            seconds += self.clock() - started
            metrics["train_seconds"][epoch:] = seconds
            measured |= self._evaluate()
            # The test split decides nothing, not even this: a search is told of a divergence.
            if not all(math.isfinite(value) for name, value in measured.items() if not name.startswith("test_")):
                return Training(metrics, diverged=True, epochs=epochs)
            for name, value in measured.items():
                metrics[name][epoch] = value
        return Training(metrics, diverged=False, epochs=epochs)

    def _train_epoch(self, epoch: int) -> dict[str, float]:
        self.network.train()
        images, labels = self.data.train_images, self.data.train_labels
        order = torch.randperm(len(labels), generator=self.streams.order).to(labels.device)
        loss_sum, correct = torch.zeros((), device=labels.device), torch.zeros((), device=labels.device)
        for step, chosen in enumerate(order.tensor_split(self.steps)):
            done = (epoch * self.steps + step) / (self.recipe.epochs * self.steps)
            set_learning_rate(self.optimizer, self.recipe, done)
            batch, targets = (
                augment(images[chosen], self.recipe.augmentation, self.streams.augmentation),
                labels[chosen],
            )
            with self.precision:
                logits = self.network(batch)
            loss = cross_entropy(logits.float(), targets, label_smoothing=self.recipe.label_smoothing)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            loss_sum += loss.detach() * len(targets)
            correct += (logits.detach().argmax(dim=1) == targets).sum()
        # Reading the sums waits for the device, so the clock of the caller sees all the work.
        return {"train_loss": loss_sum.item() / len(labels), "train_accuracy": correct.item() / len(labels)}

    def _evaluate(self) -> dict[str, float]:
        self.network.eval()
        labels, middle = self.data.held_out_labels, self.data.validation_size
        with torch.inference_mode(), self.precision:
            logits = torch.cat(
                [self.network(batch).float() for batch in torch.split(self.data.held_out_images, EVALUATION_BATCH)]
            )
            losses = cross_entropy(logits, labels, reduction="none").double()
            correct = (logits.argmax(dim=1) == labels).double()
            return {
                f"{split}_{metric}": values[part].mean().item()
                for split, part in (("validation", slice(None, middle)), ("test", slice(middle, None)))
                for metric, values in (("loss", losses), ("accuracy", correct))
            }


def clock_of(device: torch.device) -> Callable[[], float]:
    """Return the clock that tells the seconds of training.

    On a CPU, where one thread trains, its processor time, so that what else the machine does is not counted.
    """
    return time.thread_time if device.type == "cpu" else time.perf_counter


def precision_of(recipe: Recipe, device: torch.device) -> torch.autocast:
    """Return the context in which networks compute with the recipe's precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimiser that the recipe names."""
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(
            network.parameters(),
            lr=recipe.learning_rate,
            betas=(recipe.momentum, 0.999),
            weight_decay=recipe.weight_decay,
            fused=True,
        )
    return torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, done: float) -> None:
    """Follow the recipe's schedule, ``done`` being the share of all steps that are over."""
    if recipe.schedule == "cosine":
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def random_streams(seed: int) -> Streams:
    """Derive a training's sources of randomness from its seed.

    Raises
    ------
    QueryError
        If the seed is negative.
    """
    if seed < 0:
        raise QueryError(f"a training seed is 0 or more, got {seed}")
    initialisation, order, augmentation = (int(s) for s in np.random.SeedSequence(seed).generate_state(3, np.uint64))
    return Streams(initialisation, torch.Generator().manual_seed(order), torch.Generator().manual_seed(augmentation))


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Make torch pick algorithms that give the same bits every time, and put its settings back afterwards."""
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    benchmark, threads = torch.backends.cudnn.benchmark, torch.get_num_threads()
    filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if device.type == "cpu":
        torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    # Nothing here reads memory before it is written, and filling it first costs some 3% of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
        torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]
        torch.set_num_threads(threads)


def build_network(
    space: Space, architecture: NDArray[np.uint8], recipe: Recipe, dataset: Dataset, seed: int
) -> nn.Module:
    """Build a network with the initial weights that the seed draws, the global generator untouched."""
    image_shape = (dataset.image_shape[0], recipe.image_size, recipe.image_size)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return space.network(architecture, recipe, image_shape, dataset.classes)


class DatasetTensors(NamedTuple):
    """The splits of a data set.

    Validation and test lie behind each other so that one pass measures both.

    Parameters
    ----------
    train_images : (n, C, S, S) float32
    train_labels : (n,) int64
    held_out_images : (m, C, S, S) float32
        First validation, then test.
    held_out_labels : (m,) int64
    validation_size : int
        The number of them that are for validation.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    held_out_images: torch.Tensor
    held_out_labels: torch.Tensor
    validation_size: int


@lru_cache(maxsize=4)
def dataset_tensors(dataset: Dataset, image_size: int, device: torch.device) -> DatasetTensors:
    """Resize all images and normalise each channel by mean and deviation of the training images.

    ``image_size`` is ``S``, height and width after resizing (bilinear, antialiased). What is made is kept for many
    trainings.
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
    numbers = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[numbers, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

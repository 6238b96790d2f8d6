"""Real training of many small networks at once, as one network.

Its channels are all of theirs side by side.
"""

from __future__ import annotations

import gc
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from tabular.errors import QueryError, RecipeError, SpaceError
from tabular.networks.cell import CellNetwork
from tabular.spaces import CellSpace
from tabular.training.fused_network import FusedNetwork
from tabular.training.result import METRICS, Training
from tabular.training.trainer import (
    EVALUATION_BATCH,
    DatasetTensors,
    Streams,
    augment,
    build_network,
    clock_of,
    dataset_tensors,
    deterministic,
    find_device,
    make_optimizer,
    precision_of,
    random_streams,
    set_learning_rate,
    train,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset

LEAST_EVALUATION_BATCH = 16
"""Images that are evaluated at once, at least, however many networks there are."""


TENSOR_NUMBERS = {"cpu": 3 << 16, "cuda": 1 << 24}
"""The most numbers that the output of a layer should hold, all networks and images of a step together.

On a CPU 0.75 MB, as measured: what is larger leaves its caches, and moving networks about then costs more than wide
layers save. On a GPU 64 MB, reckoned and not measured: enough to occupy one, a few GB with all that autograd keeps."""


MOST_TOGETHER = {"cpu": 16, "cuda": 4096}
"""Networks in a group at most. A CPU gains nothing from more, and a worker that is killed loses the group in flight."""

_OUT_OF_MEMORY = ("can't allocate memory", "could not create a primitive", "could not create a memory object")
"""Words in a CPU's plain RuntimeErrors that tell of it: from torch's own allocator, and from oneDNN's convolutions."""


def networks_together(recipe: Recipe, device: str = "cpu") -> int:
    """Return the number of networks to give `train_together` at once for it to be fast.

    Networks that share operations train faster together: seeds of one architecture share all, architectures that follow
    each other in the order of `Space.rank` most. On a CPU, networks drawn at random gain little, and nothing from 16
    channels on.

    It depends on its arguments alone, so that a plan made with it is the same on every machine of a kind. Where it is
    1, `tabular.training.train` is as fast or faster.
    """
    own = recipe.batch_size * recipe.channels * recipe.image_size**2
    kind = device.partition(":")[0]
    kind = kind if kind in TENSOR_NUMBERS else "cpu"
    return max(1, min(MOST_TOGETHER[kind], TENSOR_NUMBERS[kind] // own))


def train_together(
    space: Space,
    architectures: NDArray[np.uint8],
    recipe: Recipe,
    dataset: Dataset,
    seeds: Sequence[int],
    device: str = "cpu",
) -> list[Training]:
    """Train K architectures at once, each from scratch with its own seed, and measure all after every epoch.

    Each network has the initial weights, the order of the images, the augmentation, batch statistics, loss and
    optimiser state that `tabular.training.train` gives it, so that its result is what training it alone gives, up to
    the rounding of sums taken in another order. The same arguments on the same device give bit for bit the same
    metrics, seconds excepted; other companions may change the last bits of a network's losses.

    Parameters
    ----------
    space : CellSpace
    architectures : (K, L) uint8
    recipe : Recipe
    dataset : Dataset
    seeds : K int
        The seed of each network; 0 or more.
    device : str
        As torch names it. A CPU trains with one thread.

    Returns
    -------
    list of K Training
        ``train_seconds`` is an equal share, 1/K, of what the call spent on training.

    Raises
    ------
    InvalidArchitectureError, QueryError, SpaceError, UnknownNameError
        If an architecture is not in the space, there are not as many seeds as architectures or a seed is negative, the
        space does not build cells, or the device is not there.
    """
    rows = space.check(architectures)
    if rows.ndim != 2 or len(rows) != len(seeds):
        raise QueryError(f"each architecture needs a seed: got architectures {rows.shape} and {len(seeds)} seeds")
    streams = [random_streams(int(seed)) for seed in seeds]
    target = find_device(device)
    if not len(rows):
        return []
    with deterministic(target):
        data = dataset_tensors(dataset, recipe.image_size, target)
        alone = [
            build_network(space, row, recipe, dataset, stream.initialisation)
            for row, stream in zip(rows, streams, strict=True)
        ]
        cells = [network for network in alone if isinstance(network, CellNetwork)]
        if not isinstance(space, CellSpace) or len(cells) < len(rows):
            raise SpaceError(f"space {space.name!r} does not build cells; train its networks one at a time")
        network = FusedNetwork(cells, target)
        same_seed = len({int(seed) for seed in seeds}) == 1
        return _Run(network, recipe, data, streams[:1] if same_seed else streams).train()


def train_group(
    space: Space, architectures: NDArray[np.uint8], recipe: Recipe, dataset: Dataset, seed: int, device: str = "cpu"
) -> list[Training]:
    """Train K architectures from scratch with one seed, all at once, or in halves where memory does not suffice.

    Raises
    ------
    RecipeError
        If memory does not even suffice for one network.
    """
    try:
        if len(architectures) == 1:
            return [train(space, architectures[0], recipe, dataset, seed, device)]
        return train_together(space, architectures, recipe, dataset, [seed] * len(architectures), device)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
    # Not within the except clause: there the error holds on to all that filled the memory.
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    if len(architectures) == 1:
        raise RecipeError(
            f"recipe: the memory of {device} does not suffice for one network ({space.to_text(architectures[0])}) with "
            f"batch_size {recipe.batch_size}, channels {recipe.channels} and image_size {recipe.image_size}; take less "
            "of these"
        )
    middle = len(architectures) // 2
    halves = architectures[:middle], architectures[middle:]
    return [training for half in halves for training in train_group(space, half, recipe, dataset, seed, device)]


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        words in str(error) for words in _OUT_OF_MEMORY
    )


class _Run:
    """One training run of K networks.

    The network they form, its optimiser and the data.

    There are as many streams as networks, or one if all see the same images at the same time.
    """

    def __init__(self, network: FusedNetwork, recipe: Recipe, data: DatasetTensors, streams: Sequence[Streams]) -> None:
        self.network, self.recipe, self.data, self.streams = network, recipe, data, streams
        # Both optimisers treat each weight for itself, so one serves all networks.
        self.optimizer = make_optimizer(network, recipe)
        self.steps = math.ceil(len(data.train_labels) / recipe.batch_size)
        self.clock = clock_of(data.train_labels.device)
        self.precision = precision_of(recipe, data.train_labels.device)

    def train(self) -> list[Training]:
        epochs, networks = self.recipe.epochs, self.network.networks
        metrics = {name: np.full((networks, epochs), np.nan, dtype=np.float32) for name in METRICS}
        going, seconds = np.ones(networks, dtype=bool), 0.0
        for epoch in range(epochs):
            started = self.clock()
            measured = self._train_epoch(epoch)
            seconds += self.clock() - started
            metrics["train_seconds"][going, epoch:] = seconds / networks
            measured |= self._evaluate()
            going &= np.isfinite(list(measured.values())).all(axis=0)
            if not going.any():
                break
            for name, values in measured.items():
                metrics[name][going, epoch] = values[going]
        return [
            Training({name: values[i] for name, values in metrics.items()}, diverged=not going[i], epochs=epochs)
            for i in range(networks)
        ]

    def _train_epoch(self, epoch: int) -> dict[str, NDArray[np.float64]]:
        self.network.train()
        labels, networks = self.data.train_labels, self.network.networks
        orders = torch.stack([torch.randperm(len(labels), generator=stream.order) for stream in self.streams])
        loss_sum, correct = (torch.zeros(networks, device=labels.device) for _ in range(2))
        for step, chosen in enumerate(orders.to(labels.device).tensor_split(self.steps, dim=1)):
            done = (epoch * self.steps + step) / (self.recipe.epochs * self.steps)
            set_learning_rate(self.optimizer, self.recipe, done)
            targets = labels[chosen].expand(networks, -1)
            with self.precision:
                logits = self.network(self._batch(chosen))
            losses = cross_entropy(
                logits.flatten(0, 1).float(),
                targets.reshape(-1),
                label_smoothing=self.recipe.label_smoothing,
                reduction="none",
            )
            loss = losses.view(targets.shape).mean(dim=1)
            self.optimizer.zero_grad(set_to_none=True)
            # The gradient of a sum reaches each network as that of its own loss.
            loss.sum().backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            loss_sum += loss.detach() * targets.shape[1]
            correct += (logits.detach().argmax(dim=2) == targets).sum(dim=1)
        return {
            "train_loss": loss_sum.double().cpu().numpy() / len(labels),
            "train_accuracy": correct.double().cpu().numpy() / len(labels),
        }

    def _batch(self, chosen: torch.Tensor) -> torch.Tensor:
        """Return the images that each stream has chosen, (S, N), augmented by it.

        (N, S*C, H, W).
        """
        batch = torch.cat(
            [
                augment(self.data.train_images[images], self.recipe.augmentation, stream.augmentation)
                for images, stream in zip(chosen, self.streams, strict=True)
            ],
            dim=1,
        )
        return batch.contiguous(memory_format=torch.channels_last)

    def _evaluate(self) -> dict[str, NDArray[np.float64]]:
        self.network.eval()
        labels, middle = self.data.held_out_labels, self.data.validation_size
        networks = self.network.networks
        batch = max(LEAST_EVALUATION_BATCH, EVALUATION_BATCH // networks)
        with torch.inference_mode(), self.precision:
            logits = torch.cat(
                [self.network(images).float() for images in torch.split(self.data.held_out_images, batch)],
                dim=1,
            )
            targets = labels.expand(networks, -1)
            losses = cross_entropy(logits.transpose(1, 2), targets, reduction="none").double()
            correct = (logits.argmax(dim=2) == targets).double()
            return {
                f"{split}_{metric}": values[:, part].mean(dim=1).cpu().numpy()
                for split, part in (("validation", slice(None, middle)), ("test", slice(middle, None)))
                for metric, values in (("loss", losses), ("accuracy", correct))
            }

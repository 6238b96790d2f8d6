"""The oracle that answers by really training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import DataError, QueryError
from tabular.measures import (
    BaseOracle,
    Measure,
    Reference,
    Task,
    mean_of_known,
    resolve_measure,
    standard_metric,
    std_of_known,
)
from tabular.recipe import Recipe
from tabular.training.loading import load_dataset
from tabular.training.result import METRICS, Training
from tabular.training.result import provenance as provenance_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space
    from tabular.training.dataset import Dataset


class TrainingOracle(BaseOracle):
    """Trains what it is asked about.

    It follows the protocol that tables and surrogates share.

    A training is remembered as long as the oracle lives, so another metric or epoch of it costs nothing. A query with a
    draw trains with the seed that is this number without its lowest bit; one without seed and draw answers the mean
    over those trainings of ``seeds`` that have a number. NaN where the training, or each of ``seeds``, diverged before
    the epoch.

    Parameters
    ----------
    space : Space
    recipe : Recipe
    dataset : Dataset
    seeds : sequence of int
        The trainings whose mean answers a query without seed and draw.
    device : str
        As torch names it.
    name : str, optional
        What results and figures call it; by default ``training``.
    task : str, optional
        What its task is called; by default as the data set.

    Raises
    ------
    QueryError
        If there is no seed, or a negative one.
    """

    def __init__(
        self,
        space: Space,
        recipe: Recipe,
        dataset: Dataset,
        seeds: Sequence[int] = (0, 1, 2),
        device: str = "cpu",
        name: str | None = None,
        task: str | None = None,
    ) -> None:
        if not seeds:
            raise QueryError("training needs at least one seed to answer with")
        self.space, self.recipe, self.dataset, self.device = space, recipe, dataset, device
        self.seeds = tuple(_checked_seed(seed) for seed in seeds)
        self.name = name or "training"
        task = task or dataset.name
        self.tasks = {
            task: Task(
                task,
                tuple(range(1, recipe.epochs + 1)),
                {metric: standard_metric(metric) for metric in METRICS},
                provenance=provenance_of(recipe, dataset, device),
            )
        }
        self._trainings: dict[tuple[bytes, int], Training] = {}

    @classmethod
    def from_provenance(
        cls,
        space: Space,
        provenance: Mapping[str, Any],
        *,
        seeds: Sequence[int] = (0, 1, 2),
        device: str = "cpu",
        name: str | None = None,
        task: str | None = None,
        source: str | None = None,
    ) -> TrainingOracle:
        """Build the oracle that trains as the trainings of a task were.

        Parameters
        ----------
        space : Space
        provenance : dict
            Of the task, as in a table this program generated.
        seeds, device, name, task
            As for the class.
        source : str, optional
            Where the data set lies now, if it has moved.

        Raises
        ------
        DataError
            If the task names no recipe and data set, the data set cannot be loaded, or it is not the same any more.
        RecipeError
            If the recipe is of a newer version of this program.
        """
        recipe, origin = provenance.get("recipe"), provenance.get("dataset")
        if not isinstance(recipe, dict) or not isinstance(origin, dict) or not {"source", "digest"} <= set(origin):
            raise DataError(
                "the task names no recipe and data set to train with, as imported tables do; only tasks of tables that "
                "this program generated can be trained again"
            )
        dataset = load_dataset(
            source or origin["source"],
            **{key: origin[key] for key in ("split_seed", "validation_fraction") if key in origin},
        )
        if dataset.digest != origin["digest"]:
            raise DataError(
                f"{dataset.source}: is not the data set that was trained on: its digest is {dataset.digest[:12]}..., "
                f"recorded was {str(origin['digest'])[:12]}...; name the original files"
            )
        where = f"recipe of task {task!r}" if task else "recipe"
        return cls(space, Recipe.from_dict(recipe, where=where), dataset, seeds, device, name, task)

    def reference(self, measure: Measure | str | None = None) -> Reference | None:
        """Return None: nobody knows the best of a space that was not trained whole."""
        resolve_measure(measure, self.tasks)
        return None

    def training(self, architecture: NDArray[np.uint8], seed: int) -> Training:
        """Return the whole training of one architecture with one seed.

        Parameters
        ----------
        architecture : (L,) uint8
        seed : int

        Raises
        ------
        InvalidArchitectureError, QueryError, UnknownNameError
        """
        from tabular.training.trainer import train

        key = (architecture.tobytes(), seed)
        if key not in self._trainings:
            self._trainings[key] = train(self.space, architecture, self.recipe, self.dataset, seed, self.device)
        return self._trainings[key]

    def _means(self, batch: NDArray[np.uint8], measure: Measure) -> NDArray[np.float64]:
        return mean_of_known(self._trained(batch, measure, [self.seeds] * len(batch)))

    def _of_seed(self, batch: NDArray[np.uint8], measure: Measure, seed: int) -> NDArray[np.float64]:
        return mean_of_known(self._trained(batch, measure, [(_checked_seed(seed),)] * len(batch)))

    def _drawn(self, batch: NDArray[np.uint8], measure: Measure, draws: NDArray[np.uint64]) -> NDArray[np.float64]:
        return mean_of_known(self._trained(batch, measure, [(draw >> 1,) for draw in draws.tolist()]))

    def _spreads(self, batch: NDArray[np.uint8], measure: Measure) -> NDArray[np.float64]:
        """Return the standard deviation over the trainings of ``seeds``.

        NaN for one seed.
        """
        return std_of_known(self._trained(batch, measure, [self.seeds] * len(batch)))

    def _trained(
        self, batch: NDArray[np.uint8], measure: Measure, seeds: Sequence[tuple[int, ...]]
    ) -> NDArray[np.float64]:
        """Return the measure of each row's trainings with its S seeds, (N, S)."""
        values = [
            [self.training(row, seed).metrics[measure.metric][measure.epochs - 1] for seed in seeds_of_row]
            for row, seeds_of_row in zip(batch, seeds, strict=True)
        ]
        return np.array(values, dtype=np.float64).reshape(len(batch), len(seeds[0]) if seeds else 0)


def _checked_seed(seed: int) -> int:
    if seed < 0:
        raise QueryError(f"a training seed is 0 or more, got {seed}")
    return int(seed)

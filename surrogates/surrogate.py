"""A model of a table: the outcome of training any architecture, with its error."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from surrogates.features import GRAPH, Inputs, some_row
from surrogates.folder import FILES, METADATA, metadata_text, read_files, read_metadata, write_folder
from surrogates.metric_model import (
    Calibration,
    Correction,
    CurveBasis,
    MetricModel,
    ScaledPrediction,
    SeedNoise,
    Target,
)
from surrogates.models import regressor_class
from surrogates.models.regressor import read_arrays, write_arrays
from surrogates.scorecard import Scorecard
from surrogates.training_noise import TrainingNoise
from surrogates.trust import FailureModel, Familiarity
from tabular.errors import FileFormatError, InvalidArchitectureError, NasbenchError, SpaceError
from tabular.measures import Measure, Metric, Task, resolve_measure
from tabular.spaces import declared_space

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from tabular.spaces import Space

FAMILIARITY = "familiarity.safetensors"
FAILURES = "failures."
"""The names of the files of the failure model begin so."""

ROWS_AT_ONCE = 1 << 15
"""The number of rows that are predicted at a time, which bounds the memory that a query takes."""


class Prediction(NamedTuple):
    """Predictions for some architectures, ``(N,)`` each.

    Parameters
    ----------
    mean : float64
        The mean over trainings.
    std : float64
        How far a single training may lie from ``mean``: ``noise`` and ``doubt`` together.
    noise : float64
        The seed noise: how far trainings of one architecture scatter. NaN where the table has no two of any; then it
        is part of ``doubt``.
    doubt : float64
        How far the mean itself may be off, calibrated on architectures held out.
    unfamiliar : bool
        Whether the architecture lies outside of what the surrogate was fitted to: then all of this is a guess.
    fails : float64
        The probability that training fails, as some did in the table; the other numbers are for the case that it does
        not.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    noise: NDArray[np.float64]
    doubt: NDArray[np.float64]
    unfamiliar: NDArray[np.bool_]
    fails: NDArray[np.float64]


class Surrogate:
    """Models of the metrics of one task, with the scores they earned.

    `surrogates.fit_surrogate` makes one, `load` reads one back.

    Parameters
    ----------
    space : Space
        Whose architectures it answers for.
    task : Task
        With the metrics and epochs that were fitted.
    blocks : tuple of str
        The blocks of features, see `surrogates.features`.
    models : dict of str to MetricModel
        One a metric.
    training_noise : TrainingNoise
        How the noise of one training hangs together over ``measures``.
    familiarity : Familiarity
    failures : FailureModel or None
        None where the table tells of too few.
    scorecard : Scorecard
    provenance : dict
        The table, the split, the model's parameters and the versions of the libraries, JSON-ready. After `extrapolate`
        also the space it was fitted to.
    """

    def __init__(
        self,
        space: Space,
        task: Task,
        blocks: tuple[str, ...],
        models: Mapping[str, MetricModel],
        *,
        training_noise: TrainingNoise,
        familiarity: Familiarity,
        failures: FailureModel | None,
        scorecard: Scorecard,
        provenance: Mapping[str, Any],
    ) -> None:
        self.space = space
        self.task = task
        self.blocks = blocks
        self.models = dict(models)
        self.training_noise = training_noise
        self.familiarity = familiarity
        self.failures = failures
        self.scorecard = scorecard
        self.provenance = dict(provenance)
        self._read: tuple[Scorecard, str] | None = None  # scorecard and digest of the folder it was read from
        self._latest = self.inputs(np.zeros((0, space.length), dtype=np.uint8))

    def __repr__(self) -> str:
        return f"<Surrogate of {self.task.name!r} on {self.space.name}: {', '.join(map(str, self.measures))}>"

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that it predicts."""
        return tuple(Measure(self.task.name, metric, epochs) for metric in self.models for epochs in self.task.epochs)

    @property
    def fitted_to(self) -> str | None:
        """The space it was fitted to, if it was carried over from another one or another recipe."""
        declared = self.provenance.get("fitted_to")
        return None if declared is None else str(declared.get("name", declared["kind"]))

    def inputs(self, architectures: NDArray[np.uint8]) -> Inputs:
        """Return what the models see of architectures (N, L) of the space."""
        return Inputs(self.space, architectures, self.blocks)

    def predict(self, architectures: NDArray[np.uint8], measure: Measure | str | None = None) -> Prediction:
        """Predict one measure.

        Parameters
        ----------
        architectures : (N, L) or (L,) uint8
        measure : Measure or str, optional
            By default the validation accuracy at the last epoch.

        Returns
        -------
        Prediction
            Of arrays ``(N,)``; N is 1 for a single row.

        Raises
        ------
        InvalidArchitectureError, QueryError, UnknownNameError
        """
        resolved = resolve_measure(measure, {self.task.name: self.task})
        model = self.models[resolved.metric]
        parts = []
        for inputs in self._pieces(architectures):
            scaled = model.predict(inputs, resolved.epochs)
            slope = model.target.slope(scaled.mean)
            fails = np.zeros(len(inputs)) if self.failures is None else self.failures.probability(inputs.features)
            parts.append(
                Prediction(
                    mean=model.target.unscaled(scaled.mean),
                    std=slope * np.hypot(scaled.doubt, scaled.noise),
                    noise=model.metric_noise(scaled, resolved.epochs),
                    doubt=slope * scaled.doubt,
                    unfamiliar=self.familiarity.unfamiliar(inputs.features),
                    fails=fails,
                )
            )
        return Prediction(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def predict_scaled(self, architectures: NDArray[np.uint8], measure: Measure) -> ScaledPrediction:
        """Predict one measure in the scale in which it was fitted, for `SurrogateOracle`.

        Parameters
        ----------
        architectures : (N, L) uint8
        measure : Measure
            One of `measures`.
        """
        model = self.models[measure.metric]
        parts = [model.predict(inputs, measure.epochs) for inputs in self._pieces(architectures)]
        return ScaledPrediction(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _pieces(self, architectures: NDArray[np.uint8]) -> Iterator[Inputs]:
        try:
            rows = np.atleast_2d(self.space.check(architectures))
        except InvalidArchitectureError as error:
            raise InvalidArchitectureError(f"{error} (of another space? see Surrogate.extrapolate)") from None
        for start in range(0, max(1, len(rows)), ROWS_AT_ONCE):
            piece, latest = rows[start : start + ROWS_AT_ONCE], self._latest
            # Several measures are often asked of the same architectures in turn, whose features are made once.
            if not np.array_equal(piece, latest.architectures):
                self._latest = latest = self.inputs(piece.copy())
            yield latest

    def extrapolate(self, space: Space) -> Surrogate:
        """Return this surrogate for another space, to whose architectures it was not fitted.

        Only features of the active graph mean the same in every space, so it must have been fitted to these alone. What
        it says there is extrapolation: `Prediction.unfamiliar` and a few real trainings tell how far to trust it.

        Raises
        ------
        SpaceError
        """
        if self.blocks != (GRAPH,):
            raise SpaceError(
                f"a surrogate of {self.space.name!r} with the features {', '.join(self.blocks)} cannot be asked about "
                f"{space.name!r}: fit it with the features '{GRAPH}' alone, which mean the same in both"
            )
        graphs, others = (len(one.graphs(some_row(one))) for one in (self.space, space))
        if graphs != others:
            raise SpaceError(
                f"a surrogate of {self.space.name!r} cannot be asked about {space.name!r}: networks of the one have "
                f"{graphs} kinds of cells, of the other {others}"
            )
        fitted_to = self.provenance.get("fitted_to", self.space.declaration())
        return Surrogate(
            space,
            self.task,
            self.blocks,
            self.models,
            training_noise=self.training_noise,
            familiarity=self.familiarity,
            failures=self.failures,
            scorecard=self.scorecard,
            provenance={**self.provenance, "fitted_to": fitted_to},
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the surrogate, as its folder states it or would: of all that its answers depend on."""
        if self._read is not None and self._read[0] is self.scorecard:
            return self._read[1]
        return hashlib.sha256(metadata_text(*_contents(self))).hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the surrogate as a folder, whole or not at all; see `surrogates.folder`.

        A surrogate that is there already is replaced.

        Raises
        ------
        OutputError
            If the folder cannot be written, or something else is in its place.
        """
        write_folder(Path(path), *_contents(self))

    @classmethod
    def load(cls, path: str | Path) -> Surrogate:
        """Read what `save` wrote, every digest checked.

        Raises
        ------
        FileFormatError
            If the folder is missing, damaged, foreign or of a newer version; the message names the file.
        """
        folder = Path(path)
        metadata, digest = read_metadata(folder)
        file = folder / METADATA
        try:
            files = read_files(folder, metadata[FILES])
            space = declared_space(metadata["space"], where=str(file))
            blocks = tuple(metadata["features"]["blocks"])
            columns = _columns(space, blocks)
            task = _read_task(metadata["task"])
            models = [_read_model(task, stated, files, folder) for stated in metadata["models"]]
            failure_files = _beginning(files, FAILURES)
            surrogate = cls(
                space,
                task,
                blocks,
                {model.metric.name: model for model in models},
                training_noise=TrainingNoise.from_json(metadata["luck"]),
                familiarity=Familiarity.from_arrays(read_arrays(files, FAMILIARITY, Familiarity.NAMES)),
                failures=FailureModel.read(failure_files) if failure_files else None,
                scorecard=Scorecard.from_json(metadata["scorecard"]),
                provenance=metadata["provenance"],
            )
        except FileFormatError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, NasbenchError) as error:
            raise FileFormatError(f"{file}: does not describe a surrogate: {type(error).__name__}: {error}") from None
        measures = len(surrogate.training_noise.own)
        if measures != len(surrogate.measures):
            raise FileFormatError(f"{file}: tells the training noise of {measures} measures, but predicts others")
        if columns != metadata["features"]["columns"]:
            raise FileFormatError(
                f"{file}: was fitted on {metadata['features']['columns']} columns of features, but this program makes "
                f"{columns}; fit it again"
            )
        surrogate._read = (surrogate.scorecard, digest)
        return surrogate


# What stands in its folder.


def _contents(surrogate: Surrogate) -> tuple[dict[str, Any], dict[str, bytes]]:
    task = surrogate.task
    files = {FAMILIARITY: write_arrays(surrogate.familiarity.arrays())}
    if surrogate.failures is not None:
        files |= {FAILURES + name: content for name, content in surrogate.failures.files().items()}
    for model in surrogate.models.values():
        for number, regressor in enumerate(model.regressors):
            files |= {_prefix(model, number) + name: content for name, content in regressor.files().items()}
    metadata = {
        "space": surrogate.space.declaration(),
        "task": {
            "name": task.name,
            "epochs": task.epochs,
            "metrics": [asdict(metric) for metric in task.metrics.values()],
            "provenance": task.provenance,
        },
        "features": {"blocks": surrogate.blocks, "columns": _columns(surrogate.space, surrogate.blocks)},
        "models": [_stated(model) for model in surrogate.models.values()],
        "luck": surrogate.training_noise.to_json(),
        "scorecard": surrogate.scorecard.to_json(),
        "provenance": surrogate.provenance,
    }
    return metadata, files


def _prefix(model: MetricModel, number: int) -> str:
    return f"{model.metric.name}.{number}."


def _beginning(files: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    return {name.removeprefix(prefix): content for name, content in files.items() if name.startswith(prefix)}


def _stated(model: MetricModel) -> dict[str, Any]:
    return {
        "metric": model.metric.name,
        "kind": model.regressors[0].kind,
        "target": model.target.kind,
        "basis": {name: values.tolist() for name, values in model.basis._asdict().items()},
        "noises": [None if noise is None else noise._asdict() for noise in model.noises],
        "calibrations": [asdict(calibration) for calibration in model.calibrations],
        "corrections": [correction._asdict() for correction in model.corrections],
        "trainings": model.trainings,
    }


def _read_task(stated: dict[str, Any]) -> Task:
    metrics = {metric["name"]: Metric(**metric) for metric in stated["metrics"]}
    return Task(stated["name"], tuple(stated["epochs"]), metrics, (), stated["provenance"])


def _read_model(task: Task, stated: dict[str, Any], files: Mapping[str, bytes], folder: Path) -> MetricModel:
    kind = regressor_class(stated["kind"])
    basis = CurveBasis(**{name: np.array(values, dtype=np.float64) for name, values in stated["basis"].items()})
    model = MetricModel(
        task.metrics[stated["metric"]],
        task.epochs,
        Target(stated["target"]),
        basis,
        (),
        tuple(noise and SeedNoise(tuple(noise["levels"]), tuple(noise["stds"])) for noise in stated["noises"]),
        tuple(Calibration(**calibration) for calibration in stated["calibrations"]),
        tuple(Correction(**correction) for correction in stated["corrections"]),
        float(stated["trainings"]),
    )
    regressors = []
    for number in range(len(basis.components)):
        prefix = _prefix(model, number)
        try:
            regressors.append(kind.read(_beginning(files, prefix)))
        except FileFormatError as error:
            raise FileFormatError(f"{folder}/{prefix}{error}") from None
    return replace(model, regressors=tuple(regressors))


def _columns(space: Space, blocks: tuple[str, ...]) -> int:
    return int(Inputs(space, some_row(space), blocks).features.shape[1])

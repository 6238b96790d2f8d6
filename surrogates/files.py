"""Surrogates on disk: what the metadata of their folder says, and which files hold what."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates.calibration import Calibration
from surrogates.curves import CurveBasis
from surrogates.failures import FailureModel
from surrogates.familiarity import Familiarity
from surrogates.folders import FILES, METADATA, metadata_text, read_files, read_metadata, write_folder
from surrogates.inputs import Inputs, some_row
from surrogates.luck import Luck
from surrogates.metric_model import Correction, MetricModel
from surrogates.models import regressor_class
from surrogates.models.arrays import read_arrays, write_arrays
from surrogates.scorecard import Scorecard
from surrogates.seed_noise import SeedNoise
from surrogates.surrogate import Surrogate
from surrogates.targets import Target
from tabular.errors import FileFormatError, NasbenchError
from tabular.measures import Metric, Task
from tabular.spaces import declared_space

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tabular.spaces import Space

FAMILIARITY = "familiarity.safetensors"
FAILURES = "failures."


def save_surrogate(surrogate: Surrogate, path: str | Path) -> None:
    """Write a surrogate as a folder, see `surrogates.folders`; one that is there already is replaced.

    Raises
    ------
    OutputError
        If the folder cannot be written, or something else is in its place.
    """
    write_folder(Path(path), *_contents(surrogate))


def surrogate_digest(surrogate: Surrogate) -> str:
    """Return the SHA-256 of a surrogate, as its folder states it or would."""
    return hashlib.sha256(metadata_text(*_contents(surrogate))).hexdigest()


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
        "luck": surrogate.luck.to_json(),
        "scorecard": surrogate.scorecard.to_json(),
        "provenance": surrogate.provenance,
    }
    return metadata, files


def load_surrogate(path: str | Path) -> Surrogate:
    """Read a surrogate.

    Raises
    ------
    FileFormatError
        If the folder is missing, damaged, foreign or of a newer version; the message names the file.
    """
    folder = Path(path)
    metadata = read_metadata(folder)
    place = folder / METADATA
    try:
        files = read_files(folder, metadata[FILES])
        space = declared_space(metadata["space"], where=str(place))
        blocks = tuple(metadata["features"]["blocks"])
        columns = _columns(space, blocks)
        task = _read_task(metadata["task"])
        models = [_read_model(task, stated, files, folder) for stated in metadata["models"]]
        familiarity = Familiarity.from_arrays(read_arrays(files, FAMILIARITY, Familiarity.NAMES))
        failure_files = _beginning(files, FAILURES)
        failures = FailureModel.read(failure_files) if failure_files else None
        luck = Luck.from_json(metadata["luck"])
        scorecard = Scorecard.from_json(metadata["scorecard"])
        provenance = metadata["provenance"]
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, NasbenchError) as error:
        raise FileFormatError(f"{place}: does not describe a surrogate: {type(error).__name__}: {error}") from None
    if len(luck.own) != sum(len(model.epochs) for model in models):
        raise FileFormatError(f"{place}: tells the luck of {len(luck.own)} measures, but predicts others")
    if columns != metadata["features"]["columns"]:
        raise FileFormatError(
            f"{place}: was fitted on {metadata['features']['columns']} columns of features, but this program makes "
            f"{columns}; fit it again"
        )
    return Surrogate(
        space,
        task,
        blocks,
        {model.metric.name: model for model in models},
        luck=luck,
        familiarity=familiarity,
        failures=failures,
        scorecard=scorecard,
        provenance=provenance,
    )


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
        "calibrations": [asdict(each) for each in model.calibrations],
        "corrections": [each._asdict() for each in model.corrections],
        "trainings": model.trainings,
        "agreement": model.agreement.tolist(),
    }


def _read_task(stated: dict[str, Any]) -> Task:
    metrics = {each["name"]: Metric(**each) for each in stated["metrics"]}
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
        tuple(Calibration(**each) for each in stated["calibrations"]),
        tuple(Correction(**each) for each in stated["corrections"]),
        float(stated["trainings"]),
        np.array(stated["agreement"], dtype=np.float64),
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

"""The trainings behind NAS-Bench-301 (Zela et al., ICLR 2022).

They are a folder of ``results_*.json``, one for each training. A file holds, as its authors'
``surrogate_models/utils.py`` reads it::

    {"optimized_hyperparamater_config": {                    # the architecture and the recipe
         "NetworkSelectorDatasetInfo:darts:edge_normal_0": "sep_conv_3x3", ...,
         "OptimizerSelector:sgd:learning_rate": 0.025, ...},
     "budget": 100, "runtime": 7042, "test_accuracy": 94.1,  # epochs, seconds, percent
     "info": [{"epochs": 98, "model_parameters": ..., "train_accuracy": ..., "val_accuracy": ..., ...}],
     "learning_curves": {"Train/train_accuracy": [...], "Train/val_accuracy": [...], ...}}   # per epoch; may be missing

Numbers stand at the epoch after which they were measured: curves at 1, 2, ..., all else at the training's last. So a
training that ended early has no number at the table's last epoch. A time is known of whole trainings alone.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import FileFormatError, InvalidArchitectureError
from tabular.files import check_writable
from tabular.importers.collecting import Collector, numbers, parse_json, read_file
from tabular.layout import write_table
from tabular.measures import SECONDS, Task, standard_metric
from tabular.spaces.darts import PREFIX, Darts
from tabular.table import Table
from tabular.work import silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.work import Progress

CONFIGURATION = "optimized_hyperparamater_config"
"""Spelt as it is in the files."""

METRICS = {
    "train_accuracy": ("train_accuracy", 0.01),
    "train_cross_entropy": ("train_loss", 1.0),
    "val_accuracy": ("validation_accuracy", 0.01),
    "val_cross_entropy": ("validation_loss", 1.0),
}
"""The names in ``info``, and behind ``Train/`` in the curves, the metric of each, and how many units one is."""

TASK = "cifar10"
PARAMETERS = "parameters_with_auxiliary_head"
"""What the files count as ``model_parameters``; a network of the space `darts` has no auxiliary head."""

ROUNDING = 5e-5
MOST_NAMED = 20
ORIGIN = {
    "benchmark": "NAS-Bench-301",
    "citation": "A. Zela et al.: Surrogate NAS Benchmarks: Going Beyond the Limited Search Spaces of Tabular NAS "
    "Benchmarks. ICLR 2022",
    "source": "https://github.com/automl/nasbench301",
}


class _Run(NamedTuple):
    """One training as its file tells it."""

    file: Path
    architecture: NDArray[np.uint8]
    training: str
    """The recipe as JSON."""
    epochs: int
    curves: dict[str, NDArray[np.float32]]
    last: dict[str, float]
    parameters: float
    info_differs: bool
    """Whether ``info`` states another validation accuracy than the curve ends with."""


def import_nasbench301(source: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Turn NAS-Bench-301's trainings into a table of one task, ``cifar10``.

    Trainings of one network, isomorphic drawings included, are its seeds 0, 1, ... in the order of the files' names.
    Three kinds of files are left out, and counted in the task's provenance: copies of another file; trainings that
    failed, so that neither validation nor test accuracy is known; and trainings by another recipe than most, since a
    task has one (import their folder by itself).

    Parameters
    ----------
    source : str or Path
        A folder, searched with all folders in it for ``results_*.json``, or one such file.
    out : str or Path
        The table to write.
    progress : callable
        Told how many files are read.

    Returns
    -------
    Table
        Opened. Its metrics are those of ``info`` that any file has, ``test_accuracy`` and ``train_seconds``; its costs
        the parameters. To write it takes memory for (networks x most trainings of one x epochs x metrics) numbers.

    Raises
    ------
    FileFormatError
        If there is no such file, or one that is damaged, has no architecture, or a number that cannot be; the message
        names the file and the field.
    OutputError
    """
    check_writable(out)
    source = Path(source)
    runs, left_out = _read_runs(_files(source), source, progress)
    recipes = Counter(run.training for run in runs)
    if not recipes:
        raise FileFormatError(f"{source}: none of its {left_out['files']} trainings went through")
    recipe = recipes.most_common(1)[0][0]
    kept = [run for run in runs if run.training == recipe]
    left_out["of_another_recipe"] = len(runs) - len(kept)
    data = _collect(kept, json.loads(recipe), left_out, source).finish(dict(ORIGIN))
    write_table(out, data)
    return Table.open(out)


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    files = sorted(source.rglob("results_*.json")) if source.is_dir() else []
    if not files:
        what = "holds no results_*.json" if source.exists() else "no such file or folder"
        raise FileFormatError(f"{source}: {what}; give the folder of NAS-Bench-301's results, unpacked")
    return files


def _read_runs(files: list[Path], source: Path, progress: Progress) -> tuple[list[_Run], dict[str, Any]]:
    """Return the trainings that went through, and what was left out."""
    space, runs, failed, seen = Darts(), [], [], set()
    for number, file in enumerate(files, 1):
        content = read_file(file)
        digest = hashlib.sha256(content).digest()
        if digest not in seen:
            run = _read_run(parse_json(content, file), file, space)
            if run is None:
                failed.append(str(file.relative_to(source)) if source != file else file.name)
            else:
                runs.append(run)
        seen.add(digest)
        progress(number, len(files), f"{len(runs)} trainings")
    left_out = {
        "files": len(files),
        "copies": len(files) - len(seen),
        "failed": len(failed),
        "failed_files": failed[:MOST_NAMED],
    }
    return runs, left_out


def _read_run(document: dict[str, Any], file: Path, space: Darts) -> _Run | None:
    """Return the training, None if it failed."""
    configuration = document.get(CONFIGURATION)
    if not isinstance(configuration, dict):
        raise FileFormatError(f"{file}: is no result of NAS-Bench-301: it has no {CONFIGURATION!r}")
    try:
        architecture = space.from_configuration(configuration)
    except InvalidArchitectureError as error:
        raise FileFormatError(f"{file}: {error}") from None
    info, curves = document.get("info"), document.get("learning_curves") or {}
    info = info[0] if isinstance(info, list) and info else {}
    if not isinstance(info, dict) or not isinstance(curves, dict):
        raise FileFormatError(f"{file}: 'info' should be a list of one object and 'learning_curves' an object")
    found = {
        metric: _scaled(curves[f"Train/{name}"], f"{file}: learning_curves, Train/{name}", scale)
        for name, (metric, scale) in METRICS.items()
        if isinstance(curves.get(f"Train/{name}"), list)
    }
    last = {
        metric: float(_scaled(info.get(name), f"{file}: info, {name}", scale))
        for name, (metric, scale) in METRICS.items()
        if metric not in found
    }
    last["test_accuracy"] = float(_scaled(document.get("test_accuracy"), f"{file}: test_accuracy", 0.01))
    last[SECONDS] = float(_scaled(document.get("runtime"), f"{file}: runtime", 1))
    epochs = max([len(curve) for curve in found.values()], default=0)
    if not epochs:
        epochs = int(np.nan_to_num(_scaled(info.get("epochs"), f"{file}: info, epochs", 1)))
    stated = float(_scaled(info.get("val_accuracy"), f"{file}: info, val_accuracy", 0.01))
    validation = found.get("validation_accuracy", np.array([stated], dtype=np.float32))
    if epochs < 1 or (np.isnan(validation).all() and np.isnan(last["test_accuracy"])):
        return None
    parameters = float(_scaled(info.get("model_parameters"), f"{file}: info, model_parameters", 1))
    differs = bool(abs(stated - validation[-1]) > ROUNDING)
    return _Run(file, architecture, _recipe(configuration, document), epochs, found, last, parameters, differs)


def _scaled(value: Any, where: str, scale: float) -> NDArray[np.float32]:
    """Return numbers in our units; a loss or a time that is not finite is not known."""
    found = numbers(value, where) * scale
    bad = (found < 0) | (found > 1) if scale == 0.01 else found < 0
    if bad.any():
        raise FileFormatError(
            f"{where}: is {found[bad].flat[0] / scale:g}, expected {'percent' if scale == 0.01 else '0 or more'}"
        )
    return np.where(np.isfinite(found), found, np.nan).astype(np.float32)


def _recipe(configuration: dict[str, Any], document: dict[str, Any]) -> str:
    """Return a configuration without the architecture, with the budget, as JSON.

    It is equal for equal recipes.
    """
    words = {"True": True, "False": False}
    recipe = {
        name: words.get(value, value) if isinstance(value, str) else value
        for name, value in configuration.items()
        if not name.startswith((f"{PREFIX}edge_", f"{PREFIX}inputs_node_"))
    }
    return json.dumps({**recipe, "budget": document.get("budget")}, sort_keys=True)


def _collect(runs: list[_Run], recipe: dict[str, Any], left_out: dict[str, Any], source: Path) -> Collector:
    space = Darts()
    keys = space.canonical_key(np.stack([run.architecture for run in runs])).tolist()
    ended = Counter(run.epochs for run in runs)
    longest = max((len(curve) for run in runs for curve in run.curves.values()), default=0)
    epochs = sorted({*range(1, longest + 1), *ended})
    known = {name for run in runs for name in run.curves}
    known |= {name for run in runs for name, value in run.last.items() if not np.isnan(value)}
    provenance = {
        "training": recipe,
        "trainings": {
            **left_out,
            "with_curves": sum(bool(run.curves) for run in runs),
            "with_another_validation_accuracy_in_info": sum(run.info_differs for run in runs),
        },
        "ended_after_epochs": {str(number): ended[number] for number in sorted(ended)},
    }
    metrics = {name: standard_metric(name) for name in sorted(known)}
    most = max(Counter(keys).values())
    task = Task(TASK, tuple(epochs), metrics, tuple(range(most)), provenance)
    collector = Collector(space, "class", [task], source)
    seeds: Counter[int] = Counter()
    for run in runs:
        row = collector.row(run.architecture)
        seed, where = seeds[row], str(run.file)
        seeds[row] += 1
        for name, curve in run.curves.items():
            values = np.full(len(epochs), np.nan, dtype=np.float32)
            values[: len(curve)] = curve
            collector.put(row, TASK, seed, {name: values}, where=where)
        last = {name: value for name, value in run.last.items() if name in metrics}
        collector.put(row, TASK, seed, last, run.epochs, where)
        collector.cost(row, TASK, PARAMETERS, run.parameters, "count")
    return collector

"""NAS-Bench-Macro (Su et al., CVPR 2021): its ``nas-bench-macro_cifar10.json``.

The file maps each of the 6,561 architectures, eight digits, to::

    {"test_acc": [93.1, 93.2, 93.0],             # percent, of three trainings
     "mean_acc": 93.1, "std": 0.08, "params": 2218218, "flops": 78656256}

As the authors' own programs show, a test accuracy is the best that any of the 50 epochs gave, architectures that are
the same network share their numbers, and FLOPs are multiply-adds, of convolutions and classifier. Nothing was published
of validation and time, so the table has neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError, InvalidArchitectureError
from tabular.files import check_writable
from tabular.importers.collecting import Collector, numbers, parse_json, read_file
from tabular.layout import write_table
from tabular.measures import Task, standard_metric
from tabular.spaces import get_space
from tabular.table import Table
from tabular.work import silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.spaces import Space
    from tabular.work import Progress

FIELDS = ("test_acc", "mean_acc", "std", "params", "flops")
TRAININGS = 3
ROUNDING = 1e-3
"""How far, in percent, the stated mean may lie from that of the three accuracies."""

TASK = "cifar10"
EPOCHS = 50
ORIGIN = {
    "benchmark": "NAS-Bench-Macro",
    "citation": "X. Su et al.: Prioritized Architecture Sampling with Monto-Carlo Tree Search. CVPR 2021",
    "source": "https://github.com/xiusu/NAS-Bench-Macro",
}
PROVENANCE = {
    "dataset": "CIFAR-10, trained on all 50,000 training images",
    "training": {
        "epochs": EPOCHS,
        "batch_size": 256,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "cosine",
        "augmentation": "crop and flip",
    },
    "test_accuracy": "the best of all epochs of a training, chosen on the test images themselves",
}


def import_nasbench_macro(source: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Turn NAS-Bench-Macro's published file into a table of one task, ``cifar10``.

    Parameters
    ----------
    source : str or Path
        ``nas-bench-macro_cifar10.json``.
    out : str or Path
        The table to write.
    progress : callable
        Told how many architectures are read.

    Returns
    -------
    Table
        Opened: ``test_accuracy`` of three trainings after 50 epochs, ``parameters`` and ``flops``. It has no
        validation accuracy and no seconds, so what needs them, a search above all, cannot use it.

    Raises
    ------
    FileFormatError
        If the file is damaged, lacks an architecture or a field, has one too many, or a number that cannot be; the
        message names architecture and field.
    OutputError
    """
    check_writable(out)
    source, space = Path(source), get_space("nb-macro")
    document = parse_json(read_file(source), source)
    architectures = _architectures(list(document), space, source)
    task = Task(
        TASK, (EPOCHS,), {"test_accuracy": standard_metric("test_accuracy")}, tuple(range(TRAININGS)), PROVENANCE
    )
    collector = Collector(space, "class", [task], source)
    rows = collector.rows(architectures).tolist()
    for number, ((text, entry), row) in enumerate(zip(document.items(), rows, strict=True), 1):
        accuracies, costs = _read_entry(entry, f"{source}: {text}")
        for seed, accuracy in enumerate(accuracies):
            collector.put(row, TASK, seed, {"test_accuracy": accuracy}, EPOCHS, where=text)
        for name, value in costs.items():
            collector.cost(row, TASK, name, value, "count")
        progress(number, len(document), text)
    data = collector.finish(dict(ORIGIN))
    write_table(out, data)
    return Table.open(out)


def _architectures(texts: list[str], space: Space, source: Path) -> NDArray[np.uint8]:
    try:
        rows = space.from_text(texts)
    except InvalidArchitectureError as error:
        raise FileFormatError(f"{source}: {error}") from None
    missing = np.setdiff1d(np.arange(space.size), space.index(rows))
    if len(missing):
        first = space.to_text(space.from_index(int(missing[0])))
        raise FileFormatError(
            f"{source}: has {len(texts):,} of the {space.size:,} architectures, {first!r} is missing; is it whole?"
        )
    return rows


def _read_entry(entry: Any, where: str) -> tuple[list[float], dict[str, float]]:
    """Return the accuracies of the trainings, fractions, and the costs."""
    if not isinstance(entry, dict):
        raise FileFormatError(f"{where}: should be an object, it is {entry!r}")
    for name in FIELDS:
        if name not in entry:
            raise FileFormatError(f"{where}: has no {name!r}; it has {', '.join(entry) or 'nothing'}")
    for name in entry:
        if name not in FIELDS:
            raise FileFormatError(f"{where}: has an unknown field {name!r}; known: {', '.join(FIELDS)}")
    percent = numbers(entry["test_acc"], f"{where}, test_acc")
    if percent.shape != (TRAININGS,):
        raise FileFormatError(f"{where}, test_acc: should be {TRAININGS} numbers, got {entry['test_acc']!r}")
    values = {name: float(numbers(entry[name], f"{where}, {name}")) for name in FIELDS[1:]}
    checks = {**{f"test_acc {number}": value for number, value in enumerate(percent.tolist())}, **values}
    for name, value in checks.items():
        if not 0 <= value <= (100 if "acc" in name else np.inf) or np.isinf(value):
            raise FileFormatError(
                f"{where}, {name}: is {value:g}, expected {'percent' if 'acc' in name else '0 or more'}"
            )
    if abs(percent.mean() - values["mean_acc"]) > ROUNDING:
        raise FileFormatError(
            f"{where}: mean_acc is {values['mean_acc']:g}, but its three test_acc have the mean {percent.mean():g}"
        )
    costs = {"parameters": values["params"], "flops": 2 * values["flops"]}
    return (percent / 100).tolist(), costs

"""What it takes to make results again: command, versions, seeds, digests, hardware and recipe."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

from nasbench.report.wording import counted, listed, runs_of, seeds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nasbench.comparison.results import Results

NOT_RECORDED = "not recorded"


def facts(results: Results) -> list[tuple[str, str]]:
    """Return what names the results and how they came about, as pairs of a label and a text."""
    known, protocol = results.provenance, results.protocol
    oracle: Mapping[str, Any] = known.get("oracle") or {}
    found = [
        ("oracle", f"{results.oracle} ({oracle.get('kind', 'kind ' + NOT_RECORDED)})"),
        ("digest of the oracle", str(oracle.get("digest") or NOT_RECORDED)),
        ("space", f"{results.space.name}, {results.space.size:,} architectures"),
        ("signal", str(protocol.signal)),
        ("reports", listed([str(each) for each in results.reports])),
        ("budget of a run", str(protocol.budget)),
        ("workers, repeats", f"{protocol.workers}, {protocol.repeats}"),
    ]
    if protocol.objectives:
        found.append(("objectives", listed([str(each) for each in protocol.objectives])))
    if protocol.constraints:
        found.append(("constraints", listed([str(each) for each in protocol.constraints])))
    found += [
        ("strategies", ", ".join(results.trials) or "none"),
        ("runs", runs_of(results)),
        ("seeds", seeds_of(results) or "none"),
        ("compared with", f"nasbench {known.get('nasbench', NOT_RECORDED)}, numpy {known.get('numpy', NOT_RECORDED)}"),
    ]
    for name, task in known.get("tasks", {}).items():
        found += _task(str(name), task)
    return found


def _task(name: str, task: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the origin of the trainings of one task."""
    dataset, device = task.get("dataset") or {}, task.get("device") or {}
    if not isinstance(dataset, dict):  # imported tables name theirs in words
        dataset = {"name": dataset}
    known = {
        "data set": _listing(dataset, ("name", "image_shape", "classes", "split_seed")).removeprefix("name "),
        "digest of the data": dataset.get("digest"),
        "images in each split": _listing(dataset.get("split_sizes") or {}),
        "recipe": _listing(task.get("recipe") or {}),
        "hash of the recipe": task.get("recipe_hash"),
        "hardware": _listing(device, ("hardware", "torch")).removeprefix("hardware "),
        "trained with": _listing(task.get("versions") or {}),
        "platform": task.get("platform"),
        "revision": task.get("git_revision"),
        "licence": task.get("licence"),
        "citation": task.get("citation"),
    }
    return [(f"{name}: {label}", str(value)) for label, value in known.items() if value] or [
        (f"{name}: origin", NOT_RECORDED)
    ]


def made_with() -> str:
    """Return the versions that made the page."""
    import altair as alt
    import vl_convert

    from tabular.version import __version__

    return (
        f"nasbench {__version__}, Altair {alt.__version__}, Vega {vl_convert.get_vega_version()}, "
        f"Python {platform.python_version()}"
    )


def everything(results: Results) -> str:
    """Return all that is recorded of the origin, as indented JSON."""
    return json.dumps(dict(results.provenance), indent=1, ensure_ascii=False, default=str)


def as_text(command: str, results: list[Results]) -> str:
    """Return the whole block as plain text, to be pasted somewhere else."""
    lines = [f"command: {command or NOT_RECORDED}", f"report made with: {made_with()}"]
    for each in results:
        lines += ["", f"[{each.oracle}, {each.protocol.budget}, {counted(len(each.trials), 'strategy')}]"]
        lines += [f"{label}: {value}" for label, value in facts(each)]
    return "\n".join(lines)


def _listing(values: Mapping[str, Any], names: tuple[str, ...] | None = None) -> str:
    chosen = {name: values[name] for name in names or values if name in values}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in chosen.items())

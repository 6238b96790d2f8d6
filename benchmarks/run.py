"""Measure everything and print it: ``python benchmarks/run.py [NAME ...] [--json]``, the names being `BENCHMARKS`."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from timing import machine, show

BENCHMARKS = (
    "queries",
    "searching",
    "analysing",
    "predicting",
    "spaces",
    "nb101",
    "fusing",
    "journaling",
    "scaling",
    "importing",
    "importing_nats",
    "nasbench101_api",
    "nats_api",
)


def main(arguments: list[str]) -> None:
    """Run the named benchmarks, or all."""
    chosen = [name for name in arguments if name != "--json"] or BENCHMARKS
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            print(f"measuring {name} ...", file=sys.stderr)
            found[name] = import_module(name).figures(Path(folder))
    if "--json" in arguments:
        plain = {name: [asdict(figure) for figure in figures] for name, figures in found.items()}
        print(json.dumps({"machine": machine(), "figures": plain}, indent=2))
        return
    print(f"Measured on: {machine()}\n")
    print("| what | ours | beside | its time | ratio | aim |\n| --- | --- | --- | --- | --- | --- |")
    for figure in (each for figures in found.values() for each in figures):
        ratio = "" if figure.ratio != figure.ratio else f"{figure.ratio:.3g}"
        cells = (figure.what, show(figure.seconds), figure.beside, show(figure.other_seconds), ratio, figure.aim)
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main(sys.argv[1:])

"""A small study, and its declaration as a file."""

from __future__ import annotations

import json

STRATEGIES = ["random-search", "regularized-evolution(population=10,sample=3)", "local-search"]
BASE = {"strategies": STRATEGIES, "oracles": ["nb201-digits"], "budgets": [40], "runs": 10, "first_seed": 95}
"""The seeds 95 to 104, of two pieces: six cells."""


def write_declaration(path, **keys):
    """Write `BASE` with other values; None leaves a key out."""
    path.write_text(
        "".join(f"{key} = {_toml(value)}\n" for key, value in {**BASE, **keys}.items() if value is not None)
    )
    return path


def _toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else json.dumps(value)

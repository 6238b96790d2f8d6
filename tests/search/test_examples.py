"""Every strategy has an example in its docstring, and all examples run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import strategies
from strategies import STRATEGIES, get_strategy

NEEDED = {f"strategies.foreign.{name}": name for name in ("optuna", "nevergrad", "smac")}
MODULES = [info.name for info in pkgutil.walk_packages(strategies.__path__, "strategies.")]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_has_an_example(name):
    assert ">>> search = " in get_strategy(name).__doc__


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    if name in NEEDED:
        pytest.importorskip(NEEDED[name], reason=f"{NEEDED[name]} is not installed: see docs/interop.md")
    assert doctest.testmod(importlib.import_module(name)).failed == 0

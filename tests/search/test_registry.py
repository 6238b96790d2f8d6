"""Strategies by name."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import strategies
from strategies import (
    STRATEGIES,
    RandomSearch,
    RegularizedEvolution,
    WarmStart,
    get_strategy,
    read_strategy,
    strategy_families,
    strategy_names,
    strategy_options,
)
from strategies.strategy import Strategy
from tabular.errors import StrategyError, UnknownNameError
from tabular.spaces import OPERATIONS
from tabular.spaces.cell import CellSpace

FAMILIES = [
    *("baseline", "evolution", "reinforcement", "model-based", "multi-fidelity", "multi-objective"),
    *("transfer", "foreign"),
]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package that is installed beside this one and brings a strategy."""
    (tmp_path / "their_search.py").write_text(
        "from strategies import RandomSearch\nclass TheirSearch(RandomSearch):\n    pass\nlimit = 3\n"
    )
    info = tmp_path / "their_search-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-search\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nasbench.strategies]\ntheir-search = their_search:TheirSearch\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_the_strategies_of_this_package_have_names_families_and_papers():
    assert list(STRATEGIES) == strategy_names()[: len(STRATEGIES)]
    for name, entry in STRATEGIES.items():
        strategy = get_strategy(name)
        assert issubclass(strategy, Strategy)
        assert (strategy.name, strategy.family, strategy.paper) == (name, entry.family, entry.paper)
        assert f"{strategy.__module__}:{strategy.__name__}" == entry.target
        assert getattr(strategies, strategy.__name__) is strategy
        assert strategy.family in FAMILIES
        assert strategy.paper or strategy.family == "foreign"


def test_every_strategy_of_this_package_is_listed():
    listed = {get_strategy(name) for name in STRATEGIES}
    for info in pkgutil.walk_packages(strategies.__path__, "strategies."):
        for found in vars(importlib.import_module(info.name)).values():
            if isinstance(found, type) and issubclass(found, Strategy) and found.__module__ == info.name:
                assert found in listed or not found.name, f"{info.name}:{found.__name__} is not in STRATEGIES"


def test_what_type_checkers_are_told_of_is_there():
    for name in strategies.__all__:
        assert getattr(strategies, name)
    with pytest.raises(AttributeError, match="module 'strategies' has no attribute 'RandomSerch'"):
        _ = strategies.RandomSerch


def test_listing_imports_no_strategy():
    code = (
        "import sys, strategies; strategies.strategy_names(); strategies.strategy_families(); "
        "sys.stdout.write(' '.join(sorted(name for name in sys.modules if name.startswith('strategies'))))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["strategies", *(f"strategies.{n}" for n in ("predictor", "registry", "strategy"))]


def test_families_list_every_strategy_once(installed):
    families = strategy_families()
    assert list(families) == FAMILIES
    assert sorted(name for names in families.values() for name in names) == sorted(strategy_names())
    assert "their-search" in families["baseline"]  # which it inherits


def test_an_installed_strategy_that_is_broken_hides_no_other(installed, tmp_path):
    (tmp_path / "their_search.py").write_text("import nowhere_to_be_found\n")
    sys.modules.pop("their_search", None)
    assert strategy_families()["own"] == ["their-search"]
    with pytest.raises(StrategyError, match="cannot import the module 'their_search'"):
        get_strategy("their-search")


def test_a_strategy_is_read_with_its_options_and_made():
    space, rng = CellSpace("it", 3, OPERATIONS[:3]), np.random.default_rng(0)
    made = read_strategy("regularized-evolution(population=7, sample=2)")(space, rng, (1, 3))
    assert (type(made), made.population, made.sample) == (RegularizedEvolution, 7, 2)
    assert read_strategy("random-search") is RandomSearch
    with pytest.raises(UnknownNameError, match="unknown option 'sampel' of strategy 'regularized-evolution'; did you"):
        read_strategy("regularized-evolution(sampel=3)")


def test_an_option_that_is_a_strategy_is_read_like_one():
    space, rng = CellSpace("it", 3, OPERATIONS[:3]), np.random.default_rng(0)
    text = "median-stopping(strategy='warm-start(strategy=\\'hyperband(eta=2)\\', architectures=[[0, 1, 2]])', grace=2)"
    made = read_strategy(text)(space, rng, range(1, 10))
    assert (made.grace, type(made.inner), made.inner.wrapped.eta) == (2, WarmStart, 2)
    assert strategy_options("median-stopping")["strategy"] == "regularized-evolution"
    with pytest.raises(StrategyError, match=r"strategy must be a strategy class, or a function .*; got 3"):
        read_strategy("median-stopping(strategy=3)")(space, rng, (1, 3))


def test_a_class_that_can_be_imported_is_a_strategy(installed):
    assert get_strategy("strategies.random_search:RandomSearch") is RandomSearch
    assert get_strategy("their_search:TheirSearch").__name__ == "TheirSearch"


def test_installed_packages_bring_strategies(installed):
    assert "their-search" in strategy_names()
    assert get_strategy("their-search").__name__ == "TheirSearch"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("random-serch", UnknownNameError, "did you mean 'random-search'"),
        ("RegularizedEvolution", UnknownNameError, "did you mean 'regularized-evolution'"),
        ("their_search:TheirSerch", UnknownNameError, "did you mean 'TheirSearch'"),
        ("no_such_module:Search", StrategyError, "cannot import the module 'no_such_module' .*PYTHONPATH"),
        (":Search", StrategyError, "cannot import the module ''"),
        (".here:Search", StrategyError, "cannot import the module '.here'"),
        ("their_search:limit", StrategyError, "is 3, not a class derived from nasbench.Strategy"),
        ("pathlib:Path", StrategyError, "not a class derived from nasbench.Strategy"),
    ],
)
def test_an_unknown_name_says_the_way_out(installed, name, error, message):
    with pytest.raises(error, match=message):
        get_strategy(name)


def test_importing_strategies_is_light():
    """Neither tables, surrogates nor any heavy library come along, even when all options are asked for."""
    heavy = {"torch", "pandas", "xgboost", "sklearn", "matplotlib", "h5py", "surrogates", "scipy"}
    heavy |= {"optuna", "nevergrad", "smac", "ConfigSpace"}
    code = (
        "import sys, strategies; options = [strategies.strategy_options(name) for name in strategies.STRATEGIES]; "
        f"sys.stdout.write(' '.join({heavy!r} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == ""

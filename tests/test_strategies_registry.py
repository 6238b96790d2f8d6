"""Strategies by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

import strategies
from nasbench.errors import StrategyError, UnknownNameError
from nasbench.strategy import Strategy
from strategies import STRATEGIES, RandomSearch, get_strategy, strategy_names

NAMES = ["random-search", "regularized-evolution", "local-search", "successive-halving", "hyperband"]


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


def test_the_strategies_of_this_package_have_names():
    assert list(STRATEGIES) == NAMES == strategy_names()[:5]
    for name in NAMES:
        assert issubclass(get_strategy(name), Strategy)
        assert getattr(strategies, get_strategy(name).__name__) is get_strategy(name)


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
    """Neither tables, surrogates nor any heavy library come along."""
    heavy = {"torch", "pandas", "xgboost", "sklearn", "matplotlib", "tabular", "surrogates", "scipy"}
    code = f"import sys, strategies; sys.stdout.write(' '.join({heavy!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == ""

"""The demo, on a space of 14 networks and a small recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tabular.training
from nasbench.cli import demo
from tabular.training import Recipe


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Make the demo's space, recipe and budget small, and work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    Path("space.toml").write_text('nodes = 4\noperations = ["none", "nor_conv_1x1"]\n')
    monkeypatch.setattr(demo, "SPACE", "space.toml")
    monkeypatch.setattr(demo, "TRAININGS", 12)
    monkeypatch.setattr(demo, "STRATEGIES", "random-search,local-search")
    recipe = Recipe(epochs=3, channels=2, batch_size=128, learning_rate=0.2)
    monkeypatch.setattr(tabular.training, "Recipe", lambda: recipe)


def without_times(summary):
    """The summary of each comparison, but for what strategies computed for themselves: that no seed decides."""
    return {name: [{**row, "own_seconds": None} for row in rows] for name, rows in summary.items()}


def drawn_again(path):
    """Figures and the report are made anew by each demo."""
    return "regret" in path.name or path.name in {"demo", "report.html"}


@pytest.mark.world
def test_the_demo_does_the_whole_job_and_a_second_run_uses_it(small, command):
    first = command("demo", "--runs", 3, "--jobs", 1, "--json")
    assert first.code == 0, first.err
    made = json.loads(first.out)
    assert {Path(path).name for path in made["paths"]} == {
        *("table.h5", "surrogate", "table-results.h5", "surrogate-results.h5"),
        *("table-regret.pdf", "table-regret.png", "surrogate-regret.pdf", "surrogate-regret.png"),
        *("table-verification.json", "surrogate-verification.json", "report.html"),
    }
    assert all(Path(path).exists() for path in made["paths"])
    for name in ("table", "surrogate"):
        strategies = {row["strategy"] for row in made["summary"][name]}
        assert strategies == {"optimum", "random-search", "local-search", "random architecture"}
        assert all(0 <= each["measured"] <= 1 for each in made["verified"][name])
    for step in ("1/6 training", "2/6 fitting", "3/6 comparing on the table", "4/6 drawing", "5/6 training", "6/6"):
        assert step in first.err

    left = {path: path.stat().st_mtime_ns for path in Path("demo").rglob("*") if not drawn_again(path)}
    second = command("demo", "--runs", 3, "--jobs", 1)
    assert second.code == 0, second.err
    assert {path: path.stat().st_mtime_ns for path in left} == left
    assert "fitting" not in second.err
    assert "demo/table-regret.pdf" in second.out
    assert "random architecture" in second.out

    Path("demo/table-results.h5").write_bytes(b"damaged")
    third = command("demo", "--runs", 3, "--jobs", 1, "--json")
    assert third.code == 0, third.err
    assert "making demo/table-results.h5 again: demo/table-results.h5: is not an HDF5 file" in third.err
    assert without_times(json.loads(third.out)["summary"]) == without_times(made["summary"])

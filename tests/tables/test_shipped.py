"""The tables that come with the package: by name everywhere, whole, sound, small, and what their cards say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nasbench import get_space
from tabular import Table, TableOracle, shipped_tables
from tabular.card import data_card
from tabular.errors import FileFormatError
from tabular.reliability import reliability
from tabular.training import Recipe, TrainingOracle

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def table():
    with Table.open("nb201-digits") as opened:
        yield opened


def test_it_is_all_of_nb201_with_three_seeds_and_every_epoch(table):
    space = get_space("nb201")
    np.testing.assert_array_equal(table.architectures, space.unique())
    assert len(table) == 6466
    assert (table.rows(space.all()) >= 0).all()
    task = table.tasks["digits"]
    assert (task.seeds, task.epochs) == ((0, 1, 2), tuple(range(1, 13)))
    assert {f"{split}_{kind}" for split in ("validation", "test") for kind in ("accuracy", "loss")} <= set(task.metrics)
    assert set(table.costs("digits")) == {"parameters", "flops", "activation_bytes", "latency_seconds"}
    assert (table.status("digits") != 0).all()
    assert table.check() == []


def test_it_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in shipped_tables().values()) <= 8e6


def test_its_ranks_are_reproducible(table):
    found = reliability(table, "digits")
    assert found.between_seeds > 0.7
    assert found.between_seeds_drawn > 0.75
    assert found.ties < 0.01


@pytest.mark.parametrize("row", [17, 4242])
def test_its_numbers_are_those_of_training_again(table, row):
    task = table.tasks["digits"]
    oracle = TrainingOracle.from_provenance(table.space, task.provenance, seeds=(0,))
    again = oracle.training(table.architectures[row], 0)
    recorded = {name: table.metric("digits", name)[row, 0] for name in ("train_loss", "validation_loss")}
    # Another machine, and companions, round sums otherwise; that grows over 132 steps. Another seed differs by 0.1.
    np.testing.assert_allclose(again.metrics["train_loss"][:3], recorded["train_loss"][:3], atol=0.02)
    np.testing.assert_allclose(again.metrics["validation_loss"][0], recorded["validation_loss"][0], atol=0.05)


def test_costs_are_those_of_the_networks(table):
    from tabular.training import Dataset, complexity, load_dataset

    digits: Dataset = load_dataset("digits")
    recipe = Recipe.from_toml(ROOT / "tables" / "nb201-digits.toml")
    assert Recipe.from_dict(table.tasks["digits"].provenance["recipe"]) == recipe
    for row in (0, 3000, 6465):
        for name, value in complexity(table.space, table.architectures[row], recipe, digits).items():
            assert table.cost("digits", name)[row] == value


@pytest.mark.parametrize("name", shipped_tables())
def test_the_card_in_the_docs_is_that_of_the_table(name):
    with Table.open(name) as table:
        assert table.check() == []
        assert (ROOT / "docs" / "tables" / f"{name}.md").read_text() == data_card(table) + "\n"


def test_a_sample_of_a_larger_space_is_there_to_hold_surrogates_against():
    """Different networks of 5 nodes; few of them are also cells of 4 nodes."""
    with Table.open("nb201-5nodes-digits") as sample, Table.open("nb201-digits") as small:
        assert sample.space == get_space(ROOT / "examples/nb201-5nodes.toml")
        assert (len(sample), sample.tasks["digits"].seeds) == (400, (0, 1, 2))
        assert len(np.unique(sample.canonical_keys)) == 400
        recipes = [Recipe.from_dict(each.tasks["digits"].provenance["recipe"]) for each in (sample, small)]
        assert recipes[0] == recipes[1]
        assert np.median(sample.cost("digits", "parameters")) > np.median(small.cost("digits", "parameters"))


def test_every_command_takes_its_name(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = json.loads(command("info", "nb201-digits", "--check", "--json").out)
    assert (told["rows"], told["problems"]) == (6466, [])
    assert command("card", "nb201-digits").out.startswith("# nb201-digits\n")
    compared = command(
        "compare", "nb201-digits", "--strategies", "random-search", "--runs", 3, "--budget", 20, "--out", "r.h5"
    )
    assert compared.code == 0, compared.err
    assert TableOracle("nb201-digits").name == "nb201-digits"


def test_a_file_of_that_name_comes_first(toy_table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nb201-digits").write_bytes(toy_table.read_bytes())
    with Table.open("nb201-digits") as table:
        assert table.space.name == "toy"


def test_a_name_that_is_none_is_refused_with_those_there_are(command):
    with pytest.raises(FileFormatError, match="nb201-digit: no such file"):
        Table.open("nb201-digit")
    refused = command("compare", "nb201-digit", "--budget", 20, "--out", "r.h5")
    assert refused.code == 2
    assert "or name one that comes with the package: nb201-5nodes-digits, nb201-digits" in refused.err

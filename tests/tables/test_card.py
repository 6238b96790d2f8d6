"""Data cards and what they tell of the reliability of ranks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from generation.tiny import DATASET, RECIPE, SPACE, load
from tabular import Table, generate, write_table
from tabular.card import data_card
from tabular.errors import QueryError, UnknownNameError
from tabular.reliability import kendall_tau, reliability


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of six seeds; so few images and epochs give many equal accuracies, so these are spread a little."""
    path = tmp_path_factory.mktemp("card") / "tiny.h5"
    generate(SPACE, RECIPE, DATASET, path, seeds=6)
    data, rng = load(path), np.random.default_rng(7)
    for name, values in data.tasks[0].metrics.items():
        if name.endswith("accuracy"):
            spread = np.linspace(0, 0.5, 9)[:, None, None] + rng.uniform(0, 0.1, values.shape)
            data.tasks[0].metrics[name] = (values / 4 + spread).astype(np.float32)
    write_table(path, data)
    return path


def rewritten(table, path, change):
    data = load(table)
    metrics = {name: values.copy() for name, values in data.tasks[0].metrics.items()}
    change(metrics)
    data.tasks[0].metrics = metrics
    write_table(path, data)
    return Table.open(path)


def test_ranks_that_all_seeds_share_are_fully_reliable(table, tmp_path):
    def agree(metrics):
        worth = np.linspace(0.1, 0.9, 9, dtype=np.float32)[:, None, None]
        for name in ("validation_accuracy", "test_accuracy", "validation_loss"):
            metrics[name][:] = worth if name.endswith("accuracy") else 1 - worth
        metrics["validation_accuracy"][:, :, 0] = worth[::-1, :, 0]

    found = reliability(rewritten(table, tmp_path / "t.h5", agree), "spots")
    assert (found.between_seeds, found.between_means, found.between_losses, found.validation_test) == (1, 1, 1, 1)
    assert found.between_seeds_drawn == pytest.approx(1)
    assert found.epoch_to_final == (-1, 1)
    assert (found.ties, found.seed_deviation) == (0, pytest.approx(0, abs=1e-7))
    np.testing.assert_allclose(found.quantiles, (0.1, 0.18, 0.5, 0.82, 0.9), rtol=1e-6)


def test_ranks_by_chance_are_not(table, tmp_path):
    rng = np.random.default_rng(0)

    def chance(metrics):
        metrics["validation_accuracy"][:] = rng.choice([0.25, 0.5], metrics["validation_accuracy"].shape)

    found = reliability(rewritten(table, tmp_path / "t.h5", chance), "spots")
    # Of 15 pairs of seeds, each with a deviation of a third: a mean beyond 0.4 comes once in 10^5.
    assert abs(found.between_seeds) < 0.4
    assert found.ties > 0.4
    # Fair coins between 0.25 and 0.5 deviate by 0.125.
    assert found.seed_deviation == pytest.approx(0.137, abs=0.03)


def test_architectures_with_a_diverged_training_are_left_out(table, tmp_path):
    data = load(table)
    data.tasks[0].status = data.tasks[0].status.copy()
    data.tasks[0].status[4, 2] = 2
    for name, values in data.tasks[0].metrics.items():
        data.tasks[0].metrics[name] = values.copy()
        if name != "train_seconds":
            data.tasks[0].metrics[name][4, 2, 1] = np.nan
    write_table(tmp_path / "t.h5", data)
    assert reliability(Table.open(tmp_path / "t.h5"), "spots").architectures == 8


def test_a_card_tells_what_the_table_holds(table):
    with Table.open(table) as opened:
        card, found = data_card(opened), reliability(opened, "spots")
        finals = opened.metric("spots", "validation_accuracy")[:, :, -1]
        best = SPACE.to_text(opened.architectures[int(finals.astype(np.float64).mean(axis=1).argmax())])
    assert card.startswith(
        "# tiny\n\n9 isomorphism classes of the space `tiny` (27 architectures), task `spots`: 6 seeds, 2 epochs"
    )
    assert "Trainings: 54 done, 0 diverged, 0 missing." in card
    assert f"| two seeds | {found.between_seeds:.3f} |" in card
    assert f"| two means of 3 seeds | {found.between_means:.3f} |" in card
    assert best.replace("|", r"\|") in card
    assert "| latency_seconds | second |" in card
    for line in card.splitlines():  # every table is one in Markdown too
        if line.startswith("| "):
            assert line.replace(r"\|", "").endswith(" |")


def test_what_has_no_card_is_named(table, toy_table, tmp_path):
    with Table.open(toy_table) as toy, pytest.raises(QueryError, match="does not record validation_loss"):
        data_card(toy)
    with (
        Table.open(table) as opened,
        pytest.raises(UnknownNameError, match="unknown task 'spot'; did you mean 'spots'"),
    ):
        data_card(opened, "spot")
    data = load(table)
    other = load(table).tasks[0]
    other.task = type(other.task)("dots", other.task.epochs, other.task.metrics, other.task.seeds)
    data.tasks.append(other)
    write_table(tmp_path / "two.h5", data)
    with Table.open(tmp_path / "two.h5") as two, pytest.raises(QueryError, match="several tasks, name one of"):
        data_card(two)


def test_the_command_prints_writes_and_gives_numbers(command, table, tmp_path):
    printed = command("card", table).out
    assert printed.startswith("# tiny\n")
    assert command("card", table, "--out", tmp_path / "card.md").code == 0
    assert (tmp_path / "card.md").read_text() == printed
    numbers = json.loads(command("card", table, "--json").out)
    with Table.open(table) as opened:
        assert numbers["between_seeds"] == pytest.approx(reliability(opened, "spots").between_seeds)


def test_a_row_counts_as_often_as_the_space_draws_it(table):
    with Table.open(table) as opened:
        finals = opened.metric("spots", "validation_accuracy")[:, :, -1]
        drawn = finals[opened.rows(SPACE.all())]
        taus = [kendall_tau(drawn[:, a], drawn[:, b]) for a in range(6) for b in range(a)]
        assert reliability(opened, "spots").between_seeds_drawn == pytest.approx(np.mean(taus))


def test_kendalls_tau_is_that_of_its_definition():
    assert kendall_tau(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(4 / 6)

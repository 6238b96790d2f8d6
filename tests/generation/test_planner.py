"""The planner and the budget: what is forecast, where a run ends, and that its table is that of a run without one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import tabular
from nasbench import CellSpace
from tabular import Table
from tabular.errors import BudgetError
from tabular.generation.engine import Job, WorkerContext
from tabular.generation.forecast import data_bytes, forecast
from tabular.generation.journal import JournalHeader, Record
from tabular.generation.local import LocalEngine
from tabular.generation.plan import Group
from tabular.generation.throughput import MARGIN, Deadline, measure
from tabular.layout import DONE, MISSING
from tabular.recipe import Recipe
from tabular.training import costs
from tabular.training.costs import complexity
from tabular.training.dataset import Dataset

SPACE = CellSpace("tiny", 3, ("none", "skip_connect", "nor_conv_3x3"))
RECIPE = Recipe(epochs=2, channels=2, stages=1, image_size=4, batch_size=8)
ENDLESS = 2_000
"""Seeds that no budget here suffices for."""


@pytest.fixture(autouse=True)
def _count_every_time(monkeypatch):
    """Let costs take their time, which is part of what is forecast."""
    monkeypatch.setattr(costs, "complexity", complexity)


def make_dataset(images=32):
    rng = np.random.default_rng(0)
    labels = np.arange(images) % 2
    values = rng.normal(labels[:, None, None, None], 1, (images, 1, 4, 4)).astype(np.float32)
    train, validation, test = np.split(np.arange(images), [images // 2, 3 * images // 4])
    return Dataset("spots", "spots", values, labels.astype(np.int64), train, validation, test)


DATASET = make_dataset()


def load(path):
    with Table.open(path) as table:
        assert table.check() == []
        return table.load()


def assert_same_trainings(found, whole):
    """Whatever one of two tables holds of the seeds of both, seconds excepted."""
    (a,), (b,) = found.tasks, whole.tasks
    seeds = [a.task.seeds.index(seed) for seed in b.task.seeds]
    done = a.status[:, seeds] == DONE
    assert done.any()
    for name in set(a.metrics) - {"train_seconds"}:
        np.testing.assert_array_equal(a.metrics[name][:, seeds][done], b.metrics[name][done], err_msg=name)
    return done


def generate_within(path, budget, **options):
    """Train for a budget, or a longer one where this machine is too busy for anything within it."""
    try:
        return tabular.generate(SPACE, RECIPE, DATASET, path, seeds=ENDLESS, budget=budget, **options), budget
    except BudgetError:
        if budget > 100:
            raise
        return generate_within(path, 3 * budget, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "t.h5"
    tabular.generate(SPACE, RECIPE, DATASET, path, seeds=1)
    return path


@pytest.mark.world
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_ends_inside_its_budget_with_a_valid_table(tmp_path, whole, jobs):
    path = tmp_path / "t.h5"
    summary, budget = generate_within(path, 4.0 if jobs == 1 else 20.0, jobs=jobs)
    assert summary.seconds <= budget
    assert summary.trained >= 9
    assert summary.left == 9 * ENDLESS - summary.trained
    data = load(path)
    status = data.tasks[0].status
    assert (status == DONE).sum() == summary.trained
    columns = (status != MISSING).sum(axis=0)
    assert list(columns) == sorted(columns, reverse=True), "one seed comes after the other"
    assert assert_same_trainings(data, load(whole)).all()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["t.h5"]


@pytest.mark.world
def test_the_same_call_goes_on_where_the_budget_ended(tmp_path):
    path = tmp_path / "t.h5"
    first, _ = generate_within(path, 4)
    second, _ = generate_within(path, 4)
    assert second.reused == first.trained
    assert second.trained > 0
    assert second.left == first.left - second.trained


def test_a_budget_that_suffices_changes_nothing(tmp_path, whole):
    path = tmp_path / "t.h5"
    summary = tabular.generate(SPACE, RECIPE, DATASET, path, seeds=1, budget=3600)
    assert (summary.trained, summary.left) == (9, 0)
    assert assert_same_trainings(load(path), load(whole)).all()
    again = tabular.generate(SPACE, RECIPE, DATASET, path, seeds=1, budget=1e-9)
    assert (again.trained, again.reused, again.left) == (0, 9, 0), "what is there needs no time"


def test_a_budget_for_nothing_names_the_least_and_loses_nothing(tmp_path, whole):
    path = tmp_path / "t.h5"
    path.write_bytes(whole.read_bytes())
    long = r"a budget of 0\.01 s is too short to train 9 networks for 2 epochs.*; give [1-9]\d* s or more"
    with pytest.raises(BudgetError, match=long):
        tabular.generate(SPACE, RECIPE, DATASET, path, seeds=2, budget=0.01)
    assert path.read_bytes() == whole.read_bytes()
    with pytest.raises(BudgetError, match=long):
        forecast(SPACE, RECIPE, DATASET, budget=0.01, patience=0)


@pytest.mark.parametrize("budget", [0, -5, math.nan, math.inf])
def test_a_budget_that_is_no_time_is_refused(tmp_path, budget):
    with pytest.raises(BudgetError, match=f"budget must be a number of seconds above 0, got {budget}"):
        tabular.generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", budget=budget)
    with pytest.raises(BudgetError, match=f"budget must be a number of seconds above 0, got {budget}"):
        forecast(SPACE, RECIPE, DATASET, budget=budget)
    assert list(tmp_path.iterdir()) == []


def test_the_deadline_learns_from_what_groups_take():
    now = [0.0]
    deadline = Deadline(100.0, expected=1.0, startup=5.0, clock=lambda: now[0])
    groups = [Group((2 * number, 2 * number + 1), 0) for number in range(50)]
    assert deadline.overrun(groups[0]) == 5 + MARGIN * 2 - 100
    begun = []
    for job in deadline.within(Job(group, ()) for group in groups):
        begun.append(now[0])
        now[0] += 35 if len(begun) == 1 else 10  # the first waits for its worker to start
        row = job.group.rows[0]
        deadline.ended([Record(row, 0, DONE, np.zeros((1, 1), np.float32), np.zeros(0))])
    # Ten seconds with a quarter more end in time up to 87.5; at 35 nothing but the 2.5 expected is known yet.
    assert begun == [0, 35, 45, 55, 65, 75, 85]
    assert now[0] <= 100


def workshop(folder, dataset=DATASET, recipe=RECIPE):
    header = JournalHeader({}, {}, ("validation_accuracy",), (1, 2), ())
    return WorkerContext(SPACE, SPACE.unique(), recipe, dataset, "cpu", folder, header)


def test_a_part_of_many_images_stands_for_all(tmp_path):
    """An epoch of 64 times the images takes many times as long, though only some of them are trained on."""
    groups = [Group((0, 4, 8), seed) for seed in range(2)]
    few, many = make_dataset(256), make_dataset(256 * 64)
    small = measure(workshop(tmp_path, few), groups, LocalEngine(1), seconds=0)
    large = measure(workshop(tmp_path, many), groups, LocalEngine(1), seconds=0)
    assert small.epoch.shape == (4,)
    ratio = np.median(large.epoch) / np.median(small.epoch)
    assert 10 < ratio < 400
    assert np.median(large.probing) < 64 * np.median(small.probing), "not all images were trained on"
    assert list(tmp_path.iterdir()) == []


def test_a_class_with_a_single_image_survives_taking_a_part(tmp_path):
    data = make_dataset(512)
    labels = data.labels.copy()
    labels[data.train[-1]] = 2
    rare = replace(data, labels=labels)
    assert measure(workshop(tmp_path, rare), [Group((8,), 0)], LocalEngine(1), seconds=0, least=1).epoch.shape == (1,)


def test_more_epochs_take_longer_and_costs_are_counted_once():
    two, eight = (
        forecast(SPACE, RECIPE.replace(epochs=epochs), make_dataset(2048), seeds=3, patience=0).options
        for epochs in (2, 8)
    )
    assert eight[0].seconds > two[0].seconds
    asked, one_seed, half = eight
    assert [each.name for each in eight] == ["as asked", "one seed", "half the epochs"]
    assert (asked.epochs, asked.seeds, asked.architectures) == (8, 3, 9)
    assert (one_seed.seeds, half.epochs) == (1, 4)
    assert one_seed.seconds < asked.seconds < 3 * one_seed.seconds
    assert half.seconds < asked.seconds
    assert all(each.fits and not each.picked and each.error >= 0 for each in eight)


def picked(options):
    (one,) = [each for each in options if each.picked]
    return one


def test_what_is_picked_keeps_epochs_then_architectures_then_seeds():
    data = make_dataset(512)
    enough = forecast(SPACE, RECIPE, data, seeds=2, budget=3600, patience=0)
    assert picked(enough.options) is enough.options[0]
    assert enough.options[0].fits

    # Budgets follow what this machine just took.
    asked = enough.options[0]
    budget = 60 + 20 * (asked.seconds + asked.error)
    seeds = forecast(SPACE, RECIPE, data, seeds=300_000, budget=budget, patience=0)
    one = picked(seeds.options)
    assert not seeds.options[0].fits
    assert (one.name, one.epochs, one.architectures) == ("fewer seeds", 2, 9)
    assert 1 < one.seeds < 300_000
    assert one.seconds + one.error <= budget

    larger = CellSpace("larger", 3, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"))
    epochs = 4000
    budget = forecast(larger, RECIPE.replace(epochs=epochs), data, seeds=1, patience=0).options[0].seconds / 2
    rows = forecast(larger, RECIPE.replace(epochs=epochs), data, seeds=3, budget=budget, patience=0)
    one = picked(rows.options)
    assert (one.name, one.epochs, one.seeds) == ("one seed, fewer architectures", epochs, 1)
    assert 1 <= one.architectures < len(larger.unique())
    half = rows.options[-1]
    assert (half.name, half.epochs, half.seeds) == ("half the epochs", epochs // 2, 1)
    assert half.architectures > one.architectures
    assert all(each.seconds + each.error <= budget for each in rows.options if each.fits)


def test_the_bytes_are_those_of_the_numbers_in_a_file(whole):
    with Table.open(whole) as table:
        stored = [table._file[name] for name in all_arrays(table._file)]
        size = sum(each.size * each.dtype.itemsize for each in stored)
    metrics = load(whole).tasks[0].metrics
    assert data_bytes(9, 1, 2, SPACE.length, len(metrics)) == size
    assert size < whole.stat().st_size < size + 50_000, "what HDF5 adds to a tiny table"


def test_a_file_of_many_trainings_is_about_as_large_as_its_numbers(whole, tmp_path):
    data = load(whole)
    (task,) = data.tasks
    rng = np.random.default_rng(0)
    epochs, seeds = tuple(range(1, 101)), tuple(range(50))
    noise = {name: np.sort(rng.random((9, 50, 100), dtype=np.float32)) for name in task.metrics}
    grown = replace(
        task,
        task=replace(task.task, epochs=epochs, seeds=seeds),
        metrics=noise,
        status=np.full((9, 50), DONE, dtype=np.uint8),
    )
    path = tmp_path / "t.h5"
    tabular.write_table(path, replace(data, tasks=[grown]))
    assert 0.6 < path.stat().st_size / data_bytes(9, 50, 100, SPACE.length, len(noise)) < 1.1


def test_what_a_killed_measurement_left_is_cleared(whole, tmp_path):
    path = tmp_path / "t.h5"
    path.write_bytes(whole.read_bytes())
    left = tmp_path / "t.h5.journal" / "measuring"
    left.mkdir(parents=True)
    (left / "1-2.journal").write_bytes(b"NASJRNL1")
    tabular.generate(SPACE, RECIPE, DATASET, path, seeds=1)
    assert [each.name for each in tmp_path.iterdir()] == ["t.h5"]


def all_arrays(file):
    found = {}

    def visit(name, item):
        if hasattr(item, "dtype") and item.shape:
            found[name] = item

    file.visititems(visit)
    return found


def test_mistakes_are_named():
    for options, message in (
        ({"seeds": 0}, "seeds must be 1 or more, got 0"),
        ({"limit": 0}, "limit must be 1 or more, got 0"),
        ({"jobs": 0}, "jobs must be 1 or more, got 0"),
    ):
        with pytest.raises(BudgetError, match=message):
            forecast(SPACE, RECIPE, DATASET, **options)


def test_with_a_limit_so_many_architectures_are_planned():
    found = forecast(SPACE, RECIPE, DATASET, seeds=1, limit=4, patience=0)
    assert found.options[0].architectures == 4
    assert found.together == 4

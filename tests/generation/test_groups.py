"""Which networks train together, and that nothing but the plan decides it."""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.tiny import DATASET, RECIPE, SPACE, assert_same_numbers, load, stop_after
from tabular import generate, write_table
from tabular.errors import BudgetError, PlanMismatchError
from tabular.generation.plan import drawn_rows, listed_networks, make_groups, networks_to_train
from tabular.layout import MISSING
from tabular.spaces import CellSpace, get_space

NETWORKS = SPACE.unique()


@given(
    st.integers(1, 30),
    st.lists(st.integers(1, 30), max_size=4),
    st.integers(1, 7),
    st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
)
def test_every_training_is_in_one_group(limit, others, together, seeds):
    networks = get_space("nb201").unique()[:30]
    groups = make_groups(networks, sorted({limit, *others}), limit, seeds, together)
    trainings = Counter((row, group.seed) for group in groups for row in group.rows)
    assert set(trainings.values()) == {1}
    assert set(trainings) == {(row, seed) for row in drawn_rows(30, limit).tolist() for seed in seeds}
    assert max(len(group.rows) for group in groups) <= together
    assert [group.seed for group in groups] == sorted((group.seed for group in groups), key=seeds.index)


@given(st.integers(1, 29), st.integers(1, 7))
def test_what_was_asked_for_first_keeps_its_groups_when_a_table_grows(first, together):
    networks = get_space("nb201").unique()[:30]
    before = make_groups(networks, [first], first, [0], together)
    after = make_groups(networks, [first, 30], 30, [0], together)
    assert set(before) <= set(after)


def test_a_smaller_draw_is_part_of_a_larger_one_and_covers_the_space_evenly():
    assert set(drawn_rows(1000, 10)) <= set(drawn_rows(1000, 300))
    # The mean of 300 of 0..999 deviates by 14 (one standard deviation); 5 of these fail once in two million.
    assert abs(drawn_rows(1000, 300).mean() - 499.5) < 5 * 14


def test_networks_of_a_group_share_more_operations_than_strangers():
    networks = get_space("nb201").unique()
    groups = make_groups(networks, [len(networks)], len(networks), [0], 6)
    alike = np.mean([(networks[list(group.rows)][1:] == networks[group.rows[0]]).mean() for group in groups])
    strangers = np.mean(networks[:-1] == networks[1:])
    assert alike > 0.6 > 2 * strangers


@pytest.fixture(scope="module")
def fused(tiny_table):
    return tiny_table(together=4)


def test_networks_that_trained_together_have_the_numbers_of_training_alone(fused, tiny_table):
    for name in ("train_loss", "validation_loss", "test_loss"):
        together, alone = (load(path).tasks[0].metrics[name] for path in (fused, tiny_table(together=1)))
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.world
def test_processes_and_interruptions_change_no_bit(fused, tmp_path):
    path = tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        generate(SPACE, RECIPE, DATASET, path, seeds=2, together=4, progress=stop_after(3, KeyboardInterrupt))
    assert 0 < (load(path).tasks[0].status != MISSING).sum() < 18
    summary = generate(SPACE, RECIPE, DATASET, path, seeds=2, jobs=2)  # how many train at once is known from the file
    assert summary.trained + summary.reused == 18
    assert summary.reused >= 3
    assert_same_numbers(path, fused)


def test_a_group_of_which_a_part_is_on_record_is_trained_whole_and_what_was_there_is_kept(fused, tmp_path):
    data = load(fused)
    task = data.tasks[0]
    task.status = task.status.copy()
    task.status[::2, 0] = MISSING
    for name, values in task.metrics.items():
        task.metrics[name] = values.copy()
        task.metrics[name][::2, 0] = np.nan
    write_table(tmp_path / "t.h5", data)
    assert generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=2).trained == 5
    assert_same_numbers(tmp_path / "t.h5", fused)
    kept, seconds = (load(path).tasks[0].metrics["train_seconds"] for path in (tmp_path / "t.h5", fused))
    np.testing.assert_array_equal(kept[1::2], seconds[1::2])


def test_another_number_of_networks_at_once_is_another_plan(fused, tmp_path):
    path = shutil.copy(fused, tmp_path)
    with pytest.raises(PlanMismatchError, match=r"t\.h5: was made with together = 4, asked for is 3"):
        generate(SPACE, RECIPE, DATASET, path, seeds=2, together=3)


def test_a_table_from_before_plans_named_it_was_trained_one_at_a_time(tiny_table, tmp_path):
    data = load(tiny_table(seeds=1, together=1))
    plan = data.tasks[0].task.provenance["plan"]
    del plan["together"], plan["portions"], plan["recipe"]["precision"]
    write_table(tmp_path / "t.h5", data)
    summary = generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=2)
    assert (summary.trained, summary.reused) == (9, 9)
    assert load(tmp_path / "t.h5").tasks[0].task.provenance["plan"]["together"] == 1


def test_a_space_too_large_to_be_listed_is_sampled_and_a_larger_limit_adds():
    large = CellSpace("large", 5, get_space("nb201").operations)
    networks = listed_networks(large)
    np.testing.assert_array_equal(networks, listed_networks(large))
    assert len(np.unique(large.canonical_key(networks))) == len(networks) > 30_000
    few, many = (set(drawn_rows(len(networks), networks_to_train(large, limit)[1])) for limit in (5, 9))
    assert few < many
    np.testing.assert_array_equal(listed_networks(SPACE), SPACE.unique())
    assert networks_to_train(SPACE, None)[1] == len(SPACE.unique())


@pytest.mark.parametrize("limit", [None, 1 << 20])
def test_a_space_too_large_to_be_trained_whole_asks_for_a_limit(limit):
    large = CellSpace("large", 5, get_space("nb201").operations)
    message = rf"space 'large' has 9,765,625 architectures, too many to train them all; give a limit .* got {limit}"
    with pytest.raises(BudgetError, match=message):
        networks_to_train(large, limit)

"""What a run charges: promotions, repeats, isomorphic architectures, and workers that want the same training."""

from dataclasses import replace

import numpy as np
import pytest

from nasbench import Proposal, Strategy
from nasbench.comparison import run
from nasbench.comparison.search_run import STALLED
from strategies import RandomSearch
from tabular import TableOracle
from tabular.measures import SECONDS


class Scripted(Strategy):
    """Asks for a list of (index, epochs), then has finished."""

    def __init__(self, space, script):
        self.space, self.left = space, list(script)

    def ask(self):
        if not self.left:
            return None
        index, epochs = self.left.pop(0)
        return Proposal(self.space.from_index(index), epochs)

    def tell(self, proposal, value, seconds):
        pass


def scripted(*script):
    return lambda space, *_: Scripted(space, script)


def test_promotion_continues_the_same_training_and_pays_the_difference(toy_oracle):
    row = toy_oracle.space.from_index(40)
    trials = run(scripted((40, 1), (40, 3), (40, 9)), toy_oracle, 100)
    assert trials.charged_epochs.tolist() == [1, 2, 6]
    seed = [s for s in (0, 1, 2) if toy_oracle.query(row, "validation_accuracy@1", seed=s) == trials.value[0]]
    assert len(seed) == 1
    curve = [toy_oracle.query(row, f"validation_accuracy@{e}", seed=seed[0]) for e in (1, 3, 9)]
    assert trials.value.tolist() == curve
    assert trials.finished[-1] == pytest.approx(toy_oracle.query(row, "train_seconds@9", seed=seed[0]))


def test_where_trainings_restart_a_longer_one_pays_in_full(toy_oracle):
    name, task = next(iter(toy_oracle.tasks.items()))
    oracle = TableOracle(toy_oracle.table)
    oracle.tasks = {name: replace(task, provenance={"restarts": True})}
    script = scripted((40, 1), (40, 3), (40, 3), (40, 9))
    trials = run(script, oracle, 100, repeats="cache")
    assert trials.charged_epochs.tolist() == [1, 3, 0, 9]
    assert trials.charged_seconds[3] > run(script, toy_oracle, 100, repeats="cache").charged_seconds[3]


def test_repeats_are_charged_as_new_trainings_or_cached_free(toy_oracle):
    again = scripted(*[(40, 9)] * 30)
    charged = run(again, toy_oracle, 100)
    assert (charged.charged_epochs == 9).all()
    assert (
        len(np.unique(charged.value)) == 3
    )  # 30 draws of 3 seeds miss one with chance 3 * (2/3)^30 < 2e-5; seed fixed
    cached = run(again, toy_oracle, 100, repeats="cache")
    assert cached.charged_epochs.tolist() == [9] + [0] * 29
    assert cached.value.tolist() == [charged.value[0]] * 30
    assert cached.finished[-1] == cached.finished[0]


def test_cache_serves_an_isomorphic_cell_with_the_training_it_has(toy_oracle):
    first, second = isomorphic_pair(toy_oracle)
    trials = run(scripted((first, 9), (second, 9)), toy_oracle, 100, repeats="cache")
    assert trials.value[0] == trials.value[1]
    assert trials.charged_epochs.tolist() == [9, 0]


def isomorphic_pair(oracle):
    keys = oracle.space.canonical_key(oracle.space.all())
    return (int(i) for i in np.flatnonzero(keys == keys[0])[:2])  # two of the cells through which nothing flows


def test_trial_names_the_architecture_that_its_value_is_of(toy_oracle):
    first, second = isomorphic_pair(toy_oracle)
    cached = run(scripted((first, 9), (second, 9)), toy_oracle, 100, repeats="cache")
    continued = run(scripted((first, 3), (second, 9)), toy_oracle, 100)
    for trials in (cached, continued):
        assert toy_oracle.space.index(trials.architectures).tolist() == [first, first]
    recorded = [toy_oracle.query(toy_oracle.space.from_index(first), seed=seed) for seed in (0, 1, 2)]
    assert continued.value[1] in recorded


def test_twins_of_a_rung_are_each_continued_and_the_better_one_first(toy_oracle):
    for seed in range(10):
        trials = run(scripted((40, 3), (40, 3), (40, 9), (40, 9)), toy_oracle, 100, seed=seed)
        assert trials.charged_epochs.tolist() == [3, 3, 6, 6]
        row = toy_oracle.space.from_index(40)
        full = {
            toy_oracle.query(row, "validation_accuracy@3", seed=s): toy_oracle.query(row, seed=s) for s in (0, 1, 2)
        }
        assert trials.value[2:].tolist() == [full[value] for value in sorted(trials.value[:2], reverse=True)]


def test_promotion_continues_the_same_drawing_of_a_network(toy_oracle):
    first, second = isomorphic_pair(toy_oracle)
    trials = run(scripted((first, 3), (second, 3), (second, 9), (first, 9)), toy_oracle, 100)
    assert toy_oracle.space.index(trials.architectures).tolist() == [first, second, second, first]
    assert trials.charged_epochs.tolist() == [3, 3, 6, 6]


def test_no_worker_is_served_a_training_before_it_is_done(toy_oracle):
    cached = run(scripted((40, 9), (40, 9)), toy_oracle, 100, repeats="cache", workers=2)
    assert cached.finished[0] == cached.finished[1] == cached.charged_seconds.sum() > 0
    continued = run(scripted((40, 3), (40, 9)), toy_oracle, 100, workers=2)
    np.testing.assert_allclose(continued.finished, np.cumsum(continued.charged_seconds))


def test_training_that_the_budget_cuts_short_is_served_to_nobody(toy_oracle):
    price = run(scripted((40, 9)), toy_oracle, 1).finished[0]
    short, long = (
        run(scripted((3, 1), (40, 9), (40, 9), (40, 9)), toy_oracle, f"{price * share}s", workers=2, repeats="cache")
        for share in (0.99, 1.01)
    )
    assert len(short) == 1
    assert len(long) == 4


def test_cached_repeats_are_free_in_every_unit(toy_oracle):
    again = scripted((40, 9), (40, 9), (40, 9), (3, 9), (7, 9))
    for budget in (2, "18ep"):
        trials = run(again, toy_oracle, budget, repeats="cache")
        assert trials.charged_epochs.tolist() == [9, 0, 0, 9]
        assert trials.clock("evaluations").tolist() == [1, 1, 1, 2]


def test_proposal_that_its_strategy_changes_later_is_recorded_as_it_was_asked(toy_oracle):
    class Reusing(Scripted):
        buffer = np.zeros(3, dtype=np.uint8)

        def ask(self):
            proposal = super().ask()
            if proposal is not None:
                self.buffer[:] = proposal.architecture
                proposal = Proposal(self.buffer, proposal.epochs)
            return proposal

    trials = run(lambda space, *_: Reusing(space, [(40, 9), (3, 9)]), toy_oracle, 2, workers=2)
    assert sorted(toy_oracle.space.index(trials.architectures).tolist()) == [3, 40]


def test_run_in_which_nothing_costs_anything_ends(free_oracle):
    assert len(run(RandomSearch, free_oracle, "10s")) == STALLED
    assert len(run(RandomSearch, free_oracle, 5)) == 5


@pytest.fixture
def free_oracle(toy_oracle):
    class Free:
        """The toy table without its seconds, as published tables often are."""

        name, space, tasks = toy_oracle.name, toy_oracle.space, toy_oracle.tasks

        def query(self, architectures, measure=None, *, seed=None, draw=None):
            answers = toy_oracle.query(architectures, measure, seed=seed, draw=draw)
            return answers * 0 if measure.metric == SECONDS else answers

    return Free()

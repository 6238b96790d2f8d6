"""Every space as Optuna's, and any oracle as the objective of a study."""

from __future__ import annotations

import logging
import math
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.comparison import run
from nasbench.interop.optuna import Objective
from nasbench.testing import StrategyConformance
from nasbench.testing.strategy import PlantedOracle
from search.few_ones import FewOnes
from strategies.foreign.optuna import OptunaSearch
from strategies.strategy import Proposal, Strategy
from tabular import TableOracle
from tabular.errors import InvalidArchitectureError, NasbenchError, QueryError, StrategyError, UnknownNameError
from tabular.spaces.named_choices import to_named
from tabular.spaces.optuna import architecture_of, distributions, known_trial, suggest
from tabular.spaces.registry import get_space, space_names

optuna = pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'nasbench[optuna]'")
optuna.logging.set_verbosity(optuna.logging.WARNING)
COMPLETE, PRUNED = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED


@pytest.fixture(scope="module")
def digits():
    return TableOracle("nb201-digits")


def studied(oracle, sampler, trials, pruner=None, **options):
    objective = Objective(oracle, **options)
    pruner = pruner or optuna.pruners.NopPruner()
    study = optuna.create_study(direction=objective.direction, sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=trials)
    return study


def story(study):
    return [(each.params, each.values, each.state, each.user_attrs, each.intermediate_values) for each in study.trials]


@pytest.fixture(scope="module", params=space_names())
def space(request):
    return get_space(request.param)


def test_distributions_are_the_choices(space):
    assert {name: each.choices for name, each in distributions(space).items()} == space.named_choices()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip(space, seed):
    row = space.sample(np.random.default_rng(seed))
    np.testing.assert_array_equal(architecture_of(space, known_trial(space, row, 0.5)), row)
    np.testing.assert_array_equal(suggest(space, optuna.trial.FixedTrial(to_named(space, row))), row)


def test_other_parameters_are_left_aside():
    space = get_space("nb201-mini")
    row = np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8)
    trial = optuna.trial.FixedTrial({**to_named(space, row), "learning_rate": 0.1})
    assert suggest(space, trial).tolist() == row.tolist()
    trial.suggest_float("learning_rate", 0.01, 1)
    assert architecture_of(space, trial).tolist() == row.tolist()


class TestObjective:
    def test_a_study_sees_one_training_at_every_epoch(self, toy_oracle):
        (trial,) = studied(toy_oracle, optuna.samplers.RandomSampler(seed=0), 1).trials
        row = architecture_of(toy_oracle.space, trial)
        trainings = [
            {epochs: toy_oracle.query(row, f"validation_accuracy@{epochs}", seed=seed) for epochs in (1, 3, 9)}
            for seed in (0, 1, 2)
        ]
        assert trial.intermediate_values in trainings
        assert trial.value == trial.intermediate_values[9]
        seed = trainings.index(trial.intermediate_values)
        assert trial.user_attrs["seconds"] == toy_oracle.query(row, "train_seconds@9", seed=seed)
        assert trial.user_attrs["epochs"] == 9

    def test_the_trainings_are_those_of_a_comparisons_run(self, digits):
        class Listed(Strategy):
            def ask(self):
                return Proposal(rows.pop(0), 12)

            def tell(self, proposal, value, seconds):
                pass

        space = digits.space
        drawn = list(space.sample(np.random.default_rng(4), 10))
        rows = [*drawn, *drawn, *drawn]
        study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
        for row in rows:
            study.enqueue_trial(to_named(space, row))
        study.optimize(Objective(digits, seed=5), n_trials=len(rows))
        trials = run(Listed, digits, 30, seed=5)
        np.testing.assert_array_equal([each.value for each in study.trials], trials.value)
        np.testing.assert_allclose([each.user_attrs["seconds"] for each in study.trials], trials.charged_seconds)
        values = np.array([each.value for each in study.trials]).reshape(3, 10)
        assert (values != values[0]).any(axis=0).sum() > 5, "a repeat is a new training"

    def test_the_mean_over_trainings(self, toy_oracle):
        study = studied(
            toy_oracle, optuna.samplers.RandomSampler(seed=0), 5, mean=True, measure="validation_accuracy@3"
        )
        for trial in study.trials:
            row = architecture_of(toy_oracle.space, trial)
            assert trial.value == toy_oracle.query(row, "validation_accuracy@3")
            assert trial.user_attrs["seconds"] == toy_oracle.query(row, "train_seconds@3")

    def test_direction_is_the_metrics(self, digits):
        loss = Objective(digits, "validation_loss@4")
        assert (loss.direction, Objective(digits).direction) == ("minimize", "maximize")
        assert repr(loss) == "<Objective: minimize digits/validation_loss@4 of nb201-digits, seed 0>"
        for wrong in {"direction": "maximize"}, {"directions": ["minimize", "minimize"]}:
            with pytest.raises(QueryError, match=r"is to minimize, the study is to (maximize|minimize and minimize); "):
                optuna.create_study(**wrong).optimize(loss, n_trials=1)

    def test_no_search_sees_test_metrics(self, digits):
        with pytest.raises(QueryError, match="digits/test_accuracy@12 is a test metric; a strategy may see validation"):
            Objective(digits, "test_accuracy")
        with pytest.raises(QueryError, match="an objective's seed is 0 or more, got -1"):
            Objective(digits, seed=-1)

    def test_a_divergence_is_the_worst(self, toy_oracle):
        space = toy_oracle.space
        row = space.all()[5]  # its second training diverged after one epoch
        found = [studied_row(toy_oracle, row, seed, optuna.pruners.NopPruner()) for seed in range(12)]
        diverged = [trial for trial in found if trial.value == -math.inf]
        assert 0 < len(diverged) < 12
        for trial in diverged:
            assert math.isnan(trial.intermediate_values[9])
            assert trial.user_attrs["seconds"] == toy_oracle.query(row, "train_seconds@9", seed=1)

    def test_an_oracle_that_lacks_the_training(self, toy_oracle):
        class Gaps:
            name, space, tasks = "gaps", toy_oracle.space, toy_oracle.tasks

            def query(self, architectures, measure, *, draw):
                return np.full(len(architectures), np.nan)

        with pytest.raises(QueryError, match=r"gaps: has no training of '.*'; an objective needs every architecture"):
            studied(Gaps(), optuna.samplers.RandomSampler(seed=0), 1)

    def test_a_training_that_restarts_is_reported_once(self, toy_oracle, monkeypatch):
        monkeypatch.setitem(toy_oracle.tasks["toy"].provenance, "restarts", True)
        study = studied(toy_oracle, optuna.samplers.RandomSampler(seed=0), 3)
        assert [list(trial.intermediate_values) for trial in study.trials] == [[9], [9], [9]]

    def test_what_the_space_does_not_admit_is_pruned(self):
        space = FewOnes(5)  # admits half of what is drawn
        study = studied(PlantedOracle(space, (1, 2)), optuna.samplers.RandomSampler(seed=0), 60)
        admitted = [trial for trial in study.trials if trial.state == COMPLETE]
        refused = [trial for trial in study.trials if trial.state == PRUNED]
        assert len(admitted) + len(refused) == 60
        assert min(len(admitted), len(refused)) > 15
        assert all("seconds" in trial.user_attrs for trial in admitted)
        assert all("seconds" not in trial.user_attrs for trial in refused)
        for trial in refused:
            assert trial.user_attrs["inadmissible"].endswith("ones, at most 5 are admitted")
            with pytest.raises(InvalidArchitectureError, match=r"of 'few-ones': .* ones, at most 5 are admitted"):
                architecture_of(space, trial)


def studied_row(oracle, row, seed, pruner):
    objective = Objective(oracle, seed=seed)
    study = optuna.create_study(direction=objective.direction, pruner=pruner)
    study.enqueue_trial(to_named(oracle.space, row))
    study.optimize(objective, n_trials=1)
    return study.trials[0]


class TestStudies:
    def test_tpe_finds_better_than_random(self, digits):
        def worth(sampler):
            studies = [studied(digits, sampler(seed=seed), 60, seed=seed) for seed in range(8)]
            return [digits.query(architecture_of(digits.space, each.best_trial)) for each in studies]

        assert np.mean(worth(optuna.samplers.TPESampler)) > np.mean(worth(optuna.samplers.RandomSampler)) + 0.005

    def test_median_pruner_prunes_the_bad_and_saves_their_cost(self, digits):
        pruner = optuna.pruners.MedianPruner()
        full = studied(digits, optuna.samplers.RandomSampler(seed=1), 80)
        study = studied(digits, optuna.samplers.RandomSampler(seed=1), 80, pruner)
        pruned = [trial for trial in study.trials if trial.state == PRUNED]
        assert 20 < len(pruned) < 75
        for trial in pruned:
            assert trial.last_step == trial.user_attrs["epochs"] < 12
        # Same parameters, same trainings: only their lengths differ.
        assert [trial.params for trial in study.trials] == [trial.params for trial in full.trials]
        would_be = [full.trials[trial.number].value for trial in pruned]
        assert np.mean(would_be) < np.mean([trial.value for trial in study.trials if trial.state == COMPLETE]) - 0.1
        spent, all_spent = (sum(trial.user_attrs["seconds"] for trial in each.trials) for each in (study, full))
        assert spent < 0.7 * all_spent

    @pytest.mark.parametrize("pruner", ["SuccessiveHalvingPruner", "HyperbandPruner"])
    def test_other_pruners_prune_too(self, digits, pruner):
        study = studied(digits, optuna.samplers.RandomSampler(seed=1), 30, getattr(optuna.pruners, pruner)())
        assert {trial.state for trial in study.trials} == {COMPLETE, PRUNED}

    def test_a_resumed_study_is_the_same(self, digits, tmp_path):
        def sampler():
            return optuna.samplers.TPESampler(seed=3)

        whole = studied(digits, sampler(), 24, optuna.pruners.MedianPruner(), seed=3)
        storage, kept = f"sqlite:///{tmp_path / 'study.db'}", sampler()
        for _ in range(3):
            part = optuna.create_study(
                storage=storage,
                study_name="s",
                load_if_exists=True,
                direction="maximize",
                sampler=kept,
                pruner=optuna.pruners.MedianPruner(),
            )
            part.optimize(Objective(digits, seed=3), n_trials=8)
        assert story(part) == story(whole)
        assert story(studied(digits, sampler(), 24, optuna.pruners.MedianPruner(), seed=4)) != story(whole)


class TestSearchConformance(StrategyConformance):
    strategy_class = OptunaSearch
    options = {"sampler": "RandomSampler"}  # noqa: RUF012 - as the suite has it
    guided = False
    test_finds_a_planted_optimum_sooner_than_chance = None  # takes half a minute; the next class has a smaller one


class TestSearch:
    def test_it_hears_what_it_is_told(self):
        oracle = PlantedOracle(get_space("nb201"), (1,))
        best = {
            sampler: np.mean(
                [run(partial(OptunaSearch, sampler=sampler), oracle, 60, seed=seed).value.max() for seed in range(6)]
            )
            for sampler in ("TPESampler", "RandomSampler")
        }
        assert best["TPESampler"] > best["RandomSampler"] + 0.05

    def test_it_stays_inside_a_constrained_space(self):
        trials = run(OptunaSearch, PlantedOracle(FewOnes(5), (1, 2)), 40, seed=0)
        assert FewOnes(5).is_valid(trials.architectures).all()

    def test_a_space_that_a_sampler_never_hits(self, monkeypatch):
        monkeypatch.setattr("strategies.foreign.optuna.TRIES", 0)
        trials = run(OptunaSearch, PlantedOracle(FewOnes(5), (1, 2)), 40, seed=0)
        assert FewOnes(5).is_valid(trials.architectures).all()
        assert len(np.unique(trials.architectures, axis=0)) > 10

    def test_a_sampler_of_ones_own(self):
        def sampler(seed):
            return optuna.samplers.TPESampler(seed=seed, multivariate=True)

        assert (
            len(run(partial(OptunaSearch, sampler=sampler), PlantedOracle(get_space("nb201"), (1,)), 20, seed=0)) == 20
        )

    def test_it_is_quiet(self, caplog):
        optuna.logging.set_verbosity(optuna.logging.INFO)
        optuna.logging.enable_propagation()
        try:
            with caplog.at_level(logging.INFO):
                OptunaSearch(get_space("nb201"), np.random.default_rng(0), [1])
            assert caplog.text == ""
            assert optuna.logging.get_verbosity() == optuna.logging.INFO
        finally:
            optuna.logging.disable_propagation()
            optuna.logging.set_verbosity(optuna.logging.WARNING)

    def test_mistakes_are_named(self):
        space, rng = get_space("nb201"), np.random.default_rng(0)
        with pytest.raises(
            UnknownNameError, match=r"unknown sampler 'TPESampling' of optuna\.samplers; did you mean 'TPES"
        ):
            OptunaSearch(space, rng, [1], sampler="TPESampling")
        with pytest.raises(StrategyError, match="PartialFixedSampler takes no seed; give a function"):
            OptunaSearch(space, rng, [1], sampler="PartialFixedSampler")


def test_without_the_library(monkeypatch, toy_oracle):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NasbenchError, match=r"need optuna \(.*\); pip install 'nasbench\[optuna\]'"):
        Objective(toy_oracle)

"""Optimizers of Nevergrad and SMAC as strategies, and strategies as a sampler of Optuna."""

from __future__ import annotations

import importlib
import logging
import math
import os
import random
import subprocess
import sys
import tempfile
from functools import partial
from typing import ClassVar

import numpy as np
import pytest

from nasbench.interop.optuna import Objective
from nasbench.testing.strategy import PlantedOracle, StrategyConformance, drive
from search.few_ones import FewOnes
from strategies import LocalSearch, RandomSearch, RegularizedEvolution, SuccessiveHalving
from strategies.foreign.global_state import GlobalState
from strategies.foreign.nevergrad import WORST, NevergradSearch
from strategies.foreign.optuna import OptunaSearch
from strategies.foreign.smac import SMACSearch
from strategies.strategy import MultiObjectiveStrategy, Proposal, Strategy
from tabular import TableOracle
from tabular.errors import NasbenchError, StrategyError, UnknownNameError
from tabular.spaces.cell import CellSpace
from tabular.spaces.named_choices import to_named
from tabular.spaces.optuna import distributions, suggest
from tabular.spaces.registry import get_space

NB201 = get_space("nb201")
RNG_STATES = "import random, numpy as np\nstate = repr((random.getstate(), np.random.get_state()))\n"


def needs(module):
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"{module} is not installed: see docs/interop.md"
    )


nevergrad_only, smac_only, optuna_only = needs("nevergrad"), needs("smac"), needs("optuna")


def states():
    return random.getstate(), repr(np.random.get_state())  # noqa: NPY002 - the global ones


def made(cls, space=NB201, seed=0, **options):
    return cls(space, np.random.default_rng(seed), (1, 2), **options)


def proposals(strategy, n, seed=0, **driving):
    oracle = PlantedOracle(strategy.space, strategy.fidelities, seed=seed)
    return [proposal.architecture.tolist() for proposal, _ in drive(strategy, oracle, n, **driving)]


def later_values(strategy, sign, n):
    """The true values, from the tenth on, of what a strategy asks for when it is told them with a sign."""
    oracle, values = PlantedOracle(NB201, strategy.fidelities, seed=3), []
    for _ in range(n):
        proposal = strategy.ask()
        values.append(oracle.query(proposal.architecture))
        strategy.tell(proposal, sign * values[-1], 1.0)
    return values[10:]


def elsewhere(program):
    """Run a program in a process of its own that has other hashes of texts, and return what it prints."""
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


class TestGlobalState:
    """The global generators, of which these tests are about."""

    @staticmethod
    def draw():
        return random.random(), np.random.rand()  # noqa: NPY002, S311

    def test_what_is_drawn_inside_is_not_seen_outside(self):
        before, lent = states(), GlobalState(5)
        found = []
        for _ in range(2):
            with lent:
                found.append(self.draw())
            assert states() == before
        python, numpy = random.Random(5), np.random.RandomState(5)  # noqa: S311
        assert found == [(python.random(), numpy.rand()) for _ in range(2)]

    def test_an_error_leaves_nothing_changed(self):
        before = states()

        def fail():
            with GlobalState(5):
                self.draw()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert states() == before


@nevergrad_only
class TestNevergradConformance(StrategyConformance):
    strategy_class = NevergradSearch
    # At 6 ms a trial these take minutes. What they look at is in the next class, on fewer trials.
    test_proposes_what_it_may = None
    test_same_seed_same_run_in_another_process = None
    test_draws_from_its_own_generator_only = None
    test_runs_side_by_side_do_not_mix = None
    test_finds_a_planted_optimum_sooner_than_chance = None


@nevergrad_only
class TestNevergrad:
    @pytest.mark.parametrize("space", [NB201, CellSpace("one", 3, ("none",)), FewOnes(3), get_space("transnas-macro")])
    @pytest.mark.parametrize("diverging", [0.3, 1.0])
    def test_proposes_what_it_may(self, space, diverging):
        assert len(proposals(made(NevergradSearch, space), 25, workers=7, diverging=diverging)) == 25

    def test_it_hears_what_it_is_told(self):
        later = [[later_values(made(NevergradSearch, seed=seed), sign, 50) for seed in range(2)] for sign in (1, -1)]
        assert np.mean(later[0]) > np.mean(later[1]) + 0.08

    @pytest.mark.world
    def test_the_same_run_in_another_process_which_moves_no_global_generator(self):
        program = (
            f"{RNG_STATES}from nasbench import get_space\n"
            "from strategies.foreign.nevergrad import NevergradSearch\n"
            "from nasbench.testing.strategy import PlantedOracle, drive\n"
            "space = get_space('nb201')\n"
            "search = NevergradSearch(space, np.random.default_rng(0), (1, 2))\n"
            "run = drive(search, PlantedOracle(space, (1, 2)), 30, workers=2, diverging=0.1)\n"
            "print([proposal.architecture.tolist() for proposal, _ in run])\n"
            "assert state == repr((random.getstate(), np.random.get_state())), 'importing Nevergrad moves them'"
        )
        assert elsewhere(program) == f"{proposals(made(NevergradSearch), 30, workers=2, diverging=0.1)}\n"

    def test_runs_side_by_side_do_not_mix(self):
        alone = [proposals(made(NevergradSearch, seed=seed), 30) for seed in (0, 1)]
        turns = zip(
            *(drive(made(NevergradSearch, seed=s), PlantedOracle(NB201, (1, 2)), 30) for s in (0, 1)), strict=True
        )
        together = [[proposal.architecture.tolist() for proposal, _ in each] for each in zip(*turns, strict=True)]
        assert together == alone

    @pytest.mark.parametrize("optimizer", ["NGOpt", "CMA", "TwoPointsDE"])
    def test_global_generators_are_neither_used_nor_moved(self, optimizer):
        found = []
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
            before = states()
            found.append(proposals(made(NevergradSearch, optimizer=optimizer), 25))
            assert states() == before
        assert found[0] == found[1]
        assert proposals(made(NevergradSearch, seed=1, optimizer=optimizer), 25) != found[0]

    def test_divergences_and_refusals_are_a_large_loss(self, monkeypatch):
        space = FewOnes(2)
        strategy = made(NevergradSearch, space)
        told = []
        monkeypatch.setattr(strategy._optimizer, "tell", lambda candidate, loss: told.append((candidate.value, loss)))
        proposal = strategy.ask()
        strategy.tell(proposal, -math.inf, 1.0)
        strategy.tell(strategy.ask(), 0.25, 1.0)
        assert [loss for _, loss in told if loss != WORST] == [-0.25]
        for values, loss in told:
            admitted = bool(space.is_valid(np.array(values)))
            assert admitted == (loss == -0.25 or list(values) == proposal.architecture.tolist())

    def test_a_space_that_an_optimizer_never_hits(self, monkeypatch):
        monkeypatch.setattr("strategies.foreign.nevergrad.TRIES", 0)
        found = proposals(made(NevergradSearch, FewOnes(3)), 15)
        assert FewOnes(3).is_valid(np.array(found)).all()
        assert len({tuple(row) for row in found}) > 10
        assert proposals(made(NevergradSearch, FewOnes(3), optimizer="SQP"), 5), "which hears only what it suggested"

    def test_mistakes_are_named(self):
        with pytest.raises(
            UnknownNameError, match=r"unknown optimizer 'TwoPointDE' of nevergrad\..*; did you mean 'TwoPointsDE'"
        ):
            made(NevergradSearch, optimizer="TwoPointDE")
        with pytest.raises(
            StrategyError, match=r"nevergrad: 'BO' with budget=None and workers=1 has nothing to suggest .*budget="
        ):
            proposals(made(NevergradSearch, optimizer="BO"), 1)
        with pytest.raises(StrategyError, match=r"nevergrad: 'RescaledCMA' with .* cannot be made \(.*budget must be"):
            made(NevergradSearch, optimizer="RescaledCMA")
        assert made(NevergradSearch, optimizer="RescaledCMA", budget=50).ask()
        for option in "workers", "budget":
            with pytest.raises(StrategyError, match=f"nevergrad: {option} must be a whole number of 1 or more; got 0"):
                made(NevergradSearch, **{option: 0})


@smac_only
class TestSMAC:
    """The suite takes half an hour at SMAC's pace: here is what it asks, on few trials."""

    @pytest.mark.parametrize("space", [NB201, CellSpace("one", 2, ("none",)), FewOnes(3)])
    @pytest.mark.parametrize("diverging", [0.3, 1.0])
    def test_proposes_what_it_may(self, space, diverging):
        assert len(proposals(made(SMACSearch, space, trials=40), 16, workers=3, diverging=diverging)) == 16

    @pytest.mark.world
    def test_the_same_run_in_another_process_with_nothing_left_behind(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
        (tmp_path / "temporary").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.chdir(tmp_path)
        before = states()
        here = proposals(made(SMACSearch, trials=32), 18, workers=2, diverging=0.1)
        assert states() == before
        program = (
            f"{RNG_STATES}from nasbench import get_space\n"
            "from strategies.foreign.smac import SMACSearch\n"
            "from nasbench.testing.strategy import PlantedOracle, drive\n"
            "space = get_space('nb201')\n"
            "search = SMACSearch(space, np.random.default_rng(0), (1, 2), trials=32)\n"
            "run = drive(search, PlantedOracle(space, (1, 2)), 18, workers=2, diverging=0.1)\n"
            "print([proposal.architecture.tolist() for proposal, _ in run])\n"
            "assert state == repr((random.getstate(), np.random.get_state()))"
        )
        assert elsewhere(program) == f"{here}\n"
        assert [path.name for path in tmp_path.rglob("*")] == ["temporary"]
        assert proposals(made(SMACSearch, trials=32, seed=1), 5) != here[:5]

    def test_it_hears_what_it_is_told(self):
        later = [later_values(made(SMACSearch, trials=40), sign, 30) for sign in (1, -1)]
        assert np.mean(later[0]) > np.mean(later[1]) + 0.08, "after a Sobol design of ten comes its model"

    def test_an_exhausted_space_is_drawn_from(self):
        space = CellSpace("nine", 2, ("none", "skip_connect", "nor_conv_1x1"))
        found = proposals(made(SMACSearch, space, facade="random"), 12)
        assert len({tuple(row) for row in found[:3]}) == 3, "no row comes twice before all have come"
        assert len(found) == 12

    def test_divergences_are_as_bad_as_the_worst(self, monkeypatch):
        strategy = made(SMACSearch, facade="random")
        told = []
        monkeypatch.setattr(strategy, "_tell", lambda _, cost, seconds: told.append((cost, seconds)))
        for value, seconds in ((-math.inf, 1.0), (-2.0, 2.0), (3.0, 3.0), (-math.inf, 4.0)):
            strategy.tell(strategy.ask(), value, seconds)
        assert told == [(2.0, 2.0), (2.0, 1.0), (-3.0, 3.0), (2.0, 4.0)]

    def test_it_is_quiet(self, caplog, capfd):
        logger = logging.getLogger("smac")
        level = logger.level
        with caplog.at_level(logging.DEBUG):
            proposals(made(SMACSearch, CellSpace("few", 2, ("none", "skip_connect")), facade="random"), 6)
        assert [record for record in caplog.records if record.name.startswith("smac")] == []
        assert capfd.readouterr() == ("", "")
        assert logger.level == level

    def test_mistakes_are_named(self):
        with pytest.raises(
            UnknownNameError, match="unknown facade 'black-box' of strategy 'smac3'; did you mean 'blackbox'"
        ):
            made(SMACSearch, facade="black-box")
        with pytest.raises(StrategyError, match="smac3: trials must be a whole number of 1 or more; got 0"):
            made(SMACSearch, trials=0)


@pytest.mark.parametrize(
    ("library", "cls"), [("nevergrad", NevergradSearch), ("smac", SMACSearch), ("optuna", OptunaSearch)]
)
def test_without_the_library(monkeypatch, library, cls):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(NasbenchError, match=rf"need {library} \(.*\); pip install 'nasbench\[{library}\]'"):
        made(cls)


def test_their_names_and_family():
    for cls, name in ((NevergradSearch, "nevergrad"), (SMACSearch, "smac3"), (OptunaSearch, "optuna")):
        assert (cls.name, cls.family, cls.multi_fidelity) == (name, "foreign", False)
        assert cls.paper


@optuna_only
class TestOptunaOfSeveralObjectives:
    @pytest.mark.parametrize("sampler", ["TPESampler", "NSGAIISampler"])
    def test_it_weighs_them(self, sampler):
        def told(strategy, n=150):
            found = []
            for number in range(n):
                proposal = strategy.ask()
                first, second = (proposal.architecture == choice for choice in (0, 1))
                values = np.array([first.sum(), second.sum()], dtype=float)
                strategy.tell_objectives(proposal, values if number % 10 else values - np.inf, 0.0, 1.0)
                found.append(values.sum())
            return np.array(found)

        found = told(made(OptunaSearch, sampler=sampler, objectives=2))
        # A random row has 6 * 2/5 = 2.4 choices that either objective counts; the trade-offs have all 6.
        assert found[:10].mean() < 3.5
        assert found[-30:].mean() > 4

    def test_of_more_it_sees_the_first_and_a_broken_constraint_as_a_divergence(self):
        strategy = made(OptunaSearch)
        for violation in (0.0, 0.5):
            strategy.tell_objectives(strategy.ask(), np.array([0.5, 7.0]), violation, 1.0)
        assert [trial.value for trial in strategy._study.trials] == [0.5, -math.inf]

    def test_mistakes_are_named(self):
        with pytest.raises(StrategyError, match="optuna: objectives must be a whole number of 1 or more; got 0"):
            made(OptunaSearch, objectives=0)
        strategy = made(OptunaSearch, objectives=2)
        with pytest.raises(StrategyError, match="optuna: made with objectives=2, but the comparison has 1"):
            strategy.tell(strategy.ask(), 0.5, 1.0)


class Listed(Strategy):
    """Proposes rows of a list, waits at None, and notes what it is told."""

    name = "listed"
    rows: ClassVar = []

    def __init__(self, space, rng, fidelities):
        super().__init__(space, rng, fidelities)
        self.left, self.told = list(self.rows), []

    def ask(self):
        row = self.left.pop(0) if self.left else None
        return None if row is None else Proposal(np.array(row, dtype=np.uint8), self.fidelities[-1])

    def tell(self, proposal, value, seconds):
        self.told.append((proposal.architecture.tolist(), value, seconds))


class Weighing(MultiObjectiveStrategy):
    name = "weighing"
    ask = RandomSearch.ask
    told: ClassVar = []

    def tell_objectives(self, proposal, values, violation, seconds):
        self.told.append((values.tolist(), violation))


def following(*rows):
    return type("Following", (Listed,), {"rows": rows})


@optuna_only
class TestStrategySampler:
    @pytest.fixture(autouse=True)
    def _quiet(self):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)

    @staticmethod
    def sampler(strategy, space=NB201, **options):
        from nasbench.interop.optuna_sampler import StrategySampler

        return StrategySampler(space, strategy, **options)

    @staticmethod
    def study(sampler, *directions):
        import optuna

        return optuna.create_study(
            directions=directions or ["maximize"], sampler=sampler, pruner=optuna.pruners.NopPruner()
        )

    @pytest.mark.parametrize(
        "strategy", [RegularizedEvolution, LocalSearch, partial(RegularizedEvolution, population=5, sample=2)]
    )
    def test_a_study_is_a_run_of_the_strategy(self, strategy):
        oracle = TableOracle("nb201-digits")
        study = self.study(self.sampler(strategy, seed=7))
        study.optimize(Objective(oracle), n_trials=40)
        alone = strategy(NB201, np.random.default_rng(7), (1,))
        for trial in study.trials:
            proposal = alone.ask()
            assert trial.params == to_named(NB201, proposal.architecture)
            alone.tell(proposal, trial.value, trial.user_attrs["seconds"])

    @pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
    def test_the_direction_counts_and_failures_are_divergences(self, direction, sign):
        import optuna

        rows = [[place] * 6 for place in range(5)]
        study = self.study(self.sampler(following(*rows)), direction)

        def objective(trial):
            row = suggest(NB201, trial)
            if row[0] == 1:
                raise optuna.TrialPruned
            if row[0] == 2:
                raise ValueError("training failed")
            trial.set_user_attr("seconds", 10.0 * row[0])
            return math.nan if row[0] == 3 else float(row[0])

        study.optimize(objective, n_trials=5, catch=ValueError)
        told = study.sampler.strategy.told
        assert [(row, value) for row, value, _ in told] == [
            (rows[0], 0.0),
            (rows[1], -math.inf),
            (rows[2], -math.inf),
            (rows[3], -math.inf),
            (rows[4], 4.0 * sign),
        ]
        assert told[4][2] == 40
        assert 0 < told[1][2] < 5, "else it is what the trial took"

    def test_enqueued_trials_go_by_the_strategy(self):
        rows = [[0] * 6, [1] * 6]
        study = self.study(self.sampler(following(*rows)))
        study.enqueue_trial(to_named(NB201, np.full(6, 4, dtype=np.uint8)))
        study.optimize(lambda trial: float(suggest(NB201, trial)[0]), n_trials=3)
        assert [trial.value for trial in study.trials] == [4, 0, 1]
        assert [value for _, value, _ in study.sampler.strategy.told] == [0, 1]

    def test_other_parameters_are_drawn_at_random(self):
        study = self.study(self.sampler(RegularizedEvolution))

        def objective(trial):
            suggest(NB201, trial)
            return trial.suggest_float("learning_rate", 0, 1)

        study.optimize(objective, n_trials=20)
        assert np.std([trial.value for trial in study.trials]) > 0.1

    def test_a_strategy_that_waits_lets_random_trials_by(self):
        study = self.study(self.sampler(following([0] * 6, None, [1] * 6)))
        first, second = (study.ask(distributions(NB201)) for _ in range(2))
        assert suggest(NB201, first).tolist() == [0] * 6
        study.tell(second, 0.25)
        study.tell(first, 0.5)
        assert [value for _, value, _ in study.sampler.strategy.told] == [0.5]
        with pytest.raises(StrategyError, match="<StrategySampler: Following over nb201> has nothing more to propose"):
            self.study(self.sampler(following())).ask(distributions(NB201))

    def test_several_jobs(self):
        study = self.study(self.sampler(partial(RegularizedEvolution, population=5, sample=2)))
        study.optimize(Objective(TableOracle("nb201-digits")), n_trials=30, n_jobs=4)
        assert len(study.sampler.strategy._values) == 5
        assert study.sampler._under_way == {}

    def test_several_objectives(self):
        study = self.study(self.sampler(Weighing), "maximize", "minimize")
        study.optimize(lambda trial: (float(suggest(NB201, trial)[0]), 2.0), n_trials=2)
        assert study.sampler.strategy.told == [([trial.values[0], -2.0], 0.0) for trial in study.trials]
        with pytest.raises(StrategyError, match="the study has 2 objectives, random-search weighs one"):
            self.study(self.sampler(RandomSearch), "maximize", "minimize").ask(distributions(NB201))

    def test_strategies_of_several_fidelities_are_refused(self):
        for strategy in (SuccessiveHalving, partial(SuccessiveHalving, eta=2)):
            with pytest.raises(StrategyError, match="StrategySampler: successive-halving decides for how many epochs"):
                self.sampler(strategy)

    def test_an_objective_of_other_choices_is_told(self):
        study = self.study(self.sampler(following([0] * 6)))

        def objective(trial):
            return float(trial.suggest_categorical("edge_0_1", NB201.operations) == "none")

        with pytest.raises(StrategyError, match=r"trial 0 was to have edge_0_2=.* and has None; let the objective sug"):
            study.optimize(objective, n_trials=1)

    def test_a_pruned_trial_is_a_divergence(self):
        import optuna

        sampler = self.sampler(partial(RegularizedEvolution, population=60, sample=5))
        study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner())
        study.optimize(Objective(TableOracle("nb201-digits")), n_trials=40)
        pruned = [trial.state.name == "PRUNED" for trial in study.trials]
        assert 5 < sum(pruned) < 35
        assert [value == -math.inf for value in sampler.strategy._values] == pruned

    def test_without_optuna(self):
        program = (
            "import sys\nsys.modules['optuna'] = None\n"
            "try:\n    import nasbench.interop.optuna_sampler\n"
            "except Exception as error:\n    print(type(error).__name__, error)"
        )
        assert elsewhere(program).startswith("NasbenchError Optuna's samplers need optuna (")

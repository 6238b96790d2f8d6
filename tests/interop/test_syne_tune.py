"""A table as a blackbox of the real Syne Tune, and its schedulers on it in simulated time."""

from __future__ import annotations

import dataclasses
import logging
import sys

import numpy as np
import pytest

from nasbench.interop.syne_tune import ELAPSED_TIME, FIDELITY, blackbox
from tabular import Table, TableData, TableOracle, write_table
from tabular.errors import NasbenchError, QueryError, UnknownNameError
from tabular.spaces.named_choices import from_named, to_named

NOT_TRAINED, DIVERGED = 7, 5


@pytest.fixture(scope="module")
def syne_tune(tmp_path_factory):
    reason = "Syne Tune is not installed: pip install 'nasbench[syne-tune]', then pip install --no-deps syne-tune"
    library = pytest.importorskip("syne_tune", reason=reason)
    pytest.importorskip("syne_tune.blackbox_repository", reason=reason)
    logging.getLogger("syne_tune").setLevel(logging.WARNING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNETUNE_FOLDER", str(tmp_path_factory.mktemp("syne-tune")))
        yield library


@pytest.fixture(scope="module")
def table():
    with Table.open("nb201-digits") as opened:
        yield opened


@pytest.fixture(scope="module")
def digits(syne_tune, table):
    return blackbox(table, "digits")


@pytest.fixture
def toy(toy_table):
    with Table.open(toy_table) as opened:
        yield opened


@pytest.fixture
def holed(toy, tmp_path):
    """The toy table without one training of one architecture."""
    data = toy.load()
    (task,) = data.tasks
    metrics = {name: values.copy() for name, values in task.metrics.items()}
    status = task.status.copy()
    status[NOT_TRAINED, 2] = 0
    for values in metrics.values():
        values[NOT_TRAINED, 2] = np.nan
    path = tmp_path / "holed.h5"
    tasks = [dataclasses.replace(task, metrics=metrics, status=status)]
    write_table(path, TableData(data.space, data.architectures, data.represents, tasks))
    with Table.open(path) as opened:
        yield opened


def simulate(syne_tune, black, scheduler, trials=60, seed=0):
    """Run a scheduler with four simulated workers; return one row a reported epoch."""
    from syne_tune.backend.simulator_backend.simulator_backend import SimulatorConfig
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.blackbox_repository import UserBlackboxBackend
    from syne_tune.experiments import load_experiment

    backend = UserBlackboxBackend(
        black,
        elapsed_time_attr=ELAPSED_TIME,
        seed=seed,
        tuner_sleep_time=0.001,
        simulator_config=SimulatorConfig(0, 0, 0, 0, 0),
    )
    tuner = syne_tune.Tuner(
        backend,
        scheduler,
        stop_criterion=syne_tune.StoppingCriterion(max_num_trials_finished=trials),
        n_workers=4,
        sleep_time=0,
        callbacks=[SimulatorCallback()],
        save_tuner=False,
    )
    tuner.run()
    return load_experiment(tuner.name).results


class TestBlackbox:
    def test_every_drawing_has_the_numbers_of_its_network(self, table, digits):
        space, oracle = table.space, TableOracle(table)
        assert type(digits).__name__ == "BlackboxTabular"
        assert digits.objectives_evaluations.shape == (15_625, 3, 12, len(digits.objectives_names))
        assert list(digits.fidelity_values) == list(range(1, 13))
        for row in space.sample(np.random.default_rng(0), 20):
            configuration = to_named(space, row)
            for seed in (0, 1, 2):
                for epochs in (1, 12):
                    answer = digits.objective_function(configuration, {FIDELITY: epochs}, seed=seed)
                    for name in ("validation_accuracy", "validation_loss", "train_accuracy", "train_seconds"):
                        assert answer[name] == np.float32(oracle.query(row, f"{name}@{epochs}", seed=seed))
            held = int(table.rows(row[None])[0])
            assert answer["parameters"] == np.float32(table.cost("digits", "parameters")[held])

    def test_its_space_is_the_tables(self, table, digits):
        for _ in range(20):
            configuration = {name: domain.sample() for name, domain in digits.configuration_space.items()}
            assert table.space.is_valid(from_named(table.space, configuration))
            digits.objective_function(configuration, seed=0)

    def test_no_scheduler_is_told_test_metrics(self, table, digits):
        assert not [name for name in digits.objectives_names if name.startswith("test")]
        with pytest.raises(QueryError, match="test_accuracy is a test metric; a scheduler may see validation only"):
            blackbox(table, "digits", metrics=["validation_accuracy", "test_accuracy"])

    def test_only_what_was_asked_for(self, syne_tune, toy):
        black = blackbox(toy, "toy", metrics=["validation_accuracy"])
        assert black.objectives_names == ["validation_accuracy", "train_seconds"]
        assert list(black.fidelity_values) == [1, 3, 9]

    def test_a_divergence_ranks_last_or_stays_nan(self, syne_tune, toy):
        configuration = to_named(toy.space, toy.architectures[DIVERGED])
        worst, nan = (blackbox(toy, "toy", diverged=way) for way in ("worst", "nan"))
        for epochs, expected in ((3, -np.inf), (9, -np.inf)):
            answer = worst.objective_function(configuration, {FIDELITY: epochs}, seed=1)
            assert answer["validation_accuracy"] == expected
            assert answer["train_seconds"] == toy.metric("toy", "train_seconds")[DIVERGED, 1, 0]
            assert np.isnan(nan.objective_function(configuration, {FIDELITY: epochs}, seed=1)["validation_accuracy"])
        before = worst.objective_function(configuration, {FIDELITY: 1}, seed=1)["validation_accuracy"]
        assert before == toy.metric("toy", "validation_accuracy")[DIVERGED, 1, 0]
        assert np.isinf(worst.objectives_evaluations).sum() == 2

    def test_what_was_not_trained_is_not_there(self, syne_tune, holed):
        black = blackbox(holed, "toy")
        assert len(black.hyperparameters) == len(holed) - 1
        with pytest.raises(ValueError, match="not present in available evaluations"):
            black.objective_function(to_named(holed.space, holed.architectures[NOT_TRAINED]), seed=0)
        black.objective_function(to_named(holed.space, holed.architectures[NOT_TRAINED + 1]), seed=2)
        assert not np.isnan(black.objectives_evaluations).any()

    def test_trainings_that_restart_have_one_fidelity(self, syne_tune, toy, monkeypatch):
        monkeypatch.setitem(toy.tasks["toy"].provenance, "restarts", True)
        black = blackbox(toy, "toy")
        assert list(black.fidelity_values) == [9]
        answer = black.objective_function(to_named(toy.space, toy.architectures[0]), {FIDELITY: 9}, seed=0)
        assert answer["validation_accuracy"] == toy.metric("toy", "validation_accuracy")[0, 0, -1]

    def test_a_surrogate_can_be_put_on_it(self, syne_tune, holed):
        from sklearn.neighbors import KNeighborsRegressor
        from syne_tune.blackbox_repository import add_surrogate

        black = blackbox(holed, "toy", diverged="nan")
        guessing = add_surrogate(black, KNeighborsRegressor(n_neighbors=3))
        curve = guessing.objective_function(to_named(holed.space, holed.architectures[NOT_TRAINED]))
        assert curve.shape == (3, len(black.objectives_names))
        assert (np.diff(curve[:, black.objectives_names.index("train_seconds")]) > 0).all()


class TestSchedulers:
    def test_random_search_costs_what_the_table_says(self, syne_tune, table, digits):
        from syne_tune.optimizer.baselines import RandomSearch

        scheduler = RandomSearch(
            digits.configuration_space, metrics=["validation_accuracy"], do_minimize=False, random_seed=0
        )
        results = simulate(syne_tune, digits, scheduler, seed=1)
        oracle = TableOracle(table)
        done = results[results[FIDELITY] == 12]
        assert len(done) >= 60
        for _, trial in done.iterrows():
            row = from_named(table.space, {name: trial[f"config_{name}"] for name in digits.configuration_space})
            assert trial["validation_accuracy"] == pytest.approx(oracle.query(row, seed=1))
            seconds = 0
            for epochs in digits.fidelity_values:  # the simulator counts no epoch as less than 0.01 s
                seconds = max(seconds + 0.01, oracle.query(row, f"train_seconds@{epochs}", seed=1))
            assert trial["train_seconds"] == pytest.approx(seconds)
        # Four workers at a time; the simulator adds what the scheduler took to decide.
        assert results["st_tuner_time"].max() > 0.9 * done["train_seconds"].sum() / 4

    def test_asha_stops_the_bad_and_saves_their_cost(self, syne_tune, digits):
        from syne_tune.optimizer.baselines import ASHA

        scheduler = ASHA(
            digits.configuration_space,
            metric="validation_accuracy",
            do_minimize=False,
            time_attr=FIDELITY,
            max_t=12,
            random_seed=0,
        )
        results = simulate(syne_tune, digits, scheduler)
        last = results.groupby("trial_id")[FIDELITY].max()
        at_first = results[results[FIDELITY] == 1].set_index("trial_id")["validation_accuracy"]
        assert set(last) >= {1, 3, 12}
        assert last.mean() < 6
        assert at_first[last[last == 12].index].mean() > at_first[last[last == 1].index].mean()

    def test_evolution_learns_from_it(self, syne_tune, digits):
        from syne_tune.optimizer.baselines import REA

        scheduler = REA(
            digits.configuration_space,
            metric="validation_accuracy",
            do_minimize=False,
            random_seed=0,
            population_size=20,
            sample_size=5,
        )
        results = simulate(syne_tune, digits, scheduler, 120)
        done = results[results[FIDELITY] == 12].sort_values("trial_id")["validation_accuracy"]
        assert done[-40:].mean() > done[:20].mean() + 0.1


class TestMistakes:
    def test_names(self, toy):
        with pytest.raises(UnknownNameError, match="unknown task 'toys'; did you mean 'toy'"):
            blackbox(toy, "toys")
        with pytest.raises(UnknownNameError, match="unknown metric 'validation_acuracy' of task 'toy'; did you mean"):
            blackbox(toy, "toy", metrics=["validation_acuracy"])
        with pytest.raises(UnknownNameError, match="unknown way to show what diverged 'zero'; known: worst, nan"):
            blackbox(toy, "toy", diverged="zero")

    def test_no_clock(self, toy, monkeypatch):
        monkeypatch.delitem(toy.tasks["toy"].metrics, "train_seconds")
        with pytest.raises(QueryError, match="has no 'train_seconds'; the simulated clock needs it"):
            blackbox(toy, "toy")

    def test_nothing_complete(self, syne_tune, toy, monkeypatch):
        hidden = np.full(toy.metric("toy", "train_seconds").shape, np.nan)
        monkeypatch.setitem(toy._arrays, "tasks/toy/metrics/train_seconds", hidden)
        with pytest.raises(QueryError, match="task 'toy' has no architecture with all of its trainings; finish the"):
            blackbox(toy, "toy")

    def test_without_the_library(self, toy, monkeypatch):
        for name in [name for name in sys.modules if name.partition(".")[0] == "syne_tune"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "syne_tune", None)
        with pytest.raises(
            NasbenchError, match=r"--no-deps syne-tune, need syne_tune \(.*\); pip install 'nasbench\[syne-tune\]'$"
        ):
            blackbox(toy, "toy")

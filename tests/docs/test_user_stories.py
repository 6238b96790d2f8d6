"""What a user writes, in the fewest lines: each test is a short program that works as it stands."""

import numpy as np

from nasbench import CellSpace, Proposal, Strategy
from nasbench.analysis import save_figure
from nasbench.comparison import Results, compare, summarise, verify
from strategies import RandomSearch
from surrogates import SurrogateOracle, fit_surrogate
from tabular import Table, TableOracle, generate
from tabular.training import Recipe, TrainingOracle, load_dataset


def test_declare_a_space_generate_a_table_open_it_and_query_it(tmp_path):
    space = CellSpace("mine", nodes=3, operations=("skip_connect", "nor_conv_3x3"))
    generate(space, Recipe(epochs=2, channels=2), load_dataset("digits"), tmp_path / "mine.h5", seeds=2)

    oracle = TableOracle(tmp_path / "mine.h5")
    cell = space.from_text("|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|")
    accuracy = oracle.query(cell, "test_accuracy@2")  # the mean over seeds
    first = oracle.query(cell, "test_accuracy@2", seed=0)
    everything = oracle.query(space.all(), "test_accuracy@2")

    assert 0 <= accuracy <= 1
    assert accuracy == np.mean([first, oracle.query(cell, "test_accuracy@2", seed=1)])
    assert everything.shape == (8,)
    assert everything[space.index(cell)] == accuracy


class MutateTheBest(Strategy):
    """Trains a random neighbour of the best architecture so far."""

    def __init__(self, space, rng, fidelities):
        super().__init__(space, rng, fidelities)
        self.best, self.best_value = space.sample(rng), -np.inf

    def ask(self):
        return Proposal(self.space.mutate(self.best, self.rng), self.fidelities[-1])

    def tell(self, proposal, value, seconds):
        if value > self.best_value:
            self.best, self.best_value = proposal.architecture, value


def test_write_a_strategy_and_compare_it(toy_table, tmp_path):
    oracle = TableOracle(toy_table)
    results = compare({"mine": MutateTheBest, "random": RandomSearch}, oracle, budget="100s", runs=20)
    results.save(tmp_path / "results.h5")
    save_figure(results, tmp_path / "regret.pdf")

    table = {row.strategy: row for row in summarise(Results.load(tmp_path / "results.h5"))}
    assert table["optimum"].report >= table["mine"].report > table["random architecture"].report
    assert set(results.to_frame().strategy) == {"mine", "random"}
    assert (tmp_path / "regret.pdf").stat().st_size > 0


def test_fit_a_surrogate_and_load_it(toy_table, tmp_path):
    surrogate = fit_surrogate(Table.open(toy_table), options={"members": 2, "trees": 20})
    surrogate.save(tmp_path / "model")

    oracle = SurrogateOracle(tmp_path / "model")
    cells = oracle.space.sample(np.random.default_rng(0), 5)
    mean, spread = oracle.query(cells), oracle.spread(cells)

    assert mean.shape == spread.shape == (5,)
    assert surrogate.scorecard.rows()[0]["measure"] == "toy/validation_accuracy@1"
    assert compare({"mine": MutateTheBest}, oracle, budget=10, runs=2).reference.best >= mean.max()


def test_train_for_real_what_the_strategies_found(tmp_path):
    space = CellSpace("mine", nodes=2, operations=("skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    recipe, digits = Recipe(epochs=1, channels=2), load_dataset("digits")
    generate(space, recipe, digits, tmp_path / "mine.h5", seeds=1)

    results = compare({"random": RandomSearch}, TableOracle(tmp_path / "mine.h5"), budget=3, runs=5)
    (best,) = verify(results, TrainingOracle(space, recipe, digits), top=1, seeds=2)

    assert best.architecture in space.to_text(space.all())
    assert best.difference == best.measured - best.promised
    assert 0 <= best.measured <= 1

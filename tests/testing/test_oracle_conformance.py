"""Tables, surrogates and real training under the suite that all oracles inherit."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from nasbench import CellSpace
from nasbench.testing import OracleConformance
from surrogates import SurrogateOracle, fit_surrogate
from tabular import Table
from tabular.training import Recipe, TrainingOracle, load_dataset


@pytest.fixture(scope="module")
def surrogate_oracle(toy_table):
    return SurrogateOracle(fit_surrogate(Table.open(toy_table), options={"members": 2, "trees": 10}))


@pytest.fixture(scope="module")
def training_oracle():
    space = CellSpace("tiny", 2, ("none", "skip_connect", "nor_conv_1x1"))
    return TrainingOracle(space, Recipe(epochs=1, channels=2, batch_size=512), load_dataset("digits"), seeds=(0, 1))


class TestTableOracle(OracleConformance):
    @pytest.fixture
    def oracle(self, toy_oracle):
        return toy_oracle


class TestSurrogateOracle(OracleConformance):
    @pytest.fixture
    def oracle(self, surrogate_oracle):
        return surrogate_oracle


class TestTrainingOracle(OracleConformance):
    rows = 2

    @pytest.fixture
    def oracle(self, training_oracle):
        return training_oracle


def test_oracles_answer_alike_in_another_process(toy_oracle, surrogate_oracle):
    rows = toy_oracle.space.all()
    draws = np.arange(len(rows), dtype=np.uint64)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for oracle in (toy_oracle, surrogate_oracle):
            there = pool.submit(oracle.query, rows, draw=draws).result()
            np.testing.assert_array_equal(there, oracle.query(rows, draw=draws))

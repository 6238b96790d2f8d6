"""Promises of every oracle, as tests that an oracle of one's own inherits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tabular.errors import InvalidArchitectureError, NasbenchError, UnknownNameError
from tabular.measures import DEFAULT_SIGNAL, SECONDS, Oracle, resolve_measure

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OracleConformance:
    """Tests of an oracle; a subclass gives the fixture ``oracle``.

    Attributes
    ----------
    rows : int
        Architectures that each test asks about; few where an answer is a training.
    """

    rows = 20

    @pytest.fixture
    def asked(self, oracle: Oracle) -> NDArray[np.uint8]:
        """Return some architectures."""
        return oracle.space.sample(np.random.default_rng(0), self.rows)

    def test_follows_the_protocol(self, oracle: Oracle) -> None:
        """It has every member, and each task has training seconds, ascending epochs and known splits."""
        assert isinstance(oracle, Oracle)
        assert oracle.name
        for name, task in oracle.tasks.items():
            assert task.name == name
            assert list(task.epochs) == sorted(set(task.epochs))
            assert all(metric.split in {"train", "validation", "test", "none"} for metric in task.metrics.values())
        assert any(SECONDS in task.metrics for task in oracle.tasks.values())

    def test_one_and_many_agree(self, oracle: Oracle, asked: NDArray[np.uint8]) -> None:
        """A batch answers what its rows answer one by one: means, draws and spreads."""
        draws = np.arange(len(asked), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        means, drawn, spread = oracle.query(asked), oracle.query(asked, draw=draws), oracle.spread(asked)
        for row, mean, one, draw, std in zip(asked, means, drawn, draws.tolist(), spread, strict=True):
            assert isinstance(oracle.query(row), float)
            np.testing.assert_equal(oracle.query(row), mean)
            np.testing.assert_equal(oracle.query(row, draw=draw), one)
            np.testing.assert_equal(oracle.spread(row), std)

    def test_answers_are_pure(self, oracle: Oracle, asked: NDArray[np.uint8]) -> None:
        """The same draw gives the same training, whatever was asked before and in whatever order."""
        draws = np.arange(len(asked), dtype=np.uint64) + np.uint64(7)
        before = oracle.query(asked, draw=draws)
        oracle.query(asked[::-1], draw=draws)
        np.testing.assert_array_equal(oracle.query(asked[::-1], draw=draws[::-1])[::-1], before)

    def test_global_randomness_is_left_alone(self, oracle: Oracle, asked: NDArray[np.uint8]) -> None:
        """No answer is drawn from, or moves, numpy's global random state."""
        before = repr(np.random.get_state())  # noqa: NPY002 - to see that nobody touches it
        oracle.query(asked, draw=np.arange(len(asked), dtype=np.uint64))
        assert repr(np.random.get_state()) == before  # noqa: NPY002

    def test_measures_are_what_their_units_say(self, oracle: Oracle, asked: NDArray[np.uint8]) -> None:
        """Fractions lie in [0, 1], seconds are positive, and more epochs never cost less, in one training and mean."""
        draws = np.arange(len(asked), dtype=np.uint64)
        for task in oracle.tasks.values():
            for metric in task.metrics.values():
                values = oracle.query(asked, f"{task.name}/{metric.name}", draw=draws)
                known = values[~np.isnan(values)]
                assert (known >= 0).all()
                assert metric.unit != "fraction" or (known <= 1).all()
            if SECONDS in task.metrics:
                for draw in (None, draws):
                    costs = [
                        oracle.query(asked, f"{task.name}/{SECONDS}@{epochs}", draw=draw) for epochs in task.epochs
                    ]
                    assert (costs[0] > 0).all()
                    assert (np.diff(costs, axis=0) >= 0).all()

    def test_default_is_the_last_validation_accuracy(self, oracle: Oracle, asked: NDArray[np.uint8]) -> None:
        """No measure means the validation accuracy at the last epoch, where there is one task."""
        if len(oracle.tasks) == 1:
            measure = resolve_measure(None, oracle.tasks)
            assert measure.metric == DEFAULT_SIGNAL
            np.testing.assert_array_equal(oracle.query(asked), oracle.query(asked, measure))

    def test_reference_bounds_what_is_answered(self, oracle: Oracle, asked: NDArray[np.uint8]) -> None:
        """Nothing is better than the best; the random mean is not."""
        reference = oracle.reference()
        if reference is not None:
            assert np.nanmax(oracle.query(asked)) <= reference.best
            assert reference.random_mean <= reference.best

    def test_mistakes_are_named(self, oracle: Oracle, asked: NDArray[np.uint8]) -> None:
        """Foreign rows, unknown metrics and epochs, and a seed beside a draw are refused with a reason."""
        with pytest.raises(InvalidArchitectureError, match=r"expected shape|choices"):
            oracle.query(asked[:, :-1])
        outside = asked[0].copy()
        outside[0] = 255
        for rows in (outside, np.stack([asked[0], outside])):
            with pytest.raises(InvalidArchitectureError, match="choice 255"):
                oracle.query(rows)
        with pytest.raises(UnknownNameError, match="validation_acuracy"):
            oracle.query(asked[0], "validation_acuracy")
        with pytest.raises(NasbenchError, match="no epoch 999999"):
            oracle.query(asked[0], f"{next(iter(oracle.tasks))}/{SECONDS}@999999")
        with pytest.raises(NasbenchError, match="seed"):
            oracle.query(asked[0], seed=0, draw=0)

"""How a measure is written, completed and refused, and what metric names mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.errors import QueryError, UnknownNameError
from tabular.measures import Measure, Metric, Task, resolve_measure, standard_metric

METRICS = {name: standard_metric(name) for name in ("validation_accuracy", "test_accuracy", "train_seconds")}
SHORT = Task("digits", (1, 3, 12), METRICS)
LONG = Task("digits-200", (200,), METRICS)
ONE, TWO = {"digits": SHORT}, {"digits": SHORT, "digits-200": LONG}


@pytest.mark.parametrize(
    ("written", "measure"),
    [
        (None, Measure("digits", "validation_accuracy", 12)),
        ("test_accuracy", Measure("digits", "test_accuracy", 12)),
        ("test_accuracy@3", Measure("digits", "test_accuracy", 3)),
        ("digits/test_accuracy", Measure("digits", "test_accuracy", 12)),
        ("digits/train_seconds@1", Measure("digits", "train_seconds", 1)),
        (Measure("digits", "test_accuracy", 3), Measure("digits", "test_accuracy", 3)),
    ],
)
def test_what_is_left_out_is_completed(written, measure):
    assert resolve_measure(written, ONE) == measure


def test_default_metric_can_be_another():
    assert resolve_measure(None, ONE, "test_accuracy").metric == "test_accuracy"


@given(task=st.sampled_from([SHORT, LONG]), metric=st.sampled_from(sorted(METRICS)), data=st.data())
def test_text_of_a_measure_means_that_measure(task, metric, data):
    measure = Measure(task.name, metric, data.draw(st.sampled_from(task.epochs)))
    assert resolve_measure(str(measure), TWO) == resolve_measure(measure, TWO) == measure


@pytest.mark.parametrize(
    "written", ["", "digits/", "/test_accuracy", "a/b/c", "test_accuracy@", "test_accuracy@x", "a@1@2"]
)
def test_unreadable(written):
    with pytest.raises(QueryError) as caught:
        resolve_measure(written, ONE)
    assert str(caught.value) == (
        f"cannot read the measure {written!r}; write task/metric@epochs, such as 'digits/test_accuracy@12'"
    )


@pytest.mark.parametrize(
    ("written", "error", "message"),
    [
        (
            "test_accuracy@3",
            QueryError,
            "'test_accuracy@3' must say which task it means: digits/test_accuracy@3, digits-200/",
        ),
        ("digit/test_accuracy", UnknownNameError, "unknown task 'digit'; did you mean 'digits'?"),
        (
            "digits/test_acuracy",
            UnknownNameError,
            "unknown metric 'test_acuracy' of task 'digits'; did you mean 'test_",
        ),
        ("digits/test_accuracy@4", QueryError, "task 'digits' has no epoch 4; it has 1, 3, 12"),
        ("digits/test_accuracy@0", QueryError, "task 'digits' has no epoch 0; it has 1, 3, 12"),
        (None, QueryError, "'validation_accuracy' must say which task it means: digits/validation_accuracy, "),
    ],
)
def test_what_is_not_there(written, error, message):
    with pytest.raises(error) as caught:
        resolve_measure(written, TWO)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "unit", "split", "direction"),
    [
        ("validation_accuracy", "fraction", "validation", "maximize"),
        ("test_error", "fraction", "test", "minimize"),
        ("train_loss", "nat", "train", "minimize"),
        ("train_seconds", "second", "none", "minimize"),
        ("validation_seconds", "second", "none", "minimize"),
    ],
)
def test_standard_metric(name, unit, split, direction):
    assert standard_metric(name) == Metric(name, unit, split, direction)


@pytest.mark.parametrize("name", ["accuracy", "valid_accuracy", "test_f1", ""])
def test_metric_outside_the_naming(name):
    with pytest.raises(UnknownNameError, match=f"^unknown metric '{name}'; (did you mean '|known: train_accuracy)"):
        standard_metric(name)

"""What all errors have in common."""

from __future__ import annotations

import pickle

import pytest

from tabular import errors
from tabular.errors import NasbenchError, UnknownNameError


def test_an_unknown_name_offers_the_nearest_or_lists_what_is_known():
    near = UnknownNameError("metric", "test_acc", ["test_accuracy", "energy"], of="task 'digits'")
    assert str(near) == "unknown metric 'test_acc' of task 'digits'; did you mean 'test_accuracy'?"
    assert str(UnknownNameError("option", "x", [])) == "unknown option 'x'; known: none"
    assert str(UnknownNameError("space", "q", range(100, 120))).endswith("110, 111 and 8 more")


@pytest.mark.parametrize(
    "error",
    [
        UnknownNameError("metric", "acc", ["loss"], of="task 't'"),
        *(each("text") for each in vars(errors).values() if isinstance(each, type) and each is not UnknownNameError
          and issubclass(each, NasbenchError)),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_errors_travel_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert str(copy) == str(error)

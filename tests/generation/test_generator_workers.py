"""A worker whose generator has gone."""

import multiprocessing
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from tabular.generation.engine import Job
from tabular.generation.local import _serve
from tabular.generation.plan import Group


@pytest.mark.parametrize("gone", ["before it asks for a job", "while it trains"])
def test_a_worker_nobody_listens_to_ends_without_a_word(gone):
    ours, theirs = multiprocessing.Pipe()
    journaled = []

    def train(job):
        ours.close()
        return job

    journal = nullcontext(SimpleNamespace(append=journaled.append))
    workshop = SimpleNamespace(train=train, journal=lambda: journal)
    job = Job(Group((3,), 1), ())
    if gone == "while it trains":
        ours.send(job)
    else:
        ours.close()
    _serve(workshop, theirs)
    assert journaled == ([job] if gone == "while it trains" else [])

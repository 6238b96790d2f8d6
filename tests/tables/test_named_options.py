"""Names with options as text, nested ones included."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.errors import StrategyError
from tabular.options import read_named, split_list

WORDS = st.text(alphabet="abc-=1", min_size=1, max_size=5)


def read(text):
    return read_named(text, "strategy", value=ast.literal_eval, example="sample=3", error=StrategyError)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b(x=1,y=2),c", ["a", "b(x=1,y=2)", "c"]),
        ("a(s='b(x=1,y=2)',z=[1,2]), d", ["a(s='b(x=1,y=2)',z=[1,2])", "d"]),
        ("a(s='it, (is',t=3),b", ["a(s='it, (is',t=3)", "b"]),
        ('a(s="one\'s, own"),b', ['a(s="one\'s, own")', "b"]),
    ],
)
def test_commas_in_brackets_and_quotes_belong_to_their_part(text, parts):
    assert split_list(text) == parts


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_a_list_of_words_is_its_words(words):
    assert split_list(",".join(words)) == words
    wrapped = [f"{word}(x='{','.join(words)}', y=[1, 2])" for word in words]
    assert split_list(", ".join(wrapped)) == wrapped


def test_a_strategy_within_a_strategy_keeps_its_options():
    inner = "regularized-evolution(population=10, sample=3)"
    assert read(f"median-stopping(grace=4, strategy='{inner}')") == ("median-stopping", {"grace": 4, "strategy": inner})
    assert read(inner) == ("regularized-evolution", {"population": 10, "sample": 3})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a(x=1", r"cannot read the strategy 'a\(x=1'; write name or name\(option=value\)"),
        ("a(x)", r"cannot read the option 'x' of 'a\(x\)'; write option=value, such as sample=3"),
        ("a(x=b)", "cannot read the option 'x=b'"),
    ],
)
def test_what_cannot_be_read_is_named(text, message):
    with pytest.raises(StrategyError, match=message):
        read(text)

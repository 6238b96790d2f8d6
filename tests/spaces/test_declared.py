"""Spaces by name, by TOML file and by stored declaration, and what a user is told of a mistake in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabular.errors import NasbenchError, SpaceError, UnknownNameError
from tabular.spaces import NB201, CellSpace, declared_space, get_space, space_names

EXAMPLE = Path(__file__).parents[2] / "examples" / "space.toml"


def test_names():
    for name in space_names():
        assert get_space(name).name == name
    assert isinstance(get_space("nb201"), NB201)
    assert get_space("nb201-mini").size <= 800


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UnknownNameError, match=r"^unknown space 'nb-201'; did you mean 'nb201'\?$"):
        get_space("nb-201")
    with pytest.raises(UnknownNameError, match=r"^unknown space 'zzz'; known: nb101, .*, a \.toml file that"):
        get_space("zzz")


def test_example_file_declares_a_space():
    space = get_space(EXAMPLE)
    assert space == CellSpace("no-pooling", 4, ["none", "skip_connect", "nor_conv_1x1", "sep_conv_3x3"])
    assert get_space(str(EXAMPLE)) == space


def test_file_name_is_the_default_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('nodes = 3\noperations = ["none", "nor_conv_3x3"]\n')
    assert get_space(path).name == "mine"


def test_file_of_another_kind(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text('kind = "nb101"\nvertices = 4\n')
    assert get_space(path) == get_space("nb101-v4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nodes = ", "not valid TOML: Invalid value (at end of document)"),
        ('nodes = 3\noperations = ["none"', "not valid TOML"),
        ("nodes = 3", "a space of kind 'cell' needs 'operations'; it has name, nodes"),
        ('operations = ["none"]', "a space of kind 'cell' needs 'nodes'"),
        ('nodes = 3\noperation = ["none"]', "unknown field 'operation'; did you mean 'operations'?"),
        ('nodes = "3"\noperations = ["none"]', "nodes must be of type int, got '3'"),
        ('nodes = true\noperations = ["none"]', "nodes must be of type int, got True"),
        ('nodes = 3\noperations = "none"', "operations must be of type list, got 'none'"),
        ("nodes = 3\noperations = [1, 2]", "unknown operation 1"),
        ('nodes = 3\noperations = [["none"]]', "unknown operation ['none']"),
        ('kind = "sell"\nnodes = 3\noperations = ["none"]', "unknown kind of space 'sell'; did you mean 'cell'?"),
        ('nodes = 3\noperations = ["nor_conv3x3"]', "unknown operation 'nor_conv3x3'; did you mean 'nor_conv_3x3'?"),
        ('nodes = 99\noperations = ["none"]', "a cell has 2 to 16 nodes, input and output counted; got 99"),
    ],
)
def test_mistakes_in_a_file_name_the_file(tmp_path, text, message):
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(NasbenchError) as caught:
        get_space(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_file_and_not_text(tmp_path):
    with pytest.raises(SpaceError, match=r"gone\.toml: cannot be read: No such file or directory"):
        get_space(tmp_path / "gone.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SpaceError, match="cannot be read: Is a directory"):
        get_space(tmp_path / "folder.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpaceError, match=r"bytes\.toml: not valid TOML"):
        get_space(tmp_path / "bytes.toml")


@pytest.mark.parametrize("declaration", [{}, {"kind": None}, {"kind": 7}])
def test_declaration_without_a_kind(declaration):
    with pytest.raises(SpaceError, match=r"^stored: unknown kind of space"):
        declared_space(declaration, where="stored")

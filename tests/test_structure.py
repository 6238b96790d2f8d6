"""The shape of the code that the import contracts of `pyproject.toml` do not reach: front door, first lines, names."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ["nasbench", "surrogates", "strategies", "tabular"]
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def first_lines():
    """Place and first docstring line of every module, class and function that has one."""
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                docstring = ast.get_docstring(node)
                if docstring:
                    name = getattr(node, "name", "module")
                    yield node, f"{path.relative_to(ROOT)}: {name}", docstring.partition("\n")[0]


def test_no_room_imports_the_front_door():
    doors = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(parsed(path))
        if (isinstance(node, ast.ImportFrom) and node.module == "nasbench" and node.level == 0)
        or (isinstance(node, ast.Import) and any(name.name == "nasbench" for name in node.names))
    ]
    assert doors == []


def test_first_lines_name_a_thing_or_an_act():
    opened = re.compile(r"(What|How|Which|Whether|Where)\b")
    found = [
        where for node, where, line in first_lines() if not isinstance(node, ast.FunctionDef) and opened.match(line)
    ]
    assert len(found) <= 10, "\n".join(found)


def test_first_lines_of_modules_and_classes_are_short():
    found = [
        f"{where}: {line}"
        for node, where, line in first_lines()
        if type(node) is not ast.FunctionDef and len(line) >= 80
    ]
    assert found == []


@pytest.mark.parametrize("word", ["luck", "learnt", "told", "its"])
def test_names_are_the_fields_words(word):
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(parsed(path))
        if (isinstance(node, ast.Name) and node.id == word and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.arg) and node.arg == word)
        or (isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == word)
    ]
    assert named == []

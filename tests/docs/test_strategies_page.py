"""docs/strategies.md and its example strategy do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from strategies import strategy_families

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/strategies.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.world
def test_the_examples_run():
    program = "\n".join(PYTHON[:2])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "strategy='mine'" in done.stdout


def test_your_own_is_the_example():
    for name, shown in zip(("my_strategy.py", "test_my_strategy.py"), PYTHON[2:], strict=True):
        _, _, whole = (ROOT / "examples" / name).read_text(encoding="utf-8").partition('"""\n\n')
        assert whole.strip() == shown.strip()


@pytest.mark.world
def test_the_example_passes_the_suite():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "examples/test_my_strategy.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "examples"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_table_of_families_is_the_registry():
    rows = dict(re.findall(r"^\| ([a-z-]+) \| (`.*) \|$", PAGE, flags=re.MULTILINE))
    named = {family: re.findall(r"`([^`]+)`", text) for family, text in rows.items()}
    assert {family: set(names) for family, names in named.items()} == {
        family: set(names) for family, names in strategy_families().items()
    }

"""The examples of docs/interop.md run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.world

PAGE = (Path(__file__).parents[2] / "docs" / "interop.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^## (.*?)$|```python\n(.*?)```", PAGE, flags=re.DOTALL | re.MULTILINE)
LIBRARIES = ("optuna", "ConfigSpace", "nevergrad", "smac", "syne_tune.blackbox_repository")


def examples():
    section = "names"
    for heading, block in BLOCKS:
        section = heading or section
        if block:
            yield pytest.param(block, id=section)


@pytest.mark.parametrize("block", list(examples()))
def test_example_runs(block, tmp_path):
    for library in LIBRARIES:
        if re.search(rf"\b{library.partition('.')[0].lower()}\b", block):
            pytest.importorskip(library, reason=f"{library} is not installed: see docs/interop.md")
    environment = {**os.environ, "SYNETUNE_FOLDER": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

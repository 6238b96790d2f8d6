"""docs/papers.md: its commands and its program run in the order in which they stand, with fewer runs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nasbench.analysis import KINDS
from nasbench.cli.papers import OTHER_KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/papers.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    nasbench (.*?)(?:\s{2,}#.*)?$", PAGE, flags=re.MULTILINE)
FEWER = {"--runs 500": "--runs 4 --jobs 1", "--top 3": "--top 1 --seeds 1", "1200ep": "240ep"}
STUDY = (ROOT / "examples/study.toml").read_text()


def quick(command):
    for many, few in FEWER.items():
        command = command.replace(many, few)
    return command


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(re.sub(r"runs = \d+", "runs = 4", STUDY).replace("1200ep", "240ep"))
    return tmp_path


@pytest.mark.world
def test_every_command_runs(place, command):
    made = {Path(shlex.split(each)[-1]).name for each in COMMANDS}
    for each in map(quick, COMMANDS):
        if "theirs.h5" in each:
            shutil.copy("results.h5", "theirs.h5")
        done = command(*shlex.split(each))
        assert done.code == 0, (each, done.err)
    assert made <= {path.name for path in place.iterdir()}
    study = {str(path.relative_to(place / "digits-study")) for path in (place / "digits-study").rglob("*.*")}
    assert {"report.html", "checklist.md", "tables/all.tex", "figures/all-critical-difference.pdf"} <= study
    assert sum(path.endswith("-results.h5") for path in study) == 2
    assert sum(path.startswith("figures/") and path.endswith("-rank.pdf") for path in study) == 2


@pytest.mark.world
def test_the_program_runs(tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_study_shown_is_the_example():
    assert re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL) == [STUDY]


def test_every_kind_of_figure_is_explained():
    named = set(re.findall(r"`([a-z0-9+-]+)`", PAGE.partition("| `--kind` |")[2].partition("\n\n")[0]))
    assert named == {*KINDS, *OTHER_KINDS}


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target

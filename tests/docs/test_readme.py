"""The README's examples run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from nasbench.cli.app import app

README = (Path(__file__).parents[2] / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.world
def test_tour_runs(tmp_path):
    tour = PYTHON[0]
    done = subprocess.run([sys.executable, "-c", tour], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SummaryRow(strategy='optimum'" in done.stdout
    assert (tmp_path / "regret.pdf").read_bytes().startswith(b"%PDF")


def test_own_strategy_can_be_compared(toy_oracle):
    from nasbench.comparison import compare, summarise
    from strategies import RandomSearch

    names: dict = {}
    exec(PYTHON[1], names)  # noqa: S102 - our own README
    results = compare({"greedy": names["Greedy"], "random-search": RandomSearch}, toy_oracle, 30, runs=40)
    assert {row.strategy for row in summarise(results)} >= {"greedy", "random-search"}


def test_space_file_is_a_space(tmp_path):
    from nasbench import get_space

    (tmp_path / "mine.toml").write_text(re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)[0])
    assert get_space(tmp_path / "mine.toml").size == 4**6


@pytest.mark.parametrize("page", [README, (Path(__file__).parents[2] / "docs" / "nasbench201.md").read_text()])
def test_commands_and_options_exist(page):
    commands = typer.main.get_command(app).commands
    shown = re.sub(r"\\\n\s*", "", page)
    lines = re.findall(r"^    (nasbench \w.*?)(?:\s{2,}#.*|\s+# .*)?$", shown, flags=re.MULTILINE)
    assert lines
    for line in lines:
        _, command, *rest = line.split()
        assert command in commands, line
        options = {word for word in rest if word.startswith("--")}
        assert options <= {option for each in commands[command].params for option in each.opts}, line


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[2] / target).exists(), target


@pytest.mark.world
def test_the_page_on_surrogates_runs(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "surrogates.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""The script and the notebook of the docs: both do what they promise, and are the same program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).parents[2] / "docs"
SCRIPT, NOTEBOOK = DOCS / "first_figure.py", DOCS / "first_figure.ipynb"
MADE = ["regret.pdf", "report.html", "results.h5"]


def statements(code):
    return [line for line in code.splitlines() if line.strip()]


def program(script):
    _, _, code = script.read_text().partition('"""\n')
    return statements(code)


@pytest.mark.world
def test_the_script_makes_figure_report_and_table(tmp_path):
    done = subprocess.run([sys.executable, SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert all(f"| {name}" in done.stdout for name in ("*Optimum*", "local-search", "random-search"))
    assert sorted(each.name for each in tmp_path.iterdir()) == MADE
    assert (tmp_path / "regret.pdf").read_bytes().startswith(b"%PDF")


def test_it_is_a_dozen_lines():
    assert len(program(SCRIPT)) <= 12


@pytest.mark.world
def test_the_notebook_is_the_same_program_and_runs(tmp_path):
    shutil.copy(NOTEBOOK, tmp_path)
    notebook = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    nbformat.validate(notebook)
    # Beside the program there is one cell that shows the figure.
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.id != "show")
    assert statements(code) == program(SCRIPT)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are made anew by each reader"
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (table,) = [
        each.text for cell in notebook.cells for each in cell.get("outputs", ()) if each.output_type == "stream"
    ]
    assert "random-search" in table
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*MADE, "regret.png", NOTEBOOK.name])

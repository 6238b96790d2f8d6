"""The four imported packages are ours (other distributions use their names), light to import and of one version."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = ["nasbench", "tabular", "surrogates", "strategies"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def elsewhere(folder: Path, program: str) -> object:
    """What a program prints as JSON in a new process that runs in another folder."""
    answer = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def test_packages_are_ours_from_anywhere(tmp_path):
    program = f"import importlib, json; print(json.dumps([importlib.import_module(n).__file__ for n in {PACKAGES}]))"
    folders = [Path(file).parent for file in elsewhere(tmp_path, program)]
    assert [folder.name for folder in folders] == PACKAGES
    assert len({folder.parent for folder in folders}) == 1
    assert folders[0].resolve() == (ROOT / "nasbench").resolve()
    assert all((folder / "py.typed").is_file() for folder in folders)


def test_no_other_distribution_claims_the_names():
    owners = importlib.metadata.packages_distributions()
    assert {name: set(owners.get(name, ["nasbench"])) for name in PACKAGES} == {name: {"nasbench"} for name in PACKAGES}


def test_wheel_holds_the_four_packages():
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == PACKAGES
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found == set(PACKAGES), "each package at the top is in the wheel, and none besides"


@pytest.mark.parametrize(
    ("package", "heavy"),
    [
        ("nasbench", ["torch", "pandas", "matplotlib", "h5py", "sklearn", "xgboost", "scipy", "typer", "rich"]),
        ("tabular", ["torch", "pandas", "matplotlib", "sklearn", "xgboost", "scipy"]),
        ("strategies", ["torch", "pandas", "matplotlib", "h5py", "sklearn", "xgboost", "scipy"]),
        ("surrogates", ["torch", "pandas", "matplotlib"]),
    ],
)
def test_import_loads_nothing_heavy(tmp_path, package, heavy):
    program = f"import json, sys, {package}; print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    assert elsewhere(tmp_path, program) == []


def test_version_is_one(tmp_path):
    version = elsewhere(tmp_path, "import json, nasbench; print(json.dumps(nasbench.__version__))")
    assert version == PROJECT["project"]["version"] == importlib.metadata.version("nasbench")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", citation, re.MULTILINE)[1] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_command_is_installed():
    commands = importlib.metadata.entry_points(group="console_scripts", name="nasbench")
    assert [command.value for command in commands] == [PROJECT["project"]["scripts"]["nasbench"]]


def test_every_dependency_is_pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {re.match(r"[\w-]+", line)[0] for line in lines if "==" in line}
    optional = PROJECT["project"]["optional-dependencies"].values()
    asked = itertools.chain(PROJECT["project"]["dependencies"], *optional)
    assert {re.match(r"[\w-]+", each)[0] for each in asked} <= pinned


def test_the_front_door_hands_on_all_its_names():
    import nasbench

    assert all(getattr(nasbench, name) is not None for name in nasbench.__all__)
    with pytest.raises(AttributeError, match="module 'nasbench' has no attribute 'Tabel'"):
        _ = nasbench.Tabel


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("nasbench.errors", "tabular.errors", "NasbenchError"),
        ("nasbench.oracle", "tabular.measures", "Measure"),
        ("nasbench.predictor", "strategies.predictor", "Predictor"),
        ("nasbench.spaces", "tabular.spaces", "CellSpace"),
        ("nasbench.strategy", "strategies.strategy", "Strategy"),
        ("nasbench.training", "tabular.training", "Recipe"),
        ("nasbench.interop.choices", "tabular.spaces.named_choices", "to_named"),
        ("nasbench.interop.configspace", "tabular.spaces.configspace", "configuration_space"),
        ("nasbench.interop.optuna_search", "strategies.foreign.optuna", "OptunaSearch"),
        ("nasbench.interop.nevergrad_search", "strategies.foreign.nevergrad", "NevergradSearch"),
        ("nasbench.interop.smac_search", "strategies.foreign.smac", "SMACSearch"),
    ],
)
def test_old_paths_still_work_and_name_the_new_one(old, new, name):
    message = rf"^{old} is now {new}; import {name} from there$"
    with pytest.warns(DeprecationWarning, match=message):
        found = getattr(importlib.import_module(old), name)
    assert found is getattr(importlib.import_module(new), name)

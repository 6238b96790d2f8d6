"""What the file of a study may hold, and the one line about each mistake in it: with the file, the key, the way out."""

from __future__ import annotations

import pytest

from comparison.declared_studies import write_declaration
from nasbench.cli.comparing import _make_strategies
from nasbench.cli.options import open_oracle
from nasbench.comparison.study import run_study
from nasbench.comparison.study_file import DeclarationError, DeclaredOracle, read_declaration
from tabular.errors import OutputError


def test_a_declaration_says_what_compare_takes(tmp_path):
    (tmp_path / "theirs.h5").touch()
    (tmp_path / "surrogate").mkdir()
    (tmp_path / "study.toml").write_text(
        """
        strategies = "evolution"
        budgets = ["300", "20,000s"]
        signal = "validation_accuracy"
        objectives = ["parameters"]
        constraints = ["flops<=9e6"]
        include = ["theirs.h5"]
        wait = 5
        [figures]
        style = "neurips"
        kinds = ["regret"]
        [[oracles]]
        path = "nb201-digits"
        [[oracles]]
        path = "surrogate"
        name = "mine"
        report = "test_loss"
        budgets = 600
        """
    )
    declared = read_declaration(tmp_path / "study.toml")
    assert (declared.name, declared.runs, declared.first_seed, declared.workers) == ("study", 500, 0, 1)
    assert (declared.strategies, declared.objectives, declared.wait) == (("evolution",), ("parameters",), 5.0)
    assert declared.oracles == (
        DeclaredOracle("nb201-digits", "", "validation_accuracy", (), ("300", "20,000s")),
        DeclaredOracle(str(tmp_path / "surrogate"), "mine", "validation_accuracy", ("test_loss",), ("600",)),
    )
    assert declared.include == (tmp_path / "theirs.h5",)
    assert (declared.style, declared.kinds) == ("neurips", ("regret",))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"rums": 3}, "unknown key 'rums'; did you mean 'runs'?"),
        ({"figures": {"stile": "icml"}}, "unknown key 'figures.stile'; did you mean 'figures.style'?"),
        ({"figures": {"style": "neurps"}}, "figures.style: unknown style 'neurps'; did you mean 'neurips'?"),
        (
            {"figures": {"kinds": ["regrets"]}},
            "figures.kinds: unknown kind of figure 'regrets'; did you mean 'regret'?",
        ),
        ({"figures": "icml"}, "figures must be a table of its own, [figures], got 'icml'"),
        ({"runs": 0}, "runs must be a whole number of at least 1, got 0"),
        ({"runs": True}, "runs must be a whole number of at least 1, got True"),
        ({"wait": 0}, "wait must be a number of at least 0.1, got 0"),
        ({"name": 3}, "name must be a text in quotes, got 3"),
        ({"repeats": "cash"}, "repeats: unknown handling of repeats 'cash'; did you mean 'cache'?"),
        ({"strategies": None}, 'strategies is missing or empty; name one at least, such as ["random-search"]'),
        ({"strategies": [3]}, "strategies must be a list of texts in quotes, got [3]"),
        ({"strategies": ["tpe", "tpe"]}, "strategies names something twice: tpe, tpe; once is enough"),
        ({"oracles": []}, 'oracles is missing or empty; name one at least, such as ["nb201-digits"]'),
        ({"oracles": [3]}, "oracles must be a list of texts in quotes, or [[oracles]] tables with a path, got 3"),
        ({"oracles": ["a", "a"]}, "oracles names a twice; once is enough"),
        ({"oracles": [{"paht": "a"}]}, "unknown key 'oracles[0].paht'; did you mean 'oracles[0].path'?"),
        (
            {"oracles": [{"name": "a"}]},
            "oracles[0].path is missing; give a table, a surrogate folder or the name of a shipped table",
        ),
        ({"budgets": None}, 'budgets is missing or empty; give what each run may spend, such as ["300", "20000s"]'),
        ({"budgets": [60, "1m", "60s"]}, "budgets holds '1m' and '60s', which are the same; once is enough"),
        (
            {"budgets": ["many"]},
            (
                "budgets holds 'many': cannot read the budget 'many'; write 300 (evaluations), 600ep (epochs), 20000s, "
                "30m or 12h"
            ),
        ),
        ({"include": ["nowhere.h5"]}, "include holds nowhere.h5: no such file"),
    ],
)
def test_mistakes_in_a_declaration_are_named(tmp_path, keys, message):
    path = write_declaration(tmp_path / "study.toml", **keys)
    with pytest.raises(DeclarationError) as refusal:
        read_declaration(path, kinds=("regret", "incumbent"))
    assert str(refusal.value) == f"{path}: {message}"


def test_files_that_are_no_declaration_are_named(tmp_path):
    with pytest.raises(DeclarationError, match=r"nowhere\.toml: cannot be read: No such file"):
        read_declaration(tmp_path / "nowhere.toml")
    (tmp_path / "study.toml").write_text("runs = \n")
    with pytest.raises(DeclarationError, match=r"study\.toml: not valid TOML: .*line 1"):
        read_declaration(tmp_path / "study.toml")


TEST_METRIC = "the signal digits/test_loss@12 is a test metric; a strategy may see validation only"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"oracles": ["nb201-digts"]}, "oracles: nb201-digts: no such file; make a table with 'nasbench generate'"),
        (
            {"oracles": ["nb201-digits", {"path": "nb201-digits", "signal": "validation_accuracy@6"}]},
            "oracles: two are called 'nb201-digits'; give one a name of its own, with path and name in an [[oracles]]",
        ),
        (
            {"strategies": ["random-serch"]},
            "strategies: unknown strategy 'random-serch'; did you mean 'random-search'?",
        ),
        ({"strategies": ["evolution", "local-search"]}, "strategies: each strategy is compared once"),
        ({"strategies": ["tpe(gama=1)"]}, "strategies: unknown option 'gama' of strategy 'tpe'; did you mean 'gamma'?"),
        (
            {"signal": "validation_acuracy"},
            "signal: unknown metric 'validation_acuracy' of task 'digits'; did you mean",
        ),
        ({"signal": "test_loss"}, f"on nb201-digits: {TEST_METRIC}"),
        ({"report": "test_accuracy@50"}, "report: task 'digits' has no epoch 50; it has"),
        ({"report": ["test_loss", "test_loss@12"]}, "report: names test_loss, test_loss@12, of which two are the same"),
        ({"objectives": ["parameter"]}, "objectives: unknown metric 'parameter' of task 'digits'; did you mean 'param"),
        ({"constraints": ["parameters<5"]}, "constraints: cannot read the constraint 'parameters<5'"),
        ({"constraints": ["parameters<=5"]}, "constraints: no architecture of nb201-digits keeps to digits/parameters"),
    ],
)
def test_what_is_not_there_is_named_before_anything_is_run(tmp_path, keys, message):
    path = write_declaration(tmp_path / "study.toml", **keys)
    with pytest.raises(DeclarationError) as refusal:
        run_study(read_declaration(path), tmp_path / "out", open_oracle, _make_strategies)
    assert str(refusal.value).startswith(f"{path}: {message}")
    assert [each.name for each in (tmp_path / "out").rglob("*")] == ["cells"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "out").write_text("years of work")
    declared = read_declaration(write_declaration(tmp_path / "study.toml"))
    with pytest.raises(OutputError, match=r"out.* cannot be written: "):
        run_study(declared, tmp_path / "out", open_oracle, _make_strategies)

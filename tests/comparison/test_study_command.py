"""`nasbench study` as a user meets it: what it makes, what it says, and what it keeps when a strategy fails."""

from __future__ import annotations

import json

from comparison.declared_studies import STRATEGIES, write_declaration

BROKEN = "from strategies import RandomSearch\nclass Broken(RandomSearch):\n    def ask(self):\n        return 'this'\n"


def test_a_study_fills_a_folder_and_keeps_it_when_a_strategy_fails(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = {"runs": 4, "strategies": STRATEGIES[1:], "figures": {"kinds": ["regret"], "style": "icml"}}
    write_declaration(tmp_path / "study.toml", name="mine", **few)
    done = command("study", "study.toml", "--json", "--jobs", 1)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["path"], told["runs_made"], told["runs_reused"], told["failed"]) == ("mine", 8, 0, {})
    assert told["results"] == {"nb201-digits-40": "mine/nb201-digits-40-results.h5"}
    made = {str(each.relative_to(tmp_path)) for each in (tmp_path / "mine").rglob("*.*") if each.parent.name != "cells"}
    assert {*told["published"], *told["results"].values()} == made
    assert {"mine/report.html", "mine/checklist.md", "mine/figures/nb201-digits-40-regret.pdf"} <= made

    (tmp_path / "broken.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    write_declaration(tmp_path / "study.toml", **{**few, "strategies": ["broken:Broken", *STRATEGIES[1:]]})
    failed = command("study", "study.toml", "--out", "mine", "--jobs", 1)
    assert failed.code == 2
    assert failed.out.splitlines()[-2:] == [
        "0 runs made, 8 were there before",
        "results, figures, tables, checklist and report.html are in mine",
    ]
    line = failed.err.splitlines()[-1]
    assert line.startswith("nasbench: nb201-digits-40: broken:Broken: strategy 'broken:Broken'")
    assert line.endswith("(all other results are in mine)")


def test_mistakes_are_one_line(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_declaration(tmp_path / "study.toml", figures={"kinds": ["regrett"]})
    for file, line in (
        ("nowhere.toml", "nowhere.toml: cannot be read: No such file or directory"),
        ("study.toml", "study.toml: figures.kinds: unknown kind of figure 'regrett'; did you mean 'regret'?"),
    ):
        done = command("study", file)
        assert (done.code, done.out, done.err) == (2, "", f"nasbench: {line}\n")
    assert [each.name for each in tmp_path.iterdir()] == ["study.toml"]

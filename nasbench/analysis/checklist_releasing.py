"""The checklist's first list, on code: whether it is released only the author knows; results know what code it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench.analysis.checklist_findings import AUTHOR, YES, Finding, names_of, pairs, short, tasks_of
from nasbench.analysis.wording import counted, listed, seeds_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nasbench.comparison.results import Results


def training_code(results: Results) -> Finding:
    """Name the code that trained the networks, or the benchmark they were taken from."""
    return Finding(
        AUTHOR, tuple(fact for name, task in tasks_of(results).items() for fact in _trained_by(results, name, task))
    )


def _trained_by(results: Results, name: str, task: Mapping[str, Any]) -> Iterator[str]:
    versions = task.get("versions") or {}
    if isinstance(versions, dict) and "nasbench" in versions:
        revision = task.get("git_revision")
        at = f" at revision {short(revision)}" if revision else ""
        recipe = f" by recipe {task['recipe_hash']}" if task.get("recipe_hash") else ""
        yield f"The networks of task {name} were trained by nasbench {versions['nasbench']}{at}{recipe}."
        if "-dirty" in str(revision):
            yield "Files of that revision had been changed."
    else:
        yield f"The results do not name the code that trained the networks of task {name}."
    terms = [f"{each} {task[each]}" for each in ("source", "citation", "licence") if task.get(each)]
    if terms:
        yield f"Its origin: {'; '.join(terms)}."
    elif results.provenance.get("tasks") and not task:
        yield f"Its origin is not recorded by {results.oracle}."


def search_space(results: Results) -> Finding:
    """Name the space and its declaration."""
    space, kind = results.space, results.space.declaration().get("kind")
    version = results.provenance.get("nasbench")
    made = f", from which nasbench {version} built it" if version else ""
    size = counted(space.size, "architecture")
    return Finding(AUTHOR, (f"The results hold the declaration of space {space.name} (kind {kind}, {size}){made}.",))


def final_training(results: Results) -> Finding:
    """Write out the recipe and the seeds of the trainings that incumbents are judged by."""
    task = tasks_of(results)[results.report.task]
    recipe, seeds = task.get("recipe") or task.get("hyperparameters"), task.get("seeds")
    facts = []
    if recipe:
        named = f" {task['recipe_hash']}" if task.get("recipe_hash") else ""
        facts.append(f"Recipe{named} of task {results.report.task}: {pairs(recipe)}.")
    else:
        facts.append(f"The results do not know the recipe of task {results.report.task}.")
    if seeds:
        facts.append(f"Seeds of the trainings: {listed(seeds)}.")
    else:
        facts.append("The seeds of the trainings that the report is the mean of are not in the results.")
    return Finding(YES if isinstance(recipe, dict) and seeds else AUTHOR, tuple(facts))


def method_code(results: Results) -> Finding:
    """Name the strategies: results know no more of them."""
    known = results.provenance.get("nasbench")
    by = f", run by nasbench {known}" if known else ""
    return Finding(AUTHOR, (f"The results know strategies by their names alone{by}. {names_of(results)}.",))


def method_settings(results: Results) -> Finding:
    """Write out the options that names carry, and the seeds of the runs."""
    with_options = [name for name in results.trials if name.endswith(")") and "(" in name]
    given = f"Options are known of {listed(with_options)}" if with_options else "No strategy's name gives options"
    return Finding(AUTHOR, (f"{seeds_text(results)}.", f"{given}; the results know no others."))

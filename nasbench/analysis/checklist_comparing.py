"""The checklist's second list, on comparing: one benchmark, one protocol, many runs, and random search."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nasbench.analysis.checklist_findings import (
    AUTHOR,
    NO,
    YES,
    Finding,
    hardware_of,
    kind_of,
    names_of,
    pairs,
    short,
    tasks_of,
    versions_of,
)
from nasbench.analysis.wording import budget_text, counted, listed, name_of, scale_of, seeds_text, with_unit

if TYPE_CHECKING:
    from nasbench.comparison.results import Results

_LOOKED_UP = {"TableOracle": "a tabular benchmark", "SurrogateOracle": "a surrogate benchmark"}
_TRAINS = "TrainingOracle"
_ALONE = "There is one strategy, so that nothing is compared."


def same_benchmark(results: Results) -> Finding:
    """Name what all strategies of one comparison met: oracle, data, split, recipe."""
    oracle = results.provenance.get("oracle") or {}
    digest = f", digest {short(oracle['digest'])}" if oracle.get("digest") else ""
    facts = [f"All strategies met {results.oracle}{digest}, of space {results.space.name}."]
    for name, task in tasks_of(results).items():
        known = []
        data = task.get("dataset")
        if isinstance(data, dict):
            known += [f"data {data.get('name')}"]
            known += [f"with digest {short(data['digest'])}"] if data.get("digest") else []
            known += [f"split into {pairs(data['split_sizes'])}"] if data.get("split_sizes") else []
        elif data:
            known += [f"data {data}", *([f"split {pairs(task['splits'])}"] if task.get("splits") else [])]
        known += [f"recipe {task['recipe_hash']}"] if task.get("recipe_hash") else []
        facts.append(f"Task {name}: {', '.join(known)}." if known else f"Task {name}: origin not recorded.")
    return _compared(results, facts)


def confounders(results: Results) -> Finding:
    """Say what hardware and versions the numbers come from, and whether strategies could differ in them."""
    kind, facts, answer = kind_of(results), [], AUTHOR
    if kind in _LOOKED_UP:
        answer = YES
        facts.append(
            f"Values and costs of trainings come from {_LOOKED_UP[kind]} ({kind}), so that hardware and libraries of "
            "the training are the same for all strategies, and simulated time does not depend on the machine."
        )
    elif kind:
        facts.append(f"Networks were trained for this comparison ({kind}), and their seconds measured as they ran.")
    else:
        facts.append("The results do not record whether trainings were looked up or made for this comparison.")
    for name, task in tasks_of(results).items():
        hardware, versions = hardware_of(task), task.get("versions")
        if len(hardware) > 1:
            answer = AUTHOR  # some networks' seconds were measured on other hardware than others'
        with_versions = f" with {versions_of(versions)}" if isinstance(versions, dict) and versions else ""
        if hardware or with_versions:
            on = f" on {listed(hardware)}" if hardware else ""
            facts.append(f"Trainings of task {name} were made{on}{with_versions}.")
        else:
            facts.append(f"On what the trainings of task {name} were made is not recorded.")
    several = results.provenance.get("versions")
    if isinstance(several, list) and len(several) > 1:
        facts.append(f"Runs were made by several versions: {'; '.join(versions_of(each) for each in several)}.")
        return Finding(NO, tuple(facts))
    ran = {name: results.provenance[name] for name in ("nasbench", "numpy") if name in results.provenance}
    facts.append(
        f"Strategies ran with {versions_of(ran)}." if ran else "The versions of this program are not recorded."
    )
    return Finding(answer, tuple(facts))


def ablations(results: Results) -> Finding:
    """Name strategies that are there with several options, which an ablation could be."""
    variants: dict[str, list[str]] = {}
    for name in results.trials:
        variants.setdefault(name.partition("(")[0].strip(), []).append(name)
    several = [listed(names) for names in variants.values() if len(names) > 1]
    found = f"In several variants there are: {'; '.join(several)}." if several else "No strategy has several variants."
    return Finding(AUTHOR, (found,))


def same_protocol(results: Results) -> Finding:
    """Write out the protocol that all runs were played by."""
    protocol = results.protocol
    budget, workers = budget_text(protocol.budget), counted(protocol.workers, "worker")
    facts = [
        f"Every run had {budget} and {workers}, and saw {protocol.signal}.",
        f"A repeat of a network {_REPEATS[protocol.repeats]}.",
        f"Every incumbent was chosen by that signal among the longest trainings, and judged by {results.report}.",
    ]
    if protocol.objectives:
        facts.append(f"Further objectives: {listed(protocol.objectives)}.")
    if protocol.constraints:
        facts.append(f"Constraints: {listed(protocol.constraints)}.")
    return _compared(results, facts)


_REPEATS = {
    "charge": "was a new training at full price",
    "cache": "cost nothing",
}


def over_time(results: Results) -> Finding:
    """Say that every trial is on record, with what had been spent by then."""
    trials = sum(map(len, results.trials.values()))
    most = max(len(each) / each.runs for each in results.trials.values())
    if most <= 1:
        return Finding(NO, ("Every run made one evaluation only.",))
    fact = (
        f"All {counted(trials, 'trial')} are on record with the evaluations, epochs and simulated seconds spent by "
        "then and the worth of the incumbent."
    )
    return Finding(YES, (fact,))


def random_search(results: Results) -> Finding:
    """Look for random search among the strategies, by name."""
    plain = {name: re.sub(r"[^a-z]", "", name.partition("(")[0].lower()) for name in results.trials}
    found = [name for name, letters in plain.items() if letters == "randomsearch"]
    maybe = [name for name, letters in plain.items() if "random" in letters]
    if found:
        answer, fact = YES, f"{listed(found)} {'is' if len(found) == 1 else 'are'} among the strategies."
    elif maybe:
        answer, fact = AUTHOR, f"No strategy is named random-search; {listed(maybe)} may be it."
    else:
        answer, fact = NO, f"No strategy is named random-search; there are {', '.join(results.trials)}."
    facts = [fact]
    if results.reference is not None:
        metric = results.report_metric
        mean, best = (scale_of(metric) * each for each in (results.reference.random_mean, results.reference.best))
        facts.append(
            f"For random sampling, by {with_unit(name_of(metric), metric)}: a random architecture has {mean:.4g} on "
            f"average, the best of the space {best:.4g}."
        )
    return Finding(answer, tuple(facts))


def several_runs(results: Results) -> Finding:
    """Write out the runs and seeds."""
    least = min(each.runs for each in results.trials.values())
    return Finding(YES if least > 1 else NO, (f"{seeds_text(results)}.",))


def kind_of_benchmark(results: Results) -> Finding:
    """Say what kind of benchmark answered."""
    kind = kind_of(results)
    if kind in _LOOKED_UP:
        return Finding(YES, (f"{results.oracle} is {_LOOKED_UP[kind]} ({kind}).",))
    if kind == _TRAINS:
        return Finding(NO, (f"{results.oracle} trains networks ({kind}).",))
    found = f"{results.oracle} is of kind {kind}" if kind else f"The kind of {results.oracle} is not recorded"
    return Finding(AUTHOR, (f"{found}.",))


def _compared(results: Results, facts: list[Any]) -> Finding:
    if len(results.trials) < 2:
        return Finding(AUTHOR, (_ALONE, names_of(results) + ".", *facts))
    return Finding(YES, tuple(facts))

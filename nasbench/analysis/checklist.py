"""The checklist of NAS best practices, filled in from results.

It follows Lindauer and Hutter, Best Practices for Scientific Research on NAS, JMLR 21(243), 2020.

The questions follow the paper's three lists, in our own words. What results cannot know is left to the author, with the
facts beside it that they do know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench.analysis.printed import latex_text, markdown_text
from nasbench.analysis.wording import budget_text, name_of, seeds_text, titles
from tabular.errors import QueryError
from tabular.wording import counted, duration, listed, scale_of, spaced, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nasbench.comparison.results import Results

SOURCE = (
    "Questions after M. Lindauer and F. Hutter, Best Practices for Scientific Research on Neural Architecture Search, "
    "JMLR 21(243), 2020, in other words. Answers are read from the results; what these do not know is for the author."
)

YES, NO, AUTHOR = "yes", "no", "for the author"


class Finding(NamedTuple):
    """An answer, and the facts that it rests on, as sentences."""

    answer: str
    facts: tuple[str, ...]


def joined(results: Sequence[Results], look: Callable[[Results], Finding]) -> tuple[str, str]:
    """Return the answer for all results, and their facts: once what all share, else with the results they are of."""
    found = [look(each) for each in results]
    answers = {each.answer for each in found}
    answer = NO if NO in answers else AUTHOR if AUTHOR in answers else YES
    whose: dict[str, list[str]] = {}
    for title, each in zip(titles(results), found, strict=True):
        for fact in each.facts:
            whose.setdefault(fact, []).append(title)
    by_owners: dict[tuple[str, ...], list[str]] = {tuple(titles(results)): []}
    for fact, where in whose.items():
        by_owners.setdefault(tuple(where), []).append(fact)
    shared, *others = by_owners.items()
    texts = [*shared[1], *(f"{listed(where)}: {' '.join(facts)}" for where, facts in others)]
    return answer, " ".join(texts)


def tasks_of(results: Results) -> dict[str, Mapping[str, Any]]:
    """Return the recorded origin of the tasks that the protocol touches.

    It is empty where a task has none.
    """
    known = results.provenance.get("tasks") or {}
    names = dict.fromkeys([results.report.task, results.protocol.signal.task, *known])
    return {name: known.get(name) or {} for name in names}


def kind_of(results: Results) -> str:
    """Return the kind of the oracle, such as ``TableOracle``.

    It is empty if it is not recorded.
    """
    return str((results.provenance.get("oracle") or {}).get("kind") or "")


def short(digest: object) -> str:
    """Return the beginning of a digest or revision, with the mark of changed files."""
    text = str(digest)
    whole, dirty, _ = text.partition("-dirty")
    return f"{whole[:12]}{'-dirty' if dirty else ''}"


def pairs(values: object) -> str:
    """Return ``name value`` of each entry; a name alone where there is no more."""
    if not isinstance(values, dict):
        return str(values)
    return ", ".join(f"{spaced(str(name))} {value}" for name, value in values.items())


def versions_of(known: Mapping[str, Any]) -> str:
    """Return the versions that trainings or comparisons were made with.

    It is empty if they are not recorded.
    """
    return listed(f"{name} {version}" for name, version in known.items()) if known else ""


def hardware_of(task: Mapping[str, Any]) -> list[str]:
    """Return the hardware that the trainings of a task ran on, of those that were merged too."""
    origins: Iterable[Any] = [task, *(task.get("earlier") or ())]
    devices = [each.get("device") for each in origins if isinstance(each, dict)]
    names = [each.get("hardware") or each.get("torch") for each in devices if isinstance(each, dict)]
    return list(dict.fromkeys(str(name) for name in names if name))


def names_of(results: Results) -> str:
    """Return how many strategies there are, and which."""
    return f"{counted(len(results.trials), 'strategy')}: {', '.join(results.trials)}"


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


_REPEATS = {
    "charge": "was a new training at full price",
    "cache": "cost nothing",
}


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


def tuning(results: Results) -> Finding:
    """Say that results know settings, not how they came about."""
    task = tasks_of(results)[results.report.task]
    recipe = f"recipe {task['recipe_hash']}" if task.get("recipe_hash") else "recipe"
    fact = f"The results do not say how the options of strategies and the {recipe} were chosen, nor what that took."
    return Finding(AUTHOR, (fact,))


def end_to_end(results: Results) -> Finding:
    """Write out what a run takes: simulated training, and the strategy's own computing.

    No further training follows a search whose incumbents were trained as long as the report asks for, on its task.
    """
    simulated, own, unknown = [], [], []
    for name, trials in results.trials.items():
        simulated.append(f"{name} {duration(float(trials.finished[trials.last].mean()))}")
        if np.isfinite(trials.thinking).any():
            own.append(f"{name} {duration(float(np.nanmean(trials.thinking)))}")
        else:
            unknown.append(name)
    facts = [f"Simulated training of a run, mean: {', '.join(simulated)}."]
    facts += [f"The strategies' own computing in a run, mean: {', '.join(own)}."] if own else []
    facts += [f"The own computing of {listed(unknown)} is not recorded."] if unknown else []
    signal, report = results.protocol.signal, results.report
    if (report.task, report.epochs) != (signal.task, signal.epochs):
        facts.append(
            f"What was found is judged after {counted(report.epochs, 'epoch')} on {report.task}, the search trained up "
            f"to {counted(signal.epochs, 'epoch')} on {signal.task}: the final training is not in these times."
        )
        return Finding(AUTHOR, tuple(facts))
    last = [trials.epochs[trials.incumbent[trials.last]] for trials in results.trials.values()]
    shorter = int(sum((each < report.epochs).sum() for each in last))
    if shorter:
        facts.append(
            f"{counted(shorter, 'run')} ended with an incumbent that was not trained to the end, which is not in these "
            "times."
        )
    else:
        facts.append("Each last incumbent was trained to the end within the search, so that nothing is left to train.")
    return Finding(AUTHOR if unknown or shorter else YES, tuple(facts))


def setup(results: Results) -> Finding:
    """Write out what is on record of the setup, and what is not."""
    known = results.provenance
    facts = [f"Budget {budget_text(results.protocol.budget)} a run, {counted(results.protocol.workers, 'worker')}."]
    ran = {name: known[name] for name in ("nasbench", "numpy") if name in known}
    facts += [f"Compared with {versions_of(ran)}."] if ran else []
    for name, task in tasks_of(results).items():
        parts = []
        if isinstance(task.get("versions"), dict):
            parts.append(versions_of(task["versions"]))
        parts += hardware_of(task)
        parts += [str(task["platform"])] if task.get("platform") else []
        together = (task.get("plan") or {}).get("together") if isinstance(task.get("plan"), dict) else None
        parts += [f"{together} networks trained at once"] if isinstance(together, int) and together > 1 else []
        facts.append(f"Trainings of {name}: {'; '.join(parts)}." if parts else f"The setup of {name} is not recorded.")
    facts.append("The machine that the strategies themselves ran on is not recorded.")
    return Finding(AUTHOR, tuple(facts))


QUESTIONS: dict[str, dict[str, Callable[[Results], Finding]]] = {
    "Releasing code": {
        "Is the code of the pipeline that trains the final architectures released?": training_code,
        "Is the code of the search space released?": search_space,
        "Are the hyperparameters and the seeds of the final training given?": final_training,
        "Is the code of the NAS methods released?": method_code,
        "Are the hyperparameters and the seeds of the NAS methods given?": method_settings,
    },
    "Comparing NAS methods": {
        "Do all methods face the same benchmark: data and their split, search space, training code and its "
        "hyperparameters?": same_benchmark,
        "Are confounding factors controlled, such as hardware, versions of libraries and run time?": (confounders),
        "Are there ablation studies?": ablations,
        "Are all methods evaluated by the same protocol?": same_protocol,
        "Is performance compared over time, not only at the end?": over_time,
        "Is random search among the methods?": random_search,
        "Are there several runs of each method, and are their seeds given?": several_runs,
        "Are tabular or surrogate benchmarks used for evaluations in depth?": kind_of_benchmark,
    },
    "Reporting important details": {
        "Is it said how hyperparameters were tuned, and what time and resources that took?": tuning,
        "Is the time of the whole method reported from end to end, not that of the search alone?": (end_to_end),
        "Are all details of the experimental setup reported?": setup,
    },
}


@dataclass(frozen=True)
class Item:
    """A question of the checklist with its answer.

    Parameters
    ----------
    section : str
    question : str
    answer : str
        ``yes``, ``no`` or ``for the author``, where results cannot know.
    evidence : str
        What results do know of it, as sentences.
    """

    section: str
    question: str
    answer: str
    evidence: str


def checklist(results: Sequence[Results]) -> list[Item]:
    """Return the checklist of NAS best practices, filled in from what results know.

    Of several results an answer is yes only if it is for each; what they have in common is said once.

    Raises
    ------
    QueryError
        If there are no results.

    Examples
    --------
    >>> print(to_markdown(checklist([Results.load("results.h5")])))  # doctest: +SKIP
    """
    if not results:
        raise QueryError("a checklist is filled in from results; none were given")
    return [
        Item(section, question, *joined(results, look))
        for section, questions in QUESTIONS.items()
        for question, look in questions.items()
    ]


def to_markdown(items: Sequence[Item]) -> str:
    """Return the checklist as a list for GitHub: what is yes is ticked."""
    lines = ["# NAS best practices checklist", "", markdown_text(SOURCE)]
    for section in dict.fromkeys(each.section for each in items):
        lines += ["", f"## {markdown_text(section)}", ""]
        for item in items:
            if item.section == section:
                tick = "x" if item.answer == YES else " "
                lines.append(f"- [{tick}] **{markdown_text(item.question)}**  ")
                lines.append(f"      *{_capital(item.answer)}.* {markdown_text(item.evidence)}")
    return "\n".join(lines) + "\n"


def to_latex(items: Sequence[Item]) -> str:
    r"""Return the checklist as nested ``enumerate`` lists, which need no package and go into an appendix."""
    lines = [
        "% The NAS best practices checklist, for an appendix. Needs no package.",
        r"\begingroup\raggedright",
        rf"\noindent {latex_text(SOURCE)}\par",
        r"\begin{enumerate}",
    ]
    for section in dict.fromkeys(each.section for each in items):
        lines += [rf"  \item \textbf{{{latex_text(section)}}}", r"  \begin{enumerate}"]
        for item in items:
            if item.section == section:
                lines.append(rf"    \item {latex_text(item.question)}\\")
                answer = rf"\textbf{{{_capital(item.answer)}.}}"
                lines.append(rf"      {answer} {{\small {latex_text(item.evidence)}}}")
        lines.append(r"  \end{enumerate}")
    return "\n".join([*lines, r"\end{enumerate}", r"\par\endgroup"]) + "\n"


def _capital(answer: str) -> str:
    return {YES: "Yes", NO: "No", AUTHOR: "For the author"}[answer]

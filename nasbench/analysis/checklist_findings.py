"""What results say to a question of the checklist, and how the findings of several results become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench.analysis.wording import counted, listed, titles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nasbench.comparison.results import Results

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
    """Return the recorded origin of the tasks that the protocol touches; empty where a task has none."""
    known = results.provenance.get("tasks") or {}
    names = dict.fromkeys([results.report.task, results.protocol.signal.task, *known])
    return {name: known.get(name) or {} for name in names}


def kind_of(results: Results) -> str:
    """Return the kind of the oracle, such as ``TableOracle``; empty if it is not recorded."""
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
    return ", ".join(f"{str(name).replace('_', ' ')} {value}" for name, value in values.items())


def versions_of(known: Mapping[str, Any]) -> str:
    """Return the versions that trainings or comparisons were made with; empty if they are not recorded."""
    return listed(f"{name} {version}" for name, version in known.items()) if known else ""


def hardware_of(task: Mapping[str, Any]) -> list[str]:
    """Return the hardware that the trainings of a task ran on, of those that were merged too."""
    origins: Iterable[Any] = [task, *(task.get("earlier") or ())]
    devices = [each.get("device") for each in origins if isinstance(each, dict)]
    names = [each.get("hardware") or each.get("torch") for each in devices if isinstance(each, dict)]
    return list(dict.fromkeys(str(name) for name in names if name))


def names_of(results: Results) -> str:
    """Return how many strategies there are, and which."""
    return f"{counted(len(results.trials), 'strategy', 'strategies')}: {', '.join(results.trials)}"

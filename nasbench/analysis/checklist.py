"""The checklist of NAS best practices, filled in from results: Lindauer and Hutter, JMLR 21(243), 2020.

The questions follow the paper's three lists, in our own words. What results cannot know is left to the author, with the
facts beside it that they do know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.analysis import checklist_comparing as comparing
from nasbench.analysis import checklist_releasing as releasing
from nasbench.analysis import checklist_reporting as reporting
from nasbench.analysis import latex, markdown
from nasbench.analysis.checklist_findings import AUTHOR, NO, YES, joined
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nasbench.analysis.checklist_findings import Finding
    from nasbench.comparison.results import Results

SOURCE = (
    "Questions after M. Lindauer and F. Hutter, Best Practices for Scientific Research on Neural Architecture Search, "
    "JMLR 21(243), 2020, in other words. Answers are read from the results; what these do not know is for the author."
)

QUESTIONS: dict[str, dict[str, Callable[[Results], Finding]]] = {
    "Releasing code": {
        "Is the code of the pipeline that trains the final architectures released?": releasing.training_code,
        "Is the code of the search space released?": releasing.search_space,
        "Are the hyperparameters and the seeds of the final training given?": releasing.final_training,
        "Is the code of the NAS methods released?": releasing.method_code,
        "Are the hyperparameters and the seeds of the NAS methods given?": releasing.method_settings,
    },
    "Comparing NAS methods": {
        "Do all methods face the same benchmark: data and their split, search space, training code and its "
        "hyperparameters?": comparing.same_benchmark,
        "Are confounding factors controlled, such as hardware, versions of libraries and run time?": (
            comparing.confounders
        ),
        "Are there ablation studies?": comparing.ablations,
        "Are all methods evaluated by the same protocol?": comparing.same_protocol,
        "Is performance compared over time, not only at the end?": comparing.over_time,
        "Is random search among the methods?": comparing.random_search,
        "Are there several runs of each method, and are their seeds given?": comparing.several_runs,
        "Are tabular or surrogate benchmarks used for evaluations in depth?": comparing.kind_of_benchmark,
    },
    "Reporting important details": {
        "Is it said how hyperparameters were tuned, and what time and resources that took?": reporting.tuning,
        "Is the time of the whole method reported from end to end, not that of the search alone?": (
            reporting.end_to_end
        ),
        "Are all details of the experimental setup reported?": reporting.setup,
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

    Parameters
    ----------
    results : sequence of Results

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
    lines = ["# NAS best practices checklist", "", markdown.escape(SOURCE)]
    for section in dict.fromkeys(each.section for each in items):
        lines += ["", f"## {markdown.escape(section)}", ""]
        for item in items:
            if item.section == section:
                tick = "x" if item.answer == YES else " "
                lines.append(f"- [{tick}] **{markdown.escape(item.question)}**  ")
                lines.append(f"      *{_capital(item.answer)}.* {markdown.escape(item.evidence)}")
    return "\n".join(lines) + "\n"


def to_latex(items: Sequence[Item]) -> str:
    r"""Return the checklist as nested ``enumerate`` lists, which need no package and go into an appendix."""
    lines = [
        "% The NAS best practices checklist, for an appendix. Needs no package.",
        r"\begingroup\raggedright",
        rf"\noindent {latex.escape(SOURCE)}\par",
        r"\begin{enumerate}",
    ]
    for section in dict.fromkeys(each.section for each in items):
        lines += [rf"  \item \textbf{{{latex.escape(section)}}}", r"  \begin{enumerate}"]
        for item in items:
            if item.section == section:
                lines.append(rf"    \item {latex.escape(item.question)}\\")
                answer = rf"\textbf{{{_capital(item.answer)}.}}"
                lines.append(rf"      {answer} {{\small {latex.escape(item.evidence)}}}")
        lines.append(r"  \end{enumerate}")
    return "\n".join([*lines, r"\end{enumerate}", r"\par\endgroup"]) + "\n"


def _capital(answer: str) -> str:
    return {YES: "Yes", NO: "No", AUTHOR: "For the author"}[answer]

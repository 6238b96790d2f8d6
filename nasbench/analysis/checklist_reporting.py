"""The checklist's third list, on reporting: tuning, time from end to end, and the setup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.checklist_findings import AUTHOR, YES, Finding, hardware_of, tasks_of, versions_of
from nasbench.analysis.wording import budget_text, counted, listed

if TYPE_CHECKING:
    from nasbench.comparison.results import Results


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
        simulated.append(f"{name} {_seconds(float(trials.finished[trials.last].mean()))}")
        if np.isfinite(trials.thinking).any():
            own.append(f"{name} {_seconds(float(np.nanmean(trials.thinking)))}")
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


def _seconds(value: float) -> str:
    return f"{value:,.0f} s" if value >= 100 else f"{value:.3g} s"

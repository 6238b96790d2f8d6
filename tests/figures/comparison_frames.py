"""Small fixed frames of made-up comparisons, as the figures of comparisons draw them."""

import numpy as np
import pandas as pd

FIVE = ("random-search", "regularized-evolution", "local-search", "successive-halving", "hyperband")
SPENT = np.round(np.geomspace(10, 1000, 25), 3)


def curves(strategies=FIVE, column="center", runs=50, least=0.0):
    """Return falling curves, the later strategies better, with a band; never below `least`."""
    parts = []
    for place, name in enumerate(strategies):
        center = np.maximum(np.round(0.2 * (SPENT / 10) ** -(0.3 + 0.5 * place / len(strategies)), 2), least)
        band = {"low": np.maximum(center - 0.01, least), "high": center * 1.5}
        parts.append(pd.DataFrame({"strategy": name, "spent": SPENT, column: center, **band, "runs": runs}))
    return pd.concat(parts, ignore_index=True)


def rank_over_time(strategies=FIVE):
    """Return ranks that start in the middle and end at 1, 2, 3 and so on."""
    parts = []
    middle = (len(strategies) + 1) / 2
    for place, name in enumerate(strategies):
        rank = middle + (place + 1 - middle) * np.linspace(0, 1, len(SPENT))
        parts.append(
            pd.DataFrame(
                {"strategy": name, "spent": SPENT, "rank": rank, "low": rank - 0.2, "high": rank + 0.2, "runs": 50}
            )
        )
    return pd.concat(parts, ignore_index=True)


def shares(strategies=FIVE, lost=0.1):
    """Return steps up to all runs of the first strategy, and ever fewer of the next."""
    parts = []
    for place, name in enumerate(strategies):
        spent = np.append(SPENT[place % 5 : place % 5 + 20], SPENT[-1])
        share = np.append(np.linspace(0.05, max(1 - lost * place, 0), 20), max(1 - lost * place, 0))
        parts.append(pd.DataFrame({"strategy": name, "spent": spent, "share": np.minimum(share, share[-1])}))
    return pd.concat(parts, ignore_index=True)


def ranks(values=(4.6, 3.4, 1.4, 3.2, 2.4), strategies=FIVE):
    return pd.DataFrame({"strategy": list(strategies), "rank": list(values)})


def finals(strategies=FIVE, runs=20, optimum=True):
    """Return regrets of runs, the later strategies better; some are exactly 0 if the optimum is to be found."""
    rng = np.random.default_rng(7)
    parts = []
    for place, name in enumerate(strategies):
        regret = np.round(rng.lognormal(-4.0 - 0.3 * place, 0.7, runs), 4)
        if optimum:
            regret[: place * runs // 10] = 0
        parts.append(
            pd.DataFrame({"strategy": name, "run": np.arange(runs), "report": 0.95 - regret, "regret": regret})
        )
    return pd.concat(parts, ignore_index=True)


def found(strategies=FIVE[:3], runs=6):
    """Return points of fronts: y rises with x, and the later strategies are better."""
    rng = np.random.default_rng(3)
    parts = []
    for place, name in enumerate(strategies):
        for run in range(runs):
            x = np.sort(rng.uniform(1, 9, 6))
            y = np.round(0.6 + 0.03 * x + 0.04 * place + 0.01 * run, 3)
            parts.append(pd.DataFrame({"strategy": name, "run": run, "x": x, "y": y}))
    return pd.concat(parts, ignore_index=True)


def surfaces(strategies=FIVE[:3]):
    """Return three surfaces of four points for each strategy."""
    x = np.array([1.0, 3.0, 5.0, 8.0])
    parts = []
    for place, name in enumerate(strategies):
        for level in (0.25, 0.5, 0.75):
            y = 0.68 + 0.03 * x + 0.04 * place - 0.06 * level
            parts.append(pd.DataFrame({"strategy": name, "level": level, "x": x + level, "y": y}))
    return pd.concat(parts, ignore_index=True)

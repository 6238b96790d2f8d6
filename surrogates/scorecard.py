"""How far a surrogate can be trusted: its predictions against networks it never saw."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates import scores
from tabular.measures import mean_of_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Score:
    """The scores of one measure on held-out networks, each defined in `surrogates.scores`.

    NaN where a score makes no sense: no second seed, no failure on record. Networks whose training failed count in
    ``held_out``, ``failed``, ``failure_precision`` and ``failure_recall`` alone.

    Parameters
    ----------
    measure : str
        ``task/metric@epochs``.
    train, held_out : int
        Networks fitted and held out.
    r2 : float
        Share of the held-out variance that is predicted.
    kendall_tau, spearman : float
        Rank correlations of prediction and mean over seeds.
    sparse_tau : float
        Kendall's tau where predictions that differ by too little to matter are ties.
    rmse, mae : float
        Errors of the prediction, in the measure's unit.
    coverage_50, coverage_90 : float
        Share of the held-out trainings within the central 50 and 90 % of what was predicted, which is what they should
        hold.
    nll, crps : float
        Negative log-likelihood and continuous ranked probability score of the held-out trainings; lower is better.
    top1_regret, top10_regret : float
        By how much the best network is better than the best of the 1 or 10 best predicted.
    rank_of_best, rank_of_pick : float
        The rank that the predictions give to the best network, and the true rank of the best predicted; 1 is the top.
    seed_tau, seed_error : float
        Kendall's tau and the mean absolute difference between one training and the mean of the others: how well the
        table predicts itself.
    others_tau, others_error : float
        The same of the prediction instead of the one training, against the same means.
    unfamiliar, unfamiliar_mae : float
        Share of networks outside of what the surrogate was fitted to, and ``mae`` of these.
    failed : float
        Share of held-out networks whose training failed.
    failure_precision, failure_recall : float
        Share that failed of those foretold to fail, and share foretold of those that failed.
    """

    measure: str
    train: int
    held_out: int
    r2: float = math.nan
    kendall_tau: float = math.nan
    spearman: float = math.nan
    sparse_tau: float = math.nan
    rmse: float = math.nan
    mae: float = math.nan
    coverage_50: float = math.nan
    coverage_90: float = math.nan
    nll: float = math.nan
    crps: float = math.nan
    top1_regret: float = math.nan
    top10_regret: float = math.nan
    rank_of_best: float = math.nan
    rank_of_pick: float = math.nan
    seed_tau: float = math.nan
    seed_error: float = math.nan
    others_tau: float = math.nan
    others_error: float = math.nan
    unfamiliar: float = math.nan
    unfamiliar_mae: float = math.nan
    failed: float = math.nan
    failure_precision: float = math.nan
    failure_recall: float = math.nan

    def __eq__(self, other: object) -> bool:
        """Two scores are the same if all they say is, also that they say nothing (NaN)."""
        return isinstance(other, Score) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.measure, self.train, self.held_out))

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for JSON, which knows no NaN: None stands for it."""
        return _without_nan(asdict(self))

    @classmethod
    def from_json(cls, stated: Mapping[str, Any]) -> Score:
        """Read what `to_json` wrote in this or another version: what is missing is NaN, what is unknown is ignored.

        Raises
        ------
        KeyError, TypeError, ValueError, AttributeError
            If there is no measure or number of networks, or a score is not a number.
        """
        numbers = {each.name: stated.get(each.name) for each in fields(cls)[3:]}
        return cls(
            str(stated["measure"]),
            int(stated["train"]),
            int(stated["held_out"]),
            **{name: math.nan if number is None else float(number) for name, number in numbers.items()},
        )


def score(
    measure: str,
    train: int,
    values: NDArray[np.float64],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    *,
    maximize: bool,
    unfamiliar: NDArray[np.bool_],
    fails: NDArray[np.float64] | None = None,
    failed: NDArray[np.bool_] | None = None,
    fraction: bool = False,
) -> Score:
    """Score the predictions of one measure.

    Parameters
    ----------
    measure : str
    train : int
        Networks the model was fitted on.
    values : (N, S) float64
        Held-out trainings, NaN where missing; each row that did not fail has at least one.
    mean, std : (N,) float64
        The predictions: of the mean, and how far a single training may lie from it.
    maximize : bool
        Whether higher is better.
    unfamiliar : (N,) bool
        Whether a network lies outside of what the model was fitted to.
    fails : (N,) float64, optional
        The predicted probability that training fails; above one half it is foretold.
    failed : (N,) bool, optional
        Whether training failed; such rows count for nothing but how well that was foretold.
    fraction : bool
        Whether the measure's unit is a fraction, see `surrogates.scores.sparse_tau`.
    """
    through = np.ones(len(mean), dtype=bool) if failed is None else ~failed
    values, mean, std, unfamiliar = values[through], mean[through], std[through], unfamiliar[through]
    truth = mean_of_known(values)
    guess = np.broadcast_to(mean[:, None], values.shape)
    failures = {}
    if failed is not None:
        failures["failed"] = scores.share(failed)
        if fails is not None:
            failures["failure_precision"] = scores.precision(failed, fails > 0.5)
            failures["failure_recall"] = scores.recall(failed, fails > 0.5)
    return Score(
        measure=measure,
        train=train,
        held_out=len(through),
        r2=scores.r2(truth, mean),
        kendall_tau=scores.kendall_tau(truth, mean),
        spearman=scores.spearman(truth, mean),
        sparse_tau=scores.sparse_tau(truth, mean, fraction=fraction),
        rmse=scores.rmse(truth, mean),
        mae=scores.mae(truth, mean),
        coverage_50=scores.coverage(values, mean, std, 0.5),
        coverage_90=scores.coverage(values, mean, std, 0.9),
        nll=scores.nll(values, mean, std),
        crps=scores.crps(values, mean, std),
        top1_regret=scores.top_regret(truth, mean, 1, maximize=maximize),
        top10_regret=scores.top_regret(truth, mean, 10, maximize=maximize),
        rank_of_best=scores.rank_of_best(truth, mean, maximize=maximize),
        rank_of_pick=scores.rank_of_pick(truth, mean, maximize=maximize),
        seed_tau=scores.seed_tau(values),
        seed_error=scores.seed_error(values),
        others_tau=scores.against_others(values, guess, scores.kendall_tau),
        others_error=scores.against_others(values, guess, scores.mae),
        unfamiliar=scores.share(unfamiliar),
        unfamiliar_mae=scores.mae(truth[unfamiliar], mean[unfamiliar]),
        **failures,
    )


@dataclass(frozen=True)
class Exploit:
    """What a strategy ended with on a surrogate, and what that is worth.

    Parameters
    ----------
    strategy : str
    runs : int
    promised, measured : float
        Means over the runs' winners: of what the surrogate predicts, and of what was measured; NaN where nothing
        was.
    promised_std : float
        How far a single training of a winner may be off, by the surrogate's own account.
    unfamiliar : float
        Share of the winners that the surrogate takes for unfamiliar.
    """

    strategy: str
    runs: int
    promised: float
    measured: float
    promised_std: float
    unfamiliar: float

    @property
    def difference(self) -> float:
        """Measured minus promised: far off in the promise's favour, the strategy has exploited the surrogate."""
        return self.measured - self.promised

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for JSON, with None for NaN."""
        return _without_nan(asdict(self))

    @classmethod
    def from_json(cls, stated: Mapping[str, Any]) -> Exploit:
        """Read what `to_json` wrote.

        Raises
        ------
        TypeError
            If a field is missing or unknown.
        """
        numbers: dict[str, Any] = {name: math.nan if value is None else value for name, value in stated.items()}
        return cls(**numbers)


@dataclass(frozen=True)
class Scorecard:
    """The scores of a surrogate.

    Parameters
    ----------
    scores : tuple of Score
        One for each measure it was fitted on.
    learning_curve : tuple of Score
        Of surrogates fitted to fewer networks.
    left_out : dict of str to Score
        Of surrogates fitted to what other strategies visited, on what this one did.
    exploits : tuple of Exploit
        What strategies found on the surrogate. This and the two before are there once it was examined.
    """

    scores: tuple[Score, ...]
    learning_curve: tuple[Score, ...] = ()
    left_out: Mapping[str, Score] = field(default_factory=dict)
    exploits: tuple[Exploit, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat dictionary a measure, ready for a table or for JSON once NaN is None."""
        return [asdict(each) for each in self.scores]

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for JSON, with None for NaN."""
        return {
            "scores": [each.to_json() for each in self.scores],
            "learning_curve": [each.to_json() for each in self.learning_curve],
            "left_out": {name: each.to_json() for name, each in self.left_out.items()},
            "exploits": [each.to_json() for each in self.exploits],
        }

    @classmethod
    def from_json(cls, stated: Mapping[str, Any]) -> Scorecard:
        """Read what `to_json` wrote in this or another version, see `Score.from_json`.

        Raises
        ------
        KeyError, TypeError, ValueError, AttributeError
            If it is no scorecard.
        """
        return cls(
            tuple(Score.from_json(each) for each in stated["scores"]),
            tuple(Score.from_json(each) for each in stated.get("learning_curve", ())),
            {name: Score.from_json(each) for name, each in stated.get("left_out", {}).items()},
            tuple(Exploit.from_json(each) for each in stated.get("exploits", ())),
        )


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }

"""Scores of predictions on unseen networks, and the scorecard that holds them.

Scores are functions of arrays, and NaN wherever one makes no sense. In all of them ``truth`` (N,) is what was measured,
the mean over an architecture's trainings, and ``mean`` (N,) what was predicted; ``values`` (N, S) are the single
trainings, NaN where there is none. Where better and worse matter, ``maximize`` tells whether higher is better, and of
equal predictions those of the worse architectures come first: a constant predictor earns the worst score, and no score
depends on the order of the rows.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.measures import mean_of_known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray


FEWEST_ROWS = 3
"""A rank correlation of fewer rows than this says nothing."""

FRACTION_STEP = 0.001
"""Differences of fractions below 0.1 % do not count in `sparse_tau`."""

STEPS_OF_RANGE = 1000
"""The number of steps that `sparse_tau` divides the range of what is no fraction into."""


# Ranks.


def kendall_tau(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return Kendall's rank correlation tau-b (Kendall 1945, Biometrika 33), which allows for ties.

    NaN for fewer than `FEWEST_ROWS` rows, or where either side is the same everywhere.
    """
    from scipy.stats import kendalltau

    return float(kendalltau(truth, mean).statistic) if _can_be_ranked(truth, mean) else math.nan


def spearman(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation (Spearman 1904), the linear correlation of the ranks; NaN as `kendall_tau`."""
    from scipy.stats import spearmanr

    return float(spearmanr(truth, mean).statistic) if _can_be_ranked(truth, mean) else math.nan


def sparse_tau(truth: NDArray[np.float64], mean: NDArray[np.float64], *, fraction: bool) -> float:
    """Return Kendall's tau after rounding the predictions, so that differences too small to matter are ties.

    NAS-Bench-301 (Zela et al. 2022, after Yu et al. 2020) rounds predicted accuracies to 0.1 %. Of other
    units no one step suits all, so their predictions are rounded to a thousandth of the range that was measured.

    Parameters
    ----------
    truth, mean : (N,) float64
    fraction : bool
        Whether the numbers are fractions, as accuracies and errors are.
    """
    if not _can_be_ranked(truth, mean):
        return math.nan
    step = FRACTION_STEP if fraction else float(np.ptp(truth)) / STEPS_OF_RANGE
    return kendall_tau(truth, np.round(mean / step))


def _can_be_ranked(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> bool:
    return len(truth) >= FEWEST_ROWS and bool(np.ptp(truth) > 0 and np.ptp(mean) > 0)


# Errors.


def r2(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return the share of the variance that is predicted: 1 at best, 0 for the mean itself; NaN without variance."""
    variation = float(((truth - truth.mean()) ** 2).sum()) if len(truth) else 0.0
    return 1 - float(((truth - mean) ** 2).sum()) / variation if variation > 0 else math.nan


def rmse(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return the root of the mean squared error, in the measure's unit."""
    return math.sqrt(_mean((truth - mean) ** 2))


def mae(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return the mean absolute error, in the measure's unit."""
    return _mean(np.abs(truth - mean))


# Predicted distributions, of single trainings: N(mean, std^2) each.


def coverage(
    values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64], level: float = 0.95
) -> float:
    """Return the share of the trainings inside the central interval that should hold a share ``level`` of them.

    Parameters
    ----------
    values : (N, S) float64
    mean, std : (N,) float64
    level : float
        In (0, 1).
    """
    from scipy.stats import norm

    value, center, spread = _trainings(values, mean, std)
    return _mean(np.abs(value - center) <= norm.ppf((1 + level) / 2) * spread)


def nll(values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]) -> float:
    """Return the mean negative logarithm of the predicted density at the trainings, in nats; lower is better.

    The logarithmic score of Gneiting and Raftery (2007, section 4.1), with its sign turned. It can be compared between
    predictions of the same measure only, and is NaN if some ``std`` is 0: a point has no density.
    """
    value, center, spread = _trainings(values, mean, std)
    if not (spread > 0).all():
        return math.nan
    return _mean(0.5 * ((value - center) / spread) ** 2 + np.log(spread) + 0.5 * math.log(2 * math.pi))


def crps(values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]) -> float:
    """Return the mean continuous ranked probability score of the trainings, in the measure's unit; lower is better.

    Gneiting and Raftery (2007, eq. 21) with its sign turned, for a Gaussian in the closed form of Gneiting et al.
    (2005, eq. 5). It weighs sharpness and honesty in one number; with ``std`` 0 it is the mean absolute error.
    """
    from scipy.special import ndtr

    value, center, spread = _trainings(values, mean, std)
    error = value - center
    with np.errstate(over="ignore"):  # far enough out the density is 0
        # Without a spread any error is infinitely many of them, and none is none.
        z = np.divide(error, spread, out=np.where(error == 0, 0, np.copysign(np.inf, error)), where=spread > 0)
        density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return _mean(error * (2 * ndtr(z) - 1) + spread * (2 * density - 1 / math.sqrt(math.pi)))


def _trainings(
    values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return value, mean and std of each training on record, (M,) each."""
    known = np.isfinite(values)
    repeats = known.sum(axis=1)
    return values[known], np.repeat(mean, repeats), np.repeat(std, repeats)


# The top: what a search gets that trusts the predictions.


def top_regret(truth: NDArray[np.float64], mean: NDArray[np.float64], k: int, *, maximize: bool) -> float:
    """Return by how much the best of all is better than the best of the ``k`` best predicted, in the measure's unit.

    What is lost if the predictions choose ``k`` architectures and these are trained. NaN unless there are more than k.
    """
    if len(truth) <= k:
        return math.nan
    gain, predicted = _rising(truth, mean, maximize=maximize)
    chosen = np.lexsort((gain, -predicted))[:k]
    return float(gain.max() - gain[chosen].max())


def rank_of_best(truth: NDArray[np.float64], mean: NDArray[np.float64], *, maximize: bool) -> float:
    """Return the rank that the predictions give to the best architecture, 1 for the top.

    As many of the best predicted have to be trained to come across it.
    """
    if not len(truth):
        return math.nan
    gain, predicted = _rising(truth, mean, maximize=maximize)
    best = gain == gain.max()
    return float(1 + (~best & (predicted >= predicted[best].max())).sum())


def rank_of_pick(truth: NDArray[np.float64], mean: NDArray[np.float64], *, maximize: bool) -> float:
    """Return the true rank of the best predicted architecture, 1 for the top.

    Best Ranking at 1 of Ning et al. (2021), not divided by the number of architectures.
    """
    if not len(truth):
        return math.nan
    gain, predicted = _rising(truth, mean, maximize=maximize)
    return float(1 + (gain > gain[predicted == predicted.max()].min()).sum())


def _rising(
    truth: NDArray[np.float64], mean: NDArray[np.float64], *, maximize: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return (truth, mean) if maximize else (-truth, -mean)


# Against a single training.


def against_others(
    values: NDArray[np.float64],
    guess: NDArray[np.float64],
    compare: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
) -> float:
    """Compare a guess at each seed with the mean over the other seeds, averaged over the seeds.

    If the guess is the training itself, this tells how well a table of one training predicts what is on record, which
    NAS-Bench-301 (Zela et al. 2022) compares its surrogates with. A surrogate's prediction as the guess meets
    the same references; the mean over all trainings scatters less than these, so scores against it do not compare.

    Parameters
    ----------
    values : (N, S) float64
    guess : (N, S) float64
        ``values`` itself, or a prediction repeated for each seed.
    compare : callable
        Of references and guesses, (M,) each: `kendall_tau`, `mae`.

    Returns
    -------
    float
        For each seed the rows count that have it and at least one other; NaN if no seed has `FEWEST_ROWS` of them.
    """
    found = []
    for seed in range(values.shape[1]):
        others = mean_of_known(np.delete(values, seed, axis=1))
        both = np.isfinite(values[:, seed]) & np.isfinite(others)
        if both.sum() >= FEWEST_ROWS:
            found.append(compare(others[both], guess[both, seed]))
    return float(np.mean(found)) if found else math.nan


def seed_tau(values: NDArray[np.float64]) -> float:
    """Return Kendall's tau between one training and the mean of the others: how well the table ranks itself."""
    return against_others(values, values, kendall_tau)


def seed_error(values: NDArray[np.float64]) -> float:
    """Return the mean absolute difference between one training and the mean of the others, in the measure's unit."""
    return against_others(values, values, mae)


# Failures.


def precision(failed: NDArray[np.bool_], foretold: NDArray[np.bool_]) -> float:
    """Return the share that failed of those foretold to fail; NaN if none were."""
    return share(failed[foretold])


def recall(failed: NDArray[np.bool_], foretold: NDArray[np.bool_]) -> float:
    """Return the share foretold to fail of those that failed; NaN if none did."""
    return share(foretold[failed])


def share(each: NDArray[np.bool_]) -> float:
    """Return the share that is true; NaN of none."""
    return _mean(each)


def _mean(each: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(each.mean()) if each.size else math.nan


# The scorecard.


@dataclass(frozen=True, eq=False)
class Score:
    """The scores of one measure on held-out networks, each defined in this module.

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
        Whether the measure's unit is a fraction, see `sparse_tau`.
    """
    through = np.ones(len(mean), dtype=bool) if failed is None else ~failed
    values, mean, std, unfamiliar = values[through], mean[through], std[through], unfamiliar[through]
    truth = mean_of_known(values)
    guess = np.broadcast_to(mean[:, None], values.shape)
    failures = {}
    if failed is not None:
        failures["failed"] = share(failed)
        if fails is not None:
            failures["failure_precision"] = precision(failed, fails > 0.5)
            failures["failure_recall"] = recall(failed, fails > 0.5)
    return Score(
        measure=measure,
        train=train,
        held_out=len(through),
        r2=r2(truth, mean),
        kendall_tau=kendall_tau(truth, mean),
        spearman=spearman(truth, mean),
        sparse_tau=sparse_tau(truth, mean, fraction=fraction),
        rmse=rmse(truth, mean),
        mae=mae(truth, mean),
        coverage_50=coverage(values, mean, std, 0.5),
        coverage_90=coverage(values, mean, std, 0.9),
        nll=nll(values, mean, std),
        crps=crps(values, mean, std),
        top1_regret=top_regret(truth, mean, 1, maximize=maximize),
        top10_regret=top_regret(truth, mean, 10, maximize=maximize),
        rank_of_best=rank_of_best(truth, mean, maximize=maximize),
        rank_of_pick=rank_of_pick(truth, mean, maximize=maximize),
        seed_tau=seed_tau(values),
        seed_error=seed_error(values),
        others_tau=against_others(values, guess, kendall_tau),
        others_error=against_others(values, guess, mae),
        unfamiliar=share(unfamiliar),
        unfamiliar_mae=mae(truth[unfamiliar], mean[unfamiliar]),
        **failures,
    )


@dataclass(frozen=True)
class Exploit:
    """The finds of a strategy on a surrogate, and their true values.

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

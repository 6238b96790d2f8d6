"""An ensemble of gradient-boosted trees (Chen and Guestrin 2016) whose members disagree where they know little."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

MANY_ROWS = 4096
"""From here on members predict side by side; for fewer rows the threads would cost more than they save."""

ROUNDS = 300
"""Trees in each member."""

PARAMETERS: dict[str, Any] = {
    "max_depth": 6,
    "eta": 0.07,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "min_child_weight": 2,
    "tree_method": "hist",
    "max_bin": 64,
    # One thread a model makes its sums, and so its trees, the same bit for bit on any number of cores.
    "nthread": 1,
}


class XGBEnsemble:
    """Several XGBoost regressions of one target, each fitted with its own seed on its own part of the rows.

    Parameters
    ----------
    texts : sequence of bytes
        Each member in XGBoost's own JSON. They are parsed when first needed.
    """

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.texts = tuple(texts)

    @classmethod
    def fit(
        cls,
        inputs: NDArray[np.float32],
        target: NDArray[np.float64],
        groups: NDArray[np.int64],
        *,
        members: int = 5,
        seed: int = 0,
    ) -> XGBEnsemble:
        """Fit an ensemble; the same inputs and seed give the same one, bit for bit.

        The groups are dealt into as many parts as there are members, and each member leaves one out; a single one sees
        them all.

        Parameters
        ----------
        inputs : (N, F) float32
        target : (N,) float64
            Finite.
        groups : (N,) int64
            From 0; rows of the same group are left out together.
        members : int
            At least 1.
        seed : int
        """
        import xgboost

        rng = np.random.default_rng(seed)
        part = rng.permutation(groups.max() + 1)[groups] % members
        seeds = rng.integers(1 << 31, size=members).tolist()

        def fit_member(member: int) -> bytes:
            rows = part != member if members > 1 else slice(None)
            data = xgboost.DMatrix(inputs[rows], target[rows], nthread=1)
            return bytes(xgboost.train({**PARAMETERS, "seed": seeds[member]}, data, ROUNDS).save_raw("json"))

        return cls(_side_by_side(fit_member, range(members)))

    def predict(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what each member predicts.

        Parameters
        ----------
        inputs : (N, F) float32

        Returns
        -------
        (members, N) float64

        Raises
        ------
        FileFormatError
            If XGBoost does not take a text for a model.
        """

        def predict_member(booster: Any) -> NDArray[np.float64]:
            return np.asarray(booster.inplace_predict(inputs), dtype=np.float64)

        if len(inputs) < MANY_ROWS:
            return np.array([predict_member(booster) for booster in self._boosters])
        return np.array(_side_by_side(predict_member, self._boosters))

    @cached_property
    def _boosters(self) -> list[Any]:
        return [_parse(text) for text in self.texts]

    def __reduce__(self) -> tuple[type[XGBEnsemble], tuple[tuple[bytes, ...]]]:
        return XGBEnsemble, (self.texts,)


def _parse(text: bytes) -> Any:
    import xgboost

    # A damaged binary model crashes the process, a JSON one does not: only what starts as JSON is handed over.
    if not text.startswith(b'{"'):
        raise FileFormatError(f"not an XGBoost model in JSON: {text[:20]!r}")
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(text))
    except xgboost.core.XGBoostError as error:
        raise FileFormatError(f"XGBoost cannot read the model: {str(error).splitlines()[0]}") from None
    return booster


def _side_by_side(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Call ``work`` on each item, in threads: XGBoost lets go of the interpreter while it computes."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))

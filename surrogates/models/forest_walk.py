"""Walking all trees of XGBoost's models at once for a few rows: a call of XGBoost takes as long as fifty of them."""

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
        self._base = np.array([_base_score(each) for each in learners], dtype=np.float32)
        trees = [tree for together in zip(*forests, strict=True) for tree in together]
        sizes = [len(tree["left_children"]) for tree in trees]
        roots = np.cumsum([0, *sizes[:-1]])
        own = np.repeat(roots, sizes)
        left, right, feature, threshold = (
            np.concatenate([np.asarray(tree[key], dtype=kind) for tree in trees])
            for key, kind in (
                ("left_children", np.intp),
                ("right_children", np.intp),
                ("split_indices", np.intp),
                ("split_conditions", np.float32),
            )
        )
        is_leaf = left < 0
        inner = np.flatnonzero(~is_leaf)
        # Nodes are put in an order in which the right child follows the left one, so that one of them is to be known.
        order = np.concatenate([roots, np.stack([left[inner] + own[inner], right[inner] + own[inner]], axis=1).ravel()])
        first_child = np.empty(len(left), dtype=np.intp)
        first_child[inner] = len(roots) + 2 * np.arange(len(inner))
        # A leaf is its own left child, and no value is too large for that: so short trees wait for deep ones.
        leaves = is_leaf[order]
        self._left = np.where(leaves, np.arange(len(order)), first_child[order])
        self._feature = np.where(leaves, 0, feature[order])
        self._threshold = np.where(leaves, np.float32(np.inf), threshold[order])
        self._value = threshold[order]
        self._roots = np.arange(len(roots)).reshape(-1, len(forests), 1)
        self._depth = _depth(self._left, self._roots.ravel())

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what each model predicts.

        Parameters
        ----------
        features : (N, F) float32
            Finite.

        Returns
        -------
        (members, N) float32
        """
        rows, columns = features.shape
        values, start = features.ravel(), np.arange(0, rows * columns, columns)
        node = np.repeat(self._roots, rows, axis=2)
        for _ in range(self._depth):
            right = values.take(self._feature.take(node) + start) >= self._threshold.take(node)
            node = self._left.take(node)
            node += right
        base = np.repeat(self._base[:, None], rows, axis=1)
        sums: NDArray[np.float32] = np.add.accumulate(np.concatenate([base[None], self._value.take(node)]), axis=0)[-1]
        return sums


def _base_score(learner: dict[str, Any]) -> float:
    return float(str(learner["learner_model_param"]["base_score"]).strip("[]"))


def _depth(left: NDArray[np.intp], roots: NDArray[np.intp]) -> int:
    depth, nodes = 0, left[roots][left[roots] != roots]
    while len(nodes):
        depth += 1
        nodes = np.concatenate([nodes, nodes + 1])
        nodes = left[nodes][left[nodes] != nodes]
    return depth

"""Ensembles of XGBoost's trees: gradient boosting and random forests.

Chen and Guestrin 2016; Breiman 2001.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from surrogates.models.regressor import Estimate, Regressor, check_trees, deal_members, read_members, side_by_side
from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from typing_extensions import Self

    from surrogates.features import Inputs


FEW_ROWS = 64
"""The most rows that are walked by `ForestWalk`: it is faster than a call of XGBoost, for one row ten times."""

MANY_ROWS = 2048
"""The fewest rows for which members predict side by side; for fewer, threads would cost more than they save."""

MEMBERS = 4
TREES = 200

PARAMETERS: dict[str, Any] = {
    "max_depth": 4,
    "eta": 0.12,
    "subsample": 0.65,
    "colsample_bytree": 0.8,
    "min_child_weight": 2,
    "tree_method": "hist",
    "max_bin": 32,
    # One thread a model makes its sums, and so its trees, the same bit for bit on any number of cores.
    "nthread": 1,
}
"""The best that `benchmarks/tuning.py` found, but the depth, which `fit_surrogate` chooses anew for each table."""


class XGBoostEnsemble(Regressor):
    """Several XGBoost regressions of one target.

    Each is fitted with its own seed on its own part of the rows.

    Parameters
    ----------
    texts : sequence of bytes
        Each member in XGBoost's own JSON. They are parsed when first needed.
    """

    kind: ClassVar[str] = "xgboost"

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.texts = tuple(texts)
        self._own = False  # whether XGBoost has just written them, so that nothing is to be checked

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        target: NDArray[np.float64],
        groups: NDArray[np.int64],
        *,
        seed: int = 0,
        members: int = MEMBERS,
        trees: int = TREES,
        **parameters: Any,
    ) -> Self:
        """Fit an ensemble.

        The groups are dealt into as many parts as there are members, and each member leaves one out; a single one sees
        them all.

        Parameters
        ----------
        inputs, target, groups, seed
            See `Regressor.fit`.
        members, trees : int
            Models, and trees in each.
        **parameters
            XGBoost's own, in place of `PARAMETERS`.
        """
        import xgboost

        part, seeds = deal_members(groups, members, seed)
        chosen = {**PARAMETERS, **parameters}
        features = inputs.features

        def fit_member(member: int) -> bytes:
            rows = part != member if members > 1 else slice(None)
            data = xgboost.DMatrix(features[rows], target[rows], nthread=1)
            return booster_bytes(xgboost.train({**chosen, "seed": seeds[member]}, data, trees))

        ensemble = cls(side_by_side(fit_member, range(members)))
        ensemble._own = True
        return ensemble

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the members' mean; they doubt by how far they differ."""
        members = self.predict_members(inputs.features)
        return Estimate(members.mean(axis=0), members.std(axis=0))

    def predict_members(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what each member predicts.

        Parameters
        ----------
        features : (N, F) float32

        Returns
        -------
        (members, N) float64
        """
        if len(features) <= FEW_ROWS:
            return self._walk.predict(features).astype(np.float64)

        def predict_member(booster: Any) -> NDArray[np.float64]:
            return np.asarray(booster.inplace_predict(features), dtype=np.float64)

        if len(features) < MANY_ROWS:
            return np.array([predict_member(booster) for booster in self._boosters])
        return np.array(side_by_side(predict_member, self._boosters))

    @cached_property
    def _boosters(self) -> list[Any]:
        return [parse_booster(text, name, check=not self._own) for name, text in self.files().items()]

    @cached_property
    def _walk(self) -> ForestWalk:
        return ForestWalk(self.files())

    def files(self) -> dict[str, bytes]:
        """Return ``member-0.json``, ..., each in XGBoost's own JSON."""
        return {f"member-{number}.json": text for number, text in enumerate(self.texts)}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Self:
        """Take the texts; XGBoost reads them when a prediction is first asked for."""
        return cls(read_members(files, "json"))

    def __reduce__(self) -> tuple[type[XGBoostEnsemble], tuple[tuple[bytes, ...]]]:
        return type(self), (self.texts,)


def out_of_fold(
    inputs: Inputs,
    target: NDArray[np.float64],
    groups: NDArray[np.int64],
    *,
    folds: int,
    seed: int = 0,
    **options: Any,
) -> NDArray[np.float64]:
    """Predict each row by a model that saw neither it nor its group.

    Parameters
    ----------
    inputs, target, groups, seed
        See `Regressor.fit`.
    folds : int
        At least 2 and at most as many as there are groups.
    **options
        See `XGBoostEnsemble.fit`.

    Returns
    -------
    (N,) float64
    """
    ensemble = XGBoostEnsemble.fit(inputs, target, groups, seed=seed, members=folds, **options)
    part, _ = deal_members(groups, folds, seed)  # each left out by the member of its number
    members = ensemble.predict_members(inputs.features)
    left_out: NDArray[np.float64] = np.take_along_axis(members, part[None], axis=0)[0]
    return left_out


FOREST_MEMBERS = 16
FOREST_TREES = 8
"""The trees of each member; more, smaller forests tell better what is not known (`RandomForest`)."""

FOREST_PARAMETERS: dict[str, Any] = {
    # As deep as there are rows, but for the files' sake no tree has more than so many leaves.
    "max_depth": 0,
    "grow_policy": "lossguide",
    "max_leaves": 1024,
    "eta": 1.0,
    "subsample": 0.8,
    "colsample_bytree": 1.0,
    "colsample_bynode": 0.33,
    "min_child_weight": 1,
    "reg_lambda": 0.0,
    "max_bin": 256,
}
"""Parameters that make a forest of XGBoost's trees: none corrects another, a split sees a third of the columns."""


class RandomForest(XGBoostEnsemble):
    """Several small random forests of one target.

    Each is fitted with its own seed on its own part of the rows.

    The estimate is the mean of all trees. The doubt is how far the members' means differ: single trees, grown until
    their leaves hold single rows, would differ by the noise of trainings, of which a member's mean keeps less.
    """

    kind: ClassVar[str] = "random-forest"

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        target: NDArray[np.float64],
        groups: NDArray[np.int64],
        *,
        seed: int = 0,
        members: int = FOREST_MEMBERS,
        trees: int = FOREST_TREES,
        **parameters: Any,
    ) -> Self:
        """Fit so many forests of so many trees, with XGBoost's own parameters; see `XGBoostEnsemble.fit`."""
        chosen = {**FOREST_PARAMETERS, **parameters, "num_parallel_tree": trees}
        return super().fit(inputs, target, groups, seed=seed, members=members, trees=1, **chosen)


def booster_bytes(booster: Any) -> bytes:
    """Return a booster in XGBoost's own JSON."""
    return bytes(booster.save_raw("json"))


def parse_booster(text: bytes, name: str, *, check: bool = True) -> Any:
    """Make a booster of what `booster_bytes` returned; ``check=False`` is for what was written a moment ago.

    Raises
    ------
    FileFormatError
        If the text, the content of the file ``name``, is not a model, or a damaged one.
    """
    import xgboost

    if check:
        read_trees(text, name)
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(text))
    except xgboost.core.XGBoostError as error:
        raise FileFormatError(f"{name}: XGBoost cannot read the model: {str(error).splitlines()[0]}") from None
    return booster


class Trees(NamedTuple):
    """The trees of one XGBoost regression, M nodes in all.

    Parameters
    ----------
    sizes : (T,) int64
        The nodes of each tree; the first is its root.
    left, right : (M,) int64
        The children of each node, numbered within its tree; negative for leaves.
    column : (M,) int64
        The column that a node splits.
    threshold : (M,) float32
        From here on the right child is taken; of leaves their value.
    base : float
        The number that the values of leaves are added to.
    columns : int
        The number of columns that the model was fitted to.
    """

    sizes: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    column: NDArray[np.int64]
    threshold: NDArray[np.float32]
    base: float
    columns: int


def read_trees(text: bytes, name: str) -> Trees:
    """Read the trees of a model, and make sure that they can be walked.

    Raises
    ------
    FileFormatError
        If the text, the content of the file ``name``, is not XGBoost's JSON, or a link in it leads astray.
    """
    # A damaged binary model crashes the process, a JSON one does not: only what starts as JSON is looked at.
    if not text.startswith(b'{"'):
        raise FileFormatError(f"{name}: is not an XGBoost model in JSON: {text[:20]!r}")
    try:
        learner = json.loads(text)["learner"]
        stated, booster = learner["learner_model_param"], learner["gradient_booster"]
        forest: list[dict[str, Any]] = booster.get("gbtree", booster)["model"]["trees"]
        sizes = [int(tree["tree_param"]["num_nodes"]) for tree in forest]
        _check_lengths(forest, sizes)
        left, right, column, threshold = (
            np.concatenate([np.asarray(tree[key], dtype=kind) for tree in forest])
            for key, kind in (
                ("left_children", np.int64),
                ("right_children", np.int64),
                ("split_indices", np.int64),
                ("split_conditions", np.float32),
            )
        )
        base, columns = float(str(stated["base_score"]).strip("[]")), int(stated["num_feature"])
        trees = Trees(np.array(sizes), left, right, column, threshold, base, columns)
        check_trees(trees.sizes, left, right, column, columns)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise FileFormatError(f"{name}: XGBoost cannot read the model: {error}") from None
    return trees


def _check_lengths(forest: Sequence[Mapping[str, Any]], sizes: Sequence[int]) -> None:
    for tree, size in zip(forest, sizes, strict=True):
        if size < 1 or any(len(tree[key]) != size for key in OF_NODES):
            raise ValueError("one of its trees has arrays of other lengths than it has nodes")


OF_NODES = (
    *("left_children", "right_children", "parents", "split_indices", "split_conditions", "split_type"),
    *("default_left", "base_weights", "loss_changes", "sum_hessian"),
)
"""The arrays of a tree that have a number for each node."""


class ForestWalk:
    """Several XGBoost regressions, walked at once for a few rows.

    All have as many trees.

    A call of XGBoost takes as long as fifty walks. The answers are those of XGBoost bit for bit: comparisons and sums
    are made in float32 and in its order.

    Parameters
    ----------
    files : mapping of str to bytes
        Each model in XGBoost's own JSON, by the name of its file: trees of plain numerical splits.

    Raises
    ------
    FileFormatError
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        forests = [read_trees(text, name) for name, text in files.items()]
        for name, trees in zip(files, forests, strict=True):
            if len(trees.sizes) != len(forests[0].sizes) or trees.columns != forests[0].columns:
                raise FileFormatError(f"{name}: has other columns than {next(iter(files))}, or another number of trees")
        self._base = np.array([trees.base for trees in forests], dtype=np.float32)
        self._columns = forests[0].columns
        sizes = np.stack([trees.sizes for trees in forests], axis=1).ravel()
        order_of_trees = np.arange(len(sizes)).reshape(-1, len(forests)).T.ravel()  # model after model
        roots = np.empty_like(sizes)
        roots[order_of_trees] = np.cumsum(sizes[order_of_trees]) - sizes[order_of_trees]
        left, right, feature = (
            np.concatenate([trees[field] for trees in forests]).astype(np.intp) for field in range(1, 4)
        )
        threshold = np.concatenate([trees.threshold for trees in forests])
        own = np.repeat(roots[order_of_trees], sizes[order_of_trees])
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
        if columns != self._columns:
            raise FileFormatError(f"the models are of {self._columns} columns of features, but are given {columns}")
        values, start = features.ravel(), np.arange(0, rows * columns, columns)
        node = np.repeat(self._roots, rows, axis=2)
        for _ in range(self._depth):
            right = values.take(self._feature.take(node) + start) >= self._threshold.take(node)
            node = self._left.take(node)
            node += right
        base = np.repeat(self._base[:, None], rows, axis=1)
        sums: NDArray[np.float32] = np.add.accumulate(np.concatenate([base[None], self._value.take(node)]), axis=0)[-1]
        return sums


def _depth(left: NDArray[np.intp], roots: NDArray[np.intp]) -> int:
    depth, nodes = 0, left[roots][left[roots] != roots]
    while len(nodes):
        depth += 1
        nodes = np.concatenate([nodes, nodes + 1])
        nodes = left[nodes][left[nodes] != nodes]
    return depth

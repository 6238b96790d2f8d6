"""An ensemble of LightGBM's gradient-boosted trees (Ke et al. 2017).

Its trees grow leaf by leaf.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from surrogates.models.regressor import Estimate, Regressor, check_trees, deal_members, read_members, side_by_side
from tabular.errors import FileFormatError
from tabular.lazy import load_optional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from surrogates.features import Inputs

MEMBERS = 4
TREES = 300

PARAMETERS: dict[str, Any] = {
    "num_leaves": 16,
    "learning_rate": 0.08,
    "min_data_in_leaf": 3,
    "min_data_in_bin": 1,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.8,
    "feature_fraction_bynode": 0.3,
    "lambda_l2": 1.0,
    "max_bin": 63,
    "objective": "regression",
    "verbosity": -1,
    # One thread and one order of sums make the trees the same bit for bit on any number of cores.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}

END = "end of trees\n"
"""The line behind which LightGBM's text says how the trees were made, which nothing needs."""

PLAIN = {"num_class": "1", "num_tree_per_iteration": "1", "label_index": "0", "objective": "regression"}
A_COLUMN = ("feature_names", "feature_infos")
A_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
A_SPLIT = (
    *("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child"),
    *("internal_value", "internal_weight", "internal_count"),
)
"""The entries of the text for the whole, for each column, for each leaf and for each split."""

INTEGERS = re.compile(r"-?[0-9]{1,9}( -?[0-9]{1,9})*", re.ASCII)
NUMBERS = re.compile(r"{0}( {0})*".format(r"-?[0-9]{1,25}(\.[0-9]{1,25})?(e[+-][0-9]{1,3})?"), re.ASCII)


class LightGBMEnsemble(Regressor):
    """Several LightGBM regressions of one target.

    Each is fitted with its own seed on its own part of the rows.

    Parameters
    ----------
    texts : sequence of str
        Each member in LightGBM's own text. They are parsed when first needed.
    """

    kind: ClassVar[str] = "lightgbm"

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)

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
    ) -> LightGBMEnsemble:
        """Fit an ensemble as `XGBoostEnsemble.fit` does, with LightGBM's own parameters in place of `PARAMETERS`.

        Raises
        ------
        NasbenchError
            If LightGBM is not installed.
        """
        lightgbm = _load_lightgbm()
        part, seeds = deal_members(groups, members, seed)
        texts = []
        # One after the other: fits side by side in one process are reported to crash.
        for member in range(members):
            rows = part != member if members > 1 else slice(None)
            chosen = {**PARAMETERS, **parameters, "seed": seeds[member]}
            data = lightgbm.Dataset(inputs.features[rows], target[rows], params=chosen)
            text = lightgbm.train(chosen, data, trees).model_to_string()
            texts.append(text[: text.index(END) + len(END)])
        return cls(texts)

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the members' mean; they doubt by how far they differ."""

        def predict_member(booster: Any) -> NDArray[np.float64]:
            return np.asarray(booster.predict(inputs.features, num_threads=1), dtype=np.float64)

        members = np.array(side_by_side(predict_member, self._boosters))
        return Estimate(members.mean(axis=0), members.std(axis=0))

    @cached_property
    def _boosters(self) -> list[Any]:
        return [_parse(text, name) for name, text in zip(self.files(), self.texts, strict=True)]

    def files(self) -> dict[str, bytes]:
        """Return ``member-0.txt``, ..., each in LightGBM's own text, without the parameters at its end."""
        return {f"member-{number}.txt": text.encode() for number, text in enumerate(self.texts)}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> LightGBMEnsemble:
        """Take the texts; LightGBM reads them when a prediction is first asked for."""
        return cls([content.decode("utf-8", "replace") for content in read_members(files, "txt")])

    def __reduce__(self) -> tuple[type[LightGBMEnsemble], tuple[tuple[str, ...]]]:
        return LightGBMEnsemble, (self.texts,)


def _load_lightgbm() -> Any:
    return load_optional("lightgbm", "lightgbm", "surrogates of LightGBM models")


def _parse(text: str, name: str) -> Any:
    lightgbm = _load_lightgbm()
    # A damaged model crashes the process, reads memory that is not its own or never ends: it is looked through first.
    try:
        _check(text)
        return lightgbm.Booster(model_str=text)
    except (ValueError, lightgbm.basic.LightGBMError) as error:
        raise FileFormatError(f"{name}: is not a LightGBM model, or damaged: {error}") from None


def _check(text: str) -> None:
    """Make sure that LightGBM can follow every tree of a text; a ValueError says where it could not."""
    head, _, trees = text.partition("\n\n")
    first, *lines = head.split("\n")
    fields = _fields(lines, {*PLAIN, *A_COLUMN, "version", "max_feature_idx", "tree_sizes"})
    if first != "tree" or any(fields[key] != value for key, value in PLAIN.items()):
        raise ValueError("it is not one regression of plain trees")
    (last_column,) = _integers(fields, "max_feature_idx", 1)
    for key in A_COLUMN:
        if fields[key].count(" ") != last_column:
            raise ValueError(f"its {key} are not of {last_column + 1} columns")
    begin, links = 0, []
    for number, size in enumerate(_integers(fields, "tree_sizes", fields["tree_sizes"].count(" ") + 1)):
        links.append(_read_links(trees[begin : begin + size], number))
        begin += size
    sizes = np.array([tree.shape[1] for tree in links])
    left, right, column = np.concatenate(links, axis=1)
    check_trees(sizes, left, right, column, columns=last_column + 1)
    if trees[begin:] != END:
        raise ValueError("it does not end where its trees do")


def _read_links(text: str, number: int) -> NDArray[np.int64]:
    """Return left child, right child and column of each node, (3, nodes): first the splits, then the leaves."""
    first, *lines, end, after, last = text.split("\n") if text.count("\n") > 3 else [""] * 4
    if first != f"Tree={number}" or end or after or last:
        raise ValueError(f"tree {number} is not where it should be")
    fields = _fields(lines, {*A_LEAF, *A_SPLIT, "num_leaves", "num_cat", "is_linear", "shrinkage"})
    (leaves,) = _integers(fields, "num_leaves", 1)
    if leaves < 1 or fields["num_cat"] != "0" or fields["is_linear"] != "0":
        raise ValueError(f"tree {number} is not a plain one")
    _check_numbers(fields, "shrinkage", 1)
    for key in A_LEAF:
        if leaves > 1 or fields[key]:  # a single leaf may lack what is known of it
            _check_numbers(fields, key, leaves)
    splits = leaves - 1
    for key in A_SPLIT:
        _check_numbers(fields, key, splits)
    if any(kind not in range(0, 12, 2) for kind in _integers(fields, "decision_type", splits)):
        raise ValueError(f"tree {number} has splits that are not of numbers")
    links = np.full((3, splits + leaves), -1)
    for row, key in enumerate(("left_child", "right_child", "split_feature")):
        links[row, :splits] = _integers(fields, key, splits)
    children = links[:2, :splits]
    inner = np.where(children < splits, children, splits + leaves)  # no node beyond the splits is there
    links[:2, :splits] = np.where(children < 0, splits + ~children, inner)  # leaf i is ~i
    return links


def _fields(lines: list[str], expected: set[str]) -> dict[str, str]:
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    if len(fields) != len(lines) or set(fields) != expected:
        raise ValueError(f"it should say {sorted(expected)}, but says {[line[:20] for line in lines]}")
    return fields


def _integers(fields: dict[str, str], key: str, count: int) -> list[int]:
    _check_numbers(fields, key, count, INTEGERS)
    return [int(number) for number in fields[key].split()]


def _check_numbers(fields: dict[str, str], key: str, count: int, kind: re.Pattern[str] | None = None) -> None:
    text = fields[key]
    if not (kind or NUMBERS).fullmatch(text) if count else text:
        raise ValueError(f"its {key} are not numbers: {text[:40]!r}")
    if count and text.count(" ") != count - 1:
        raise ValueError(f"its {key} are {text.count(' ') + 1}, not {count}")

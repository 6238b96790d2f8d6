"""One architecture's results as lines of text, as NATS-Bench and NAS-Bench-201 print them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.api.nats_columns import CIFAR10
from tabular.errors import QueryError

if TYPE_CHECKING:
    from nasbench.api.nats_results import ArchResults


def describe(results: ArchResults, extra_info: str | None, joiner: str, with_test: bool) -> list[str]:
    """Return two lines for each data set, costs and results, below two that name the architecture.

    Parameters
    ----------
    results : ArchResults
    extra_info : str or None
    joiner : str
        What stands between a loss and an accuracy.
    with_test : bool
        Give the test results of networks trained on one half of CIFAR-10.
    """
    names = results.get_dataset_names()
    lines = [results.arch_str, f"datasets : {names}, extra-info : {extra_info}"]
    for dataset in names:
        cost = results.get_compute_costs(dataset)
        latency = None if cost["latency"] is None else f"{1000 * cost['latency']:.2f}"
        lines.append(
            f"{dataset:14s} FLOP={cost['flops']:6.2f} M, Params={cost['params']:.3f} MB, latency={latency} ms."
        )
        shown = ["train", "valid", *(["test"] if dataset != CIFAR10[0] or with_test else [])]
        parts = [
            f"{_label(name, dataset)}: [{text}]" for name in shown if (text := _result(results, dataset, name, joiner))
        ]
        lines.append(f"{dataset:14s} {', '.join(parts)}")
    return lines


def _label(name: str, dataset: str) -> str:
    return "test  " if name == "test" and dataset == CIFAR10[1] else f"{name} "


def _result(results: ArchResults, dataset: str, name: str, joiner: str) -> str:
    try:
        found = results.get_metrics(dataset, name)
    except QueryError:
        return ""
    return f"loss = {found['loss']:.3f}{joiner}top1 = {found['accuracy']:.2f}%"

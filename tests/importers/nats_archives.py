"""Small archives in the layout of NATS-Bench and NAS-Bench-201, written by the `nats_bench` package's own classes.

All values are drawn from ``(seed, index, ...)``: an architecture has the same numbers whatever else an archive holds.
Which numbers and seeds are there follows the published files: in the 200 epochs of the topology space the proposed
validation and test sets were evaluated once, at the end; everywhere else every set was evaluated after every epoch.
"""

import itertools
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from nasbench import get_space

DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
SETS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("ori-test", "x-valid", "x-test"),
    "ImageNet16-120": ("ori-test", "x-valid", "x-test"),
}
HPS = {"tss": {"12": 12, "200": 200}, "sss": {"01": 1, "12": 12, "90": 90}}
SEEDS = (777, 888, 999)
SHORT_SEEDS = {"cifar10-valid": (111, 777)}
"""Those of the topology space's 12 epochs; its other data sets have 777 alone."""


@cache
def official_architectures(space):
    """Return the strings of all architectures of ``tss`` or ``sss`` in the benchmark's own order."""
    if space == "sss":
        return [":".join(map(str, each)) for each in itertools.product(range(8, 65, 8), repeat=5)]
    nb201 = get_space("nb201")
    return [nb201.to_text(row) for row in nb201.from_index(np.arange(nb201.size))]


def arch_results(space, index, hp, seed=0):
    """Return the `nats_bench.ArchResults` of one architecture, trained with one set of hyperparameters."""
    from nats_bench import ArchResults

    text = official_architectures(space)[index]
    results = ArchResults(index, text)
    rng = _rng(seed, space, index, hp)
    latencies = {dataset: float(rng.uniform(0.005, 0.03)) for dataset in DATASETS}
    costs = {dataset: (round(rng.uniform(0.07, 1.5), 6), round(rng.uniform(5, 220), 6)) for dataset in DATASETS}
    for place, dataset in enumerate(DATASETS):
        seeds = SEEDS[: 1 + (index + place) % 3]
        if (space, hp) == ("tss", "12"):
            seeds = SHORT_SEEDS.get(dataset, (777,))
        for each in seeds:
            results.update(dataset, each, _training(space, text, dataset, hp, each, costs[dataset], rng))
        results.reset_latency(dataset, None, latencies[dataset])
        results.reset_pseudo_train_times(dataset, None, float(rng.uniform(5, 60)))
        for name in SETS[dataset]:
            results.reset_pseudo_eval_times(dataset, None, name, float(rng.uniform(0.2, 5)))
    results.clear_params()
    return results


def _training(space, text, dataset, hp, seed, costs, rng):
    from nats_bench import ResultsCount

    epochs = HPS[space][hp]
    config = {"channel": 16, "num_cells": 5, "arch_str": text, "class_num": 10}
    if space == "sss":
        config = {"name": "infer.shape.tiny", "channels": text, "arch_str": text, "genotype": "", "class_num": 10}
    accuracies, losses = _curve(rng, epochs, 10, 99), _curve(rng, epochs, 3, 0.05)
    params, flops = costs
    trained = ResultsCount(dataset, {}, accuracies, losses, params, flops, config, f"{seed:04d}", epochs, None)
    trained.update_train_info(accuracies, _curve(rng, epochs, 50, 100), losses, _curve(rng, epochs, 9, 11))
    every_epoch = {"cifar10-valid": "x-valid"}.get(dataset, "ori-test")
    for name in SETS[dataset]:
        accuracies, losses = _curve(rng, epochs, 10, 90), _curve(rng, epochs, 3, 0.3)
        if (space, hp) == ("tss", "200") and name != every_epoch:
            accuracies, losses = ({epochs - 1: each[epochs - 1]} for each in (accuracies, losses))
        trained.update_OLD_eval(name, accuracies, losses)
    return trained


def _curve(rng, epochs, start, end):
    """Return one number an epoch, keyed by the epoch from 0 on, between ``start`` and ``end``."""
    learnt = np.sort(rng.random(epochs))
    return {epoch: float(start + (end - start) * part) for epoch, part in enumerate(learnt)}


def _rng(*key):
    return np.random.default_rng([zlib.crc32(str(each).encode()) for each in key])


def write_nats_archive(folder, space="tss", indices=(0, 11, 284), seed=0):
    """Write an archive as the `nats_bench` package reads it in its fast mode: a folder, one file an architecture.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.
    space : str
        ``tss`` or ``sss``.
    indices : sequence of int
        The architectures to write; ``meta.pickle.pbz2`` names all.
    seed : int
        Another seed, other numbers.

    Returns
    -------
    Path
        The folder.
    """
    from nats_bench import pickle_save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = official_architectures(space)
    meta = {"meta_archs": names, "total_archs": len(names), "arch2infos": None, "evaluated_indexes": set()}
    pickle_save(meta, folder / "meta.pickle")
    for index in indices:
        pickle_save(_states(space, index, seed), folder / f"{index:06d}.pickle")
    return folder


def write_nats_file(path, space="tss", indices=(0, 11, 284), seed=0):
    """Write the same as one file, ``path`` with ``.pbz2`` added, and return that file's path."""
    from nats_bench import pickle_save

    pickle_save(_whole(space, indices, seed), path)
    return Path(f"{path}.pbz2")


def _states(space, index, seed):
    return {hp: arch_results(space, index, hp, seed).state_dict() for hp in HPS[space]}


def _whole(space, indices, seed):
    names, found = official_architectures(space), {index: _states(space, index, seed) for index in indices}
    return {"meta_archs": names, "total_archs": len(names), "arch2infos": found, "evaluated_indexes": set(indices)}


def write_nasbench201_archive(path, indices=(0, 11, 284), seed=0, *, zipped=True, version="1.1"):
    """Write an archive of NAS-Bench-201 with `torch.save`.

    Parameters
    ----------
    path : str or Path
    indices : sequence of int
    seed : int
    zipped : bool
        In torch's format since version 1.6; else in the older one, which the published archives have.
    version : str
        ``1.1``, or ``1.0``: no times, and 12 epochs on cifar10-valid alone.

    Returns
    -------
    Path
    """
    import torch

    whole = _whole("tss", indices, seed)
    for states in whole["arch2infos"].values():
        states["less"], states["full"] = states.pop("12"), states.pop("200")
        if version == "1.0":
            _make_older(states)
    torch.save(whole, path, _use_new_zipfile_serialization=zipped)
    return Path(path)


def _make_older(states):
    less = states["less"]
    less["dataset_seed"] = {"cifar10-valid": less["dataset_seed"]["cifar10-valid"]}
    less["all_results"] = {key: each for key, each in less["all_results"].items() if key[0] == "cifar10-valid"}
    for record in states["full"]["all_results"].values():
        record.update(train_times=None, train_acc5es=None, eval_times={})

"""NATS-Bench's API over tables, method by method beside the `nats_bench` package."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest

from api.nats_pairs import CLASSES, OF_AN_EPOCH, ROUNDED, Pair, partial_topology
from importers.nats_archives import DATASETS
from nasbench.api import nats_bench as ours
from nasbench.api.nats_results import SIZE_GENOTYPE
from tabular.errors import QueryError


@pytest.fixture(scope="module", params=["tss", "sss"])
def pair(request, tmp_path_factory):
    """Six architectures of either search space."""
    pytest.importorskip("nats_bench")
    return Pair(tmp_path_factory.mktemp(request.param), request.param, (0, 11, 284, 1234, 6111, 15624))


@pytest.fixture(scope="module")
def tss(tmp_path_factory):
    pytest.importorskip("nats_bench")
    return partial_topology(tmp_path_factory.mktemp("tss"))


@pytest.mark.parametrize("dataset", DATASETS)
def test_more_info(pair, dataset):
    for index in pair.indices:
        for hp, epochs in pair.hps.items():
            for iepoch in (None, 0, epochs // 2, epochs - 1):
                seeds = pair.theirs.query_by_index(index, dataset, hp)
                for chosen in (False, *seeds):
                    pair.same(lambda api: api.get_more_info(index, dataset, iepoch, hp, chosen))  # noqa: B023


def test_more_info_by_string(pair):
    text = pair.mine[284]
    pair.same(lambda api: api.get_more_info(text, "cifar100", is_random=False))

    class Structure:
        def tostr(self):
            return text

    pair.same(lambda api: api.get_more_info(Structure(), "cifar10", 3, is_random=False))


def test_a_random_training_is_any_of_those_on_record(pair):
    def loss(api, chosen):
        return api.get_more_info(284, "ImageNet16-120", hp=pair.full, is_random=chosen)["valid-loss"]

    before = random.getstate()
    drawn = {loss(pair.mine, True) for _ in range(60)}
    assert random.getstate() == before
    assert sorted(drawn) == pytest.approx(sorted(loss(pair.theirs, seed) for seed in (777, 888, 999)), rel=ROUNDED)


def test_draws_repeat_with_their_seed(pair):
    def drawn(seed):
        api = ours.create(pair.path, pair.mine.search_space_name, verbose=False, seed=seed)
        return [(api.random(), api.get_more_info(284, "cifar100", hp=pair.full)["test-loss"]) for _ in range(20)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_costs(pair):
    for index in pair.indices:
        for dataset in DATASETS:
            for hp in pair.hps:
                pair.same(lambda api: api.get_cost_info(index, dataset, hp))  # noqa: B023
                pair.same(lambda api: api.get_latency(index, dataset, hp))  # noqa: B023


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "ImageNet16-120"])
def test_simulated_training(pair, dataset):
    for index in pair.indices:
        for hp, iepoch in [(hp, None) for hp in pair.hps] + [("12", 5)]:
            searched = "cifar10-valid" if dataset == "cifar10" else dataset
            possible = []
            for seed in pair.theirs.query_by_index(index, searched, hp):
                info = pair.theirs.get_more_info(index, searched, iepoch, hp, seed)
                seconds = info["train-all-time"] + info["valid-per-time"]
                possible.append([info["valid-accuracy"], pair.theirs.get_latency(index, dataset, hp), seconds])
            for api in (pair.mine, pair.theirs):
                api.reset_time()
                *found, used = api.simulate_train_eval(api[index], dataset, iepoch, hp)
                assert any(found == pytest.approx(each, rel=ROUNDED) for each in possible)
                assert used == api.used_time == pytest.approx(found[2])
                assert api.simulate_train_eval(index, dataset, hp=hp, account_time=False)[3] == used
    pair.mine.simulate_train_eval(0, dataset)
    assert pair.mine.used_time > used
    pair.mine.reset_time()
    assert pair.mine.used_time == 0


def test_a_search_never_sees_test_results(pair):
    if pair.mine.is_size:
        pytest.skip("the size search space has validation results after every epoch")
    # Not so 200 epochs of the topology space: theirs falls back on validation and test set in one.
    seen_by_theirs = pair.theirs.simulate_train_eval(0, "ImageNet16-120", iepoch=5, hp="200")[0]
    infos = [pair.theirs.get_more_info(0, "ImageNet16-120", 5, "200", seed) for seed in (777,)]
    assert seen_by_theirs in [info["valtest-accuracy"] for info in infos]
    with pytest.raises(
        QueryError, match=r"'ImageNet16-120' with hp 200: has no validation accuracy at iepoch=5 to sea"
    ):
        pair.mine.simulate_train_eval(0, "ImageNet16-120", iepoch=5, hp="200")


@pytest.mark.parametrize(
    ("dataset", "setname"),
    [
        ("cifar10", "valid"), ("cifar10-valid", "ori-test"), ("cifar10-valid", "train"), ("cifar10-valid", "x-valid"),
        ("cifar100", "valid"), ("cifar100", "test"), ("ImageNet16-120", "ori-test"), ("ImageNet16-120", "train"),
    ],
)  # fmt: skip
def test_the_best(pair, dataset, setname):
    for hp in pair.hps:
        pair.same(lambda api: api.find_best(dataset, setname, hp=hp))  # noqa: B023
    costs = [pair.theirs.get_cost_info(index, dataset) for index in pair.indices]
    flops, params = (1.001 * np.median([cost[name] for cost in costs]) for name in ("flops", "params"))
    pair.same(lambda api: api.find_best(dataset, setname, flops, params + 1))
    pair.same(lambda api: api.find_best(dataset, setname, None, params))
    pair.same(lambda api: api.find_best(dataset, setname, 0.5, 0.01))
    assert pair.mine.find_best(dataset, setname, 0.5) == (-1, None)


def test_all_results_of_an_architecture(pair):
    for hp in pair.hps:
        pair.same(lambda api: api.query_meta_info_by_index(284, hp).get_dataset_names())  # noqa: B023
        pair.same(lambda api: api.query_meta_info_by_index(284, hp).get_total_epoch())  # noqa: B023
    for call in (
        lambda info: info.get_metrics("cifar10", "train"),
        lambda info: info.get_metrics("cifar100", "x-test", None, False),
        lambda info: info.get_metrics("cifar100", "ori-test", 2, 888),
        lambda info: info.get_compute_costs("cifar10-valid"),
        lambda info: info.get_dataset_seeds("cifar10"),
        lambda info: info.get_latency("cifar100"),
        lambda info: info.get_total_epoch("cifar100"),
        lambda info: (info.arch_idx_str(), info.arch_str, info.arch_index, info.dataset_seed),
        lambda info: sorted(info.all_results),
    ):
        pair.same(lambda api: call(api.query_by_index(284, hp=pair.full)), rel=OF_AN_EPOCH)  # noqa: B023
    drawn = pair.mine.query_by_index(284).get_metrics("cifar10", "ori-test", is_random=True)
    assert drawn["loss"] in [
        each.get_eval("ori-test")["loss"] for each in pair.mine.query_by_index(284, "cifar10").values()
    ]


@pytest.mark.parametrize("dataset", DATASETS)
def test_all_trainings_of_an_architecture(pair, dataset):
    for call in (
        lambda trial: trial.get_train(),
        lambda trial: trial.get_train(10),
        lambda trial: {name: trial.get_eval(name) for name in trial.get_eval_set()},
        lambda trial: trial.get_times(),
        lambda trial: (trial.get_latency(), trial.get_total_epoch(), int(trial.seed), trial.name),
        lambda trial: (trial.flop, trial.params, trial.epochs, trial.latency),
        lambda trial: (trial.train_acc1es, trial.train_losses, trial.train_times),
        lambda trial: (trial.eval_acc1es, trial.eval_losses, trial.eval_times),
        lambda trial: trial.get_config(len).keys(),
        lambda trial: repr(trial).partition("seed")[0],
    ):
        pair.same(lambda api: {s: call(t) for s, t in api.query_by_index(284, dataset).items()}, rel=OF_AN_EPOCH)  # noqa: B023


def test_descriptions(pair, capsys):
    for hp in pair.hps:
        pair.same(lambda api: api.query_info_str_by_arch(284, hp))  # noqa: B023
        pair.same(lambda api: api.query_by_arch(api[11], hp))  # noqa: B023
    capsys.readouterr()
    pair.theirs.show(284)
    expected = capsys.readouterr().out
    pair.mine.show(284)
    assert capsys.readouterr().out == expected


def test_everything_is_shown(pair, capsys):
    pair.mine.show()
    text = capsys.readouterr().out
    assert text.startswith(repr(pair.mine))
    assert all(f" {index:06d}-th architecture! " in text for index in pair.indices)


def test_statistics(pair):
    for dataset in DATASETS:
        for hp in pair.hps:
            pair.same(lambda api: api.statistics(dataset, hp))  # noqa: B023


def test_the_list_of_architectures(pair):
    pair.same(lambda api: (len(api), api[12], api[-1], api.arch(12), sorted(api.evaluated_indexes)))
    pair.same(lambda api: [text for text, _ in zip(api, range(50), strict=False)])
    pair.same(lambda api: [api.query_index_by_arch(api[index]) for index in (0, 99, 15624)])
    pair.same(lambda api: [api.query_index_by_arch(arch) for arch in ("|nonsense~0|", None, 12)])
    pair.same(lambda api: (api.search_space_name, api.is_size, api.is_topology, sorted(api.avaliable_hps)))
    pair.same(lambda api: (api.full_train_epochs, api.full_epochs_in_paper))
    assert sum(1 for _ in pair.mine) == len(pair.mine)


def test_configurations(pair):
    for dataset, classes in CLASSES.items():
        expected = {**pair.theirs.get_net_config(284, dataset), "num_classes": classes}
        if pair.mine.is_size:
            expected["genotype"] = SIZE_GENOTYPE
        assert pair.mine.get_net_config(284, dataset) == expected


def test_strings_of_cells(tss):
    theirs = pytest.importorskip("nats_bench").NATStopology
    from nats_bench.genotype_utils import topology_str2structure

    for index in range(0, len(tss), 97):
        text = tss[index]
        assert tss.str2lists(text) == theirs.str2lists(text)
        np.testing.assert_array_equal(tss.str2matrix(text), theirs.str2matrix(text))
        assert tss.get_unique_str(index) == topology_str2structure(text).to_unique_str(consider_zero=True)
    text = "|max_pool_3x3~0|+|none~0|max_pool_3x3~1|"
    operations = ["none", "max_pool_3x3"]
    np.testing.assert_array_equal(tss.str2matrix(text, operations), theirs.str2matrix(text, operations))


def test_unique_strings_are_6466(tss):
    assert len({ours.cell_strings.unique_str(text) for text in tss}) == 6466


# What is ours.


def test_hp_may_be_written_in_any_way(pair):
    full = max(pair.hps, key=int)
    first = min(pair.hps, key=int)
    for hp, spellings in {full: (full, int(full), f"0{full}"), first: (first, int(first), str(int(first)))}.items():
        expected = pair.mine.get_more_info(0, "cifar10", hp=hp, is_random=False)
        for spelt in spellings:
            assert pair.mine.get_more_info(0, "cifar10", hp=spelt, is_random=False) == expected
            assert pair.mine.find_best("cifar10", "test", hp=spelt) is not None
            assert pair.mine.query_info_str_by_arch(0, hp=spelt) == pair.mine.query_info_str_by_arch(0, hp=hp)


def test_numpys_integers_are_indices(pair):
    assert pair.mine.query_index_by_arch(np.int64(284)) == 284
    assert pair.theirs.query_index_by_arch(np.int64(284)) == -1
    assert pair.mine.arch(np.int64(284)) == pair.mine[284]


def test_an_api_travels_between_processes(pair):
    pair.mine.simulate_train_eval(0, "cifar10")
    other = pickle.loads(pickle.dumps(pair.mine))  # noqa: S301 - our own
    assert repr(other) == repr(pair.mine)
    assert other.used_time == pair.mine.used_time
    assert [other.random() for _ in range(5)] == [pair.mine.random() for _ in range(5)]

"""NAS-Bench-201's API over tables: beside the `nas-bench-201` package where that is installed, and its old spelling."""

from __future__ import annotations

import os

import numpy as np
import pytest

from api.nats_pairs import CLASSES, close
from importers.nats_archives import DATASETS, write_nasbench201_archive
from nasbench.api.nas_201_api import NASBench201API
from nasbench.api.nas_201_api import NASBench201API as API  # noqa: N814 - as NAS-Bench-201's README has it
from tabular.errors import FileFormatError, QueryError
from tabular.importers.nats_bench import import_nasbench201

INDICES = [0, 1, 2, 112, 123, 15624]
NAME = "NAS-Bench-201-v1_1-096897"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    pytest.importorskip("nats_bench")
    return write_nasbench201_archive(tmp_path_factory.mktemp("nb201") / f"{NAME}.pth", INDICES)


@pytest.fixture(scope="module")
def api(archive):
    return API(import_nasbench201(archive, archive.with_suffix(".h5")), verbose=False, seed=0)


@pytest.fixture(scope="module")
def original(archive):
    package = pytest.importorskip("nas_201_api")
    import torch

    return package.NASBench201API(torch.load(archive, weights_only=False), verbose=False)


# Beside the package, version 2.1.


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("hp", ["12", "200"])
def test_numbers(api, original, dataset, hp):
    for index in INDICES:
        for chosen in (False, *original.query_by_index(index, dataset, hp)):
            for iepoch in (None, 5):
                mine = api.get_more_info(index, dataset, iepoch, hp, chosen)
                close(mine, original.get_more_info(index, dataset, iepoch, hp, chosen))
        close(api.get_cost_info(index, dataset, hp), original.get_cost_info(index, dataset, hp))
        config = original.get_net_config(index, dataset)
        assert api.get_net_config(index, dataset) == {**config, "num_classes": CLASSES[dataset]}
    for setname in ("train", "ori-test"):
        close(api.find_best(dataset, setname, hp=hp), original.find_best(dataset, setname, hp=hp))
    close(api.find_best(dataset, "train", 90, 1, hp), original.find_best(dataset, "train", 90, 1, hp))


def test_simulated_training(api, original):
    first = INDICES[0]  # trained once, but on one half of CIFAR-10
    for dataset in ("cifar100", "ImageNet16-120"):
        for each in (api, original):
            each.reset_time()
        for arguments in ((first, dataset), (first, dataset, "12", False)):
            close(api.simulate_train_eval(*arguments), original.simulate_train_eval(*arguments))
        assert original.simulate_train_eval(first, dataset, "200")[1] == original.get_latency(first, dataset, "12")
        assert api.simulate_train_eval(first, dataset, "200")[1] == api.get_latency(first, dataset, "200")
    assert api.simulate_train_eval(first, "cifar10")[0] in [
        trial.get_eval("x-valid")["accuracy"] for trial in api.query_by_index(first, "cifar10-valid").values()
    ]


def test_the_first_version_has_no_times(archive, tmp_path):
    older = write_nasbench201_archive(tmp_path / "NAS-Bench-201-v1_0-e61699.pth", INDICES, version="1.0")
    api = API(import_nasbench201(older, tmp_path / "older.h5"), verbose=False)
    info = api.get_more_info(1, "cifar10-valid", hp=200, is_random=False)
    assert (info["train-per-time"], info["train-all-time"], info["valid-all-time"]) == (None, None, None)
    assert info["valid-accuracy"] > 0
    with pytest.raises(QueryError, match="'cifar10-valid' with hp 200: has no seconds of training"):
        api.simulate_train_eval(1, "cifar10", 200)
    with pytest.raises(QueryError, match=r"has 'cifar100' with hp 200, not with '12'"):
        api.get_more_info(1, "cifar100")


def test_texts(api, original, capsys):
    assert api.query_info_str_by_arch(112, "200") == original.query_info_str_by_arch(112, "200")
    original.show(112)
    expected = capsys.readouterr().out
    api.show(112)
    assert capsys.readouterr().out == expected
    assert repr(api) == repr(original).replace("None", f"{NAME}.h5")
    text = api[77]
    assert api.str2lists(text) == original.str2lists(text)
    np.testing.assert_array_equal(api.str2matrix(text), original.str2matrix(text))


# The spelling of 1.x.


def test_use_12epochs_result(api):
    for twelve, hp in ((True, "12"), (False, "200")):
        expected = api.get_more_info(1, "cifar10", None, hp, False)
        assert api.get_more_info(1, "cifar10", None, twelve, False) == expected
        assert api.get_more_info(1, "cifar10", use_12epochs_result=twelve, is_random=False) == expected
        assert (
            api.query_by_arch(1, twelve) == api.query_by_arch(1, use_12epochs_result=twelve) == api.query_by_arch(1, hp)
        )
        best = api.find_best("cifar10", "test", hp=hp)
        assert api.find_best("cifar10", "test", FLOP_max=1000, Param_max=100, use_12epochs_result=twelve) == best
        assert api.find_best("cifar10", "test", None, None, twelve) == best
        for call in (api.query_by_index, api.query_meta_info_by_index):
            assert call(1, use_12epochs_result=twelve).get_total_epoch() == int(hp)
        trials = api.query_by_index(1, "cifar100", twelve)
        assert {each.get_total_epoch() for each in trials.values()} == {int(hp)}
        # 1.x spelt compute so.
        costs = api.query_meta_info_by_index(1, twelve).get_comput_costs("cifar10")
        assert costs == api.get_cost_info(1, "cifar10", hp)
    assert "comment" not in api.get_more_info(1, "cifar10")


def test_there_are_no_weights(api):
    for call in (
        lambda: api.get_net_param(3, "cifar10", None, use_12epochs_result=False),
        lambda: api.reload("NAS-BENCH-201-4-v1.0-archive", 3),
        lambda: api.clear_params(3),
    ):
        with pytest.raises(QueryError, match="tables hold numbers, no trained weights"):
            call()


def test_archives_are_refused(tmp_path):
    (tmp_path / f"{NAME}.pth").touch()
    with pytest.raises(FileFormatError, match=rf"'nasbench import nasbench201 .*{NAME}\.pth --out {NAME}\.h5'"):
        API(str(tmp_path / f"{NAME}.pth"))


# The README of NAS-Bench-201, with another import line and the table's path.


def test_session_of_the_readme(api, monkeypatch, capsys):
    path = api.table.path
    monkeypatch.setenv("TORCH_HOME", str(path.parent))
    assert len(NASBench201API(None)) == 15625
    api = API("{:}/{:}".format(os.environ["TORCH_HOME"], f"{NAME}.h5"), verbose=False)
    num = len(api)
    lines = [f"{i:5d}/{len(api):5d} : {arch_str}" for i, arch_str in enumerate(api)]
    assert lines[-1].startswith(f"{num - 1}/{num} : |")

    api.show(1)
    api.show(2)
    assert capsys.readouterr().out.count(" 200 epochs ") == 2

    info = api.query_meta_info_by_index(1)
    res_metrics = info.get_metrics("cifar10", "train")
    cost_metrics = info.get_comput_costs("cifar100")
    assert set(res_metrics) == {"iepoch", "loss", "accuracy", "cur_time", "all_time"}
    assert {"flops", "params", "latency"} < set(cost_metrics)

    results = api.query_by_index(1, "cifar100")
    assert len(results) == 1
    for result in results.values():
        assert result.get_latency() > 0
        for found in (result.get_train(), result.get_eval("x-valid"), result.get_eval("x-test"), result.get_train(10)):
            assert found.keys() == res_metrics.keys()

    cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    index = api.query_index_by_arch(cell)
    assert (index, api[index]) == (1, cell)  # 1: so the published log of this cell says
    api.show(index)
    assert cell in capsys.readouterr().out
    config = api.get_net_config(123, "cifar10")
    assert (config["C"], config["N"], config["num_classes"]) == (16, 5, 10)
    assert "train-loss" in api.get_more_info(112, "cifar10", None, hp="200", is_random=True)
    assert "train-loss" in api.get_more_info(112, "ImageNet16-120", None, hp="200", is_random=True)
    assert "train-loss" in api.get_more_info(112, "cifar10", None, False, True)

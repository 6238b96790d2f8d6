"""NATS-Bench's API over tables of all origins: what it opens, what it says that is not there, and its README."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from api.nats_pairs import partial_topology
from nasbench.api import nats_bench as ours
from tabular import Table, import_csv
from tabular.errors import FileFormatError, NasbenchError, QueryError

ROOT = Path(__file__).parents[2]
NASBENCH201 = ROOT.parent / "shared/data/nasbench201/nasbench201.csv"


@pytest.fixture(scope="module")
def tss(tmp_path_factory):
    pytest.importorskip("nats_bench")
    return partial_topology(tmp_path_factory.mktemp("tss"))


def test_what_was_opened_is_said_once(tss, capsys):
    api = ours.create(tss.table, "topology")
    assert capsys.readouterr().out.startswith("NATStopology(5/15625 architectures, fast_mode=False, file=NATS-tss-v1_")
    api.get_more_info(0, "cifar10")
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda api: api.get_more_info(100_000, "cifar10"), "an index is a whole number from 0 to 15624, got 100000"),
        (lambda api: api.get_more_info(-1, "cifar10"), "from 0 to 15624, got -1"),
        (lambda api: api.arch(15625), "from 0 to 15624, got 15625"),
        (lambda api: api[15625], "there is no architecture 15625; there are 15,625"),
        (lambda api: api.get_more_info(7, "cifar10"), r"has no record of architecture 7, \|.*; it has 5 architectures"),
        (
            lambda api: api.get_more_info("|no~0|", "cifar10"),
            r"'\|no~0\|' is no architecture of 'nb201'; one is '\|avg_",
        ),
        (
            lambda api: api.get_more_info(0, "cifar-10"),
            "has no data set 'cifar-10'; it has cifar10-valid, cifar10, cifar100",
        ),
        (lambda api: api.get_more_info(0, "cifar10", hp="90"), "has nothing with hp='90', .*; it has 12, 200"),
        (
            lambda api: api.get_more_info(0, "cifar10", iepoch=12),
            r"'cifar10-12' has no iepoch=12; .* 0 to 11 is on record",
        ),
        (
            lambda api: api.get_more_info(0, "cifar10", is_random=888),
            "no training with seed 888 here; it has the seeds 777",
        ),
        (lambda api: api.get_more_info(1234, "cifar10"), r"'cifar10' with hp 12: \|.* was not trained here"),
        (
            lambda api: api.query_by_index(1234, "cifar10"),
            "architecture 1234 was not trained on 'cifar10' here; it was on cif",
        ),
        (
            lambda api: api.query_by_index(0, "cifar100", 200).popitem()[1].get_eval("x-valid", 3),
            "'x-valid' .* iepoch=3 .* not on",
        ),
        (
            lambda api: api.query_by_index(0).get_metrics("cifar10", "x-valid"),
            "has nothing on 'x-valid' for 'cifar10'; it has",
        ),
        (
            lambda api: api.query_by_index(1234).get_latency("cifar100"),
            "the latency of architecture 1234 on 'cifar100' is not on",
        ),
        (lambda api: api.find_best("cifar10", "x-test"), "has no accuracy on 'x-test'; besides train it has ori-test"),
        (lambda api: api.statistics("svhn", "12"), "has no data set 'svhn'"),
        (lambda api: api.get_net_param(3, "cifar10", None), "get_net_param: tables hold numbers, no trained weights"),
        (lambda api: api.query_by_index(0).get_net_param("cifar10"), "get_net_param: tables hold numbers"),
        (
            lambda api: api.clear_params(12),
            "clear_params: tables hold numbers, no trained weights, so there are none to",
        ),
        (lambda api: api.reload(index=12), "reload: tables hold numbers"),
        (lambda api: api.str2lists("|nor_conv_3x3~1|"), "not a cell: 'nor_conv_3x3~1' .* its start a node from 0 to 0"),
        (lambda api: api.str2matrix("|max_pool_3x3~0|"), "unknown operation 'max_pool_3x3'"),
    ],
)
def test_mistakes_are_named(tss, call, message):
    with pytest.raises(NasbenchError, match=message):
        call(tss)


def test_originals_errors_are_still_value_errors(tss):
    with pytest.raises(ValueError, match="an index is"):
        tss.get_more_info(100_000, "cifar10")
    with pytest.raises(IndexError):
        tss[15625]


def test_archives_of_the_original_are_refused_with_the_way_in(tmp_path):
    for name in ("NATS-tss-v1_0-3ffb9-simple", "NATS-tss-v1_0-3ffb9.pickle.pbz2", "NAS-Bench-201-v1_1-096897.pth"):
        path = tmp_path / name
        path.mkdir() if name.endswith("simple") else path.touch()
        with pytest.raises(
            FileFormatError, match=r"not a table; .*'nasbench import (nats-bench|nasbench201) .* --out NATS-tss-.*h5'"
        ):
            ours.create(str(path), "tss")


def test_what_cannot_be_opened(tmp_path, monkeypatch, toy_table):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(FileFormatError, match=r"NATS-sss-v1_0-50262\.h5: is not there, where a table is looked for"):
        ours.create(None, "sss")
    with pytest.raises(FileFormatError, match=r"none\.h5: "):
        ours.create(tmp_path / "none.h5", "tss")
    with pytest.raises(QueryError, match="unknown search space 'tsss'; did you mean 'tss'"):
        ours.create(toy_table, "tsss")
    with pytest.raises(QueryError, match="expected the path of a table or an open Table, got dict"):
        ours.create({"meta_archs": []}, "tss")
    with pytest.raises(QueryError, match=r"is a table of 'toy', which is opened by .*create\(\.\.\., 'tss'\)"):
        ours.create(toy_table, "sss")


# The README of NATS-Bench, with another import line.


def test_session_of_the_readme(tss, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tss.table.path.parent))
    from nasbench.api.nats_bench import create

    api = create(None, "tss", fast_mode=True, verbose=True)
    architecture_str = api.arch(12)
    assert api.query_index_by_arch(architecture_str) == 12
    info = api.get_more_info(1224, "cifar10")
    assert 10 <= info["test-accuracy"] <= 99
    info = api.get_cost_info(12, "cifar10")
    assert {"flops", "params", "latency"} < info.keys()
    validation_accuracy, latency, time_cost, current_total_time_cost = api.simulate_train_eval(
        1224, dataset="cifar10", hp="12"
    )
    assert 10 <= validation_accuracy <= 99
    assert 0 < latency < time_cost == current_total_time_cost
    config = api.get_net_config(12, "cifar10")
    assert config["arch_str"] == architecture_str


# Tables of other origins.


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """NAS-Bench-201's means, imported from CSV."""
    if not NASBENCH201.exists():
        pytest.skip(f"NAS-Bench-201's published results are not at {NASBENCH201}")
    path = tmp_path_factory.mktemp("csv") / "nasbench201.h5"
    return ours.create(import_csv(NASBENCH201, ROOT / "examples/nasbench201.toml", path), "tss", verbose=False)


def test_published_means(published):
    info = published.get_more_info(6111, "cifar10", hp="200")
    assert info["valid-accuracy"] == pytest.approx(91.61, abs=0.005)
    assert info["test-accuracy"] == pytest.approx(94.37, abs=0.005)
    assert info["train-all-time"] == pytest.approx(200 * info["train-per-time"])
    assert info["valid-per-time"] is None
    assert np.isnan(info["train-loss"])
    assert info == pytest.approx(published.get_more_info(6111, "cifar10", 199, 200, False), nan_ok=True)
    # The published optimum: Dong and Yang, ICLR 2020, table 5.
    assert published.find_best("cifar10", "valid", hp="200") == (6111, pytest.approx(91.61, abs=0.005))
    assert published.find_best("cifar100", "test", hp="200") == (9930, pytest.approx(73.51, abs=0.005))
    accuracy, latency, seconds, used = published.simulate_train_eval(6111, "cifar10", hp="200")
    assert (accuracy, latency, seconds, used) == (info["valid-accuracy"], None, info["train-all-time"], seconds)
    cost = published.get_cost_info(9930, "cifar10")
    assert cost["flops"] == pytest.approx(187.04, abs=0.01)  # the published log says 184.73, the CSV 1.3% more
    assert cost["params"] == pytest.approx(1.289, abs=0.001)
    assert (cost["latency"], cost["T-x-valid@total"]) == (None, None)
    assert published.get_net_config(0, "cifar100")["num_classes"] == 100
    assert "cifar10        FLOP=187.04 M, Params=1.289 MB, latency=None ms." in published.query_info_str_by_arch(
        9930, "200"
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda api: api.get_more_info(0, "cifar10-valid"),
            "has no data set 'cifar10-valid'; it has cifar10, cifar100$",
        ),
        (lambda api: api.get_more_info(0, "cifar10", 10), "no iepoch=10; iepoch counts from 0 and 11 is on record"),
        (
            lambda api: api.get_more_info(0, "cifar10", is_random=777),
            "no training with seed 777 here; it has means over",
        ),
        (lambda api: api.query_by_index(0, "cifar10"), "task 'cifar10-12' holds means, no single trainings"),
        (lambda api: api.statistics("cifar10", 200), "holds means over trainings, not how many there were"),
        (
            lambda api: api.find_best("cifar100", "ori-test"),
            "no accuracy on 'ori-test'; besides train it has x-valid, x-test",
        ),
    ],
)
def test_what_the_published_means_lack_is_said(published, call, message):
    with pytest.raises(QueryError, match=message):
        call(published)


def test_shipped_table():
    api = ours.create("nb201-digits", "tss", verbose=False, seed=0)
    assert len(api) == len(api.evaluated_indexes) == 15625
    info = api.get_more_info(1234, "digits", is_random=False)
    assert info.keys() == {
        f"{name}-{what}" for name in ("train", "valid", "test") for what in ("loss", "accuracy", "per-time", "all-time")
    }
    assert 0 < info["valid-accuracy"] < 100
    assert info["valid-per-time"] is None
    # A row stands for all architectures of its class.
    by_class = {}
    for index in range(0, 15625, 50):
        accuracy = api.get_more_info(index, "digits", is_random=False)["test-accuracy"]
        assert by_class.setdefault(api.get_unique_str(index), accuracy) == accuracy
    best, accuracy = api.find_best("digits", "valid")
    assert accuracy == api.get_more_info(best, "digits", is_random=False)["valid-accuracy"]
    assert api.get_net_config(0, "digits") == {
        "name": "infer.tiny", "C": 8, "N": 1, "arch_str": api[0], "num_classes": 10,
    }  # fmt: skip
    assert api.statistics("digits", 12) == {3: 15625}
    assert 0 < api.get_latency(best, "digits") < 1
    assert api.simulate_train_eval(best, "digits", iepoch=0)[2] < api.simulate_train_eval(best, "digits")[2]


def test_generated_tables_of_other_cells(toy_table):
    api = ours.create(toy_table, "tss", verbose=False)
    assert len(api) == 64
    info = api.get_more_info(3, "toy", iepoch=2, hp=9, is_random=1)
    table = Table.open(toy_table)
    assert info["valid-accuracy"] == 100 * float(table.metric("toy", "validation_accuracy")[3, 1, 1])
    assert info["train-per-time"] == float(table.metric("toy", "train_seconds")[3, 1, 1]) / 3
    with pytest.raises(QueryError, match=r"has nothing with hp='12', the epochs of a training; it has 9"):
        api.get_more_info(3, "toy")
    with pytest.raises(QueryError, match="does not say how wide and deep"):
        api.get_net_config(3, "toy")


def test_a_diverged_training_gives_nan(toy_table):
    api = ours.create(toy_table, "tss", verbose=False)
    info = api.get_more_info(5, "toy", hp=9, is_random=1)
    assert np.isnan(info["valid-accuracy"])
    assert info["train-all-time"] > 0
    api.rng = random.Random(0)  # noqa: S311 - no secret
    drawn = [api.simulate_train_eval(5, "toy", hp=9) for _ in range(30)]
    assert {np.isnan(each[0]) for each in drawn} == {True, False}
    assert api.used_time == drawn[-1][3] > 0
    assert api.get_more_info(5, "toy", hp=9, is_random=False)["valid-accuracy"] > 0

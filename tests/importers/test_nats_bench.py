"""NATS-Bench's and NAS-Bench-201's files as tables, held against what the `nats_bench` package answers from them."""

from types import SimpleNamespace

import numpy as np
import pytest

from importers import nats_archives
from importers.nats_archives import DATASETS, HPS, official_architectures
from nasbench import get_space
from tabular import Table, TableOracle
from tabular.importers.nats_bench import import_nasbench201, import_nats_bench

nats_bench = pytest.importorskip("nats_bench", reason="nats_bench, the peer to compare with, is not installed")

INDICES = (0, 11, 284)
SPLITS = {"validation": "valid", "test": "test", "validation_test": "valtest"}
NAMES = {"tss": "nb201", "sss": "nats-size"}


@pytest.fixture(scope="module", params=["tss", "sss"])
def archive(request, tmp_path_factory):
    """An archive, the table that was made of it, and the package's own API on it."""
    folder = tmp_path_factory.mktemp(request.param)
    source = nats_archives.write_nats_archive(folder / "archive", request.param, INDICES)
    reports = []
    table = import_nats_bench(source, folder / "table.h5", lambda *report: reports.append(report))
    api = nats_bench.create(str(source), request.param, fast_mode=True, verbose=False)
    return SimpleNamespace(kind=request.param, source=source, table=table, api=api, reports=reports, folder=folder)


def test_a_table_is_sound_and_names_its_origin(archive):
    table = archive.table
    assert table.check() == []
    assert table.represents == "row"
    assert table.space == get_space(NAMES[archive.kind])
    assert set(table.tasks) == {f"{dataset}-{hp}" for dataset in DATASETS for hp in HPS[archive.kind]}
    assert table.provenance["licence"] == "MIT"
    assert "Dong" in table.provenance["citation"]
    assert table.provenance["architectures"] == f"3 of {table.space.size:,}"
    assert table.provenance["missing_architectures"] == table.space.size - 3
    assert table.provenance["trainings"]["cifar10-12"] == int(table.status("cifar10-12").sum())
    task = table.tasks["cifar100-12"]
    assert task.epochs == tuple(range(1, 13))
    assert task.provenance["dataset"] == "CIFAR-100"
    assert "5,000" in task.provenance["splits"]
    assert [report[:2] for report in archive.reports] == [(1, 3), (2, 3), (3, 3)]


def test_architectures_are_those_of_the_official_indices(archive):
    space, names = archive.table.space, official_architectures(archive.kind)
    assert [space.to_text(row) for row in archive.table.architectures] == [names[index] for index in INDICES]
    assert space.index(archive.table.architectures).tolist() == list(INDICES)
    assert names == [space.to_text(row) for row in space.from_index(np.arange(space.size))]


def test_every_number_is_what_the_api_answers(archive):
    compared = 0
    for name, task in archive.table.tasks.items():
        dataset, _, hp = name.rpartition("-")
        values = {metric: archive.table.metric(name, metric) for metric in task.metrics}
        for row, index in enumerate(INDICES):
            seeds = archive.api.query_meta_info_by_index(index, hp).get_dataset_seeds(dataset)
            there = archive.table.status(name)[row].astype(bool)
            assert [seed for seed, done in zip(task.seeds, there, strict=True) if done] == seeds
            for seed in seeds:
                of_training = {key: each[row, task.seeds.index(seed)] for key, each in values.items()}
                compared += _compare(archive.api, index, dataset, hp, seed, of_training)
            for each in values.values():
                assert np.isnan(each[row, ~there]).all()
    assert compared > 10_000


def _compare(api, index, dataset, hp, seed, values):
    """Compare one training with the API's answers at each epoch, and return how many numbers that were."""
    got, expected = [], []
    for epoch in range(len(values["train_loss"])):
        info = api.get_more_info(index, dataset, epoch, hp, is_random=seed)
        info.pop("comment", None)
        answers = {
            "train-accuracy": values["train_accuracy"][epoch] * 100,
            "train-loss": values["train_loss"][epoch],
            "train-all-time": values["train_seconds"][epoch],
            "train-per-time": values["train_seconds"][epoch] / (epoch + 1),
        }
        for ours, theirs in SPLITS.items():
            if np.isnan(values.get(f"{ours}_accuracy", [np.nan] * (epoch + 1))[epoch]):
                continue
            answers[f"{theirs}-accuracy"] = values[f"{ours}_accuracy"][epoch] * 100
            answers[f"{theirs}-loss"] = values[f"{ours}_loss"][epoch]
            answers[f"{theirs}-per-time"] = values[f"{ours}_eval_seconds"][: epoch + 1].mean()
            answers[f"{theirs}-all-time"] = values[f"{ours}_eval_seconds"][: epoch + 1].sum(dtype=np.float64)
        assert set(answers) == set(info)
        got += answers.values()
        expected += [info[key] for key in answers]
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    return len(got)


def test_costs_are_what_the_api_answers(archive):
    for name in archive.table.tasks:
        dataset, _, hp = name.rpartition("-")
        for row, index in enumerate(INDICES):
            info = archive.api.get_cost_info(index, dataset, hp)
            costs = {cost: archive.table.cost(name, cost)[row] for cost in archive.table.costs(name)}
            assert costs == pytest.approx(
                {
                    "parameters": info["params"] * 1e6,
                    "flops": info["flops"] * 2e6,
                    "latency_seconds": info["latency"],
                }
            )
    assert archive.table.costs("cifar10-12") == {
        "parameters": "count",
        "flops": "FLOP",
        "latency_seconds": "second",
    }


def test_the_table_answers_searches(archive):
    """A search is charged as the API's own simulation of one: training up to the epoch."""
    oracle = TableOracle(archive.table)
    row = archive.table.architectures[1]
    seconds = oracle.query(row, "cifar10-valid-12/train_seconds@12")
    info = archive.api.get_more_info(11, "cifar10-valid", None, "12", is_random=False)
    assert seconds == pytest.approx(info["train-all-time"], rel=1e-5)
    assert oracle.query(row, "cifar10-valid-12/validation_accuracy@12") == pytest.approx(info["valid-accuracy"] / 100)


def test_one_large_file_gives_the_same_table(archive):
    source = nats_archives.write_nats_file(archive.folder / "NATS-v1_0-12345.pickle", archive.kind, INDICES)
    reports = []
    table = import_nats_bench(source, archive.folder / "one.h5", lambda *report: reports.append(report))
    assert table.digest == archive.table.digest
    assert [report[:2] for report in reports] == [(count, table.space.size) for count in (1, 2, 3)]


@pytest.mark.parametrize("archive", ["tss"], indirect=True)
def test_evaluations_that_the_published_files_lack_are_missing(archive):
    table = archive.table
    done = table.status("cifar100-200").astype(bool)
    final = table.metric("cifar100-200", "validation_accuracy")[done]
    assert np.isnan(final[:, :-1]).all()
    assert not np.isnan(final[:, -1]).any()
    assert not np.isnan(table.metric("cifar100-200", "validation_test_accuracy")[done]).any()
    assert table.tasks["cifar100-200"].metrics["validation_test_accuracy"].split == "test"
    assert table.tasks["cifar10-valid-12"].seeds == (111, 777)
    assert table.tasks["cifar10-12"].seeds == (777,)


@pytest.mark.parametrize("zipped", [True, False])
def test_nasbench201_archives_give_the_same_numbers(zipped, tmp_path):
    """Both formats of `torch.save`, read without torch."""
    source = nats_archives.write_nasbench201_archive(tmp_path / "NAS-Bench-201-v1_1.pth", INDICES, zipped=zipped)
    nats_archives.write_nats_archive(tmp_path / "tss", "tss", INDICES)
    table = import_nasbench201(source, tmp_path / "201.h5")
    same = import_nats_bench(tmp_path / "tss", tmp_path / "tss.h5")
    assert table.check() == []
    assert table.provenance["benchmark"] == "NAS-Bench-201"
    assert "ICLR 2020" in table.tasks["cifar10-200"].provenance["citation"]
    assert set(table.tasks) == set(same.tasks)
    for name, task in table.tasks.items():
        assert (task.seeds, task.epochs) == (same.tasks[name].seeds, same.tasks[name].epochs)
        for metric in task.metrics:
            np.testing.assert_array_equal(table.metric(name, metric), same.metric(name, metric))
        for cost in table.costs(name):
            np.testing.assert_array_equal(table.cost(name, cost), same.cost(name, cost))


def test_the_first_nasbench201_archive_has_no_times_and_one_short_task(tmp_path):
    source = nats_archives.write_nasbench201_archive(tmp_path / "v1_0.pth", INDICES, version="1.0", zipped=False)
    table = import_nasbench201(source, tmp_path / "201.h5")
    assert [name for name in table.tasks if name.endswith("-12")] == ["cifar10-valid-12"]
    assert np.isnan(table.metric("cifar10-200", "train_seconds")).all()
    assert np.isnan(table.metric("cifar100-200", "test_eval_seconds")).all()
    assert not np.isnan(table.metric("cifar10-valid-12", "train_seconds")).all()


def test_the_table_that_is_written_can_be_opened_again(archive):
    with Table.open(archive.folder / "table.h5") as again:
        assert again.digest == archive.table.digest

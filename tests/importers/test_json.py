"""Importers of results published in JSON: NAS-Bench-301's trainings and NAS-Bench-Macro."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from spaces.darts_examples import DARTS_V2
from tabular import TableOracle
from tabular.errors import FileFormatError, OutputError, UnknownNameError
from tabular.importers.nasbench301 import import_nasbench301
from tabular.importers.nasbench_macro import import_nasbench_macro
from tabular.spaces import get_space
from tabular.spaces.darts import Darts

DARTS = Darts()
ROW = DARTS.from_genotype(DARTS_V2)
OTHER = DARTS.from_index(12345)

# NAS-Bench-301. The fields of nasbench301/surrogate_models/test/results_fidelity_0/results_0.json in its repository,
# with values of our own; the curves as programs that use the published results read them.

RECIPE = {
    "CreateImageDataLoader:batch_size": 96,
    "ImageAugmentation:augment": "True",
    "NetworkSelectorDatasetInfo:darts:auxiliary": "True",
    "NetworkSelectorDatasetInfo:darts:init_channels": 32,
    "NetworkSelectorDatasetInfo:darts:layers": 8,
    "NetworkSelectorDatasetInfo:network": "darts",
    "OptimizerSelector:sgd:learning_rate": 0.025,
    "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max": 5,
}


def result(row=ROW, *, epochs=4, curves=True, test=93.0, **changes):
    validation = [60.0 + 8 * (epoch % 4) for epoch in range(epochs)]
    document = {
        "final_metric_score": -validation[-1],
        "optimized_hyperparamater_config": {**RECIPE, **DARTS.to_configuration(row)},
        "budget": 5,
        "info": [
            {
                "train_loss": 0.66,
                "train_accuracy": 86.5,
                "train_cross_entropy": 1.5,
                "val_accuracy": validation[-1],
                "val_cross_entropy": 0.25,
                "epochs": epochs,
                "model_parameters": 1_500_000,
                "learning_rate": 4.6e-06,
                "train_datapoints": 40000,
                "val_datapoints": 10000,
                "dataset_path": "datasets/CIFAR10.csv",
                "dataset_id": 0,
                "val_accuracy_final": validation[-1],
            }
        ],
        "test_accuracy": test,
        "runtime": 4000,
    }
    if curves:
        document["learning_curves"] = {
            "Train/train_accuracy": [50.0 + 9 * epoch for epoch in range(epochs)],
            "Train/val_accuracy": validation,
            "Train/lr": [0.1] * epochs,
        }
    document.update(changes)
    return document


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "nb_301"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "table.h5"


def write(folder, **files):
    for name, document in files.items():
        path = folder / name / "results_0.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))


def test_nasbench301_with_curves(folder, out):
    write(folder, a=result(), b=result(OTHER, test=91.5), c=result(test=93.5, runtime=4100))
    told = []
    table = import_nasbench301(folder, out, lambda *each: told.append(each))
    assert told[-1] == (3, 3, "3 trainings")
    assert table.check() == []
    assert table.space == get_space("darts")
    assert table.represents == "class"
    np.testing.assert_array_equal(table.architectures, [ROW, OTHER])
    (task,) = table.tasks.values()
    assert (task.name, task.epochs, task.seeds) == ("cifar10", (1, 2, 3, 4), (0, 1))
    assert set(task.metrics) == {
        *("train_accuracy", "train_loss", "validation_accuracy", "validation_loss", "test_accuracy", "train_seconds")
    }
    validation = table.metric("cifar10", "validation_accuracy")
    np.testing.assert_allclose(validation[0, 0], [0.60, 0.68, 0.76, 0.84], rtol=1e-6)
    np.testing.assert_allclose(table.metric("cifar10", "train_accuracy")[1, 0], [0.5, 0.59, 0.68, 0.77], rtol=1e-6)
    assert np.isnan(validation[1, 1]).all()
    assert table.status("cifar10").tolist() == [[1, 1], [1, 0]]
    # What is known of whole trainings alone stands at their last epoch.
    for name, values in (("test_accuracy", [0.93, 0.935]), ("train_seconds", [4000, 4100]), ("train_loss", [1.5] * 2)):
        np.testing.assert_allclose(table.metric("cifar10", name)[0, :, 3], values, rtol=1e-6)
        assert np.isnan(table.metric("cifar10", name)[:, :, :3]).all()
    assert table.cost("cifar10", "parameters_with_auxiliary_head").tolist() == [1_500_000, 1_500_000]
    assert task.provenance["training"] == {**RECIPE, "ImageAugmentation:augment": True, "budget": 5} | {
        "NetworkSelectorDatasetInfo:darts:auxiliary": True
    }
    assert task.provenance["ended_after_epochs"] == {"4": 3}
    assert table.provenance["benchmark"] == "NAS-Bench-301"
    assert TableOracle(table).query(ROW, "test_accuracy") == pytest.approx(0.9325)


def test_nasbench301_without_curves(folder, out):
    write(folder, a=result(curves=False, epochs=98), b=result(OTHER, curves=False, epochs=98))
    table = import_nasbench301(folder, out)
    assert table.tasks["cifar10"].epochs == (98,)
    assert table.metric("cifar10", "train_accuracy").ravel().tolist() == [np.float32(0.865)] * 2


def test_nasbench301_of_one_file(folder, out):
    write(folder, a=result())
    assert len(import_nasbench301(folder / "a/results_0.json", out)) == 1


def test_nasbench301_isomorphic_drawings_are_seeds(folder, out):
    """Nodes 2 and 3 of both cells exchanged: the same network."""
    genotype = DARTS.to_genotype(DARTS.from_index(0))
    swap = {0: 0, 1: 1, 2: 3, 3: 2}
    normal = [*genotype.normal[2:4], *genotype.normal[:2], *genotype.normal[4:]]
    normal[0] = ("sep_conv_3x3", normal[0][1])
    first = [*normal[2:4], *normal[:2], *normal[4:]]
    again = [(operation, swap[start]) for operation, start in normal]
    rows = [DARTS.from_genotype(genotype._replace(normal=cell)) for cell in (first, again)]
    assert not np.array_equal(*rows)
    write(folder, a=result(rows[0]), b=result(rows[1], test=92.0))
    table = import_nasbench301(folder, out)
    assert len(table) == 1
    assert table.tasks["cifar10"].seeds == (0, 1)


def test_nasbench301_short_failed_copied_and_other_trainings_are_told(folder, out):
    failed = result(test=None, info=[{"val_accuracy": None, "epochs": 0}], learning_curves={}, runtime=None)
    diverged = result(info=[], learning_curves=None)
    diverged["test_accuracy"] = float("nan")  # JSON as Python writes it
    other = result(OTHER)
    other["optimized_hyperparamater_config"]["OptimizerSelector:sgd:learning_rate"] = 0.1
    write(folder, a=result(), b=result(), c=failed, d=diverged, e=result(OTHER, epochs=2), f=other)
    table = import_nasbench301(folder, out)
    provenance = table.tasks["cifar10"].provenance
    assert provenance["trainings"] == {
        "files": 6,
        "copies": 1,
        "failed": 2,
        "failed_files": ["c/results_0.json", "d/results_0.json"],
        "of_another_recipe": 1,
        "with_curves": 2,
        "with_another_validation_accuracy_in_info": 0,
    }
    assert provenance["ended_after_epochs"] == {"2": 1, "4": 1}
    np.testing.assert_array_equal(table.architectures, [ROW, OTHER])
    # The short training has its numbers where they were measured, and none at the end.
    validation = table.metric("cifar10", "validation_accuracy")[1, 0]
    np.testing.assert_allclose(validation, [0.60, 0.68, np.nan, np.nan], rtol=1e-6)
    assert table.metric("cifar10", "test_accuracy")[1, 0, 1] == np.float32(0.93)
    assert np.isnan(table.metric("cifar10", "test_accuracy")[1, 0, 3])


def test_nasbench301_info_that_differs_from_the_curve_is_counted(folder, out):
    best = result()
    best["info"][0]["val_accuracy"] = 99.0
    write(folder, a=best)
    table = import_nasbench301(folder, out)
    assert table.tasks["cifar10"].provenance["trainings"]["with_another_validation_accuracy_in_info"] == 1
    assert table.metric("cifar10", "validation_accuracy")[0, 0, 3] == np.float32(0.84)


def test_nasbench301_loss_that_is_not_finite_is_not_known(folder, out):
    diverging = result()
    diverging["learning_curves"]["Train/val_cross_entropy"] = [2.0, float("inf"), float("nan"), 3.0]
    write(folder, a=diverging)
    table = import_nasbench301(folder, out)
    np.testing.assert_array_equal(table.metric("cifar10", "validation_loss")[0, 0], [2, np.nan, np.nan, 3])


def spoilt(change):
    document = copy.deepcopy(result())
    change(document)
    return document


def test_nasbench301_mistakes(folder, out):
    configuration = "NetworkSelectorDatasetInfo:darts:"
    cases = [
        ("{", "is not JSON: "),
        ("[]", "should hold one JSON object, it holds list instead"),
        ('{"a": 1, "a": 2}', "is not JSON: 'a' is there twice"),
        ({"budget": 5}, "is no result of NAS-Bench-301: it has no 'optimized_hyperparamater_config'"),
        (
            spoilt(lambda d: d["optimized_hyperparamater_config"].pop(f"{configuration}edge_normal_0")),
            f"not an architecture of 'darts': the configuration has no '{configuration}edge_normal_0'",
        ),
        (spoilt(lambda d: d.update(info=[3])), "'info' should be a list of one object"),
        (spoilt(lambda d: d.update(test_accuracy=930)), "test_accuracy: is 930, expected percent"),
        (spoilt(lambda d: d.update(test_accuracy="93")), "test_accuracy: should be a number, got '93'"),
        (spoilt(lambda d: d.update(runtime=-1)), "runtime: is -1, expected 0 or more"),
        (spoilt(lambda d: d["info"][0].update(val_accuracy=-3)), "info, val_accuracy: is -3, expected percent"),
        (
            spoilt(lambda d: d["learning_curves"].update({"Train/val_accuracy": [10, 200]})),
            "learning_curves, Train/val_accuracy: is 200, expected percent",
        ),
        (
            spoilt(lambda d: d["learning_curves"].update({"Train/val_accuracy": [10, "x"]})),
            "learning_curves, Train/val_accuracy: should be numbers, got 'x'",
        ),
    ]
    for document, message in cases:
        write(folder, a=document)
        with pytest.raises(FileFormatError) as raised:
            import_nasbench301(folder, out)
        assert str(raised.value).startswith(f"{folder / 'a/results_0.json'}: {message}")
        assert not out.exists()


def test_nasbench301_nothing_to_import(folder, out, tmp_path):
    with pytest.raises(FileFormatError, match="nb_301: no such file or folder; give the folder of NAS-Bench-301's"):
        import_nasbench301(folder, out)
    folder.mkdir()
    with pytest.raises(FileFormatError, match=r"nb_301: holds no results_\*\.json; give the folder"):
        import_nasbench301(folder, out)
    write(folder, a=result(test=None, info=None, learning_curves=None))
    with pytest.raises(FileFormatError, match="nb_301: none of its 1 trainings went through"):
        import_nasbench301(folder, out)


def test_the_table_cannot_be_written(folder, tmp_path):
    (tmp_path / "file").write_text("")
    for importer in (import_nasbench301, import_nasbench_macro):
        with pytest.raises(OutputError, match="cannot be written"):
            importer(folder, tmp_path / "file/table.h5")


# NAS-Bench-Macro. The fields that its README gives and its collect_benchmark.py writes, with values of our own.


def representative(text):
    """What the authors' get_real_arch makes of an architecture: identities behind the first layer move to the end."""
    stages = (text[:2], text[2:5], text[5:])
    return "".join(s[0] + s[1:].replace("0", "").ljust(len(s) - 1, "0") for s in stages)


def macro_document():
    space = get_space("nb-macro")
    document = {}
    for text in space.to_text(space.all()):
        worth = int(representative(text), 3) / 3**8
        accuracies = [85 + 8 * worth, 85.5 + 8 * worth, 86 + 8 * worth]
        document[text] = {
            "test_acc": accuracies,
            "mean_acc": sum(accuracies) / 3,
            "std": float(np.std(accuracies)),
            "params": 500_000 + sum(map(int, text)) * 1000,
            "flops": 20_000_000 + sum(map(int, text)) * 100_000,
        }
    return document


@pytest.fixture(scope="module")
def macro():
    return macro_document()


@pytest.fixture(scope="module")
def macro_table(macro, tmp_path_factory):
    folder = tmp_path_factory.mktemp("macro")
    (folder / "nas-bench-macro_cifar10.json").write_text(json.dumps(macro))
    return import_nasbench_macro(folder / "nas-bench-macro_cifar10.json", folder / "macro.h5")


def test_macro_holds_every_network_once(macro, macro_table):
    assert macro_table.check() == []
    assert macro_table.represents == "class"
    # 9 pairs of layers in the first stage, 21 triples in the others.
    assert len(macro_table) == len({representative(text) for text in macro}) == 9 * 21 * 21
    (task,) = macro_table.tasks.values()
    assert (task.name, task.epochs, task.seeds, list(task.metrics)) == ("cifar10", (50,), (0, 1, 2), ["test_accuracy"])


def test_macro_numbers(macro, macro_table):
    space = macro_table.space
    texts = list(macro)[::97]
    rows = macro_table.rows(space.from_text(texts))
    accuracies = macro_table.metric("cifar10", "test_accuracy")[rows, :, 0]
    np.testing.assert_allclose(accuracies, [np.array(macro[text]["test_acc"]) / 100 for text in texts], rtol=1e-6)
    flops = macro_table.cost("cifar10", "flops")[rows]
    np.testing.assert_array_equal(flops, [2 * macro[text]["flops"] for text in texts])
    parameters = macro_table.cost("cifar10", "parameters")[rows]
    np.testing.assert_array_equal(parameters, [macro[text]["params"] for text in texts])
    best = max(macro, key=lambda text: macro[text]["mean_acc"])
    oracle = TableOracle(macro_table)
    with pytest.raises(UnknownNameError, match="unknown metric 'validation_accuracy' of task 'cifar10'"):
        oracle.query(space.from_text("00120212"))
    reference = oracle.reference("test_accuracy")
    assert reference.best == pytest.approx(macro[best]["mean_acc"] / 100, rel=1e-6)


def test_macro_mistakes(macro, tmp_path, out):
    source = tmp_path / "macro.json"

    def with_entry(text="01201201", **changes):
        return {**macro, text: {**macro[text], **changes}}

    cases = [
        (
            {text: entry for text, entry in macro.items() if text != "00120212"},
            "has 6,560 of the 6,561 architectures, '00120212' is missing",
        ),
        ({**macro, "0012021": {}}, "not an architecture of 'nb-macro'"),
        ({**macro, "01201201": [1]}, "01201201: should be an object, it is [1]"),
        ({**macro, "01201201": {"test_acc": [1, 2, 3]}}, "01201201: has no 'mean_acc'; it has test_acc"),
        (
            with_entry(val_acc=3),
            "01201201: has an unknown field 'val_acc'; known: test_acc, mean_acc, std, params, flops",
        ),
        (with_entry(test_acc=[90, 91]), "01201201, test_acc: should be 3 numbers, got [90, 91]"),
        (with_entry(test_acc=[90, "a", 91]), "01201201, test_acc: should be numbers, got 'a'"),
        (with_entry(test_acc=[90, float("nan"), 91]), "01201201, test_acc 1: is nan, expected percent"),
        (with_entry(test_acc=[90, 191, 91]), "01201201, test_acc 1: is 191, expected percent"),
        (with_entry(mean_acc=50), "01201201: mean_acc is 50, but its three test_acc have the mean "),
        (with_entry(params=-1), "01201201, params: is -1, expected 0 or more"),
        (with_entry(flops=float("inf")), "01201201, flops: is inf, expected 0 or more"),
    ]
    for document, message in cases:
        source.write_text(json.dumps(document))
        with pytest.raises(FileFormatError) as raised:
            import_nasbench_macro(source, out)
        assert str(raised.value).startswith(f"{source}: {message}")
    with pytest.raises(FileFormatError, match=r"absent\.json: cannot be read: No such file"):
        import_nasbench_macro(tmp_path / "absent.json", out)
    assert not out.exists()


def test_macro_equal_networks_with_unequal_numbers_are_refused(macro, tmp_path, out):
    source = tmp_path / "macro.json"
    twice = [text for text in macro if representative(text) == "00010000"]
    assert len(twice) > 1
    source.write_text(json.dumps({**macro, twice[-1]: {**macro[twice[-1]], "params": 7}}))
    with pytest.raises(FileFormatError, match=r"parameters of .* on cifar10 is 7, and was"):
        import_nasbench_macro(source, out)

"""NATS-Bench's and NAS-Bench-201's files when something is wrong with them: the error names file, place and value."""

import atexit
import bz2
import pickle
import shutil
import tempfile
from functools import cache

import numpy as np
import pytest

from importers import nats_archives
from importers.nats_archives import DATASETS, HPS, official_architectures
from tabular.errors import FileFormatError, OutputError
from tabular.importers.nats_bench import import_nasbench201, import_nats_bench

nats_bench = pytest.importorskip("nats_bench", reason="nats_bench, whose classes write the files, is not installed")


@cache
def _archive_of_none():
    """Write the list of architectures once for all tests; it lasts as long as they do."""
    folder = tempfile.TemporaryDirectory()
    nats_archives.write_nats_archive(folder.name, "tss", ())
    atexit.register(folder.cleanup)
    return folder.name


def _file(tmp_path, change, index=11):
    """Write an archive of one architecture that was changed."""
    folder = tmp_path / "NATS-tss"
    shutil.copytree(_archive_of_none(), folder)
    states = {hp: nats_archives.arch_results("tss", index, hp).state_dict() for hp in HPS["tss"]}
    change(states)
    nats_bench.pickle_save(states, folder / f"{index:06d}.pickle")
    return folder


def _record(states, dataset="cifar100", seed=777, hp="12"):
    return states[hp]["all_results"][dataset, seed]


def _set(field, key, value):
    return lambda states: _record(states)[field].__setitem__(key, value)


def _put(**fields):
    return lambda states: _record(states).update(fields)


def _endless():
    """Return a list of a list twice, of a list twice, ...: small, and endless when it is written out."""
    value = []
    for _ in range(200):
        value = [value, value]
    return value


DAMAGE = {
    "another arch_str": (
        lambda states: states["12"].update(arch_str=official_architectures("tss")[12]),
        r"000011.pickle.pbz2: 12: arch_str is '\|.*but architecture 11 is \|",
    ),
    "another arch_index": (lambda states: states["200"].update(arch_index=12), r"200: arch_index is 12, expected 11"),
    "an accuracy of 101": (
        _set("eval_acc1es", "x-valid@3", 101.0),
        r"12: cifar100, seed 777: eval_acc1es of x-valid at epoch 3 is 101, expected a percentage",
    ),
    "a negative accuracy": (_set("train_acc1es", 0, -1.0), r"train_acc1es at epoch 0 is -1, expected a percentage"),
    "a NaN": (_set("train_losses", 5, float("nan")), r"cifar100, seed 777: train_losses: 5 is nan, expected a number"),
    "an infinite loss": (_set("eval_losses", "x-test@0", float("inf")), r"eval_losses: x-test@0 is inf, expected"),
    "a negative time": (_set("train_times", 1, -2.0), r"train_times: 1 is -2, expected a number of at least 0"),
    "text for a number": (_set("eval_times", "x-test@1", "9"), r"eval_times: x-test@1 is a str, expected a number"),
    "a training that is too short": (_put(epochs=11), r"seed 777: epochs is 11, expected 12"),
    "an epoch too few": (
        lambda states: _record(states)["train_acc1es"].pop(11),
        r"train_acc1es: has 11 epochs, expected 0 to 11",
    ),
    "an epoch too many": (_set("train_losses", 12, 1.0), r"train_losses: has 13 epochs, expected 0 to 11"),
    "an evaluation at no epoch": (_set("eval_acc1es", "x-test@12", 50.0), r"'x-test@12' is none of x-valid, x-test"),
    "an evaluation of no set": (_set("eval_acc1es", "train@1", 50.0), r"'train@1' is none of x-valid, x-test, ori"),
    "a loss without its accuracy": (
        lambda states: _record(states)["eval_acc1es"].pop("x-test@2"),
        r"x-test@2 is in one of eval_acc1es and eval_losses only",
    ),
    "an arch_str without end": (lambda states: states["12"].update(arch_str=_endless()), r"arch_str is a list, but"),
    "an arch_index that is an array": (
        lambda states: states["12"].update(arch_index=np.arange(3)),
        r"arch_index is a ndarray, expected 11",
    ),
    "epochs that are an array": (_put(epochs=np.arange(3)), r"seed 777: epochs is a ndarray, expected 12"),
    "a latency that is an array": (_put(latency=np.arange(3.0)), r"latency: is a ndarray, expected a list of seconds"),
    "seeds that are arrays": (
        lambda states: states["12"]["dataset_seed"].update(cifar100=[np.arange(3)]),
        r"'cifar100': dataset_seed lists other trainings",
    ),
    "a missing field": (
        lambda states: _record(states).pop("train_losses"),
        r"000011.pickle.pbz2: 12: cifar100, seed 777: train_losses is missing",
    ),
    "a missing state": (lambda states: states["12"].pop("all_results"), r"12: all_results is missing"),
    "a list for a dictionary": (_put(train_acc1es=[1.0] * 12), r"train_acc1es: is a list, expected a dictionary"),
    "no dictionary at all": (
        lambda states: states["12"]["all_results"].update({("cifar100", 777): None}),
        r"cifar100, seed 777: is a NoneType, expected a dictionary",
    ),
    "a latency that is none": (_put(latency=0.5), r"latency: is a float, expected a list of seconds"),
    "parameters that are none": (_put(params=None), r"seed 777: params is a NoneType, expected a number"),
    "an unknown data set": (
        lambda states: states["12"]["all_results"].update({("mnist", 777): {}}),
        r"'mnist' is none of its data sets cifar10-valid, cifar10",
    ),
    "an unknown seed": (
        lambda states: states["12"]["all_results"].update({("cifar100", 5): _record(states)}),
        r"12: cifar100: 5 is none of its seeds 111, 777",
    ),
    "an unlisted training": (
        lambda states: states["12"]["dataset_seed"].update(cifar100=[]),
        r"'cifar100': dataset_seed lists other trainings than all_results has",
    ),
    "unknown hyperparameters": (
        lambda states: states.update({"90": states.pop("12")}),
        r"'90' is none of its schedules 12, 200",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_no_such_file_is_named(name, tmp_path):
    change, message = DAMAGE[name]
    folder = _file(tmp_path, change)
    with pytest.raises(FileFormatError, match=message) as error:
        import_nats_bench(folder, tmp_path / "table.h5")
    assert "NATS-tss/000011.pickle.pbz2: " in str(error.value)
    assert not (tmp_path / "table.h5").exists()


def test_sizes_on_which_trainings_disagree_are_those_of_seed_888(tmp_path):
    """As the package's own fix of a legacy issue (v1.6) does; without that seed they are not known."""

    def change(states):
        results = states["200"]["all_results"]
        for dataset, seed in results:
            results[dataset, seed]["flop"] = 1.0 + seed / 1000

    folder = _file(tmp_path, change)
    table = import_nats_bench(folder, tmp_path / "table.h5")
    api = nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)
    several = [d for d in DATASETS if 888 in api.query_meta_info_by_index(11, "200").get_dataset_seeds(d)]
    assert several
    for dataset in several:
        assert table.cost(f"{dataset}-200", "flops")[0] == 1.888 * 2e6
        assert api.get_cost_info(11, dataset, "200")["flops"] == 1.888


def test_a_latency_that_was_not_measured_is_missing(tmp_path):
    table = import_nats_bench(_file(tmp_path, _put(latency=None)), tmp_path / "table.h5")
    assert np.isnan(table.cost("cifar100-12", "latency_seconds")).all()
    assert not np.isnan(table.cost("cifar10-12", "latency_seconds")).any()


def test_folders_that_are_no_archive_are_named(tmp_path):
    folder = tmp_path / "NATS"
    folder.mkdir()
    with pytest.raises(FileFormatError, match=r"NATS/meta.pickle.pbz2: cannot be read: No such file"):
        import_nats_bench(folder, tmp_path / "x.h5")
    nats_archives.write_nats_archive(folder, indices=())
    with pytest.raises(FileFormatError, match=r"NATS: holds no architecture, that is, no file such as 000000"):
        import_nats_bench(folder, tmp_path / "x.h5")
    nats_bench.pickle_save({"meta_archs": official_architectures("tss")[1:]}, folder / "meta.pickle")
    nats_bench.pickle_save([], folder / "000003.pickle")
    with pytest.raises(FileFormatError, match=r"meta_archs is 15,624 architectures, .* has 15,625"):
        import_nats_bench(folder, tmp_path / "x.h5")
    names = official_architectures("tss")
    nats_bench.pickle_save({"meta_archs": [names[1], names[0], *names[2:]]}, folder / "meta.pickle")
    with pytest.raises(FileFormatError, match=r"meta_archs 0 is '\|.*expected \|avg_pool_3x3~0\|"):
        import_nats_bench(folder, tmp_path / "x.h5")
    nats_bench.pickle_save({"meta_archs": names}, folder / "meta.pickle")
    with pytest.raises(FileFormatError, match=r"000003.pickle.pbz2: is a list, expected results by schedule"):
        import_nats_bench(folder, tmp_path / "x.h5")
    with pytest.raises(OutputError, match="NATS"):
        import_nats_bench(folder, folder)


def test_files_that_are_no_archive_are_named(tmp_path):
    path = tmp_path / "archive.pth"
    for content, message in (
        (b"hello", r"archive.pth: is no whole pickle"),
        (pickle.dumps(np.arange(3)), r"archive.pth: is no file that torch.save wrote"),
        (pickle.dumps({"meta_archs": []}), r"archive.pth: is no file that torch.save wrote"),
    ):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=message):
            import_nasbench201(path, tmp_path / "x.h5")
    with pytest.raises(FileFormatError, match=r"nowhere.pth: cannot be read: No such file"):
        import_nasbench201(tmp_path / "nowhere.pth", tmp_path / "x.h5")
    path.write_bytes(pickle.dumps({"meta_archs": [], "arch2infos": {}, "evaluated_indexes": set()}))
    with pytest.raises(FileFormatError, match=r"archive.pth: holds no architecture"):
        import_nats_bench(path, tmp_path / "x.h5")
    path.write_bytes(pickle.dumps({"meta_archs": []}))
    with pytest.raises(FileFormatError, match=r"archive.pth: arch2infos is missing"):
        import_nats_bench(path, tmp_path / "x.h5")


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_are_refused_and_archives_cut_short_are_named(zipped, tmp_path):
    import torch

    path = tmp_path / "weights.pth"
    torch.save({"weight": torch.zeros(3)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(FileFormatError, match=r"weights.pth: is refused, since it holds .*torch"):
        import_nasbench201(path, tmp_path / "x.h5")
    nats_archives.write_nasbench201_archive(path, (11,), zipped=zipped)
    whole = path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match=r"weights.pth: "):
            import_nasbench201(path, tmp_path / "x.h5")


def test_a_large_file_whose_lists_disagree_is_named(tmp_path):
    packed = nats_archives.write_nats_file(tmp_path / "NATS.pickle", "tss", [11])
    whole = pickle.loads(bz2.decompress(packed.read_bytes()))  # noqa: S301 - written a line above
    for listed in ({11, 12}, [[11]], None):
        whole["evaluated_indexes"] = listed
        (tmp_path / "NATS.pickle").write_bytes(pickle.dumps(whole))
        with pytest.raises(FileFormatError, match=r"NATS.pickle: evaluated_indexes does not list the 1 architectures"):
            import_nats_bench(tmp_path / "NATS.pickle", tmp_path / "x.h5")

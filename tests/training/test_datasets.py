"""Data sets: what is loaded is what the files hold, splits never overlap, and bad files are named."""

from __future__ import annotations

import copyreg
import gzip
import io
import itertools
import os
import pickle
import struct
import tarfile
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular.errors import DataError, UnknownNameError
from tabular.training import Dataset, load_dataset
from tabular.training.dataset import stratified_split

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


def labelled(n: int, shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, *shape), dtype=np.uint8), np.arange(n) % 10


def assert_disjoint(dataset: Dataset) -> None:
    used = np.concatenate([dataset.train, dataset.validation, dataset.test])
    assert len(np.unique(used)) == len(used) == len(dataset.images)


# digits, and the splits of any data set


def test_digits_are_split_evenly_over_classes_and_the_same_every_time():
    digits = load_dataset("digits")
    assert digits.images.shape == (1797, 1, 8, 8)
    assert digits.images.max() == 16
    assert digits.classes == 10
    assert_disjoint(digits)
    overall = np.bincount(digits.labels) / 1797
    for split in (digits.train, digits.validation, digits.test):
        counts = np.bincount(digits.labels[split])
        # Two draws behind each other, each within one image of the exact share.
        assert np.abs(counts - overall * len(split)).max() < 3
    again = load_dataset("digits")
    assert again.digest == digits.digest
    assert load_dataset("digits", split_seed=1).digest != digits.digest
    assert len(load_dataset("digits", validation_fraction=0.25).validation) == round(1348 * 0.25)


def test_provenance_loads_the_same_data_set_again():
    provenance = load_dataset("digits", split_seed=3, validation_fraction=0.3).provenance()
    again = load_dataset(
        provenance["source"],
        split_seed=provenance["split_seed"],
        validation_fraction=provenance["validation_fraction"],
    )
    assert again.digest == provenance["digest"]
    assert provenance["split_sizes"] == {"train": 944, "validation": 404, "test": 449}


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.floats(0, 1), st.integers(0, 2**32))
def test_a_stratified_split_takes_the_same_share_of_each_class(labels, fraction, seed):
    labels = np.array(labels)
    drawn, rest = stratified_split(labels, fraction, np.random.default_rng(seed))
    assert len(drawn) == round(len(labels) * fraction)
    assert np.array_equal(np.sort(np.concatenate([drawn, rest])), np.arange(len(labels)))
    share = len(drawn) / len(labels)
    for label in np.unique(labels):
        expected = share * (labels == label).sum()
        assert abs((labels[drawn] == label).sum() - expected) < 1 + 1e-6


def test_unknown_data_sets_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown data set 'digitz'; did you mean 'digits'"):
        load_dataset("digitz")
    with pytest.raises(UnknownNameError, match="did you mean 'cifar10:FOLDER'"):
        load_dataset("cifar-10:folder")
    with pytest.raises(DataError, match="fashion-mnist: say where its files are: fashion-mnist:FOLDER"):
        load_dataset("fashion-mnist")
    with pytest.raises(DataError, match="write 'digits' alone"):
        load_dataset("digits:here")


def test_impossible_splits_are_refused():
    with pytest.raises(DataError, match=r"validation_fraction must be between 0 and 1, got 1\.5"):
        load_dataset("digits", validation_fraction=1.5)
    with pytest.raises(DataError, match="split_seed must be 0 or more, got -1"):
        load_dataset("digits", split_seed=-1)
    with pytest.raises(DataError, match="the validation split has 0 images"):
        load_dataset("digits", validation_fraction=1e-9)


# Dataset


def small(**changes) -> Dataset:
    images, labels = labelled(40, (1, 4, 4))
    fields = {
        "name": "small",
        "source": "small.npz",
        "images": images,
        "labels": labels,
        "train": np.arange(20),
        "validation": np.arange(20, 30),
        "test": np.arange(30, 40),
    }
    return Dataset(**{**fields, **changes})


def with_value(array: np.ndarray, place: int, value: float) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"images": np.zeros((40, 4, 4), np.uint8)},
            r"small.npz: images must have the shape \(N, C, H, W\).*\(40, 4, 4\)",
        ),
        ({"images": np.zeros((40, 1, 4, 4))}, "images must be uint8 or float32, got float64"),
        ({"images": with_value(np.ones((40, 1, 4, 4), np.float32), 7, np.nan)}, "image 7 holds NaN or infinity"),
        ({"labels": np.zeros(39, np.int64)}, r"40 images need int64 labels \(40,\), got int64 \(39,\)"),
        ({"labels": np.zeros(40, np.int64)}, "all images have the same label 0"),
        ({"labels": with_value(np.arange(40) % 10, 3, -1)}, "without gaps; found 11 classes labelled -1 to 9"),
        ({"labels": with_value(np.arange(40) % 10, 3, 12)}, "without gaps; found 11 classes labelled 0 to 12"),
        ({"labels": with_value(np.arange(40) % 10, 39, 10)}, "class 10 has no training image"),
        ({"validation": np.arange(19, 30)}, "image 19 is in more than one place of the splits"),
        ({"test": np.arange(30, 41)}, "the test split names images beyond the 40"),
        ({"test": np.arange(30, 31)}, "the test split has 1 images, at least 2"),
    ],
)
def test_unusable_data_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        small(**changes)


def test_the_digest_notices_any_change():
    digests = {small().digest}
    images = small().images
    digests.add(small(images=with_value(images, 0, images[0] ^ 1)).digest)
    digests.add(small(labels=with_value(small().labels, 5, 4)).digest)
    digests.add(small(train=np.arange(19)).digest)
    digests.add(small(images=images.astype(np.float32)).digest)
    digests.add(small(images=images.reshape(40, 1, 2, 8)).digest)
    assert len(digests) == 6


# .npz


@pytest.mark.parametrize("layout", ["NHW", "NCHW", "NHWC"])
def test_npz_layouts_give_the_same_images(tmp_path, layout):
    images, labels = labelled(60, (1 if layout == "NHW" else 3, 8, 8))
    x = {"NHW": images[:, 0], "NCHW": images, "NHWC": images.transpose(0, 2, 3, 1)}[layout]
    path = tmp_path / "mine.npz"
    np.savez(path, x=x, y=labels.astype(np.uint8))
    dataset = load_dataset(str(path))
    assert dataset.name == "mine"
    assert dataset.images.dtype == np.uint8
    assert np.array_equal(dataset.images, images)
    assert np.array_equal(dataset.labels, labels)
    assert_disjoint(dataset)


def test_npz_test_images_stay_the_test_split(tmp_path):
    images, labels = labelled(60, (8, 8))
    path = tmp_path / "mine.npz"
    np.savez(path, x=images / 255, y=labels, x_test=images[:20] / 510, y_test=labels[:20])
    dataset = load_dataset(path)
    assert dataset.images.dtype == np.float32
    assert np.allclose(dataset.images[dataset.test, 0], images[:20] / 510)
    assert len(dataset.train) == len(dataset.validation) == 30


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((9, 4, 4))}, "has no array 'y'; it has x"),
        (
            {"x": np.zeros((9, 4, 4)), "y": np.arange(8)},
            r"y must have the shape \(9,\), one label per image, got \(8,\)",
        ),
        (
            {"x": np.zeros((9, 4, 4)), "y": np.arange(9) / 2},
            "y must hold whole numbers, the classes from 0; got float64",
        ),
        ({"x": np.zeros((9, 16)), "y": np.arange(9)}, r"x must have the shape .* got \(9, 16\)"),
        ({"x": np.full((9, 4, 4), "a"), "y": np.arange(9)}, "x must hold numbers"),
        ({"x": np.zeros((9, 4, 4)), "y": np.arange(9), "x_test": np.zeros((9, 4, 4))}, "both of x_test and y_test"),
        ({"x": np.full((9, 4, 4), None), "y": np.arange(9)}, "cannot be read as .npz of plain numbers"),
        (
            {"x": np.zeros((9, 4, 4)), "y": np.arange(9), "x_test": np.zeros((9, 5, 5)), "y_test": np.arange(9)},
            "they must be alike",
        ),
    ],
)
def test_npz_mistakes_name_the_file_and_the_array(tmp_path, arrays, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=rf"bad\.npz: .*{message}"):
        load_dataset(path)


@pytest.mark.parametrize("content", [b"", b"not a zip file", None])
def test_npz_files_that_are_none_are_refused(tmp_path, content):
    path = tmp_path / "bad.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as .npz" if content is not None else "no such file"):
        load_dataset(path)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_npz_is_never_a_traceback(tmp_path_factory, data):
    images, labels = labelled(40, (4, 4))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=images, y=labels)
    content = bytearray(buffer.getvalue())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("npz") / "bad.npz"
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        loaded = load_dataset(path)
    except DataError:
        return
    path.write_bytes(buffer.getvalue())  # the damage was where it does not matter: every number is as it was
    assert loaded.digest == load_dataset(path).digest


# Fashion-MNIST


def write_idx(path: Path, values: np.ndarray, *, compress: bool = False) -> None:
    content = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
    path.write_bytes(gzip.compress(content) if compress else content)


def write_fashion_mnist(folder: Path, *, compress: bool) -> tuple[np.ndarray, np.ndarray]:
    images, labels = labelled(80, (28, 28))
    ending = ".gz" if compress else ""
    for part, places in (("train", slice(0, 60)), ("t10k", slice(60, 80))):
        write_idx(folder / f"{part}-images-idx3-ubyte{ending}", images[places], compress=compress)
        write_idx(folder / f"{part}-labels-idx1-ubyte{ending}", labels[places].astype(np.uint8), compress=compress)
    return images, labels


@pytest.mark.parametrize("compress", [False, True])
def test_idx_files_keep_the_official_test_split(tmp_path, compress):
    images, labels = write_fashion_mnist(tmp_path, compress=compress)
    dataset = load_dataset(f"fashion-mnist:{tmp_path}", validation_fraction=0.25)
    assert dataset.name == "fashion-mnist"
    assert np.array_equal(dataset.images[:, 0], images)
    assert np.array_equal(dataset.labels, labels)
    assert np.array_equal(dataset.test, np.arange(60, 80))
    assert len(dataset.validation) == 15
    assert_disjoint(dataset)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: f.unlink(), "has no t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz"),
        (lambda f: f.write_bytes(f.read_bytes()[:-1]), "announces 15,680 bytes of values and holds 15,679; download"),
        (lambda f: f.write_bytes(b"<html>not found</html>"), "is not an IDX file of unsigned bytes in 3 dimensions"),
        (lambda f: write_idx(f, np.zeros((19, 28, 28), np.uint8)), "has 19 images but t10k-labels.* has 20 labels"),
    ],
)
def test_damaged_idx_files_are_named(tmp_path, damage, message):
    write_fashion_mnist(tmp_path, compress=False)
    damage(tmp_path / "t10k-images-idx3-ubyte")
    with pytest.raises(DataError, match=message):
        load_dataset(f"fashion-mnist:{tmp_path}")


def test_a_cut_gzip_and_a_foreign_label_are_named(tmp_path):
    write_fashion_mnist(tmp_path, compress=True)
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    write_idx(labels, np.full(60, 11, np.uint8), compress=True)
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz: image 0 has label 11, the classes are 0 to 9"):
        load_dataset(f"fashion-mnist:{tmp_path}")
    labels.write_bytes(labels.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz: cannot be read, it is damaged or cut short"):
        load_dataset(f"fashion-mnist:{tmp_path}")
    with pytest.raises(DataError, match="no such folder"):
        load_dataset(f"fashion-mnist:{tmp_path / 'elsewhere'}")


@pytest.mark.skipif(not FASHION_MNIST.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_the_published_fashion_mnist():
    dataset = load_dataset(f"fashion-mnist:{FASHION_MNIST}", validation_fraction=1 / 6)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (50000, 10000, 10000)
    assert np.array_equal(np.bincount(dataset.labels[dataset.validation]), np.full(10, 1000))
    # The published mean and standard deviation of the training pixels, 0.2860 and 0.3530.
    pixels = dataset.images[:60000] / np.float32(255)
    assert pixels.mean(dtype=np.float64) == pytest.approx(0.2860, abs=5e-5)
    assert pixels.std(dtype=np.float64) == pytest.approx(0.3530, abs=5e-5)


# CIFAR-10


BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


class _OldPickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote text, and numpy's old module name, as in the published batches."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_old_bytes(self, value):
        head = (
            pickle.SHORT_BINSTRING + bytes((len(value),)) if len(value) < 256 else b"T" + struct.pack("<i", len(value))
        )
        self.write(head + value)

    dispatch[bytes] = save_old_bytes


def old_pickle(value) -> bytes:
    buffer = io.BytesIO()
    _OldPickler(buffer, protocol=2).dump(value)
    return buffer.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def cifar_batches(version: str) -> tuple[dict[str, bytes], np.ndarray, np.ndarray]:
    images, labels = labelled(120, (3, 32, 32))
    files = {}
    for i, name in enumerate(BATCHES):
        x, y = images[20 * i : 20 * i + 20].reshape(20, -1), labels[20 * i : 20 * i + 20]
        if version == "bin":
            files[f"{name}.bin"] = np.hstack([y[:, None].astype(np.uint8), x]).tobytes()
        elif version == "py":
            files[name] = old_pickle(
                {b"batch_label": b"a batch", b"labels": y.tolist(), b"data": x, b"filenames": [b"a"]}
            )
        else:
            files[name] = pickle.dumps({"labels": y.tolist(), "data": x}, protocol=4)
    return files, images, labels


def write_cifar(source: Path, files: dict[str, bytes], kind: str) -> None:
    if kind == "archive":
        with tarfile.open(source, "w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return
    folder = source / "cifar-10-batches-bin" if kind == "parent" else source
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("version", ["bin", "py", "python 3"])
@pytest.mark.parametrize("kind", ["folder", "parent", "archive"])
def test_cifar10_in_every_published_form(tmp_path, version, kind):
    files, images, labels = cifar_batches(version)
    source = tmp_path / "cifar"
    write_cifar(source, files, kind)
    dataset = load_dataset(f"cifar10:{source}")
    assert np.array_equal(dataset.images, images)
    assert np.array_equal(dataset.labels, labels)
    assert np.array_equal(dataset.test, np.arange(100, 120))
    assert len(dataset.train) == len(dataset.validation) == 50
    assert_disjoint(dataset)


TRACE = Path(tempfile.gettempdir()) / f"nasbench-test-{os.getpid()}"


class _Evil:
    def __reduce__(self):
        return os.mkdir, (str(TRACE),)


def not_a_batch(**changes) -> bytes:
    batch = {b"data": np.zeros((20, 3072), np.uint8), b"labels": [0] * 20}
    return pickle.dumps({**batch, **{key.encode(): value for key, value in changes.items()}}, protocol=4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            pickle.dumps({b"data": _Evil()}),
            r"data_batch_3: its pickle asks for the name (posix|nt)\.mkdir, .*do not trust",
        ),
        (pickle.dumps(copyreg._reconstructor), r"asks for the name copyreg\._reconstructor"),
        (pickle.dumps({b"data": np.zeros(1).item}), r"asks for the name builtins\.getattr"),
        (not_a_batch(data=np.zeros((20, 3072), np.float32)), "its data is not an array of unsigned bytes"),
        (not_a_batch(data=np.zeros((20, 3071), np.uint8)), r"expected .* got \(20, 3071\) and \(20,\)"),
        (not_a_batch(labels=[3, 99] + [0] * 18), "data_batch_3: image 1 has label 99"),
        (not_a_batch(labels=["cat"] * 20), "is not a batch of CIFAR-10's Python version"),
        (not_a_batch(data=b"plain bytes"), "is not a batch of CIFAR-10's Python version"),
        (pickle.dumps([1, 2]), "is not a batch of CIFAR-10's Python version"),
        (pickle.dumps({b"labels": []}), "is not a batch of CIFAR-10's Python version"),
        (b"", "is not a batch of CIFAR-10's Python version"),
        (not_a_batch()[:-100], "is not a batch of CIFAR-10's Python version"),
        (b"<html>not found</html>", "is not a batch of CIFAR-10's Python version"),
    ],
    ids=itertools.count(),  # the bytes would name a test, and they differ between processes
)
def test_a_foreign_pickle_is_refused_and_runs_nothing(tmp_path, content, message):
    files, _, _ = cifar_batches("py")
    source = tmp_path / "cifar"
    write_cifar(source, {**files, "data_batch_3": content}, "folder")
    with pytest.raises(DataError, match=message):
        load_dataset(f"cifar10:{source}")
    assert not TRACE.exists()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_pickle_is_never_a_traceback(data):
    from tabular.training.cifar10 import _checked, _parse_pickle

    content = bytearray(old_pickle({b"labels": [1, 2], b"data": np.ones((2, 3072), np.uint8)}))
    # Damage outside the pixels, which may hold anything.
    places = [i for i in range(len(content)) if i < 200 or i > len(content) - 60]
    content[data.draw(st.sampled_from(places))] = data.draw(st.integers(0, 255))
    try:
        images, labels = _checked("batch", *_parse_pickle("batch", bytes(content)))
    except DataError:
        return
    assert len(images) == len(labels)


def test_missing_and_cut_batches_are_named(tmp_path):
    files, _, _ = cifar_batches("bin")
    cut = {**files, "data_batch_2.bin": files["data_batch_2.bin"][:-5]}
    write_cifar(tmp_path / "cut", cut, "folder")
    with pytest.raises(DataError, match=r"data_batch_2\.bin: 61,455 bytes are not whole records of 3,073"):
        load_dataset(f"cifar10:{tmp_path / 'cut'}")
    del files["test_batch.bin"]
    write_cifar(tmp_path / "missing", files, "folder")
    with pytest.raises(DataError, match=r"missing: has no test_batch\.bin; all six batches are needed"):
        load_dataset(f"cifar10:{tmp_path / 'missing'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no data_batch_1\.bin and no data_batch_1"):
        load_dataset(f"cifar10:{tmp_path / 'empty'}")
    (tmp_path / "not.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"not\.tar\.gz: cannot be read as a folder or a tar archive"):
        load_dataset(f"cifar10:{tmp_path / 'not.tar.gz'}")

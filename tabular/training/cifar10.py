"""CIFAR-10 (Krizhevsky 2009) in its published batches, binary or Python version, in a folder or a tar archive."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import DataError
from tabular.training.dataset import check_labels_below

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.training.dataset import LabelledImages

CLASSES = 10
PIXELS = 3 * 32 * 32
FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
"""Where batches lie below the folder a user names."""
BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")


def read_cifar10(source: Path) -> tuple[LabelledImages, LabelledImages]:
    """Read the five training batches and the test batch.

    Parameters
    ----------
    source : Path
        A folder with ``data_batch_1.bin`` ... ``test_batch.bin`` (binary version) or ``data_batch_1`` ...
        ``test_batch`` (Python version), the folder above it, or the archive as published (``.tar.gz``).

    Returns
    -------
    training, test : pairs of images (N, 3, 32, 32) uint8 and labels (N,) int64

    Raises
    ------
    DataError
        Naming the file that is missing, cut short or not a batch.
    """
    contents = _read_folder(source) if source.is_dir() else _read_archive(source)
    for ending, parse in _PARSERS.items():
        names = [batch + ending for batch in BATCHES]
        if names[0] in contents:
            missing = [name for name in names if name not in contents]
            if missing:
                raise DataError(f"{source}: has no {missing[0]}; all six batches are needed")
            batches = [_checked(f"{source}: {name}", *parse(f"{source}: {name}", contents[name])) for name in names]
            images, labels = zip(*batches[:-1], strict=True)
            return (np.concatenate(images), np.concatenate(labels)), batches[-1]
    raise DataError(f"{source}: has no data_batch_1.bin and no data_batch_1; name CIFAR-10's folder or archive")


def _read_folder(folder: Path) -> dict[str, bytes]:
    contents = {}
    for below in FOLDERS:
        for name in _WANTED:
            path = folder / below / name
            if path.is_file():
                try:
                    contents[name] = path.read_bytes()
                except OSError as error:
                    raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return contents


def _read_archive(path: Path) -> dict[str, bytes]:
    contents = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                file = archive.extractfile(member) if name in _WANTED and member.isfile() else None
                if file is not None:
                    contents[name] = file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as a folder or a tar archive: {error}") from None
    return contents


def _parse_binary(where: str, content: bytes) -> LabelledImages:
    """Split records of one label byte and 3,072 pixel bytes, the red plane first."""
    if not content or len(content) % (1 + PIXELS):
        raise DataError(f"{where}: {len(content):,} bytes are not whole records of 3,073; download it again")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 1 + PIXELS)
    return records[:, 1:], records[:, 0].astype(np.int64)


def _parse_pickle(where: str, content: bytes) -> LabelledImages:
    try:
        batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
        pixels, labels = (batch[key] if key in batch else batch[key.decode()] for key in (b"data", b"labels"))
        return pixels.values, np.array(labels, dtype=np.int64)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    # A damaged pickle can raise nearly anything; each of these means the same to a user.
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
        MemoryError,
    ) as error:
        raise DataError(f"{where}: is not a batch of CIFAR-10's Python version ({error}); download it again") from None


def _checked(where: str, pixels: NDArray[Any], labels: NDArray[np.int64]) -> LabelledImages:
    if labels.ndim != 1 or pixels.shape != (len(labels), PIXELS):
        raise DataError(
            f"{where}: expected (N, {PIXELS:,}) pixel bytes and (N,) labels, got {pixels.shape} and {labels.shape}"
        )
    check_labels_below(where, labels, CLASSES)
    return pixels.reshape(-1, 3, 32, 32), labels


class _Array:
    """Stands in for a pickled numpy array and accepts bytes only, so that no code of numpy runs on foreign input."""

    values: Any

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, column_major, content = state
        if not isinstance(dtype, _DType) or dtype.name not in {b"u1", "u1"} or column_major:
            raise DataError("its data is not an array of unsigned bytes")
        self.values = np.frombuffer(content, dtype=np.uint8).reshape(shape)


class _DType:
    """Stands in for a pickled numpy type."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Ignore byte order and alignment: single bytes have none."""


class _BatchUnpickler(pickle.Unpickler):
    """Builds plain containers and arrays of bytes, and refuses every other class by its name."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("numpy"):
            if name == "_reconstruct":
                return lambda *_: _Array()
            if name in {"ndarray", "dtype"}:
                return _Array if name == "ndarray" else _DType
        raise DataError(
            f"its pickle asks for {module}.{name}, which a batch of CIFAR-10 has no use for; do not trust this file"
        )


_PARSERS: dict[str, Callable[[str, bytes], LabelledImages]] = {".bin": _parse_binary, "": _parse_pickle}
_WANTED = {batch + ending for batch in BATCHES for ending in _PARSERS}

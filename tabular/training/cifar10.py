"""CIFAR-10 (Krizhevsky 2009) in its published batches.

Binary or Python version, in a folder or a tar archive.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import DataError, FileFormatError
from tabular.safe_pickle import PickleReader, RefusedPickleError
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
        batch = PickleReader(io.BytesIO(content), where).load()
        pixels, labels = (batch[key] if key in batch else batch[key.encode()] for key in ("data", "labels"))
        kind, numbers = pixels.dtype, np.array(labels, dtype=np.int64)
    except RefusedPickleError as error:
        raise DataError(
            f"{where}: its pickle asks for {error.what}, which a batch of CIFAR-10 has no use for; do not trust this "
            "file"
        ) from None
    except (FileFormatError, LookupError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{where}: is not a batch of CIFAR-10's Python version ({error}); download it again") from None
    if kind != np.uint8:
        raise DataError(f"{where}: its data is not an array of unsigned bytes")
    return pixels, numbers


def _checked(where: str, pixels: NDArray[Any], labels: NDArray[np.int64]) -> LabelledImages:
    if labels.ndim != 1 or pixels.shape != (len(labels), PIXELS):
        raise DataError(
            f"{where}: expected (N, {PIXELS:,}) pixel bytes and (N,) labels, got {pixels.shape} and {labels.shape}"
        )
    check_labels_below(where, labels, CLASSES)
    return pixels.reshape(-1, 3, 32, 32), labels


_PARSERS: dict[str, Callable[[str, bytes], LabelledImages]] = {".bin": _parse_binary, "": _parse_pickle}
_WANTED = {batch + ending for batch in BATCHES for ending in _PARSERS}

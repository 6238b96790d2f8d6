"""HDF5 files that are whole or absent, and that say so when they are damaged.

A file is written under a temporary name, checked, flushed to the disk and then renamed onto its place, so that a reader
never meets half a file and a crash never costs an old one. Every data set carries a SHA-256 of its values.
"""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from tabular.errors import FileFormatError, OutputError
from tabular.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

LIBVER = ("v110", "v110")
"""The HDF5 file version written: its metadata blocks carry checksums, and every reader since 2016 knows it."""

MOST_BYTES = 1 << 34
"""A data set that claims to hold more than this is refused before it is read."""


DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, AttributeError)
"""What h5py raises on a damaged file, depending on where the damage sits."""


@contextmanager
def damage_named(path: str | Path) -> Iterator[None]:
    """Turn what h5py raises on damage into one error that names the file.

    Raises
    ------
    FileFormatError
    """
    try:
        yield
    except DAMAGE as error:
        raise FileFormatError(f"{path}: is damaged or not written whole: {_first_line(error)}") from None


def write_hdf5(path: str | Path, file_format: str, version: int, fill: Callable[[h5py.File], None]) -> None:
    """Write a whole file or none.

    Parameters
    ----------
    path : str or Path
    file_format : str
        Stored as the root attribute ``format``.
    version : int
        Stored as the root attribute ``version``.
    fill : callable
        Is given the open file to write into, with `write_array`.

    Raises
    ------
    OutputError
    """
    with replacing(path) as temporary:
        image = io.BytesIO()  # in memory, because HDF5 cannot let go of a file that a full disk keeps it from flushing
        with h5py.File(image, "w", libver=LIBVER) as file:
            write_text(file, "format", file_format)
            file.attrs["version"] = version
            fill(file)
        temporary.write_bytes(image.getbuffer())
        with h5py.File(temporary, "r") as file:
            damaged = find_damage(file)
        if damaged:
            raise OutputError(f"{path}: the disk returned other bytes than were written: {damaged[0]}")


def write_text(item: h5py.Group | h5py.Dataset, attribute: str, text: str) -> None:
    """Write text as an attribute of fixed length.

    HDF5 keeps text of variable length in a heap without checksums, where one flipped bit can make it search for ever;
    what has a fixed length lies in the header, which has one.
    """
    encoded = text.encode()
    item.attrs.create(attribute, np.bytes_(encoded), dtype=_text_type(len(encoded)))


def _text_type(length: int) -> np.dtype[Any]:
    dtype: np.dtype[Any] = h5py.string_dtype("utf-8", max(length, 1))
    return dtype


def write_array(group: h5py.Group, name: str, values: NDArray[Any], **attributes: str) -> h5py.Dataset:
    """Write one data set with its checksum.

    Parameters
    ----------
    group : h5py.Group
    name : str
    values : array of numbers, or of ``str`` objects
    attributes
        Stored as attributes of the data set.
    """
    stored = _encoded(values) if values.dtype.kind in "OU" else values
    if stored.ndim and stored.size:
        dataset = group.create_dataset(
            name, data=stored, chunks=True, compression="gzip", compression_opts=4, shuffle=True, fletcher32=True
        )
    else:
        dataset = group.create_dataset(name, data=stored)
    for key, value in {"sha256": array_digest(values), **attributes}.items():
        write_text(dataset, key, value)
    return dataset


def _encoded(texts: NDArray[Any]) -> NDArray[np.bytes_]:
    encoded = [str(text).encode() for text in texts.ravel()]
    dtype = _text_type(max(map(len, encoded), default=1))
    return np.array(encoded, dtype=f"S{dtype.itemsize}").reshape(texts.shape).astype(dtype)


def read_array(file: h5py.File, name: str, kinds: str = "biuf") -> NDArray[Any]:
    """Read one data set.

    What it claims to be is looked at before, and its checksum compared.

    Parameters
    ----------
    file : h5py.File
    name : str
        Path within the file.
    kinds : str
        The numpy kinds of type that are accepted; ``O`` for text.

    Raises
    ------
    FileFormatError
        If it is missing, of another type, too large or damaged. The message names the file and the data set.
    """
    where = f"{file.filename}: {name}"
    with damage_named(where):
        dataset = file[name]
        if not isinstance(dataset, h5py.Dataset):
            raise FileFormatError(f"{where}: expected a data set, found a group")
        is_text = dataset.dtype.kind in "OS"
        if ("O" if is_text else dataset.dtype.kind) not in kinds:
            raise FileFormatError(f"{where}: unexpected type {dataset.dtype}")
        if dataset.size * dataset.dtype.itemsize > MOST_BYTES:
            raise FileFormatError(f"{where}: claims {dataset.size:,} values, more than this program reads")
        values: NDArray[Any] = dataset.asstr()[()] if is_text else dataset[()]
        expected = _decoded(dataset.attrs["sha256"])
        found = array_digest(np.asarray(values))
    if found != expected:
        raise FileFormatError(f"{where}: its checksum does not match, the file is damaged; get a fresh copy")
    return values


def read_text(item: h5py.Group | h5py.Dataset, attribute: str) -> str:
    """Read an attribute that holds text.

    Raises
    ------
    FileFormatError
        If it is missing or not text; the message names the file, the attribute and where it belongs.
    """
    with damage_named(f"{item.file.filename}: attribute {attribute!r} of {item.name}"):
        return _decoded(item.attrs[attribute])


def _decoded(text: object) -> str:
    if isinstance(text, bytes):
        return text.decode()
    if isinstance(text, str):
        return text
    raise TypeError(f"expected text, found {type(text).__name__}")


def read_json(group: h5py.Group, attribute: str) -> Any:
    """Read an attribute that holds JSON.

    Raises
    ------
    FileFormatError
    """
    with damage_named(f"{group.file.filename}: attribute {attribute!r} of {group.name}"):
        return json.loads(_decoded(group.attrs[attribute]))


def open_hdf5(path: str | Path, file_format: str, version: int) -> h5py.File:
    """Open a file for reading, or say what is wrong with it.

    Raises
    ------
    FileFormatError
        If it is missing, truncated, not HDF5, of another format, or of a newer version than this program reads.
    """
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        whole = h5py.is_hdf5(path)
        what = "is damaged or cut short, get a fresh copy" if whole else "is not an HDF5 file"
        raise FileFormatError(f"{path}: {what} ({_first_line(error)})") from None
    try:
        with damage_named(path):
            found, found_version = _format_of(file), file.attrs.get("version")
    except FileFormatError:
        file.close()
        raise
    if found == file_format and isinstance(found_version, (int, np.integer)) and 1 <= found_version <= version:
        return file
    file.close()
    if found != file_format:
        raise FileFormatError(f"{path}: is not a {file_format} file (its format is {found!r})")
    raise FileFormatError(
        f"{path}: has version {found_version} of {file_format}, this program reads up to {version}; upgrade nasbench"
    )


def file_format_of(path: str | Path) -> str:
    """Return the format that a file claims.

    It is an empty text if it is no HDF5 file or claims none.
    """
    try:
        with h5py.File(path, "r") as file:
            return _format_of(file)
    except (OSError, FileFormatError):
        return ""


def _format_of(file: h5py.File) -> str:
    return read_text(file, "format") if "format" in file.attrs else ""


def find_damage(file: h5py.File) -> list[str]:
    """Return one line for each data set that is damaged.

    Its values cannot be read or do not match their checksum.
    """
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return [damage for name in names if (damage := _damage_of(file, name))]


def _damage_of(file: h5py.File, name: str) -> str:
    try:
        read_array(file, name, kinds="biufO")
    except FileFormatError as error:
        return str(error)
    return ""


def array_digest(values: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's type, shape and little-endian bytes."""
    if values.dtype.kind in "OU":
        body = json.dumps(values.astype(object).tolist(), ensure_ascii=False).encode()
        head = f"str{values.shape}"
    else:
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        body, head = little.tobytes(), f"{little.dtype.str}{values.shape}"
    return hashlib.sha256(head.encode() + body).hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""The folder of a surrogate: whole or absent, and checked by digests.

Every digest is compared before anything is used.

``metadata.json`` names the other files with their SHA-256, and ``metadata.json.sha256`` holds its own (as ``sha256sum``
writes it).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabular.errors import FileFormatError, OutputError
from tabular.files import check_writable

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "nasbench-surrogate"
VERSION = 2
METADATA = "metadata.json"
DIGEST = "metadata.json.sha256"
FILES = "files"
"""The entry of the metadata that names all other files, each with its SHA-256."""


def metadata_text(metadata: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Return what stands in ``metadata.json``: the metadata with format, version and the digests of the files."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    stated = {"format": FORMAT, "version": VERSION, **metadata, FILES: digests}
    return json.dumps(stated, indent=1, allow_nan=False).encode()


def write_folder(path: Path, metadata: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Write a folder.

    It is written under a temporary name and then renamed. A surrogate that is there already is replaced.

    Parameters
    ----------
    path : Path
    metadata : dict
        JSON-ready; format, version and digests are added.
    files : dict of str to bytes

    Raises
    ------
    OutputError
        If the folder cannot be written, or something else is in its place.
    """
    check_replaceable(path)
    text = metadata_text(metadata, files)
    temporary, old = (path.with_name(f".{path.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)  # left by a process that was killed
        temporary.mkdir()
        for name, content in files.items():
            _write(temporary / name, content)
        _write(temporary / METADATA, text)
        _write(temporary / DIGEST, f"{hashlib.sha256(text).hexdigest()}  {METADATA}\n".encode())
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    except OSError as error:
        if old.exists() and not path.exists():
            old.rename(path)
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        for leftover in (temporary, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def check_replaceable(path: str | Path) -> None:
    """Make sure, before work is spent on it, that a surrogate can be written here and nothing else is lost by that.

    Raises
    ------
    OutputError
    """
    path = Path(path)
    if path.exists() and not is_surrogate(path) and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path}: exists and is not a surrogate; it is left as it was, choose another name")
    if not path.exists():
        check_writable(path)


def is_surrogate(path: str | Path) -> bool:
    """Return whether a path is a folder that claims to hold a surrogate."""
    with suppress(OSError, ValueError, AttributeError):
        return bool(json.loads((Path(path) / METADATA).read_bytes()).get("format") == FORMAT)
    return False


def read_metadata(folder: Path) -> tuple[dict[str, Any], str]:
    """Read the metadata of a folder, and their SHA-256.

    Raises
    ------
    FileFormatError
        If the folder is missing, damaged, foreign or of a newer version.
    """
    if not folder.is_dir():
        what = "is a file; a surrogate is a folder" if folder.exists() else "no such folder"
        raise FileFormatError(f"{folder}: {what}")
    file = folder / METADATA
    if not file.is_file():
        raise FileFormatError(f"{folder}: is not a {FORMAT} folder: it has no {METADATA}")
    text = _read(file)
    try:
        metadata = json.loads(text)
    except ValueError as error:
        raise FileFormatError(f"{file}: is damaged, not valid JSON: {error}") from None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        found = metadata.get("format") if isinstance(metadata, dict) else None
        raise FileFormatError(f"{file}: is not of a {FORMAT} (its format is {found!r})")
    version = metadata.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise FileFormatError(
            f"{file}: has version {version} of {FORMAT}, this program reads up to {VERSION}; upgrade nasbench"
        )
    expected = _read(folder / DIGEST)[:64].decode("ascii", "replace")
    if hashlib.sha256(text).hexdigest() != expected:
        raise FileFormatError(f"{file}: does not match its digest in {DIGEST}, one of them is damaged")
    return metadata, expected


def read_files(folder: Path, digests: Mapping[str, str]) -> dict[str, bytes]:
    """Read the files that the metadata names, and compare their digests.

    Raises
    ------
    FileFormatError
        Naming the file.
    """
    files = {}
    for name, digest in digests.items():
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", name):
            raise FileFormatError(f"{folder / METADATA}: names a file {name!r}, which is no file of a surrogate")
        files[name] = _read(folder / name)
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise FileFormatError(f"{folder / name}: its digest does not match, the file is damaged; get a fresh copy")
    return files


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{file}: cannot be read: {error.strerror}") from None

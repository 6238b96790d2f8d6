"""Files that ``torch.save`` wrote, read without torch: plain values only, no tensors.

Torch has two formats. Since version 1.6 a file is a zip archive with a pickle ``data.pkl``; before, it was a row of
pickles: a magic number, a version of the protocol, a description of the system, the object.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from tabular.errors import FileFormatError
from tabular.importers.pickle_stream import Bounded, opened
from tabular.importers.restricted_pickle import PickleReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
DAMAGE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError)


def read_torch_file(path: Path, filled: Callable[[dict[Any, Any]], None] | None = None) -> Any:
    """Return what ``torch.save`` wrote.

    Parameters
    ----------
    path : Path
    filled : callable, optional
        As `PickleReader` takes it.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, none of torch's, or holds anything else than plain values.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        return _read_zip(path, filled)
    with opened(path) as stream:
        reader = PickleReader(stream, str(path), filled)
        for expected in (MAGIC_NUMBER, PROTOCOL_VERSION):
            number = reader.load()
            if type(number) is not int or number != expected:
                raise FileFormatError(f"{path}: is no file that torch.save wrote")
        reader.load()  # byte order and sizes of the system's integers: nothing plain depends on them
        return reader.load()


def _read_zip(path: Path, filled: Callable[[dict[Any, Any]], None] | None) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [each for each in archive.infolist() if each.filename.rpartition("/")[2] == "data.pkl"]
            if len(pickles) != 1:
                raise FileFormatError(f"{path}: is a zip file, but none that torch.save wrote")
            with archive.open(pickles[0]) as stream:
                bounded = Bounded(stream, pickles[0].compress_size, str(path))
                return PickleReader(bounded, str(path), filled).load()
    except DAMAGE as error:
        raise FileFormatError(f"{path}: is damaged or cut short: {error}; get a fresh copy") from None

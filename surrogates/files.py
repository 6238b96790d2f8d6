"""Surrogates on disk: a folder that is whole or absent, of which nothing is used before its digest was compared.

``metadata.json`` says what the surrogate is and names its members with their SHA-256, ``metadata.json.sha256`` holds
the metadata's own (as ``sha256sum`` writes it), and each member is a file in XGBoost's JSON, for any XGBoost to open.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import FileFormatError, NasbenchError, OutputError
from nasbench.oracle import Measure, Metric, Task
from nasbench.replacing import check_writable
from nasbench.spaces import declared_space
from surrogates.features import features
from surrogates.scorecard import Score, Scorecard
from surrogates.seed_noise import SeedNoise
from surrogates.surrogate import MeasureModel, Surrogate
from surrogates.xgb_ensemble import XGBEnsemble

if TYPE_CHECKING:
    from nasbench.spaces import Space

FORMAT = "nasbench-surrogate"
VERSION = 1
METADATA = "metadata.json"
DIGEST = "metadata.json.sha256"


def save_surrogate(surrogate: Surrogate, path: str | Path) -> None:
    """Write a surrogate as a folder.

    It is written under a temporary name and then renamed. A surrogate that is there already is replaced.

    Raises
    ------
    OutputError
        If the folder cannot be written, or something else is in its place.
    """
    path = Path(path)
    check_replaceable(path)
    temporary, old = (path.with_name(f".{path.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)  # left by a process that was killed
        temporary.mkdir()
        _write_files(surrogate, temporary)
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
    """Say whether a path is a folder that claims to hold a surrogate."""
    with suppress(OSError, ValueError, AttributeError):
        return bool(json.loads((Path(path) / METADATA).read_bytes()).get("format") == FORMAT)
    return False


def _write_files(surrogate: Surrogate, folder: Path) -> None:
    models = []
    for number, (measure, model) in enumerate(surrogate.models.items()):
        files = {}
        for member, text in enumerate(model.ensemble.texts):
            file = f"model-{number}-{member}.json"
            _write(folder / file, text)
            files[file] = hashlib.sha256(text).hexdigest()
        noise = model.seed_noise
        models.append(
            {
                "metric": measure.metric,
                "epochs": measure.epochs,
                "log": model.log,
                "seed_noise": None if noise is None else noise._asdict(),
                "members": files,
            }
        )
    task = surrogate.task
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "space": surrogate.space.declaration(),
        "task": {
            "name": task.name,
            "epochs": task.epochs,
            "metrics": [asdict(metric) for metric in task.metrics.values()],
            "provenance": task.provenance,
        },
        "features": {"blocks": surrogate.blocks, "columns": _columns(surrogate.space, surrogate.blocks)},
        "models": models,
        "scorecard": [
            {key: None if value != value else value for key, value in row.items()}  # noqa: PLR0124 - JSON knows no NaN
            for row in surrogate.scorecard.rows()
        ],
        "provenance": surrogate.provenance,
    }
    text = json.dumps(metadata, indent=1, allow_nan=False).encode()
    _write(folder / METADATA, text)
    _write(folder / DIGEST, f"{hashlib.sha256(text).hexdigest()}  {METADATA}\n".encode())


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def load_surrogate(path: str | Path) -> Surrogate:
    """Read a surrogate.

    Raises
    ------
    FileFormatError
        If the folder is missing, damaged, foreign or of a newer version; the message names the file.
    """
    folder = Path(path)
    metadata = _read_metadata(folder)
    place = folder / METADATA
    try:
        space = declared_space(metadata["space"], where=str(place))
        task = _read_task(metadata["task"])
        blocks = tuple(metadata["features"]["blocks"])
        columns = _columns(space, blocks)
        models = {
            Measure(task.name, each["metric"], each["epochs"]): _read_model(folder, task, each)
            for each in metadata["models"]
        }
        scorecard = Scorecard(tuple(_read_score(row) for row in metadata["scorecard"]))
        provenance = metadata["provenance"]
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, NasbenchError) as error:
        raise FileFormatError(f"{place}: does not describe a surrogate: {type(error).__name__}: {error}") from None
    if columns != metadata["features"]["columns"]:
        raise FileFormatError(
            f"{place}: was fitted on {metadata['features']['columns']} columns of features, but this program makes "
            f"{columns}; fit it again"
        )
    return Surrogate(space, task, blocks, models, scorecard, provenance)


def _read_metadata(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        what = "is a file; a surrogate is a folder" if folder.exists() else "no such folder"
        raise FileFormatError(f"{folder}: {what}")
    place = folder / METADATA
    if not place.is_file():
        raise FileFormatError(f"{folder}: is not a {FORMAT} folder: it has no {METADATA}")
    text = _read(place)
    try:
        metadata = json.loads(text)
    except ValueError as error:
        raise FileFormatError(f"{place}: is damaged, not valid JSON: {error}") from None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        found = metadata.get("format") if isinstance(metadata, dict) else None
        raise FileFormatError(f"{place}: is not of a {FORMAT} (its format is {found!r})")
    version = metadata.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise FileFormatError(
            f"{place}: has version {version} of {FORMAT}, this program reads up to {VERSION}; upgrade nasbench"
        )
    expected = _read(folder / DIGEST)[:64].decode("ascii", "replace")
    if hashlib.sha256(text).hexdigest() != expected:
        raise FileFormatError(f"{place}: does not match its digest in {DIGEST}, one of them is damaged")
    return metadata


def _read_task(stored: dict[str, Any]) -> Task:
    metrics = {each["name"]: Metric(**each) for each in stored["metrics"]}
    return Task(stored["name"], tuple(stored["epochs"]), metrics, (), stored["provenance"])


def _read_score(stored: dict[str, Any]) -> Score:
    values: dict[str, Any] = {key: math.nan if value is None else value for key, value in stored.items()}
    return Score(**values)


def _read_model(folder: Path, task: Task, stored: dict[str, Any]) -> MeasureModel:
    texts = []
    for file, digest in stored["members"].items():
        if not re.fullmatch(r"model-\d+-\d+\.json", file):
            raise FileFormatError(f"{folder / METADATA}: names a member {file!r}, which is no file of a surrogate")
        text = _read(folder / file)
        if hashlib.sha256(text).hexdigest() != digest:
            raise FileFormatError(f"{folder / file}: its digest does not match, the file is damaged; get a fresh copy")
        texts.append(text)
    noise = stored["seed_noise"]
    if noise is not None:
        noise = SeedNoise(tuple(noise["levels"]), tuple(noise["stds"]))
    return MeasureModel(task.metrics[stored["metric"]], XGBEnsemble(texts), bool(stored["log"]), noise)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{file}: cannot be read: {error.strerror}") from None


def _columns(space: Space, blocks: tuple[str, ...]) -> int:
    return int(features(space, np.zeros((1, space.length), dtype=np.uint8), blocks).shape[1])

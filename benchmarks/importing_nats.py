"""How long it takes to import NATS-Bench's topology space, an architecture, and the most memory that it takes."""

from __future__ import annotations

import bz2
import pickle
import subprocess
import sys
from pathlib import Path

from timing import Figure, measure, measure_pair

from tabular.importers.nats_bench import import_nasbench201, import_nats_bench
from tabular.safe_pickle import read_pickle

TESTS = Path(__file__).parents[1] / "tests"
ARCHITECTURES = 60

MEMORY = """
import resource, sys
from tabular.importers.nats_bench import import_nasbench201
import_nasbench201(sys.argv[1], sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def figures(folder: Path) -> list[Figure]:
    """Measure reading one architecture's file, and importing a folder and an archive of 60 architectures."""
    sys.path.insert(0, str(TESTS))
    import nats_archives

    source = nats_archives.write_nats_archive(folder / "NATS-tss", "tss", range(ARCHITECTURES))
    archive = nats_archives.write_nasbench201_archive(folder / "201.pth", range(ARCHITECTURES), zipped=False)
    one = source / f"{ARCHITECTURES - 1:06d}.pickle.pbz2"

    def python() -> object:
        return pickle.loads(bz2.decompress(one.read_bytes()))  # noqa: S301 - written above

    ours, other, ratio = measure_pair(lambda: read_pickle(one), python)
    per_folder = measure(lambda: import_nats_bench(source, folder / "x.h5"), rounds=3) / ARCHITECTURES
    per_archive = measure(lambda: import_nasbench201(archive, folder / "x.h5"), rounds=3) / ARCHITECTURES
    peak = _peak(archive, folder) / 1e6
    return [
        Figure("read one architecture's file of NATS-Bench", ours, "Python's unpickler", other, ratio),
        Figure("import a folder of NATS-Bench, an architecture (all: 15,625)", per_folder, aim="20 ms"),
        Figure(
            f"import an archive of NAS-Bench-201, an architecture ({ARCHITECTURES} take {peak:.2f} GB in all)",
            per_archive,
        ),
    ]


def _peak(archive: Path, folder: Path) -> float:
    """Return the most memory that an import takes in a process of its own, in kB."""
    command = [sys.executable, "-c", MEMORY, str(archive), str(folder / "y.h5")]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

"""The engine of a cluster, with commands that answer like Slurm's in the place of Slurm."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from generation.tiny import DATASET, RECIPE, SPACE, assert_same_numbers, load
from tabular import generate
from tabular.errors import NasbenchError
from tabular.generation import slurm as queue
from tabular.generation.slurm import _PAUSES, SlurmEngine
from tabular.layout import DONE

pytest.importorskip("submitit")

LONGER = RECIPE.replace(epochs=16)
"""Gives time to disturb a job."""

COMMANDS = {
    "sbatch": """
cd "$STANDIN"; number=$(($(ls *.sh 2>/dev/null | wc -l) + 1)); cp "$1" $number.sh
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$1")
for place in $(seq 0 ${last:-0}); do
    job=$number; export SLURM_JOB_ID=$number
    if [ -n "$last" ]; then job=${number}_$place; export SLURM_ARRAY_JOB_ID=$number SLURM_ARRAY_TASK_ID=$place; fi
    touch $job.pid
    setsid bash -c "echo \\$\\$ > $job.pid; cd '$OLDPWD'; bash $STANDIN/$number.sh
        echo COMPLETED > $STANDIN/$job.end" >/dev/null 2>&1 &
done
echo "Submitted batch job $number"
""",
    "srun": """
while [[ $1 == --* ]]; do
    case $1 in --output) out=$2; shift 2;; --error) err=$2; shift 2;; *) shift;; esac
done
named() { sed "s/%A/$SLURM_ARRAY_JOB_ID/; s/%a/$SLURM_ARRAY_TASK_ID/; s/%j/$SLURM_JOB_ID/; s/%t/0/" <<< "$1"; }
exec "$@" >> "$(named "$out")" 2>> "$(named "$err")"
""",
    "squeue": """
cd "$STANDIN"; [[ $* == *--array* ]] || exit 1
for job in *.pid; do [ -e ${job%.pid}.end ] || echo ${job%.pid}; done
""",
    "scancel": 'kill -KILL -- -$(cat "$STANDIN/$1.pid"); echo CANCELLED > "$STANDIN/$1.end"',
}
"""A cluster of one node, on which every job has a place."""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """The folder of a stand-in for Slurm: what was submitted, process groups, and how jobs ended."""
    folder = tmp_path / "standin"
    folder.mkdir()
    for name, text in COMMANDS.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("STANDIN", str(folder))
    monkeypatch.setitem(_PAUSES, "slurm", 0.2)
    monkeypatch.setattr(queue, "ASKING", 0.2)
    return folder


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.world
def test_a_job_lost_with_its_node_is_submitted_to_slurm_again(tiny_table, tmp_path, slurm):
    lost = []

    def progress(done, total, note):
        if done > 3 and not lost:
            lost.append(total - done)
            os.killpg(int((slurm / "1_0.pid").read_text()), signal.SIGKILL)
            (slurm / "1_0.end").write_text("NODE_FAIL")

    engine = SlurmEngine(shards=2, slurm_partition="gpu", cpus_per_task=2)
    path = tmp_path / "t.h5"
    generate(SPACE, LONGER, DATASET, path, seeds=6, together=3, engine=engine, progress=progress)
    assert lost[0] > 0
    assert_same_numbers(path, tiny_table(seeds=6, together=3, epochs=16))
    assert sorted(each.stem for each in slurm.glob("*.pid")) == ["1_0", "1_1", "2"]
    asked = (slurm / "1.sh").read_text()
    for line in ("--array=0-1%2", "--time=60", "--partition=gpu", "--cpus-per-task=2", "--job-name=nasbench"):
        assert f"#SBATCH {line}\n" in asked
    assert sorted(tmp_path.iterdir()) == [slurm, path]


@pytest.mark.world
def test_an_interruption_cancels_the_jobs_at_slurm(tmp_path, slurm):
    def progress(done, total, note):
        if done > 3:
            raise KeyboardInterrupt

    path = tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        generate(SPACE, LONGER, DATASET, path, seeds=60, together=3, engine=SlurmEngine(shards=1), progress=progress)
    assert (slurm / "1.end").read_text() == "CANCELLED\n"
    assert not is_running(int((slurm / "1.pid").read_text()))
    assert (load(path).tasks[0].status == DONE).sum() > 3
    assert sorted(tmp_path.iterdir()) == [slurm, path]


def test_a_submission_that_slurm_refuses_is_told_in_a_line(tmp_path, slurm):
    (slurm / "sbatch").write_text("#!/bin/bash\necho 'sbatch: error: invalid partition specified: gpu' >&2; exit 1")
    told = r"^Slurm refused the jobs: sbatch: error: invalid partition specified: gpu; see the engine's parameters$"
    with pytest.raises(NasbenchError, match=told):
        generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", engine=SlurmEngine(shards=2))

"""A generator whose system calls are interfered with: a program that runs with ``kill_at_syscall.c`` preloaded.

It reads requests from standard input and answers each on standard output, both one line of JSON. Each is done in a
process forked for it, so that what is imported is imported once. The trainer is a stand-in that computes numbers from
architecture and seed; all that writes files is the real thing.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from nasbench import CellSpace
from tabular import generate
from tabular.errors import NasbenchError
from tabular.recipe import Recipe
from tabular.training.dataset import Dataset
from tabular.training.result import METRICS, Training

SPACE = CellSpace("tiny", 3, ("none", "skip_connect", "nor_conv_3x3"))
RECIPE = Recipe(epochs=2, channels=2, stages=1, image_size=4, batch_size=8)
DATASET = Dataset(
    "spots", "spots", np.ones((32, 1, 4, 4), np.float32), np.arange(32) % 2, *np.split(np.arange(32), [16, 24])
)
ACTIONS = ("watch", "kill before", "kill halfway", "fail")


def train_group(space, architectures, recipe, dataset, seed, device):
    return [train(architecture, recipe, seed) for architecture in architectures]


def train(architecture, recipe, seed):
    rng = np.random.default_rng([*architecture, seed])
    metrics = {name: np.sort(rng.random(recipe.epochs, dtype=np.float32)) for name in METRICS}
    diverged = seed == 1 and not architecture[0]
    for name in METRICS[:-1] if diverged else ():
        metrics[name][-1] = np.nan
    return Training(metrics, diverged=diverged, epochs=recipe.epochs)


def stand_in_for_torch():
    sys.modules["tabular.training.trainer"] = SimpleNamespace(find_device=lambda name: name)
    sys.modules["tabular.training.fused"] = SimpleNamespace(train_group=train_group)
    sys.modules["tabular.training.costs"] = SimpleNamespace(
        network_costs=lambda _, architecture, *__: {
            "parameters": int(architecture.sum()),
            "flops": 7,
            "activation_bytes": 5,
            "latency_seconds": 0.001,
        }
    )
    sys.modules["tabular.training.result"]._git_revision = lambda: None


def attacked(folder, attack, tell, *, seeds, together=1, first=0, last=0, action="watch", error=0):
    """Generate, and tell how it ended after the calls that it made."""
    attack(os.fsencode(folder), first, last, ACTIONS.index(action), error, tell)
    try:
        summary = generate(SPACE, RECIPE, DATASET, Path(folder, "t.h5"), seeds=seeds, limit=3, together=together)
        ending = f"trained {summary.trained}"
    except NasbenchError as error_met:
        ending = f"refused {error_met}"
    except BaseException as error_met:  # noqa: BLE001 - what else it may be is for the test to judge
        ending = f"crashed {error_met!r}"
    os.write(tell, f"ended {ending}\n".encode())


def answer(attack, request):
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        attacked(attack=attack, tell=theirs, **request)
        sys.exit()  # not os._exit: what HDF5 does at the end is part of it
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as told:
        lines = [line.rstrip("\n").split(" ", 1) for line in told]
    _, status = os.waitpid(child, 0)
    ending = " ".join(lines.pop()[1:]) if lines and lines[-1][0] == "ended" else ""
    return {"calls": lines, "ending": ending, "exit": os.waitstatus_to_exitcode(status)}


def main():
    attack = ctypes.CDLL(os.environ["LD_PRELOAD"]).attack
    attack.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    stand_in_for_torch()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(attack, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

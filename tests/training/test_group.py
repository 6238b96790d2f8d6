"""Groups of networks: trained at once, in halves where memory does not suffice, or refused in one line."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tabular.spaces import get_space
from tabular.training import METRICS, Recipe, load_dataset, train
from tabular.training.fused import train_group

SPACE = get_space("nb201")
MEASURED = [name for name in METRICS if name != "train_seconds"]

SCRIPT = """
import resource, sys
import numpy as np
from pathlib import Path
from tabular.spaces import get_space
from tabular.training import Recipe, load_dataset
from tabular.training import fused

space, digits, sizes = get_space("nb201"), load_dataset("digits"), []
rows = space.from_text(["|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"] * 4)
train_together = fused.train_together

def noted(space, rows, *others):
    sizes.append(len(rows))
    return train_together(space, rows, *others)

fused.train_together = noted
fused.train_group(space, rows[:2], Recipe(epochs=1, channels=4), digits, 0)  # loads what it needs of libraries
sizes.clear()
used = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmSize"))
limit = int(used.split()[1]) * 1024 + int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
recipe = Recipe(epochs=1, channels=32, batch_size=337, image_size=32)  # a few large tensors: so one of these is refused
try:
    trained = fused.train_group(space, rows, recipe, digits, 0)
except Exception as error:
    print(type(error).__name__, error)
else:
    print(len(trained), sizes, np.isfinite([each.metrics["test_loss"][0] for each in trained]).all())
"""


def with_memory(megabytes):
    if sys.platform != "linux":
        pytest.skip("the size of a process is read as Linux tells it")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(megabytes)], capture_output=True, text=True, check=True, timeout=200
    )
    return done.stdout.strip()


@pytest.mark.world
def test_where_memory_is_short_a_group_is_trained_in_halves():
    told = with_memory(700)
    assert told.startswith("4 [4, 2, ")  # all four at once did not fit, two did or not
    assert told.endswith("] True")


@pytest.mark.world
def test_a_recipe_that_cannot_train_one_network_is_refused():
    message = with_memory(100)
    assert message.startswith("RecipeError recipe: the memory of cpu does not suffice for one network (|")
    assert message.endswith("with batch_size 337, channels 32 and image_size 32; take less of these")


def test_a_group_of_one_is_trained_alone_to_the_last_bit():
    digits, row, recipe = load_dataset("digits"), np.full(6, 3, np.uint8), Recipe(epochs=1, channels=2)
    (grouped,) = train_group(SPACE, row[None], recipe, digits, 5)
    alone = train(SPACE, row, recipe, digits, 5)
    for name in MEASURED:
        assert grouped.metrics[name].tobytes() == alone.metrics[name].tobytes()


def test_mistakes_that_are_not_of_memory_are_passed_on():
    with pytest.raises(ValueError, match="position 0 has choice 9"):
        train_group(SPACE, np.full((2, 6), 9, np.uint8), Recipe(epochs=1), load_dataset("digits"), 0)

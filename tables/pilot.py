"""Compare recipes by how reproducible the ranks are that they give: ``python tables/pilot.py FOLDER``.

Trains some hundred architectures of ``nb201``, drawn at random, on the digits with each recipe, into tables in FOLDER
(it resumes), and prints one line a recipe. With ``--seeds 6`` means of three seeds are held against each other too.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from nasbench import get_space
from tabular import Table, generate
from tabular.reliability import reliability
from tabular.training import Recipe, load_dataset

CHOSEN = Path(__file__).parent / "nb201-digits.toml"

CHANGES = {
    "chosen": {},
    "24 epochs": {"epochs": 24},
    "batch 128, rate 0.2": {"batch_size": 128, "learning_rate": 0.2},
    "16 channels, batch 128": {"channels": 16, "batch_size": 128},
    "2 cells": {"cells_per_stage": 2},
    "2 stages": {"stages": 2},
    "AdamW": {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.05},
    "crop": {"augmentation": "crop"},
    "rate 0.03": {"learning_rate": 0.03},
}
"""What differs from the recipe that the shipped table is trained with."""


def main() -> None:
    """Train what is missing and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipes", nargs="*", default=list(CHANGES), choices=list(CHANGES), metavar="NAME")
    parser.add_argument("--limit", type=int, default=300, help="architectures (300)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each (3)")
    options = parser.parse_args()
    lines = [_line(name, options) for name in options.recipes]
    print(f"\n{options.limit} architectures of nb201, drawn at random, {options.seeds} seeds. Kendall's tau-b.\n")
    print(
        "| recipe | s a training | two seeds | better half | losses | means of 3 | val-test "
        "| 10 % / median / 90 % | ties |"
    )
    print("|" + " --- |" * 9)
    print(*lines, sep="\n")


def _line(name: str, options: argparse.Namespace) -> str:
    path = options.folder / f"{name.replace(' ', '-').replace(',', '')}.h5"
    recipe = Recipe.from_toml(CHOSEN).replace(**CHANGES[name])
    started = time.monotonic()
    generate(
        get_space("nb201"),
        recipe,
        load_dataset("digits"),
        path,
        limit=options.limit,
        seeds=options.seeds,
        jobs=os.cpu_count() or 1,
        progress=lambda done, total, _: print(f"\r{name}: {done}/{total}, {time.monotonic() - started:.0f} s", end=""),
    )
    with Table.open(path) as table:
        found = reliability(table, "digits")
        seconds = table.metric("digits", "train_seconds")[:, :, -1].mean()
    _, low, median, high, _ = found.quantiles
    taus = (
        found.between_seeds,
        found.between_seeds_upper_half,
        found.between_losses,
        found.between_means,
        found.validation_test,
    )
    numbers = " | ".join(f"{tau:.3f}" for tau in taus)
    spread = f"{low:.2f} / {median:.2f} / {high:.2f}"
    return f"| {name} | {seconds:.2f} | {numbers} | {spread} | {100 * found.ties:.1f} % |"


if __name__ == "__main__":
    main()

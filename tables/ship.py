"""Put a finished table into the package: ``python tables/ship.py TABLE``.

The table must be whole and sound. It gets the terms and known limits that lie beside this program, takes its place in
``tabular/data`` under its own name, and its data card is written to ``docs/tables``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tabular import Table, write_table
from tabular.card import data_card
from tabular.errors import FileFormatError
from tabular.files import read_toml
from tabular.table import FOLDER

HERE = Path(__file__).parent
CARDS = HERE.parent / "docs" / "tables"
MOST_BYTES = 8 * 10**6


def main(arguments: list[str]) -> None:
    """Ship the table that is named."""
    source = Path(arguments[0])
    terms = read_toml(HERE / f"{source.stem}-terms.toml", FileFormatError)
    with Table.open(source) as table:
        problems = table.check()
        missing = {task: int((table.status(task) == 0).sum()) for task in table.tasks}
        if problems or any(missing.values()):
            sys.exit(f"{source}: cannot be shipped; problems: {problems or 'none'}; missing trainings: {missing}")
        data = table.load()
    data.provenance = terms
    target = FOLDER / source.name
    write_table(target, data)
    size = target.stat().st_size
    if size > MOST_BYTES:
        target.unlink()
        sys.exit(f"{source}: has {size:,} bytes as a shipped table, more than {MOST_BYTES:,}")
    CARDS.mkdir(parents=True, exist_ok=True)
    with Table.open(target) as table:
        (CARDS / f"{source.stem}.md").write_text(data_card(table) + "\n", encoding="utf-8")
    print(f"{target}: {size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])

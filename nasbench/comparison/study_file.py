"""The TOML file that declares a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nasbench.comparison.protocol import REPEATS, Budget
from nasbench.comparison.search_run import PATIENCE
from nasbench.figures.style import STYLES
from tabular.errors import BudgetError, NasbenchError, UnknownNameError
from tabular.files import TomlTable, read_toml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class DeclarationError(NasbenchError, ValueError):
    """A study's file with an unknown key or a value that cannot be used.

    The message names file, key and value.
    """


@dataclass(frozen=True)
class DeclaredOracle:
    """An oracle to compare strategies on.

    Parameters
    ----------
    path : str
        Of a table or a surrogate folder, or the name of a table that is shipped.
    name : str
        What files and figures call it; empty for its own name.
    signal : str, optional
    report : tuple of str
        Empty for the default.
    budgets : tuple of str
    """

    path: str
    name: str = ""
    signal: str | None = None
    report: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """Several oracles, strategies and budgets under one protocol.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    name : str
    strategies : tuple of str
        Names with options, or families.
    oracles : tuple of DeclaredOracle
    runs, first_seed, workers, repeats, objectives, constraints, wait
        As `nasbench.comparison.compare` takes them.
    include : tuple of Path
        Results files of others, to be merged in.
    style : str
        Of the figures.
    kinds : tuple of str
        Of figures; empty for all that the results suffice for.
    """

    path: Path
    name: str
    strategies: tuple[str, ...]
    oracles: tuple[DeclaredOracle, ...]
    runs: int = 500
    first_seed: int = 0
    workers: int = 1
    repeats: str = "charge"
    objectives: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    wait: float = PATIENCE
    include: tuple[Path, ...] = ()
    style: str = "paper"
    kinds: tuple[str, ...] = ()


_KEYS = (
    "name", "runs", "first_seed", "strategies", "oracles", "budgets", "signal", "report", "objectives", "constraints",
    "workers", "repeats", "wait", "include", "figures",
)  # fmt: skip


def read_declaration(path: str | Path, kinds: Collection[str] | None = None) -> Declaration:
    """Read the file of a study.

    Paths in it are relative to its own folder, or else to the folder in which the program runs.

    Parameters
    ----------
    path : str or Path
    kinds : collection of str, optional
        The known kinds of figures, to check those that the file names.

    Raises
    ------
    DeclarationError
        Naming the file, the key and the value.
    """
    path = Path(path)
    keys = TomlTable(read_toml(path, DeclarationError), str(path), DeclarationError)
    keys.check_keys(_KEYS)
    for needed, example in (("strategies", "random-search"), ("oracles", "nb201-digits")):
        if not (keys.tables_or_paths if needed == "oracles" else keys.texts)(needed):
            keys.fail(needed, f'is missing or empty; name one at least, such as ["{example}"]')
    figures = keys.optional_table("figures")
    figures.check_keys(("style", "kinds"))
    style, drawn = figures.text("style") or "paper", figures.texts("kinds")
    figures.check_known("style", "style", [style], STYLES)
    if kinds is not None:
        figures.check_known("kinds", "kind of figure", drawn, kinds)
    repeats = keys.text("repeats") or "charge"
    keys.check_known("repeats", "handling of repeats", [repeats], REPEATS)
    return Declaration(
        path,
        keys.text("name") or path.stem,
        keys.texts("strategies"),
        _oracles(keys, path.parent),
        keys.whole("runs", 500, 1),
        keys.whole("first_seed", 0, 0),
        keys.whole("workers", 1, 1),
        repeats,
        keys.texts("objectives"),
        keys.texts("constraints"),
        keys.number("wait", PATIENCE, 0.1),
        _included(keys, path.parent),
        style,
        drawn,
    )


def _oracles(keys: TomlTable, folder: Path) -> tuple[DeclaredOracle, ...]:
    signal, report, budgets = keys.text("signal"), keys.texts("report"), _budgets(keys)
    oracles: list[DeclaredOracle] = []
    for each in keys.tables_or_paths("oracles"):
        each.check_keys(("path", "name", "signal", "report", "budgets"))
        path = each.text("path")
        if path is None:
            each.fail("path", "is missing; give a table, a surrogate folder or the name of a shipped table")
        oracle = DeclaredOracle(
            str(_located(path, folder)),
            each.text("name") or "",
            each.text("signal") or signal,
            each.texts("report") or report,
            _budgets(each) or budgets,
        )
        if not oracle.budgets:
            keys.fail("budgets", 'is missing or empty; give what each run may spend, such as ["300", "20000s"]')
        if oracle in oracles:
            keys.fail("oracles", f"names {path} twice; once is enough")
        oracles.append(oracle)
    return tuple(oracles)


def _budgets(keys: TomlTable) -> tuple[str, ...]:
    """Return budgets that can be read, each of another amount."""
    budgets = keys.texts("budgets", numbers=True)
    known: dict[Budget, str] = {}
    for text in budgets:
        try:
            budget = Budget.parse(text)
        except BudgetError as error:
            keys.fail("budgets", f"holds {text!r}: {error}")
        if budget in known:
            keys.fail("budgets", f"holds {known[budget]!r} and {text!r}, which are the same; once is enough")
        known[budget] = text
    return budgets


def _included(keys: TomlTable, folder: Path) -> tuple[Path, ...]:
    paths = [Path(_located(text, folder)) for text in keys.texts("include")]
    for path in paths:
        if not path.is_file():
            keys.fail("include", f"holds {path}: no such file")
    return tuple(paths)


def _located(text: str, folder: Path) -> str:
    """Return a path beside the study's file if something is there, or else the text as it is."""
    return str(folder / text) if (folder / text).exists() else text


class Keys:
    """The keys of one table of a TOML file; errors name file, key and value.

    Parameters
    ----------
    path : Path
        Of the file.
    values : dict
    where : str
        What stands before a key in messages: empty for the file itself, ``figures.`` for that table.
    """

    def __init__(self, path: Path, values: Mapping[str, Any], where: str = "") -> None:
        self._path, self._values, self._where = path, values, where

    def fail(self, key: str, what: str) -> NoReturn:
        """Raise a `DeclarationError` about a key."""
        raise DeclarationError(f"{self._path}: {self._where}{key} {what}")

    def check_keys(self, known: Collection[str]) -> None:
        """Refuse keys that mean nothing."""
        for key in self._values:
            if key not in known:
                raise DeclarationError(
                    f"{self._path}: {UnknownNameError('key', f'{self._where}{key}', self._all(known))}"
                )

    def _all(self, known: Iterable[str]) -> list[str]:
        return [f"{self._where}{key}" for key in known]

    def check_known(self, key: str, kind: str, values: Iterable[str], known: Collection[str]) -> None:
        """Refuse names that are not known."""
        for value in values:
            if value not in known:
                raise DeclarationError(f"{self._path}: {self._where}{key}: {UnknownNameError(kind, value, known)}")

    def text(self, key: str) -> str | None:
        """Return a text that is not empty, None if the key is not there."""
        value = self._values.get(key)
        if value is not None and not (isinstance(value, str) and value.strip()):
            self.fail(key, f"must be a text in quotes, got {value!r}")
        return value

    def texts(self, key: str, *, numbers: bool = False) -> tuple[str, ...]:
        """Return a list of different texts, which may be a single text; empty if the key is not there.

        Parameters
        ----------
        key : str
        numbers : bool
            Whether numbers stand for themselves as text.
        """
        value = self._values.get(key, [])
        several = value if isinstance(value, list) else [value]
        if numbers:
            several = [str(each) if type(each) in {int, float} else each for each in several]
        if not all(isinstance(each, str) and each.strip() for each in several):
            self.fail(key, f"must be a list of texts in quotes, got {value!r}")
        if len(set(several)) < len(several):
            self.fail(key, f"names something twice: {', '.join(several)}; once is enough")
        return tuple(several)

    def whole(self, key: str, default: int, least: int) -> int:
        """Return a whole number."""
        value = self._values.get(key, default)
        if type(value) is not int or value < least:  # isinstance takes true for an int
            self.fail(key, f"must be a whole number of at least {least}, got {value!r}")
        return value

    def number(self, key: str, default: float, least: float) -> float:
        """Return a number."""
        value = self._values.get(key, default)
        if type(value) not in {int, float} or not value >= least:
            self.fail(key, f"must be a number of at least {least:g}, got {value!r}")
        return float(value)

    def table(self, key: str) -> Keys:
        """Return the keys of a table within this one, none if it is not there."""
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            self.fail(key, f"must be a table of its own, [{self._where}{key}], got {value!r}")
        return Keys(self._path, value, f"{self._where}{key}.")

    def tables(self, key: str) -> list[Keys]:
        """Return the tables of a list, in which a text stands for a table with that ``path`` alone."""
        value = self._values.get(key, [])
        several = value if isinstance(value, list) else [value]
        for each in several:
            if not isinstance(each, (str, dict)) or not each:
                self.fail(key, f"must be a list of texts in quotes, or [[{key}]] tables with a path, got {each!r}")
        return [
            Keys(self._path, {"path": each} if isinstance(each, str) else each, f"{self._where}{key}[{i}].")
            for i, each in enumerate(several)
        ]

"""The `nasbench` command: its subcommands, and how errors reach the user."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Any

import typer

from nasbench.cli import comparing, console, demo, inspecting, papers, surrogates, tables
from tabular.errors import NasbenchError

_EPILOG = (
    "'nasbench COMMAND --help' explains a command. Each takes --json for machines. A user's mistake gives one line and "
    "exit code 2."
)
_RESUMABLE = ("generate", "demo", "study")

app = typer.Typer(
    name="nasbench",
    help="Train a search space once into a table; compare search strategies on it in seconds.",
    epilog=_EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("spaces")(inspecting.spaces)
app.command("strategies")(inspecting.strategies)
app.command("plan")(tables.plan)
app.command("generate")(tables.generate)
app.command("merge")(tables.merge)
app.command("import")(tables.import_table)
app.command("export")(tables.export_table)
app.command("info")(inspecting.info)
app.command("card")(inspecting.card)
app.command("fit")(surrogates.fit)
app.command("examine")(surrogates.examine)
app.command("transfer")(surrogates.transfer)
app.command("compare")(comparing.compare)
app.command("study")(comparing.study)
app.command("summary")(papers.summary)
app.command("plot")(papers.plot)
app.command("report")(papers.report)
app.command("checklist")(papers.checklist)
app.command("verify")(comparing.verify)


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit code 2."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("nasbench", sys.argv[1:] or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as leaving:
        sys.exit(leaving.exit_code)
    except NasbenchError as error:
        console.fail(str(error))
    except console.USAGE_ERROR as error:
        console.fail(f"{_usage_mistake(error)} (see {_help_command()})")
    except KeyboardInterrupt:
        console.fail(f"interrupted; {_kept_when_interrupted()}")
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nobody is left to tell


def _usage_mistake(error: Any) -> str:
    """Return what is wrong with an option, with the value that was given for it."""
    message = error.format_message().rstrip(".")
    options = getattr(getattr(error, "param", None), "opts", ())
    for word, following in pairwise([*sys.argv, ""]):
        name, _, value = word.partition("=")
        given = value or following
        if isinstance(error, typer.BadParameter) and name in options and repr(given) not in message:
            return f"{message}, got {given!r}"
    return str(message)


def _help_command() -> str:
    known = {command.name for command in app.registered_commands}
    return " ".join(["nasbench", *(word for word in sys.argv[1:2] if word in known), "--help"])


def _kept_when_interrupted() -> str:
    if sys.argv[1:2] and sys.argv[1] in _RESUMABLE:
        return "what was finished is kept, the same command goes on from there"
    return "files that were there are as they were"

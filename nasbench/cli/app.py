"""The `nasbench` command: its subcommands, and how errors reach the user."""

from __future__ import annotations

import sys
from typing import Any

import typer

from nasbench.cli import comparing, console, demo, fitting, generating, importing, inspecting
from nasbench.errors import NasbenchError

_EPILOG = "Every command takes --json for machines. A user's mistake gives one line and exit code 2."

app = typer.Typer(
    name="nasbench",
    help="Train a search space once into a table; compare search strategies on it in seconds.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("spaces")(inspecting.spaces)
app.command("strategies")(inspecting.strategies)
app.command("generate")(generating.generate)
app.command("import")(importing.import_table)
app.command("info")(inspecting.info)
app.command("fit")(fitting.fit)
app.command("compare")(comparing.compare)
app.command("plot")(comparing.plot)
app.command("verify")(comparing.verify)

_USAGE_ERROR: Any = typer.BadParameter.__bases__[0]  # click's, wherever this version of typer keeps it


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except NasbenchError as error:
        console.fail(str(error))
    except _USAGE_ERROR as error:
        console.fail(f"{error.format_message()} (see {_help_command()})")
    except (KeyboardInterrupt, typer.Abort) as error:
        console.fail(str(error) or "interrupted; files that were there are unchanged")
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nobody is left to tell
    else:
        sys.exit(code)


def _help_command() -> str:
    known = {command.name for command in app.registered_commands}
    return " ".join(["nasbench", *(word for word in sys.argv[1:2] if word in known), "--help"])

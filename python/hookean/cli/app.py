"""The program `hookean`: its commands, and what happens when one fails."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from hookean.cli import failures, streams
from hookean.cli.compare import compare
from hookean.cli.conformance import conformance
from hookean.cli.demo import demo
from hookean.cli.listing import list_
from hookean.cli.notices import say_error
from hookean.cli.run import run
from hookean.cli.schema import schema

_HELP = "Replay traffic against autoscalers, before production does."

app = typer.Typer(
    name="hookean",
    help=_HELP,
    epilog=failures.EXIT_CODES,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 80, "help_option_names": ["-h", "--help"]},
)

for _name, _command in (
    ("run", run),
    ("compare", compare),
    ("list", list_),
    ("conformance", conformance),
    ("demo", demo),
    ("schema", schema),
):
    app.command(_name)(_command)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (typer calls it so)
    if wanted:
        from hookean import _core  # noqa: PLC0415 (keeps --help quick)

        sys.stdout.write(f"hookean {_core.__version__} (git {_core.git_revision()})\n")
        raise typer.Exit


@app.callback(help=_HELP)
def _root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and the git revision, and exit."
        ),
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; works anywhere.")] = False,
) -> None:
    """Declares the options before the command; `main` reads `--debug` itself, since it must work everywhere."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the program and exits.

    Args:
        arguments: Command line without the program's name; by default that of the process.

    Raises:
        SystemExit: Always, with the exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run_program([each for each in given if each != "--debug"], debug="--debug" in given))


def run_program(arguments: Sequence[str], *, debug: bool) -> int:
    """Runs the program and returns its exit code.

    Args:
        arguments: Command line without the program's name and without `--debug`.
        debug: Whether errors come with their traceback.
    """
    if not streams.prepare():
        say_error("stdout is closed\n\nhint: `> /dev/null` throws away what is printed")
        return failures.BAD_INPUT
    try:
        code = get_command(app).main(list(arguments), prog_name="hookean", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        return _tell_usage(error)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 (the last place that can tell it)
        return failures.tell(error, debug=debug)
    finally:
        streams.finish()
    return int(code or failures.DONE)


def _tell_usage(error: TyperException) -> int:
    message = error.format_message().strip().rstrip(".").replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "hookean"
    say_error(f"{message[:1].lower()}{message[1:]}\n\nhint: `{command} --help` shows how to use it")
    return failures.BAD_INPUT

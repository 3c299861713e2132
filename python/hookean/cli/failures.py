"""Exit codes, and how a failure is told on the command line."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from hookean.cli.notices import say_error
from hookean.errors import HookeanError, PolicyError, ScenarioError, SimulationError

DONE = 0
GATE_FAILED = 1
BAD_INPUT = 2
OUR_BUG = 3
INTERRUPTED = 130
BROKEN_PIPE = 141

EXIT_CODES = (
    "Exit codes: 0 done, 1 a check failed, 2 bad input, 3 a mistake in hookean, 130 stopped by Ctrl-C "
    "(what was simulated until then is kept and marked partial)."
)

_REPORT = "this is a mistake in hookean: please report it with what `hookean --debug …` prints for the same command"

_PACKAGE = str(Path(__file__).parents[1])
_SCHEMA = "`hookean schema` describes scenario files; editors check YAML against it as you type"
_ACCESS = "check the permissions of the file and the room on its disk; for stdout, where it is sent to"
_PATHS = "check the path; those inside a scenario file start from its folder"


def tell(error: BaseException, *, debug: bool) -> int:
    """Writes an error to stderr, but for Ctrl-C and a closed pipe, and says how the program ends.

    Args:
        error: What was raised.
        debug: Whether the traceback is wanted.

    Returns:
        The exit code.
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError):  # typer leaves for one
        return BROKEN_PIPE
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    elif isinstance(error, PolicyError) and error.__cause__ is not None:
        sys.stderr.write(_own_traceback(error.__cause__))
    message, code = describe(error)
    say_error(message)
    return code


def _own_traceback(error: BaseException) -> str:
    """The traceback of a policy's error, without the frames of hookean and of the import system before it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and _is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _is_ours(file: str) -> bool:
    return file.startswith((_PACKAGE, "<frozen importlib")) or file == importlib.__file__


def describe(error: BaseException) -> tuple[str, int]:
    """Returns the message for an error and the exit code it leads to.

    Args:
        error: What was raised.
    """
    if isinstance(error, SimulationError):
        text = str(error)
        return (text if "hint: " in text else f"{text}\n\nhint: {_REPORT}"), OUR_BUG
    if isinstance(error, HookeanError):
        text = str(error)
        lacks_hint = isinstance(error, ScenarioError) and "hint: " not in text
        return (f"{text}\n\nhint: {_SCHEMA}" if lacks_hint else text), BAD_INPUT
    if isinstance(error, OSError):
        text, hint = _os_text(error), _PATHS if isinstance(error, FileNotFoundError) else _ACCESS
        return (text if "hint: " in text else f"{text}\n\nhint: {hint}"), BAD_INPUT
    if isinstance(error, MemoryError):
        return "out of memory\n\nhint: keep fewer single requests (`record.requests`), or shorten the run", BAD_INPUT
    if isinstance(error, SystemExit):  # none of ours: whatever its code, the work is not done
        text = f"a policy ended the program by `SystemExit({error.code})`"
        return f"{text}\n\nhint: let it raise an error instead", BAD_INPUT
    return f"internal error: {type(error).__name__}: {error}\n\nhint: {_REPORT}", OUR_BUG


def _os_text(error: OSError) -> str:
    if error.strerror is None:
        return str(error)
    reason = error.strerror[0].lower() + error.strerror[1:]
    return f"`{error.filename}`: {reason}" if error.filename is not None else reason

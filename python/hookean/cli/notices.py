"""Words on stderr: notices, warnings, errors. Coloured on a terminal, unless `NO_COLOR` is set."""

from __future__ import annotations

import os
import sys
import textwrap

_WIDTH = 80


def is_coloured() -> bool:
    """Says whether stderr shows colours: a terminal, `NO_COLOR` empty or unset, and not a dumb one."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """Writes a notice, in lines of a terminal's width."""
    _write(_wrapped(text))


def say_warning(text: str) -> None:
    """Writes a warning, in lines of a terminal's width."""
    _write(_wrapped(f"warning: {text}").replace("warning:", _painted("warning:", "33"), 1))


def say_error(text: str) -> None:
    """Writes an error; after a blank line the text may hold a hint."""
    body = text.replace("\nhint: ", f"\n{_painted('hint:', '36')} ")
    _write(f"{_painted('error:', '31')} {body}")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _painted(word: str, colour: str) -> str:
    return f"\x1b[1;{colour}m{word}\x1b[0m" if is_coloured() else word


def _write(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

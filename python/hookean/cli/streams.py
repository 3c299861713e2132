"""stdout and stderr as the program needs them, whatever it was started with."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TextIO

_STDOUT = 1
"""Its number in the operating system."""


def prepare() -> bool:
    """Makes both streams safe to write to.

    What an encoding lacks is written as its number, instead of ending the program. An unbuffered stdout
    (`PYTHONUNBUFFERED`) gets a buffer, since without one a write that finds half its room on a disk is half a write and
    no error; every write is flushed all the same. A closed stderr is replaced, so that its number goes to no file.

    Returns:
        Whether there is a stdout; without one nothing can be told.
    """
    closed = sys.stdout is None
    if closed:  # the null device takes its number, which a file of a result would get otherwise
        sys.stdout = _null()
    if sys.stderr is None:
        sys.stderr = _null()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
        encoding = sys.stdout.encoding
        buffered = io.BufferedWriter(sys.stdout.detach())
        sys.stdout = io.TextIOWrapper(buffered, encoding=encoding, errors="backslashreplace")
    return not closed


def finish() -> None:
    """Throws away what stdout could not take, so that Python does not try once more at its exit and tell of it."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)


def is_unicode() -> bool:
    """Says whether stdout can show every character."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def _null() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")

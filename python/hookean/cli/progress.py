"""The progress bar: simulated time, requests per second, time left. Only on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hookean.analysis import wording
from hookean.cli.notices import is_coloured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress_bar(name: str, horizon_ns: int) -> Iterator[Callable[[int, int], None] | None]:
    """Shows a bar on stderr while its body runs.

    Args:
        name: What runs.
        horizon_ns: Simulated time at the end.

    Yields:
        A function of simulated nanoseconds and requests so far, or None when stderr is no terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 (only a terminal needs it)
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    total = wording.nanos(horizon_ns)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[simulated]} of " + total, markup=False),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
    )
    console = Console(stderr=True, no_color=not is_coloured())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=horizon_ns, simulated="0 s", rate="")
        started = time.monotonic()

        def show(simulated_ns: int, requests: int) -> None:
            rate = _rate(requests, time.monotonic() - started)
            bar.update(task, completed=simulated_ns, simulated=wording.nanos(simulated_ns), rate=rate)

        yield show


def _rate(requests: int, elapsed: float) -> str:
    per_second = requests / elapsed if elapsed > 0.0 else 0.0
    for size, prefix in ((1e6, "M"), (1e3, "k")):
        if per_second >= size:
            return f"{per_second / size:.1f} {prefix} requests/s"
    return f"{per_second:.0f} requests/s"


@contextmanager
def case_line(name: str) -> Iterator[Callable[[str], None] | None]:
    """Shows on stderr which case of a file runs while its body does.

    Args:
        name: Name of the file.

    Yields:
        A function of the id of the case that begins, or None when stderr is no terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    clear = "\r\033[K"

    def show(case: str) -> None:
        sys.stderr.write(f"{clear}{name}: {case} …")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write(clear)
        sys.stderr.flush()

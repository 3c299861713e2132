"""Rows of (time, count) onto a regular grid of bins: order, step and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hookean.errors import TraceError
from hookean.memory import require_memory

if TYPE_CHECKING:
    import numpy.typing as npt

    from hookean.traces.formats.raw import RawCounts
    from hookean.traces.series import Gaps
    from hookean.traces.text import TextTable

_BYTES_PER_BIN = 24
"""Memory per bin while the grid is filled: counts, a copy, and the positions."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Counts without holes.

    Attributes:
        step_ns: Width of a bin.
        counts: float64, shape (bins,).
        gap_count: Bins that the file does not have.
        first_gap_ns: Start of the first of them, on the file's own clock; 0 when there is none.
    """

    step_ns: int
    counts: npt.NDArray[np.float64]
    gap_count: int
    first_gap_ns: int


def to_grid(table: TextTable, raw: RawCounts, *, step_ns: int | None, gaps: Gaps) -> Grid:
    """Puts counts on a regular grid.

    Args:
        table: The file, for line numbers.
        raw: Its times and counts.
        step_ns: Width of a bin; the median distance of two rows when `None`.
        gaps: What a missing bin becomes.

    Raises:
        TraceError: If times repeat or go back, are not a whole number of steps apart, a bin is missing and `gaps` is
            `error`, or the step cannot be known.
    """
    if raw.epoch == "none":
        return Grid(step_ns=_known(table, step_ns), counts=raw.counts, gap_count=0, first_gap_ns=0)
    distances = np.diff(raw.times_ns)
    _check_order(table, distances)
    if step_ns is None and distances.size == 0:
        _known(table, None)
    width = int(np.sort(distances)[(distances.size - 1) // 2]) if step_ns is None else step_ns
    uneven = np.flatnonzero(distances % width)
    if uneven.size:
        row = int(uneven[0]) + 1
        raise TraceError(
            f"bin starts {distances[row - 1] / 1e9:g} s after the one before it, which is not a multiple of the step "
            f"of {width / 1e9:g} s",
            where=table.where(row),
            hint="bins have one width: give the right `step`, or count the requests again into equal bins",
        )
    positions = (raw.times_ns - raw.times_ns[0]) // width
    return _filled(table, raw, positions=positions, width=width, gaps=gaps)


def _known(table: TextTable, step_ns: int | None) -> int:
    if step_ns is None:
        raise TraceError(
            "width of a bin is not known", where=f"`{table.path}`", hint="add a column `time`, or give the `step`"
        )
    return step_ns


def _check_order(table: TextTable, distances: npt.NDArray[np.int64]) -> None:
    wrong = np.flatnonzero(distances <= 0)
    if wrong.size:
        row = int(wrong[0]) + 1
        what = "repeats the time of" if distances[row - 1] == 0 else "is earlier than"
        raise TraceError(
            f"bin {what} line {table.lines[row - 1]}",
            where=table.where(row),
            hint="sort the rows by time and add up rows of the same bin",
        )


def _filled(table: TextTable, raw: RawCounts, *, positions: npt.NDArray[np.int64], width: int, gaps: Gaps) -> Grid:
    bins = int(positions[-1]) + 1
    missing = bins - raw.counts.size
    if missing == 0:
        return Grid(step_ns=width, counts=raw.counts, gap_count=0, first_gap_ns=0)
    after = int(np.flatnonzero(np.diff(positions) > 1)[0])
    if gaps == "error":
        raise TraceError(
            f"{missing} bins of {width / 1e9:g} s are missing, the first after this line",
            where=table.where(after),
            hint="say what a missing bin means: `gaps: zero` (no requests) or `gaps: hold` (as in the bin before)",
        )
    require_memory(bins * _BYTES_PER_BIN, path=table.path)
    if gaps == "hold":
        latest = np.searchsorted(positions, np.arange(bins), side="right") - 1
        counts = raw.counts[latest]
    else:
        counts = np.zeros(bins)
        counts[positions] = raw.counts
    return Grid(step_ns=width, counts=counts, gap_count=missing, first_gap_ns=int(raw.times_ns[after]) + width)

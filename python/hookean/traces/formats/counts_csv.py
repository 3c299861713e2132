"""Any CSV of counts per bin: the start of each bin and its count, or counts alone.

- `time,count`: `time` is seconds from the start of the trace (decimal), or ISO 8601 (`2026-01-31 12:00:00`, `…T12:00Z`,
  `…+02:00`; UTC when no zone is written);
- `unix_time,count`: seconds since 1970 UTC;
- `count` alone, or one column of numbers without a header: the step must be given.

Other columns may stand beside them and are not read; the report names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hookean.errors import TraceError
from hookean.traces.clock import looks_like_number
from hookean.traces.formats.raw import RawCounts, counts_column, instants_column, seconds_column
from hookean.traces.series import NS_PER_S

if TYPE_CHECKING:
    from hookean.traces.clock import Nanos
    from hookean.traces.text import TextTable

_OLDEST_UNIX_NS = 100_000_000 * NS_PER_S
"""A trace does not start three years after its own start: such a number is a Unix time (1973 and later)."""


def sniff(table: TextTable) -> bool:
    """Returns whether there is a `count` column, or one nameless column of numbers."""
    names = table.columns.columns
    return "count" in names if table.has_header else len(names) == 1


def load(table: TextTable) -> RawCounts:
    """Reads start and count of each bin.

    Raises:
        TraceError: At the first row that does not hold both, or when the time column is not as described above.
    """
    names = table.columns.columns
    count_name = "count" if table.has_header else names[0]
    times: list[str] = [name for name in ("time", "unix_time") if name in names]
    _check_columns(table, names, times=times)
    unread = [name for name in names if name not in {*times, count_name}]
    warnings: tuple[str, ...] = (f"columns not read: {', '.join(unread)}",) if unread else ()
    counts = counts_column(table, count_name)
    if not times:
        return RawCounts(times_ns=np.empty(0, dtype=np.int64), counts=counts, epoch="none", warnings=warnings)
    if times == ["time"] and not looks_like_number(str(table.columns["time"][0])):
        instants = instants_column(table, "time")
        return RawCounts(times_ns=instants.values, counts=counts, epoch="unix", warnings=warnings)
    seconds = seconds_column(table, times[0])
    warnings += _rounding(seconds)
    if times == ["unix_time"]:
        return RawCounts(times_ns=seconds.values, counts=counts, epoch="unix", warnings=warnings)
    warnings += _checked_start(table, int(seconds.values[0]))
    return RawCounts(times_ns=seconds.values, counts=counts, epoch="start", warnings=warnings)


def _checked_start(table: TextTable, start_ns: int) -> tuple[str, ...]:
    """Refuses a first time that cannot be one; returns a warning when the trace does not start at 0."""
    if start_ns >= _OLDEST_UNIX_NS:
        raise TraceError(
            f"first time `{table.columns['time'][0]}` is more than three years after the start of the trace",
            where=table.where(0),
            hint="name the column `unix_time` if these are seconds since 1970",
        )
    if start_ns < 0:
        raise TraceError(
            f"time `{table.columns['time'][0]}` is negative",
            where=table.where(0),
            hint="times count from the start of the trace",
        )
    if start_ns > 0:
        return (f"the first bin is {start_ns / NS_PER_S:g} s after time 0; the trace starts there",)
    return ()


def _check_columns(table: TextTable, names: list[str], *, times: list[str]) -> None:
    if len(times) == 2:
        raise TraceError(
            "both `time` and `unix_time` are there",
            where=f"`{table.path}`",
            hint="keep the one that is the bin's start",
        )
    if not times and len(names) > 1:
        raise TraceError(
            f"no time column among {', '.join(f'`{name}`' for name in names)}",
            where=f"`{table.path}`",
            hint="name the start of the bin `time` or `unix_time`, or keep the column `count` alone",
        )


def _rounding(seconds: Nanos) -> tuple[str, ...]:
    return (f"{seconds.rounded} times had more than nine decimals and were rounded",) if seconds.rounded else ()

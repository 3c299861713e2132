"""Requests per minute of the 1998 World Cup web site: `period,count`, one row per minute, UTC.

The file is `invocation_count.csv` of the public repository `nimamahmoudi/worldcup98-dataset`, derived from the logs of
the Internet Traffic Archive. Two things to know about it:

- 10 of its 125,310 minutes are absent. They are gaps, reported as such, and become zero unless told otherwise, so that
  the counts add up to the 1,352,804,107 requests of the data set.
- Minutes at 22:00 UTC (midnight in Paris, when the log files rotated) are unreliable: 10 of 87 deviate by more than
  30 % from their neighbours. They are kept as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookean.traces.formats.raw import RawCounts, counts_column, instants_column

if TYPE_CHECKING:
    from hookean.traces.text import TextTable

STEP_NS = 60_000_000_000
"""Bins of one minute."""

LICENCE = (
    "counts: MIT, Nima Mahmoudi 2019; logs: M. Arlitt and T. Jin, 1998 World Cup Web Site Access Logs, "
    "Internet Traffic Archive, free use and redistribution with the copyright and disclaimer unmodified"
)

_ROTATION = "minutes at 22:00 UTC are unreliable here (log rotation): 10 of 87 are off by over 30 %"


def sniff(table: TextTable) -> bool:
    """Returns whether the columns are exactly `period` and `count`."""
    return table.has_header and table.columns.columns == ["period", "count"]


def load(table: TextTable) -> RawCounts:
    """Reads start and count of each minute.

    Raises:
        TraceError: At the first row that does not hold both.
    """
    times = instants_column(table, "period")
    counts = counts_column(table, "count")
    return RawCounts(times_ns=times.values, counts=counts, epoch="unix", warnings=(_ROTATION,))

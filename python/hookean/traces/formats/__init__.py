"""Trace formats that hold counts per bin: one module each, one line here.

A format looks at the names of the columns to say whether a file is its own, then turns the text columns into times and
counts. `FORMATS` feeds sniffing, error messages, the documentation and a completeness test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookean.traces.formats import counts_csv, worldcup98_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookean.traces.formats.raw import RawCounts
    from hookean.traces.series import Gaps
    from hookean.traces.text import TextTable


@dataclass(frozen=True, kw_only=True)
class Format:
    """A layout of a file of counts.

    Attributes:
        name: Name, as in `load_trace(format=…)`.
        summary: One sentence for tables.
        columns: The columns it needs, in words.
        sniff: Whether a file with these columns (and a header line or not) has this layout.
        load: Times and counts of a file.
        gaps: What a missing bin becomes when the caller does not say.
        step_ns: Width of a bin when the format fixes it.
        licence: Terms that come with every file of this format; empty when they depend on the file.
    """

    name: str
    summary: str
    columns: str
    sniff: Callable[[TextTable], bool]
    load: Callable[[TextTable], RawCounts]
    gaps: Gaps
    step_ns: int | None = None
    licence: str = ""


FORMATS: tuple[Format, ...] = (
    Format(
        name="worldcup98-counts",
        summary="Requests per minute of the 1998 World Cup web site, in UTC",
        columns="`period,count`",
        sniff=worldcup98_counts.sniff,
        load=worldcup98_counts.load,
        gaps="zero",
        step_ns=worldcup98_counts.STEP_NS,
        licence=worldcup98_counts.LICENCE,
    ),
    Format(
        name="counts-csv",
        summary="Counts per bin with the start of each bin, or counts alone with a given step",
        columns="`time,count` (seconds from the start, or ISO 8601), `unix_time,count`, or `count` alone",
        sniff=counts_csv.sniff,
        load=counts_csv.load,
        gaps="error",
    ),
)

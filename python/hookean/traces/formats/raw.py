"""What every format of counts hands to the loader, and the column checks they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from hookean.errors import TraceError
from hookean.traces.clock import Nanos, parse_instants, parse_seconds

if TYPE_CHECKING:
    import numpy.typing as npt

    from hookean.traces.text import TextTable

Epoch = Literal["unix", "start", "none"]
"""What times count from: 1970 UTC, the start of the trace, or there are no times."""


@dataclass(frozen=True, kw_only=True)
class RawCounts:
    """Counts as they stand in the file, before gaps are dealt with.

    Attributes:
        times_ns: int64, shape (rows,), start of each bin; empty when `epoch` is `none`.
        counts: float64, shape (rows,).
        epoch: What the times count from.
        warnings: What was decided or approximated.
    """

    times_ns: npt.NDArray[np.int64]
    counts: npt.NDArray[np.float64]
    epoch: Epoch
    warnings: tuple[str, ...] = ()


def seconds_column(table: TextTable, name: str) -> Nanos:
    """Reads a column of decimal seconds.

    Raises:
        TraceError: At the first row that holds none, with its line.
    """
    return _checked(table, name, parse_seconds(table.columns[name]), expected="a number of seconds")


def instants_column(table: TextTable, name: str) -> Nanos:
    """Reads a column of ISO 8601 instants.

    Raises:
        TraceError: At the first row that holds none, with its line.
    """
    return _checked(table, name, parse_instants(table.columns[name]), expected="an instant `YYYY-MM-DD HH:MM:SS`")


def counts_column(table: TextTable, name: str) -> npt.NDArray[np.float64]:
    """Reads a column of counts: finite numbers, not negative.

    Raises:
        TraceError: At the first row that holds anything else, with its line.
    """
    text = table.columns[name]
    counts = np.array(text.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy(), dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(counts) & (counts >= 0)))
    if bad.size:
        row = int(bad[0])
        raise TraceError(
            f"{_shown(text, row)} in column `{name}` is not a count: a finite number >= 0",
            where=table.where(row),
            hint="leave the row out if the bin was not recorded, and say with `gaps` what a missing bin means",
        )
    return counts


def _checked(table: TextTable, name: str, nanos: Nanos, *, expected: str) -> Nanos:
    bad = np.flatnonzero(nanos.bad)
    if bad.size:
        row = int(bad[0])
        raise TraceError(
            f"{_shown(table.columns[name], row)} in column `{name}` is not {expected}",
            where=table.where(row),
            hint="every row needs a time, and all times are written the same way",
        )
    return nanos


def _shown(text: pl.Series, row: int) -> str:
    value = text[row]
    return "an empty field" if value in {None, ""} else f"`{value}`"

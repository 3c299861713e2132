"""Reads a table of requests that is replayed as it is: columns `time` and, optionally, `work`.

CSV: both columns are decimal seconds (`0.000000001` is one nanosecond; more than nine decimals are rounded to the
nearest nanosecond and the report says how many). Parquet: each is a number of seconds (integer, decimal, float or
text), a Duration, or, for `time`, a Datetime; a Datetime (UTC when it has no zone) sets the origin of the trace to the
whole second of its first request. `time` counts from the start of the trace; `work` is service demand on one reference
core, and without it demand is drawn from the service's distribution.
"""

from __future__ import annotations

import difflib
import errno
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hookean.errors import TraceError
from hookean.memory import require_memory
from hookean.traces.clock import parse_seconds
from hookean.traces.series import NS_PER_S, LoadReport, RequestTable, request_rates, to_timedelta
from hookean.traces.text import TextTable, read_text_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

_COLUMNS = ("time", "work")
_BYTES_PER_ROW = 96
"""Memory per row of a Parquet file while it is converted: two columns, their checks and their copies (assumed)."""

_TEXT_SUFFIXES = (".csv", ".csv.gz", ".csv.bz2", ".csv.xz")
_PARQUET_SUFFIXES = (".parquet", ".pq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A file whose columns have been read but not judged; `where` names the place of a row."""

    path: Path
    kind: str
    columns: pl.DataFrame
    where: Callable[[int], str]
    blank_lines: int = 0


@dataclass(frozen=True, kw_only=True)
class _Column:
    """Nanoseconds of one column, with the number of values that were rounded."""

    nanos: npt.NDArray[np.int64]
    rounded: int = 0


def load_requests(
    path: str | Path, *, base_dir: Path | None = None, memory_limit_bytes: int | None = None
) -> RequestTable:
    """Reads a table of requests.

    Args:
        path: A `.csv` (also compressed) or `.parquet` file.
        base_dir: Folder that a relative path starts from; the working folder when `None`.
        memory_limit_bytes: Refuse a file that needs more; the memory available on this machine when `None`.

    Raises:
        FileNotFoundError: If there is no such file.
        TraceError: If a column is missing, a value is missing, negative, not finite or out of order, the table is empty
            or longer than memory, or the kind of file is unknown.
    """
    resolved = Path(path) if base_dir is None else base_dir / path
    source = _read(resolved, memory_limit_bytes=memory_limit_bytes)
    instants = isinstance(source.columns["time"].dtype, pl.Datetime)
    time = _nanos(source, "time")
    start_ns = int(time.nanos[0]) // NS_PER_S * NS_PER_S if instants else 0
    times_ns = time.nanos - start_ns
    _check_times(source, times_ns)
    work = _nanos(source, "work") if "work" in source.columns.columns else None
    if work is not None:
        _check_work(source, work.nanos)
    origin = _EPOCH + timedelta(seconds=start_ns // NS_PER_S) if instants else None
    return RequestTable(
        name=resolved.name,
        times_ns=times_ns.astype(np.uint64),
        work_ns=None if work is None else work.nanos.astype(np.uint64),
        origin=origin,
        report=_report(source, times_ns, origin=origin, rounded=time.rounded + (work.rounded if work else 0)),
    )


def _read(path: Path, *, memory_limit_bytes: int | None) -> _Source:
    name = path.name.lower()
    if path.is_dir():
        raise TraceError("request table is a folder", where=f"`{path}`", hint="name one file in it")
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, "no such request table", str(path))
    if name.endswith(_TEXT_SUFFIXES):
        table = read_text_table(path, memory_limit_bytes=memory_limit_bytes)
        return _from_text(table)
    if name.endswith(_PARQUET_SUFFIXES):
        return _from_parquet(path, memory_limit_bytes=memory_limit_bytes)
    raise TraceError(
        f"unknown kind of request table `{path.suffix or path.name}`",
        where=f"`{path}`",
        hint="name it `.csv` or `.parquet`, after what it is",
    )


def _from_text(table: TextTable) -> _Source:
    if not table.has_header:
        raise TraceError(
            "no header line", where=f"`{table.path}` line 1", hint="start the file with `time,work` or `time`"
        )
    _check_columns(table.columns.columns, path=table.path)
    return _Source(
        path=table.path, kind="requests-csv", columns=table.columns, where=table.where, blank_lines=table.blank_lines
    )


def _from_parquet(path: Path, *, memory_limit_bytes: int | None) -> _Source:
    if path.stat().st_size == 0:
        raise TraceError("file is empty", where=f"`{path}`", hint="a trace needs at least one request")
    try:
        lazy = pl.scan_parquet(path)
        names = lazy.collect_schema().names()
        rows = int(lazy.select(pl.len()).collect().item())
    except pl.exceptions.PolarsError as error:
        raise TraceError(f"file is not Parquet ({error})", where=f"`{path}`", hint="write it again") from error
    _check_columns(names, path=path)
    require_memory(rows * _BYTES_PER_ROW, path=path, limit_bytes=memory_limit_bytes)
    columns = lazy.select(pl.col(name) for name in _COLUMNS if name in names).collect()
    if columns.height == 0:
        raise TraceError("request table is empty", where=f"`{path}`", hint="a trace needs at least one request")
    return _Source(path=path, kind="requests-parquet", columns=columns, where=lambda row: f"`{path}` row {row + 1}")


def _check_columns(names: list[str], *, path: Path) -> None:
    if "time" in names:
        return
    near = difflib.get_close_matches("time", names, n=1)
    if any(mark in name for name in names for mark in ";\t"):
        guess = "separate the columns by commas"
    elif near:
        guess = f"is `{near[0]}` the time of arrival? rename it `time`"
    else:
        guess = "name the time of arrival `time`"
    raise TraceError(
        f"no column `time`, found {', '.join(f'`{name}`' for name in names)}", where=f"`{path}`", hint=guess
    )


def _nanos(source: _Source, name: str) -> _Column:
    """Converts one column to integer nanoseconds, exactly for text, decimals, integers and time types."""
    column = source.columns[name]
    _check_present(source, column)
    dtype = column.dtype
    if isinstance(dtype, pl.Duration) or (name == "time" and isinstance(dtype, pl.Datetime)):
        factor = {"ns": 1, "us": 1_000, "ms": 1_000_000}[dtype.time_unit]
        return _Column(nanos=_scaled(source, column.to_physical(), factor))
    if dtype.is_integer():
        return _Column(nanos=_scaled(source, column, NS_PER_S))
    if dtype.is_float():
        return _from_float(source, column.cast(pl.Float64))
    if dtype == pl.String or dtype.is_decimal():
        return _from_decimal(source, column.cast(pl.String))
    raise TraceError(
        f"column `{name}` is {dtype}, not seconds",
        where=f"`{source.path}`",
        hint="write seconds as numbers, or use a Duration or Datetime column",
    )


def _check_present(source: _Source, column: pl.Series) -> None:
    missing = column.is_null().to_numpy()
    if column.dtype == pl.String:
        missing |= (column == "").fill_null(value=True).to_numpy()
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise TraceError(
            f"column `{column.name}` is empty",
            where=source.where(row),
            hint="every request needs a value, or no column",
        )


def _scaled(source: _Source, column: pl.Series, factor: int) -> npt.NDArray[np.int64]:
    limit = ((1 << 63) - 1) // factor
    whole = column.cast(pl.Int64, strict=False)
    outside = (whole.is_null() | (whole > limit) | (whole < -limit)).to_numpy()
    _refuse(source, column, outside, what="does not fit in 292 years")
    return np.asarray(whole.to_numpy()) * factor


def _from_float(source: _Source, column: pl.Series) -> _Column:
    """Rounds float seconds to the nearest nanosecond; whole seconds and fraction apart, so no digit is lost."""
    seconds = column.to_numpy()
    _refuse(source, column, ~np.isfinite(seconds), what="is not a finite number of seconds")
    _refuse(source, column, np.abs(seconds) >= (1 << 63) // NS_PER_S, what="does not fit in 292 years")
    whole = np.floor(seconds)
    part = np.rint((seconds - whole) * NS_PER_S)
    return _Column(nanos=whole.astype(np.int64) * NS_PER_S + part.astype(np.int64))


def _from_decimal(source: _Source, column: pl.Series) -> _Column:
    parsed = parse_seconds(column)
    _refuse(source, column, parsed.bad, what="is not a finite number of seconds, or does not fit in 292 years")
    return _Column(nanos=parsed.values, rounded=parsed.rounded)


def _refuse(source: _Source, column: pl.Series, bad: npt.NDArray[np.bool_], *, what: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise TraceError(
            f"`{column[row]}` in column `{column.name}` {what}",
            where=source.where(row),
            hint="times and work are seconds, such as `12.5`",
        )


def _check_times(source: _Source, times_ns: npt.NDArray[np.int64]) -> None:
    column = source.columns["time"]
    if times_ns[0] < 0:
        raise TraceError(
            f"time `{column[0]}` is negative", where=source.where(0), hint="times count from the start of the trace"
        )
    back = np.flatnonzero(np.diff(times_ns) < 0)
    if back.size:
        row = int(back[0]) + 1
        raise TraceError(
            f"time `{column[row]}` is earlier than `{column[row - 1]}` of the row before it",
            where=source.where(row),
            hint="sort the table by `time`",
        )


def _check_work(source: _Source, work_ns: npt.NDArray[np.int64]) -> None:
    negative = np.flatnonzero(work_ns < 0)
    if negative.size:
        row = int(negative[0])
        raise TraceError(
            f"work `{source.columns['work'][row]}` is negative",
            where=source.where(row),
            hint="work is service demand in seconds on one reference core, at least 0",
        )


def _report(source: _Source, times_ns: npt.NDArray[np.int64], *, origin: datetime | None, rounded: int) -> LoadReport:
    mean_rps, peak_rps = request_rates(times_ns.astype(np.uint64))
    first, last = to_timedelta(int(times_ns[0])), to_timedelta(int(times_ns[-1]))
    unread = [name for name in source.columns.columns if name not in _COLUMNS]
    warnings = [f"{rounded} values had more than nine decimals and were rounded to the nanosecond"] if rounded else []
    if unread:
        warnings.append(f"columns not read: {', '.join(unread)}")
    return LoadReport(
        source=str(source.path),
        format=source.kind,
        rows=times_ns.size,
        skipped=(("blank line", source.blank_lines),) if source.blank_lines else (),
        first=first if origin is None else origin + first,
        last=last if origin is None else origin + last,
        mean_rps=mean_rps,
        peak_rps=peak_rps,
        warnings=tuple(warnings),
    )

"""Reads a trace of counts: from a file, or from the catalogue of shipped profiles."""

from __future__ import annotations

import difflib
import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from hookean.errors import TraceError
from hookean.traces.bins import Grid, to_grid
from hookean.traces.catalogue import catalogue
from hookean.traces.formats import FORMATS, Format
from hookean.traces.generate import generate
from hookean.traces.profile import read_profile
from hookean.traces.series import NS_PER_S, CountSeries, Gaps, LoadReport, to_nanos, to_timedelta
from hookean.traces.text import TextTable, read_text_table

if TYPE_CHECKING:
    from hookean.traces.formats.raw import RawCounts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def load_trace(
    ref: str | Path,
    *,
    base_dir: Path | None = None,
    format: str | None = None,  # noqa: A002 - the field's own word in files
    gaps: Gaps | None = None,
    step: timedelta | None = None,
) -> CountSeries:
    """Reads requests per bin.

    Args:
        ref: Name of a catalogue entry (`worldcup98`), path of a file of counts, or path of a profile (`.json`).
        base_dir: Folder that a relative path starts from; the working folder when `None`.
        format: Name in `FORMATS`; told by the names of the columns when `None`.
        gaps: What a missing bin becomes; the format's own default when `None`.
        step: Width of a bin, for a file that does not say.

    Raises:
        FileNotFoundError: If the file is not there.
        TraceError: If the name is unknown, or the file cannot be read as a trace.
    """
    entry = catalogue().get(str(ref))
    path = entry.path if entry is not None else _resolved(ref, base_dir=base_dir)
    if path.suffix == ".json":
        _refuse_options(path, format=format, gaps=gaps, step=step)
        return generate(read_profile(path))
    table = read_text_table(path)
    chosen = _format(table, name=format)
    raw = chosen.load(table)
    if gaps is not None and gaps not in get_args(Gaps):
        raise TraceError(f"unknown `gaps` `{gaps}`", where=f"`{path}`", hint=f"one of {', '.join(get_args(Gaps))}")
    step_ns = chosen.step_ns if step is None else _step_ns(step, where=f"`{path}`")
    grid = to_grid(table, raw, step_ns=step_ns, gaps=chosen.gaps if gaps is None else gaps)
    return _series(table, raw, grid=grid, chosen=chosen)


def _resolved(ref: str | Path, *, base_dir: Path | None) -> Path:
    path = Path(ref) if base_dir is None else base_dir / ref
    if path.is_file():
        return path
    text = str(ref)
    if path.is_dir():
        raise TraceError("trace is a folder", where=f"`{path}`", hint="name one file in it")
    if isinstance(ref, Path) or Path(text).suffix or len(Path(text).parts) > 1:
        raise FileNotFoundError(errno.ENOENT, "no such trace file", str(path))
    names = sorted(catalogue())
    near = difflib.get_close_matches(text, names, n=1)
    guess = f"did you mean `{near[0]}`? " if near else ""
    raise TraceError(
        f"unknown trace `{text}`: neither in the catalogue nor a file",
        hint=f"{guess}the catalogue has {', '.join(f'`{name}`' for name in names)}; `hookean list traces` shows them",
    )


def _refuse_options(path: Path, *, format: str | None, gaps: Gaps | None, step: timedelta | None) -> None:  # noqa: A002
    given = [name for name, value in (("format", format), ("gaps", gaps), ("step", step)) if value is not None]
    if given:
        raise TraceError(
            f"`{given[0]}` does not apply to a fitted profile", where=f"`{path}`", hint=f"leave `{given[0]}` out"
        )


def _step_ns(step: timedelta, *, where: str) -> int:
    if step <= timedelta(0):
        raise TraceError(f"step of {step} is not positive", where=where, hint="give the width of a bin, such as 60s")
    return to_nanos(step)


def _format(table: TextTable, *, name: str | None) -> Format:
    if name is None:
        for candidate in FORMATS:
            if candidate.sniff(table):
                return candidate
        raise TraceError(_layout(table), where=f"`{table.path}`", hint=_advice(table))
    for candidate in FORMATS:
        if candidate.name == name:
            if candidate.sniff(table):
                return candidate
            raise TraceError(
                f"{_layout(table)} for format `{name}`", where=f"`{table.path}`", hint=f"it needs {candidate.columns}"
            )
    names = [candidate.name for candidate in FORMATS]
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean `{near[0]}`? " if near else ""
    raise TraceError(f"unknown trace format `{name}`", hint=f"{guess}formats: {', '.join(names)}")


def _layout(table: TextTable) -> str:
    if not table.has_header:
        return f"unknown layout: no header and {table.columns.width} columns of numbers"
    return f"unknown layout: columns {', '.join(f'`{name}`' for name in table.columns.columns)}"


def _advice(table: TextTable) -> str:
    if any(mark in name for name in table.columns.columns for mark in (";", "\t")):
        return "separate the columns by commas"
    return "known layouts: " + "; ".join(f"{candidate.name}: {candidate.columns}" for candidate in FORMATS)


def _series(table: TextTable, raw: RawCounts, *, grid: Grid, chosen: Format) -> CountSeries:
    start_ns = int(raw.times_ns[0]) if raw.times_ns.size else 0
    origin = _instant(start_ns) if raw.epoch == "unix" else None
    last = to_timedelta(start_ns + (grid.counts.size - 1) * grid.step_ns)
    per_bin = NS_PER_S / grid.step_ns
    report = LoadReport(
        source=str(table.path),
        format=chosen.name,
        rows=raw.counts.size,
        skipped=(("blank line", table.blank_lines),) if table.blank_lines else (),
        first=to_timedelta(start_ns) if origin is None else origin,
        last=last if origin is None else _EPOCH + last,
        gap_count=grid.gap_count,
        gap_length=to_timedelta(grid.gap_count * grid.step_ns),
        mean_rps=float(grid.counts.mean()) * per_bin,
        peak_rps=float(grid.counts.max()) * per_bin,
        licence=chosen.licence,
        warnings=raw.warnings + _gap_warning(raw, grid),
    )
    return CountSeries(
        name=table.path.name,
        kind="recorded",
        step_ns=grid.step_ns,
        counts=grid.counts,
        origin=origin,
        report=report,
    )


def _instant(nanos: int) -> datetime:
    return _EPOCH + to_timedelta(nanos)


def _gap_warning(raw: RawCounts, grid: Grid) -> tuple[str, ...]:
    if not grid.gap_count:
        return ()
    first = to_timedelta(grid.first_gap_ns)
    at = f"{_EPOCH + first:%Y-%m-%d %H:%M:%S} UTC" if raw.epoch == "unix" else f"{first} from the start"
    return (f"{grid.gap_count} bins of {grid.step_ns / NS_PER_S:g} s are missing from the file, the first at {at}",)

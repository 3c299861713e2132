"""Tables as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from hookean.analysis import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(frozen=True)
class Shown:
    """How a column of a frame is shown.

    Attributes:
        name: Column of the frame.
        title: Head of the column.
        text: Writes a value that is not null; its text is escaped afterwards.
        numeric: Whether it is aligned to the right.
    """

    name: str
    title: str
    text: Callable[[Any], str] = str
    numeric: bool = True


def cell(text: str, *, numeric: bool = False, kind: str = "") -> str:
    """Returns one escaped table cell."""
    classes = " ".join(name for name in ("n" if numeric else "", kind) if name)
    return f'<td class="{classes}">{escape(text)}</td>' if classes else f"<td>{escape(text)}</td>"


def frame_table(frame: pl.DataFrame, columns: Sequence[Shown], *, rows_max: int | None = None) -> str:
    """Returns a frame as an HTML table in a box that scrolls on its own.

    Args:
        frame: The frame.
        columns: What to show of it.
        rows_max: Most rows written; a note below says how many there are when some are left out.
    """
    head = "".join(_head(column) for column in columns)
    rows = frame if rows_max is None else frame.head(rows_max)
    body = "\n".join(_row(values, columns) for values in rows.select(column.name for column in columns).iter_rows())
    note = ""
    if rows.height < frame.height:
        note = f'<p class="note">The first {rows.height:,} of {frame.height:,} rows.</p>'
    return box(f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>") + note


def box(content: str, *, kind: str = "") -> str:
    """Wraps the content of a table so that it scrolls inside its own box."""
    classes = f' class="{kind}"' if kind else ""
    return f'<div class="scroll" tabindex="0"><table{classes}>\n{content}\n</table></div>\n'


def _head(column: Shown) -> str:
    kind = ' class="n"' if column.numeric else ""
    return f'<th scope="col"{kind}>{escape(column.title)}</th>'


def _row(values: Iterable[Any], columns: Sequence[Shown]) -> str:
    cells = (
        cell(wording.UNKNOWN if value is None else column.text(value), numeric=column.numeric)
        for value, column in zip(values, columns, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def curves_table(table: pl.DataFrame, curves: Sequence[Shown]) -> str:
    """Returns curves of several contenders side by side: one row per instant, one group of columns per contender.

    Args:
        table: `contender`, `time` and the curves; a curve may come as `<name>_min`, `<name>_mean` and `<name>_max`,
            which share a cell then.
        curves: The curves.
    """
    names = table["contender"].unique(maintain_order=True).to_list()
    shown = [_joined(curve) if curve.name not in table.columns else ((curve.name,), curve) for curve in curves]
    groups = "".join(f'<th scope="colgroup" colspan="{len(curves)}">{escape(name)}</th>' for name in names)
    heads = "".join(_head(curve) for _ in names for _, curve in shown)
    times = table.select("time").unique().sort("time")
    columns = [_texts(table, name, times, spec) for name in names for spec in shown]
    clocks = [wording.clock(at) for at in times["time"].dt.total_seconds(fractional=True)]
    body = "\n".join(
        f"<tr>{cell(at)}{''.join(cell(text, numeric=True) for text in texts)}</tr>"
        for at, *texts in zip(clocks, *columns, strict=True)
    )
    head = f'<thead><tr><th scope="col" rowspan="2">until</th>{groups}</tr><tr>{heads}</tr></thead>'
    return box(f"{head}\n<tbody>\n{body}\n</tbody>")


def _joined(curve: Shown) -> tuple[tuple[str, ...], Shown]:
    parts = tuple(f"{curve.name}_{part}" for part in ("min", "mean", "max"))
    return parts, Shown(curve.name, f"{curve.title} (min / mean / max)", curve.text)


def _texts(table: pl.DataFrame, contender: str, times: pl.DataFrame, spec: tuple[tuple[str, ...], Shown]) -> list[str]:
    columns, curve = spec
    mine = table.filter(pl.col("contender") == contender).select("time", *columns)
    rows = times.join(mine, on="time", how="left", maintain_order="left").select(columns)
    return [
        wording.UNKNOWN if values[0] is None else " / ".join(curve.text(value) for value in values)
        for values in rows.iter_rows()
    ]


def number(value: float) -> str:
    """Writes a number with up to three significant decimals and thousands separators."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return wording.significant(value, 3) if abs(value) < 100 else f"{value:,.1f}"


def percent(value: float) -> str:
    """Writes a ratio as a percentage with one decimal, two below 1 %; only zero is `0 %`."""
    if value == 0:
        return "0 %"
    if abs(value) < 0.00005:
        return "< 0.01 %"
    return wording.percent(value, decimals=2 if 0 < abs(value) < 0.01 else 1)

"""Numbers as people read them: one place for digits and units in sentences, figures and tables."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN = "—"
"""Stands for a value that does not exist (a dash)."""


def usd(amount: float | None) -> str:
    """Writes money: `USD 1,234`, `USD 12.34`, `USD 0.0012`."""
    if amount is None:
        return UNKNOWN
    if amount == 0.0 or abs(amount) >= 0.995:
        return f"USD {amount:,.0f}" if abs(amount) >= 999.5 else f"USD {amount:.2f}"
    return f"USD {significant(amount, 2)}"


def significant(value: float, digits: int = 3) -> str:
    """Writes a number with at least `digits` significant digits, never in exponent form."""
    if value == 0.0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def percent(ratio: float | None, *, decimals: int = 1) -> str:
    """Writes a ratio as a percentage, rounded."""
    return UNKNOWN if ratio is None else f"{100.0 * ratio:.{decimals}f} %"


def attainment(ratio: float | None, *, target: float | None = None) -> str:
    """Writes a share of good requests without rounding it across its target.

    It is cut, not rounded, and gets more decimals where two would make a missed target look met.

    Args:
        ratio: The share.
        target: The wanted share.
    """
    if ratio is None:
        return UNKNOWN
    for decimals in (2, 3, 4, 6, 9):
        scale = 10.0 ** (decimals + 2)
        cut = math.floor(ratio * scale + 1e-6) / scale
        if target is None or (cut >= target) == (ratio >= target):
            break
    return f"{100.0 * cut:.{decimals}f} %"


def target_text(ratio: float) -> str:
    """Writes a target: `99 %`, `99.95 %`."""
    return f"{100.0 * ratio:.6f}".rstrip("0").rstrip(".") + " %"


def duration(span: timedelta | None) -> str:
    """Writes a duration in the unit that fits: `250 ms`, `1.5 s`, `12 min`, `24 h`, `87 days`."""
    return UNKNOWN if span is None else nanos(span / timedelta(microseconds=1) * 1e3)


def nanos(value: float | None) -> str:
    """Writes nanoseconds in the unit that fits."""
    if value is None:
        return UNKNOWN
    for size, unit in ((86_400e9, "days"), (3600e9, "h"), (60e9, "min")):
        if abs(value) >= 2 * size - 1.0:
            return f"{_short(value / size)} {unit}"
    if abs(value) >= 1e9:
        return f"{_short(value / 1e9)} s"
    if abs(value) >= 1e6:
        return f"{_short(value / 1e6)} ms"
    return f"{_short(value / 1e3)} µs" if value else "0 s"


def _short(value: float) -> str:
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return significant(value, 3).rstrip("0").rstrip(".") if "." in significant(value, 3) else significant(value, 3)


def clock(seconds: float) -> str:
    """Writes an instant of simulated time as `2 d 03:04:05`, with decimals when it has any."""
    in_millis = round(seconds * 1e3)
    whole, millis = divmod(in_millis, 1000)
    days, rest = divmod(whole, 86_400)
    text = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    if millis:
        text += f".{millis:03d}".rstrip("0")
    return f"{days} d {text}" if days else text


def count(value: float) -> str:
    """Writes a count: `950`, `12,345`, `5.21 million`, `1.35 billion`."""
    if value >= 1e9:
        return f"{value / 1e9:.2f} billion"
    return f"{value / 1e6:.2f} million" if value >= 1e6 else f"{value:,.0f}"


def listing(names: Iterable[str]) -> str:
    """Writes names as `a`, `a and b`, `a, b and c`."""
    items = list(names)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""

"""The tables, and the page of the documentation that holds them."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from goals import AIM, GOALS, MISS, REACHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from goals import Goal

_MARKS = {AIM: "✓✓ aim", REACHED: "✓ reached", MISS: "✗ **missed**"}


def goals_table(found: Mapping[str, Any]) -> str:
    """Returns every goal beside what was measured, in Markdown."""
    return _markdown(("what", "measured", "at least", "aim", ""), (_row(goal, found) for goal in GOALS))


def _row(goal: Goal, found: Mapping[str, Any]) -> tuple[str, ...]:
    bound = "≤ " if goal.less else "≥ "
    bounds = tuple(f"{bound}{number:,g}{goal.unit}" for number in (goal.at_least, goal.aim))
    value = goal.measured(found)
    if value is None:
        return goal.what, "not measured", *bounds, ""
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    note = f" ({goal.note(found)})" if goal.note else ""
    return goal.what, f"{digits}{goal.unit}{note}", *bounds, _MARKS[goal.verdict(value)]


def peers_table(found: Mapping[str, Any]) -> str:
    """Returns the times of all tools on all jobs, in Markdown; empty when they were not measured."""
    rows = [
        (
            case["job"],
            f"{case['requests']:,}",
            f"{sample['tool']} {sample['version']}",
            f"{median(sample['us_per_request']):.4g}",
            _times(median(sample["us_per_request"]) / median(case["tools"][0]["us_per_request"])),
            f"{median(sample['again']):.4g}",
            _times(median(sample["again"]) / median(case["tools"][0]["again"])),
        )
        for case in found.get("peers", {}).get("cases", ())
        for sample in case["tools"]
    ]
    return (
        _markdown(("job", "requests", "tool", "us/request", "of hookean's", "again", "of hookean's"), rows)
        if rows
        else ""
    )


def _times(ratio: float) -> str:
    return f"{ratio:,.1f}x" if ratio < 10 else f"{ratio:,.0f}x"


def growth_table(found: Mapping[str, Any]) -> str:
    """Returns the growth curve in Markdown; empty when it was not measured."""
    rows = [
        (
            f"{row['services']:,}",
            f"{row['requests']:,}",
            f"{row['requests'] / row['run_s']:,.0f}",
            f"{row['run_s'] / row['requests'] * 1e9:.1f}",
            f"{row['run_s'] / row['service_ticks'] * 1e6:.2f}",
            f"{row['plan_s']:.2f}",
        )
        for row in found.get("growth", ())
    ]
    head = ("services", "requests", "requests/s", "ns/request", "µs/service and tick", "plan s")
    return _markdown(head, rows) if rows else ""


def page(found: Mapping[str, Any]) -> str:
    """Returns the page."""
    return f"""# Speed

Written by `make bench`; do not edit. {machine()}.

## Goals

Most are ratios of two measurements on one machine. Parts are measured one after the other, each in a process of its own;
what each is, is said at the head of its script in `benches/`. Other tools are compared by calls after the first of a
process (`again` below), with one thread.

{goals_table(found)}

## Other tools

The same jobs, answers checked before times (`benches/peers/README.md`). S10 is the example of SimFaaS. A process makes one
call of 2,000 requests, which is not timed, then the one of `us/request`, then further ones (`again`).

{peers_table(found) or "Not measured."}

## Growth

20,000 requests a second are shared by more and more services, each under its own HPA every 15 s; one thread, processor
time (`benches/growth.py`). What a tick costs is all that is left when services have hardly any requests.

{growth_table(found) or "Not measured."}
"""


def machine() -> str:
    """Returns what it was measured on, and what else that had to do."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---", *("--:",) * (len(head) - 1)), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

"""Figures on stdout: a table for people, JSON or CSV for programs."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from hookean.analysis import METRICS, comparison, wording
from hookean.cli import streams
from hookean.cli.table import Block, side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.result import RunResult

_OF_REQUESTS = ("request_latency_p50", "request_latency_p95", "request_latency_p99")
"""Shown where requests are tried again; without that they are the latencies of attempts."""

_SHOWN = (
    "platform",
    "service",
    "fidelity",
    "arrivals",
    "slo_attainment_ratio",
    "slo_target_ratio",
    "slo_latency",
    "slo_met",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    *_OF_REQUESTS,
    "failed",
    "failed_ratio",
    "in_system",
    "replicas_mean",
    "replicas_max",
    "demand_mean",
    "accuracy_under_replicas",
    "accuracy_over_replicas",
    "tau_under_ratio",
    "utilisation_mean",
    "startup_mean",
    "cost_usd",
    "cost_per_million_usd",
)
"""Metrics of the table; JSON and CSV have all of them."""

_UNITS = {metric.name: metric.unit for metric in METRICS}


def write_comparison(results: Mapping[str, RunResult], layout: str) -> None:
    """Writes contenders side by side.

    Args:
        results: Results by contender.
        layout: `table`, `json` or `csv`.
    """
    frame = comparison(results)
    if layout == "table":
        write(_comparison_text(frame))
    else:
        write_rows(plain(frame), layout)


def write_run(result: RunResult, layout: str) -> None:
    """Writes one result: the comparison's metrics as a table, the summary as CSV, summary and manifest as JSON.

    Args:
        result: The result.
        layout: `table`, `json` or `csv`.
    """
    if layout == "table":
        write(_comparison_text(comparison({result.name: result})))
    elif layout == "csv":
        write_rows(plain(result.summary), "csv")
    else:
        write(_json({"manifest": result.manifest, "summary": plain(result.summary).to_dicts()}))


def write_rows(frame: pl.DataFrame, layout: str) -> None:
    """Writes a frame for programs.

    Args:
        frame: The frame, without durations.
        layout: `json` (a list of objects) or `csv`.
    """
    if layout == "json":
        write(_json(frame.to_dicts()))
    else:
        write(frame.write_csv().rstrip("\n"))


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns the frame with every duration as whole nanoseconds, in a column that is called `<name>_ns`.

    Args:
        frame: Any result table.
    """
    columns = [
        pl.col(name).dt.total_nanoseconds().alias(f"{name}_ns") if dtype == pl.Duration else pl.col(name)
        for name, dtype in frame.schema.items()
    ]
    return frame.select(columns)


def write(text: str) -> None:
    """Writes lines to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=not streams.is_unicode())


def _comparison_text(frame: pl.DataFrame) -> str:
    hidden = {"fidelity"} if (frame["fidelity"] == "exact").all() else set()
    hidden |= set(_OF_REQUESTS) if (frame["retries"] == 0).all() else set()
    shown = [name for name in _SHOWN if name not in hidden]
    blocks = [Block(_heading(row), tuple(_cell(name, row) for name in shown)) for row in frame.iter_rows(named=True)]
    return side_by_side(shown, blocks)


def _heading(row: Mapping[str, Any]) -> str:
    marks = {"(approximate)": row["fidelity"] != "exact", "(partial)": row["partial"]}
    return " ".join([str(row["contender"]), *(mark for mark, applies in marks.items() if applies)])


def _cell(name: str, row: Mapping[str, Any]) -> str:
    value = row[name]
    if value is None:
        return wording.UNKNOWN
    if name == "slo_attainment_ratio":
        return wording.attainment(value, target=row["slo_target_ratio"])
    if name == "slo_target_ratio":
        return wording.target_text(value)
    if isinstance(value, timedelta):
        return wording.duration(value)
    return _plain_cell(value, _UNITS[name])


def _plain_cell(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "ratio":
        return wording.percent(value, decimals=2)
    if unit == "USD":
        return wording.usd(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)

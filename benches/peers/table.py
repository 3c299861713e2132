"""The table and the JSON file."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from jobs import JOBS, Day, Queue

if TYPE_CHECKING:
    from cases import Case
    from samples import Sample

    Measured = dict[Case, dict[str, Sample]]

HEADER = (
    "job", "requests", "tool", "runs", "wall s", "us/request", "min", "slower by", "again", "slower by", "peak MiB",
    "of it before", "answer", "error",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Returns what the measurements ran on."""
    return {
        "system": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def markdown(measured: Measured) -> str:
    """Returns the table in Markdown.

    `slower by` is the ratio of the medians of us/request to hookean's: of first calls, then of those that come `again`.
    """
    rows = [_row(case, sample, samples["hookean"]) for case, samples in measured.items() for sample in samples.values()]
    lines = [HEADER, ("---",) * 3 + ("---:",) * (len(HEADER) - 3), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _row(case: Case, sample: Sample, reference: Sample) -> tuple[str, ...]:
    micros = median(sample.micros())
    ratio = micros / median(reference.micros())
    again = median(sample.again)
    return (
        case.job,
        f"{case.requests:,}",
        f"{sample.tool} {sample.version}",
        str(len(sample.timed)),
        f"{sample.wall_median():.4g}",
        f"{micros:.4g}",
        f"{min(sample.micros()):.4g}",
        "1" if sample is reference else _times(ratio),
        f"{again:.4g}",
        "1" if sample is reference else _times(again / median(reference.again)),
        f"{max(sample.memory_peak_mib):,.0f}",
        f"{median(sample.memory_before_mib):,.0f}",
        *_answer(case, sample, reference),
    )


def _times(ratio: float) -> str:
    return f"{ratio:,.1f}x" if ratio < 10 else f"{ratio:,.0f}x"


def _answer(case: Case, sample: Sample, reference: Sample) -> tuple[str, str]:
    """The answer, and how far it is from the right one."""
    job = JOBS[case.job](case.requests)
    if isinstance(job, Queue):
        again = sample.runs[0]["recursion"] is not None
        error = "none on its own draws" if again else f"{sample.wait_mean / job.erlang_c_wait() - 1:+.1%} of Erlang C"
        return f"{sample.wait_mean * 1e3:.3f} ms wait", error
    if isinstance(job, Day):
        text, value, right = f"{sample.wait_mean * 1e3:.3f} ms wait", sample.wait_mean, reference.wait_mean
    else:
        value, right = (fmean(tool.figures("instances")) for tool in (sample, reference))
        text = f"{value:.3f} instances"
    return text, "" if sample is reference else f"{value / right - 1:+.1%} of hookean"


def engine_line(case: Case, sample: Sample) -> str:
    """Returns what hookean's engine alone took, beside the whole call."""
    engine, requests = median(sample.engine_s), median(run["requests"] for run in sample.timed)
    return (
        f"{case.name}: hookean's engine alone {engine * 1e3:.2f} ms = {engine / requests * 1e9:.1f} ns/request"
        f" of {sample.wall_median() * 1e3:.2f} ms for the whole call"
    )


def document(measured: Measured, *, command: list[str], texts: list[str]) -> dict[str, Any]:
    """Returns everything measured, for the JSON file."""
    return {
        "command": command,
        "machine": machine(),
        "checks": texts,
        "cases": [
            asdict(case)
            | {"tools": [asdict(sample) | {"us_per_request": sample.micros()} for sample in samples.values()]}
            for case, samples in measured.items()
        ],
    }

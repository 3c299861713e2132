"""Measurements of one case, collected from processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from cases import TOOLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cases import Case

_HERE = Path(__file__).parent


class MeasurementError(Exception):
    """A measuring process failed; the text is what it wrote to stderr."""


@dataclass
class Sample:
    """All runs of one tool on one case.

    Attributes:
        tool: The tool.
        version: Its version.
        python: The Python it ran on.
        timed: Runs that count for time, one process each.
        more: Runs that count for the answer alone.
        memory_peak_mib: Peak resident memory of each timed process.
        memory_before_mib: The same just before the job, after imports and a small run.
        engine_s: Wall times of hookean's engine alone.
        again: Wall microseconds for each request of further calls, by timed process; that of the only call where a tool
            takes so long that there are no others.
    """

    tool: str
    version: str = ""
    python: str = ""
    timed: list[dict[str, Any]] = field(default_factory=list)
    more: list[dict[str, Any]] = field(default_factory=list)
    memory_peak_mib: list[float] = field(default_factory=list)
    memory_before_mib: list[float] = field(default_factory=list)
    engine_s: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)

    @property
    def runs(self) -> list[dict[str, Any]]:
        """Timed and other runs."""
        return self.timed + self.more

    @property
    def waits(self) -> list[float]:
        """Independent mean waits, seconds: batch means where a run has batches, else one for each run (of the longest)."""
        batches = [wait for run in self.runs for wait in run["wait_batches_s"]]
        return batches or [run["wait_mean_s"] for run in self._longest()]

    @property
    def wait_mean(self) -> float:
        """Mean wait over all runs (of the longest), seconds."""
        return fmean(run["wait_mean_s"] for run in self._longest())

    def _longest(self) -> list[dict[str, Any]]:
        """Runs made for the answer may be longer than those that are timed, and then are all that counts."""
        timed, more = (max((run["requests"] for run in runs), default=0) for runs in (self.timed, self.more))
        return self.more if more > 1.5 * timed else self.runs

    def figures(self, name: str) -> list[float]:
        """Returns a figure of every run."""
        return [run["figures"][name] for run in self.runs]

    def micros(self) -> list[float]:
        """Returns the wall microseconds for each request of the timed runs."""
        return [run["wall_s"] / run["requests"] * 1e6 for run in self.timed]

    def wall_median(self) -> float:
        """Returns the median wall seconds of the timed runs."""
        return float(median(run["wall_s"] for run in self.timed))


def collect(case: Case, peer_python: str) -> dict[str, Sample]:
    """Measures one case: the runs of each tool are spread over the whole time, so that a slow moment meets them all.

    Raises:
        MeasurementError: A measuring process failed.
    """
    samples = {tool: Sample(tool) for tool in case.tools}
    for tool, run in turns(case.runs):
        _say(f"{case.name}: {tool} {run + 1}/{case.runs[tool]}")
        _add(samples[tool], _measure(case, tool, [_seed(case, tool, run)], peer_python), timed=True)
    _say(f"{case.name}: hookean, {case.answers} runs for the answer")
    seeds = [_seed(case, "hookean", case.runs["hookean"] + run) for run in range(case.answers)]
    _add(samples["hookean"], _measure(case, "hookean", seeds, peer_python, case.answer_requests), timed=False)
    return samples


def turns(runs: Mapping[str, int]) -> list[tuple[str, int]]:
    """Returns tools and numbers of their runs in the order of measurement: each tool at even distances."""
    every = [(tool, run) for tool, of_tool in runs.items() for run in range(of_tool)]
    return sorted(every, key=lambda turn: (turn[1] + 0.5) / runs[turn[0]])


def _seed(case: Case, tool: str, run: int) -> int:
    """Returns a seed of its own for every run of every tool and size."""
    return case.requests + 1000 * TOOLS.index(tool) + run + 1


def _add(sample: Sample, report: dict[str, Any], *, timed: bool) -> None:
    sample.version, sample.python = report["version"], report["python"]
    if not timed:
        sample.more += report["runs"]
        return
    sample.timed += report["runs"]
    sample.memory_peak_mib.append(report["memory_peak_mib"])
    sample.memory_before_mib.append(report["memory_before_mib"])
    only = report["runs"][0]
    sample.again.append(median(report["again_s"] or [only["wall_s"] / only["requests"]]) * 1e6)
    if report["engine_s"] is not None:
        sample.engine_s.append(report["engine_s"])


def _measure(case: Case, tool: str, seeds: list[int], peer_python: str, requests: int | None = None) -> dict[str, Any]:
    python = sys.executable if tool == "hookean" else peer_python
    command = [python, str(_HERE / "measure.py"), tool, case.job, str(requests or case.requests), *map(str, seeds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own script)
    if done.returncode != 0:
        raise MeasurementError(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

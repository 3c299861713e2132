"""One measurement: a tool, a job, one or several seeds, one process. Prints one line of JSON.

    python measure.py simpy s1 1000000 1

The first call of every tool is a small one outside the clock, so that imports are not timed.
"""

from __future__ import annotations

import json
import platform
import resource
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import Day, Queue

if TYPE_CHECKING:
    from types import ModuleType

    from outcome import Outcome

BATCH = 20_000
"""Requests in a batch of the batch means of S1: the autocorrelation of waits at load 0.8 dies out within some hundred."""

WARM_UP = 2_000


def memory_peak_mib() -> float:
    """Returns the peak resident memory of this process, without what the parent of a fork had."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)


def run(model: ModuleType, job: Queue | Day, seed: int) -> dict[str, Any]:
    """Simulates once and times it; the input of the job is there before the clock starts."""
    simulate = model.queue if isinstance(job, Queue) else model.day
    if isinstance(job, Day):
        _ = job.rates
    wall, cpu = time.perf_counter(), time.process_time()
    outcome: Outcome = simulate(job, seed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "seed": seed,
        "wall_s": wall,
        "cpu_s": cpu,
        "requests": len(outcome.waits) if outcome.completed is None else outcome.completed,
        "wait_mean_s": _mean(outcome.waits) if outcome.wait_mean is None else outcome.wait_mean,
        "wait_batches_s": _batches(outcome.waits) if isinstance(job, Queue) else [],
        "replicas_mean": outcome.replicas_mean,
        "limited": outcome.limited,
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _batches(waits: list[float]) -> list[float]:
    whole = len(waits) // BATCH * BATCH
    return [_mean(waits[begin : begin + BATCH]) for begin in range(0, whole, BATCH)]


def main() -> None:
    tool, name, requests, *seeds = sys.argv[1:]
    kind = {"s1": Queue, "s2": Day}[name]
    model = import_module(f"{tool}_models")
    run(model, kind(WARM_UP), 0)
    report: dict[str, Any] = {"memory_before_mib": memory_peak_mib()}
    job = kind(int(requests))
    report["runs"] = [run(model, job, int(seed)) for seed in seeds]
    report["memory_peak_mib"] = memory_peak_mib()
    engine = getattr(model, f"{'queue' if name == 's1' else 'day'}_engine_seconds", None)
    report["engine_s"] = engine(job, int(seeds[0])) if engine else None
    report["version"] = version(tool)
    report["python"] = platform.python_version()
    print(json.dumps(report))


if __name__ == "__main__":
    main()

"""One measurement: a tool, a job, one or several seeds, one process. Prints one line of JSON.

    python measure.py simpy s1 1000000 1

The first call of every tool is a small one outside the clock, so that imports are not timed. The call after it is the one
that counts; what further calls of the same process take is measured beside it.
"""

from __future__ import annotations

import heapq
import json
import platform
import resource
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from jobs import JOBS, Day, Function, Queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    from jobs import Job
    from outcome import Outcome

BATCH = 20_000
"""Requests in a batch of the batch means of S1: the autocorrelation of waits at load 0.8 dies out within some hundred."""

WARM_UP = 2_000

AGAIN_S, AGAIN_MOST = 1.0, 20
"""Further calls go on until they have taken so long, or were so many."""
LONG_S = 5.0
"""After a call that took longer there are none: it has had all the time to become fast."""

MODELS = {Queue: "queue", Day: "day", Function: "function"}
"""Which function of a tool's module simulates a kind of job."""


def memory_peak_mib() -> float:
    """Returns the peak resident memory of this process, without what the parent of a fork had."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)


def run(model: ModuleType, job: Job, seed: int) -> dict[str, Any]:
    """Simulates once and times it; the input of the job is there before the clock starts."""
    simulate = getattr(model, MODELS[type(job)])
    if isinstance(job, Day):
        _ = job.rates
    wall, cpu = time.perf_counter(), time.process_time()
    outcome: Outcome = simulate(job, seed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    served = getattr(model, "served", None) if isinstance(job, Queue) else None
    return {
        "seed": seed,
        "wall_s": wall,
        "cpu_s": cpu,
        "requests": len(outcome.waits) if outcome.completed is None else outcome.completed,
        "wait_mean_s": fmean(outcome.waits) if len(outcome.waits) else outcome.wait_mean,
        "wait_batches_s": _batches(outcome.waits) if isinstance(job, Queue) else [],
        "figures": dict(outcome.figures),
        "limited": outcome.limited(),
        "recursion": None if served is None else recursion(served(job, seed, outcome), job),
    }


def again(model: ModuleType, job: Job, seed: int, first_s: float) -> list[float]:
    """Returns the wall seconds for each request of further calls, each with a seed of its own."""
    each: list[float] = []
    spent = 0.0
    while first_s <= LONG_S and spent < AGAIN_S and len(each) < AGAIN_MOST:
        found = run(model, job, seed + 1_000_000 * (len(each) + 1))
        spent += found["wall_s"]
        each.append(found["wall_s"] / found["requests"])
    return each


def recursion(served: Iterable[tuple[float, float, float]], job: Queue) -> dict[str, float]:
    """Computes the waits once more, by the recursion of Kiefer and Wolfowitz (1955).

    Args:
        served: Instant of arrival, service time and wait of every request, in order of arrival.
        job: The queue.

    Returns:
        The largest difference of two waits, and the means of what was drawn.
    """
    free, worst, services, count, arrival = [0.0] * job.servers, 0.0, 0.0, 0, 0.0
    for arrival, service, wait in served:
        start = max(arrival, free[0])
        worst = max(worst, abs(start - arrival - wait))
        heapq.heapreplace(free, start + service)
        services += service
        count += 1
    return {"worst_s": worst, "gap_s": arrival / count, "service_s": services / count}


def _batches(waits: Sequence[float]) -> list[float]:
    whole = len(waits) // BATCH * BATCH
    return [fmean(waits[begin : begin + BATCH]) for begin in range(0, whole, BATCH)]


def main() -> None:
    tool, name, requests, *seeds = sys.argv[1:]
    make = JOBS[name]
    model = import_module(f"{tool}_models")
    run(model, make(WARM_UP), 0)
    report: dict[str, Any] = {"memory_before_mib": memory_peak_mib()}
    job = make(int(requests))
    report["runs"] = [run(model, job, int(seed)) for seed in seeds]
    report["memory_peak_mib"] = memory_peak_mib()
    report["again_s"] = again(model, job, int(seeds[-1]), report["runs"][-1]["wall_s"]) if len(seeds) == 1 else []
    engine = getattr(model, f"{MODELS[type(job)]}_engine_seconds", None)
    report["engine_s"] = engine(job, int(seeds[0])) if engine else None
    report["version"] = version(tool)
    report["python"] = platform.python_version()
    print(json.dumps(report))


if __name__ == "__main__":
    main()

"""A large site: 1,000 services on 10,000 nodes for a day, each service under its own HPA every 15 s.

    .venv/bin/python benches/s3.py                          # the whole day: some 1.7e9 requests
    .venv/bin/python benches/s3.py --hours 1 --threads 2    # a part of it, on two threads
    .venv/bin/python benches/s3.py --hours 0.1 --engine reference

Rates are lognormal over the services and sum to 20,000 requests per second on average; every service has its own phase of
the day and keeps 2 to 38 replicas busy on average. Nodes have room for 10 replicas. With `--faults` each node is lost once in
30 days on average, with everything on it. Latency histograms are on. Prints what it took, and figures of the answer by which
two runs can be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from hookean.scenario import Scenario
from hookean.simulation import plan_of, simulate_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 20_000.0
SLOTS = 10
LOAD = 0.7
STEP_MINUTES = 1


def scenario(options: argparse.Namespace) -> Scenario:
    """The site, drawn from the seed."""
    random = np.random.default_rng(options.seed)
    rates = random.lognormal(0.0, 1.0, options.services)
    rates *= RATE * options.services / 1000 / rates.sum()
    busy = random.uniform(2.0, 38.0, options.services)
    phases = random.uniform(0.0, 2 * math.pi, options.services)
    names = [f"svc{number:05}" for number in range(options.services)]
    faults: list[dict[str, Any]] = (
        [{"kind": "node_loss", "between": {"distribution": "exponential", "mean": "720h"}, "repair": "30s"}]
        if options.faults
        else []
    )
    return Scenario.model_validate(
        {
            "name": "large-site",
            "seed": options.seed,
            "engine": options.engine,
            "services": {name: service(rates[i], busy[i], phases[i]) for i, name in enumerate(names)},
            "workload": [
                {
                    "service": name,
                    "rates": {"step": f"{STEP_MINUTES}min", "values": day(rates[i], phases[i], options.hours)},
                }
                for i, name in enumerate(names)
            ],
            "platform": {
                "kind": "cluster",
                "pools": [{"name": "all", "cpu": SLOTS, "memory": "1Ti", "price": "0 USD/h", "nodes": options.nodes}],
                "startup": "instant",
                "pull": "none",
                "reservation": "none",
            },
            "controllers": [hpa(name, rates[i], busy[i]) for i, name in enumerate(names)],
            "record": {"series": f"{options.hours}h", "decisions": "off"},
        }
        | ({"faults": faults} if faults else {})
    )


def service(rate: float, busy: float, phase: float) -> dict[str, Any]:
    """One service; it begins with the replicas that its first minute needs."""
    first = busy * (1 + 0.8 * math.sin(phase)) / LOAD
    return {
        "work": {"distribution": "exponential", "mean": f"{busy / rate:.9f}s"},
        "replica": {"cpu": 1, "memory": "64Mi", "concurrency": 1},
        "replicas": max(2, math.ceil(first)),
        "queue": {"discipline": "central_fifo"},
        "startup": {"create": "30s"},
        "termination_grace": "1h",
    }


def day(rate: float, phase: float, hours: float) -> NDArray[np.float64]:
    """Requests per second in steps of a sinusoidal day; an array, since a list takes four times the room."""
    turn = 2 * math.pi * STEP_MINUTES / (24 * 60)
    steps = math.ceil(hours * 60 / STEP_MINUTES)
    return np.array([round(rate * (1 + 0.8 * math.sin(phase + turn * (step + 0.5))), 6) for step in range(steps)])


def hpa(name: str, rate: float, busy: float) -> dict[str, Any]:
    """Keeps replicas at 70 % by the requests that each completes."""
    return {
        "kind": "hpa",
        "service": name,
        "min": 2,
        "max": 100,
        "metrics": [{"pods": "requests_per_second", "average_value": round(LOAD * rate / busy, 3)}],
        "sync_period": "15s",
        "pipeline": {"kind": "ideal", "window": "15s"},
    }


def peak_mib() -> float:
    """Most memory of this process so far, Python and all."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def words(found: dict[str, Any]) -> str:
    """What it took, for people."""
    wall, requests = found["wall_s"], found["requests"]
    return (
        f"plan {found['plan_s']:.1f} s, run {wall:.1f} s on {found['threads']} threads: {requests:,} requests, "
        f"{wall / requests * 1e9:.1f} ns each, {requests / wall / 1e6:.1f} million a second; "
        f"{found['replicas_placed']:,} replicas placed, {found['replicas_mean']:.1f} on average; "
        f"{found['peak_mib']:.0f} MiB at most, {found['before_mib']:.0f} of it before the run; digest {found['digest']}"
    )


def main() -> int:
    """Reads the command line, runs, and prints what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("lazy", "reference"), default="lazy")
    parser.add_argument("--json", action="store_true", help="write a line of JSON instead of words")
    parser.add_argument("--faults", action="store_true", help="lose each node once in 30 days on average")
    options = parser.parse_args()
    begin = time.perf_counter()
    plan = plan_of(scenario(options))
    planned, before_mib = time.perf_counter(), peak_mib()
    result = simulate_plan(plan, threads=options.threads)
    wall = time.perf_counter() - planned
    summary = result.summary
    found = {
        "threads": options.threads,
        "plan_s": planned - begin,
        "wall_s": wall,
        "requests": int(summary["arrivals"].sum()),
        "replicas_placed": int(summary["replicas_created"].sum()),
        "replicas_mean": float(summary["replicas_mean"].sum()),
        "peak_mib": peak_mib(),
        "before_mib": before_mib,
        "digest": result.manifest["result_digest"][:16],
    }
    sys.stdout.write((json.dumps(found) if options.json else words(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

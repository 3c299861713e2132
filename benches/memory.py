"""What things cost in memory: bytes for each replica that is gone, each service, and each request that is kept.

    .venv/bin/python benches/memory.py
    .venv/bin/python benches/memory.py --json

Each is the slope of the peak memory of a whole process, Python and plan too, between two sizes that differ in that thing
alone; each size runs in a process of its own. A replica here is one that has come and gone: those that are there at a
time are few. A service has an HPA, rates for a day in steps of a minute, two replicas, and the plan of all this. The rates
are equal, and then kept once; a service with rates of its own (`own-rates`) has them in the scenario and in the plan, where
the engine reads them, at 8 bytes a step each.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from functools import partial
from typing import Any

SIZES = {
    "replica": (100_000, 500_000),
    "service": (2000, 4000),
    "own-rates": (2000, 4000),
    "request": (1_000_000, 5_000_000),
}
"""The two sizes at which each is measured; of services so many that the run takes more than polars after it."""

_CLUSTER = {
    "kind": "cluster",
    "pools": [{"name": "all", "cpu": 1000, "memory": "1Ti", "price": "0 USD/h", "nodes": 10, "max_replicas": 10_000}],
    "startup": "instant",
    "pull": "none",
    "reservation": "none",
}


def _service(**more: Any) -> dict[str, Any]:
    work = {"distribution": "exponential", "mean": "50ms"}
    replica = {"cpu": 1, "memory": "64Mi", "concurrency": 1}
    return {"work": work, "replica": replica, "queue": {"discipline": "central_fifo"}, **more}


def _replicas(count: int) -> dict[str, Any]:
    """A new replica for nearly every request: none is kept."""
    return {
        "services": {"web": _service()},
        "workload": [{"service": "web", "rate": "10/s", "duration": f"{count / 10}s"}],
        "controllers": [{"kind": "on-demand", "service": "web", "min": 0, "max": 100, "keep_alive": "0s"}],
        "record": {"series": "1000h", "decisions": "off"},
    }


def _services(count: int, *, own_rates: bool = False) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415 (the others need none)

    names = [f"svc{number:05}" for number in range(count)]
    day = np.full(24 * 60, 0.1)
    metrics = [{"resource": "cpu", "utilization": 60}]
    return {
        "services": {name: _service(replicas=2) for name in names},
        "workload": [
            {"service": name, "rates": {"step": "1min", "values": day + number * 1e-9 if own_rates else day}}
            for number, name in enumerate(names)
        ],
        "controllers": [{"kind": "hpa", "service": name, "min": 2, "max": 10, "metrics": metrics} for name in names],
        "record": {"series": "24h", "decisions": "off"},
    }


def _requests(count: int) -> dict[str, Any]:
    """Rows of the request log."""
    return {
        "services": {"web": _service(replicas=10)},
        "workload": [{"service": "web", "rate": "100/s", "duration": f"{count / 100}s"}],
        "record": {"series": "1000h", "requests": "full"},
    }


_BUILDERS = {
    "replica": _replicas,
    "service": _services,
    "own-rates": partial(_services, own_rates=True),
    "request": _requests,
}


def _run(of: str, count: int) -> dict[str, float]:
    """Simulates one size in this process."""
    from hookean.scenario import Scenario  # noqa: PLC0415 (the parent stays small)
    from hookean.simulation import plan_of, simulate_plan  # noqa: PLC0415 (likewise)

    result = simulate_plan(
        plan_of(
            # Nobody keeps what the scenario was made of: this is about what simulating takes.
            Scenario.model_validate({"name": "memory", "seed": 1, "platform": _CLUSTER, **_BUILDERS[of](count)})
        )
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    summary = result.summary
    counts = {"replica": "replicas_created", "request": "arrivals"}
    return {"bytes": peak, "count": float(summary[counts[of]].sum()) if of in counts else count}


def _slope(of: str, quick: int) -> float:
    """Bytes for one more."""
    ends = []
    for count in SIZES[of]:
        command = (sys.executable, __file__, "--run", of, "--count", str(count // quick))
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 (this very file)
        ends.append(json.loads(done.stdout))
    return float((ends[1]["bytes"] - ends[0]["bytes"]) / (ends[1]["count"] - ends[0]["count"]))


def main() -> int:
    """Reads the command line, measures, and prints bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="write a line of JSON instead of words")
    parser.add_argument("--quick", type=int, default=1, metavar="N", help="sizes smaller by this factor")
    parser.add_argument("--run", choices=sorted(SIZES), help="run one size in this process")
    parser.add_argument("--count", type=int, default=0, help="the size")
    options = parser.parse_args()
    if options.run:
        sys.stdout.write(json.dumps(_run(options.run, options.count)) + "\n")
        return 0
    found = {of: _slope(of, options.quick) for of in SIZES}
    words = "".join(f"one more {of}: {size:,.0f} bytes\n" for of, size in found.items())
    sys.stdout.write(json.dumps(found) + "\n" if options.json else words)
    return 0


if __name__ == "__main__":
    sys.exit(main())

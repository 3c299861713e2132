"""How the exact tier grows with the number of services, at the same load in all.

    .venv/bin/python benches/growth.py --rate 20000 --minutes 30 --services 10 100 1000 10000

Every service has its own HPA. Per request the cost should stay where it is until services take more than requests: a tick
of each service every 15 s is then what remains, and is shown beside.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from hookean.scenario import Scenario
from hookean.simulation import plan_of, simulate_plan


def scenario(services: int, rate: float, minutes: float, fidelity: str) -> Scenario:
    """Equal services that share the rate; their replicas are busy at 60 % and fewer for small services."""
    replicas = max(2, round(rate / services * 0.02 / 0.6))
    cpu = {"resource": "cpu", "utilization": 60}
    return Scenario(
        name="growth",
        seed=1,
        fidelity=fidelity,
        services={
            "svc": {
                "count": services,
                "work": {"distribution": "exponential", "mean": "20ms"},
                "replica": {"cpu": 1, "memory": "64Mi"},
                "replicas": replicas,
                "queue": {"discipline": "fifo"},
            }
        },
        workload=[{"service": "svc", "rate": f"{rate / services}/s", "duration": f"{minutes}min"}],
        platform={
            "preset": "kubernetes-on-metal",
            "reservation": "none",
            "pools": [
                {"name": "p", "cpu": 100000, "memory": "100Ti", "price": "1 USD/h", "nodes": 2, "max_replicas": 1000000}
            ],
        },
        controllers=[{"kind": "hpa", "service": "svc", "min": 2, "max": 2 * replicas, "metrics": [cpu]}],
        record={"series": f"{minutes}min", "decisions": "off"},
    )


def measure(services: int, options: argparse.Namespace) -> dict[str, Any]:
    """Runs one number of services; times of the run are processor time."""
    begin = time.perf_counter()
    plan = plan_of(scenario(services, options.rate, options.minutes, options.fidelity))
    planned = time.perf_counter()
    cpu = time.process_time()
    result = simulate_plan(plan, threads=options.threads)
    return {
        "services": services,
        "plan_s": planned - begin,
        "run_s": time.process_time() - cpu,
        "requests": int(result.summary["arrivals"].sum()),
        "service_ticks": services * options.minutes * 4,
    }


def words(found: dict[str, Any]) -> str:
    """A line of the table."""
    ran, requests = found["run_s"], found["requests"]
    return (
        f"{found['services']:8,} {found['plan_s']:9.2f} {ran:9.2f} {requests / ran:11,.0f} {ran / requests * 1e9:11.1f} "
        f"{ran / found['service_ticks'] * 1e6:16.2f}\n"
    )


def main() -> None:
    """Reads the command line, runs, and prints a line for each number of services."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--rate", type=float, default=20_000.0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fidelity", default="exact")
    parser.add_argument("--json", action="store_true", help="write a line of JSON instead of a table")
    options = parser.parse_args()
    if options.json:
        sys.stdout.write(json.dumps([measure(services, options) for services in options.services]) + "\n")
        return
    sys.stdout.write("services  plan (s)   run (s)  requests/s  ns/request  us/service-tick\n")
    for services in options.services:
        sys.stdout.write(words(measure(services, options)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()

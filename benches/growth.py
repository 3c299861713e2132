"""How the exact tier grows with the number of services, at the same load in all.

    .venv/bin/python benches/growth.py --rate 20000 --minutes 30 --services 10 100 1000 10000

Every service has its own HPA. Per request the cost should stay where it is until services take more than requests: a tick
of each service every 15 s is then what remains, and is shown beside.
"""

from __future__ import annotations

import argparse
import sys
import time

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


def main() -> None:
    """Reads the command line, runs, and prints a line for each number of services."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--rate", type=float, default=20_000.0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fidelity", default="exact")
    options = parser.parse_args()
    sys.stdout.write("services  plan (s)   run (s)  requests/s  ns/request  us/service-tick\n")
    for services in options.services:
        begin = time.perf_counter()
        plan = plan_of(scenario(services, options.rate, options.minutes, options.fidelity))
        planned = time.perf_counter()
        cpu = time.process_time()
        result = simulate_plan(plan, threads=options.threads)
        ran = time.process_time() - cpu
        requests = int(result.summary["arrivals"].sum())
        ticks = services * options.minutes * 4
        sys.stdout.write(
            f"{services:8,} {planned - begin:9.2f} {ran:9.2f} {requests / ran:11,.0f} {ran / requests * 1e9:11.1f} "
            f"{ran / ticks * 1e6:16.2f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()

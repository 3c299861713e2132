"""What calls between services cost: one service that calls two, against the three side by side with the same requests.

    python benches/calls.py [--minutes 20] [--runs 3]

Best processor time of some runs, one thread, from the scenario to the summary.
"""

from __future__ import annotations

import argparse
import time

import hookean


def scenario(discipline: str, minutes: int, *, calls: bool) -> hookean.Scenario:
    """Three services with 1,000 requests per second each, 5 of 8 cores busy."""
    service = {
        "work": {"distribution": "exponential", "mean": "5ms"},
        "replica": {"cpu": 1, "memory": "256Mi"},
        "replicas": 8,
        "queue": {"discipline": discipline},
    }
    called = ["basket", "catalogue"]
    front = service | ({"calls": [{"to": name} for name in called]} if calls else {})
    loaded = ["front"] if calls else ["front", *called]
    return hookean.Scenario(
        name="calls",
        seed=1,
        workload=[{"service": name, "rate": "1000/s", "duration": f"{minutes}min"} for name in loaded],
        services={"front": front} | dict.fromkeys(called, service),
        platform={
            "preset": "kubernetes-on-vms",
            "pools": [{"name": "general", "instance": "aws/m7i.2xlarge", "nodes": 8}],
        },
    )


def main() -> None:
    """Prints a line for each discipline, with and without calls."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for discipline in ("central_fifo", "processor_sharing"):
        for calls in (False, True):
            times, requests = [], 0
            for _ in range(options.runs):
                start = time.process_time()
                requests = (
                    hookean.simulate(scenario(discipline, options.minutes, calls=calls)).summary["arrivals"].sum()
                )
                times.append(time.process_time() - start)
            kind = "calling" if calls else "side by side"
            print(f"{discipline:18} {kind:13} {requests:>10,} requests {1e9 * min(times) / requests:6.0f} ns each")


if __name__ == "__main__":
    main()

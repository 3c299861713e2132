"""How near latencies of the binned tier are to those of single requests under a steady load, by routing, size and load.

    .venv/bin/python benches/binned_laws.py                       # processor_sharing
    .venv/bin/python benches/binned_laws.py --discipline fifo

Of each case mean and quantiles of two simulated hours are printed: single requests, bins, and how far apart they are. Buckets
of binned histograms are 6 % wide, so quantiles may be 3 % off for that alone. The last line is the mean distance over all cases.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hookean.scenario import Scenario
from hookean.simulation import simulate

FIGURES = ("latency_mean", "latency_p50", "latency_p95", "latency_p99")
SIZES = ((1, 1), (4, 1), (4, 2), (20, 1), (2, 8))  # replicas, cores of each
LOADS = (0.3, 0.6, 0.85)
LAWS: tuple[dict[str, Any], ...] = ({"distribution": "exponential"}, {"distribution": "lognormal", "cv": 2.0})
MEAN_WORK_S = 0.1


def scenario(queue: dict[str, str], size: tuple[int, int], load: float, law: dict[str, Any], fidelity: str) -> Scenario:
    """A service of fixed size under a steady load."""
    replicas, cores = size
    service = {
        "work": law | {"mean": f"{MEAN_WORK_S}s"},
        "replica": {"cpu": str(cores), "memory": "512Mi"}
        | ({} if queue["discipline"] != "fifo" else {"concurrency": cores}),
        "queue": queue,
        "fidelity": fidelity,
    }
    return Scenario(
        name="steady",
        seed=1,
        services={"web": service},
        workload=[{"service": "web", "rates": {"step": "2h", "values": [load * replicas * cores / MEAN_WORK_S]}}],
        platform={
            "preset": "kubernetes-on-metal",
            "reservation": "none",
            "pools": [{"name": "large", "cpu": "1000", "memory": "4Ti", "price": "1 USD/h", "nodes": 1}],
        },
        controllers=[{"kind": "static", "service": "web", "replicas": replicas}],
        record={"series": "2h", "decisions": "off"},
    )


def figures(scenario: Scenario) -> list[float]:
    """The latencies of a run, in seconds."""
    row = simulate(scenario).summary.row(0, named=True)
    return [row[name].total_seconds() for name in FIGURES]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--discipline", default="processor_sharing", choices=("processor_sharing", "fifo"))
    discipline = parser.parse_args().discipline
    sys.stdout.write(
        "routing           replicas load work         " + "".join(f"{name:>26}" for name in FIGURES) + "\n"
    )
    distances: list[list[float]] = []
    for routing in ("random", "round_robin", "least_outstanding"):
        for size in SIZES:
            for load in LOADS:
                for law in LAWS:
                    queue = {"discipline": discipline, "routing": routing}
                    exact, binned = (figures(scenario(queue, size, load, law, tier)) for tier in ("exact", "binned"))
                    off = [b / e - 1 for e, b in zip(exact, binned, strict=True)]
                    distances.append([abs(part) for part in off])
                    cells = "".join(f"{e:9.3f} {b:8.3f} {o:+6.1%} " for e, b, o in zip(exact, binned, off, strict=True))
                    name = f"{size[0]} of {size[1]}"
                    sys.stdout.write(f"{routing:18}{name:9}{load:.2f} {law['distribution']:12} {cells}\n")
                    sys.stdout.flush()
    means = [sum(column) / len(distances) for column in zip(*distances, strict=True)]
    sys.stdout.write(" " * 44 + "".join(f"{mean:25.1%} " for mean in means) + "\n")


if __name__ == "__main__":
    main()

"""How many services fit into one process with the binned tier, and how near its figures are to those of single requests.

    .venv/bin/python benches/binned.py --services 100000 --hours 24 --threads 2
    .venv/bin/python benches/binned.py --services 10000 --hours 6 --measure-only
    .venv/bin/python benches/binned.py --sample 40 --hours 24 --check-only

The first takes some minutes. The second takes as long per service and tick, but for what a run takes to begin and to end.

Every service has its own HPA that looks every 15 s. There are twenty kinds of services, with daily curves of different
height and phase, that make up groups. The same kinds with a few services each are run in both tiers for the check:
replica-hours have to be within 1 %. Memory is the peak of this process, Python and all.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

from hookean.scenario import Scenario
from hookean.simulation import plan_of, simulate_plan

if TYPE_CHECKING:
    from hookean.result import RunResult

KINDS = 20
STEP_MINUTES = 5
CORES_PER_NODE = 100_000


def curve(kind: int, hours: float) -> list[float]:
    """Requests per second in steps: a daily curve of 5 to 60 requests per second at its mean."""
    mean = 5.0 * 12.0 ** (kind / (KINDS - 1))
    phase = 2 * math.pi * kind / KINDS
    steps = math.ceil(hours * 60 / STEP_MINUTES)
    turn = 2 * math.pi * STEP_MINUTES / (24 * 60)
    return [round(mean * (1 + 0.8 * math.sin(phase + turn * step)), 3) for step in range(steps)]


def scenario(services: int, hours: float, fidelity: str, discipline: str, seed: int) -> Scenario:
    """Twenty groups that make up this many services."""
    names = [f"kind{kind:02}" for kind in range(KINDS)]
    sizes = [services // KINDS + (kind < services % KINDS) for kind in range(KINDS)]
    service: dict[str, Any] = {
        "replica": {"cpu": "1", "memory": "512Mi"},
        "replicas": 2,
        "queue": {"discipline": discipline},
        "slo": {"latency": "1s", "target": 0.99},
    }
    work = [{"distribution": "lognormal", "mean": f"{60 + 5 * kind}ms", "cv": 1.0} for kind in range(KINDS)]
    hpa = {"kind": "hpa", "min": 2, "max": 100, "metrics": [{"resource": "cpu", "utilization": 60}]}
    return Scenario(
        name="many-services",
        seed=seed,
        duration=f"{hours}h",
        fidelity=fidelity,
        services={
            name: service | {"work": work[kind], "count": sizes[kind]} for kind, name in enumerate(names) if sizes[kind]
        },
        workload=[
            {"service": name, "rates": {"step": f"{STEP_MINUTES}min", "values": curve(kind, hours)}}
            for kind, name in enumerate(names)
            if sizes[kind]
        ],
        platform={
            "preset": "kubernetes-on-metal",
            "reservation": "none",
            "pools": [
                {
                    "name": "large",
                    "cpu": str(CORES_PER_NODE),
                    "memory": "400Ti",
                    "price": "1000 USD/h",
                    "nodes": math.ceil(services * 25 / CORES_PER_NODE) + 1,
                    "max_replicas": 2_000_000,
                }
            ],
        },
        controllers=[hpa | {"service": name} for kind, name in enumerate(names) if sizes[kind]],
        record={"series": f"{hours}h", "decisions": "off"},
    )


def peak_mib() -> float:
    """Most memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(text: str) -> None:
    """Writes a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def measure(services: int, hours: float, options: argparse.Namespace) -> dict[str, float]:
    """Runs many services in bins and returns what that took; processor time is that of all threads."""
    begin, empty = time.perf_counter(), peak_mib()
    plan = plan_of(scenario(services, hours, "binned", options.discipline, 1))
    planned, before, cpu = time.perf_counter(), peak_mib(), time.process_time()
    result = simulate_plan(plan, threads=options.threads)
    ran, busy = time.perf_counter(), time.process_time()
    return {
        "services": services,
        "hours": hours,
        "threads": options.threads,
        "ticks": services * hours * 240,
        "requests": int(result.summary["arrivals"].sum()),
        "replicas": int(result.summary["replicas_created"].sum()),
        "plan_s": planned - begin,
        "run_s": ran - planned,
        "cpu_s": busy - cpu,
        "empty_mib": empty,
        "before_mib": before,
        "peak_mib": peak_mib(),
    }


def tell(found: dict[str, float]) -> None:
    """Says what many services took."""
    ran, ticks = found["run_s"], found["ticks"]
    say(f"plan of {found['services']:,} services: {found['plan_s']:.1f} s, {found['before_mib']:.0f} MiB")
    say(
        f"{found['hours']:g} h, {ticks:,.0f} decisions, {found['requests']:,} requests, {found['replicas']:,} replicas, "
        f"{found['threads']} threads: {ran:.1f} s wall, {ran / ticks * 1e9:.0f} ns per service and tick "
        f"({found['cpu_s'] / ticks * 1e9:.0f} ns of processor time), {found['peak_mib']:.0f} MiB at most"
    )


def check(options: argparse.Namespace) -> tuple[dict[str, float], dict[str, float]]:
    """Runs a sample of services in both tiers; returns the figures of single requests and of bins, means over seeds."""
    tiers = ("exact", "binned")
    sums: dict[str, dict[str, float]] = {tier: {} for tier in tiers}
    for seed in range(1, options.seeds + 1):
        for tier in tiers:
            begin = time.perf_counter()
            plan = plan_of(scenario(options.sample, options.hours, tier, options.discipline, seed))
            result = simulate_plan(plan, threads=options.threads)
            figures = summed(result) | {"seconds": time.perf_counter() - begin}
            for name, value in figures.items():
                sums[tier][name] = sums[tier].get(name, 0.0) + value / options.seeds
    return sums["exact"], sums["binned"]


def show(exact: dict[str, float], binned: dict[str, float], options: argparse.Namespace) -> None:
    """Says how far the tiers are apart."""
    say(f"{options.sample} services, {options.discipline}, {options.seeds} seeds: exact, binned, difference")
    for name, value in exact.items():
        apart = f"{binned[name] / value - 1:+9.2%}" if value else ""
        say(f"  {name:24} {value:14.4f} {binned[name]:14.4f} {apart}")


def summed(result: RunResult) -> dict[str, float]:
    """What is compared: sums over services, means over requests."""
    table = result.summary
    arrivals = float(table["arrivals"].sum())

    def mean(column: str) -> float:
        return float((table[column].dt.total_nanoseconds() * table["arrivals"]).sum()) / arrivals / 1e9

    return {
        "replica-hours": float(table["replicas_mean"].sum()) * result.manifest["simulated_ns"] / 3600e9,
        "scale-outs": float(table["scale_outs"].sum()),
        "requests": arrivals,
        "CPU cores": float(table["cpu_cores_mean"].sum()),
        "mean wait (s)": mean("wait_mean"),
        "mean latency (s)": mean("latency_mean"),
        "mean p50 (s)": mean("latency_p50"),
        "mean p99 (s)": mean("latency_p99"),
        "good requests": float(table["slo_good"].sum()) / arrivals,
    }


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=100_000)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--discipline", default="processor_sharing")
    parser.add_argument("--check-only", action="store_true")
    parser.add_argument("--measure-only", action="store_true")
    parser.add_argument(
        "--json",
        action="store_true",
        help="write a line of JSON instead of words; check only, unless told to measure only",
    )
    options = parser.parse_args()
    if options.measure_only and options.json:
        say(json.dumps(measure(options.services, options.hours, options)))
        return
    if not options.check_only and not options.json:
        tell(measure(options.services, options.hours, options))
    if options.measure_only:
        return
    exact, binned = check(options)
    if options.json:
        say(json.dumps({"exact": exact, "binned": binned}))
        return
    show(exact, binned, options)
    if abs(binned["replica-hours"] / exact["replica-hours"] - 1) >= 0.01:
        say("replica-hours differ by more than 1 %")
        raise SystemExit(1)


if __name__ == "__main__":
    main()

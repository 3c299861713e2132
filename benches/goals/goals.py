"""The goals of speed: what, where its number comes from, at least and aim.

Times are ratios of two measurements on one machine, but for two, so that the speed of the machine cancels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Measured = Mapping[str, Any]
    """What each part has measured, by its name."""

MISS, REACHED, AIM = "miss", "reached", "aim"


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        what: What is measured.
        parts: Parts it is computed from; it is not measured when one is missing.
        value: Computes it.
        unit: Written behind the number.
        at_least: What has to be reached.
        aim: What is hoped for.
        less: Whether less is better.
        note: Says more about the number, in a few words.
    """

    what: str
    parts: tuple[str, ...]
    value: Callable[[Measured], float | None]
    unit: str
    at_least: float
    aim: float
    less: bool = False
    note: Callable[[Measured], str] | None = None

    def measured(self, found: Measured) -> float | None:
        """Returns the number, or `None` when it was not measured."""
        return self.value(found) if all(part in found for part in self.parts) else None

    def verdict(self, value: float) -> str:
        """Says whether a number is a miss, reaches the goal, or the aim."""
        good = [value <= bound if self.less else value >= bound for bound in (self.at_least, self.aim)]
        return AIM if good[1] else REACHED if good[0] else MISS


@dataclass(frozen=True)
class _Slower:
    """How many times as long another tool takes for a request.

    Attributes:
        job: The job.
        tool: The other tool.
        requests: The size; of a quick run, which has others, the largest that both took part in.
        calls: Whose time it is: `us_per_request`, first calls of processes, or `again`, further ones.
    """

    job: str
    tool: str
    requests: int
    calls: str = "again"

    def __call__(self, found: Measured) -> float | None:
        """Returns the ratio, or `None` when it was not measured."""
        cases = [case for case in found["peers"]["cases"] if case["job"] == self.job and self.tool in case["runs"]]
        if not cases:
            return None
        case = max(cases, key=lambda case: (case["requests"] == self.requests, case["requests"]))
        micros = {sample["tool"]: median(sample[self.calls]) for sample in case["tools"]}
        return float(micros[self.tool] / micros["hookean"])

    def of_first_calls(self, found: Measured) -> str:
        """Says what it is for first calls."""
        ratio = replace(self, calls="us_per_request")(found)
        return f"first calls: {ratio:,.3g}x" if ratio is not None and ratio < 10 else f"first calls: {ratio or 0:,.0f}x"


def _peer(what: str, slower: _Slower, bounds: tuple[float, float]) -> Goal:
    return Goal(what, ("peers",), slower, "x", *bounds, note=slower.of_first_calls)


def _day_over_loop(found: Measured) -> float:
    pairs = zip(found["floor"]["autoscaled_day"], found["floor"]["loop_17"], strict=True)
    return median(day / loop for day, loop in pairs)


def _sharing_over_loop(found: Measured) -> float:
    pairs = zip(found["floor"]["station_sharing"], found["floor"]["loop_sharing"], strict=True)
    return median(station / loop for station, loop in pairs)


def _site_over_loop(found: Measured) -> float:
    site = found["site, 1 thread"]
    return float(site["wall_s"] / site["requests"] * 1e9 / median(found["floor"]["loop_34"]))


def _policy(kind: str) -> Callable[[Measured], float]:
    def value(found: Measured) -> float:
        times = found["policies"]
        return median(own / native for own, native in zip(times[kind], times["native hpa"], strict=True))

    return value


def _memory(what: str, of: str, bounds: tuple[float, float]) -> Goal:
    """How much the peak memory of a process grows with one more of something."""
    return Goal(what, ("memory",), lambda found: float(found["memory"][of]), " bytes", *bounds, less=True)


def _threads(found: Measured) -> float:
    return float(found["site, 1 thread"]["wall_s"] / found["site, 2 threads"]["wall_s"])


def _reference(found: Measured) -> float:
    lists, lazy = found["site, event list"], found["site, lazy"]
    return float((lists["wall_s"] / lists["requests"]) / (lazy["wall_s"] / lazy["requests"]))


def _whole_day(found: Measured) -> float:
    """Seconds for 24 hours: a shorter run is stretched, by the requests of a whole day."""
    site = found["site, 2 threads"]
    return float(site["wall_s"] / site["requests"] * 1.728e9)


def _many_services(found: Measured) -> float:
    """Seconds for 100,000 services and 24 hours, plan and all: fewer or shorter ones are stretched in proportion."""
    many = found["binned, many"]
    services, hours = 100_000 / many["services"], 24 / many["hours"]
    return float(services * (many["plan_s"] + hours * many["run_s"]))


def _many_services_mib(found: Measured) -> float:
    """Peak memory with 100,000 services: what fewer ones add is stretched in proportion."""
    many = found["binned, many"]
    added = many["peak_mib"] - many["empty_mib"]
    return float(many["empty_mib"] + added * 100_000 / many["services"])


def _stretched(found: Measured) -> str:
    """Says what was measured if that was less than 100,000 services for a day."""
    many = found["binned, many"]
    if many["services"] >= 100_000 and many["hours"] >= 24:
        return f"{many['cpu_s'] / many['ticks'] * 1e9:.0f} ns of processor time per service and tick"
    return f"stretched from {many['services']:,} services and {many['hours']:g} h"


def _binned_error(found: Measured) -> float:
    exact, binned = (found["binned"][tier]["replica-hours"] for tier in ("exact", "binned"))
    return float(abs(binned / exact - 1.0) * 100.0)


GOALS: tuple[Goal, ...] = (
    _peer("S1, M/M/10, 200,000 requests: SimPy / hookean", _Slower("s1", "simpy", 200_000), (500, 800)),
    _peer("S1, M/M/10, 200,000 requests: Ciw / hookean", _Slower("s1", "ciw", 200_000), (1000, 1500)),
    _peer("S1, M/M/1000, 200,000 requests: SimPy / hookean", _Slower("s1k", "simpy", 200_000), (700, 1000)),
    _peer("S1, M/M/1000, 200,000 requests: Ciw / hookean", _Slower("s1k", "ciw", 200_000), (4000, 6000)),
    _peer("S2, autoscaled day: SimPy / hookean", _Slower("s2", "simpy", 1_000_000), (400, 600)),
    _peer("S2, autoscaled day: Ciw / hookean", _Slower("s2", "ciw", 1_000_000), (2000, 3500)),
    _peer("S1, M/M/10: an expert's numba loop / hookean", _Slower("s1", "numba", 20_000_000), (3, 4)),
    _peer("S1, M/M/1000: an expert's numba loop / hookean", _Slower("s1k", "numba", 20_000_000), (3, 4)),
    Goal("S2 / a bare loop of its size, same binary", ("floor",), _day_over_loop, "x", 2.0, 1.4, less=True),
    Goal(
        "Processor sharing, least outstanding of 100 replicas / a bare loop of it, same binary",
        ("floor",),
        _sharing_over_loop,
        "x",
        2.0,
        1.0,
        less=True,
    ),
    Goal(
        "S3, one core / a bare loop of its size",
        ("floor", "site, 1 thread"),
        _site_over_loop,
        "x",
        3.0,
        1.6,
        less=True,
    ),
    Goal("S3, a day on two cores", ("site, 2 threads",), _whole_day, " s", 60, 35, less=True),
    Goal(
        "S3, requests a second on two cores",
        ("site, 2 threads",),
        lambda found: found["site, 2 threads"]["requests"] / found["site, 2 threads"]["wall_s"] / 1e6,
        " M",
        30,
        60,
    ),
    Goal("S3, one thread / two", ("site, 1 thread", "site, 2 threads"), _threads, "x", 1.6, 1.85),
    Goal(
        "S3, `engine: reference` (an event list made to check, not to be fast) / hookean",
        ("site, event list", "site, lazy"),
        _reference,
        "x",
        6,
        10,
    ),
    Goal(
        "S3, peak memory of the process, Python and plan too",
        ("site, 1 thread",),
        lambda found: found["site, 1 thread"]["peak_mib"],
        " MiB",
        100,
        50,
        less=True,
        note=lambda found: f"{found['site, 1 thread']['before_mib']:.0f} before the run",
    ),
    _memory("Memory of a replica that has come and gone", "replica", (128, 64)),
    _memory("Memory of a service with an HPA and a day of rates, Python and plan too", "service", (16_384, 8192)),
    _memory("Memory of a request whose row is kept", "request", (16, 8)),
    Goal(
        "1,000 services, `decide_all` in Python / native HPA",
        ("policies",),
        _policy("decide_all"),
        "x",
        1.05,
        1.02,
        less=True,
    ),
    Goal(
        "1,000 services, `decide` in Python / native HPA", ("policies",), _policy("decide"), "x", 1.25, 1.1, less=True
    ),
    Goal("Binned tier, error of replica-hours", ("binned",), _binned_error, " %", 1.0, 0.5, less=True),
    Goal(
        "Binned tier, 100,000 services, a day under an HPA each, two threads",
        ("binned, many",),
        _many_services,
        " s",
        120,
        40,
        less=True,
        note=_stretched,
    ),
    Goal(
        "Binned tier, 100,000 services, peak memory of the process, Python and plan too",
        ("binned, many",),
        _many_services_mib,
        " MiB",
        2048,
        1024,
        less=True,
        note=_stretched,
    ),
    Goal(
        "Binned tier, exact / binned, time of the whole call",
        ("binned",),
        lambda found: found["binned"]["exact"]["seconds"] / found["binned"]["binned"]["seconds"],
        "x",
        8,
        10,
    ),
)
"""Every goal, in the order of the table."""

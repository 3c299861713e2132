"""The engine against closed forms of queueing theory, through the public Python API.

Every mean is judged by a t-interval over independent seeds: it has to hold the exact value and be narrow. Seeds are fixed,
so the tests are repeatable; the confidence of 99.9 % was chosen before the first run. A run begins empty, which lowers its
means by about (relaxation time / length of the run) < 0.1 %, well inside the intervals.

Notation: `load` is the offered load per server (rho), `service` the mean service time, lambda = load * servers / service.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import hookean

if TYPE_CHECKING:
    from hookean import RunResult

SEEDS = range(1, 21)
T_999 = 3.8834  # two-sided 99.9 % quantile of Student's t with 19 degrees of freedom, for 20 seeds
ENGINES = ("lazy", "reference")
LENGTH_S = {"lazy": 200_000, "reference": 40_000}
EXPONENTIAL: dict[str, Any] = {"distribution": "exponential", "mean": "1s"}
CONSTANT: dict[str, Any] = {"distribution": "constant", "value": "1s"}


def lognormal(cv: float) -> dict[str, Any]:
    return {"distribution": "lognormal", "mean": "1s", "cv": cv}


def simulate(
    *, rate: float, queue: dict[str, Any], work: dict[str, Any] = EXPONENTIAL, replicas: int = 1, seed: int = 1,
    replica: dict[str, Any] | None = None, engine: str = "lazy", length_s: int | None = None, series: str = "1h",
) -> RunResult:  # fmt: skip
    """One service on an ample cluster, a fixed number of replicas, Poisson arrivals."""
    service = {
        "work": work,
        "replicas": replicas,
        "queue": queue,
        "replica": {"cpu": 1, "memory": "1Mi", **(replica or {})},
    }
    duration = f"{LENGTH_S[engine] if length_s is None else length_s}s"
    pool = {"name": "ample", "cpu": 64, "memory": "64Gi", "price": "0 USD/h", "nodes": 1}
    platform = {"kind": "cluster", "pools": [pool], "startup": "instant", "pull": "none", "reservation": "none"}
    document = {
        "seed": seed,
        "engine": engine,
        "services": {"web": service},
        "workload": [{"service": "web", "rate": f"{rate}/s", "duration": duration}],
        "platform": platform,
        "record": {"series": series},
    }
    return hookean.simulate(hookean.Scenario.model_validate(document))


def seconds(result: RunResult, column: str) -> float:
    return float(result.summary[column].dt.total_nanoseconds()[0]) * 1e-9


def wait(result: RunResult) -> float:
    return seconds(result, "wait_mean")


def sojourn(result: RunResult) -> float:
    return seconds(result, "latency_mean")


def blocked(result: RunResult) -> float:
    row = result.summary.row(0, named=True)
    return float(row["rejected"] / row["arrivals"])


def erlang_c_wait(servers: int, load: float) -> float:
    """Mean wait of M/M/c with mean service 1 s."""
    offered, blocking = servers * load, 1.0
    for k in range(1, servers + 1):
        blocking = offered * blocking / (k + offered * blocking)
    return blocking / (1 - load * (1 - blocking)) / (servers * (1 - load))


def mmck(servers: int, places: int, load: float) -> tuple[float, float]:
    """Blocking probability and mean wait of admitted requests of M/M/c/K with mean service 1 s."""
    weights = [1.0]
    for k in range(1, places + 1):
        weights.append(weights[-1] * servers * load / min(k, servers))
    p = [weight / sum(weights) for weight in weights]
    waiting = sum((k - servers) * p[k] for k in range(servers + 1, places + 1))
    return p[-1], waiting / (servers * load * (1 - p[-1]))


def pollaczek_khinchine(load: float, cv: float) -> float:
    """Mean wait of M/G/1 with mean service 1 s."""
    return load * (1 + cv**2) / (2 * (1 - load))


@dataclass(frozen=True)
class Case:
    """A system and the exact value of one of its figures.

    Attributes:
        name: Name of the test.
        exact: The closed form.
        measure: What is read from a result.
        system: Arguments of `simulate`.
        width_max: Largest half-width of the interval of the lazy engine, relative to `exact`.
    """

    name: str
    exact: float
    measure: Any
    system: dict[str, Any] = field(default_factory=dict)
    width_max: float = 0.03


CENTRAL = {"discipline": "central_fifo"}
SHARING = {"discipline": "processor_sharing"}
FIFO = {"discipline": "fifo", "routing": "random"}

CASES = [
    Case("M/M/1 wait", 0.7 / 0.3, wait, {"rate": 0.7, "queue": CENTRAL}),
    Case("M/M/1 sojourn", 1 / 0.3, sojourn, {"rate": 0.7, "queue": CENTRAL}),
    Case("M/M/2 wait", erlang_c_wait(2, 0.8), wait, {"rate": 1.6, "queue": CENTRAL, "replicas": 2}, 0.03),
    Case("M/M/10 wait", erlang_c_wait(10, 0.8), wait, {"rate": 8, "queue": CENTRAL, "replicas": 10}, 0.03),
    Case(
        "M/M/3 in one replica with concurrency 3",
        erlang_c_wait(3, 0.7),
        wait,
        {"rate": 2.1, "queue": CENTRAL, "replica": {"cpu": 3, "concurrency": 3}},
        0.03,
    ),
    Case(
        "M/M/2/5 blocking", mmck(2, 5, 0.9)[0], blocked, {"rate": 1.8, "queue": CENTRAL | {"limit": 3}, "replicas": 2}
    ),
    Case("M/M/2/5 wait", mmck(2, 5, 0.9)[1], wait, {"rate": 1.8, "queue": CENTRAL | {"limit": 3}, "replicas": 2}),
    Case("M/M/1/1 blocking", 0.5, blocked, {"rate": 1.0, "queue": CENTRAL | {"limit": 0}}),
    Case("M/D/1 wait", pollaczek_khinchine(0.7, 0), wait, {"rate": 0.7, "queue": CENTRAL, "work": CONSTANT}),
    Case(
        "M/G/1 wait, lognormal",
        pollaczek_khinchine(0.6, 1.5),
        wait,
        {"rate": 0.6, "queue": CENTRAL, "work": lognormal(1.5)},
        0.05,
    ),
    Case(
        "M/G/1 wait, gamma",
        pollaczek_khinchine(0.6, 1.5),
        wait,
        {"rate": 0.6, "queue": CENTRAL, "work": {"distribution": "gamma", "mean": "1s", "cv": 1.5}},
        0.05,
    ),
    # Scale 0.5 s and shape 0.5: mean 0.5 gamma(3) = 1 s, cv^2 = gamma(5) / gamma(3)^2 - 1 = 5.
    Case(
        "M/G/1 wait, Weibull",
        pollaczek_khinchine(0.6, math.sqrt(5)),
        wait,
        {"rate": 0.6, "queue": CENTRAL, "work": {"distribution": "weibull", "scale": "500ms", "shape": 0.5}},
        0.1,
    ),
    # Mean 1 s, variance (1 x 0.75^2 + 3 x 0.25^2) / 4 = 0.1875.
    Case(
        "M/G/1 wait, empirical",
        pollaczek_khinchine(0.6, math.sqrt(0.1875)),
        wait,
        {
            "rate": 0.6,
            "queue": CENTRAL,
            "work": {"distribution": "empirical", "values": ["250ms", "1250ms"], "weights": [1, 3]},
        },
    ),
    # Shape 1/2: the mean is sqrt(low x high) = 1 s.
    Case(
        "M/G/1-PS sojourn, Pareto",
        1 / 0.3,
        sojourn,
        {
            "rate": 0.7,
            "queue": SHARING,
            "work": {"distribution": "pareto", "low": "250ms", "high": "4s", "shape": 0.5},
        },
        0.05,
    ),
    Case(
        "3 separate FIFO queues, random routing: M/M/1 each",
        0.7 / 0.3,
        wait,
        {"rate": 2.1, "queue": FIFO, "replicas": 3},
    ),
    Case("M/M/1-PS sojourn", 1 / 0.3, sojourn, {"rate": 0.7, "queue": SHARING}),
    Case("M/D/1-PS sojourn", 1 / 0.3, sojourn, {"rate": 0.7, "queue": SHARING, "work": CONSTANT}),
    Case("M/G/1-PS sojourn, lognormal", 1 / 0.3, sojourn, {"rate": 0.7, "queue": SHARING, "work": lognormal(2)}, 0.05),
    Case(
        "4 separate PS queues, random routing: M/M/1-PS each",
        1 / 0.3,
        sojourn,
        {"rate": 2.8, "queue": SHARING, "replicas": 4},
    ),
]


def judge(case: Case, engine: str) -> None:
    """Asserts that the interval over seeds holds the exact value and is narrow."""
    values = [case.measure(simulate(**case.system, seed=seed, engine=engine)) for seed in SEEDS]
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    half_width = T_999 * spread / math.sqrt(len(values))
    # the reference engine runs a fifth of the time, so its intervals are sqrt(5) wider
    width_max = case.width_max * math.sqrt(LENGTH_S["lazy"] / LENGTH_S[engine])
    assert half_width <= width_max * case.exact, "the interval is too wide to say anything"
    assert abs(mean - case.exact) <= half_width, f"{mean:.5f} +- {half_width:.5f} does not hold {case.exact:.5f}"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mean_agrees_with_its_closed_form(case: Case, engine: str) -> None:
    judge(case, engine)


@pytest.mark.parametrize(("column", "share"), [("latency_p50", 0.5), ("latency_p90", 0.9), ("latency_p99", 0.99)])
def test_sojourn_quantiles_of_mm1_are_exponential(column: str, share: float) -> None:
    # P(T > t) = exp(-(mu - lambda) t); the histogram's buckets are 0.8 % wide and their mid-points are read
    exact = -math.log(1 - share) / 0.3
    values = [seconds(simulate(rate=0.7, queue=CENTRAL, seed=seed), column) for seed in SEEDS]
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    half_width = T_999 * spread / math.sqrt(len(values))
    assert half_width <= 0.05 * exact
    assert abs(mean - exact) <= half_width + 0.004 * exact


DISCIPLINES = [
    CENTRAL,
    *({"discipline": name, "routing": routing} for name in ("fifo", "processor_sharing")
      for routing in ("random", "round_robin", "least_outstanding", "power_of_choices", "weighted")),
    {"discipline": "fifo", "routing": "packing"},
]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("queue", DISCIPLINES, ids=lambda queue: "-".join(queue.values()))
def test_littles_law_holds(queue: dict[str, Any], engine: str) -> None:
    """The sampled number in system equals throughput times mean latency.

    The number is sampled every h = 0.5 s. A sample differs from the mean over its interval by the jumps in between, at
    2 lambda per second: the mean over T differs by a standard deviation of h sqrt(2 lambda / (3 T)) = 0.004 requests for
    lambda = 2.4, T = 20,000 s; six of them are allowed. Requests still inside at the end have no latency yet: they shift the
    product by up to in_system x (their age, here the longest latency) / T.
    """
    length, step, rate = 20_000, 0.5, 2.4
    result = simulate(
        rate=rate, queue=queue, replicas=3, engine=engine, length_s=length, series=f"{step}s", work=lognormal(1)
    )
    summary = result.summary.row(0, named=True)
    sampled = result.series.select(pl.col("in_system").mean()).item()
    product = summary["completed"] / length * sojourn(result)
    allowed = 6 * step * math.sqrt(2 * rate / (3 * length))
    allowed += summary["in_system"] * summary["latency_max"].total_seconds() / length
    assert allowed < 0.02 * product, "the tolerance is too wide to say anything"
    assert sampled == pytest.approx(product, abs=allowed)


@pytest.mark.parametrize("queue", DISCIPLINES, ids=lambda queue: "-".join(queue.values()))
def test_utilisation_is_the_offered_load(queue: dict[str, Any]) -> None:
    """CPU used is the work that arrived, less what is left of the requests inside at the end (20 s each, which one in 5e8 exceeds)."""
    result = simulate(rate=2.1, queue=queue, replicas=3, length_s=20_000, series="500s")
    row = result.summary.row(0, named=True)
    left = row["in_system"] * 20 / 20_000
    assert row["offered_cores_mean"] - left <= row["cpu_cores_mean"] <= row["offered_cores_mean"] * (1 + 1e-9)
    assert row["utilisation_mean"] == pytest.approx(row["cpu_cores_mean"] / 3)
    assert row["offered_cores_mean"] == pytest.approx(2.1, rel=0.05)

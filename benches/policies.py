"""What a policy in Python costs: the same large scenario with the native HPA, one `decide_all`, and a `decide` for each service.

    .venv/bin/python benches/policies.py --services 1000 --hours 1 --rounds 5

Times are processor time. Runs take turns, and the ratios are medians over the rounds, so that noise of the machine hits all
alike. All three hold CPU at 60 % with a tolerance of 10 % and 5 min of stabilisation. The policies work out what they want,
but return what the native HPA wanted at that moment: so all three simulate the same, and the ratios are of deciding.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from hookean.policies import Observation, Observations, PythonPolicy, Setup, policy
from hookean.policies.hpa import Hpa, HpaMetric
from hookean.scenario import Scenario
from hookean.simulation import plan_of, simulate_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookean.plan import Plan
    from hookean.result import RunResult

TARGET = 0.6
WINDOW = 21  # ticks of 15 s: as long as the HPA's stabilisation, both ends included


class Native:
    """What the native HPA wanted: replicas by tick and service, services by name; and the same one by one, for a run.

    Single policies share the latter: a list for each would be one more thing that lies far away, which is not theirs.
    """

    wanted: np.ndarray
    each: Iterator[int]


@policy("bench-scalar")
class Scalar:
    """Proportional, and down only to the largest wish of the last five minutes; one service at a time."""

    def __init__(self) -> None:
        self.wishes: deque[int] = deque(maxlen=WINDOW)

    def decide(self, obs: Observation) -> int:  # noqa: D102
        ratio = obs.cpu_ratio / TARGET
        wish = obs.desired
        if not 0.9 <= ratio <= 1.1 and ratio == ratio:  # noqa: PLR0124 (not NaN)
            wish = math.ceil(obs.ready * ratio)
        self.wishes.append(wish)
        _ = max(self.wishes)
        return next(Native.each)


@policy("bench-batched")
class Batched:
    """The same for all services at once."""

    def begin(self, setup: Setup) -> None:  # noqa: D102
        self.wishes = np.zeros((WINDOW, len(setup.services)))
        self.tick = 0

    def decide_all(self, obs: Observations) -> np.ndarray:  # noqa: D102
        ratio = obs.cpu_ratio / TARGET
        hold = np.isnan(ratio) | ((ratio >= 0.9) & (ratio <= 1.1))
        self.wishes[self.tick % WINDOW] = np.where(hold, obs.desired, np.ceil(obs.ready * ratio))
        _ = self.wishes.max(axis=0)
        self.tick += 1
        return Native.wanted[self.tick - 1]


def scenario(controllers: dict[str, object], *, hours: float, rate: float) -> Scenario:
    steps = max(round(hours * 12), 1)
    # a slow wave, its phase different for each service
    waves = {
        name: [round(rate * (1 + 0.5 * math.sin(2 * math.pi * (k / 12 + i / 97))), 3) for k in range(steps)]
        for i, name in enumerate(controllers)
    }
    return Scenario.model_validate(
        {
            "name": "policies",
            "seed": 1,
            "workload": [{"service": n, "rates": {"step": "5min", "values": wave}} for n, wave in waves.items()],
            "services": {
                name: {
                    "work": {"distribution": "exponential", "mean": "100ms"},
                    "replica": {"cpu": 1, "memory": "256Mi"},
                    "queue": {"discipline": "fifo", "routing": "least_outstanding"},
                }
                for name in controllers
            },
            "platform": {
                "preset": "kubernetes-on-metal",
                "pools": [{"name": "metal", "instance": "aws/m5.metal", "nodes": 1 + len(controllers) // 8}],
            },
            "controllers": list(controllers.values()),
        }
    )


def seconds(plan: Plan) -> tuple[float, RunResult]:
    Native.each = iter(Native.wanted.ravel().tolist())
    gc.collect()
    began = time.process_time()
    result = simulate_plan(plan)
    return time.process_time() - began, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=20.0, help="mean requests per second of a service")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="write a line of JSON, seconds of each round, instead")
    given = parser.parse_args()
    names = [f"s{i:04}" for i in range(given.services)]
    kinds = {
        "native hpa": lambda n: Hpa(service=n, min=1, max=50, metrics=(HpaMetric(resource="cpu", utilization=60),)),
        "decide_all": lambda n: PythonPolicy(service=n, policy=Batched, min=1, max=50),
        "decide": lambda n: PythonPolicy(service=n, policy=Scalar, min=1, max=50),
    }
    plans = {
        kind: plan_of(scenario({n: build(n) for n in names}, hours=given.hours, rate=given.rate))
        for kind, build in kinds.items()
    }
    decisions = simulate_plan(plans["native hpa"]).decisions.sort("time", "service")
    Native.wanted = decisions["desired"].to_numpy().reshape(-1, given.services)
    times = {kind: [] for kind in plans}
    results = {}
    for _ in range(given.rounds):
        for kind, plan in plans.items():
            took, results[kind] = seconds(plan)
            times[kind].append(took)
    summaries = [result.summary for result in results.values()]
    if not all(each.equals(summaries[0]) for each in summaries):
        raise SystemExit("error: the runs are not the same, so their times say nothing")
    if given.json:
        print(json.dumps(times))
        return
    print(
        f"{'':12} {'best':>9} {'median':>9} {'to native':>10} {'requests':>13} {'decisions':>10} {'replicas':>9} {'scalings':>9}"
    )
    for kind, took in times.items():
        ratio = statistics.median(a / b for a, b in zip(took, times["native hpa"], strict=True))
        summary, decisions = results[kind].summary, results[kind].decisions
        print(
            f"{kind:12} {min(took):8.2f}s {statistics.median(took):8.2f}s {ratio:10.3f} {summary['arrivals'].sum():13,} "
            f"{decisions.height:10,} {summary['replicas_mean'].mean():9.2f} "
            f"{summary['scale_outs'].sum() + summary['scale_ins'].sum():9,}"
        )


if __name__ == "__main__":
    main()

"""A function that is called from time to time: executions take no time, an instance is kept after the last one.

The controller `on-demand` creates the replica and keeps it. At one instant a keep-alive ends before a request arrives,
while the vectors count an arrival at the very end of the keep-alive as warm: it lasts a nanosecond longer here.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hookean.conformance.queueing.experiment import PROBABILITY_FLOOR, RAREST, Experiment, Metric
from hookean.conformance.queueing.figures import probability, ratio
from hookean.conformance.queueing.laws import constant, seconds
from hookean.conformance.queueing.system import Length, System
from hookean.conformance.queueing.traffic import Periodic, Poisson
from hookean.simulation import simulate

if TYPE_CHECKING:
    from hookean.conformance.queueing.experiment import Case
    from hookean.conformance.queueing.traffic import Traffic

_PERIODS = 1_000
"""Simulated of a function that is called periodically."""

_LONGER_S = 1e-9
"""What the keep-alive lasts longer."""

_ERROR_S = 2.0 * _LONGER_S
"""That, and the rounding of floats."""


def poisson(case: Case) -> Experiment:
    """Poisson arrivals."""
    rate, kept_s = case.params["lam"], case.params["tau"]
    system = _system(Poisson(rate), kept_s, relaxation_s=kept_s + 1.0 / rate)
    cold = ratio(lambda run: run.replicas("created"), lambda run: run.count("arrivals"))
    metrics = {
        "P_cold": Metric(cold.columns, cold.combine, floor=PROBABILITY_FLOOR, rarest=RAREST),
        "warm_idle_time_per_invocation": ratio(
            lambda run: run.over_time("ready") * run.batch_s, lambda run: run.count("arrivals")
        ),
        "loaded_time_fraction": probability(lambda run: run.over_time("ready")),
    }
    return Experiment({"main": system}, metrics)


def periodic(case: Case) -> Experiment:
    """Arrivals at equal distances, the first left out: the nanosecond of the keep-alive is the only error."""
    period_s, kept_s = case.params["T"], case.params["tau"]
    period_ns = round(period_s * 1e9)
    length = Length(step_ns=period_ns, batch_ns=_PERIODS * period_ns, warmup_ns=period_ns, batches=1, runs=1, one_in=1)
    with tempfile.TemporaryDirectory() as folder:
        system = _system(Periodic(period_ns), kept_s, relaxation_s=kept_s)
        lives = simulate(system.scenario(length, seed=0, folder=Path(folder))).replicas
    created, ready, drained = (lives[moment].to_physical() for moment in ("created", "ready", "drained"))
    warm_ns = drained.fill_null(length.horizon_ns).clip(upper_bound=length.end_ns) - ready.clip(length.warmup_ns)
    warm_s = float(warm_ns.clip(0).sum()) * 1e-9 / _PERIODS
    return Experiment(
        replayed={
            "P_cold": (int(created.is_between(length.warmup_ns, length.end_ns).sum()) / _PERIODS, 0.0),
            "warm_idle_time_per_invocation": (warm_s, _ERROR_S),
            "loaded_time_fraction": (warm_s / period_s, _ERROR_S / period_s),
        }
    )


def _system(traffic: Traffic, kept_s: float, relaxation_s: float) -> System:
    controller = {"kind": "on-demand", "min": 0, "max": 1, "keep_alive": seconds(kept_s + _LONGER_S)}
    return System(traffic, constant(0.0), relaxation_s, controller=controller)

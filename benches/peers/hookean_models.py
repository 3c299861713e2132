"""Both jobs in hookean, as a user writes them: a scenario, `hookean.simulate`, histograms and tables as always."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from outcome import Outcome

import hookean
from hookean import _core
from hookean.simulation import plan_of

if TYPE_CHECKING:
    from jobs import Day, Queue

    from hookean import RunResult

_PLATFORM: dict[str, Any] = {
    "kind": "cluster",
    "pools": [{"name": "ample", "cpu": 128, "memory": "64Gi", "price": "0 USD/h", "nodes": 1}],
    "startup": "instant",
    "pull": "none",
    "reservation": "none",
}


def queue(job: Queue, seed: int) -> Outcome:
    """Simulates S1 for as long as `job.requests` requests take to arrive on average."""
    return _outcome(hookean.simulate(_queue_scenario(job, seed)))


def day(job: Day, seed: int) -> Outcome:
    """Simulates S2."""
    result = hookean.simulate(_day_scenario(job, seed))
    return _outcome(result, replicas_mean=result.summary["replicas_mean"][0], limited=_limited(result))


def queue_engine_seconds(job: Queue, seed: int) -> float:
    """Returns the wall time of the engine alone on S1."""
    return _engine_seconds(_queue_scenario(job, seed))


def day_engine_seconds(job: Day, seed: int) -> float:
    """Returns the wall time of the engine alone on S2."""
    return _engine_seconds(_day_scenario(job, seed))


def _engine_seconds(scenario: hookean.Scenario) -> float:
    """Times the compiled call: without resolving the scenario and without wrapping the result tables."""
    plan = plan_of(scenario)
    document = plan.json()
    begin = time.perf_counter()
    _core.simulate(document, list(plan.f64_arrays), list(plan.u64_arrays), 1, None)
    return time.perf_counter() - begin


def _service(job: Queue | Day, replicas: int) -> dict[str, Any]:
    return {
        "work": {"distribution": "exponential", "mean": f"{job.service_s}s"},
        "replica": {"cpu": 1, "memory": "64Mi", "concurrency": 1},
        "replicas": replicas,
        "queue": {"discipline": "central_fifo"},
        "termination_grace": "1h",
    }


def _queue_scenario(job: Queue, seed: int) -> hookean.Scenario:
    return hookean.Scenario.model_validate(
        {
            "seed": seed,
            "services": {"web": _service(job, job.servers)},
            "workload": [{"service": "web", "rate": f"{job.rate}/s", "duration": f"{job.requests / job.rate}s"}],
            "platform": _PLATFORM,
        }
    )


def _day_scenario(job: Day, seed: int) -> hookean.Scenario:
    startup = {"startup": {"create": f"{job.startup_s}s"}}
    return hookean.Scenario.model_validate(
        {
            "seed": seed,
            "services": {"web": _service(job, job.first_replicas) | startup},
            "workload": [{"service": "web", "rates": {"step": f"{job.bin_s}s", "values": job.rates}}],
            "platform": _PLATFORM,
            "controllers": [
                {
                    "kind": "hpa",
                    "service": "web",
                    "min": job.smallest,
                    "max": job.largest,
                    "metrics": [{"pods": "requests_per_second", "average_value": job.target_milli / 1000}],
                    "sync_period": f"{job.tick_s}s",
                    "first_sync": "after_period",
                    "tolerance": 0,
                    "downscale_stabilization": f"{job.memory_s}s",
                    "pipeline": {"kind": "ideal", "window": f"{job.tick_s}s"},
                }
            ],
        }
    )


def _limited(result: RunResult) -> int:
    """Counts the decisions that end at the scale-up limit of the HPA, max(2 x current, 4), or might have."""
    current, desired = (result.decisions[column].to_numpy() for column in ("current", "desired"))
    return int(np.count_nonzero((desired > current) & (desired >= np.maximum(2 * current, 4))))


def _outcome(result: RunResult, **more: Any) -> Outcome:
    wait_ns = result.summary["wait_mean"].dt.total_nanoseconds()[0]
    return Outcome([], wait_mean=wait_ns * 1e-9, completed=result.summary["completed"][0], **more)

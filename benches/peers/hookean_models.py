"""The jobs in hookean, as a user writes them: a scenario, `hookean.simulate`, histograms and tables as always."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from outcome import Outcome

import hookean
from hookean import _core
from hookean.simulation import plan_of

if TYPE_CHECKING:
    from jobs import Day, Function, Queue

    from hookean import RunResult

_EXAMPLE = Path(__file__).parents[2] / "examples" / "function-keep-alive.yaml"

_PLATFORM: dict[str, Any] = {
    "kind": "cluster",
    "pools": [
        {"name": "ample", "cpu": 1001, "memory": "64Gi", "price": "0 USD/h", "nodes": 1, "max_replicas": 1001},
    ],
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
    figures = {"replicas_mean": result.summary["replicas_mean"][0]}
    return _outcome(result, figures=figures, limited=lambda: _limited(result))


def function(job: Function, seed: int) -> Outcome:
    """Simulates S10."""
    result = hookean.simulate(_function_scenario(job, seed))
    summary, length_ns = result.summary.row(0, named=True), result.manifest["simulated_ns"]
    created, ended = (result.replicas[moment].to_physical() for moment in ("created", "ended"))
    latency_ns = result.summary["latency_mean"].dt.total_nanoseconds()[0]
    figures = {
        "cold_ratio": summary["replicas_created"] / summary["arrivals"],
        "instances": (ended.fill_null(length_ns) - created).sum() / length_ns,
        "running": latency_ns * summary["completed"] / length_ns,
    }
    return Outcome(figures=figures, completed=summary["completed"])


def queue_engine_seconds(job: Queue, seed: int) -> float:
    """Returns the wall time of the engine alone on S1."""
    return _engine_seconds(_queue_scenario(job, seed))


def day_engine_seconds(job: Day, seed: int) -> float:
    """Returns the wall time of the engine alone on S2."""
    return _engine_seconds(_day_scenario(job, seed))


def function_engine_seconds(job: Function, seed: int) -> float:
    """Returns the wall time of the engine alone on S10."""
    return _engine_seconds(_function_scenario(job, seed))


def _engine_seconds(scenario: hookean.Scenario) -> float:
    """Times the compiled call: without resolving the scenario and without wrapping the result tables."""
    plan = plan_of(scenario)
    document = plan.json()
    begin = time.perf_counter()
    _core.simulate(lambda: document, list(plan.f64_arrays), list(plan.u64_arrays), 1, None)
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
            "workload": [
                {"service": "web", "rate": f"{job.rate}/s", "duration": f"{round(job.requests / job.rate * 1e9)}ns"}
            ],
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


def _function_scenario(job: Function, seed: int) -> hookean.Scenario:
    """The example, which has the numbers of the job, with another length and seed."""
    return hookean.scenario.load_scenario(_EXAMPLE, [f"seed={seed}", f"workload.duration={round(job.length_s)}s"])


def _limited(result: RunResult) -> int:
    """Counts the decisions that end at the scale-up limit of the HPA, max(2 x current, 4), or might have."""
    current, desired = (result.decisions[column].to_numpy() for column in ("current", "desired"))
    return int(np.count_nonzero((desired > current) & (desired >= np.maximum(2 * current, 4))))


def _outcome(result: RunResult, **more: Any) -> Outcome:
    wait_ns = result.summary["wait_mean"].cast(pl.Int64)[0]
    return Outcome(wait_mean=wait_ns * 1e-9, completed=result.summary["completed"][0], **more)

"""A synthetic result with every documented column, for tests of the analysis, the figures and the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from hookean.result import RESULT_SCHEMA
from hookean.result.columns import TABLES

DTYPES = {
    "duration": pl.Duration("ns"),
    "u32": pl.UInt32,
    "u64": pl.UInt64,
    "f64": pl.Float64,
    "bool": pl.Boolean,
    "str": pl.String,
}
SECOND = 1_000_000_000
MINUTE = 60 * SECOND


@dataclass(frozen=True)
class FakeResult:
    """Has the attributes of a `RunResult`."""

    summary: pl.DataFrame
    series: pl.DataFrame
    decisions: pl.DataFrame
    replicas: pl.DataFrame
    nodes: pl.DataFrame
    requests: pl.DataFrame | None
    manifest: dict[str, Any]
    end_to_end: pl.DataFrame | None = None
    faults: pl.DataFrame = field(default_factory=lambda: table("faults", {}, rows=0))
    critical_path: pl.DataFrame | None = None

    def scan(self, table: str) -> pl.LazyFrame:
        """Returns a table, lazily."""
        return getattr(self, table).lazy()


@dataclass(frozen=True)
class Shape:
    """What a synthetic result should look like."""

    name: str = "fake"
    platform: str = "kubernetes-on-metal"
    controller: str = "hpa"
    services: tuple[str, ...] = ("web",)
    minutes: int = 120
    seed: int = 7
    peak_rps: float = 400.0
    lag_intervals: int = 2
    target_utilisation: float = 0.6
    slo: bool = True
    requests: bool = True
    failures: bool = True
    decisions_per_minute: int = 4
    partial: bool = False
    price_usd_per_hour: float = 0.1
    speed_ratio: float = 1.0
    fidelity: str = "exact"
    stage_seconds: dict[str, float] = field(
        default_factory=lambda: {"place": 0.1, "pull": 6.0, "create": 0.8, "init": 9.0}
    )


def table(name: str, data: dict[str, Any], *, rows: int) -> pl.DataFrame:
    """Builds a table with exactly the documented columns; what `data` lacks is null or 0."""
    columns = {}
    for column in TABLES[name]:
        if column.name in data:
            values = data[column.name]
        elif column.nullable:
            values = [None] * rows
        else:
            values = [{"str": "", "bool": False}.get(column.dtype, 0)] * rows
        series = pl.Series(column.name, values)
        columns[column.name] = series.cast(DTYPES[column.dtype])
    return pl.DataFrame(columns)


def _load(shape: Shape, rng: np.random.Generator, scale: float) -> np.ndarray:
    hours = np.arange(shape.minutes) / 60.0
    day = 0.35 + 0.25 * np.sin((hours - 9.0) / 24.0 * 2 * np.pi)
    crowd = 0.9 * np.exp(-(((hours - 0.72 * shape.minutes / 60.0) / 0.18) ** 2))
    rate = shape.peak_rps * scale * np.clip(day + crowd, 0.02, None) * rng.lognormal(0.0, 0.06, shape.minutes)
    return rng.poisson(rate * 60.0) if shape.requests else np.zeros(shape.minutes, dtype=np.int64)


def _service_series(shape: Shape, service: str, scale: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([shape.seed, int(scale * 1000)])
    arrivals = _load(shape, rng, scale)
    offered = arrivals / 60.0 * 0.04 if shape.requests else 2.0 + 6.0 * (np.arange(shape.minutes) % 12 < 8)
    wanted = np.maximum(2, np.ceil(offered / shape.speed_ratio / shape.target_utilisation)).astype(np.int64)
    hold = np.array([wanted[max(0, i - 5) : i + 1].max() for i in range(shape.minutes)])
    ready = np.concatenate([np.full(shape.lag_intervals, hold[0]), hold])[: shape.minutes]
    rho = np.clip(offered / shape.speed_ratio / ready, 0.0, 1.4)
    slow = 0.045 / shape.speed_ratio * (1.0 + 0.4 * rho**4 / np.maximum(0.06, 1.0 - np.minimum(rho, 0.97)))
    failed = np.where(rho > 1.0, arrivals * (1.0 - 1.0 / np.maximum(rho, 1.0)), 0.0).astype(np.int64)
    failed = failed if shape.failures else np.zeros_like(failed)
    return {
        "arrivals": arrivals, "offered": offered, "desired": hold, "ready": ready, "rho": rho, "slow": slow, "failed": failed,
        "service": np.full(shape.minutes, service),
    }  # fmt: skip


def _durations(seconds: np.ndarray, present: np.ndarray) -> list[int | None]:
    return [int(value * SECOND) if ok else None for value, ok in zip(seconds, present, strict=True)]


def _series(shape: Shape, parts: list[dict[str, np.ndarray]]) -> pl.DataFrame:
    frames = []
    for part in parts:
        seen = part["arrivals"] > 0
        good = (part["arrivals"] - part["failed"]) * np.where(part["slow"] * 3.2 < 0.25, 0.997, 0.955)
        data = {
            "time": (np.arange(shape.minutes) + 1) * MINUTE,
            "service": part["service"],
            "arrivals": part["arrivals"],
            "completed": part["arrivals"] - part["failed"],
            "rejected": part["failed"] // 2,
            "timed_out": part["failed"] - part["failed"] // 2,
            "given_up": part["failed"],
            "offered_cores": part["offered"],
            "cpu_cores": np.minimum(part["offered"], part["ready"]),
            "desired": part["desired"],
            "ready": part["ready"],
            "starting": np.maximum(0, part["desired"] - part["ready"]),
            "nodes": part["ready"] // 4 + 1,
            "latency_p50": _durations(part["slow"], seen),
            "latency_p95": _durations(part["slow"] * 2.4, seen),
            "latency_p99": _durations(part["slow"] * 3.2, seen),
            "latency_max": _durations(part["slow"] * 6.0, seen),
            "slo_good": good.astype(np.int64) if shape.slo else [None] * shape.minutes,
        }
        frames.append(table("series", data, rows=shape.minutes))
    return pl.concat(frames).sort("time", "service")


_COUNTED = ("service", "arrivals", "completed", "rejected", "timed_out", "lost", "given_up")


def _summary(shape: Shape, series: pl.DataFrame) -> pl.DataFrame:
    total = series.group_by("service", maintain_order=True).agg(
        pl.col("arrivals", "completed", "rejected", "timed_out", "lost", "given_up", "slo_good").sum(),
        pl.col("offered_cores", "cpu_cores").mean(),
        ready=pl.col("ready").mean(),
        most=pl.col("ready").max(),
        p50=pl.col("latency_p50").median(),
        p95=pl.col("latency_p95").quantile(0.9),
        p99=pl.col("latency_p99").quantile(0.97),
        top=pl.col("latency_max").max(),
    ).sort("service")  # fmt: skip
    ended = total["arrivals"].to_numpy()
    slo = shape.slo
    attainment = [g / n if slo and n else None for g, n in zip(total["slo_good"], ended, strict=True)]
    data = {
        **{name: total[name] for name in _COUNTED},
        "fidelity": [shape.fidelity] * total.height,
        "wait_mean": total["p50"] * 0.1,
        "latency_mean": total["p50"],
        "latency_p50": total["p50"],
        "latency_p90": total["p95"] * 0.9,
        "latency_p95": total["p95"],
        "latency_p99": total["p99"],
        "latency_p999": total["p99"] * 1.6,
        "latency_max": total["top"],
        "slo_latency": [250_000_000 if slo else None] * total.height,
        "slo_target_ratio": [0.99 if slo else None] * total.height,
        "slo_good": total["slo_good"] if slo else [None] * total.height,
        "slo_attainment_ratio": attainment,
        "offered_cores_mean": total["offered_cores"],
        "cpu_cores_mean": total["cpu_cores"],
        "utilisation_mean": total["cpu_cores"] / total["ready"],
        "replicas_mean": total["ready"],
        "replicas_max": total["most"],
        "cost_usd": total["ready"] * shape.minutes / 60.0 * shape.price_usd_per_hour,
    }
    return table("summary", data, rows=total.height)


def _replicas(shape: Shape, parts: list[dict[str, np.ndarray]]) -> pl.DataFrame:
    frames = []
    for part in parts:
        rng = np.random.default_rng(shape.seed)
        changes = np.diff(part["ready"], prepend=0)
        born = np.repeat(np.arange(shape.minutes), np.maximum(changes, 0))
        gone = np.repeat(np.arange(shape.minutes), np.maximum(-changes, 0))
        n = born.size
        stages = {name: rng.lognormal(np.log(s), 0.25, n) for name, s in shape.stage_seconds.items()}
        started = born > 0
        total = sum(stages.values()) if stages else np.zeros(n)
        ready = born * MINUTE
        drained: list[int | None] = [None] * n
        for index, minute in enumerate(gone):
            drained[index] = int(minute) * MINUTE
        data = {
            "replica": np.arange(n),
            "service": [str(part["service"][0])] * n,
            "node": np.arange(n) // 4,
            "created": ready - (total * SECOND * started).astype(np.int64),
            "placed": ready,
            "ready": ready,
            "drained": drained,
            "ended": [None if at is None else at + 5 * SECOND for at in drained],
            **{name: _durations(values, started) for name, values in stages.items()},
            "outcome": ["ready" if at is None else "drained" for at in drained],
            "reason": [None if at is None else "scaled in" for at in drained],
        }
        frames.append(table("replicas", data, rows=n))
    return pl.concat(frames)


def _decisions(shape: Shape, parts: list[dict[str, np.ndarray]]) -> pl.DataFrame:
    frames = []
    for part in parts:
        step = shape.decisions_per_minute
        if not step:
            frames.append(table("decisions", {}, rows=0))
            continue
        n = shape.minutes * step
        minute = np.arange(n) // step
        desired = part["desired"][minute]
        current = np.concatenate([desired[:1], desired[:-1]])
        value = (part["rho"][minute] * 100.0).round(1)
        reason = [
            f"cpu utilisation {v} % against a target of 60 %: {c} x {v} / 60 gives {d}" if c != d
            else f"cpu utilisation {v} % is within the tolerance of 10 %"
            for v, c, d in zip(value, current, desired, strict=True)
        ]  # fmt: skip
        data = {
            "time": np.arange(n) * (MINUTE // step),
            "controller": [shape.controller] * n,
            "service": [str(part["service"][0])] * n,
            "current": current,
            "desired": desired,
            "ready": part["ready"][minute],
            "metric": ["cpu"] * n,
            "value": value,
            "target": [60.0] * n,
            "inputs": ['{"pods": 4, "missing": 0}'] * n,
            "reason": reason,
        }
        frames.append(table("decisions", data, rows=n))
    return pl.concat(frames).sort("time", "service")


def _nodes(shape: Shape, series: pl.DataFrame) -> pl.DataFrame:
    n = int(series["nodes"].max() or 0)
    data = {
        "node": np.arange(n),
        "pool": ["general"] * n,
        "instance": ["aws/m7i.2xlarge"] * n,
        "bought": [0] * n,
        "ready": [0] * n,
        "cpu_cores": [8.0] * n,
        "memory_bytes": [32 << 30] * n,
        "allocatable_cpu_cores": [7.9] * n,
        "allocatable_memory_bytes": [30 << 30] * n,
        "replicas_max": [4] * n,
        "cpu_requested_ratio": [0.5] * n,
        "billed": [shape.minutes * MINUTE] * n,
        "cost_usd": [shape.price_usd_per_hour * shape.minutes / 60.0] * n,
    }
    return table("nodes", data, rows=n)


def _manifest(shape: Shape) -> dict[str, Any]:
    service = {
        "slo_latency_ns": 250_000_000 if shape.slo else None,
        "slo_target_ratio": 0.99 if shape.slo else None,
        "cpu_millicores": 1000,
        "work_mean_ns": 40_000_000,
        "concurrency": 8,
        "discipline": "processor_sharing",
        "speed_ratio": shape.speed_ratio,
    }
    provenance = [
        {"path": "services.web.work.mean", "value": "40ms", "status": "user", "source": "scenario file, line 8"},
        {"path": "platform.start_up.init", "value": "9s", "status": "assumed", "source": "no published measurement"},
        {"path": "platform.start_up.create", "value": "800ms", "status": "measured", "source": "Agache et al., NSDI 2020"},
        {"path": "platform.price", "value": f"{shape.price_usd_per_hour} USD/h", "status": "documented", "source": "price list, 2025-01"},
        {"path": "platform.pull.registry_rate", "value": "250 MB/s", "status": "recalled", "source": "from memory of a talk"},
        {"path": "workload.profile", "value": "worldcup98", "status": "fitted", "source": "traces/profiles, fit error 1.2 %"},
    ]  # fmt: skip
    return {
        "hookean_version": "0.1.0",
        "git_revision": "0123456789abcdef",
        "name": shape.name,
        "seed": shape.seed,
        "plan_digest": "sha256:" + "ab" * 32,
        "result_digest": "sha256:" + "cd" * 32,
        "result_schema": RESULT_SCHEMA,
        "horizon_ns": shape.minutes * MINUTE * (2 if shape.partial else 1),
        "simulated_ns": shape.minutes * MINUTE,
        "platform": shape.platform,
        "platform_text": f"Preset {shape.platform}: nodes aws/m7i.2xlarge",
        "controllers": [{"kind": shape.controller, "service": s, "text": f"{shape.controller}: CPU 60 %"} for s in shape.services],
        "services": {name: dict(service) for name in shape.services},
        "partial": shape.partial,
        "warnings": ["12 replicas waited for room on a node for more than 60 s"] if shape.failures else [],
        "provenance": provenance,
        "checks": [
            {"check": "arrivals = completed + rejected + timed out + lost + in the system", "passed": True, "detail": ""},
            {"check": "cost = sum of billed intervals", "passed": True, "detail": "difference 0 nano-USD"},
        ],
    }  # fmt: skip


def fake_result(**changes: Any) -> FakeResult:
    """Builds a synthetic result; keywords are the fields of `Shape`."""
    shape = Shape(**changes)
    parts = [_service_series(shape, name, 1.0 / (index + 1)) for index, name in enumerate(shape.services)]
    series = _series(shape, parts)
    return FakeResult(
        summary=_summary(shape, series),
        series=series,
        decisions=_decisions(shape, parts),
        replicas=_replicas(shape, parts),
        nodes=_nodes(shape, series),
        requests=None,
        manifest=_manifest(shape),
    )


def world_cup_day(minutes: int = 1440) -> dict[str, FakeResult]:
    """Builds three contenders of a day with a flash crowd."""
    return {
        "VM fleet, target tracking": fake_result(
            name="fleet", platform="vm-fleet", controller="ec2-target-tracking", minutes=minutes, lag_intervals=9, target_utilisation=0.8,
            decisions_per_minute=1, price_usd_per_hour=0.1, speed_ratio=0.95,
            stage_seconds={"place": 0.1, "provision": 21.0, "boot": 38.0, "init": 9.0},
        ),
        "Containers on metal, HPA": fake_result(
            name="metal", platform="kubernetes-on-metal", minutes=minutes, lag_intervals=1, target_utilisation=0.65, price_usd_per_hour=0.14,
        ),
        "Containers in VMs, HPA": fake_result(
            name="vms", platform="kubernetes-on-vms", minutes=minutes, lag_intervals=2, price_usd_per_hour=0.12,
            speed_ratio=0.95, stage_seconds={"place": 0.2, "pull": 11.0, "create": 1.1, "init": 9.5}, failures=False,
        ),
    }  # fmt: skip

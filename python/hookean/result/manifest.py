"""The manifest of a result: what was run, by which version, and what the numbers rest on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hookean.result.store import RESULT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hookean.plan import Plan
    from hookean.plan.plan import Descriptions
    from hookean.scenario.provenance import Known


def build_manifest(plan: Plan, info: Mapping[str, Any], *, version: str, revision: str) -> dict[str, Any]:
    """Returns the manifest of one run, to which `with_provenance` adds the list of parameters.

    Args:
        plan: What was simulated.
        info: What the engine says about the run.
        version: Version of hookean.
        revision: Its git revision, or `unknown`.
    """
    content = plan.document
    platform = content["platform"]
    return {
        "hookean_version": version,
        "git_revision": revision,
        "result_schema": RESULT_SCHEMA,
        "name": content["name"],
        "seed": content["seed"],
        "plan_digest": plan.digest,
        "result_digest": info["result_digest"],
        "horizon_ns": content["horizon_ns"],
        "simulated_ns": info["simulated_ns"],
        "platform": platform["preset"],
        "platform_text": plan.descriptions["platform"],
        "controllers": _controllers(content, plan.descriptions),
        "services": _services(content),
        "partial": info["partial"],
        "warnings": [*plan.warnings, *info["warnings"]],
        "checks": info["checks"],
    }


def with_provenance(manifest: Mapping[str, Any], parameters: Iterable[tuple[str, Known]]) -> dict[str, Any]:
    """Returns a manifest that says where every parameter comes from.

    Args:
        manifest: What `build_manifest` returned.
        parameters: The parameters of the plan.
    """
    provenance = [
        {"path": path, "value": each.text, "status": each.status, "source": each.source} for path, each in parameters
    ]
    return {**manifest, "provenance": provenance}


def _controllers(content: Mapping[str, Any], texts: Descriptions) -> list[dict[str, str]]:
    """What scales services, then what scales pools."""
    services = [service["name"] for service in content["services"]]
    pools = [pool["name"] for pool in content["platform"]["pools"]]
    of_services = [
        {"kind": each["kind"], "service": services[each["service"]], "text": text}
        for each, text in zip(content["controllers"], texts["controllers"], strict=True)
    ]
    of_pools = [
        {"kind": each["kind"], "pool": pools[each["pool"]], "text": text}
        for each, text in zip(content["node_controllers"], texts["node_controllers"], strict=True)
    ]
    return of_services + of_pools


def _services(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns what the analysis needs to know of each service.

    There may be very many: what few of them have is said of these alone.
    """
    speed = content["platform"]["pools"][0]["speed_ratio"]
    services = [_service(service, speed) for service in content["services"]]
    for each in content["workloads"]:
        if each["source"]["source"] == "load":
            services[each["service"]]["speed_ratio"] = 1.0  # a fluid load is CPU in use, whatever its speed
    for each in content["calls"]:
        if each["hold"]:
            services[each["service"]]["holds"] = True
    for each in content["resizes"]:
        size = {"at_ns": each["at_ns"], "cpu_millicores": each["cpu_millicores"]}
        services[each["service"]].setdefault("resizes", []).append(size)
    names = (service["name"] for service in content["services"])
    return dict(zip(names, services, strict=True))


def _service(service: Mapping[str, Any], speed_ratio: float) -> dict[str, Any]:
    slo = service["slo"] or {"latency_ns": None, "target_ratio": None}
    found = {
        "slo_latency_ns": slo["latency_ns"],
        "slo_target_ratio": slo["target_ratio"],
        "cpu_millicores": service["replica"]["cpu_millicores"],
        "work_mean_ns": mean_ns(service["work"]) * _work_factor(service["classes"]),
        "concurrency": service["replica"]["concurrency"],
        "discipline": service["queue"]["discipline"],
        "speed_ratio": speed_ratio,
        "fidelity": service["fidelity"]["tier"],
        "bin_ns": service["fidelity"].get("bin_ns"),
    }
    quota = service["replica"]["cpu_quota"]
    if quota is not None:
        found["cpu_limit_millicores"] = 1000.0 * quota["quota_ns"] / quota["period_ns"]
        found["cores_millicores"] = quota["cores_millicores"]
    if service["created_at_ns"] > 0:
        found["start_ns"] = service["created_at_ns"]
    return found


def _work_factor(classes: Sequence[Mapping[str, Any]]) -> float:
    """Mean factor of work over the requests of all classes."""
    return math.fsum(each["share"] * each["work_factor"] for each in classes) if classes else 1.0


def mean_ns(distribution: Mapping[str, Any]) -> float:
    """Returns the mean of a distribution of the plan, in nanoseconds.

    Args:
        distribution: Its entry in the plan.
    """
    return _MEANS[distribution["distribution"]](distribution)


_MEANS: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "constant": lambda of: float(of["value_ns"]),
    "uniform": lambda of: (of["low_ns"] + of["high_ns"]) / 2,
    "exponential": lambda of: float(of["mean_ns"]),
    "lognormal": lambda of: of["median_ns"] * math.exp(of["sigma"] ** 2 / 2),
    "erlang": lambda of: float(of["mean_ns"]),
    "hyperexponential": lambda of: _weighted_sum(of["means_ns"], of["weights"]),
    "gamma": lambda of: float(of["mean_ns"]),
    "weibull": lambda of: float(of["mean_ns"]),
    "pareto": lambda of: _pareto_mean(of["low_ns"], of["high_ns"], of["shape"]),
    "empirical": lambda of: _weighted_sum(of["values_ns"], of["weights"]) / math.fsum(of["weights"]),
}


def _weighted_sum(values: Sequence[int], weights: Sequence[float]) -> float:
    return math.fsum(value * weight for value, weight in zip(values, weights, strict=True))


def _pareto_mean(low: int, high: int, shape: float) -> float:
    """Mean of the bounded Pareto; the integrals of x^-shape and x^-(shape + 1), both divided by powers of `low`."""
    span = math.log(high / low)
    return low * _integral(1 - shape, span) / _integral(-shape, span) if span else float(low)


def _integral(power: float, span: float) -> float:
    """Integral of exp(power t) for t from 0 to `span`."""
    return math.expm1(power * span) / power if power else span

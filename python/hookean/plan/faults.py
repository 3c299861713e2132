"""The faults of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookean.scenario.fault import NodeLoss, ReplicaCrash, SlowDown
from hookean.scenario.fields import FieldError
from hookean.scenario.provenance import Fixed, Known, known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hookean.scenario.distribution import Distribution
    from hookean.scenario.fault import AnyFault
    from hookean.scenario.service import Service


def fault_tree(fault: AnyFault, services: Sequence[str]) -> dict[str, Any]:
    """Returns a fault as the plan writes it, with provenance.

    Args:
        fault: The fault as written.
        services: Names of the services in the order of the plan.
    """
    return {
        "name": Fixed(fault.label),
        "effect": _effect(fault),
        "target": _target(fault, services),
        "times": _times(fault),
        "duration": _duration(fault),
    }


def check_node(fault: AnyFault, nodes: int) -> None:
    """Checks that the node a fault names is there.

    Args:
        fault: The fault as written.
        nodes: Fixed nodes of the platform.

    Raises:
        FieldError: It is not.
    """
    node = getattr(fault, "node", None)
    if isinstance(node, int) and node >= nodes:
        there = f"nodes are numbered 0 to {nodes - 1}" if nodes else "it has none"
        raise FieldError(f"the platform has no node {node}", hint=there, at=["node"])


def check_service(fault: AnyFault, services: Mapping[str, Service]) -> None:
    """Checks that a fault strikes the replicas of a single service.

    Args:
        fault: The fault as written.
        services: The services by name.

    Raises:
        FieldError: It names a group.
    """
    name = getattr(fault, "service", None)
    if name is not None and services[name].count is not None:
        hint = "strike nodes, or write the service without `count`"
        raise FieldError(f"`{name}` is a group of services", hint=hint, at=["service"])


def _effect(fault: AnyFault) -> dict[str, Any]:
    effect: dict[str, Any] = {"kind": Fixed(fault.kind)}
    if isinstance(fault, (NodeLoss, ReplicaCrash)):
        effect["requests"] = known(fault, "requests", value=fault.requests)
    if isinstance(fault, ReplicaCrash):
        effect["recovery"] = known(fault, "recovery", value=fault.recovery)
    if isinstance(fault, SlowDown):
        effect["speed_ratio"] = Known(fault.factor, f"{fault.factor:g}", "user", "scenario")
    return effect


def _target(fault: AnyFault, services: Sequence[str]) -> dict[str, Any]:
    service = getattr(fault, "service", None)
    if service is None:
        return {"of": Fixed("node"), "node": _chosen(fault, "node")}
    return {
        "of": Fixed("replica"),
        "service": Fixed(services.index(service)),
        "replica": _chosen(fault, "replica"),
    }


def _chosen(fault: AnyFault, name: str) -> Known | Fixed:
    chosen = getattr(fault, name)
    if isinstance(chosen, int):
        return Known(chosen, str(chosen), "user", "scenario")
    if fault.between is not None:
        return Fixed(None)
    if chosen is not None and name in fault.model_fields_set:
        return Known(None, "random", "user", "scenario")
    return Known(None, "random", "assumed", "no one was named")


def _times(fault: AnyFault) -> dict[str, Any]:
    if fault.at is not None:
        return {"when": Fixed("at"), "at_ns": Known(fault.at.nanos, str(fault.at), "user", "scenario")}
    if fault.between is None:
        raise LookupError("a fault without time passed validation")
    return {"when": Fixed("random"), "between": _given(fault.between)}


def _given(law: Distribution) -> Known:
    return Known(law.plan(), law.describe(), "user", "scenario")


def _duration(fault: AnyFault) -> Known:
    name = {NodeLoss: "repair", ReplicaCrash: "restart"}.get(type(fault), "duration")
    law = getattr(fault, name)
    if law is not None:
        return _given(law)
    return known(fault, name, value=None, text="for good" if name == "repair" else "the start-up")

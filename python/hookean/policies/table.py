"""The table of controllers: validation, JSON schema, `hookean list controllers` and the tests read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field

from .ec2_target_tracking import Ec2TargetTracking
from .hpa import Hpa
from .on_demand import OnDemand
from .python import AnyPythonPolicy, PythonPolicy
from .static import Static
from .thresholds import Thresholds

if TYPE_CHECKING:
    from .base import Controller


@dataclass(frozen=True)
class ControllerEntry:
    """One controller.

    Attributes:
        name: Its `kind` in a scenario.
        summary: One sentence.
        model: How a scenario writes it.
        vectors: Folder of its conformance vectors in `tests/conformance`, or `None` when there are none.
        specification: What its decisions follow.
    """

    name: str
    summary: str
    model: type[Controller]
    vectors: str | None
    specification: str


CONTROLLERS: tuple[ControllerEntry, ...] = (
    ControllerEntry(
        "hpa",
        "Kubernetes Horizontal Pod Autoscaler, decision for decision.",
        Hpa,
        "hpa",
        "Kubernetes pkg/controller/podautoscaler, development of v1.38",
    ),
    ControllerEntry(
        "ec2-target-tracking",
        "EC2 Auto Scaling target tracking: alarm pair, warm-up, proportional capacity.",
        Ec2TargetTracking,
        None,
        "Amazon EC2 Auto Scaling user guide and API model; AWS publishes no test vectors",
    ),
    ControllerEntry(
        "on-demand",
        "A replica for each request that finds no place, until it has idled for its keep-alive; scales to zero.",
        OnDemand,
        "queueing",
        "function services as in SimFaaS (Mahmoudi and Khazaei, 2021), with one queue of waiting requests",
    ),
    ControllerEntry(
        "static", "A fixed number of replicas, the baseline of every comparison.", Static, None, "its own definition"
    ),
    ControllerEntry(
        "thresholds",
        "Levels of the number of requests at which a replica is added or removed, at once, with hysteresis.",
        Thresholds,
        "queueing",
        "Lui and Golubchik (1999); Gandhi, Harchol-Balter and Adan (2010)",
    ),
    ControllerEntry(
        "python",
        "A policy written in Python: `decide(obs)` or `decide_all(obs)` for replicas, `decide_nodes(obs)` for nodes.",
        PythonPolicy,
        None,
        "whatever the class says",
    ),
)

AnyController: TypeAlias = Annotated[
    Hpa | Ec2TargetTracking | OnDemand | Static | Thresholds | AnyPythonPolicy, Field(discriminator="kind")
]

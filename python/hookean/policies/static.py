"""A fixed number of replicas."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from hookean.scenario.fields import Count, Origin
from hookean.scenario.provenance import Fixed, Known, known
from hookean.scenario.units import Duration

from .base import EngineController
from .pipeline import AnyPipeline, IdealPipeline


class Static(EngineController):
    """Holds a number of replicas, and puts back what something else changed."""

    kind: Literal["static"] = "static"
    replicas: Count
    """The number to hold."""
    check_period: Annotated[Duration, Origin("assumed", "how soon a lost replica is noticed")] = Duration(
        15_000_000_000
    )
    """How often it looks."""
    pipeline: AnyPipeline = IdealPipeline()
    """What feeds it."""

    def config(self) -> dict[str, Any]:
        """Returns the configuration that the decision function reads, with provenance."""
        return {"replicas": known(self, "replicas", value=self.replicas)}

    def period_plan(self) -> Known:
        """Returns the period of its loop, in nanoseconds, with provenance."""
        return known(self, "check_period", value=self.check_period.nanos)

    def phase_plan(self) -> Known | Fixed:
        """Returns its first tick in nanoseconds from the creation of the service, with provenance."""
        return Fixed(0)

    def initial_replicas(self) -> int:
        """Returns the replicas its service has at creation when nothing else says."""
        return self.replicas

    def describe(self) -> str:
        """Returns the controller and its most telling settings in a few words."""
        return f"static, {self.replicas} replicas"

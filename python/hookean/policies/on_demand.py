"""Replicas on demand: a request that finds no place starts one, an idle one goes when its keep-alive is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import model_validator

from hookean.scenario.distribution import Constant, Distribution
from hookean.scenario.fields import Count, FieldError, Origin, PositiveCount
from hookean.scenario.provenance import known
from hookean.scenario.units import Duration

from .base import ReactiveController, check_bounds
from .pipeline import AnyPipeline, IdealPipeline

if TYPE_CHECKING:
    from hookean.scenario.service import Service


class OnDemand(ReactiveController):
    """Function-service semantics: scale from zero by request, and back to zero when idle."""

    kind: Literal["on-demand"] = "on-demand"
    min: Annotated[Count, Origin("documented", "function services scale to zero unless told otherwise")] = 0
    """Replicas that are kept however long they idle."""
    max: PositiveCount
    """Most replicas at a time; requests beyond them wait."""
    keep_alive: Annotated[
        Distribution,
        Origin("assumed", "ten minutes, as simulation studies of AWS Lambda take it; providers promise none"),
    ] = Constant(value=Duration(600_000_000_000))
    """How long an idle replica is kept. Each has a timer of its own; 0 removes it as soon as no request waits. One that
    is distributed is drawn anew each time a replica becomes idle."""
    pipeline: AnyPipeline = IdealPipeline()
    """Has no effect: requests themselves wake it."""

    @model_validator(mode="after")
    def _sound(self) -> OnDemand:
        check_bounds(self.min, self.max)
        return self

    def check_service(self, service: Service) -> None:
        """Checks that requests wait in one queue, where the next free replica takes them.

        Raises:
            FieldError: They wait at single replicas, or may not wait at all; the path is below the service.
        """
        if not service.queue.is_central:
            raise FieldError(
                f"`{self.name}` needs one queue for all replicas, in which a request waits for the replica it starts",
                hint="set `queue: {discipline: central_fifo, routing: newest}`",
                at=["queue", "discipline"],
            )
        if service.queue.limit == 0:
            raise FieldError(
                f"`limit: 0` rejects every request that would have to wait for the replica that `{self.name}` starts",
                hint="give the queue room for one request at least",
                at=["queue", "limit"],
            )

    def config(self) -> dict[str, Any]:
        """Returns the configuration that the decision function reads, with provenance."""
        law = self.keep_alive.plan()
        name, value = ("keep_alive_ns", law["value_ns"]) if law["distribution"] == "constant" else ("keep_alive", law)
        return {
            "min": known(self, "min", value=self.min),
            "max": known(self, "max", value=self.max),
            name: known(self, "keep_alive", value=value, text=self.keep_alive.describe()),
        }

    def initial_replicas(self) -> int:
        """Returns the replicas its service has at creation when nothing else says."""
        return self.min

    def describe(self) -> str:
        """Returns the controller and its most telling settings in a few words."""
        return f"on demand, {self.min} to {self.max} replicas, keep-alive {self.keep_alive.describe()}"

"""Thresholds on the number of requests, crossed by the request that does it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import model_validator

from hookean.scenario.fields import Count, FieldError, Origin, PositiveCount
from hookean.scenario.provenance import Known, known

from .base import ReactiveController, check_bounds
from .pipeline import AnyPipeline, IdealPipeline


class Thresholds(ReactiveController):
    """Adds a replica when the requests rise above a level, removes one when they fall to another, at once."""

    kind: Literal["thresholds"] = "thresholds"
    min: Annotated[Count, Origin("assumed", "one replica is always there")] = 1
    """Fewest replicas."""
    max: PositiveCount
    """Most replicas."""
    count: Annotated[
        Literal["in_system", "waiting"], Origin("assumed", "levels count the requests waiting or in service")
    ] = "in_system"
    """The requests that are counted: `in_system`, those waiting or in service; or only those `waiting`."""
    per_replica: PositiveCount | None = None
    """This many requests for each replica: `ceil(requests / per_replica)` replicas. Or give `up` and `down`."""
    up: tuple[Count, ...] | None = None
    """Levels from `min` to `max`: more requests than the first make it one replica more than `min`, and so on."""
    down: tuple[Count, ...] | None = None
    """Levels as those in `up`: with at most so many requests the replica goes again. At most those in `up`."""
    starting_max: Annotated[PositiveCount | None, Origin("assumed", "every replica that is wanted starts at once")] = (
        None
    )
    """Most replicas that start at a time (staggered start-up)."""
    pipeline: AnyPipeline = IdealPipeline()
    """Has no effect: requests themselves wake it."""

    @model_validator(mode="after")
    def _sound(self) -> Thresholds:
        check_bounds(self.min, self.max)
        if self.per_replica is not None:
            if self.up is not None or self.down is not None:
                raise FieldError("give either `per_replica`, or `up` and `down`", at=["per_replica"])
            return self
        if self.up is None or self.down is None:
            raise FieldError(
                "levels are missing",
                hint="`per_replica: 4`, or `up` and `down`, such as `up: [3, 6]` and `down: [1, 3]` for 1 to 3",
            )
        for name, levels in (("up", self.up), ("down", self.down)):
            self._check_levels(name, levels)
        for step, (up, down) in enumerate(zip(self.up, self.down, strict=True)):
            if down > up:
                raise FieldError(
                    f"the replica that {up} requests do not need yet would stay until there are {down}",
                    hint="a level in `down` is at most its counterpart in `up`",
                    at=["down", step],
                )
        return self

    def _check_levels(self, name: str, levels: tuple[int, ...]) -> None:
        steps = self.max - self.min
        if len(levels) != steps:
            raise FieldError(
                f"`{name}` has {len(levels)} levels; from {self.min} to {self.max} replicas there are {steps} steps",
                at=[name],
            )
        if list(levels) != sorted(levels):
            raise FieldError(f"the levels in `{name}` do not ascend", at=[name])

    def config(self) -> dict[str, Any]:
        """Returns the configuration that the decision function reads, with provenance."""
        most = self.starting_max
        return {
            "min": known(self, "min", value=self.min),
            "max": known(self, "max", value=self.max),
            "counted": known(self, "count", value=self.count),
            "levels": self._levels(),
            "starting_max": known(self, "starting_max", value=most, text="all" if most is None else str(most)),
        }

    def _levels(self) -> Known:
        if self.per_replica is not None:
            value: dict[str, Any] = {"levels": "per_replica", "requests": self.per_replica}
        else:
            value = {"levels": "each", "up": list(self.up or ()), "down": list(self.down or ())}
        return Known(value, self._levels_text(), "user", "scenario")

    def _levels_text(self) -> str:
        if self.per_replica is not None:
            return f"{self.per_replica} per replica"
        return f"up at {list(self.up or ())}, down at {list(self.down or ())}"

    def initial_replicas(self) -> int:
        """Returns the replicas its service has at creation when nothing else says."""
        return self.min

    def describe(self) -> str:
        """Returns the controller and its most telling settings in a few words."""
        counted = "waiting" if self.count == "waiting" else "in the system"
        return f"thresholds on requests {counted}, {self._levels_text()}, {self.min} to {self.max} replicas"

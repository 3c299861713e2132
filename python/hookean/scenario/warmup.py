"""Warm-up: how fast the cores of a replica are after it has become ready, until caches and compilers have caught up.

A curve is a list of steps, or a ramp that is resolved to steps: the engine knows piecewise constant speeds only, and is
exact with them.
"""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.fields import FieldError, Model, Origin, PositiveCount, Share
from hookean.scenario.units import Duration, as_written

Step: TypeAlias = tuple[int, float]
"""Age in nanoseconds, and the speed from then on."""

_TIME_CONSTANTS = 3


class WarmupStep(Model):
    """A step of a warm-up."""

    age: Duration
    """Time since the replica became ready."""
    speed: Share
    """Speed of its cores from then on / speed of a warm replica."""


class WarmupRamp(Model):
    """A ramp to full speed, in equal steps of the mean speed over each."""

    from_: Annotated[Share, Field(alias="from")]
    """Speed at readiness / speed of a warm replica."""
    over: Duration
    """Time from readiness to full speed."""
    shape: Annotated[Literal["linear", "exponential"], Origin("assumed", "no curve was measured")] = "linear"
    """`linear`, or `exponential` with a third of `over` as its time constant."""
    steps: Annotated[PositiveCount, Field(le=1000), Origin("assumed", "fine enough for a ramp")] = 10
    """Number of steps."""

    @model_validator(mode="after")
    def _long_enough(self) -> WarmupRamp:
        if self.over.nanos < self.steps:
            raise FieldError(f"`over` ({self.over}) is too short for {self.steps} steps", at=["over"])
        return self

    def plan(self) -> list[Step]:
        """Returns the steps; each has the mean speed of the ramp over it."""
        missing = 1 - Decimal(repr(self.from_))
        means = (1 - missing * self._missing(Decimal(k) / self.steps) for k in range(self.steps))
        ages = (self.over.nanos * k // self.steps for k in range(self.steps))
        return [*zip(ages, map(float, means), strict=True), (self.over.nanos, 1.0)]

    def _missing(self, begin: Decimal) -> Decimal:
        """Mean share of the missing speed that is still missing in the step that begins at a part of the ramp."""
        length = Decimal(1) / self.steps
        if self.shape == "linear":
            return 1 - begin - length / 2
        rate = Decimal(_TIME_CONSTANTS)
        return ((-rate * begin).exp() - (-rate * (begin + length)).exp()) / (rate * length)

    def describe(self) -> str:
        """Returns the ramp in words."""
        return f"from {self.from_:g} over {self.over}, {self.shape}, {self.steps} steps"


def _warmup(value: object) -> object:
    if isinstance(value, dict):
        return WarmupRamp(**value)
    if isinstance(value, (list, tuple)):
        return _ascending(tuple(each if isinstance(each, WarmupStep) else WarmupStep(**each) for each in value))
    if value is None or isinstance(value, WarmupRamp):
        return value
    raise FieldError(
        f"expected steps or a ramp, got {as_written(value)}",
        hint="`warmup: {from: 0.3, over: 2min}`, or `warmup: [{age: 0s, speed: 0.3}, {age: 2min, speed: 1}]`",
    )


def _ascending(steps: tuple[WarmupStep, ...]) -> tuple[WarmupStep, ...]:
    ages = [step.age.nanos for step in steps]
    if ages[:1] != [0]:
        raise FieldError("a warm-up begins at `age: 0s`")
    if any(later <= earlier for earlier, later in itertools.pairwise(ages)):
        raise FieldError("the ages of a warm-up ascend")
    return steps


Warmup: TypeAlias = Annotated[
    tuple[WarmupStep, ...] | WarmupRamp | None,
    BeforeValidator(_warmup, json_schema_input_type=list[WarmupStep] | WarmupRamp | None),
]
"""A warm-up, as steps or as a ramp."""


def warmup_plan(warmup: Warmup) -> list[dict[str, int | float]]:
    """Returns a warm-up as the plan writes it."""
    if warmup is None:
        return []
    steps = warmup.plan() if isinstance(warmup, WarmupRamp) else [(step.age.nanos, step.speed) for step in warmup]
    return [{"age_ns": age, "speed_ratio": speed} for age, speed in steps]


def warmup_text(warmup: Warmup) -> str:
    """Returns a warm-up in words."""
    if warmup is None:
        return "none"
    if isinstance(warmup, WarmupRamp):
        return warmup.describe()
    return ", ".join(f"{step.speed:g} from {step.age}" for step in warmup)

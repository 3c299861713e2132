"""EC2 Auto Scaling with target tracking policies as a scenario writes it; defaults are those of the service."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from hookean.scenario.fields import Count, FieldError, Flag, Model, Origin, Percent, Positive, PositiveCount, Share
from hookean.scenario.provenance import Fixed, Known, known
from hookean.scenario.units import Duration

from .base import EngineController, check_bounds, check_positive
from .pipeline import AnyPipeline, CloudwatchPipeline

_SECOND = 1_000_000_000
_GUIDE = "Amazon EC2 Auto Scaling user guide"
_OBSERVED = "observed alarm settings: aws-samples/amazon-aurora-labs-for-mysql issue 3"


class TargetPolicy(Model):
    """One target tracking policy."""

    metric: Literal["cpu", "request_count_per_target"]
    """`cpu`: average CPU utilisation in percent; `request_count_per_target`: requests per instance and minute."""
    target: Positive
    """The value to hold, in the metric's own unit."""
    disable_scale_in: Annotated[Flag, Origin("documented", "Auto Scaling API: DisableScaleIn is off by default")] = (
        False
    )
    """Whether this policy only ever scales out."""

    def plan(self) -> dict[str, Any]:
        """Returns the policy as the decision function reads it, with provenance."""
        return {
            "metric": known(self, "metric", value=self.metric),
            "target": known(self, "target", value=self.target, text=self.describe()),
            "disable_scale_in": known(self, "disable_scale_in", value=self.disable_scale_in),
        }

    def describe(self) -> str:
        """Returns the policy in words."""
        return f"CPU {self.target:g} %" if self.metric == "cpu" else f"{self.target:g} requests per instance and minute"


class Ec2TargetTracking(EngineController):
    """EC2 Auto Scaling, target tracking: an alarm pair, warm-up, proportional capacity."""

    PLATFORMS: ClassVar[tuple[str, ...]] = ("fleet",)
    PIPELINES: ClassVar[tuple[str, ...]] = ("cloudwatch",)
    ELSEWHERE: ClassVar[str] = "`hpa` scales the replicas of a cluster"

    kind: Literal["ec2-target-tracking"] = "ec2-target-tracking"
    min: Count
    """Smallest desired capacity."""
    max: PositiveCount
    """Largest desired capacity."""
    target: Percent | None = None
    """Target CPU utilisation in percent; or give `policies`."""
    policies: Annotated[tuple[TargetPolicy, ...], Field(min_length=1)] | None = None
    """Several target tracking policies."""
    instance_warmup: Annotated[Duration, Origin("documented", f"{_GUIDE}: the default cooldown stands in")] = Duration(
        300 * _SECOND
    )
    """How long an instance in service is still warming and stays out of the group's metrics."""
    period: Annotated[Duration, Origin("documented", "Auto Scaling API: metric period, default 60 s")] = Duration(
        60 * _SECOND
    )
    """Length of a datapoint, and period of the evaluation."""
    high_datapoints: Annotated[PositiveCount, Origin("documented", _OBSERVED)] = 3
    """The high alarm fires after this many datapoints above the target."""
    low_datapoints: Annotated[PositiveCount, Origin("documented", _OBSERVED)] = 15
    """The low alarm fires after this many datapoints below the low threshold."""
    low_factor: Annotated[
        Share, Origin("assumed", "the low threshold is said to be more than 10 % below the target; factor unverified")
    ] = 0.9
    """The low threshold as a share of the target."""
    alarm_repeat: Annotated[
        Duration, Origin("assumed", "CloudWatch repeats an action about once per minute; unverified")
    ] = Duration(60 * _SECOND)
    """An alarm that stays on acts again after this time."""
    pipeline: AnyPipeline = CloudwatchPipeline()
    """What feeds it; the period of a `cloudwatch` pipeline follows `period`."""

    @model_validator(mode="after")
    def _sound(self) -> Ec2TargetTracking:
        check_bounds(self.min, self.max)
        check_positive(self, "period", "alarm_repeat")
        if (self.target is None) == (self.policies is None):
            raise FieldError("give either `target` or `policies`", hint="for example `target: 60` for 60 % CPU")
        own = self.pipeline
        if isinstance(own, CloudwatchPipeline) and "period" in own.model_fields_set and own.period != self.period:
            raise FieldError(
                f"the pipeline's period ({own.period}) differs from the controller's ({self.period})",
                hint="set `period` of the controller only; the pipeline follows",
                at=["pipeline", "period"],
            )
        return self

    def tracked(self) -> tuple[TargetPolicy, ...]:
        """Returns the policies, those given by `target` included."""
        if self.policies is not None:
            return self.policies
        return (TargetPolicy(metric="cpu", target=self.target),)

    def config(self) -> dict[str, Any]:
        """Returns the configuration that the decision function reads, with provenance."""
        spans = ("period", "alarm_repeat", "instance_warmup")
        return {
            "min": known(self, "min", value=self.min),
            "max": known(self, "max", value=self.max),
            "policies": [policy.plan() for policy in self.tracked()],
            **{name: known(self, name, value=getattr(self, name)) for name in _NUMBERS},
            **{f"{name}_ns": known(self, name, value=getattr(self, name).nanos) for name in spans},
        }

    def pipeline_plan(self) -> dict[str, Any]:
        """Returns the pipeline as the plan writes it, its period that of the controller."""
        plan = self.pipeline.plan()
        return plan | {"period_ns": self.period_plan()} if isinstance(self.pipeline, CloudwatchPipeline) else plan

    def period_plan(self) -> Known:
        """Returns the period of its loop, in nanoseconds, with provenance."""
        return known(self, "period", value=self.period.nanos)

    def phase_plan(self) -> Known | Fixed:
        """Returns its first tick in nanoseconds from the creation of the service, with provenance."""
        return Fixed(0)

    def initial_replicas(self) -> int:
        """Returns the replicas its service has at creation when nothing else says."""
        return self.min

    def describe(self) -> str:
        """Returns the controller and its most telling settings in a few words."""
        targets = ", ".join(policy.describe() for policy in self.tracked())
        return f"EC2 target tracking, {targets}, {self.min} to {self.max} instances"


_NUMBERS = ("high_datapoints", "low_datapoints", "low_factor")

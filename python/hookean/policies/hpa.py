"""The Kubernetes Horizontal Pod Autoscaler as a scenario writes it; defaults are those of the controller."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from hookean.scenario.fields import Count, FieldError, Flag, Model, NotNegative, Origin, PositiveCount
from hookean.scenario.provenance import Fixed, Known, known
from hookean.scenario.units import Cpu, Duration, Memory, Rate, UnitError

from .base import EngineController, check_bounds, check_positive
from .hpa_behavior import HpaBehavior
from .pipeline import AnyPipeline, KubernetesPipeline

_SECOND = 1_000_000_000
_CONTROLLER = "Kubernetes: pkg/controller/podautoscaler/config/v1alpha1/defaults.go"


class HpaMetric(Model):
    """One metric: a resource of the pod, or a rate of requests per pod."""

    resource: Literal["cpu", "memory"] | None = None
    """A resource of the pod; needs `utilization` or `average_value`."""
    pods: Literal["requests_per_second"] | None = None
    """A custom metric of each pod; needs `average_value`."""
    utilization: PositiveCount | None = None
    """Target in percent of the request."""
    average_value: Annotated[Any, Field(json_schema_extra={"type": ["string", "number"]})] = None
    """Target per pod: CPU (`500m`), memory (`300Mi`), or requests per second (`100`)."""

    @field_validator("average_value", mode="plain", json_schema_input_type=str | float | None)
    @classmethod
    def _in_its_unit(cls, value: object, info: ValidationInfo) -> object:
        if value is None:
            return None
        if info.data.get("resource") == "memory":
            return Memory.parse(value)
        if info.data.get("resource") == "cpu":
            return Cpu.parse(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return Rate.parse(f"{value}/s")
        return Rate.parse(value)

    @model_validator(mode="after")
    def _one_target(self) -> HpaMetric:
        if (self.resource is None) == (self.pods is None):
            raise FieldError("a metric is either a `resource` or a `pods` metric", hint=_METRIC_HINT)
        if self.pods is not None and self.utilization is not None:
            raise FieldError(
                "a `pods` metric has no `utilization`", hint="give it an `average_value`", at=["utilization"]
            )
        if (self.utilization is None) == (self.average_value is None):
            raise FieldError("a metric needs one target: `utilization` or `average_value`", hint=_METRIC_HINT)
        if self.average_value is not None and self.milli() <= 0:
            raise FieldError("the target of a metric must be above 0", at=["average_value"])
        return self

    def milli(self) -> int:
        """Returns the average value in milli-units: millicores, milli-bytes or thousandths of a request per second."""
        target = self.average_value
        if isinstance(target, Cpu):
            return target.millicores
        if isinstance(target, Memory):
            return target.bytes * 1000
        value = Decimal(target.base) * 1000 / Rate.UNITS["/s"]
        if value != value.to_integral_value():
            raise UnitError(f"`{target}` is finer than thousandths of a request per second", hint="round it")
        return int(value)

    def plan(self) -> dict[str, Any]:
        """Returns the metric as the decision function reads it."""
        if self.pods is not None:
            return {"type": "pods", "name": self.pods, "average_value_milli": self.milli()}
        target = (
            {"utilization_percent": self.utilization}
            if self.utilization is not None
            else {"average_value_milli": self.milli()}
        )
        return {"type": "resource", "resource": self.resource, "target": target}

    def describe(self) -> str:
        """Returns the metric in words."""
        if self.utilization is not None:
            return f"{self.resource} {self.utilization} %"
        return f"{self.resource or 'requests'} {self.average_value} per pod"


_METRIC_HINT = "for example `{resource: cpu, utilization: 60}` or `{pods: requests_per_second, average_value: 100}`"
_DEFAULT_METRICS = (HpaMetric(resource="cpu", utilization=80),)


class HpaGates(Model):
    """Feature gates that change decisions."""

    scale_to_zero: Annotated[Flag, Origin("documented", "HPAScaleToZero is on from Kubernetes 1.37")] = True
    """`HPAScaleToZero`."""
    configurable_tolerance: Annotated[
        Flag, Origin("documented", "HPAConfigurableTolerance is on from Kubernetes 1.35")
    ] = True
    """`HPAConfigurableTolerance`: whether the tolerance of a behaviour is honoured."""


class Hpa(EngineController):
    """The Kubernetes Horizontal Pod Autoscaler, decision for decision."""

    PLATFORMS: ClassVar[tuple[str, ...]] = ("cluster",)
    PIPELINES: ClassVar[tuple[str, ...]] = ("kubernetes", "ideal")
    ELSEWHERE: ClassVar[str] = "`ec2-target-tracking` scales a VM fleet"

    kind: Literal["hpa"] = "hpa"
    min: Annotated[Count, Origin("documented", "Kubernetes: pkg/apis/autoscaling/v2/defaults.go")] = 1
    """Smallest number of replicas."""
    max: PositiveCount
    """Largest number of replicas."""
    metrics: Annotated[
        tuple[HpaMetric, ...],
        Field(min_length=1),
        Origin("documented", "Kubernetes: pkg/apis/autoscaling/v2/defaults.go, CPU utilization 80 %"),
    ] = _DEFAULT_METRICS
    """What it aims for."""
    behavior: Annotated[
        HpaBehavior | None, Origin("documented", "without a behaviour block the controller uses its legacy limits")
    ] = None
    """Rate limits and stabilisation. Without it the legacy limits apply, which are not those of an empty block."""
    sync_period: Annotated[Duration, Origin("documented", _CONTROLLER)] = Duration(15 * _SECOND)
    """Time between two reconciles."""
    tolerance: Annotated[NotNegative, Origin("documented", _CONTROLLER)] = 0.1
    """Relative distance from the target within which nothing is done."""
    cpu_initialization_period: Annotated[Duration, Origin("documented", _CONTROLLER)] = Duration(300 * _SECOND)
    """For this long after a pod's start its CPU counts only when measured after it became ready."""
    initial_readiness_delay: Annotated[Duration, Origin("documented", _CONTROLLER)] = Duration(30 * _SECOND)
    """A pod that lost readiness within this time of its start counts as never ready."""
    downscale_stabilization: Annotated[Duration, Origin("documented", _CONTROLLER)] = Duration(300 * _SECOND)
    """How long a recommendation holds back a scale-in."""
    first_sync: Annotated[
        Literal["immediate", "after_period"], Origin("documented", "Kubernetes 1.37 reconciles when the HPA appears")
    ] = "immediate"
    """First reconcile: at creation (Kubernetes 1.37 and later) or one period later (1.36 and earlier)."""
    gates: HpaGates = HpaGates()
    """Feature gates."""
    pipeline: AnyPipeline = KubernetesPipeline()
    """What feeds it."""

    @model_validator(mode="after")
    def _sound(self) -> Hpa:
        check_bounds(self.min, self.max)
        check_positive(self, "sync_period")
        if self.min == 0:
            raise FieldError(
                "`min: 0` needs an object or external metric to wake the service, and neither is simulated",
                hint="use `min: 1`",
                at=["min"],
            )
        return self

    @property
    def reads_memory(self) -> bool:
        """Whether it scales on the use of memory."""
        return any(metric.resource == "memory" for metric in self.metrics)

    def config(self) -> dict[str, Any]:
        """Returns the configuration that the decision function reads, with provenance."""
        legacy = "Kubernetes: pkg/controller/podautoscaler/horizontal.go"
        spans = ("cpu_initialization_period", "initial_readiness_delay", "downscale_stabilization")
        return {
            "min_replicas": known(self, "min", value=self.min),
            "max_replicas": known(self, "max", value=self.max),
            "metrics": known(
                self,
                "metrics",
                value=[metric.plan() for metric in self.metrics],
                text=", ".join(metric.describe() for metric in self.metrics),
            ),
            "behavior": self._behavior(),
            "tolerance": known(self, "tolerance", value=self.tolerance),
            **{f"{name}_ns": known(self, name, value=getattr(self, name).nanos) for name in spans},
            "scale_up_limit_factor": Known(2.0, "2", "documented", legacy),
            "scale_up_limit_minimum": Known(4.0, "4", "documented", legacy),
            "gates": {name: known(self.gates, name, value=getattr(self.gates, name)) for name in HpaGates.model_fields},
        }

    def _behavior(self) -> Any:
        if self.behavior is None:
            return known(self, "behavior", value=None, text="none (legacy limits)")
        return self.behavior.plan(known(self, "downscale_stabilization", value=self.downscale_stabilization.nanos))

    def period_plan(self) -> Known:
        """Returns the period of its loop, in nanoseconds, with provenance."""
        return known(self, "sync_period", value=self.sync_period.nanos)

    def phase_plan(self) -> Known | Fixed:
        """Returns its first tick in nanoseconds from the creation of the service, with provenance."""
        first = 0 if self.first_sync == "immediate" else self.sync_period.nanos
        return known(self, "first_sync", value=first)

    def initial_replicas(self) -> int:
        """Returns the replicas its service has at creation when nothing else says."""
        return self.min

    def describe(self) -> str:
        """Returns the controller and its most telling settings in a few words."""
        targets = ", ".join(metric.describe() for metric in self.metrics)
        return f"HPA, {targets}, {self.min} to {self.max} replicas, every {self.sync_period}"

"""Metrics pipelines: how the state of the system becomes what a controller sees."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.fields import FieldError, Model, Origin
from hookean.scenario.provenance import Fixed, known
from hookean.scenario.units import Duration

_SECOND = 1_000_000_000


class Pipeline(Model):
    """Base of the pipelines."""

    def plan(self) -> dict[str, Any]:
        """Returns the pipeline as the plan writes it, with its provenance."""
        kind = getattr(self, "kind")  # noqa: B009 (every pipeline has one; the base does not say which)
        names = [name for name in type(self).model_fields if name != "kind"]
        fields = {f"{name}_ns": known(self, name, value=getattr(self, name).nanos) for name in names}
        return {"pipeline": Fixed(kind)} | fields


class IdealPipeline(Pipeline):
    """Exact and immediate."""

    kind: Literal["ideal"] = "ideal"
    window: Annotated[Duration, Origin("assumed", "an ideal pipeline reads the present")] = Duration(0)
    """Averaging window; 0 reads the instantaneous use."""


class KubernetesPipeline(Pipeline):
    """cAdvisor housekeeping, metrics-server, and a Prometheus-style adapter for request rates."""

    kind: Literal["kubernetes"] = "kubernetes"
    housekeeping_min: Annotated[Duration, Origin("documented", "kubelet: cAdvisor housekeeping interval 10 s")] = (
        Duration(10 * _SECOND)
    )
    """Shortest distance of two samples of a container."""
    housekeeping_max: Annotated[
        Duration, Origin("documented", "kubelet: dynamic housekeeping up to 15 s for each container")
    ] = Duration(15 * _SECOND)
    """Longest distance of two samples of a container."""
    resolution: Annotated[
        Duration, Origin("documented", "metrics-server: deployment manifest and Helm values set 15 s")
    ] = Duration(15 * _SECOND)
    """Resolution of metrics-server."""
    adapter_period: Annotated[Duration, Origin("assumed", "scrape period often used with a Prometheus adapter")] = (
        Duration(30 * _SECOND)
    )
    """Scrape period behind the adapter of custom metrics."""
    adapter_window: Annotated[
        Duration, Origin("documented", "HPA: a Pods metric without a window in the API gets 60 s")
    ] = Duration(60 * _SECOND)
    """Rate window of the adapter."""
    adapter_delay: Annotated[Duration, Origin("assumed", "the adapter answers at once")] = Duration(0)
    """Age of the adapter's answer."""

    @model_validator(mode="after")
    def _sound(self) -> KubernetesPipeline:
        for name in ("housekeeping_min", "resolution", "adapter_period", "adapter_window"):
            if getattr(self, name).base == 0:
                raise FieldError(f"`{name}` must be longer than 0", at=[name])
        if self.housekeeping_min > self.housekeeping_max:
            raise FieldError(
                f"`housekeeping_min` ({self.housekeeping_min}) is above `housekeeping_max` ({self.housekeeping_max})",
                at=["housekeeping_min"],
            )
        return self


class CloudwatchPipeline(Pipeline):
    """Group averages per period, published late."""

    kind: Literal["cloudwatch"] = "cloudwatch"
    period: Annotated[Duration, Origin("documented", "EC2 detailed monitoring publishes every 60 s")] = Duration(
        60 * _SECOND
    )
    """Period of a datapoint."""
    delay: Annotated[Duration, Origin("assumed", "ingestion delay: one period; AWS gives no figure")] = Duration(
        60 * _SECOND
    )
    """Time from the end of a period to its publication."""

    @model_validator(mode="after")
    def _positive(self) -> CloudwatchPipeline:
        if self.period.base == 0:
            raise FieldError("`period` must be longer than 0", at=["period"])
        return self


def _plain_kind(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


_Pipelines: TypeAlias = Annotated[IdealPipeline | KubernetesPipeline | CloudwatchPipeline, Field(discriminator="kind")]
_Name = Literal["ideal", "kubernetes", "cloudwatch"]
AnyPipeline: TypeAlias = Annotated[_Pipelines, BeforeValidator(_plain_kind, json_schema_input_type=_Name | _Pipelines)]
"""A pipeline; its name alone stands for its defaults."""

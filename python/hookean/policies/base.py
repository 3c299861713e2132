"""What every controller has in a scenario."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import model_validator

from hookean.scenario.fields import FieldError, Model, Name
from hookean.scenario.provenance import Fixed
from hookean.scenario.units import Duration

from .pipeline import AnyPipeline

if TYPE_CHECKING:
    from hookean.scenario.provenance import Known
    from hookean.scenario.service import Service


class Controller(Model):
    """Base of the controllers.

    Class attributes:
        PLATFORMS: Kinds of platform on which the controller has a meaning.
        ELSEWHERE: What to use on the other kind of platform.
        PIPELINES: Kinds of pipeline that measure what the controller reads.
    """

    PLATFORMS: ClassVar[tuple[str, ...]] = ("fleet", "cluster")
    ELSEWHERE: ClassVar[str] = ""
    PIPELINES: ClassVar[tuple[str, ...]] = ("ideal", "kubernetes", "cloudwatch")

    service: Name
    """The service it scales."""
    pipeline: AnyPipeline
    """What feeds it."""

    @model_validator(mode="after")
    def _fed(self) -> Self:
        kind = str(getattr(self.pipeline, "kind"))  # noqa: B009 (every pipeline has one; the base does not say which)
        if kind not in self.PIPELINES:
            allowed = " or ".join(f"`{name}`" for name in self.PIPELINES)
            raise FieldError(
                f"pipeline `{kind}` does not measure what `{self.name}` reads", hint=f"use {allowed}", at=["pipeline"]
            )
        return self

    @property
    def name(self) -> str:
        """The controller's name in the table."""
        return str(getattr(self, "kind"))  # noqa: B009 (every controller has one; the base does not say which)

    @property
    def reads_memory(self) -> bool:
        """Whether it scales on the use of memory."""
        return False

    def check_service(self, service: Service) -> None:
        """Checks that the controller has a meaning for its service.

        Args:
            service: The service as written.

        Raises:
            FieldError: It has none; the path is below the service.
        """

    @property
    def acts_on_requests(self) -> bool:
        """Whether requests wake it, not a period."""
        return False

    @abstractmethod
    def period_plan(self) -> Known | Fixed:
        """Returns the period of its loop, in nanoseconds, with provenance."""

    @abstractmethod
    def phase_plan(self) -> Known | Fixed:
        """Returns its first tick in nanoseconds from the creation of the service, with provenance."""

    def pipeline_plan(self) -> dict[str, Any]:
        """Returns the pipeline as the plan writes it, with provenance."""
        return self.pipeline.plan()

    @abstractmethod
    def initial_replicas(self) -> int:
        """Returns the replicas its service has at creation when nothing else says."""

    @abstractmethod
    def describe(self) -> str:
        """Returns the controller and its most telling settings in a few words."""


class EngineController(Controller):
    """Base of the controllers that decide inside the engine: what they are told does not depend on anything else."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Returns the configuration that the decision function reads, with provenance."""


_NO_PERIOD_NS = (2**63 - 1) // 4
"""Longer than any scenario: 73 years."""


class ReactiveController(EngineController):
    """Base of the controllers that requests wake, at the very instant."""

    @property
    def acts_on_requests(self) -> bool:
        """Whether requests wake it, not a period."""
        return True

    def period_plan(self) -> Known | Fixed:
        """Returns a period that never ends: it has none."""
        return Fixed(_NO_PERIOD_NS)

    def phase_plan(self) -> Known | Fixed:
        """Returns when it is there: with its service."""
        return Fixed(0)


def check_bounds(low: int, high: int) -> None:
    """Checks the bounds of a scaled service.

    Raises:
        FieldError: `min` is above `max`.
    """
    if low > high:
        raise FieldError(f"`min` ({low}) is above `max` ({high})", hint="exchange the two, or raise `max`", at=["min"])


def check_positive(model: Model, *names: str) -> None:
    """Checks that durations are longer than zero.

    Raises:
        FieldError: One is zero.
    """
    for name in names:
        value = getattr(model, name)
        if isinstance(value, Duration) and value.base == 0:
            raise FieldError(f"`{name}` must be longer than 0", at=[name])

"""The `behavior` block of an HPA, and how the controller completes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hookean.scenario.fields import FieldError, Model, NotNegative, PositiveCount
from hookean.scenario.provenance import Known, known
from hookean.scenario.units import Duration

_SECOND = 1_000_000_000
_DEFAULTS = "Kubernetes: pkg/apis/autoscaling/v2/defaults.go"


class HpaPolicy(Model):
    """A rate limit: at most this much change per period."""

    type: Literal["Pods", "Percent"]
    """What `value` counts: pods, or percent of the replicas at the start of the period."""
    value: PositiveCount
    """How many."""
    period: Duration
    """Over which time, 1 s to 1800 s."""

    @model_validator(mode="after")
    def _accepted(self) -> HpaPolicy:
        if not _SECOND <= self.period.nanos <= 1800 * _SECOND:
            raise FieldError(f"the period of a policy is 1 s to 1800 s, got {self.period}", at=["period"])
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the policy as the decision function reads it."""
        return {"kind": self.type.lower(), "value": self.value, "period_ns": self.period.nanos}

    def describe(self) -> str:
        """Returns the policy in words."""
        return f"{self.value} {'%' if self.type == 'Percent' else 'pods'} per {self.period}"


class HpaRules(Model):
    """Rules of one direction; what is left out takes the controller's default."""

    stabilization_window: Duration | None = None
    """How far back recommendations are looked at, up to 3600 s."""
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    """Which of several policies decides."""
    policies: Annotated[tuple[HpaPolicy, ...], Field(min_length=1)] | None = None
    """Rate limits; a list replaces the default list as a whole."""
    tolerance: NotNegative | None = None
    """Replaces the cluster's tolerance in this direction."""

    @model_validator(mode="after")
    def _accepted(self) -> HpaRules:
        window = self.stabilization_window
        if window is not None and window.nanos > 3600 * _SECOND:
            raise FieldError(f"a stabilisation window is at most 3600 s, got {window}", at=["stabilization_window"])
        return self

    def plan(self, *, window: Known, policies: tuple[HpaPolicy, ...]) -> dict[str, Any]:
        """Returns the completed rules, with provenance.

        Args:
            window: The stabilisation window when none is given.
            policies: The policies when none are given.
        """
        own, select = self.stabilization_window, self.select_policy or "Max"
        chosen = policies if self.policies is None else self.policies
        return {
            "stabilization_window_ns": window if own is None else known(self, "stabilization_window", value=own.nanos),
            "select_policy": _own_or_default(self.select_policy, select.lower(), select),
            "policies": _own_or_default(
                self.policies, [policy.plan() for policy in chosen], ", ".join(policy.describe() for policy in chosen)
            ),
            "tolerance": _own_or_default(
                self.tolerance, self.tolerance, "that of the cluster" if self.tolerance is None else str(self.tolerance)
            ),
        }


def _own_or_default(own: object, value: object, text: str) -> Known:
    return Known(value, text, *(("user", "scenario") if own is not None else ("documented", _DEFAULTS)))


_PODS = HpaPolicy(type="Pods", value=4, period=Duration(15 * _SECOND))
_PERCENT = HpaPolicy(type="Percent", value=100, period=Duration(15 * _SECOND))


class HpaBehavior(Model):
    """Rate limits and stabilisation of both directions."""

    scale_up: HpaRules = HpaRules()
    """Rules for more replicas."""
    scale_down: HpaRules = HpaRules()
    """Rules for fewer replicas."""

    def plan(self, downscale_stabilization: Known) -> dict[str, Any]:
        """Returns the completed behaviour, with provenance.

        Args:
            downscale_stabilization: The controller's window, for a scale-down that sets none.
        """
        at_once = Known(0, "0 s", "documented", _DEFAULTS)
        return {
            "scale_up": self.scale_up.plan(window=at_once, policies=(_PODS, _PERCENT)),
            "scale_down": self.scale_down.plan(window=downscale_stabilization, policies=(_PERCENT,)),
        }

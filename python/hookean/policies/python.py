"""A policy written in Python, as a scenario names it."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.fields import Count, FieldError, Origin, PositiveCount
from hookean.scenario.provenance import Fixed, Known, known
from hookean.scenario.units import Duration

from .base import Controller, check_bounds, check_positive
from .pipeline import AnyPipeline, CloudwatchPipeline, IdealPipeline, KubernetesPipeline

if TYPE_CHECKING:
    from .registry import FoundPolicy

_SECOND = 1_000_000_000


def _policy(value: object) -> object:
    if isinstance(value, (str, type)):
        return value
    raise FieldError(
        "expected a policy", hint="`module:Class`, the name of a registered policy, or in Python the class"
    )


def _parameters(value: object) -> object:
    """Lets through what JSON can hold, since parameters are part of the plan."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        text = str(error)
        raise FieldError(
            f"a parameter cannot be part of a plan: {text[:1].lower()}{text[1:]}",
            hint="numbers, texts, `true`, `false`, lists and sections can",
        ) from None


class PythonPolicy(Controller):
    """A class with `decide(obs)`, or with `decide_all(obs)` for all its services at once."""

    kind: Literal["python"] = "python"
    policy: Annotated[Any, BeforeValidator(_policy), Field(json_schema_extra={"type": "string"})]
    """The policy: `module:Class` (a module beside the scenario is found first), or the name of a registered one."""
    parameters: Annotated[dict[str, Any], BeforeValidator(_parameters), Field(default_factory=dict)]
    """Keyword arguments of the class."""
    min: Annotated[Count, Origin("assumed", "one replica, so that there is something to measure")] = 1
    """Smallest number of replicas; a smaller wish is raised to it, and the decision's reason says so."""
    max: PositiveCount
    """Largest number of replicas; a larger wish is cut to it, and the decision's reason says so."""
    period: Annotated[Duration, Origin("assumed", "the sync period of the Kubernetes HPA")] = Duration(15 * _SECOND)
    """Time between two decisions; the first is taken when the service is created."""
    pipeline: AnyPipeline = KubernetesPipeline()
    """What feeds it."""

    @model_validator(mode="after")
    def _sound(self) -> PythonPolicy:
        check_bounds(self.min, self.max)
        check_positive(self, "period")
        return self

    @property
    def policy_text(self) -> str:
        """The policy as the scenario names it."""
        return self.policy if isinstance(self.policy, str) else f"{self.policy.__module__}:{self.policy.__qualname__}"

    def check_use(self, found: FoundPolicy) -> None:
        """Checks that the pipeline measures what the policy reads, and that its parameters exist.

        Args:
            found: The policy.

        Raises:
            FieldError: They do not fit.
        """
        metrics, pipeline = found.declaration.metrics, self.pipeline
        if "memory" in metrics and isinstance(pipeline, CloudwatchPipeline):
            raise FieldError(
                "pipeline `cloudwatch` does not measure memory, which the policy reads",
                hint="use `ideal` or `kubernetes`",
                at=["pipeline"],
            )
        if found.declaration.sees_replicas and isinstance(pipeline, CloudwatchPipeline):
            raise FieldError(
                "pipeline `cloudwatch` measures no single replicas, which the policy wants to see",
                hint="use `ideal` or `kubernetes`",
                at=["pipeline"],
            )
        if "requests" in metrics and isinstance(pipeline, IdealPipeline) and pipeline.window.base == 0:
            raise FieldError(
                "an instant has no rate of requests, which the policy reads",
                hint="give the pipeline a window: `{kind: ideal, window: 60s}`",
                at=["pipeline"],
            )
        signature = inspect.signature(found.cls)
        try:
            signature.bind(**self.parameters)
        except TypeError as error:
            taken = ", ".join(f"`{name}`" for name in signature.parameters) or "none"
            raise FieldError(
                f"`{found.name}`: {error}", hint=f"its parameters are {taken}", at=["parameters"]
            ) from None

    def policy_config(self, found: FoundPolicy, instance: int) -> dict[str, Any]:
        """Returns the configuration that the engine and `hookean.policies.runner` read, with provenance.

        Args:
            found: The policy.
            instance: Number of the object that decides; services of one `decide_all` share it.
        """
        given, defaults = self.parameters, _defaults(found.cls, self.parameters)
        digest = found.source_sha256
        return {
            "policy": Known(found.name, found.name, "user", "scenario"),
            "source_sha256": Known(digest, digest or "no source found", "user", "SHA-256 of the policy's source file"),
            "parameters": {
                "given": Known(given, _text(given), "user", "scenario"),
                "defaults": Known(defaults, _text(defaults), "assumed", f"defaults of `{found.name}`"),
            },
            "instance": Fixed(instance),
            "min": known(self, "min", value=self.min),
            "max": known(self, "max", value=self.max),
            "metrics": Fixed(list(found.declaration.metrics)),
            "sees_replicas": Fixed(found.declaration.sees_replicas),
        }

    def config(self) -> dict[str, Any]:
        """Not to be called: the configuration depends on the policy, which only a plan finds.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("`policy_config` has the configuration of a policy in Python")

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
        given = f" ({_text(self.parameters)})" if self.parameters else ""
        return f"{self.policy_text}{given}, {self.min} to {self.max} replicas, every {self.period}"


def _text(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in parameters.items()) or "none"


def _defaults(cls: type, given: dict[str, Any]) -> dict[str, Any]:
    """Defaults of the parameters not given, as far as JSON can hold them; the source's digest covers the rest."""
    found = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if name not in given and parameter.default is not parameter.empty:
            try:
                found[name] = json.loads(json.dumps(parameter.default, allow_nan=False))
            except (TypeError, ValueError):
                continue
    return found

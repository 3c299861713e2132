"""A policy written in Python, as a scenario names it."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from hookean.scenario.fields import Count, FieldError, Model, Name, Origin, PositiveCount
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


class _Entry(Model):
    """What every controller has that a policy in Python decides for."""

    kind: Literal["python"] = "python"
    policy: Annotated[Any, BeforeValidator(_policy), Field(json_schema_extra={"type": "string"})]
    """The policy: `module:Class` (a module beside the scenario is found first), or the name of a registered one."""
    parameters: Annotated[dict[str, Any], BeforeValidator(_parameters), Field(default_factory=dict)]
    """Keyword arguments of the class."""
    share: Name | None = None
    """A name: one object decides for all controllers that share it, be it for services or for pools, with one memory.
    They need the same `policy` and `parameters`. Default: an object of its own, or one for all of a `decide_all`."""

    @property
    def policy_text(self) -> str:
        """The policy as the scenario names it."""
        return self.policy if isinstance(self.policy, str) else f"{self.policy.__module__}:{self.policy.__qualname__}"

    def check_parameters(self, found: FoundPolicy) -> None:
        """Checks that the policy has the parameters it is given.

        Args:
            found: The policy.

        Raises:
            FieldError: It has not.
        """
        signature = inspect.signature(found.cls)
        try:
            signature.bind(**self.parameters)
        except TypeError as error:
            taken = ", ".join(f"`{name}`" for name in signature.parameters) or "none"
            raise FieldError(
                f"`{found.name}`: {error}", hint=f"its parameters are {taken}", at=["parameters"]
            ) from None

    def identity(self, found: FoundPolicy, instance: int) -> dict[str, Any]:
        """Returns which policy decides, as the plan writes it, with provenance.

        Args:
            found: The policy.
            instance: Number of the object that decides; those that share it have the same.
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
        }

    def _described(self, low: int, high: int, what: str, period: Duration) -> str:
        given = f" ({_text(self.parameters)})" if self.parameters else ""
        return f"{self.policy_text}{given}, {low} to {high} {what}, every {period}"


class PythonPolicy(_Entry, Controller):
    """A class with `decide(obs)`, or with `decide_all(obs)` for all its services at once."""

    min: Annotated[Count, Origin("assumed", "one replica, so that there is something to measure")] = 1
    """Smallest number of replicas; a smaller wish is raised to it, and the decision's reason says so."""
    max: PositiveCount
    """Largest number of replicas; a larger wish is cut to it, and the decision's reason says so."""
    period: Annotated[Duration, Origin("assumed", "the sync period of the Kubernetes HPA")] = Duration(15 * _SECOND)
    """Time between two decisions; the first is taken when the service is created."""
    pipeline: AnyPipeline = KubernetesPipeline()
    """What feeds it."""

    @model_validator(mode="before")
    @classmethod
    def _for_one(cls, data: Any) -> Any:
        if isinstance(data, dict) and "pool" in data:
            raise FieldError(
                "a policy scales a service or a pool, not both in one entry",
                hint="make two entries with the same `share`: one object decides for both",
                at=["pool"],
            )
        if isinstance(data, dict) and "service" not in data:
            raise FieldError(
                "a policy needs a `service`, whose replicas it scales, or a `pool`, whose nodes it scales",
                hint="for example `service: web`",
            )
        return data

    @model_validator(mode="after")
    def _sound(self) -> PythonPolicy:
        check_bounds(self.min, self.max)
        check_positive(self, "period")
        return self

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
        self.check_parameters(found)

    def policy_config(self, found: FoundPolicy, instance: int) -> dict[str, Any]:
        """Returns the configuration that the engine and `hookean.policies.runner` read, with provenance.

        Args:
            found: The policy.
            instance: Number of the object that decides; services of one `decide_all` share it.
        """
        return {
            **self.identity(found, instance),
            "min": known(self, "min", value=self.min),
            "max": known(self, "max", value=self.max),
            "metrics": Fixed(list(found.declaration.metrics)),
            "sees_replicas": Fixed(found.declaration.sees_replicas),
        }

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
        return self._described(self.min, self.max, "replicas", self.period)


class PythonNodePolicy(_Entry):
    """A class with `decide_nodes(obs)`: says how many nodes a pool of a cluster has."""

    pool: Name
    """The pool whose nodes it scales."""
    min: Annotated[Count, Origin("assumed", "one node, so that there is room for something")] = 1
    """Smallest number of nodes; a smaller wish is raised to it, and the decision's reason says so."""
    max: PositiveCount
    """Largest number of nodes; a larger wish is cut to it, and the decision's reason says so."""
    period: Annotated[Duration, Origin("assumed", "the scan interval of the Kubernetes cluster autoscaler")] = Duration(
        10 * _SECOND
    )
    """Time between two decisions; the first is taken when the scenario begins."""

    @model_validator(mode="after")
    def _sound(self) -> PythonNodePolicy:
        check_bounds(self.min, self.max)
        check_positive(self, "period")
        return self

    def check_use(self, found: FoundPolicy) -> None:
        """Checks that its parameters exist.

        Args:
            found: The policy.

        Raises:
            FieldError: They do not.
        """
        self.check_parameters(found)

    def policy_config(self, found: FoundPolicy, instance: int) -> dict[str, Any]:
        """Returns the configuration that the engine and `hookean.policies.runner` read, with provenance.

        Args:
            found: The policy.
            instance: Number of the object that decides; those that share it have the same.
        """
        return {
            **self.identity(found, instance),
            "min": known(self, "min", value=self.min),
            "max": known(self, "max", value=self.max),
        }

    def period_plan(self) -> Known:
        """Returns the period of its loop, in nanoseconds, with provenance."""
        return known(self, "period", value=self.period.nanos)

    def describe(self) -> str:
        """Returns the controller and its most telling settings in a few words."""
        return self._described(self.min, self.max, "nodes", self.period)


def _whom(value: object) -> str:
    """Tells which of the two models an entry is; both have the same `kind`."""
    of_pool = "pool" in value and "service" not in value if isinstance(value, dict) else hasattr(value, "pool")
    return "of a pool" if of_pool else "of a service"


AnyPythonPolicy: TypeAlias = Annotated[
    Annotated[PythonPolicy, Tag("of a service")] | Annotated[PythonNodePolicy, Tag("of a pool")], Discriminator(_whom)
]
"""A policy in Python with what it scales."""


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

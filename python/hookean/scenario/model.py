"""The scenario: traffic, services, a platform, controllers."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StrictInt,
    WrapValidator,
    model_validator,
)

from hookean.platforms.model import AnyPlatform
from hookean.policies.python import PythonNodePolicy
from hookean.policies.table import AnyController

from .calls import call_problems
from .distribution import takes_time
from .fault import AnyFault, name_problems
from .fidelity import Fidelity, fidelity_problems
from .fields import FieldError, FieldsError, Model, Name, Origin, PositiveCount, either
from .resize import Resize
from .service import Service
from .sharing import shared_as_they_come
from .source import Places, dotted
from .units import Duration
from .workload import Workload, workload_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hookean.policies.base import Controller


_SECOND = 1_000_000_000


class Sampled(Model):
    """Keep a sample."""

    sampled: PositiveCount
    """One in this many is kept, chosen by a hash of its number, with all its attempts and all the calls it set off."""


def _words_or_sampled(*words: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, (dict, Sampled)):
            return Sampled(**value) if isinstance(value, dict) else value
        return either(*words, "{sampled: N}")(value)

    return check


class Record(Model):
    """What a run records."""

    series: Annotated[Duration, Origin("assumed", "fine enough for a day, coarse enough for months")] = Duration(
        60 * _SECOND
    )
    """Distance of the rows of the `series` table."""
    requests: Annotated[
        Literal["off", "full"] | Sampled,
        BeforeValidator(_words_or_sampled("off", "full"), json_schema_input_type=Literal["off", "full"] | Sampled),
        Origin("assumed", "single requests take much space"),
    ] = "off"
    """Which single requests are kept: `off`, `full`, or `{sampled: 1000}` for one in a thousand."""
    decisions: Annotated[
        Literal["all", "changes", "off"] | Sampled,
        BeforeValidator(
            _words_or_sampled("all", "changes", "off"),
            json_schema_input_type=Literal["all", "changes", "off"] | Sampled,
        ),
        Origin("assumed", "every decision is kept with its reason"),
    ] = "all"
    """Which rows of the `decisions` table are kept: `all`, `changes` (of the number of replicas), `off`, or
    `{sampled: 1000}`. All decisions are taken and enter the digest, whatever is kept."""
    latencies: Annotated[bool, Origin("assumed", "quantiles are in `summary`")] = False
    """Whether there is a table `latencies`: the histogram of each service, from which `hookean.latency_quantiles` reads
    any quantile, of one run or of several together."""

    @model_validator(mode="after")
    def _positive(self) -> Record:
        if self.series.base == 0:
            raise FieldError("`series` must be longer than 0", at=["series"])
        return self


def _at_least_one_service(services: dict[str, Service]) -> dict[str, Service]:
    if not services:
        raise FieldError("a scenario needs at least one service")
    return services


def _client_problems(workload: Workload, service: Service, at: list[str | int]) -> Iterator[FieldError]:
    """Clients that never pause would send requests without end where nothing holds them up."""
    if workload.clients is None or workload.clients.pauses:
        return
    queue = service.queue
    is_idle = service.work is not None and not takes_time(service.work)
    if is_idle or any(limit is not None for limit in (queue.limit, queue.timeout)):
        text = "clients that do not think send requests without end when theirs end at once"
        hint = "give a time to think: real clients wait before they come again after a failure"
        yield FieldError(text, hint=hint, at=at)


class ScenarioFile(NamedTuple):
    """Where a scenario was written.

    Attributes:
        places: Where each of its fields stands.
        folder: The folder that its relative paths start from.
    """

    places: Places
    folder: Path


_HERE = Path()


class Scenario(Model):
    """Everything one simulation is told."""

    name: Name = "scenario"
    """Name of the scenario."""
    seed: Annotated[StrictInt, Field(ge=0, lt=2**64)]
    """Root of all random streams: the same scenario and seed give the same result."""
    duration: Duration | None = None
    """End of simulated time. Default: the end of the longest workload."""
    workload: Annotated[
        tuple[Workload, ...],
        WrapValidator(shared_as_they_come),
        BeforeValidator(workload_list, json_schema_input_type=list[Workload]),
    ] = ()
    """What arrives; at most one workload for each service."""
    services: Annotated[dict[Name, Service], WrapValidator(shared_as_they_come), AfterValidator(_at_least_one_service)]
    """What receives requests, by name."""
    platform: AnyPlatform
    """Where replicas run."""
    controllers: Annotated[tuple[AnyController, ...], WrapValidator(shared_as_they_come)] = ()
    """What scales the services, and pools of nodes."""
    faults: tuple[AnyFault, ...] = ()
    """What goes wrong."""
    resizes: tuple[Resize, ...] = ()
    """Replicas that get another CPU while they serve."""
    record: Record = Record()
    """What is recorded."""
    engine: Annotated[
        Literal["lazy", "reference"], Origin("assumed", "both engines give the same result; `reference` is slow")
    ] = "lazy"
    """Which engine advances the stations."""

    fidelity: Annotated[Fidelity, Origin("assumed", "every request counts")] = "exact"
    """How closely services are simulated. `exact`: request by request. `binned`, for very many services: numbers of
    requests per bin, waits by conservation of work and by queueing formulas; approximate, and marked so everywhere.
    Fluid loads are not concerned."""
    bin: Duration | None = None
    """Width of a bin; only with `binned`, and at most the period of any controller. Default: the shortest period of the
    service's controllers, at most 15 s."""

    _file: ScenarioFile | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """Tells whether two scenarios say the same, wherever they were written."""
        if not isinstance(other, Scenario):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in Scenario.model_fields)

    __hash__ = None  # type: ignore[assignment]  # a mapping of services cannot be hashed

    @property
    def base_dir(self) -> Path:
        """The folder that relative paths of the scenario start from."""
        return self._file.folder if self._file else _HERE

    @property
    def service_controllers(self) -> tuple[tuple[int, Controller], ...]:
        """The controllers of services, with their places among all."""
        numbered = enumerate(self.controllers)
        return tuple((index, each) for index, each in numbered if not isinstance(each, PythonNodePolicy))

    @property
    def node_policies(self) -> tuple[tuple[int, PythonNodePolicy], ...]:
        """The controllers of pools, with their places among all."""
        return tuple((index, each) for index, each in enumerate(self.controllers) if isinstance(each, PythonNodePolicy))

    def place(self, path: Iterable[str | int]) -> str:
        """Returns where a field was written: file, line, column and path; in Python, the path alone."""
        return self._file.places.where(tuple(path)) if self._file else dotted(path)

    @model_validator(mode="after")
    def _cross_checked(self) -> Scenario:
        problems = [
            *self._workload_problems(),
            *self._controller_problems(),
            *self._pool_problems(),
            *self._fault_problems(),
            *self._duration_problems(),
        ]
        problems += fidelity_problems(self)
        problems += call_problems(self)
        if problems:
            raise FieldsError(problems)
        return self

    def _unknown_service(self, name: str, at: list[str | int]) -> Iterator[FieldError]:
        if name not in self.services:
            near = difflib.get_close_matches(name, self.services, n=1)
            listed = ", ".join(f"`{service}`" for service in self.services)
            hint = f"did you mean `{near[0]}`?" if near else f"the services are {listed}"
            yield FieldError(f"unknown service `{name}`", hint=hint, at=[*at, "service"])

    def _workload_problems(self) -> Iterator[FieldError]:
        seen: set[str] = set()
        for index, workload in enumerate(self.workload):
            at: list[str | int] = ["workload", index]
            yield from self._unknown_service(workload.service, at)
            if workload.service in seen:
                hint = "keep one, or make it two services"
                yield FieldError(f"service `{workload.service}` has a second workload", hint=hint, at=[*at, "service"])
            seen.add(workload.service)
            service = self.services.get(workload.service)
            if service and workload.start is not None and workload.start < service.start:
                text = f"the workload begins at {workload.start}, its service is created later, at {service.start}"
                yield FieldError(text, hint="leave `start` out to begin with the service", at=[*at, "start"])
            if service:
                yield from _client_problems(workload, service, [*at, "clients", "think"])
            if workload.load is not None and self.engine == "reference":
                hint = "use `engine: lazy`, or a workload of requests"
                yield FieldError("the reference engine has no fluid loads", hint=hint, at=[*at, "load"])
            if service and service.classes and workload.load is not None:
                text, hint = "a fluid load has no requests to put into classes", "leave `classes` out"
                yield FieldError(text, hint=hint, at=["services", workload.service, "classes"])

    def _controller_problems(self) -> Iterator[FieldError]:
        kind = "fleet" if self.platform.is_fleet else "cluster"
        for index, controller in self.service_controllers:
            at: list[str | int] = ["controllers", index]
            yield from self._unknown_service(controller.service, at)
            if kind not in controller.PLATFORMS:
                text = f"`{controller.name}` has no meaning on a {kind}"
                yield FieldError(text, hint=controller.ELSEWHERE, at=[*at, "kind"])
            service = self.services.get(controller.service)
            if service and service.count is not None and controller.name == "python":
                text = f"a policy in Python cannot scale the group `{controller.service}`"
                hint = "name its services one by one: `decide_all` decides for any number of them"
                yield FieldError(text, hint=hint, at=[*at, "service"])
            if controller.acts_on_requests:
                yield from self._reactive_problems(controller, at)
            if service and controller.reads_memory and not service.replica.describes_memory:
                text = f"nothing says how much memory a replica of `{controller.service}` uses"
                hint = "set `memory_idle` or `memory_per_request` of the replica; the controller scales on memory"
                yield FieldError(text, hint=hint, at=["services", controller.service, "replica"])

    def _pool_problems(self) -> Iterator[FieldError]:
        pools = self.platform.pools or ()
        names = self.platform.pool_names
        seen: set[str] = set()
        for index, controller in self.node_policies:
            name = controller.pool
            at: list[str | int] = ["controllers", index, "pool"]
            if self.platform.is_fleet:
                hint = "scale the replicas of a service: in a fleet each is a machine of its own"
                yield FieldError(f"pool `{name}` is of a fleet: its nodes come and go with replicas", hint=hint, at=at)
            elif name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                listed = ", ".join(f"`{pool}`" for pool in names)
                hint = f"did you mean `{near[0]}`?" if near else f"the pools are {listed}"
                yield FieldError(f"unknown pool `{name}`", hint=hint, at=at)
            elif name in seen:
                yield FieldError(f"pool `{name}` has a second policy", hint="keep one", at=at)
            seen.add(name)
        if pools and not self.platform.is_fleet and all(pool.nodes == 0 for pool in pools) and not seen:
            hint = "replicas need one: `nodes: 1`, or a policy that buys nodes"
            yield FieldError("no pool has a node", hint=hint, at=["platform", "pools", 0, "nodes"])

    def _fault_problems(self) -> Iterator[FieldError]:
        yield from name_problems(self.faults)
        for index, fault in enumerate(self.faults):
            service = getattr(fault, "service", None)
            if service is not None:
                yield from self._unknown_service(service, ["faults", index])
        for index, resize in enumerate(self.resizes):
            yield from self._unknown_service(resize.service, ["resizes", index])

    def _reactive_problems(self, controller: Controller, at: list[str | int]) -> Iterator[FieldError]:
        """A controller that requests wake needs requests, and decides alone."""
        name, service = controller.service, self.services.get(controller.service)
        if sum(other.service == name for _, other in self.service_controllers) > 1:
            text = f"`{controller.name}` acts on requests at once and shares service `{name}` with another controller"
            yield FieldError(text, hint="keep one of them", at=[*at, "kind"])
        if any(workload.service == name and workload.load is not None for workload in self.workload):
            text = f"`{controller.name}` acts on requests, and the fluid load of `{name}` has none"
            yield FieldError(
                text, hint="give the service a workload of requests, such as `rate: 8/s`", at=[*at, "kind"]
            )
        if service is not None:
            try:
                controller.check_service(service)
            except FieldError as problem:
                where: list[str | int] = ["services", name, *problem.at]
                yield FieldError(problem.message, hint=problem.hint, at=where)

    def _duration_problems(self) -> Iterator[FieldError]:
        if self.duration is not None and self.duration.base == 0:
            yield FieldError("`duration` must be longer than 0", at=["duration"])
        if self.duration is None and not any(workload.ends for workload in self.workload):
            text = "nothing ends this scenario" if self.workload else "a scenario without workload needs a `duration`"
            yield FieldError(text, hint="for example `duration: 6h`", at=["duration"])

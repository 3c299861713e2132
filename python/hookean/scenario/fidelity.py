"""How closely a service is simulated: request by request, or in numbers of requests per bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from hookean.scenario.fields import FieldError
from hookean.scenario.routing import routing_kind
from hookean.scenario.units import Duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookean.scenario.model import Scenario
    from hookean.scenario.service import Service
    from hookean.scenario.workload import Workload

Fidelity: TypeAlias = Literal["exact", "binned"]
"""`exact`: every request; `binned`: numbers of requests per bin and queueing formulas, approximate."""

DEFAULT_BIN = Duration(15_000_000_000)
"""Width of a bin unless a controller is faster."""

_DISCIPLINES = ("central_fifo", "fifo", "processor_sharing")
_ROUTINGS = ("random", "round_robin", "weighted", "least_outstanding")


@dataclass(frozen=True)
class Bins:
    """The bins of a service.

    Attributes:
        width: Width of a bin.
        given: Whether the scenario says so.
        why: Why it is this width, if the scenario does not.
    """

    width: Duration
    given: bool
    why: str


def bins_of(scenario: Scenario) -> dict[str, Bins]:
    """Returns the bins of every service that is not simulated request by request.

    A fluid load has no requests, so there is nothing to approximate.

    Args:
        scenario: The scenario.
    """
    fluid = _fluid(scenario)
    binned = [
        name
        for name, service in scenario.services.items()
        if (service.fidelity or ("exact" if name in fluid else scenario.fidelity)) == "binned"
    ]
    periods = _shortest_periods(scenario) if binned else {}
    return {name: _bins(scenario.services[name].bin or scenario.bin, periods.get(name)) for name in binned}


def _bins(own: Duration | None, shortest: Duration | None) -> Bins:
    if own is not None:
        return Bins(own, given=True, why="scenario")
    if shortest is not None and shortest < DEFAULT_BIN:
        return Bins(shortest, given=False, why="shortest period of its controllers")
    return Bins(DEFAULT_BIN, given=False, why="the usual period of a controller")


def _fluid(scenario: Scenario) -> set[str]:
    return {each.service for each in scenario.workload if each.load is not None}


def _shortest_periods(scenario: Scenario) -> dict[str, Duration]:
    """Returns the shortest period of the controllers of each service that has any."""
    periods: dict[str, Duration] = {}
    for _, each in scenario.service_controllers:
        period = Duration(each.period_plan().value)
        periods[each.service] = min(period, periods.get(each.service, period))
    return periods


def fidelity_problems(scenario: Scenario) -> Iterator[FieldError]:
    """Finds what the binned tier cannot do.

    Args:
        scenario: The scenario.
    """
    binned = bins_of(scenario)
    if scenario.bin is not None:
        yield from _bin_problems(scenario.bin, is_binned=bool(binned), at=[])
    for name, service in scenario.services.items():
        if service.bin is not None:
            yield from _bin_problems(service.bin, is_binned=name in binned, at=["services", name])
    fluid = _fluid(scenario)
    yield from _fluid_problems(scenario, fluid)
    if not binned:
        return
    periods = _shortest_periods(scenario)
    for name, bins in binned.items():
        at: list[str | int] = ["services", name]
        service, shortest = scenario.services[name], periods.get(name)
        yield from _queue_problems(service, at)
        if name in fluid:
            text = "a fluid load has no requests to put into bins"
            yield FieldError(text, hint="leave `fidelity` out: a fluid load is as quick", at=[*at, "fidelity"])
        if shortest is not None and shortest < bins.width:
            text = f"a bin of {bins.width} is longer than {shortest}, the shortest period of a controller of `{name}`"
            hint = "a controller must not look twice at one bin: choose a shorter `bin`"
            yield FieldError(text, hint=hint, at=[*(at if service.bin is not None else []), "bin"])
    for index, workload in enumerate(scenario.workload):
        if workload.service in binned:
            yield from _workload_problems(workload, ["workload", index])
    yield from _controller_problems(scenario, set(binned))
    yield from _run_problems(scenario)


def _fluid_problems(scenario: Scenario, fluid: set[str]) -> Iterator[FieldError]:
    for name in sorted(fluid & scenario.services.keys()):
        if scenario.services[name].replica.cpu_limit is not None:
            text = "a fluid load has no requests that a CPU limit could throttle"
            hint = "leave `cpu_limit` out, or give the workload `rates` or `counts`"
            yield FieldError(text, hint=hint, at=["services", name, "replica", "cpu_limit"])


def _bin_problems(width: Duration, *, is_binned: bool, at: list[str | int]) -> Iterator[FieldError]:
    if not is_binned:
        hint = "add it, or leave `bin` out"
        yield FieldError("`bin` has no meaning without `fidelity: binned`", hint=hint, at=[*at, "bin"])
    if width.base == 0:
        yield FieldError("a bin must be longer than 0", at=[*at, "bin"])


def _workload_problems(workload: Workload, at: list[str | int]) -> Iterator[FieldError]:
    for name in ("batch", "retry", "deadline", "clients"):
        if getattr(workload, name) is not None:
            text = f"`{name}` is about single requests, which the binned tier does not have"
            yield FieldError(text, hint="leave it out, or give the service `fidelity: exact`", at=[*at, name])


def _controller_problems(scenario: Scenario, binned: set[str]) -> Iterator[FieldError]:
    for index, controller in scenario.service_controllers:
        if controller.service in binned and controller.acts_on_requests:
            text = f"`{controller.name}` acts on single requests, which the binned tier does not have"
            hint = f"give `{controller.service}` `fidelity: exact`"
            yield FieldError(text, hint=hint, at=["controllers", index, "kind"])


def _queue_problems(service: Service, at: list[str | int]) -> Iterator[FieldError]:
    queue = service.queue
    if service.replica.cpu_limit is not None:
        text = "the binned tier has no periods of a CPU limit"
        hint = "leave `cpu_limit` out and set `cpu` to what a replica uses at most, or use `fidelity: exact`"
        yield FieldError(text, hint=hint, at=[*at, "replica", "cpu_limit"])
    if service.classes:
        text = "the binned tier does not tell requests apart, so it has no classes"
        hint = "leave `classes` out and give `work` the mean over all classes, or use `fidelity: exact`"
        yield FieldError(text, hint=hint, at=[*at, "classes"])
    if queue.discipline not in _DISCIPLINES:
        hint = f"use {_listed(_DISCIPLINES)}, or `fidelity: exact`"
        text = f"the binned tier has no formula for `{queue.discipline}`"
        yield FieldError(text, hint=hint, at=[*at, "queue", "discipline"])
    elif queue.total_timeout is not None:
        text = "the binned tier does not know how long a request is in service"
        hint = "use `timeout`, which ends waits, or `fidelity: exact`"
        yield FieldError(text, hint=hint, at=[*at, "queue", "total_timeout"])
    elif queue.discipline != "central_fifo" and queue.routing not in _ROUTINGS:
        hint = f"use {_listed(_ROUTINGS)}, or `fidelity: exact`"
        text = f"the binned tier has no formula for `{routing_kind(queue.routing)}`"
        yield FieldError(text, hint=hint, at=[*at, "queue", "routing"])


def _run_problems(scenario: Scenario) -> Iterator[FieldError]:
    hint = "give the services you want to look into `fidelity: exact` in a scenario of their own"
    if scenario.record.requests != "off":
        text = "the binned tier has no single requests to keep"
        yield FieldError(text, hint=f"`requests: off`; {hint}", at=["record", "requests"])
    if scenario.engine == "reference":
        text = "the reference engine knows single requests only"
        yield FieldError(text, hint="use `engine: lazy`, or `fidelity: exact`", at=["engine"])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)

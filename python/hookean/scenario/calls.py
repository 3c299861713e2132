"""Calls between services: what a request of one sets off in others."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from .callers import Retry, check_deadline
from .distribution import Distribution
from .fidelity import bins_of
from .fields import FieldError, Flag, Model, Name, Origin, PositiveCount, Share
from .units import Duration, as_written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Scenario


_WAYS_MAX = 2**14
"""Most places that calls of one request may have at one service (the engine numbers them)."""


def _names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _wait_for(value: object) -> object:
    if value in ("all", "first", "none") or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise FieldError(
        f"expected `all`, `first`, `none` or a whole number of at least 1, got {as_written(value)}",
        hint="a number is a quorum: `wait_for: 2` is answered when two of the calls are",
    )


class Call(Model):
    """Calls that a request sets off: when it completes, and nobody holds a place meanwhile, or with `hold` before that.

    A call is a request of the service it goes to, beside that service's own workload, with work drawn for it there.
    """

    to: Annotated[
        tuple[Name, ...], Field(min_length=1), BeforeValidator(_names, json_schema_input_type=Name | list[Name])
    ]
    """The service that is called, or a list of them."""
    probability: Annotated[Share, Origin("assumed", "every request makes its calls")] = 1.0
    """Probability that a request makes these calls: all of them, or none. Each entry is drawn by itself."""
    copies: Annotated[PositiveCount, Field(le=1000), Origin("assumed", "one call to each service")] = 1
    """Calls to each of the services, at most 1000."""
    hold: Annotated[Flag, Origin("assumed", "calls are asynchronous")] = False
    """Whether the calls are synchronous: made when the work of the request is done, which then keeps its place, without
    using CPU, until as many of them are answered as `wait_for` says.

    With that it is completed. When too many have failed, it has failed as well: it is `unanswered`."""
    wait_for: Annotated[
        PositiveCount | Literal["all", "first", "none"],
        BeforeValidator(_wait_for, json_schema_input_type=PositiveCount | Literal["all", "first", "none"]),
        Origin("assumed", "an answer needs all that it has asked for"),
    ] = "all"
    """How many of these calls the answer to the request waits for: `all`, the `first`, a number (a quorum), or `none`.

    It decides when a request at the head is answered (tables `end_to_end` and `critical_path`), not what is served:
    calls that are not waited for are served all the same."""
    delay: Distribution | None = None
    """Time from the end of the request, or with `hold` of its work, to the arrival of a call, such as on a network.

    The answer is there as soon as it is given: add the way back. Default: none."""
    retry: Retry | None = None
    """When and how often a failed call is sent again. Default: it is given up at once."""
    deadline: Duration | None = None
    """How long after its first arrival a call ends at the latest, with an attempt that is under way. Default: never."""

    @model_validator(mode="after")
    def _consistent(self) -> Call:
        twice = [name for at, name in enumerate(self.to) if name in self.to[:at]]
        if twice:
            raise FieldError(f"`{twice[0]}` is named twice", hint="for several calls to it use `copies`", at=["to"])
        calls = len(self.to) * self.copies
        if isinstance(self.wait_for, int) and self.wait_for > calls:
            raise FieldError(
                f"{calls} {'call' if calls == 1 else 'calls'} can never give {self.wait_for} answers",
                hint="lower `wait_for`, or call more services or `copies`",
                at=["wait_for"],
            )
        if self.hold and self.wait_for == "none":
            raise FieldError(
                "a request that is held waits for answers, not for `none`",
                hint="leave `hold` out: asynchronous calls can be left alone",
                at=["wait_for"],
            )
        check_deadline(self.deadline)
        return self


def called_services(scenario: Scenario) -> set[str]:
    """Returns the services that others call.

    Args:
        scenario: The scenario.
    """
    return {name for service in scenario.services.values() for call in service.calls for name in call.to}


def call_problems(scenario: Scenario) -> Iterator[FieldError]:
    """Finds calls that lead nowhere or back, and services that calls do not fit.

    Args:
        scenario: The scenario.
    """
    names = scenario.services
    if not any(service.calls for service in names.values()):
        return
    for name, service in names.items():
        for index, call in enumerate(service.calls):
            at: list[str | int] = ["services", name, "calls", index, "to"]
            for to in call.to:
                if to not in names:
                    near = difflib.get_close_matches(to, names, n=1)
                    listed = ", ".join(f"`{each}`" for each in names)
                    hint = f"did you mean `{near[0]}`?" if near else f"the services are {listed}"
                    yield FieldError(f"unknown service `{to}`", hint=hint, at=at)
                elif to == name:
                    hint = "to send a failed request again, give its workload a `retry`"
                    yield FieldError(f"`{name}` calls itself", hint=hint, at=at)
                elif names[to].count is not None:
                    text = f"`{to}` is a group, and a call goes to one service"
                    yield FieldError(text, hint="call services of their own", at=at)
    yield from _way_problems(scenario)
    yield from _request_problems(scenario)


def _most_attempts(scenario: Scenario, name: str) -> int:
    """Returns how often a request of a service is tried at most."""
    outside = [each.retry for each in scenario.workload if each.service == name]
    calls = [call.retry for service in scenario.services.values() for call in service.calls if name in call.to]
    return max((retry.attempts for retry in [*outside, *calls] if retry is not None), default=1)


def _way_problems(scenario: Scenario) -> Iterator[FieldError]:
    """Calls that lead back would never end, and calls by very many ways cannot be numbered."""
    ring = _ring({name: [to for call in each.calls for to in call.to] for name, each in scenario.services.items()})
    if len(ring) > 1:
        way = " → ".join(f"`{name}`" for name in [*ring, ring[0]])
        hint = "calls go one way: leave one of these out, or make a service two"
        yield FieldError(f"calls lead back: {way}", hint=hint, at=["services", ring[0], "calls"])
        return
    ways = dict.fromkeys(scenario.services, 0)
    for _ in ways:  # a chain of calls is no longer than this
        found = dict.fromkeys(ways, 0)
        for name, service in scenario.services.items():
            for call in service.calls:
                attempts = _most_attempts(scenario, name) if call.hold else 1
                for to in set(call.to) & (ways.keys() - {name}):
                    found[to] += attempts * call.copies * (2 + ways[name])
        if found == ways:
            break
        ways = {name: min(count, _WAYS_MAX + 1) for name, count in found.items()}
    for name, count in ways.items():
        if count > _WAYS_MAX:
            text = f"calls of one request reach `{name}` by more than {_WAYS_MAX:,} ways, copies and attempts counted"
            hint = "take fewer `copies` or services, or fewer attempts of those that hold places"
            yield FieldError(text, hint=hint, at=["services", name])
            return


def _ring(calls: dict[str, list[str]]) -> list[str]:
    """Finds services that call each other in a ring; the empty list if there is none."""
    done: set[str] = set()
    for start, firsts in calls.items():
        way, branches = [start], [iter(firsts)]
        while way and start not in done:
            to = next(branches[-1], None)
            if to is None:
                done.add(way.pop())
                branches.pop()
            elif to in way:
                if to != way[-1]:  # a service that calls itself is told where it does
                    return way[way.index(to) :]
            elif to in calls and to not in done:
                way.append(to)
                branches.append(iter(calls[to]))
    return []


def _request_problems(scenario: Scenario) -> Iterator[FieldError]:
    """Calls need single requests on both sides."""
    called = called_services(scenario)
    binned = bins_of(scenario)
    fluid = {each.service: index for index, each in enumerate(scenario.workload) if each.load is not None}
    for name, service in scenario.services.items():
        if not service.calls and name not in called:
            continue
        role = "calls others" if service.calls else "is called by others"
        if name in binned:
            text = f"`{name}` {role}, and the binned tier has no single requests"
            yield FieldError(text, hint="give it `fidelity: exact`", at=["services", name])
        if name in fluid:
            text = f"`{name}` {role}, and a fluid load has no requests"
            hint = "give it a workload of requests, such as `rate: 8/s`"
            yield FieldError(text, hint=hint, at=["workload", fluid[name], "load"])

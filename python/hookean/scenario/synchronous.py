"""Synchronous calls: which services they join together, and what these cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fields import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Scenario


def most_attempts(scenario: Scenario, name: str) -> int:
    """Returns how often a request of a service is tried at most.

    Args:
        scenario: The scenario.
        name: Name of the service.
    """
    outside = [each.retry for each in scenario.workload if each.service == name]
    calls = [call.retry for service in scenario.services.values() for call in service.calls if name in call.to]
    return max((retry.attempts for retry in [*outside, *calls] if retry is not None), default=1)


def joined_services(scenario: Scenario) -> set[str]:
    """Returns the services that synchronous calls join to others: what happens in one depends on the other, both ways.

    Args:
        scenario: The scenario, whose calls lead to services that are there.
    """
    names = scenario.services
    awaited: set[str] = set()
    while True:  # those whose answers are waited for by somebody who is held, directly or not
        more = {
            to
            for name, service in names.items()
            for call in service.calls
            for to in call.to
            if call.hold or (name in awaited and call.wait_for != "none")
        }
        if more <= awaited:
            break
        awaited |= more
    ways: dict[str, set[str]] = {name: set() for name in names}
    for name, service in names.items():
        for call in service.calls:
            for to in call.to:
                ways[name].add(to)
                if to in ways and (call.hold or (name in awaited and call.wait_for != "none")):
                    ways[to].add(name)
    if not awaited:
        return set()
    reached = {name: _reached(ways, name) for name in names}
    return {name for name in names if any(name in reached.get(to, ()) for to in reached[name] - {name})}


def _reached(ways: dict[str, set[str]], start: str) -> set[str]:
    found, open_ = {start}, [start]
    while open_:
        for to in ways.get(open_.pop(), set()) - found:
            found.add(to)
            open_.append(to)
    return found


def synchronous_problems(scenario: Scenario) -> Iterator[FieldError]:
    """Finds what services that hold places, or are joined to such, cannot do.

    Args:
        scenario: The scenario.
    """
    joined = joined_services(scenario)
    if not joined:
        return
    for name in sorted(joined):
        if scenario.services[name].queue.when_full == "push_out":
            text = f"a full queue of `{name}` pushes requests out that others may be held for"
            hint = "take `when_full: reject`, or calls without `hold`"
            yield FieldError(text, hint=hint, at=["services", name, "queue", "when_full"])
    holders = {name for name, service in scenario.services.items() if any(call.hold for call in service.calls)}
    for index, fault in enumerate(scenario.faults):
        service = getattr(fault, "service", None)
        if getattr(fault, "requests", None) == "requeued" and (service is None or service in holders):
            holder = service or min(holders)
            text = f"requests of `{holder}` that are held would be sent back and make their calls twice"
            hint = "take `requests: lost`, with a `retry` where they come from"
            yield FieldError(text, hint=hint, at=["faults", index, "requests"])

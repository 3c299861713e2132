"""Calls between services, as the plan writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookean.scenario.provenance import Fixed, Known, known

from .callers import retry_tree

if TYPE_CHECKING:
    from hookean.scenario.calls import Call
    from hookean.scenario.model import Scenario

_AT_ONCE = {"distribution": "constant", "value_ns": 0}


def calls_trees(scenario: Scenario, names: list[str]) -> list[dict[str, Any]]:
    """Returns all calls as the plan writes them, with provenance, by the calling service.

    Args:
        scenario: The scenario.
        names: The services of the plan, in order.
    """
    place = {name: index for index, name in enumerate(names)}
    return [
        {"label": Fixed(f"{name}.{index}")} | _call(call, name, place)
        for name in names
        for index, call in enumerate(scenario.services[name].calls)
    ]


def _wait_plan(wait_for: int | str) -> dict[str, Any]:
    if isinstance(wait_for, int):
        return {"wait": "some", "count": wait_for}
    return (
        {"wait": "some", "count": 1} if wait_for == "first" else {"wait": {"none": "nothing"}.get(wait_for, wait_for)}
    )


def _call(call: Call, name: str, place: dict[str, int]) -> dict[str, Any]:
    return {
        "service": Fixed(place[name]),
        "to": Fixed(sorted(place[to] for to in call.to)),
        "probability": known(call, "probability", value=float(call.probability)),
        "copies": known(call, "copies", value=call.copies),
        "hold": known(call, "hold", value=call.hold, text="yes" if call.hold else "no"),
        "delay": Known(_AT_ONCE, "none", "assumed", "calls arrive at once")
        if call.delay is None
        else Known(call.delay.plan(), call.delay.describe(), "user", "scenario"),
        "wait_for": known(call, "wait_for", value=_wait_plan(call.wait_for)),
        "retry": Fixed(None) if call.retry is None else retry_tree(call.retry),
        "deadline_ns": Fixed(None) if call.deadline is None else known(call, "deadline", value=call.deadline.nanos),
    }

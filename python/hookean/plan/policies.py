"""The policies written in Python of a plan: which class, which object decides for which services."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hookean.policies.registry import FoundPolicy, find
from hookean.scenario.fields import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookean.policies.python import PythonPolicy
    from hookean.policies.runner import Seat
    from hookean.scenario.service import Service


@dataclass
class _Instance:
    number: int
    found: FoundPolicy
    controller: PythonPolicy
    controllers: list[int] = field(default_factory=list)
    services: list[str] = field(default_factory=list)


class Policies:
    """Collects the policies of a plan.

    A `decide` gets an object for each controller. A `decide_all` gets one for all controllers with the same parameters
    and the same clock: the same first tick and period.

    Args:
        folder: Where modules are looked for first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._instances: dict[tuple[Any, ...], _Instance] = {}
        self._instance_of: dict[int, _Instance] = {}

    def add(self, index: int, controller: PythonPolicy, service: Service) -> None:
        """Finds the policy of a controller.

        Args:
            index: Place of the controller in the plan.
            controller: The controller.
            service: Its service.

        Raises:
            FieldError: There is no such policy, or it does not fit; the path is below the controller.
            PolicyError: Its module cannot be imported.
        """
        try:
            found = find(controller.policy, self._folder)
        except FieldError as problem:
            raise FieldError(problem.message, hint=problem.hint, at=["policy"]) from None
        controller.check_use(found)
        if "memory" in found.declaration.metrics and not service.replica.describes_memory:
            raise FieldError(
                f"nothing says how much memory a replica of `{controller.service}` uses, which `{found.name}` reads",
                hint="set `memory_idle` or `memory_per_request` of the replica",
            )
        key: tuple[Any, ...] = (index,)
        if found.batched:
            parameters = json.dumps(controller.parameters, sort_keys=True)
            key = (found.cls, parameters, service.start.nanos, controller.period.nanos)
        instance = self._instances.setdefault(key, _Instance(len(self._instances), found, controller))
        if instance.services[-1:] == [controller.service]:
            raise FieldError(
                f"service `{controller.service}` is given twice to the same `decide_all` of `{found.name}`",
                hint="remove one of the two controllers",
            )
        instance.controllers.append(index)
        instance.services.append(controller.service)
        self._instance_of[id(controller)] = instance

    def config(self, controller: PythonPolicy) -> dict[str, Any]:
        """Returns the configuration of a controller that was added, with provenance.

        Args:
            controller: The controller.
        """
        instance = self._instance_of[id(controller)]
        return controller.policy_config(instance.found, instance.number)

    def seats(self) -> tuple[Seat, ...]:
        """Returns who decides for whom."""
        if not self._instances:
            return ()
        from hookean.policies.runner import Seat  # noqa: PLC0415 (imports numpy)

        return tuple(
            Seat(each.found, each.controller.parameters, tuple(each.controllers), tuple(each.services))
            for each in self._instances.values()
        )

    def warnings(self) -> Iterator[str]:
        """Says which policies the digest of the plan cannot tell from other versions of themselves."""
        for name in dict.fromkeys(each.found.name for each in self._instances.values() if not each.found.source_sha256):
            yield f"policy `{name}` has no source that can be read: the plan's digest covers only name and parameters"

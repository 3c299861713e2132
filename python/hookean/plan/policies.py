"""The policies written in Python of a plan: which class, which object decides for which services."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hookean.policies.registry import FoundPolicy, find
from hookean.scenario.fields import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hookean.policies.python import PythonNodePolicy, PythonPolicy
    from hookean.policies.runner import Seat
    from hookean.scenario.service import Service


@dataclass
class _Instance:
    number: int
    found: FoundPolicy
    parameters: dict[str, Any]
    clock: tuple[int, int] | None = None
    controllers: list[int] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    node_controllers: list[int] = field(default_factory=list)
    pools: list[str] = field(default_factory=list)


class Policies:
    """Collects the policies of a plan.

    Controllers with the same `share` get one object. Of the others, a `decide` or `decide_nodes` gets an object for
    each controller, and a `decide_all` one for all controllers with the same parameters and the same clock: the same
    first tick and period.

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
        found = self._found(controller)
        if not found.for_replicas:
            raise FieldError(
                f"`{found.name}` decides for nodes only, and `{controller.service}` is a service",
                hint="give it a `pool`, or the class a method `decide`",
                at=["policy"],
            )
        controller.check_use(found)
        if "memory" in found.declaration.metrics and not service.replica.describes_memory:
            raise FieldError(
                f"nothing says how much memory a replica of `{controller.service}` uses, which `{found.name}` reads",
                hint="set `memory_idle` or `memory_per_request` of the replica",
            )
        clock = (service.start.nanos, controller.period.nanos)
        instance = self._instance(controller, found, (*clock,) if found.batched else (index,))
        if found.batched:
            _check_batch(instance, controller, clock)
        instance.controllers.append(index)
        instance.services.append(controller.service)

    def add_nodes(self, index: int, controller: PythonNodePolicy) -> None:
        """Finds the policy of a controller of nodes.

        Args:
            index: Place of the controller among those of nodes in the plan.
            controller: The controller.

        Raises:
            FieldError: As `add`.
            PolicyError: As `add`.
        """
        found = self._found(controller)
        if not found.for_nodes:
            raise FieldError(
                f"`{found.name}` decides for replicas only, and `{controller.pool}` is a pool of nodes",
                hint="give it a `service`, or the class a method `decide_nodes`",
                at=["policy"],
            )
        controller.check_use(found)
        instance = self._instance(controller, found, ("pool", index))
        instance.node_controllers.append(index)
        instance.pools.append(controller.pool)

    def _found(self, controller: PythonPolicy | PythonNodePolicy) -> FoundPolicy:
        try:
            return find(controller.policy, self._folder)
        except FieldError as problem:
            raise FieldError(problem.message, hint=problem.hint, at=["policy"]) from None

    def _instance(
        self, controller: PythonPolicy | PythonNodePolicy, found: FoundPolicy, own: tuple[Any, ...]
    ) -> _Instance:
        """The object that decides: the one that is shared, or that of controllers with an equal `own`."""
        parameters = json.dumps(controller.parameters, sort_keys=True)
        key = (found.cls, parameters, *own) if controller.share is None else ("share", controller.share)
        instance = self._instances.setdefault(key, _Instance(len(self._instances), found, controller.parameters))
        if instance.found.cls is not found.cls or json.dumps(instance.parameters, sort_keys=True) != parameters:
            raise FieldError(
                f"`share: {controller.share}` is of two policies, or of one with different parameters",
                hint="take another name, or the same `policy` and `parameters`",
                at=["share"],
            )
        self._instance_of[id(controller)] = instance
        return instance

    def config(self, controller: PythonPolicy | PythonNodePolicy) -> dict[str, Any]:
        """Returns the configuration of a controller that was added, with provenance.

        Args:
            controller: The controller.
        """
        instance = self._instance_of[id(controller)]
        return controller.policy_config(instance.found, instance.number)

    def move(self, places: Mapping[int, int]) -> None:
        """Takes note that controllers have other places in the plan: groups before them have been taken apart.

        Args:
            places: The new place of each controller of a single service.
        """
        for each in self._instances.values():
            each.controllers = [places[index] for index in each.controllers]

    def seats(self) -> tuple[Seat, ...]:
        """Returns who decides for whom."""
        if not self._instances:
            return ()
        from hookean.policies.runner import Seat  # noqa: PLC0415 (imports numpy)

        return tuple(
            Seat(
                each.found,
                each.parameters,
                tuple(each.controllers),
                tuple(each.services),
                tuple(each.node_controllers),
                tuple(each.pools),
            )
            for each in self._instances.values()
        )

    def warnings(self) -> Iterator[str]:
        """Says which policies the digest of the plan cannot tell from other versions of themselves."""
        for name in dict.fromkeys(each.found.name for each in self._instances.values() if not each.found.source_sha256):
            yield f"policy `{name}` has no source that can be read: the plan's digest covers only name and parameters"


def _check_batch(instance: _Instance, controller: PythonPolicy, clock: tuple[int, int]) -> None:
    """Checks that a `decide_all` can decide for another service in the same call."""
    name = instance.found.name
    if instance.services[-1:] == [controller.service]:
        raise FieldError(
            f"service `{controller.service}` is given twice to the same `decide_all` of `{name}`",
            hint="remove one of the two controllers",
        )
    if instance.clock not in (None, clock):
        raise FieldError(
            f"`share: {controller.share}`: a `decide_all` decides for all its services at once, and "
            f"`{controller.service}` has another clock",
            hint="give its services the same `start` and the controllers the same `period`, or use `decide`",
            at=["share"],
        )
    instance.clock = clock

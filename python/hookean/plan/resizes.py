"""The resizes of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookean.scenario.fields import FieldError
from hookean.scenario.provenance import Fixed, Known
from hookean.scenario.units import Cpu

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hookean.scenario.resize import Resize
    from hookean.scenario.service import Service


def resize_tree(resize: Resize, services: Sequence[str]) -> dict[str, Any]:
    """Returns a resize as the plan writes it, with provenance.

    Args:
        resize: The resize as written.
        services: Names of the services in the order of the plan.
    """
    return {
        "service": Fixed(services.index(resize.service)),
        "at_ns": Known(resize.at.nanos, str(resize.at), "user", "scenario"),
        "cpu_millicores": Known(resize.cpu.millicores, str(resize.cpu), "user", "scenario"),
    }


def check_resize(resize: Resize, services: Mapping[str, Service], largest: int | None) -> None:
    """Checks that a resize is of a single service, and that some node has room for what its replicas become.

    Args:
        resize: The resize as written.
        services: The services by name.
        largest: CPU that a node has for replicas at most, in millicores; `None` in a fleet.

    Raises:
        FieldError: It is not, or none has.
    """
    if services[resize.service].count is not None:
        hint = "write the service without `count`"
        raise FieldError(f"`{resize.service}` is a group of services", hint=hint, at=["service"])
    if largest is None:
        text = f"a replica of `{resize.service}` is a machine of a fleet: its CPU is that of its kind"
        raise FieldError(text, hint="resize replicas on a platform with pools of nodes", at=["service"])
    if resize.cpu.millicores > largest:
        raise FieldError(
            f"no node has {resize.cpu} for a replica", hint=f"the largest has {Cpu(largest)} left", at=["cpu"]
        )

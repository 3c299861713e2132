"""Replications: the plan of a scenario that says the same as the one before it, but for the seed.

Whoever wants an interval runs a scenario with many seeds, and resolving a small one takes as long as ten thousand
requests. So the plan of the last scenario is kept, and with it what that scenario said, as JSON of the fields that were
given: defaults belong to the program. Only small scenarios are kept whose plan depends on nothing else; whether there
is memory for a run that needs much is asked anew each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookean.memory import SMALL_BYTES
from hookean.scenario.sharing import FEW

from .resolve import resolve

if TYPE_CHECKING:
    from hookean.scenario.model import Scenario

    from .plan import Plan

_MOST_BYTES = 1 << 18
"""Of arrays in a plan that is kept."""


class Replications:
    """Resolves scenarios, and remembers the last one."""

    def __init__(self) -> None:
        self._last: tuple[tuple[str, bool], Plan] | None = None

    def resolve(self, scenario: Scenario, *, streamed: bool) -> Plan:
        """Returns the plan of a scenario, as the function `resolve` does. Nobody may change what is in it.

        Args:
            scenario: The scenario.
            streamed: Whether rows will be written to a folder while the run goes on.

        Raises:
            HookeanError: As the function `resolve`.
            FileNotFoundError: Likewise.
        """
        if not _stands_alone(scenario):
            return resolve(scenario, streamed=streamed)
        key = (scenario.model_dump_json(exclude={"seed"}, exclude_unset=True, warnings=False), streamed)
        last = self._last  # read once: another thread may replace it
        if last is not None and last[0] == key:
            return last[1].with_seed(scenario.seed)
        plan = resolve(scenario, streamed=streamed)
        if plan.kept_bytes <= SMALL_BYTES and sum(array.nbytes for array in plan.f64_arrays) <= _MOST_BYTES:
            self._last = (key, plan)
        return plan


def _stands_alone(scenario: Scenario) -> bool:
    """Whether a scenario is small, and its plan depends neither on files nor on classes of the user."""
    services = scenario.services.values()
    return (
        len(services) <= FEW
        and all(service.count is None for service in services)
        and all(each.trace is None and each.requests is None for each in scenario.workload)
        and all(each.kind != "python" for each in scenario.controllers)
    )

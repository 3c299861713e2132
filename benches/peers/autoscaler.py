"""The scaling rule of the autoscaled day, for the peers: what a Kubernetes HPA does with a per-pod request rate.

    wanted = ceil(completed requests per second / target), held up by the largest wish of the last `memory_s`

with the corrections of the HPA for replicas that are starting (they count as idle when the load is above the target,
not at all below it) and for those that became ready this very moment and have no metric yet (idle above the target, on
target below it). Sources: Kubernetes `pkg/controller/podautoscaler/replica_calculator.go` (calcPlainMetricReplicas) and
`horizontal.go` (stabilizeRecommendation, calculateScaleUpLimit). hookean runs its own HPA on the same numbers.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs import Day


class Autoscaler:
    """The rule and its memory.

    Attributes:
        ready: Replicas that take requests.
        replica_seconds: Ready replicas integrated over time, up to the last tick.
        limited: How often the legacy scale-up limit, max(2 x current, 4), changed a decision.
    """

    def __init__(self, day: Day) -> None:
        self._day = day
        self._starting: deque[float] = deque()
        self._wishes: deque[tuple[float, int]] = deque()
        self.ready = day.first_replicas
        self.replica_seconds = 0.0
        self.limited = 0

    def tick(self, now: float, completed: int) -> int:
        """Decides once.

        Args:
            now: Time of the tick, seconds.
            completed: Requests that the ready replicas completed since the last tick.

        Returns:
            Replicas that begin to serve now (positive), or ready ones that have to drain (negative).
        """
        self.replica_seconds += self.ready * self._day.tick_s
        fresh = sum(at <= now for at in self._starting)
        wanted = self._limited(self._held_up(now, self._wish(completed, fresh)))
        surplus = self.ready + len(self._starting) - wanted
        while surplus > 0 and self._starting:
            self._starting.pop()
            surplus -= 1
        self._starting.extend([now + self._day.startup_s] * -surplus)
        change = 0
        while self._starting and self._starting[0] <= now:
            self._starting.popleft()
            change += 1
        change -= max(surplus, 0)
        self.ready += change
        return change

    def _wish(self, completed: int, fresh: int) -> int:
        """Returns the replicas that the metric asks for; `fresh` ones have no metric yet."""
        target, current = self._day.target_milli, self.ready + len(self._starting)
        total = 1000 * completed / self._day.tick_s
        ratio = total // self.ready / target
        unready = len(self._starting) - fresh
        counted = self.ready
        if ratio < 1:
            counted, total = counted + fresh, total + fresh * target
        elif ratio > 1:
            counted += fresh + unready
        adjusted = total // counted / target
        if adjusted == 1 or (ratio < 1 < adjusted) or (adjusted < 1 < ratio):
            return current
        wish = math.ceil(adjusted * counted)
        reversed_ = (adjusted < 1 and wish > current) or (adjusted > 1 and wish < current)
        return current if counted != self.ready and reversed_ else wish

    def _held_up(self, now: float, wish: int) -> int:
        if not self._wishes:
            self._wishes.append((now, self.ready + len(self._starting)))
        while self._wishes and self._wishes[0][0] < now - self._day.memory_s:
            self._wishes.popleft()
        self._wishes.append((now, wish))
        return max(past for _, past in self._wishes)

    def _limited(self, wanted: int) -> int:
        limit = max(2 * (self.ready + len(self._starting)), 4)
        self.limited += wanted > limit
        return min(max(wanted, self._day.smallest), limit, self._day.largest)

"""The Kubernetes Horizontal Pod Autoscaler once more, in Python: CPU utilisation, with or without a behaviour block.

It decides as the native `hpa` does, tick for tick (`tests/unit/test_policies_hpa_in_python.py` holds it to that), and
shows what a policy can see. Take it as a beginning for an autoscaler of your own; for an HPA, use `kind: hpa`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hookean.policies import policy

if TYPE_CHECKING:
    from hookean.policies import Observation, ReplicaObservation

SECOND = 1_000_000_000
TOLERANCE = 0.1
CPU_INITIALIZATION_NS = 300 * SECOND
READINESS_DELAY_NS = 30 * SECOND
DOWNSCALE_WINDOW_NS = 300 * SECOND
RATE_PERIOD_NS = 15 * SECOND


@policy("hpa-in-python", metrics=("cpu",), sees_replicas=True)
class HpaInPython:
    """The HPA for one CPU target.

    Args:
        utilization: Target in percent of the request.
        behavior: Whether it has a behaviour block, left empty: no stabilisation and up to 4 pods or 100 % per 15 s on
            the way up, 5 min of stabilisation and up to 100 % per 15 s on the way down. Without, the legacy limits
            apply.
    """

    def __init__(self, *, utilization: int = 80, behavior: bool = False) -> None:
        self.utilization = utilization
        self.behavior = behavior
        self.recommended: list[tuple[int, int]] | None = None  # (time, replicas)
        self.grown: list[tuple[int, int]] = []  # (time, change)
        self.shrunk: list[tuple[int, int]] = []

    def decide(self, obs: Observation) -> tuple[int, str]:
        """Reconciles once."""
        result, reason = self.reconcile(obs)
        if self.behavior and result != obs.desired:
            events = self.grown if result > obs.desired else self.shrunk
            events.append((obs.time_ns, abs(result - obs.desired)))
        return result, reason

    def reconcile(self, obs: Observation) -> tuple[int, str]:
        """Returns the new count and why; the count stays when there is nothing to go by."""
        if obs.desired == 0:
            return 0, "scaled to zero by somebody else"
        if not obs.min <= obs.desired <= obs.max:
            return min(max(obs.desired, obs.min), obs.max), "the count is outside of its bounds"
        proposal = self.propose(obs)
        if proposal is None:
            return obs.desired, "no pod has a usable sample"
        if self.recommended is None:
            self.recommended = [(obs.time_ns, obs.desired)]
        limit = self.limited_by_behavior if self.behavior else self.limited_by_legacy
        result = limit(obs, proposal)
        self.recommended = [entry for entry in self.recommended if entry[0] >= obs.time_ns - DOWNSCALE_WINDOW_NS]
        self.recommended.append((obs.time_ns, proposal))
        return result, f"CPU asks for {proposal}, the limits leave {result}"

    def propose(self, obs: Observation) -> int | None:
        """Returns what the metric asks for, before stabilisation and limits."""
        request = obs.cpu_millicores
        ready, unready, missing, usage = 0, 0, 0, 0
        for pod in obs.replicas:
            if pod.leaving:
                continue
            if not pod.running or (pod.cpu is not None and is_unready(pod, obs.time_ns)):
                unready += 1
            elif pod.cpu is None:
                missing += 1
            else:
                ready += 1
                usage += pod.cpu.value_milli
        if ready == 0:
            return None
        ratio = self.ratio(usage, request * ready)
        if missing == 0 and not (unready and ratio > 1):
            return obs.desired if within_tolerance(ratio) else math.ceil(ratio * ready)
        counted = ready
        if ratio < 1:
            usage += missing * (request * max(self.utilization, 100) // 100)
            counted += missing
        elif ratio > 1:
            counted += missing + unready
        adjusted = self.ratio(usage, request * counted)
        turned = (ratio < 1 < adjusted) or (adjusted < 1 < ratio)
        if turned or within_tolerance(adjusted):
            return obs.desired
        replicas = math.ceil(adjusted * counted)
        reversed_ = (adjusted < 1 and replicas > obs.desired) or (adjusted > 1 and replicas < obs.desired)
        return obs.desired if reversed_ else replicas

    def ratio(self, usage: int, request: int) -> float:
        """Returns utilisation over target, both in whole percent, as the original computes it."""
        return (usage * 100 // request) / self.utilization

    def limited_by_legacy(self, obs: Observation, proposal: int) -> int:
        """The largest recommendation of the window, at most doubled (or 4)."""
        since = obs.time_ns - DOWNSCALE_WINDOW_NS
        stable = max([proposal, *(count for at, count in self.recommended or () if at >= since)])
        if stable < obs.min:
            return obs.min
        return min(stable, obs.max, max(2 * obs.desired, 4))

    def limited_by_behavior(self, obs: Observation, proposal: int) -> int:
        """Stabilised downwards only, then held to the rate of its direction."""
        current = obs.desired
        since = obs.time_ns - DOWNSCALE_WINDOW_NS
        highest = max([proposal, *(count for at, count in self.recommended or () if at > since)])
        stable = min(max(current, proposal), highest)
        recent = obs.time_ns - RATE_PERIOD_NS
        grown = sum(change for at, change in self.grown if at > recent)
        shrunk = sum(change for at, change in self.shrunk if at > recent)
        base = current - grown + shrunk
        if stable > current:
            return min(stable, obs.max, max(base + 4, math.ceil(base * 2.0), current))
        if stable < current:
            return max(stable, obs.min, min(0, current))
        return current


def is_unready(pod: ReplicaObservation, now_ns: int) -> bool:
    """Tells whether the CPU of a running pod does not count yet."""
    if pod.placed_ns is None or pod.ready_changed_ns is None or pod.cpu is None:
        return True
    if pod.placed_ns + CPU_INITIALIZATION_NS > now_ns:
        return not pod.ready or pod.cpu.time_ns < pod.ready_changed_ns + pod.cpu.window_ns
    return not pod.ready and pod.placed_ns + READINESS_DELAY_NS > pod.ready_changed_ns


def within_tolerance(ratio: float) -> bool:
    """Tells whether a ratio is too near to 1 for a change."""
    return 1 - TOLERANCE <= ratio <= 1 + TOLERANCE

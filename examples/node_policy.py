"""Nodes for what replicas request, with head room: a policy for a pool whose size changes."""

import math

from hookean.policies import NodeObservation, policy


@policy("head-room")
class HeadRoom:
    """As many nodes as hold `1 + spare` times the CPU that replicas request, those that wait for room included."""

    def __init__(self, spare: float = 0.2) -> None:
        self.spare = spare

    def decide_nodes(self, obs: NodeObservation) -> tuple[int, str]:
        """Returns the nodes wanted, and why."""
        requested = obs.requested_cpu_millicores + obs.pending_cpu_millicores
        wanted = math.ceil(requested * (1 + self.spare) / obs.node_cpu_millicores)
        return wanted, f"{requested / 1000:g} cores requested, {obs.pending} replicas wait for room"

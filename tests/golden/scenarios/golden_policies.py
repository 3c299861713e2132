"""The policies of `python-policies.yaml` and `node-policy.yaml`."""

import math

import numpy as np

from hookean.policies import policy


class TogetherAtHalf:
    """CPU at half of the request, a little chance in it, for all services at once."""

    def begin(self, setup):
        self.random = setup.random

    def decide_all(self, obs):
        wanted = np.ceil(obs.ready * obs.cpu_ratio / 0.5 + 0.2 * self.random.random(len(obs.services)))
        return np.where(np.isnan(wanted), obs.desired, np.maximum(wanted, obs.desired - 1)), "CPU at half"


@policy("requests-per-replica", metrics=("requests", "cpu"))
class RequestsPerReplica:
    """As many replicas as their requests need."""

    def __init__(self, *, rps):
        self.rps = rps

    def decide(self, obs):
        if math.isnan(obs.requests_rps):
            return obs.desired
        return math.ceil(obs.requests_rps * obs.ready / self.rps)


class BothAtOnce:
    """CPU at 60 % of the request, and nodes for what replicas request and for those that it has just asked for."""

    def __init__(self):
        self.more = 0

    def decide(self, obs):
        if math.isnan(obs.cpu_ratio):
            return obs.desired
        wanted = max(math.ceil(obs.ready * obs.cpu_ratio / 0.6), obs.desired - 1)
        self.more = max(wanted - obs.desired, 0) * obs.cpu_millicores
        return wanted

    def decide_nodes(self, obs):
        cpu = obs.requested_cpu_millicores + obs.pending_cpu_millicores + self.more // 2
        return math.ceil(1.1 * cpu / obs.node_cpu_millicores), f"{cpu} millicores"


class TwoAtNoon:
    """Two nodes in the middle third, none before and after."""

    def decide_nodes(self, obs):
        return 2 if 600 <= obs.time_ns // 10**9 < 1200 else 0

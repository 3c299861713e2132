"""The policies of `python-policies.yaml`."""

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
